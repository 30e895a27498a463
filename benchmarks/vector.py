"""Stepping 4096 mazes at once against Gymnasium's SyncVectorEnv of as many FrozenLake-v1."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

import envs  # noqa: F401 - registers the environments
from benchmarks.measure import Figure, in_turns

COUNT = 4096


def stepping(env: Any, calls: int) -> Callable[[], float]:
    """Steps of sub-environments per second, with random actions; reset calls are excluded."""
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(env.single_action_space.n, size=(64, env.num_envs))
    env.step(actions[0])  # creates generators, draws blocks of numbers

    def once() -> float:
        env.reset()
        begun, steps, over = time.perf_counter(), 0, 0
        for call in range(calls):
            _, _, terminated, truncated, _ = env.step(actions[call % len(actions)])
            steps += env.num_envs - over
            over = int(np.count_nonzero(terminated | truncated))
        return steps / (time.perf_counter() - begun)

    return once


def mazes(**options: Any) -> Any:
    """Our environments, made as anyone makes them."""
    return gymnasium.make_vec(
        "sandbox/Maze-v0", num_envs=COUNT, vectorization_mode="vector_entry_point", **options
    )


def measure(quick: bool) -> list[Figure]:
    """The rates and their ratios."""
    calls, rounds = (500, 3) if quick else (3000, 5)
    frozen_lakes = gymnasium.make_vec("FrozenLake-v1", num_envs=COUNT, vectorization_mode="sync")
    works = [
        stepping(mazes(), calls),
        stepping(mazes(slip=0.2), calls),
        stepping(mazes(slip=0.2, random_start=True, autoreset_mode="SameStep"), calls),
        stepping(frozen_lakes, 10 if quick else 20),
    ]
    ours, slippery, random_starts, frozen = in_turns(works, rounds)
    note = f"FrozenLake: {frozen:,.0f} steps/s"
    return [
        Figure(f"{COUNT} mazes in one step", ours, "steps/s"),
        Figure(f"{COUNT} slippery mazes in one step", slippery, "steps/s"),
        Figure("the same with random starts, reset in the same step", random_starts, "steps/s"),
        Figure(
            "mazes against SyncVectorEnv of FrozenLake-v1",
            ours / frozen,
            "x",
            200,
            "at least",
            note,
        ),
        Figure(
            "slippery mazes against SyncVectorEnv of FrozenLake-v1",
            slippery / frozen,
            "x",
            200,
            "at least",
            note,
        ),
    ]
