"""How much of a run's time is not learning.

It goes to metrics of every episode, checkpoints, evaluation, progress, and last the pictures.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

from agents.tabular.rules.one_step import Sarsa
from benchmarks.measure import Figure
from sandbox.cli.progress import RunProgress
from sandbox.runs import api
from sandbox.runs.loop import Loop, Settings
from sandbox.store import Store

EPISODES = 4_500_000
"""About 30 s of learning."""


def measure(quick: bool) -> list[Figure]:
    """Time in the compiled loop against the run's, from its folder to its final status."""
    episodes = EPISODES // 10 if quick else EPISODES
    learning: list[float] = []
    pictures: list[float] = []

    original, draw = Sarsa.learn_model, Loop.make_pictures

    def timed(self: Any, *arguments: Any) -> Any:
        begun = time.perf_counter()
        result = original(self, *arguments)
        learning.append(time.perf_counter() - begun)
        return result

    def timed_pictures(self: Any) -> None:
        begun = time.perf_counter()
        draw(self)
        pictures.append(time.perf_counter() - begun)

    Sarsa.learn_model = timed  # type: ignore[method-assign, assignment]
    Loop.make_pictures = timed_pictures  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as store:
            options = {"agent": {"name": "sarsa", "policy": "epsilon-greedy"}, "episodes": episodes}
            api.start(
                api.Request("maze", layers=[{**options, "episodes": 100}]),
                Store(store),
                Settings(pictures=False),
            )
            learning.clear()
            begun = time.perf_counter()
            api.start(
                api.Request("maze", layers=[options]),
                Store(store),
                Settings(observers=[RunProgress()]),
            )
            whole = time.perf_counter() - begun
    finally:
        Sarsa.learn_model, Loop.make_pictures = original, draw  # type: ignore[method-assign]
    loop = whole - sum(pictures)
    return [
        Figure(
            "share of a run that is not learning",
            100 * (1 - sum(learning) / loop),
            "%",
            3.0,
            note=f"{sum(learning):.1f} s of learning, {episodes:,} episodes",
        ),
        Figure(
            "the same with pictures and GIF",
            100 * (1 - sum(learning) / whole),
            "%",
            note=f"{sum(pictures):.2f} s of pictures",
        ),
    ]
