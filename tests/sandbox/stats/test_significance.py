"""Tests of difference against published tables, SciPy, and every arrangement counted one by one."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from benchmarks import coverage
from sandbox.stats import significance

RNG = np.random.default_rng


def rank_sum(one, other):
    """The test of scores on one task."""
    left, right = (np.asarray(scores, dtype=float)[:, None] for scores in (one, other))
    return significance.rank_sum_by_task(left, right)


@pytest.mark.parametrize(
    ("count", "statistic", "tail"),  # Mann & Whitney (1947), table I: P(U <= u) for n = m
    [
        (3, 0, 0.050),
        (3, 1, 0.100),
        (4, 1, 0.029),
        (5, 2, 0.016),
        (5, 4, 0.048),
        (6, 5, 0.021),
        (7, 8, 0.019),
        (8, 13, 0.025),
    ],
)
def test_the_rank_sum_test_gives_the_tails_of_mann_and_whitney_1947(count, statistic, tail):
    left, right = with_statistic(count, statistic)
    assert rank_sum(left, right) / 2 == pytest.approx(tail, abs=5e-4)


def with_statistic(count, statistic):
    """Two groups without ties in which exactly `statistic` pairs are won by the first."""
    order = next(
        chosen
        for chosen in combinations(range(2 * count), count)
        if sum(chosen) - count * (count - 1) // 2 == statistic
    )
    return list(order), [rank for rank in range(2 * count) if rank not in order]


@pytest.mark.parametrize("seed", range(6))
def test_the_rank_sum_test_is_scipys_exact_one_without_ties(seed):
    left, right = RNG(seed).normal(size=7), RNG(seed + 50).normal(0.8, size=9)
    wanted = scipy_stats.mannwhitneyu(left, right, alternative="two-sided", method="exact").pvalue
    assert rank_sum(left, right) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(4))
def test_with_ties_it_is_the_share_of_all_splits(seed):
    left, right = RNG(seed).integers(0, 4, 5), RNG(seed + 9).integers(1, 5, 4)
    ranks = scipy_stats.rankdata(np.concatenate([left, right]))
    sums = np.array([ranks[list(chosen)].sum() for chosen in combinations(range(9), 5)])
    observed = ranks[:5].sum()
    wanted = min(1.0, 2 * min((sums <= observed + 1e-9).mean(), (sums >= observed - 1e-9).mean()))
    assert rank_sum(left, right) == pytest.approx(wanted)


def test_the_approximation_for_many_runs_continues_the_exact_test(monkeypatch):
    left, right = RNG(1).normal(size=55).round(1), RNG(2).normal(0.45, size=60).round(1)
    exact = rank_sum(left, right)
    monkeypatch.setattr(significance, "EXACT", 0)
    assert rank_sum(left, right) == pytest.approx(exact, rel=0.15)
    wanted = scipy_stats.mannwhitneyu(
        left, right, alternative="two-sided", method="asymptotic"
    ).pvalue
    assert rank_sum(left, right) == pytest.approx(wanted)
    assert rank_sum([1.0] * 70, [1.0] * 70) == 1.0


def test_three_seeds_against_three_can_never_be_told_apart_with_95_percent():
    assert (
        rank_sum([1, 2, 3], [7, 8, 9])
        == pytest.approx(significance.least_p(3, 3))
        == pytest.approx(0.1)
    )


def test_holm_corrects_as_in_the_textbook():
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert significance.holm([]) == [] and significance.holm([0.7, 0.8]) == pytest.approx(
        [1.0, 1.0]
    )


@given(
    st.lists(st.sampled_from([-1.5, 0.0, 0.25, 1.0, 3.0]), min_size=2, max_size=9),
    st.integers(1, 8),
)
def test_a_permutation_test_counts_every_choice(scores, chosen):
    chosen = min(chosen, len(scores) - 1)
    values = np.array(scores)
    sums = np.array(
        [values[list(places)].sum() for places in combinations(range(len(values)), chosen)]
    )
    observed = values[:chosen].sum()
    wanted = min(1.0, 2 * min((sums <= observed + 1e-9).mean(), (sums >= observed - 1e-9).mean()))
    assert significance.permutation_p(values, chosen) == pytest.approx(wanted)


def test_a_permutation_test_of_ranks_is_the_rank_sum_test():
    left, right = RNG(3).normal(size=9).round(1), RNG(4).normal(0.6, size=11).round(1)
    ranks = 2 * scipy_stats.rankdata(np.concatenate([left, right]))
    assert significance.permutation_p(ranks, 9) == pytest.approx(rank_sum(left, right))


def test_many_scores_are_approximated_where_counting_would_take_too_long(monkeypatch):
    scores = RNG(5).normal(size=36)
    exact = significance.permutation_p(scores, 18)
    monkeypatch.setattr(significance, "EXACT_SCORES", 10)
    assert significance.permutation_p(scores, 18) == pytest.approx(exact, rel=0.1)
    assert significance.permutation_p(np.ones(80), 40) == 1.0


@pytest.mark.parametrize("seeds", [21, 25, 50, 61, 100, 600])
@pytest.mark.parametrize("way", [1.0, -1.0])
def test_few_runs_unlike_all_others_are_counted_however_many_there_are(seeds, way):
    """The normal approximation halves their p: 0.0196 for 5 of 25 runs, which is 0.0502."""
    scores = np.zeros(2 * seeds)
    scores[:5] = way
    wanted = 2 * comb(seeds, 5) / comb(2 * seeds, 5)
    assert significance.permutation_p(scores, seeds) == pytest.approx(wanted)
    assert rank_sum(scores[:seeds], scores[seeds:]) == pytest.approx(wanted)


def test_few_runs_unlike_all_others_are_counted_on_several_tasks():
    left, right = np.zeros((90, 3)), np.zeros((90, 3))
    left[:2] = 1.0
    wanted = 2 * (comb(90, 2) / comb(180, 2)) ** 3
    assert significance.rank_sum_by_task(left, right) == pytest.approx(wanted)


def test_more_than_forty_scores_are_rounded_by_less_than_changes_their_p(monkeypatch):
    scores = RNG(5).exponential(size=38)
    scores[:19] += 0.5
    exact = significance.permutation_p(scores, 19)
    monkeypatch.setattr(significance, "EXACT_SCORES", 10)
    assert significance.permutation_p(scores, 19) == pytest.approx(exact, rel=0.05)


def test_the_seeds_that_a_verdict_needs_are_the_fewest_that_allow_one():
    for tests in (1, 2, 6, 20):
        needed = significance.seeds_needed(tests)
        assert (
            tests * significance.least_p(needed, needed)
            < 0.05
            <= tests * significance.least_p(needed - 1, needed - 1)
        )


def test_the_test_over_tasks_is_the_share_of_all_splits_within_each_task():
    rng = RNG(3)
    left, right = rng.integers(0, 3, (3, 2)), rng.integers(0, 4, (4, 2))
    ranks = scipy_stats.rankdata(np.concatenate([left, right]), axis=0)
    splits = [list(chosen) for chosen in combinations(range(7), 3)]
    sums = np.add.outer(*(np.array([column[one].sum() for one in splits]) for column in ranks.T))
    observed = ranks[:3].sum()
    wanted = min(1.0, 2 * min((sums <= observed + 1e-9).mean(), (sums >= observed - 1e-9).mean()))
    assert significance.rank_sum_by_task(left, right) == pytest.approx(wanted)


def test_of_one_task_the_test_over_tasks_is_the_rank_sum_test():
    left, right = RNG(1).normal(size=(6, 1)), RNG(2).normal(1, size=(7, 1))
    assert significance.rank_sum_by_task(left, right) == rank_sum(left[:, 0], right[:, 0])
    left, right = RNG(1).normal(size=(70, 1)), RNG(2).normal(0.5, size=(70, 1))
    wanted = scipy_stats.mannwhitneyu(left[:, 0], right[:, 0], method="asymptotic").pvalue
    assert significance.rank_sum_by_task(left, right) == wanted  # as before there were tasks


def test_beyond_the_exact_test_over_tasks_the_normal_approximation_is_near_it(monkeypatch):
    left, right = RNG(4).integers(0, 6, (20, 4)), RNG(5).integers(0, 7, (20, 4))
    exact = significance.rank_sum_by_task(left, right)
    monkeypatch.setattr(significance, "EXACT", 0)
    assert significance.rank_sum_by_task(left, right) == pytest.approx(exact, rel=0.1)
    same = np.ones((20, 4))
    assert significance.rank_sum_by_task(same, same) == 1.0


def test_agents_without_overlap_on_any_task_have_the_least_p():
    left, right = np.zeros((3, 2)), np.ones((3, 2))
    assert significance.rank_sum_by_task(left, right) == pytest.approx(
        significance.least_p(3, 3, 2)
    )
    assert significance.least_p(3, 3, 2) == pytest.approx(2 / 20**2)
    assert significance.seeds_needed(1, 2) == 3 and significance.seeds_needed(1) == 4


@pytest.mark.parametrize("kind", coverage.KINDS)
def test_equal_agents_are_called_different_on_several_tasks_in_at_most_5_percent(kind):
    """1000 pairs: 1.3 % of chance in two standard errors."""
    assert coverage.wrong_verdicts(kind, seeds=5, comparisons=1000) <= 0.064
