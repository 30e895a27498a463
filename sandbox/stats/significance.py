"""Tests of whether two agents differ: exact permutation tests, and Holm's correction.

With few runs, above all when no run of one agent overlaps with the other's, a bootstrap interval is
too narrow; a permutation test stays exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from sandbox.stats.intervals import LEVEL, numbers

EXACT = 120
"""Up to this many runs in all, every arrangement of ranks is counted, and beyond where it takes at
most `MOST_WORK`, as with many ties; else the normal approximation is as good."""
EXACT_SCORES = 40
"""Up to this many scores that are not ranks are counted unrounded: half of them have a million
subsets."""
LEVELS = 100
"""More of them are rounded to this share of their range."""
MOST_WORK = 100_000_000
"""Additions: 0.1 s."""
ALPHA = round(1 - LEVEL, 10)


def rank_sum_by_task(one: np.ndarray, other: np.ndarray) -> float:
    """Two-sided p-value of the sum over tasks of rank sums, the ranks permuted within each task.

    Van Elteren's test (1960) with tasks of one size: the sum is, but for a constant, the
    probability of improvement averaged over tasks. Of one task it is the rank-sum test (Wilcoxon
    1945, Mann & Whitney 1947). Ties share ranks, and all arrangements of these ranks are counted.
    Two-sided: twice the smaller tail, at most 1. Exact up to `EXACT` runs on one task, and four
    times as many on several together; beyond, only with many ties, and else the normal
    approximation. That would halve the p of a few runs which differ from all others.

    Args:
        one, other: scores of independent runs, float [runs, tasks], at least 1 run each.

    Returns:
        A probability in (0, 1].
    """
    from scipy.stats import mannwhitneyu, rankdata

    doubled = 2 * rankdata(np.concatenate([one, other]), axis=0)  # [runs, tasks]: no halves of ties
    if doubled.size == len(doubled) > EXACT and _work(doubled) > MOST_WORK:
        return float(mannwhitneyu(one[:, 0], other[:, 0], method="asymptotic").pvalue)
    return _by_sums(doubled, len(one), doubled.size <= 4 * EXACT)


def permutation_p(scores: ArrayLike, chosen: int) -> float:
    """Two-sided p-value of the permutation test of the sum of the first `chosen` scores.

    Every choice is counted, by meeting in the middle (for integers: Pagano & Tritchler 1983): the
    subsets of one half of the scores are matched with sorted sums of the other half's. Two-sided:
    twice the smaller tail, at most 1. More than `EXACT_SCORES` scores are rounded to `LEVELS`, and
    every choice is counted too, unless there are so many that the normal approximation is as good.

    Args:
        scores: float [runs], those of the first group first.
        chosen: runs of the first group, at least 1 and fewer than all.
    """
    values = numbers(scores)
    values = values - values.mean()
    observed, rounding = float(values[:chosen].sum()), 1e-9 * max(1.0, float(np.abs(values).sum()))
    count = len(values)
    if count > EXACT_SCORES:
        levels = np.rint(LEVELS * values / (np.ptp(values) or 1.0))
        return _by_sums(levels[:, None], chosen)
    left, right = _subset_sums(values[: count // 2]), _subset_sums(values[count // 2 :])
    below = above = 0
    for size, sums in enumerate(left):
        rest = chosen - size
        if 0 <= rest < len(right):
            others = right[rest]
            above += int(
                (
                    len(others) - np.searchsorted(others, observed - rounding - sums, side="left")
                ).sum()
            )
            below += int(np.searchsorted(others, observed + rounding - sums, side="right").sum())
    return min(1.0, 2 * min(below, above) / math.comb(count, chosen))


def seeds_needed(tests: int, tasks: int = 1) -> int:
    """Fewest seeds per agent with which one of `tests` Holm-corrected tests can be significant."""
    seeds = 1
    while tests * least_p(seeds, seeds, tasks) >= ALPHA:
        seeds += 1
    return seeds


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for multiple tests (Holm 1979): controls the family-wise error rate."""
    count, largest = len(p_values), 0.0
    corrected = [0.0] * count
    for step, place in enumerate(sorted(range(count), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (count - step) * p_values[place]))
        corrected[place] = largest
    return corrected


def least_p(one: int, other: int, tasks: int = 1) -> float:
    """The smallest possible two-sided p-value for two group sizes: that of groups without overlap
    on any task."""
    return min(1.0, 2 / math.comb(one + other, one) ** tasks)


def _subset_sums(values: np.ndarray) -> list[np.ndarray]:
    """The sums of all subsets, sorted, by how many values they have: [size + 1] arrays."""
    sums = [np.zeros(1)] + [np.zeros(0)] * len(values)
    for value in values:
        sums[1:] = [
            np.concatenate([same, fewer + value])
            for same, fewer in zip(sums[1:], sums[:-1], strict=True)
        ]
    return [np.sort(one) for one in sums]


def _by_sums(values: np.ndarray, chosen: int, few: bool = False) -> float:
    """Two-sided p-value of the sum of the first `chosen` rows, permuted within each column.

    Args:
        values: whole numbers, float64 [runs, tasks].
        chosen: rows of the first group.
        few: whether all choices are counted, however much work that is.
    """
    count = len(values)
    if not few and _work(values) > MOST_WORK:
        spread = math.sqrt(chosen * (count - chosen) / (count - 1) * values.var(axis=0).sum())
        away = abs((values[:chosen] - values.mean(axis=0)).sum())
        return math.erfc(away / spread / math.sqrt(2))
    values = _from_zero(values)
    ways = np.ones(1)  # float64 [sum + 1]
    for column in values.T:
        ways = np.convolve(ways, _arrangements(column, chosen))
    observed, total = int(values[:chosen].sum()), ways.sum()
    below, above = ways[: observed + 1].sum() / total, ways[observed:].sum() / total
    return float(min(1.0, 2 * min(below, above)))


def _from_zero(values: np.ndarray) -> np.ndarray:
    """The distances of the values from their lowest or their highest, whichever are less."""
    return min(values - values.min(axis=0), values.max(axis=0) - values, key=np.sum).astype(int)


def _work(values: np.ndarray) -> float:
    """About how many additions count all choices of one column."""
    steps = _from_zero(values)
    return float(np.count_nonzero(steps) ** 2 * steps.sum())


def _arrangements(values: np.ndarray, chosen: int) -> np.ndarray:
    """The probability of each sum of `chosen` of the values >= 0: float64 [sum of all + 1]."""
    some = values[values > 0]
    most, rest = min(len(some), chosen), len(values) - len(some)
    ways = np.zeros((most + 1, int(some.sum()) + 1))  # [how many of some, sum]
    ways[0, 0] = 1.0
    for value in some:
        ways[1:, value:] += ways[:-1, : ways.shape[1] - value].copy()
    every = math.comb(len(values), chosen)
    return np.array([math.comb(rest, chosen - one) / every for one in range(most + 1)]) @ ways
