"""Schedules: what exploration and step size are in an episode, as pure functions of the episode's number.

A schedule is stretched over a stated number of episodes, never silently over the length of a run: its first episode has `start`, its
last has exactly `end`, and every later one keeps `end`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

Schedule = Callable[[int, float, float, int], float]
"""(episode counted from 0, start, end, episodes) -> value."""


def constant(episode: int, start: float, end: float, episodes: int) -> float:
    """`start`, for ever; `end` and `episodes` have no effect."""
    return start


def linear(episode: int, start: float, end: float, episodes: int) -> float:
    """Equal differences from one episode to the next.

    Args:
        episode: counted from 0.
        start: value of episode 0.
        end: value of episode `episodes - 1` and of all later ones.
        episodes: how many episodes the way from `start` to `end` takes; with 1, episode 0 has `start` and episode 1 has `end`.
    """
    if episode == 0:
        return start
    if episode >= episodes - 1:
        return end
    return start + (end - start) * (episode / (episodes - 1))


def exponential(episode: int, start: float, end: float, episodes: int) -> float:
    """Equal ratios from one episode to the next (a geometric series).

    Args:
        episode: counted from 0.
        start: value of episode 0, > 0.
        end: value of episode `episodes - 1` and of all later ones, > 0.
        episodes: see `linear`.
    """
    if episode == 0:
        return start
    if episode >= episodes - 1:
        return end
    return float(start * (end / start) ** (episode / (episodes - 1)))


def harmonic(episode: int, start: float, end: float, episodes: int) -> float:
    """Equal differences of the reciprocals from one episode to the next: start / (1 + c episode).

    Args:
        episode: counted from 0.
        start: value of episode 0, > 0.
        end: value of episode `episodes - 1` and of all later ones, > 0.
        episodes: see `linear`.
    """
    if episode == 0:
        return start
    if episode >= episodes - 1:
        return end
    return start / (1 + (start / end - 1) * (episode / (episodes - 1)))


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "linear": linear,
    "exponential": exponential,
    "harmonic": harmonic,
}


def values(
    name: str, start: float, end: float, episodes: int, first: int, count: int
) -> np.ndarray:
    """A schedule's values for a stretch of episodes: the same ones however the range is cut into stretches.

    Args:
        name: a key of `SCHEDULES`.
        start: value of episode 0.
        end: value of episode `episodes - 1` and of all later ones.
        episodes: length of the schedule, >= 1.
        first: first episode of the stretch, counted from 0.
        count: number of episodes in the stretch.
    """
    import numpy as np

    stretch = np.full(count, start if name == "constant" else end, dtype=np.float64)  # [count]
    moving = min(max(episodes - first, 1 if first == 0 else 0), count)
    if name == "linear" and moving:
        stretch[:moving] = start + (end - start) * (
            np.arange(first, first + moving) / max(episodes - 1, 1)
        )
    elif name == "harmonic" and moving:
        stretch[:moving] = start / (
            1 + (start / end - 1) * (np.arange(first, first + moving) / max(episodes - 1, 1))
        )
    elif name == "exponential":
        _exponentials()(start, end, episodes, first, stretch[:moving])
    if moving and first == 0:
        stretch[0] = start
    if name != "constant" and first <= episodes - 1 < first + count and episodes > 1:
        stretch[episodes - 1 - first] = end
    return stretch


@cache
def _exponentials() -> Any:
    """`exponential` for a stretch, compiled: millions of episodes take no time worth mentioning.

    One scalar power after the other: NumPy's may round the ends of an array and its middle differently.
    """
    from numba import njit

    return njit(
        "void(float64, float64, int64, int64, float64[::1])",
        cache=True,
        nogil=True,
        error_model="numpy",
    )(_fill)


def _fill(start, end, episodes, first, out):  # type: ignore[no-untyped-def]
    for offset in range(out.shape[0]):
        out[offset] = start * (end / start) ** ((first + offset) / max(episodes - 1, 1))
