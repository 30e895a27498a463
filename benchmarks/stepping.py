"""env.step of the maze, unwrapped, against Gymnasium's FrozenLake-v1."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium

import envs  # noqa: F401 - registers the environments
from benchmarks.measure import Figure, in_turns


def stepping(make: Callable[[], Any], steps: int) -> Callable[[], float]:
    """Steps per second, with a reset whenever an episode ends."""

    def once() -> float:
        env = make().unwrapped
        env.reset(seed=0)
        actions = [(7 * number) % int(env.action_space.n) for number in range(steps)]
        begun = time.perf_counter()
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return steps / (time.perf_counter() - begun)

    return once


def measure(quick: bool) -> list[Figure]:
    """The rates and their ratio."""
    steps = 20_000 if quick else 200_000
    ours, slippery, frozen = in_turns(
        [
            stepping(lambda: gymnasium.make("sandbox/Maze-v0"), steps),
            stepping(lambda: gymnasium.make("sandbox/Maze-v0", slip=0.2), steps),
            stepping(lambda: gymnasium.make("FrozenLake-v1"), steps // 4),
        ]
    )
    return [
        Figure("env.step of the maze", ours, "steps/s"),
        Figure("env.step of the slippery maze against FrozenLake-v1", slippery / frozen, "x"),
        Figure(
            "env.step of the maze against FrozenLake-v1",
            ours / frozen,
            "x",
            8,
            "at least",
            f"FrozenLake: {frozen:,.0f} steps/s",
        ),
    ]
