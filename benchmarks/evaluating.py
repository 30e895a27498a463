"""Exact evaluations of a compiled agent, the fastest learner: what they take of its learning."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from agents.control.base import POINTS
from benchmarks.measure import Figure
from sandbox.lab import Context
from sandbox.runs.api import Request, resolved
from sandbox.runs.work import build
from sandbox.seeding import Generators
from sandbox.store.artifacts import Artifacts

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "maze": ("maze", {}),
    "empty-grid": ("empty-grid", {}),
    "FrozenLake": ("gym", {"env": "FrozenLake-v1"}),
    "FrozenLake8x8": ("gym", {"env": "FrozenLake8x8-v1"}),
    "Taxi": ("gym", {"env": "Taxi-v4"}),
}
FEWEST = 10_000
"""Env steps of the shortest run that is tried."""
LONG = 1_000_000
"""Env steps of a run that they end."""


def task(lab: str, options: dict[str, Any], steps: int) -> Callable[[], Any]:
    """A function that builds the experiment of Q-learning for so many env steps."""

    def made() -> Any:
        layer = {"agent": "q-learning", "env_steps": steps, **options}
        _, found, config = resolved(Request(lab, layers=[layer]))
        with tempfile.TemporaryDirectory() as folder:
            return build(found, config, Context(0, Generators(0), Artifacts(Path(folder))))

    return made


def cheap(lab: str, options: dict[str, Any]) -> int:
    """The fewest env steps, to a quarter, of which evaluations are a twentieth apart."""
    steps = FEWEST
    while task(lab, options, steps)().every != -(-steps // POINTS):
        steps = steps * 5 // 4
    return steps


def share(made: Callable[[], Any]) -> float:
    """Seconds of evaluation in percent of the seconds of learning, of one run."""
    experiment = made()
    experiment.world.evaluate(experiment.agent)  # compiled, or read from the cache
    while not experiment.done:
        experiment.advance()
    return float(100 * experiment.spent["evaluation_seconds"] / experiment.learned_seconds)


def learning(options: dict[str, Any]) -> tuple[float, int]:
    """Seconds of learning in CliffWalking, whose episodes are far shorter than they may be, and the
    number of episodes."""
    experiment = task("gym", {"env": "CliffWalking-v1", **options}, LONG)()
    while not experiment.done:
        experiment.advance()
    return float(experiment.learned_seconds), experiment.done_units


def ended_by_steps() -> float:
    """Seconds of learning until `LONG` env steps, per second of learning as many episodes."""
    by_steps, episodes = learning({})
    return by_steps / learning({"env_steps": None, "episodes": episodes})[0]


def measure(quick: bool) -> list[Figure]:
    """The share for each task, in the shortest run with evaluations a twentieth apart."""
    figures = []
    for name, (lab, options) in TASKS.items():
        steps = cheap(lab, options)
        value = median(share(task(lab, options, steps)) for _ in range(3 if quick else 9))
        note = f"{POINTS} evaluations in {steps:,} env steps"
        figures.append(Figure(f"exact evaluation, {name}", value, "%", 10, "at most", note))
    ended_by_steps()  # compiled, or read from the cache
    value = median(ended_by_steps() for _ in range(3 if quick else 9))
    return [*figures, Figure("learning ended by env steps", value, "x", 1.5, "at most")]
