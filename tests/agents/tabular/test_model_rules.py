"""Learned models: outcomes, queues and bonuses by hand; many planning steps against exact
solvers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from agents.planning import solvers as planning
from agents.tabular.kernels import Own, Step
from agents.tabular.rules import model_rules
from agents.tabular.rules.model_rules import (
    dyna,
    observe,
    pop,
    prioritized_sweeping,
    push,
    r_max,
    ucb_vi,
)

DISCOUNT = 0.9
STATES, ACTIONS = 4, 2


class Bench:
    """A rule as a plain function, fed with steps that were written down."""

    def __init__(
        self,
        rule: Any,
        settings: list[float],
        rows: int = 20,
        start: float = 0.0,
        discount: float = DISCOUNT,
        alpha: float = 0.5,
    ) -> None:
        self.rule, self.settings, self.discount, self.alpha = (
            rule,
            np.array(settings, dtype=np.float64),
            discount,
            alpha,
        )
        self.q, self.scratch = np.full((STATES, ACTIONS), start), np.zeros((4, ACTIONS))
        self.memory, self.rows = np.zeros((4, STATES, ACTIONS)), np.zeros((rows, 8))
        self.counts, self.rng = (
            np.zeros((STATES, ACTIONS), dtype=np.int64),
            np.random.default_rng(0),
        )

    def step(
        self,
        state: int,
        action: int,
        reward: float,
        next_state: int,
        terminated: bool = False,
        number: int = 0,
        ended: bool = False,
    ) -> None:
        self.counts[state, action] += 1
        step = Step(
            number,
            state,
            action,
            reward,
            next_state,
            0,
            terminated,
            terminated or ended,
            self.alpha,
            self.discount,
            0.0,
            True,
        )
        own = Own(self.q, self.memory, self.rows, self.counts, self.settings, self.scratch)
        self.rule(own, step, None, self.rng)


def outcomes(bench: Bench, state: int, action: int) -> list[list[float]]:
    """Next state, terminated, times, sum of rewards; the newest first."""
    found, row = [], int(bench.memory[0, state, action])
    while row > 0:
        found.append(bench.rows[row, :4].tolist())
        row = int(bench.rows[row, 4])
    return found


def test_a_model_counts_what_each_pair_led_to() -> None:
    bench = Bench(dyna, [19, 0, 0, 0, 0])
    for reward, next_state, terminated in (
        (1.0, 1, False),
        (2.0, 2, False),
        (4.0, 1, False),
        (8.0, 1, True),
    ):
        bench.step(0, 1, reward, next_state, terminated)
    bench.step(3, 0, 5.0, 3)
    assert outcomes(bench, 0, 1) == [[1, 1, 1, 8], [2, 0, 1, 2], [1, 0, 2, 5]]
    assert outcomes(bench, 3, 0) == [[3, 0, 1, 5]]
    assert bench.rows[1:5, 5].tolist() == [1, 1, 1, 6]
    assert (
        model_rules.expected(np.ones((4, 2)), bench.rows, int(bench.memory[0, 0, 1]), 0.5)
        == (8 + (2 + 0.5) + (5 + 2 * 0.5)) / 4
    )


def test_a_model_of_last_outcomes_has_one_for_each_pair() -> None:
    bench = Bench(dyna, [19, 0, 0, 0, 1])
    for reward, next_state, terminated in ((1.0, 1, False), (2.0, 2, True), (3.0, 2, True)):
        bench.step(0, 1, reward, next_state, terminated)
    assert outcomes(bench, 0, 1) == [[2, 1, 1, 3]]


def test_outcomes_without_room_are_counted_and_change_nothing() -> None:
    bench = Bench(dyna, [2, 3, 0, 0, 0])
    for next_state in range(4):
        bench.step(0, 0, 1.0, next_state)
    assert bench.rows[0, :2].tolist() == [2, 2]
    assert len(outcomes(bench, 0, 0)) == 2


def test_outcomes_are_drawn_as_often_as_they_came_and_actions_alike() -> None:
    bench = Bench(dyna, [19, 0, 0, 0, 0])
    for next_state in (1, 2, 2, 2, 3):
        bench.step(0, 1, 0.0, next_state)
    row = int(bench.memory[0, 0, 1])
    drawn = [
        int(bench.rows[model_rules.drawn(bench.rows, row, u), 0]) for u in np.arange(0, 1, 0.1)
    ]
    assert np.bincount(drawn).tolist() == [0, 2, 6, 2]
    first_rows = np.zeros((1, 4))
    first_rows[0, [1, 3]] = 1.0
    assert [model_rules.candidate(first_rows, 0, False, u) for u in (0.0, 0.49, 0.5, 0.99)] == [
        1,
        1,
        3,
        3,
    ]
    assert [model_rules.candidate(first_rows, 0, True, u) for u in (0.0, 0.49, 0.5, 0.99)] == [
        0,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("planned", [0, 1, 7])
def test_planning_repeats_what_was_seen(planned: int) -> None:
    """One pair was seen: α = 1/2 halves the distance to 3 + 0.9 · 10 in the step and in every
    planned one."""
    bench = Bench(dyna, [19, planned, 0, 0, 0], start=10.0)
    bench.step(0, 1, 3.0, 1)
    assert bench.q[0, 1] == pytest.approx(12 - 2 * 0.5 ** (planned + 1))
    assert (np.delete(bench.q.ravel(), 1) == 10).all()


def test_curious_planning_adds_kappa_times_the_root_of_the_time_since_the_last_try() -> None:
    """State 0 alone was acted in: planning tries both of its actions, and the untried one leads
    back with reward 0."""
    bench = Bench(dyna, [19, 400, 2.0, 1, 0])
    for _ in range(9):
        bench.step(0, 1, 0.0, 3, terminated=True)
    assert bench.memory[1, 0].tolist() == [0, 9]
    assert bench.q[0, 1] == pytest.approx(0.0)
    assert bench.q[0, 0] == pytest.approx(
        2 * 3 / (1 - DISCOUNT), rel=1e-3
    )  # 2 √9 in each of all steps to come
    assert (bench.q[1:] == 0).all()


def walked(worlds: Any, bench: Bench, model: Any, steps: int) -> None:
    rng = np.random.default_rng(1)
    state = 0
    for _ in range(steps):
        action = int(rng.integers(ACTIONS))
        outcome = int((rng.random() < model.cumulative[state, action]).argmax())
        next_state, terminated = (
            int(model.next_state[state, action, outcome]),
            bool(model.terminated[state, action, outcome]),
        )
        bench.step(
            state, action, float(model.reward[state, action, outcome]), next_state, terminated
        )
        state = 0 if terminated else next_state


def certain(worlds: Any) -> Any:
    """A ring of four: forwards pays at the last, one action ends the episode."""
    ends = [[False, False], [False, False], [False, True], [False, False]]
    return worlds.make_model(
        [[1, 0], [2, 0], [3, 1], [0, 3]],
        [[0.0, 0.1], [0.0, 0.0], [0.0, 3.0], [1.0, 0.2]],
        terminated=ends,
    )


RULES = {
    "dyna": (dyna, [19, 60, 0, 0, 0]),
    "prioritized": (prioritized_sweeping, [19, 60, 1e-9]),
    "r-max": (r_max, [19, 1, 1e-12, 1000]),
}


@pytest.mark.parametrize("name", RULES)
def test_much_planning_in_a_certain_world_finds_the_optimum(name: str, worlds: Any) -> None:
    rule, settings = RULES[name]
    bench = Bench(rule, settings, start=40.0, alpha=1.0)
    walked(worlds, bench, certain(worlds), 200)
    assert bench.counts.min() > 0
    np.testing.assert_allclose(
        bench.q, planning.value_iteration(certain(worlds), DISCOUNT).q, atol=1e-6
    )


@pytest.mark.parametrize("name", RULES)
def test_pairs_that_were_never_tried_keep_their_value_in_all_plans(name: str, worlds: Any) -> None:
    """Action 1 of states 0 and 3 stays at 5: the same as a world in which it ends the episode with
    5."""
    rule, settings = RULES[name]
    bench, model = Bench(rule, settings, start=5.0, alpha=1.0), certain(worlds)
    for _ in range(100):
        for state, action in ((0, 0), (1, 1), (0, 0), (1, 0), (2, 0), (3, 0), (2, 1)):
            outcome = model.next_state[state, action, 0], bool(model.terminated[state, action, 0])
            bench.step(
                state, action, float(model.reward[state, action, 0]), int(outcome[0]), outcome[1]
            )
    for state in (0, 3):
        model.reward[state, 1], model.terminated[state, 1] = 5.0, True
    np.testing.assert_allclose(bench.q, planning.value_iteration(model, DISCOUNT).q, atol=1e-6)


@pytest.mark.parametrize("name", ["prioritized", "r-max"])
def test_expected_updates_solve_the_world_that_was_seen(name: str, worlds: Any) -> None:
    """Frequencies as probabilities, solved exactly; R-max takes the first 20 visits of each
    pair."""
    rule = RULES[name][0]
    visits = 20 if name == "r-max" else 10**9
    settings = [99, visits, 1e-12, 1000] if name == "r-max" else [99, 60, 1e-9]
    bench = Bench(rule, settings, rows=100, alpha=1.0)
    model = worlds.random_model(0, states=STATES, actions=ACTIONS, outcomes=3, start=(0,))
    seen = np.zeros(
        (STATES, ACTIONS, STATES, 2)
    )  # times, by next state and whether the episode terminated
    rewards = np.zeros((STATES, ACTIONS))

    class Noting(Bench):
        def step(
            self,
            state: int,
            action: int,
            reward: float,
            next_state: int,
            terminated: bool = False,
            **rest: Any,
        ) -> None:
            if seen[state, action].sum() < visits:
                seen[state, action, next_state, int(terminated)] += 1
                rewards[state, action] += reward
            bench.step(state, action, reward, next_state, terminated)

    walked(worlds, Noting(rule, settings), model, 1200)
    total = seen.sum(axis=(2, 3))  # [states, actions]
    assert total.min() >= 20
    q = np.zeros((STATES, ACTIONS))
    for _ in range(1000):
        q = (rewards + DISCOUNT * seen[..., 0] @ q.max(axis=1)) / total
    np.testing.assert_allclose(bench.q, q, atol=1e-6)


def test_a_queue_gives_the_highest_first_whatever_was_raised() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        pairs, rows = np.zeros((4, 15)), np.zeros((16, 8))
        expected: dict[int, float] = {}
        for _ in range(40):
            if expected and rng.random() < 0.3:
                best = max(expected, key=lambda pair: expected[pair])
                assert pop(rows, pairs) == best
                del expected[best]
            else:
                pair, priority = int(rng.integers(15)), float(rng.random())
                push(rows, pairs, pair, priority)
                expected[pair] = max(priority, expected.get(pair, 0.0))
        order = [pop(rows, pairs) for _ in range(int(rows[0, 2]))]
        assert order == sorted(expected, key=lambda pair: -expected[pair])
        assert (pairs[model_rules.PLACE] == 0).all()


def test_a_reward_sweeps_back_along_the_way_in_one_step(worlds: Any) -> None:
    """A chain walked once; with the reward at its end, n planned updates reach n pairs, the nearest
    first."""
    for planned in range(5):
        bench = Bench(prioritized_sweeping, [19, planned, 1e-9], alpha=1.0)
        for state in range(3):
            bench.step(state, 0, 0.0, state + 1)
        bench.step(3, 0, 1.0, 0, terminated=True)
        expected = [DISCOUNT**3, DISCOUNT**2, DISCOUNT, 1.0]
        assert bench.q[:, 0] == pytest.approx([0.0] * (4 - planned) + expected[4 - planned :])


def test_changes_below_the_threshold_are_not_queued() -> None:
    bench = Bench(prioritized_sweeping, [19, 5, 0.5])
    bench.step(0, 0, 0.5, 1, terminated=True)
    assert bench.q[0, 0] == 0
    bench.step(1, 0, 0.6, 1, terminated=True)
    assert bench.q[1, 0] == 0.5 * 0.6


def test_r_max_believes_the_best_until_a_pair_was_visited_often_enough() -> None:
    bench = Bench(r_max, [19, 3, 1e-12, 1000], start=10.0)
    for reward in (0.0, 3.0):
        bench.step(0, 0, reward, 1, terminated=True)
        assert bench.q[0, 0] == 10
    bench.step(0, 0, 6.0, 1, terminated=True)
    assert bench.q[0, 0] == 3
    bench.step(0, 0, 99.0, 2)  # known is known
    assert bench.q[0, 0] == 3
    assert outcomes(bench, 0, 0) == [[1, 1, 3, 9]]


def finite_tables(model: Any, horizon: int) -> np.ndarray:
    """Q_h by backward induction, in loops: [horizon, states, actions]."""
    q = np.zeros((horizon + 1, *model.next_state.shape[:2]))
    for h in range(horizon - 1, -1, -1):
        for s, a, k in np.ndindex(model.next_state.shape):
            rest = 0.0 if model.terminated[s, a, k] else q[h + 1, model.next_state[s, a, k]].max()
            q[h, s, a] += model.probability[s, a, k] * (model.reward[s, a, k] + rest)
    return q[:horizon]


def ahead(bench: Bench, room: int, horizon: int) -> np.ndarray:
    """The tables of all steps: [horizon, states, actions]."""
    return bench.rows[1 + room :, :ACTIONS].reshape(horizon, STATES, ACTIONS)


def test_without_a_bonus_ucb_vi_plans_the_finite_horizon_optimum(worlds: Any) -> None:
    room, horizon, model = 19, 5, certain(worlds)
    bench = Bench(
        ucb_vi, [room, 3.0, 0.0, 0.0, 0.0, 1.0], rows=1 + room + horizon * STATES, discount=1.0
    )
    for number in range(500):
        state, action = number % 8 // 2, number % 2
        outcome = int(model.next_state[state, action, 0]), bool(model.terminated[state, action, 0])
        bench.step(
            state, action, float(model.reward[state, action, 0]), *outcome, number=number % horizon
        )
    expected = finite_tables(model, horizon)
    np.testing.assert_allclose(ahead(bench, room, horizon), expected)
    assert (bench.q == ahead(bench, room, horizon)[0]).all()
    np.testing.assert_allclose(bench.q.max(axis=1), planning.finite_horizon(model, horizon).value)


def test_ucb_vi_lays_out_the_table_of_the_step_that_comes() -> None:
    room, horizon = 19, 3
    weight = 0.5 / (horizon * math.log(5 * STATES * ACTIONS * horizon * 9))  # so that c B L = 1/2
    bench = Bench(
        ucb_vi, [room, 1.0, 0.0, weight, 0.0, 9.0], rows=1 + room + horizon * STATES, discount=1.0
    )
    bench.step(0, 1, 0.0, 2, number=0)
    assert bench.q[2].tolist() == [2, 2]  # two steps are left
    bench.step(2, 0, 0.0, 2, number=1)
    assert bench.q[2].tolist() == [1, 1]
    bench.step(2, 0, 0.0, 0, terminated=True, number=2)
    tables = ahead(bench, room, horizon)
    assert (bench.q == tables[0]).all()
    assert tables[2, 2, 0] == pytest.approx(
        min(1, 0.5 / math.sqrt(2))
    )  # seen twice, nothing comes after the last step
    assert tables[1, 2, 0] == pytest.approx(
        0.5 * 1 + 0.5 / math.sqrt(2)
    )  # half of the times it stayed, and 1 is hoped for
    assert tables[0, 0, 1] == pytest.approx(min(3, 2 + 0.5))
    assert (tables[:, 1] == [[3, 3], [2, 2], [1, 1]]).all()


def test_the_bounds_of_ucb_vi_never_rise() -> None:
    room, horizon = 19, 4
    bench, rng = (
        Bench(
            ucb_vi, [room, 0.0, 5.0, 0.0, 0.2, 1.0], rows=1 + room + horizon * STATES, discount=1.0
        ),
        np.random.default_rng(3),
    )
    before = np.inf
    for number in range(200):
        state, action, next_state = (
            int(rng.integers(STATES)),
            int(rng.integers(ACTIONS)),
            int(rng.integers(STATES)),
        )
        bench.step(state, action, float(rng.random()), next_state, number=number % horizon)
        assert (ahead(bench, room, horizon) <= before).all()
        before = ahead(bench, room, horizon).copy()


def test_observing_says_which_row_is_new(worlds: Any) -> None:
    q, rows, room = np.zeros((2, 2)), np.zeros((4, 6)), np.array([3.0])
    own = Own(q, np.zeros((1, 2, 2)), rows, np.zeros((2, 2), dtype=np.int64), room, q)
    seen = [
        {"reward": 1.0, "next_state": 1},
        {"reward": 2.0, "next_state": 1},
        {"reward": 1.0, "next_state": 1, "terminated": True},
        {"state": 1, "action": 1, "next_state": 0},
        {"state": 1, "action": 1, "next_state": 1},
    ]
    assert [observe(own, worlds.make_step(**each), False) for each in seen] == [1, 0, 2, 3, 0]
    assert rows[0, :2].tolist() == [3, 1]
