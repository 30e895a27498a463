"""Many seeds together: two cores against one."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Figure, in_turns
from sandbox.lab import Context
from sandbox.runs.api import Request, resolved
from sandbox.runs.work import build
from sandbox.seeding import Generators
from sandbox.store.artifacts import Artifacts


def learning(seeds: int, threads: int) -> Callable[[], float]:
    """Seeds per second of `run maze --seeds N`, bands included, nothing written."""

    def once() -> float:
        _, lab, config = resolved(Request("maze", seeds=seeds))
        with tempfile.TemporaryDirectory() as folder:
            context = Context(0, Generators(0), Artifacts(Path(folder)), threads=threads)
            experiment = build(lab, config, context, seeds)
            begun = time.perf_counter()
            while not experiment.done:
                experiment.advance()
            return seeds / (time.perf_counter() - begun)

    return once


def measure(quick: bool) -> list[Figure]:
    """Rates with one thread and with two, in turns."""
    seeds = 40 if quick else 200
    one, two = in_turns([learning(seeds, 1), learning(seeds, 2)], 3)
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    target = 1.8 if cores >= 2 else None
    return [
        Figure("many seeds, one core", one, "seeds/s"),
        Figure("many seeds, two cores", two, "seeds/s"),
        Figure(
            "many seeds, two cores against one",
            two / one,
            "x",
            target,
            "at least",
            f"{seeds} seeds of 3000 episodes",
        ),
    ]
