"""Schedules: what exploration and step size are in an episode, as pure functions of the episode's number.

A schedule is stretched over a stated number of episodes, never silently over the length of a run: its first episode has `start`, its
last has exactly `end`, and every later one keeps `end`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

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


SCHEDULES: dict[str, Schedule] = {"constant": constant, "linear": linear, "exponential": exponential}


def values(name: str, start: float, end: float, episodes: int, first: int, count: int) -> np.ndarray:
    """A schedule's values for a stretch of episodes: the same ones however the range is cut into stretches.

    Each value comes from the scalar function: NumPy's `power` may round the ends of an array and its middle differently.

    Args:
        name: a key of `SCHEDULES`.
        start: value of episode 0.
        end: value of episode `episodes - 1` and of all later ones.
        episodes: length of the schedule, >= 1.
        first: first episode of the stretch, counted from 0.
        count: number of episodes in the stretch.
    """
    import numpy as np

    schedule = SCHEDULES[name]
    stretch = np.full(count, start if name == "constant" else end, dtype=np.float64)  # [count]
    moving = 0 if name == "constant" else min(max(episodes - first, 1 if first == 0 else 0), count)
    for offset in range(moving):
        stretch[offset] = schedule(first + offset, start, end, episodes)
    return stretch
