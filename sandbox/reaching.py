"""How a run's evaluations went: a curve on an axis that several runs share, and when a threshold was reached for good.

A run that never reaches the threshold is counted with all the steps it had, never dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.errors import SandboxError
from sandbox.stats import Estimate


@dataclass(frozen=True)
class Curve:
    """The evaluations of one run.

    Attributes:
        at: float64 [evaluations], rising: env steps learned before each.
        score: float64 [evaluations].
    """

    at: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Reached:
    """When a run came to a threshold and stayed.

    Attributes:
        index: of the evaluation from which on all are at or above the threshold; None when the last one is not.
        at: env steps at that evaluation, or None.
        after: env steps at the evaluation before it, the last one below (0 if there is none): the true moment lies in between.
        last: env steps at the last evaluation.
    """

    index: int | None
    at: float | None
    after: float
    last: float


def curve(at: np.ndarray, score: np.ndarray) -> Curve:
    """A checked curve.

    Raises:
        SandboxError: when lengths differ, nothing is there, a value is no number, or the axis falls.
    """
    at, score = np.asarray(at, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if at.shape != score.shape or at.ndim != 1:
        raise SandboxError(f"A curve has as many scores as places, along one axis: shapes {at.shape} and {score.shape}.")
    if not len(at):
        raise SandboxError("A curve needs at least 1 evaluation.")
    if not (np.isfinite(at).all() and np.isfinite(score).all()):
        raise SandboxError(f"{int((~np.isfinite(score)).sum())} of {len(score)} evaluations have no finite score.")
    if (np.diff(at) < 0).any():
        raise SandboxError("The env steps of a run's evaluations fall; they count all steps since its beginning.")
    return Curve(at, score)


def grid(curves: Sequence[Curve], most: int = 200) -> np.ndarray:
    """Places where all of some runs have been evaluated before and none has ended: float64 [places], rising.

    Args:
        curves: one for each run.
        most: at most so many places, evenly picked.
    """
    begin, end = max(one.at[0] for one in curves), min(one.at[-1] for one in curves)
    places = np.unique(np.concatenate([one.at for one in curves]))
    places = places[(places >= begin) & (places <= end)]
    if len(places) > most:
        places = places[np.unique(np.linspace(0, len(places) - 1, most).round().astype(np.int64))]
    return places


def on_grid(curves: Sequence[Curve], places: np.ndarray) -> np.ndarray:
    """The score of each run's last evaluation at or before each place: float64 [runs, places]; nothing is read from its future."""
    return np.stack([one.score[np.searchsorted(one.at, places, side="right") - 1] for one in curves])


def threshold(optimum: float, share: float = 0.95) -> float:
    """The score that counts as `share` of the optimum: optimum - (1 - share) |optimum|, which is below it for negative returns too."""
    return optimum - (1 - share) * abs(optimum)


def reached(one: Curve, level: float) -> Reached:
    """The first evaluation from which on every one of the run is at or above `level`."""
    below = np.flatnonzero(one.score < level - 1e-9 * max(1.0, abs(level)))
    index = int(below[-1]) + 1 if len(below) else 0
    last = float(one.at[-1])
    if index == len(one.at):
        return Reached(None, None, last, last)
    return Reached(index, float(one.at[index]), float(one.at[index - 1]) if index else 0.0, last)


def restricted(times: Sequence[float | None], budget: float) -> np.ndarray:
    """Times cut at a budget; a run that never reached counts with all of it: float64 [runs]."""
    return np.array([budget if time is None else min(time, budget) for time in times], dtype=np.float64)


def median_time(times: Sequence[float | None]) -> float | None:
    """The median when runs that never reached count as later than all others; None when it is one of those."""
    ordered = np.sort([np.inf if time is None else time for time in times])
    middle = ordered[len(ordered) // 2]  # of an even number the later of the two: halfway to "never" is never
    if len(ordered) % 2 == 0 and np.isfinite(middle):
        middle = (ordered[len(ordered) // 2 - 1] + middle) / 2
    return float(middle) if np.isfinite(middle) else None


def restricted_mean(times: Sequence[float | None], budget: float, rng: np.random.Generator | None) -> Estimate:
    """The mean of times cut at a budget (Royston & Parmar 2013), with its bootstrap interval; without `rng` the interval is NaN."""
    from sandbox import aggregates

    cut = restricted(times, budget)[:, None]  # [runs, 1]
    if rng is None:
        return Estimate(float(cut.mean()), float("nan"), float("nan"))
    return aggregates.estimate(cut, aggregates.mean, rng)
