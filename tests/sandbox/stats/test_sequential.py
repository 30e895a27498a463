"""The group-sequential test: its error by simulation and by exact sums, and who goes on."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks import sequential as simulation
from sandbox.stats import sequential
from sandbox.stats.aggregates import iqm
from sandbox.stats.sequential import decide, iqm_interval
from sandbox.stats.significance import ALPHA

COUNTS = [10, 20, 30, 40, 50]


def decided(p_values, scores, margin=0.0075, available=None, counts=COUNTS, pairs=None):
    """`decide` with a p-value for each pair of agents, the same at each look or seeds -> p."""
    tests = list(combinations(scores, 2))

    def p_value(place, seeds):
        p = p_values[place]
        return p(seeds) if callable(p) else p

    return decide(
        tests,
        len(tests) if pairs is None else pairs,
        available or dict.fromkeys(scores, counts[-1]),
        counts,
        margin,
        p_value,
        lambda agent, seeds: scores[agent][:seeds],
    )


@pytest.mark.parametrize("agents", [2, 3, 5])
@pytest.mark.parametrize("name", simulation.EQUAL)
def test_equal_agents_are_told_apart_in_at_most_5_percent_of_comparisons(name, agents):
    made = simulation.simulated([simulation.EQUAL[name]] * agents, 100, 1)
    assert (made.shown != 0).any(axis=1).mean() <= 0.05
    if name == "no spread":  # 0.75 ** 30, the first look at which a failing quarter is ruled out
        assert made.equal.all() and (made.seeds == 30).all()


def test_the_error_holds_where_only_some_agents_are_equal():
    better = simulation.bell(0.7)
    made = simulation.simulated([simulation.bell()] * 3 + [better] * 2, 100, 2)
    alike = [one // 3 == other // 3 for one, other in combinations(range(5), 2)]
    assert (made.shown[:, alike] != 0).any(axis=1).mean() <= 0.05
    assert (made.shown[:, np.logical_not(alike)] == -1).mean() > 0.99


def test_each_look_spends_in_proportion_to_its_seeds_and_holm_divides_that():
    scores = {agent: np.linspace(0, 1, 50) for agent in "abc"}
    # 0.04 · 10 / 150 / 3 tests: 0.00089 decides at the first look, and then 0.04 · 20 / 150 / 2
    share = 0.04 * 10 / 150 / 3
    first, second = 0.999 * share, 0.999 * share * 2 * 3 / 2
    made, active = decided([first, second, 0.5], scores)
    assert [one.seeds for one in made] == [10, 20, 50] and active == ["b", "c"]
    assert made[0].corrected == pytest.approx(0.05 * 0.999)
    assert made[1].corrected == pytest.approx(0.05 * 0.999)
    late, _ = decided([1.001 * share, 1.0, 1.0], scores)
    assert late[0].seeds == 20  # a first look that spent a third more would have decided


def test_a_pair_shown_to_be_equal_stays_in_the_correction():
    flat = {"a": np.full(50, 0.75), "b": np.full(50, 0.75), "c": np.linspace(0, 1, 50)}
    p = 0.04 * 50 / 150 / 3
    made, active = decided([1.0, lambda seeds: p * 1.01 if seeds == 50 else 1.0, 1.0], flat)
    assert made[0].equal and made[0].seeds == 30
    assert not made[1].decided and active == ["a", "b", "c"]
    made, _ = decided([1.0, lambda seeds: p * 0.99 if seeds == 50 else 1.0, 1.0], flat)
    assert made[1].corrected < 0.05 and made[1].seeds == 50


def test_an_agent_stops_when_all_its_pairs_are_decided():
    scores = {"a": np.full(50, 0.75), "b": np.full(50, 0.75), "c": np.zeros(50)}
    asked = []
    made, active = decide(
        [("a", "b"), ("a", "c"), ("b", "c")],
        3,
        {"a": 30, "b": 30, "c": 10},  # there are no more seeds of c, and none is missed
        COUNTS,
        0.0075,
        lambda place, seeds: asked.append((place, seeds)) or (1e-5 if place else 1.0),
        lambda agent, seeds: scores[agent][:seeds],
    )
    assert active == [] and [one.seeds for one in made] == [30, 10, 10]
    assert asked == [(0, 10), (1, 10), (2, 10), (0, 20), (0, 30)]


def test_seeds_that_are_not_there_yet_are_asked_for():
    scores = {agent: np.linspace(0, 1, 50) for agent in "ab"}
    made, active = decided([0.5], scores, available={"a": 20, "b": 20})
    assert active == ["a", "b"] and made[0].seeds == 20 and not made[0].decided


def test_an_agent_with_fixed_scores_is_at_every_look_and_asks_for_nothing():
    scores = {"a": np.full(50, 0.75), "theirs": np.full(10, 0.75)}
    made, active = decided([1.0], scores, available={"a": 50, "theirs": 0})
    assert not made[0].decided and made[0].seeds == 50 and active == ["a"]
    scores["theirs"] = np.full(40, 0.75)
    made, active = decided([1.0], scores, available={"a": 50, "theirs": 0})
    assert made[0].equal and made[0].seeds == 30 and active == []


def test_tests_without_a_margin_keep_nobody_waiting_and_cannot_be_equal():
    scores = {"a": np.full(50, 0.75), "b": np.full(50, 0.75)}
    made, active = decide(
        [("a", "b"), ("a", "b")],
        1,
        dict.fromkeys("ab", 50),
        COUNTS,
        0.01,
        lambda place, seeds: None if place else 1.0,
        lambda agent, seeds: scores[agent][:seeds],
    )
    assert made[0].equal and active == [] and not made[1].decided
    assert made[1].p is None and made[1].seeds == 30


def test_equality_is_not_shown_before_25_seeds_nor_beside_a_difference():
    scores = {"a": np.full(90, 0.75), "b": np.full(90, 0.75)}
    made, active = decided([1.0], scores, counts=[12, 24])
    assert not made[0].equal and active == ["a", "b"]
    made, _ = decided([1e-9], scores, counts=[50])
    assert made[0].decided and not made[0].equal


@pytest.mark.parametrize("runs", [25, 30, 50, 100])
@pytest.mark.parametrize("error", [0.001, 0.01, 0.05])
def test_the_interval_of_an_interquartile_mean_holds_for_two_peaks_exactly(runs, error):
    for failing in (0.05, 0.2, 0.26, 0.3, 0.5, 0.74, 0.9):
        true = 1 - 2 * min(max(failing - 0.25, 0.0), 0.5)  # scores 0 and 1
        below = above = 0.0
        for zeros in range(runs + 1):
            low, high = iqm_interval(np.arange(runs) >= zeros, error)
            chance = float(binom.pmf(zeros, runs, failing))
            below, above = below + chance * (high < true), above + chance * (low > true)
        assert below <= error / 2 and above <= error / 2


@pytest.mark.parametrize("draw", ["normal", "standard_exponential", "standard_cauchy"])
def test_the_interval_contains_the_mean_of_other_distributions(draw):
    rng = np.random.default_rng(5)
    true = float(iqm(getattr(rng, draw)(size=(1_000_000, 1))))
    bounds = np.array([iqm_interval(getattr(rng, draw)(size=50), 0.2) for _ in range(500)])
    inside = ((bounds[:, 0] <= true) & (true <= bounds[:, 1])).mean()
    assert inside >= 0.8
    assert (np.diff(bounds) < 4).mean() > 0.5  # it is no interval that contains everything


def test_equal_scores_bound_the_mean_once_a_failing_quarter_is_ruled_out():
    error, share = 0.0005, sequential.FIRST
    enough = next(runs for runs in range(1, 99) if 0.75**runs < share * error / 2)
    assert iqm_interval(np.full(enough, 3.0), error) == (3.0, 3.0)
    assert iqm_interval(np.full(enough - 1, 3.0), error) == (-np.inf, np.inf)


def test_differences_and_equality_share_the_error():
    assert abs(sequential.DIFFERENCE + sequential.EQUALITY - ALPHA) < 1e-12
