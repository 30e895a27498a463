"""Aggregates of scores against rliable's formulas, closed forms and SciPy; rank tests against published tables and permutations."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from sandbox import aggregates, rank_test, reaching
from sandbox.errors import SandboxError

RNG = np.random.default_rng
SCORES = np.array([[0.62, 1.10, 0.05], [0.71, 0.98, 0.20], [0.66, 1.31, 0.11], [0.90, 1.02, 0.02], [0.58, 1.27, 0.33]])  # [runs, tasks]
OTHER = np.array([[0.62, 0.88, 0.20], [0.40, 1.10, 0.41], [0.77, 0.95, 0.09], [0.51, 1.05, 0.26]])  # [runs, tasks]

# What rliable's formulas give for these two, worked out with SciPy: trim_mean(scores, 0.25, axis=None); the mean over tasks of the means over
# runs; 1 - mean(minimum(scores, 1)); mannwhitneyu(…, alternative="greater") of 14.5, 15.5 and 5.5 over 20 pairs each, averaged.
RLIABLE = {"iqm": 0.66666667, "mean": 0.65733333, "gap": 0.38933333, "improvement": 35.5 / 60}


def test_aggregates_are_those_of_rliable():
    assert float(aggregates.iqm(SCORES)) == pytest.approx(scipy_stats.trim_mean(SCORES, 0.25, axis=None))
    assert float(aggregates.mean(SCORES)) == pytest.approx(np.mean(np.mean(SCORES, axis=0)))
    assert float(aggregates.optimality_gap(1.0)(SCORES)) == pytest.approx(1.0 - np.mean(np.minimum(SCORES, 1.0)))
    assert float(aggregates.median(SCORES)) == np.median(SCORES)


def test_aggregates_give_the_stored_figures():
    assert float(aggregates.iqm(SCORES)) == pytest.approx(RLIABLE["iqm"])
    assert float(aggregates.mean(SCORES)) == pytest.approx(RLIABLE["mean"])
    assert float(aggregates.optimality_gap(1.0)(SCORES)) == pytest.approx(RLIABLE["gap"])
    assert aggregates.improvement(SCORES, OTHER) == pytest.approx(RLIABLE["improvement"])


def test_improvement_is_the_mann_whitney_statistic_over_pairs_as_in_rliable():
    each = [
        scipy_stats.mannwhitneyu(SCORES[:, task], OTHER[:, task], alternative="greater").statistic / (len(SCORES) * len(OTHER))
        for task in range(3)
    ]
    assert aggregates.improvement(SCORES, OTHER) == pytest.approx(np.mean(each))
    assert aggregates.improvement(SCORES, SCORES) == pytest.approx(0.5)
    assert aggregates.improvement(SCORES, OTHER) + aggregates.improvement(OTHER, SCORES) == pytest.approx(1.0)


def test_a_profile_counts_runs_above_a_threshold_and_not_at_it():
    found = aggregates.profile(np.array([[0.0], [0.5], [0.5], [1.0]]), [-1.0, 0.0, 0.5, 0.75, 1.0])
    assert found.share.tolist() == [1.0, 0.75, 0.25, 0.25, 0.0] and np.isnan(found.low).all()
    banded = aggregates.profile(SCORES, np.linspace(0, 2, 21), RNG(0))
    assert (banded.low <= banded.share + 1e-12).all() and (banded.share <= banded.high + 1e-12).all()


def test_the_bootstrap_draws_runs_within_their_task():
    table = np.array([[0.0, 100.0], [1.0, 101.0], [2.0, 102.0]])
    for sample in aggregates.resampled(table, RNG(0), 50):
        assert (sample[..., 0] < 3).all() and (sample[..., 1] >= 100).all()
    means = np.concatenate([sample.mean(axis=(1, 2)) for sample in aggregates.resampled(table, RNG(1), 20_000)])
    assert means.std() == pytest.approx(np.sqrt(2 / 3 / 3 / 2), rel=0.03)  # variance 2/3 over 3 runs, averaged over 2 tasks


def test_how_often_an_interval_of_few_runs_holds_the_true_mean():
    """What the docstring of `estimate` says: narrower than it claims."""
    rng, shares = RNG(5), {}
    for runs in (5, 10):
        drawn = rng.normal(size=(1500, runs, 1))
        found = [aggregates.estimate(one, aggregates.mean, rng, resamples=400) for one in drawn]
        shares[runs] = np.mean([one.low <= 0 <= one.high for one in found])
    assert shares[5] == pytest.approx(0.84, abs=0.03) and shares[10] == pytest.approx(0.90, abs=0.03)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (np.arange(5.0), "two axes"),
        (np.zeros((2, 3, 4)), "two axes"),
        (np.zeros((1, 10)), "wrong way round"),
        (np.zeros((2, 1)), "at least 3 runs"),
        (np.array([[1.0], [np.nan], [2.0]]), "run 1, task 0 is nan"),
        ({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0]}, "unequally many runs (a: 3, b: 2)"),
        ({}, "0 runs"),
    ],
)
def test_scores_that_mean_nothing_are_refused(scores, said):
    with pytest.raises(SandboxError) as error:
        aggregates.estimate(scores, aggregates.iqm, RNG(0))
    assert said in str(error.value)


def test_tables_of_different_tasks_are_refused():
    with pytest.raises(SandboxError, match="same"):
        aggregates.improvement(SCORES, SCORES[:, :2])


def test_scores_by_task_are_the_same_as_a_table():
    by_task = {f"task {number}": SCORES[:, number] for number in range(3)}
    assert aggregates.estimate(by_task, aggregates.iqm, RNG(3)) == aggregates.estimate(SCORES, aggregates.iqm, RNG(3))


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=12), st.floats(-100, 100), st.floats(0.1, 10))
def test_an_interval_moves_and_stretches_with_the_scores(values, shift, stretch):
    table = np.array(values)[:, None]
    one = aggregates.estimate(table, aggregates.iqm, RNG(0), resamples=200)
    other = aggregates.estimate(stretch * table + shift, aggregates.iqm, RNG(0), resamples=200)
    assert np.array(other) == pytest.approx(stretch * np.array(one) + shift, rel=1e-6, abs=1e-6 * (1 + np.abs(table).max()))
    assert table.min() - 1e-6 <= one.low <= one.high <= table.max() + 1e-6


# -- rank tests


@pytest.mark.parametrize(
    ("count", "statistic", "tail"),  # Mann & Whitney (1947), table I: P(U <= u) for n = m
    [(3, 0, 0.050), (3, 1, 0.100), (4, 1, 0.029), (5, 2, 0.016), (5, 4, 0.048), (6, 5, 0.021), (7, 8, 0.019), (8, 13, 0.025)],
)
def test_the_rank_sum_test_gives_the_tails_of_mann_and_whitney_1947(count, statistic, tail):
    left, right = with_statistic(count, statistic)
    assert rank_test.rank_sum(left, right) / 2 == pytest.approx(tail, abs=5e-4)


def with_statistic(count, statistic):
    """Two groups without ties in which exactly `statistic` pairs are won by the first."""
    order = next(chosen for chosen in combinations(range(2 * count), count) if sum(chosen) - count * (count - 1) // 2 == statistic)
    return list(order), [rank for rank in range(2 * count) if rank not in order]


@pytest.mark.parametrize("seed", range(6))
def test_the_rank_sum_test_is_scipys_exact_one_without_ties(seed):
    left, right = RNG(seed).normal(size=7), RNG(seed + 50).normal(0.8, size=9)
    wanted = scipy_stats.mannwhitneyu(left, right, alternative="two-sided", method="exact").pvalue
    assert rank_test.rank_sum(left, right) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(4))
def test_with_ties_it_is_the_share_of_all_splits(seed):
    left, right = RNG(seed).integers(0, 4, 5), RNG(seed + 9).integers(1, 5, 4)
    ranks = scipy_stats.rankdata(np.concatenate([left, right]))
    sums = np.array([ranks[list(chosen)].sum() for chosen in combinations(range(9), 5)])
    observed = ranks[:5].sum()
    wanted = min(1.0, 2 * min((sums <= observed + 1e-9).mean(), (sums >= observed - 1e-9).mean()))
    assert rank_test.rank_sum(left, right) == pytest.approx(wanted)


def test_the_approximation_for_many_runs_continues_the_exact_test(monkeypatch):
    left, right = RNG(1).normal(size=55).round(1), RNG(2).normal(0.45, size=60).round(1)
    exact = rank_test.rank_sum(left, right)
    monkeypatch.setattr(rank_test, "EXACT", 0)
    assert rank_test.rank_sum(left, right) == pytest.approx(exact, rel=0.15)
    wanted = scipy_stats.mannwhitneyu(left, right, alternative="two-sided", method="asymptotic").pvalue
    assert rank_test.rank_sum(left, right) == pytest.approx(wanted)
    assert rank_test.rank_sum([1.0] * 70, [1.0] * 70) == 1.0


def test_three_seeds_against_three_can_never_be_told_apart_with_95_percent():
    assert rank_test.rank_sum([1, 2, 3], [7, 8, 9]) == pytest.approx(rank_test.least_p(3, 3)) == pytest.approx(0.1)


def test_holm_corrects_as_in_the_textbook():
    assert rank_test.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert rank_test.holm([]) == [] and rank_test.holm([0.7, 0.8]) == pytest.approx([1.0, 1.0])


# -- reaching a threshold


def run(scores):
    return reaching.curve(np.arange(1, len(scores) + 1) * 100, np.array(scores, dtype=np.float64))


def test_a_threshold_is_reached_when_a_run_comes_and_stays():
    found = reaching.reached(run([0, 1, 0, 1, 1]), 0.95)
    assert (found.index, found.at, found.after, found.last) == (3, 400, 300, 500)
    assert reaching.reached(run([1, 1]), 0.95).at == 100 and reaching.reached(run([1, 1]), 0.95).after == 0
    assert reaching.reached(run([1, 1, 0]), 0.95).at is None


def test_95_percent_of_an_optimum_is_below_it_for_negative_returns_too():
    assert reaching.threshold(0.75) == pytest.approx(0.7125) and reaching.threshold(-13) == pytest.approx(-13.65)
    assert reaching.threshold(0.0) == 0.0


def test_runs_that_never_reach_count_with_all_their_steps():
    times = [100.0, None, 300.0, None]
    assert reaching.restricted(times, 250).tolist() == [100, 250, 250, 250]
    assert reaching.restricted_mean(times, 500, None).value == (100 + 500 + 300 + 500) / 4
    assert reaching.median_time([100.0, None, 300.0]) == 300 and reaching.median_time([100.0, 300.0]) == 200
    assert reaching.median_time(times) is None and reaching.median_time([None]) is None


def test_curves_meet_on_a_common_axis_without_looking_ahead():
    one, other = run([1, 2, 3, 4]), reaching.curve(np.array([150, 250]), np.array([10.0, 20.0]))
    places = reaching.grid([one, other])
    assert places.tolist() == [150, 200, 250]
    assert reaching.on_grid([one, other], places).tolist() == [[1, 2, 2], [10, 10, 20]]
    assert len(reaching.grid([run(range(1000))], 50)) == 50


@pytest.mark.parametrize(("at", "score"), [([1, 2], [1.0]), ([], []), ([2, 1], [0.0, 0.0]), ([1, 2], [0.0, np.nan])])
def test_curves_that_mean_nothing_are_refused(at, score):
    with pytest.raises(SandboxError):
        reaching.curve(np.array(at), np.array(score))
