"""Schedules of exploration and step size, as pure functions of the episode's number.

A schedule covers an explicit number of episodes, never implicitly the length of a run: its first
episode has `start`, its last has exactly `end`, and all later ones keep `end`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

    Formula = Callable[[float, float, np.ndarray], np.ndarray]
    """A function of two numbers and an array."""


def linear(start: float, end: float, progress: np.ndarray) -> np.ndarray:
    """Equal differences from one episode to the next.

    Args:
        start: value of the first episode.
        end: value of the last episode, and of all later ones.
        progress: float64 [episodes], 0 in the first episode and 1 in the last.

    Returns:
        The value in each episode: float64 [episodes].
    """
    return start + (end - start) * progress


def exponential(start: float, end: float, progress: np.ndarray) -> np.ndarray:
    """Equal ratios from one episode to the next (a geometric series); start and end are above 0."""
    return _powers()(start, end / start, progress)


def harmonic(start: float, end: float, progress: np.ndarray) -> np.ndarray:
    """Equal differences of the reciprocals; start and end are above 0."""
    return start / (1 + (start / end - 1) * progress)


ScheduleName = Literal["constant", "linear", "exponential", "harmonic"]
SCHEDULES: dict[str, Formula] = {
    "linear": linear,
    "exponential": exponential,
    "harmonic": harmonic,
}
"""The schedules that are not constant."""


def values(
    name: str, start: float, end: float, episodes: int, first: int, count: int
) -> np.ndarray:
    """A schedule's values for a range of episodes; splitting the range does not change them.

    Args:
        name: "constant", or a key of `SCHEDULES`.
        start: value of episode 0.
        end: value of episode `episodes - 1` and of all later ones.
        episodes: length of the schedule, >= 1; with 1, episode 0 has `start` and episode 1 `end`.
        first: the first of these episodes, counted from 0.
        count: how many.

    Returns:
        float64 [count].
    """
    import numpy as np

    if name == "constant":
        return np.full(count, start, dtype=np.float64)
    episode, last = np.arange(first, first + count), max(episodes - 1, 1)
    value = SCHEDULES[name](start, end, np.minimum(episode / last, 1.0))
    value[episode == 0] = start
    value[episode >= last] = end
    return value


@cache
def _powers() -> Formula:
    """factor * base ** exponents, compiled as a loop over scalars. NumPy's vectorised power may
    round the elements at the ends of an array differently from those in the middle."""
    from numba import vectorize

    compiled: Formula = vectorize("float64(float64, float64, float64)", cache=True)(_power)
    return compiled


def _power(factor, base, exponent):  # type: ignore[no-untyped-def]
    return factor * base**exponent
