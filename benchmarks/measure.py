"""Figures of benchmarks, with targets, and timing: the best of several, or in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what was measured.
        value: the figure.
        unit: "s", "x" (a ratio), "%", "steps/s".
        target: what it is held against, or None.
        sense: whether it should be "at least" or "at most" the target.
        note: how it came about.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    sense: str = "at most"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.sense == "at least" else self.value <= self.target


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, once."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_turns(works: Sequence[Callable[[], float]], rounds: int = 5) -> list[float]:
    """The median rate of each, measured in turns so that drifting speed affects all alike.

    Args:
        works: each returns a rate (per second) or a duration.
        rounds: how often each is measured.
    """
    measured: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for taken, work in zip(measured, works, strict=True):
            taken.append(work())
    return [median(taken) for taken in measured]
