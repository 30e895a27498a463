"""Time to threshold: when a run's score reaches a level for good, over one and over several runs.

A run that has not reached it at its end is censored there. It is never dropped, and never counted
as if it had reached it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sandbox.errors import SandboxError
from sandbox.stats.intervals import LEVEL
from sandbox.stats.significance import permutation_p


class ScoreCurve(NamedTuple):
    """The evaluations of one run.

    Attributes:
        at: float64 [evaluations], rising: env steps learned before each.
        score: float64 [evaluations].
    """

    at: np.ndarray
    score: np.ndarray


class Arrival(NamedTuple):
    """When a run reached a threshold for good, on an axis that rises while it learns.

    The axis is env steps or seconds. The true moment lies between `after` and `at`.
    """

    evaluation: int | None
    """The first evaluation from which on all are at least as good as the threshold, or None."""
    at: float | None
    """The time of that evaluation, or None."""
    after: float
    """The time of the evaluation before it, the last one below; 0 when it is the first."""
    end: float
    """The time of the last evaluation: a run that did not arrive is censored there."""


Arrivals = Sequence[Arrival]
"""Those of several runs."""


class MedianTime(NamedTuple):
    """The median time of several runs with its interval; infinite: not reached, or an open end."""

    median: float
    low: float
    high: float


def curve(at: np.ndarray, score: np.ndarray) -> ScoreCurve:
    """A checked curve.

    Raises:
        SandboxError: for unequal lengths, no evaluation, a value that is not finite, or a falling
            axis.
    """
    at, score = np.asarray(at, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if at.shape != score.shape or at.ndim != 1:
        raise SandboxError(
            "A curve has as many scores as places, along one axis: "
            f"shapes {at.shape} and {score.shape}."
        )
    if not len(at):
        raise SandboxError("A curve needs at least 1 evaluation.")
    if not (np.isfinite(at).all() and np.isfinite(score).all()):
        raise SandboxError(
            f"{int((~np.isfinite(score)).sum())} of {len(score)} evaluations have no finite score."
        )
    if (np.diff(at) < 0).any():
        raise SandboxError(
            "The env steps of a run's evaluations fall; they count all steps since its beginning."
        )
    return ScoreCurve(at, score)


def grid(curves: Sequence[ScoreCurve], most: int = 200) -> np.ndarray:
    """Places where every run has been evaluated and none has ended: float64 [places], rising.

    Args:
        curves: one for each run.
        most: largest number of places; they are picked evenly.
    """
    begin, end = max(one.at[0] for one in curves), min(one.at[-1] for one in curves)
    places = np.unique(np.concatenate([one.at for one in curves]))
    places = places[(places >= begin) & (places <= end)]
    if len(places) > most:
        places = places[np.unique(np.linspace(0, len(places) - 1, most).round().astype(np.int64))]
    return places


def on_grid(curves: Sequence[ScoreCurve], places: np.ndarray) -> np.ndarray:
    """The score of each run's last evaluation at or before each place: float64 [runs, places]."""
    return np.stack(
        [one.score[np.searchsorted(one.at, places, side="right") - 1] for one in curves]
    )


def threshold(optimum: float, share: float = 0.95, higher_is_better: bool = True) -> float:
    """The score that counts as `share` of the optimum: worse by (1 - share) times its size."""
    slack = (1 - share) * abs(optimum)
    return optimum - slack if higher_is_better else optimum + slack


def arrival(one: ScoreCurve, level: float, higher_is_better: bool = True) -> Arrival:
    """When every evaluation from then on is at or better than `level`."""
    sign = 1.0 if higher_is_better else -1.0
    short = np.flatnonzero(sign * (one.score - level) < -1e-9 * max(1.0, abs(level)))
    index = int(short[-1]) + 1 if len(short) else 0
    return arrival_at(index if index < len(one.at) else None, one.at)


def arrival_at(evaluation: int | None, axis: np.ndarray) -> Arrival:
    """The arrival at an evaluation, or at none; `axis` is float [evaluations]."""
    end = float(axis[-1])
    if evaluation is None:
        return Arrival(None, None, end, end)
    after = float(axis[evaluation - 1]) if evaluation else 0.0
    return Arrival(evaluation, float(axis[evaluation]), after, end)


def median_time(arrivals: Arrivals) -> MedianTime:
    """The Kaplan-Meier median of times that may be censored, and an exact interval.

    It contains the true median with probability `LEVEL`. Kaplan & Meier (1958), by
    `scipy.stats.ecdf`. The interval inverts the sign test (Conover 1999, section 3.2); for the
    lower limit, a censored run counts as arriving at its end; for the upper limit, as never
    arriving. Where few runs allow no two-sided interval, the upper end is open;
    with 4 or fewer the lower end is 0 too. The interval of equal times has no width.

    Args:
        arrivals: one for each run, at least 1.
    """
    from scipy.stats import CensoredData, binom, ecdf

    times = np.array([one.at for one in arrivals if one.at is not None], dtype=np.float64)
    ends = np.array([one.end for one in arrivals if one.at is None], dtype=np.float64)
    survival = ecdf(CensoredData(uncensored=times, right=ends)).sf
    half = np.flatnonzero(survival.probabilities <= 0.5 + 1e-12)
    median = float(survival.quantiles[half[0]]) if len(half) else math.inf
    count = len(arrivals)
    if not len(ends) and np.ptp(times) == 0:
        return MedianTime(median, median, median)
    earliest = np.sort(np.concatenate([times, ends]))
    latest = np.sort(np.concatenate([times, np.full(len(ends), np.inf)]))
    rank, one_sided = (int(binom.ppf(tail, count, 0.5)) for tail in ((1 - LEVEL) / 2, 1 - LEVEL))
    if rank:
        return MedianTime(median, float(earliest[rank - 1]), float(latest[count - rank]))
    return MedianTime(median, float(earliest[one_sided - 1]) if one_sided else 0.0, math.inf)


def followed_alike(one: Arrivals, other: Arrivals) -> tuple[list[Arrival], list[Arrival]]:
    """Two groups of runs, both followed until the earlier of their last ends at most."""
    end = min(max(run.end for run in group) for group in (one, other))
    return cut(one, end), cut(other, end)


def cut(arrivals: Arrivals, end: float) -> list[Arrival]:
    """The same runs, followed until `end` at most."""
    return [
        run
        if run.end <= end
        else run._replace(end=end)
        if run.at is not None and run.at <= end
        else Arrival(None, None, end, end)
        for run in arrivals
    ]


def log_rank_p(one: Arrivals, other: Arrivals) -> float | None:
    """Two-sided p-value of the permutation test of log-rank scores.

    Peto & Peto (1972): a run's score is 1 if it arrived, else 0, less the cumulative hazard
    (Nelson-Aalen) of all runs together at its time. The test is exact: for 3 runs that arrive and 3
    that do not, the asymptotic test gives 0.025, and the exact one 0.10. Both groups are
    `followed_alike`, so that unequal lengths do not count as a difference. A run counts at its
    evaluation; where the two groups were evaluated at different points, the later group's runs
    count at the evaluation before, so that a coarser grid does not count as a difference either.
    Where the scores favour one group, but runs of the other arrive `sooner` more often, as where
    half of them are fast and the rest never arrive, neither is shown to be faster: p is 1.

    Returns:
        A probability in (0, 1], or None where no run arrived while both groups were followed.
    """
    left, right = followed_alike(one, other)
    if all(run.at is None for run in (*left, *right)):
        return None
    if log_rank_scores([*left, *right])[: len(left)].sum() < 0:
        left, right = right, left
    if not _same_grid(left, right):
        right = [run._replace(at=run.after) if run.at is not None else run for run in right]
    scores = log_rank_scores([*left, *right])
    ahead = scores[: len(left)].sum() > 0 and sooner(left, right).mean() > 0.5
    return permutation_p(scores, len(left)) if ahead else 1.0


def _same_grid(one: Arrivals, other: Arrivals) -> bool:
    """Whether the intervals between evaluations in which runs arrived are equal or disjoint."""
    here, there = (
        {(run.after, run.at) for run in group if run.at is not None} for group in (one, other)
    )
    return all(
        left == right or left[1] <= right[0] or right[1] <= left[0]
        for left in here
        for right in there
    )


def log_rank_scores(runs: Arrivals) -> np.ndarray:
    """Log-rank scores of runs, float64 [runs]; their sum is 0; early arrivals have the highest."""
    time = np.array([run.end if run.at is None else run.at for run in runs])
    arrived = np.array([run.at is not None for run in runs])
    moments = np.unique(time[arrived])
    hazard = np.array(
        [(arrived & (time == moment)).sum() / (time >= moment).sum() for moment in moments]
    )
    passed = np.searchsorted(
        moments, time, side="right"
    )  # a run censored at a moment was still at risk then
    return arrived - np.concatenate([[0.0], np.cumsum(hazard)])[passed]


def sooner(one: Arrivals, other: Arrivals) -> np.ndarray:
    """Whether runs of `one` arrive before runs of `other`: 1, 0, or 0.5 for a tie, [one, other].

    Gehan (1965): a run that was censored before the other arrived counts as a tie.
    """
    return 0.5 + 0.5 * _first(one, other) - 0.5 * _first(other, one).T


def _first(one: Arrivals, other: Arrivals) -> np.ndarray:
    """Whether runs of `one` are known to arrive before runs of `other`: bool [one, other]."""
    here, there = (
        np.array([math.inf if run.at is None else run.at for run in group])
        for group in (one, other)
    )
    censored = np.array([math.inf if run.at is not None else run.end for run in other])
    return np.less.outer(here, there) & np.less_equal.outer(here, censored)
