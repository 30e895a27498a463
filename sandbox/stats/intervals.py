"""Intervals of proportions and of further runs, and groups of runs.

Every function takes numbers and refuses empty input, NaN and too few values.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sandbox.errors import SandboxError

LEVEL = 0.95
FEWEST_OF_A_PEAK = 3
"""Fewest runs in one of two peaks."""


class Interval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A figure and its interval."""

    value: float
    low: float
    high: float


def wilson(successes: float, runs: int, level: float = LEVEL) -> Interval:
    """The score interval of a proportion: (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n).

    Wilson (1927); Brown, Cai & DasGupta (2001), equation 4. Unlike p ± z·se it has a width when
    p is 0 or 1.

    Args:
        successes: number of runs, in [0, runs]; a half for a tie.
        runs: all of them, >= 1.
        level: probability that the interval contains the true proportion, in (0, 1).

    Raises:
        SandboxError: for arguments out of range.
    """
    check_level(level)
    if runs < 1 or not 0 <= successes <= runs:
        raise SandboxError(
            f"{successes:g} of {runs} runs is no proportion: "
            f"expected 0 to {max(runs, 1)} of at least 1 run."
        )
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, z2 = float(successes) / runs, z * z / runs
    middle = (p + z2 / 2) / (1 + z2)
    half = math.sqrt(z2 * (p * (1 - p) + z2 / 4)) / (1 + z2)
    low = (
        0.0 if successes == 0 else max(0.0, middle - half)
    )  # exactly, where rounding would leave 1e-18
    return Interval(low, 1.0 if successes == runs else min(1.0, middle + half))


def runs_needed(level: float = LEVEL) -> int:
    """Fewest runs whose lowest and highest enclose one more run with probability `level`.

    39 for 95 %.
    """
    check_level(level)
    return math.ceil((1 + level) / (1 - level) - 1e-9)


def prediction_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """The interval that contains one more run with probability `level`, for any distribution.

    Of n runs and one more, each is equally likely to be the r-th lowest; so the r-th lowest and the
    r-th highest of the n enclose the one more with probability (n + 1 - 2r) / (n + 1) (Wilks 1941).
    r is the largest for which that is at least `level`: the empirical quantiles, on the safe side.

    Args:
        values: a figure of each run, at least `runs_needed(level)` of them.
        level: in (0, 1).

    Raises:
        SandboxError: when there are too few runs, or one is not a finite number.
    """
    ordered = np.sort(numbers(values))  # [runs]
    needed = runs_needed(level)
    if len(ordered) < needed:
        raise SandboxError(
            f"{len(ordered)} runs give no interval that contains another with {100 * level:.3g} %. "
            f"Take at least {needed}."
        )
    rank = int((len(ordered) + 1) * (1 - level) / 2 + 1e-9)
    return Interval(float(ordered[rank - 1]), float(ordered[-rank]))


def normal_prediction_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """The interval that contains one more run with probability `level`, for a normal distribution.

    mean ± t s √(1 + 1/n), Hahn (1969); t is Student's with n - 1 degrees of freedom, s the standard
    deviation of the n runs. For fewer runs than `prediction_interval` needs.

    Args:
        values: a figure of each run, at least 3 of them.
        level: in (0, 1).

    Raises:
        SandboxError: when there are fewer than 3 runs, or one is not a finite number.
    """
    from scipy.stats import t

    check_level(level)
    runs = numbers(values)  # [runs]
    if len(runs) < 3:
        raise SandboxError(f"{len(runs)} runs give no usable standard deviation. Take at least 3.")
    half = (
        float(t.ppf((1 + level) / 2, len(runs) - 1))
        * float(runs.std(ddof=1))
        * math.sqrt(1 + 1 / len(runs))
    )
    return Interval(float(runs.mean()) - half, float(runs.mean()) + half)


class Peak(NamedTuple):
    """One of two groups that runs fall into."""

    share: float
    """Of the runs."""
    low: float
    high: float


def two_peaks(values: ArrayLike) -> tuple[Peak, Peak] | None:
    """The two groups that runs fall into, lower one first; None if they do not form two groups.

    There are two when the widest gap between neighbouring runs is at least half of the range, with
    at least 3 runs on either side of it; 2 are enough where it is 7 tenths of the range. For 40
    runs from a normal, uniform or exponential distribution, or Student's with 3 degrees of freedom,
    that happens in less than 1 of 1000 cases.

    Args:
        values: a figure of each run.

    Raises:
        SandboxError: when there is no value, or one is not a finite number.
    """
    ordered = np.sort(numbers(values))  # [runs]
    if len(ordered) < 2 * FEWEST_OF_A_PEAK or ordered[-1] == ordered[0]:
        return None
    gaps = np.diff(ordered)
    place = int(gaps.argmax()) + 1
    share, fewer = gaps[place - 1] / (ordered[-1] - ordered[0]), min(place, len(ordered) - place)
    if not (share >= 0.5 and fewer >= FEWEST_OF_A_PEAK) and not (share >= 0.7 and fewer >= 2):
        return None
    low, high = (
        Peak(len(part) / len(ordered), float(part[0]), float(part[-1]))
        for part in (ordered[:place], ordered[place:])
    )
    return low, high


def numbers(values: ArrayLike) -> np.ndarray:
    """Values as float64 [runs], checked.

    Raises:
        SandboxError: when there are no values, or one is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise SandboxError(
            "Statistics need a figure for each of at least 1 run, "
            f"not an array of shape {array.shape}."
        )
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise SandboxError(
            f"{len(wrong)} of {len(array)} runs have no finite figure; "
            f"run {wrong[0]} has {array[wrong[0]]}."
        )
    return array


def check_level(level: float) -> None:
    """Raise SandboxError unless a level is a probability between 0 and 1."""
    if not 0 < level < 1:
        raise SandboxError(f"level {level:g}: a probability between 0 and 1, such as 0.95.")
