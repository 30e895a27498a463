"""Aggregates of the scores of several runs, each with its interval.

IQM, mean, median, performance profile and probability of improvement, as defined by Agarwal et al.
(2021), "Deep reinforcement learning at the edge of the statistical precipice", and computed by
their library rliable; a docstring says where we differ. Scores are [runs, tasks].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sandbox.errors import SandboxError
from sandbox.stats.intervals import LEVEL, Estimate, check_level

RESAMPLES = 10_000
PROFILE_RESAMPLES = 2000
BLOCK = 4_000_000
"""Resampled values that are held at once: 32 MB."""
MIN_RUNS = 3
"""With fewer runs there is no bootstrap interval."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""Scores [..., runs, tasks] -> a figure for each of the leading axes [...]."""


class Profile(NamedTuple):
    """The share of runs above each threshold, with its interval; all float [thresholds]."""

    threshold: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def score_table(scores: ArrayLike, least: int) -> np.ndarray:
    """Scores as float64 [runs, tasks], checked.

    Args:
        scores: [runs, tasks].
        least: how many runs there must be.

    Raises:
        SandboxError: for another shape, too few runs, or a score that is not finite.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2:
        raise SandboxError(
            f"Scores have two axes, [runs, tasks], not the shape {table.shape}; "
            "of a single task, scores[:, None]."
        )
    runs, tasks = table.shape
    if runs < least or not tasks:
        turned = " Are the axes the wrong way round?" if runs < least <= tasks else ""
        raise SandboxError(
            f"{runs} runs of {tasks} tasks: at least {least} runs of 1 task are needed. "
            f"Axes are [runs, tasks].{turned}"
        )
    wrong = np.argwhere(~np.isfinite(table))
    if len(wrong):
        run, task = wrong[0]
        raise SandboxError(
            f"{len(wrong)} of {table.size} scores are no finite numbers; "
            f"that of run {run}, task {task} is {table[run, task]}."
        )
    return table


def iqm(scores: np.ndarray) -> np.ndarray:
    """The interquartile mean over runs and tasks: [..., runs, tasks] -> [...].

    A quarter of the values, rounded down, is trimmed at each end.
    """
    pooled = np.sort(_pooled(scores), axis=-1)
    cut = int(0.25 * pooled.shape[-1])
    return pooled[..., cut : pooled.shape[-1] - cut].mean(axis=-1)


def mean(scores: np.ndarray) -> np.ndarray:
    """The mean over runs and tasks. [..., runs, tasks] -> [...]."""
    return _pooled(scores).mean(axis=-1)


def median(scores: np.ndarray) -> np.ndarray:
    """The median over runs and tasks: [..., runs, tasks] -> [...].

    rliable instead takes the median over tasks of the task means; with one task, that is the mean.
    """
    return np.median(_pooled(scores), axis=-1)


def median_of_tasks(scores: np.ndarray) -> np.ndarray:
    """The median over tasks of the means over runs, as rliable's: [..., runs, tasks] -> [...]."""
    return np.median(scores.mean(axis=-2), axis=-1)


def estimate(
    scores: ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    errors: np.ndarray | None = None,
) -> Estimate:
    """A statistic with its stratified percentile bootstrap interval (`scipy.stats.bootstrap`).

    Runs are resampled within each task. With few runs such an interval is too narrow: of normal
    scores, the 95 % interval of a mean of 5 runs contains the true mean in about 84 % of cases,
    and that of 10 runs in about 90 %.

    Args:
        scores: [runs, tasks], at least `MIN_RUNS` runs.
        statistic: a function of scores [..., runs, tasks].
        rng: draws the resamples.
        level: in (0, 1).
        resamples: how many, >= 100.
        errors: standard errors of scores that were sampled, float [runs, tasks]: each resampled
            score gets normal noise of this size; 0 where a score is exact, None where all are.

    Raises:
        SandboxError: as `score_table`, or for a level or number of resamples out of range.
    """
    table = score_table(scores, MIN_RUNS)
    runs, tasks = table.shape

    def resampled(*rows: np.ndarray, axis: int) -> np.ndarray:
        places = np.stack(rows, axis=-1).astype(np.int64), np.arange(tasks)  # [some, runs, tasks]
        sample = table[places]
        return statistic(sample if errors is None else rng.normal(sample, errors[places]))

    low, high = bootstrap_interval([np.arange(runs)] * tasks, resampled, rng, level, resamples)
    return Estimate(float(statistic(table)), float(low), float(high))


def level_for(*tables: np.ndarray) -> float:
    """The level of a percentile interval that is meant to contain the truth with 95 %.

    Of several tasks it is expanded (Hesterberg 2015, "What teachers should know about the
    bootstrap", the expanded percentile interval): quantiles at Φ(-√(n / (n - 1)) t), with Student's
    t, make up for the variance of resampled runs, too small by (n - 1) / n, and for its being
    estimated. Of one task it is 95 %, as rliable's of all: earlier comparisons stay what they were.

    Args:
        tables: scores that the statistic depends on, [runs, tasks] each, at least 2 runs.
    """
    from scipy.stats import norm, t

    if tables[0].shape[1] == 1:
        return LEVEL
    runs = min(map(len, tables))
    freedom = sum(table.size - table.shape[1] for table in tables)
    quantile = norm.cdf(-np.sqrt(runs / (runs - 1)) * t.ppf((1 + LEVEL) / 2, freedom))
    return float(1 - 2 * quantile)


def bootstrap_interval(
    samples: Sequence[np.ndarray],
    statistic: Callable[..., np.ndarray],
    rng: np.random.Generator,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    size: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The percentile bootstrap interval of a statistic (`scipy.stats.bootstrap`).

    Args:
        samples: arrays [..., runs]; each is resampled on its own, along its last axis.
        statistic: called with the resampled arrays and `axis=-1`.
        rng: draws the resamples.
        level: in (0, 1).
        resamples: how many, >= 100.
        size: number of values that one resample needs in memory, if larger than the size of
            `samples`.

    Raises:
        SandboxError: for a level or number of resamples out of range.
    """
    from scipy.stats import bootstrap

    check_level(level)
    if resamples < 100:
        raise SandboxError(f"{resamples} resamples are too few for an interval. Take at least 100.")
    interval = bootstrap(
        samples,
        statistic,
        n_resamples=resamples,
        batch=max(1, BLOCK // max(size, sum(sample.size for sample in samples))),
        vectorized=True,
        axis=-1,
        confidence_level=level,
        method="percentile",
        rng=rng,
    ).confidence_interval
    return interval.low, interval.high


def improvement(one: ArrayLike, other: ArrayLike) -> float:
    """The probability that a run of `one` scores higher than a run of `other`, ties counted half.

    The Mann-Whitney statistic over the number of pairs, averaged over tasks (rliable's
    `probability_of_improvement`).

    Args:
        one, other: scores [runs, tasks] on the same tasks; the numbers of runs may differ.

    Raises:
        SandboxError: as `score_table`, or for unequal numbers of tasks.
    """
    return float(_wins(*_same_tasks(one, other)))


def improvement_estimate(
    one: ArrayLike,
    other: ArrayLike,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Estimate:
    """`improvement` with its interval; arguments and errors as in `estimate`.

    The runs of both are resampled within each task.
    """
    left, right = _same_tasks(one, other, MIN_RUNS)
    tasks = left.shape[1]

    def resampled(*columns: np.ndarray, axis: int) -> np.ndarray:
        return _wins(np.stack(columns[:tasks], axis=-1), np.stack(columns[tasks:], axis=-1))

    size = len(left) * (left.size * len(right) // (len(left) + len(right)))  # about half the pairs
    low, high = bootstrap_interval([*left.T, *right.T], resampled, rng, level, resamples, size)
    return Estimate(float(_wins(left, right)), float(low), float(high))


def wins_estimate(won: np.ndarray, rng: np.random.Generator) -> Estimate:
    """The share of pairs that the first group wins, with its bootstrap interval.

    The runs of both groups are resampled.

    Args:
        won: whether each run of the first group beats each of the second, 0, 0.5 or 1: float [runs
            of the first, runs of the second].
        rng: as in `estimate`.
    """
    left, right = (
        rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count
        for count in won.shape
    )
    drawn = np.einsum("ri,ij,rj->r", left, won, right, optimize=True)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(won.mean()), float(low), float(high))


def profile(
    scores: ArrayLike,
    thresholds: ArrayLike,
    rng: np.random.Generator | None = None,
    level: float = LEVEL,
) -> Profile:
    """The performance profile: the share of runs with a score above each threshold.

    rliable's run-score distribution.

    Args:
        scores: [runs, tasks]; at least `MIN_RUNS` runs for an interval.
        thresholds: float [thresholds].
        rng: draws the resamples of a pointwise interval; None: no interval (NaN).
        level: in (0, 1).

    Raises:
        SandboxError: as `estimate`.
    """
    table = score_table(scores, 1 if rng is None else MIN_RUNS)
    marks = np.asarray(thresholds, dtype=np.float64)  # [thresholds]

    def shares(*columns: np.ndarray, axis: int) -> np.ndarray:
        """[..., runs] for each task -> [thresholds, ...]."""
        above = [np.less.outer(marks, column).mean(axis) for column in columns]
        return np.mean(above, axis=0)

    low = high = np.full(len(marks), np.nan)
    if rng is not None:
        size = table.size * len(marks)
        low, high = bootstrap_interval([*table.T], shares, rng, level, PROFILE_RESAMPLES, size)
    return Profile(marks, shares(*table.T, axis=-1), low, high)


def _wins(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Shares of pairs that the left wins, ties half: [..., runs, tasks] each -> [...]."""
    one = left[..., :, None, :]  # [..., runs, 1, tasks]
    other = right[..., None, :, :]  # [..., 1, runs, tasks]
    return ((one > other) + 0.5 * (one == other)).mean(axis=(-3, -2, -1))


def _pooled(scores: np.ndarray) -> np.ndarray:
    """Runs and tasks as one last axis."""
    return scores.reshape(*scores.shape[:-2], -1)


def _same_tasks(one: ArrayLike, other: ArrayLike, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The scores of both as tables of the same tasks."""
    left, right = score_table(one, least), score_table(other, least)
    if left.shape[1] != right.shape[1]:
        raise SandboxError(
            f"{left.shape[1]} and {right.shape[1]} tasks: both must have been run on the same."
        )
    return left, right


def same(values: ArrayLike) -> bool:
    """Whether all values, at least one, are equal up to rounding."""
    array = np.asarray(values, dtype=np.float64)
    return bool(np.ptp(array) <= 1e-12 * max(1.0, float(np.abs(array).max())))
