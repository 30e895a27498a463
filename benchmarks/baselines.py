"""Agents of Stable-Baselines3 in our labs against its own `learn`.

Both use the same algorithm, options, environment and number of steps.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import gymnasium
import torch

import envs  # noqa: F401 - registers the environments
from benchmarks.measure import Figure, in_turns
from sandbox.config.resolve import resolve
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.seeding import Generators

CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "sb3-dqn": (
        6000,
        {"buffer_size": 50_000, "learning_starts": 100, "net_arch": (64, 64), "n_envs": 1},
    ),
    "sb3-ppo": (8192, {"n_steps": 256, "n_envs": 4, "net_arch": (64, 64)}),
    "sb3-a2c": (8000, {"n_envs": 4, "net_arch": (64, 64)}),
}
"""Steps, and options. Stable-Baselines3 steps its environments one after the other, we step all in
one NumPy step."""


def ours(name: str, steps: int, options: dict[str, Any]) -> float:
    """Steps per second of a run's experiment: everything but pictures, evaluations included."""
    lab = registry().lab("maze")
    plain = registry().load("agent", name).Config
    given = {**plain().model_dump(), **options, "total_timesteps": steps}
    config = resolve(lab.Config, [{"agent": {"name": name, **given}}], "benchmark")
    experiment = lab.build(config, Context(0, Generators(0), None))  # type: ignore[arg-type]
    begun = time.perf_counter()
    while not experiment.done:
        experiment.advance()
    return float(experiment.env_steps) / (time.perf_counter() - begun)


def theirs(name: str, steps: int, options: dict[str, Any]) -> float:
    """Steps per second of the algorithm's own `learn`."""
    from stable_baselines3.common.env_util import make_vec_env

    given = dict(options)
    count, widths = given.pop("n_envs"), list(given.pop("net_arch"))
    env = make_vec_env(lambda: gymnasium.make("sandbox/Maze-v0"), n_envs=count, seed=0)
    torch.set_num_threads(1)
    algorithm = registry().load("agent", name).algorithm
    model = algorithm(
        "MlpPolicy", env, policy_kwargs={"net_arch": widths}, device="cpu", seed=0, **given
    )
    begun = time.perf_counter()
    model.learn(steps)
    return float(model.num_timesteps) / (time.perf_counter() - begun)


def measure(quick: bool) -> list[Figure]:
    """The ratios, each measured in turns."""
    threads, figures = torch.get_num_threads(), []
    for name, (steps, options) in CASES.items():
        length = steps // 4 if quick else steps
        mine, other = in_turns(
            [partial(ours, name, length, options), partial(theirs, name, length, options)],
            3 if quick else 5,
        )
        note = f"{mine:,.0f} steps/s against {other:,.0f}"
        figures.append(
            Figure(
                f"{name} in a lab against its own learn", mine / other, "x", 0.95, "at least", note
            )
        )
    steps, options = CASES["sb3-a2c"]
    counted, plain = in_turns(
        [
            partial(ours, "sb3-a2c", steps, {**options, "count_bonus": bonus})
            for bonus in (1.0, 0.0)
        ],
        3 if quick else 5,
    )
    note = f"{counted:,.0f} steps/s against {plain:,.0f}"
    figures.append(
        Figure("sb3-a2c with a count bonus", counted / plain, "x", 0.9, "at least", note)
    )
    torch.set_num_threads(threads)
    return figures
