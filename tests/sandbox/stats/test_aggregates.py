"""Aggregates of scores against rliable's formulas, closed forms and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from benchmarks import coverage
from sandbox.errors import SandboxError
from sandbox.stats import aggregates

RNG = np.random.default_rng
SCORES = np.array(
    [
        [0.62, 1.10, 0.05],
        [0.71, 0.98, 0.20],
        [0.66, 1.31, 0.11],
        [0.90, 1.02, 0.02],
        [0.58, 1.27, 0.33],
    ]
)  # [runs, tasks]
OTHER = np.array(
    [[0.62, 0.88, 0.20], [0.40, 1.10, 0.41], [0.77, 0.95, 0.09], [0.51, 1.05, 0.26]]
)  # [runs, tasks]

# What rliable's formulas give for these two, worked out with SciPy: trim_mean(scores, 0.25,
# axis=None); the mean over tasks of the means over
# runs; 1 - mean(minimum(scores, 1)); mannwhitneyu(…, alternative="greater") of 14.5, 15.5 and 5.5
# over 20 pairs each, averaged.
RLIABLE = {"iqm": 0.66666667, "mean": 0.65733333, "gap": 0.38933333, "improvement": 35.5 / 60}
# The median over tasks of the means over runs, 0.694, 1.136 and 0.142; of SCORES the share above
# 0.6, 1 and 1.2: 9, 4 and 2 of 15.
MEDIAN, SHARES = 0.694, {0.6: 9 / 15, 1.0: 4 / 15, 1.2: 2 / 15}


def test_aggregates_are_those_of_rliable():
    assert float(aggregates.iqm(SCORES)) == pytest.approx(
        scipy_stats.trim_mean(SCORES, 0.25, axis=None)
    )
    assert float(aggregates.mean(SCORES)) == pytest.approx(np.mean(np.mean(SCORES, axis=0)))
    assert float(aggregates.mean(np.maximum(1.0 - SCORES, 0.0))) == pytest.approx(
        1.0 - np.mean(np.minimum(SCORES, 1.0))
    )
    assert float(aggregates.median(SCORES)) == np.median(SCORES)


def test_aggregates_give_the_stored_figures():
    assert float(aggregates.iqm(SCORES)) == pytest.approx(RLIABLE["iqm"])
    assert float(aggregates.mean(SCORES)) == pytest.approx(RLIABLE["mean"])
    gap = aggregates.mean(np.maximum(1.0 - SCORES, 0.0))  # as comparisons over tasks compute it
    assert float(gap) == pytest.approx(RLIABLE["gap"])
    assert aggregates.improvement(SCORES, OTHER) == pytest.approx(RLIABLE["improvement"])


def test_median_and_profile_over_tasks_give_the_stored_figures():
    assert float(aggregates.median_of_tasks(SCORES)) == pytest.approx(MEDIAN)
    profile = aggregates.profile(SCORES, list(SHARES))
    assert profile.share.tolist() == pytest.approx(list(SHARES.values()))
    twice = np.stack([SCORES, SCORES + 1])  # leading axes stay
    assert aggregates.median_of_tasks(twice).tolist() == pytest.approx([MEDIAN, MEDIAN + 1])


def test_the_level_over_tasks_is_the_expanded_one_of_hesterberg():
    """n = 5 runs of 3 tasks: t with 12 degrees of freedom is 2.1788, Φ(-√(5/4) 2.1788) = 0.00742;
    with a second agent of 4 runs, n = 4, 21 degrees, t = 2.0796: Φ(-√(4/3) 2.0796) = 0.00817."""
    assert aggregates.level_for(SCORES) == pytest.approx(1 - 2 * 0.00742, abs=1e-4)
    assert aggregates.level_for(SCORES, OTHER) == pytest.approx(1 - 2 * 0.00817, abs=1e-4)
    assert aggregates.level_for(SCORES[:, :1]) == 0.95
    wide = aggregates.estimate(SCORES, aggregates.iqm, RNG(1), aggregates.level_for(SCORES))
    narrow = aggregates.estimate(SCORES, aggregates.iqm, RNG(1))
    assert wide.low < narrow.low < wide.value == narrow.value < narrow.high < wide.high
    same = np.tile([1.0, 0.0, 1.0], (10, 1))  # two tasks solved by all seeds, one by none
    assert len(set(aggregates.estimate(same, aggregates.iqm, RNG(1), 0.97))) == 1
    bands = [aggregates.profile(SCORES, [0.6], RNG(1), level) for level in (0.95, 0.995)]
    assert bands[1].low <= bands[0].low < bands[0].high <= bands[1].high


@pytest.mark.parametrize("kind", coverage.KINDS)
def test_intervals_over_tasks_cover_the_truth_near_the_nominal_rate(kind):
    """10 seeds on 4 tasks; 300 comparisons leave ±2.5 % of chance at 95 %. See
    `benchmarks.coverage` for more of them, and for fewer seeds."""
    found = coverage.coverage(kind, seeds=10, comparisons=300, resamples=400)
    assert set(found) == {"iqm", "mean", "median", "gap", "improvement"}
    assert min(found.values()) >= 0.9, found


def test_improvement_is_the_mann_whitney_statistic_over_pairs_as_in_rliable():
    each = [
        scipy_stats.mannwhitneyu(SCORES[:, task], OTHER[:, task], alternative="greater").statistic
        / (len(SCORES) * len(OTHER))
        for task in range(3)
    ]
    assert aggregates.improvement(SCORES, OTHER) == pytest.approx(np.mean(each))
    assert aggregates.improvement(SCORES, SCORES) == pytest.approx(0.5)
    assert aggregates.improvement(SCORES, OTHER) + aggregates.improvement(
        OTHER, SCORES
    ) == pytest.approx(1.0)


def test_a_profile_counts_runs_above_a_threshold_and_not_at_it():
    found = aggregates.profile(np.array([[0.0], [0.5], [0.5], [1.0]]), [-1.0, 0.0, 0.5, 0.75, 1.0])
    assert found.share.tolist() == [1.0, 0.75, 0.25, 0.25, 0.0] and np.isnan(found.low).all()
    banded = aggregates.profile(SCORES, np.linspace(0, 2, 21), RNG(0))
    assert (banded.low <= banded.share + 1e-12).all() and (
        banded.share <= banded.high + 1e-12
    ).all()


def test_the_bootstrap_draws_runs_within_their_task():
    table = np.array([[0.0, 100.0], [1.0, 101.0], [2.0, 102.0]])
    samples = []

    def statistic(scores):
        samples.append(scores)
        return aggregates.mean(scores)

    aggregates.estimate(table, statistic, RNG(1), resamples=20_000)
    drawn = np.concatenate([one for one in samples if one.ndim == 3])  # [20_000, runs, tasks]
    assert drawn.shape == (20_000, 3, 2)
    assert (drawn[..., 0] < 3).all() and (drawn[..., 1] >= 100).all()
    assert drawn.mean(axis=(1, 2)).std() == pytest.approx(
        np.sqrt(2 / 3 / 3 / 2), rel=0.03
    )  # variance 2/3 over 3 runs, averaged over 2 tasks


@pytest.mark.parametrize("runs", [1, 3, 4, 7, 10, 101])
def test_iqm_is_scipys_trimmed_mean_as_in_rliable(runs):
    values = RNG(runs).normal(size=(runs, 1))
    assert float(aggregates.iqm(values)) == pytest.approx(scipy_stats.trim_mean(values, 0.25)[0])


def test_the_bootstrap_of_a_mean_has_its_standard_error():
    values = RNG(1).normal(size=(400, 1))
    value, low, high = aggregates.estimate(values, aggregates.mean, RNG(2), resamples=4000)
    assert value == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.06)
    for level, resamples in ((1.0, 1000), (0.95, 10)):
        with pytest.raises(SandboxError):
            aggregates.estimate(values, aggregates.mean, RNG(2), level, resamples)


def test_the_interval_of_one_task_is_the_bootstrap_of_its_runs():
    """Figures of earlier comparisons stay: 10_000 draws of run numbers, and their quantiles."""
    table, rng = RNG(1).normal(size=(9, 1)), RNG(4)
    drawn = table[rng.integers(9, size=(10_000, 9))]  # [resamples, runs, 1]
    low, high = np.quantile(aggregates.iqm(drawn), [0.025, 0.975])
    assert aggregates.estimate(table, aggregates.iqm, RNG(4))[1:] == (low, high)


def test_many_runs_of_unequal_numbers_are_compared():
    left, right = RNG(1).normal(size=(60, 1)), RNG(2).normal(0.5, size=(75, 1))
    value, low, high = aggregates.improvement_estimate(left, right, RNG(3), resamples=2000)
    half = 1.96 * np.sqrt(value * (1 - value) / 60 / 2)  # roughly
    assert low < value < high and (high - low) / 2 == pytest.approx(half, rel=0.4)


def test_how_often_an_interval_of_few_runs_holds_the_true_mean():
    """What the docstring of `estimate` says: narrower than it claims."""
    rng, shares = RNG(5), {}
    for runs in (5, 10):
        drawn = rng.normal(size=(1500, runs, 1))
        found = [aggregates.estimate(one, aggregates.mean, rng, resamples=400) for one in drawn]
        shares[runs] = np.mean([one.low <= 0 <= one.high for one in found])
    assert shares[5] == pytest.approx(0.84, abs=0.03) and shares[10] == pytest.approx(
        0.90, abs=0.03
    )


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (np.arange(5.0), "two axes"),
        (np.zeros((2, 3, 4)), "two axes"),
        (np.zeros((1, 10)), "wrong way round"),
        (np.zeros((2, 1)), "at least 3 runs"),
        (np.array([[1.0], [np.nan], [2.0]]), "run 1, task 0 is nan"),
        (np.empty((0, 0)), "0 runs"),
    ],
)
def test_scores_that_mean_nothing_are_refused(scores, said):
    with pytest.raises(SandboxError) as error:
        aggregates.estimate(scores, aggregates.iqm, RNG(0))
    assert said in str(error.value)


def test_tables_of_different_tasks_are_refused():
    with pytest.raises(SandboxError, match="same"):
        aggregates.improvement(SCORES, SCORES[:, :2])


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=12),
    st.floats(-100, 100),
    st.floats(0.1, 10),
)
def test_an_interval_moves_and_stretches_with_the_scores(values, shift, stretch):
    table = np.array(values)[:, None]
    one = aggregates.estimate(table, aggregates.iqm, RNG(0), resamples=200)
    other = aggregates.estimate(stretch * table + shift, aggregates.iqm, RNG(0), resamples=200)
    assert np.array(other) == pytest.approx(
        stretch * np.array(one) + shift, rel=1e-6, abs=1e-6 * (1 + np.abs(table).max())
    )
    assert table.min() - 1e-6 <= one.low <= one.high <= table.max() + 1e-6


def test_errors_of_sampled_scores_widen_the_interval_as_normal_noise_does():
    table, noise = np.full((6, 1), 3.0), np.full((6, 1), 0.5)
    exact = aggregates.estimate(table, aggregates.mean, RNG(0))
    assert (exact.low, exact.high) == (3.0, 3.0)
    wide = aggregates.estimate(table, aggregates.mean, RNG(0), errors=noise)
    half = 1.96 * 0.5 / np.sqrt(6)  # of a mean of six
    assert wide.value == 3.0 and (wide.low, wide.high) == pytest.approx(
        (3 - half, 3 + half), abs=0.02
    )
    assert aggregates.estimate(table, aggregates.mean, RNG(0), errors=0 * noise) == exact


def test_the_share_of_wins_is_that_of_all_pairs_and_so_is_its_interval():
    left, right = RNG(1).normal(size=8).round(1), RNG(2).normal(0.3, size=9).round(1)
    won = (left[:, None] > right[None, :]) + 0.5 * (left[:, None] == right[None, :])
    by_pairs = aggregates.wins_estimate(won, RNG(0))
    by_scores = aggregates.improvement_estimate(left[:, None], right[:, None], RNG(0))
    assert by_pairs.value == pytest.approx(by_scores.value)
    assert (by_pairs.low, by_pairs.high) == pytest.approx((by_scores.low, by_scores.high), abs=0.03)
