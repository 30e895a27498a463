"""Times that may be censored: against arithmetic, SciPy's two-sample test, and the error rates that
they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, binom, logrank

from sandbox.errors import SandboxError
from sandbox.stats import time_to_threshold as times
from sandbox.stats.significance import permutation_p
from sandbox.stats.time_to_threshold import Arrival

RNG = np.random.default_rng


def run(scores):
    return times.curve(np.arange(1, len(scores) + 1) * 100, np.array(scores, dtype=np.float64))


def came(at, after=None, end=1000.0):
    return Arrival(0, float(at), float(at if after is None else after), end)


def never(end=1000.0):
    return Arrival(None, None, float(end), float(end))


def test_a_run_arrives_when_it_comes_and_stays():
    assert times.arrival(run([0, 1, 0, 1, 1]), 0.95) == (3, 400, 300, 500)
    assert times.arrival(run([1, 1]), 0.95) == (0, 100, 0, 200)
    assert times.arrival(run([1, 1, 0]), 0.95) == (None, None, 300, 300)
    assert times.arrival(run([3, 2, 1]), 2.0, higher_is_better=False) == (1, 200, 100, 300)


def test_95_percent_of_an_optimum_is_worse_than_it_whatever_its_sign():
    assert times.threshold(0.75) == pytest.approx(0.7125) and times.threshold(-13) == pytest.approx(
        -13.65
    )
    assert times.threshold(0.0) == 0.0 and times.threshold(
        2.0, higher_is_better=False
    ) == pytest.approx(2.1)


def test_the_median_counts_runs_that_never_arrive_as_later_than_all_others():
    assert times.median_time([came(100), never(), came(300)]).median == 300
    assert times.median_time([came(100), never(), never()]).median == math.inf
    assert (
        times.median_time([never(50), came(100), came(200)]).median == 100
    )  # half of those followed until 100 arrive then


def test_the_kaplan_meier_median_by_hand():
    # at risk 6, 5, (one censored at 25), 3, 2: S = 5/6, 4/6, 4/9, 2/9
    arrivals = [came(10), came(20), never(25), came(30), came(40), never(90)]
    assert times.median_time(arrivals).median == 30


def test_identical_times_have_no_spread():
    assert times.median_time([came(7)] * 3) == (7, 7, 7)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(3, 0, math.inf), (5, 10, math.inf), (6, 10, 60), (10, 20, 90)]
)
def test_the_interval_of_few_runs_is_open(count, low, high):
    found = times.median_time([came(10 * number) for number in range(1, count + 1)])
    assert (found.low, found.high) == (low, high)


def test_the_interval_has_the_coverage_of_the_sign_test():
    for count in (6, 10, 17):
        found = times.median_time([came(number) for number in range(1, count + 1)])
        inside = binom.cdf(count - found.low, count, 0.5) - binom.cdf(
            count - found.high, count, 0.5
        )
        assert inside >= 0.95


def test_an_arrival_that_is_not_seen_leaves_the_upper_end_open():
    found = times.median_time([came(number) for number in range(1, 8)] + [never()] * 4)
    assert found.median == 6 and found.high == math.inf and found.low == 2


@pytest.mark.parametrize("seed", range(5))
def test_log_rank_scores_add_up_to_the_log_rank_statistic(seed):
    rng = RNG(seed)
    groups = [
        [came(value) if value < 30 else never(30) for value in rng.integers(1, 40, size=size)]
        for size in (7, 9)
    ]
    ours = times.log_rank_scores([*groups[0], *groups[1]])
    assert ours.sum() == pytest.approx(0.0, abs=1e-12)
    data = [
        CensoredData(
            uncensored=[one.at for one in group if one.at],
            right=[one.end for one in group if not one.at],
        )
        for group in groups
    ]
    scipys = logrank(*data).statistic
    assert np.sign(ours[:7].sum()) == np.sign(scipys)
    both = [one for group in groups for one in group]
    expected, variance = 0.0, 0.0
    for moment in sorted({one.at for one in both if one.at}):
        risk = [sum((one.at or one.end) >= moment for one in group) for group in (groups[0], both)]
        here = sum(one.at == moment for one in both)
        expected += here * risk[0] / risk[1]
        if risk[1] > 1:
            share = risk[0] / risk[1]
            variance += here * share * (1 - share) * (risk[1] - here) / (risk[1] - 1)
    observed = sum(one.at is not None for one in groups[0])
    assert ours[:7].sum() == pytest.approx(observed - expected)
    assert abs(scipys) == pytest.approx(abs(observed - expected) / math.sqrt(variance))


def test_three_that_always_arrive_and_three_that_never_do_can_be_split_in_twenty_ways():
    always, never_ = [came(10), came(20), came(30)], [never()] * 3
    assert times.log_rank_p(always, never_) == pytest.approx(0.10)
    assert times.log_rank_p(never_, always) == pytest.approx(0.10)
    assert times.log_rank_p([*always, came(40), came(45)], [never()] * 5) == pytest.approx(2 / 252)


def test_what_one_could_not_see_is_not_compared():
    short, late = [never(60)] * 5, [came(160, 120, 500)] * 5
    assert times.log_rank_p(short, late) is None and times.log_rank_p(late, short) is None
    assert times.log_rank_p([never(60)] * 5, [never(500)] * 5) is None


def test_a_shorter_run_that_arrived_is_faster_than_one_that_had_not_by_then():
    quick, late = [came(20, 20, 60)] * 5, [came(160, 160, 500)] * 5
    assert times.log_rank_p(quick, late) == pytest.approx(2 / 252)
    assert times.sooner(times.cut(quick, 60), times.cut(late, 60)).mean() == 1.0


def test_no_group_is_faster_whose_runs_are_half_fast_and_else_never_arrive():
    """The scores favour the group that always arrives (p 0.018), the share of pairs the other."""
    half = [came(5, 4)] * 16 + [never()] * 14
    always = [came(10 + place, 9 + place) for place in range(30)]
    assert times.sooner(half, always).mean() == pytest.approx(16 / 30)
    scores = times.log_rank_scores([*half, *always])
    assert scores[:30].sum() < 0 and permutation_p(scores, 30) < 0.05
    assert times.log_rank_p(half, always) == times.log_rank_p(always, half) == 1.0


def test_a_coarser_grid_of_evaluations_is_no_difference():
    fine = [came(value, value - 1) for value in (101, 104, 107, 110, 113)]
    coarse = [
        came(150, 100)
    ] * 5  # counted at the later evaluation, though all may have arrived at 101
    assert times.log_rank_p(fine, coarse) == 1.0
    assert times.log_rank_p(fine, [came(200, 150)] * 5) == pytest.approx(2 / 252)


def test_runs_evaluated_at_the_same_points_are_counted_there():
    early, late = [came(20, 10)] * 5, [came(30, 20)] * 5
    assert times.log_rank_p(early, late) == pytest.approx(2 / 252)
    assert times.log_rank_p([*early, came(40, 30)] * 2, [*late, came(40, 30)] * 2) < 0.05


def test_pairs_of_which_nobody_knows_who_was_first_count_half():
    assert times.sooner([came(5), never(4)], [came(6), never(3)]).tolist() == [
        [1.0, 0.5],
        [0.5, 0.5],
    ]
    assert times.sooner([came(5)], [came(5)]).tolist() == [[0.5]] and times.sooner(
        [came(9)], [never(9)]
    ).tolist() == [[1.0]]


ARRIVALS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=6)


@given(ARRIVALS, ARRIVALS)
def test_the_test_is_symmetric_and_depends_on_order_alone(one, other):
    def made(pairs, stretch=1.0):
        return [
            came(at * stretch, end=max(at, end) * stretch) if at <= end else never(end * stretch)
            for at, end in pairs
        ]

    p = times.log_rank_p(made(one), made(other))
    assert p is None or 0 < p <= 1
    assert times.log_rank_p(made(other), made(one)) == (p if p is None else pytest.approx(p))
    assert times.log_rank_p(made(one, 7.0), made(other, 7.0)) == (
        p if p is None else pytest.approx(p)
    )
    won = times.sooner(made(one), made(other))
    assert (won + times.sooner(made(other), made(one)).T == 1).all()


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_equal_agents_are_seldom_told_apart_whatever_their_lengths_and_grids(seeds):
    rng = RNG(seeds)
    grids = [
        np.unique(np.geomspace(100, 500_000, 30)),
        np.linspace(2000, 60_000, 30),
        np.linspace(5000, 300_000, 20),
    ]

    def runs(grid):
        found = []
        for moment in rng.exponential(60_000, size=seeds):
            place = int(np.searchsorted(grid, moment))
            here = place < len(grid)
            found.append(
                Arrival(place, grid[place], grid[place - 1] if place else 0.0, grid[-1])
                if here
                else never(grid[-1])
            )
        return found

    values = [
        times.log_rank_p(runs(grids[number % 3]), runs(grids[number % 2])) for number in range(300)
    ]
    assert np.mean([value is not None and value < 0.05 for value in values]) <= 0.05


def test_curves_meet_on_a_common_axis_without_looking_ahead():
    one, other = run([1, 2, 3, 4]), times.curve(np.array([150, 250]), np.array([10.0, 20.0]))
    places = times.grid([one, other])
    assert places.tolist() == [150, 200, 250]
    assert times.on_grid([one, other], places).tolist() == [[1, 2, 2], [10, 10, 20]]
    assert len(times.grid([run(range(1000))], 50)) == 50


@pytest.mark.parametrize(
    ("at", "score"), [([1, 2], [1.0]), ([], []), ([2, 1], [0.0, 0.0]), ([1, 2], [0.0, np.nan])]
)
def test_curves_that_mean_nothing_are_refused(at, score):
    with pytest.raises(SandboxError):
        times.curve(np.array(at), np.array(score))
