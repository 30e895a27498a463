"""Statistics against published cases, closed forms and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.stats import intervals as stats


@pytest.mark.parametrize(
    ("successes", "runs", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_intervals_of_newcombe_1998(successes, runs, low, high):
    assert stats.wilson(successes, runs) == pytest.approx((low, high), abs=5e-5)


def test_the_normal_prediction_interval_is_student_s():
    made = stats.normal_prediction_interval([1.0, 2.0, 3.0])
    assert made.high - 2 == pytest.approx(
        4.302653 * math.sqrt(4 / 3), rel=1e-6
    ) and made.low == pytest.approx(4 - made.high)
    rng = np.random.default_rng(0)
    inside = [
        low <= value <= high
        for *four, value in rng.normal(3, 2, (4000, 5))
        for low, high in [stats.normal_prediction_interval(four)]
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
    with pytest.raises(SandboxError, match="at least 3"):
        stats.normal_prediction_interval([1.0, 2.0])


def test_wilson_is_symmetric_and_reaches_its_ends():
    low, high = stats.wilson(13, 200)
    assert stats.wilson(187, 200) == pytest.approx((1 - high, 1 - low))
    assert stats.wilson(0, 5).low == 0.0 and stats.wilson(5, 5).high == 1.0


def test_a_prediction_interval_takes_the_order_statistics():
    assert stats.runs_needed() == 39
    assert stats.prediction_interval(np.arange(39)) == (0, 38)
    assert stats.prediction_interval(np.arange(200)[::-1]) == (
        4,
        195,
    )  # the 5th from either end: 191 / 201 >= 95 %


def test_one_more_run_falls_inside_as_often_as_promised():
    rng = np.random.default_rng(0)
    drawn = rng.exponential(size=(4000, 100))
    ends = np.array([stats.prediction_interval(row[:-1]) for row in drawn])
    inside = ((ends[:, 0] <= drawn[:, -1]) & (drawn[:, -1] <= ends[:, 1])).mean()
    assert abs(inside - 0.96) < 4 * (0.96 * 0.04 / 4000) ** 0.5  # 99 runs, r = 2: 96 / 100


@pytest.mark.parametrize(
    "call",
    [
        lambda: stats.wilson(1, 0),
        lambda: stats.wilson(3, 2),
        lambda: stats.wilson(1, 2, 1.0),
        lambda: stats.prediction_interval(np.arange(38)),
        lambda: stats.prediction_interval([]),
        lambda: stats.two_peaks([1.0, float("nan")]),
    ],
)
def test_what_would_mean_nothing_is_refused(call):
    with pytest.raises(SandboxError):
        call()


@given(st.integers(0, 10**6))
def test_one_peak_is_not_taken_for_two(seed):
    rng = np.random.default_rng(seed)
    assert (
        stats.two_peaks(rng.normal(size=40)) is None
        and stats.two_peaks(rng.uniform(size=40)) is None
    )
    assert stats.two_peaks([0.75] * 40) is None and stats.two_peaks([0.0] * 39 + [1.0]) is None
    assert stats.two_peaks([*np.linspace(0, 0.4, 38), 0.95, 1.0]) is None
    assert stats.two_peaks([*np.linspace(0, 0.01, 38), 0.74, 0.75])[1].share == 0.05


def test_two_peaks_are_told_with_their_shares():
    low, high = stats.two_peaks([0.0, -0.001, 0.0005] * 6 + [0.7, 0.72, 0.75])
    assert low == (18 / 21, -0.001, 0.0005) and high == (3 / 21, 0.7, 0.75)
