"""Exact solvers against linear programming, linear systems, brute force and closed forms."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from agents.planning import evaluation, probabilities
from agents.planning import solvers as planning
from envs.mdp import TabularMDP
from sandbox.errors import UsageError

DISCOUNT = 0.9


def solved_by_linear_system(model: Any, policy: np.ndarray, discount: float) -> np.ndarray:
    """V of a policy: (I - γ P) V = r."""
    states = len(policy)
    transition, reward = np.zeros((states, states)), np.zeros(states)
    for s, a, k in np.ndindex(model.next_state.shape):
        p = policy[s, a] * model.probability[s, a, k]
        reward[s] += p * model.reward[s, a, k]
        if not model.terminated[s, a, k]:
            transition[s, model.next_state[s, a, k]] += p
    return np.linalg.solve(np.eye(states) - discount * transition, reward)


def deterministic_policies(states: int, actions: int) -> Any:
    return (np.eye(actions)[list(choice)] for choice in product(range(actions), repeat=states))


def backup(model: Any, value: np.ndarray, discount: float) -> np.ndarray:
    """q of a value, in loops."""
    q = np.zeros(model.next_state.shape[:2])
    for s, a, k in np.ndindex(model.next_state.shape):
        rest = 0.0 if model.terminated[s, a, k] else value[model.next_state[s, a, k]]
        q[s, a] += model.probability[s, a, k] * (model.reward[s, a, k] + discount * rest)
    return q


@pytest.mark.parametrize("seed", range(5))
def test_value_iteration_agrees_with_linear_programming(seed: int, worlds: Any) -> None:
    """min Σ V(s) such that V(s) >= q(s, a) for all s, a (Puterman 1994, section 6.9.1)."""
    optimize = pytest.importorskip("scipy.optimize")
    model = worlds.random_model(seed)
    states, actions, _ = model.next_state.shape
    constant = backup(model, np.zeros(states), DISCOUNT)  # [states, actions]
    slope = np.stack(
        [backup(model, unit, DISCOUNT) - constant for unit in np.eye(states)], axis=2
    )  # [states, actions, states]
    left = (slope - np.eye(states)[:, None, :]).reshape(-1, states)
    found = optimize.linprog(
        np.ones(states), A_ub=left, b_ub=-constant.reshape(-1), bounds=(None, None)
    )
    solution = planning.value_iteration(model, DISCOUNT)
    assert solution.converged
    np.testing.assert_allclose(solution.value, found.x, atol=1e-7)
    np.testing.assert_allclose(
        solved_by_linear_system(model, np.eye(actions)[solution.policy], DISCOUNT),
        solution.value,
        atol=2e-10,
    )
    np.testing.assert_allclose(solution.q, backup(model, solution.value, DISCOUNT), atol=1e-12)


def test_the_value_of_staying_is_a_geometric_series(worlds: Any) -> None:
    solution = planning.value_iteration(worlds.report_maze(), DISCOUNT)
    assert solution.value[0] == pytest.approx(1 / (1 - 0.9), abs=1e-10)
    assert solution.value[99] == pytest.approx(0.9**42 / (1 - 0.9), abs=1e-10)
    assert solution.sweeps < 300


def test_a_discount_of_1_is_solved_where_the_optimum_exists(worlds: Any) -> None:
    """A corridor: each step costs 1, and one way leads out."""
    following = [[max(cell - 1, 0), cell + 1 if cell < 3 else 3] for cell in range(4)]
    ends = [[False, cell == 3] for cell in range(4)]
    solution = planning.value_iteration(
        worlds.make_model(following, np.full((4, 2), -1.0), terminated=ends), 1.0
    )
    assert solution.converged
    assert solution.value.tolist() == [-4, -3, -2, -1]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_discount_of_1_that_diverges_is_given_up(sign: float, worlds: Any) -> None:
    following = [[0, 1], [1, 0], [2, 2]]
    ends = [[False, False], [False, False], [True, True]]
    solution = planning.value_iteration(
        worlds.make_model(following, np.full((3, 2), sign), terminated=ends), 1.0
    )
    assert not solution.converged
    assert solution.residual == 1
    assert solution.sweeps <= 2000
    assert not planning.value_iteration(worlds.report_maze(), DISCOUNT, max_sweeps=5).converged


@pytest.mark.parametrize("convention", ["others", "all"])
def test_the_best_policy_without_exploration_is_the_optimum(convention: Any, worlds: Any) -> None:
    model = worlds.random_model(0)
    best, optimum = (
        planning.best_epsilon_soft(model, DISCOUNT, 0.0, convention),
        planning.value_iteration(model, DISCOUNT),
    )
    np.testing.assert_allclose(best.value, optimum.value, atol=1e-12)
    assert (best.policy == optimum.policy).all()


@pytest.mark.parametrize("convention", ["others", "all"])
@pytest.mark.parametrize("epsilon", [0.05, 0.3, 0.7, 0.95, 1.0])
def test_the_best_epsilon_soft_policy_is_the_best_of_all_that_there_are(
    convention: Any, epsilon: float, worlds: Any
) -> None:
    model = worlds.random_model(3, states=4, start=(0,))
    softened = [
        probabilities.soften(choice, epsilon, convention) for choice in deterministic_policies(4, 3)
    ]
    values = np.array(
        [solved_by_linear_system(model, policy, DISCOUNT) for policy in softened]
    )  # [policies, states]
    found = planning.best_epsilon_soft(model, DISCOUNT, epsilon, convention)
    np.testing.assert_allclose(found.value, values.max(axis=0), atol=1e-9)
    taken = probabilities.soften(np.eye(3)[found.policy], epsilon, convention)
    np.testing.assert_allclose(
        solved_by_linear_system(model, taken, DISCOUNT), found.value, atol=1e-9
    )


def test_the_finite_horizon_optimum_is_the_best_of_all_plans(worlds: Any) -> None:
    """Every decision rule for each of 2 steps, tried."""
    model = worlds.random_model(5, states=3, start=(0,))
    best = np.full(3, -np.inf)
    for first, second in product(list(deterministic_policies(3, 3)), repeat=2):
        last = (second * backup(model, np.zeros(3), 1.0)).sum(axis=1)
        best = np.maximum(best, (first * backup(model, last, 1.0)).sum(axis=1))
    np.testing.assert_allclose(planning.finite_horizon(model, 2).value, best, atol=1e-12)


def test_the_maze_is_worth_126_of_168_steps(worlds: Any) -> None:
    model = worlds.report_maze()
    assert evaluation.value_at_start(model, planning.finite_horizon(model, 168).value) == 168 - 42
    policy = np.eye(5)[planning.value_iteration(model, DISCOUNT).policy]
    assert evaluation.evaluate(model, policy, 168)[:5] == (126, 168, 0.75, 42, 1)
    never = evaluation.evaluate(model, policy, 41)
    assert (never.steps_to_goal, never.goal_probability, never.expected_return) == (None, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_an_evaluation_agrees_with_many_episodes(seed: int, worlds: Any) -> None:
    model = worlds.random_model(seed, start=(0, 2))
    rng = np.random.default_rng(seed)
    policy = rng.dirichlet(np.ones(3), size=6)
    exact = evaluation.evaluate(model, policy, model.horizon)
    env = worlds.ModelEnv(model)
    env.reset(seed=seed)
    returns, lengths, reached = [], [], []
    for _ in range(4000):
        state, total, ended = env.reset()[0], 0.0, False
        met = bool(model.goal[state])
        while not ended:
            state, reward, terminated, truncated, _ = env.step(int(rng.choice(3, p=policy[state])))
            total, ended, met = (
                total + reward,
                terminated or truncated,
                met or bool(model.goal[state]),
            )
        returns.append(total)
        lengths.append(env.steps)
        reached.append(met)
    for sample, expected in (
        (returns, exact.expected_return),
        (lengths, exact.expected_length),
        (reached, exact.goal_probability),
    ):
        assert np.mean(sample) == pytest.approx(
            expected, abs=4.5 * np.std(sample) / np.sqrt(len(sample))
        )
    assert exact.reward_per_step == exact.expected_return / model.horizon  # ending early is no gain
    by_steps = evaluation.evaluate(model, np.repeat(policy[None], 5, axis=0), model.horizon)
    assert np.array(by_steps[:5], dtype=np.float64) == pytest.approx(
        np.array(exact[:5], dtype=np.float64), nan_ok=True
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_policy_that_counts_steps_earns_the_finite_horizon_optimum(
    worlds: Any, seed: int
) -> None:
    model = worlds.random_model(seed)
    tables, value = [], np.zeros(6)
    for _ in range(model.horizon):
        q = (model.probability * (model.reward + ~model.terminated * value[model.next_state])).sum(
            axis=2
        )
        tables.append(np.eye(3)[q.argmax(axis=1)])
        value = q.max(axis=1)
    best = evaluation.value_at_start(model, planning.finite_horizon(model, model.horizon).value)
    assert evaluation.evaluate(
        model, np.array(tables[::-1]), model.horizon
    ).expected_return == pytest.approx(best)


def test_a_goal_that_may_be_missed_has_no_expected_arrival_and_a_start_on_it_takes_no_step(
    worlds: Any,
) -> None:
    model = worlds.make_model(
        [[[1, 2]], [[1, 1]], [[2, 2]]],
        np.zeros((3, 1, 2)),
        probability=np.full((3, 1, 2), 0.5),
        goal=(1,),
    )
    found = evaluation.evaluate(model, np.ones((3, 1)), 10)
    assert (found.steps_to_goal, found.goal_probability) == (None, 0.5)
    model.start[:] = 0, 1, 0
    assert evaluation.evaluate(model, np.ones((3, 1)), 10)[3:5] == (0, 1)


def test_wrong_questions_are_refused(worlds: Any) -> None:
    model = worlds.random_model(0)
    for discount in (0.0, 1.1):
        with pytest.raises(UsageError, match="discount"):
            planning.value_iteration(model, discount)
    with pytest.raises(UsageError, match="probability"):
        planning.best_epsilon_soft(model, DISCOUNT, 1.5)
    with pytest.raises(UsageError, match="at least 1 step"):
        planning.finite_horizon(model, 0)
    with pytest.raises(UsageError, match="at least 1 step"):
        evaluation.evaluate(model, np.full((6, 3), 1 / 3), 0)


def corridor(worlds: Any, seed: int) -> Any:
    """Some thousand states, each with a way to its neighbours and now and then one far away;
    rewards are rare."""
    rng = np.random.default_rng(seed)
    states, shape = 5000, (5000, 3, 2)
    near = np.clip(
        np.arange(states)[:, None, None] + rng.integers(-2, 3, size=shape), 0, states - 1
    )
    next_state = np.where(rng.random(shape) < 0.0005, rng.integers(states, size=shape), near)
    probability = rng.random(shape)
    reward = rng.normal(size=shape) * (rng.random(shape) < 0.0005)
    return worlds.make_model(
        next_state,
        reward,
        probability / probability.sum(axis=2, keepdims=True),
        rng.random(shape) < 0.001,
        start=(0,),
        goal=(3,),
        horizon=9,
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("discount", [0.5, 0.95, 1.0])
@pytest.mark.parametrize("kind", ["small", "long"])
def test_large_tables_are_swept_compiled_to_the_same_bits(
    kind: str, seed: int, discount: float, worlds: Any, monkeypatch: Any
) -> None:
    model = worlds.random_model(seed) if kind == "small" else corridor(worlds, seed)

    def answers() -> tuple[Any, ...]:
        return (
            *planning.value_iteration(model, discount, max_sweeps=150),
            *planning.finite_horizon(model, 30),
        )

    with_arrays = answers()
    monkeypatch.setattr(planning, "LARGE", 0)
    for one, other in zip(with_arrays, answers(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_sweep_leaves_out_only_what_cannot_change(worlds: Any) -> None:
    from agents.planning.sweeps import Sweeper

    backup = planning._Backup(corridor(worlds, 0), 0.9)
    sweeper, rng = (
        Sweeper(backup.reward, backup.weight, backup.next_state),
        np.random.default_rng(0),
    )
    value = np.zeros(5000)
    for number in range(40):
        expected = backup(value).max(axis=1)
        value = sweeper(value)
        np.testing.assert_array_equal(value, expected)
        if number % 10 == 9:  # a value from elsewhere begins anew
            value = value + rng.normal(size=5000)


def test_reward_that_is_far_away_decides_the_way_there():
    """A corridor of 60 states: the value of the first is γ^58, far below the tolerance."""
    count = 60
    next_state = np.minimum(
        np.arange(count)[:, None] + np.array([0, 1]), count - 1
    )  # stay, or go on
    reward = np.zeros((count, 2))
    reward[count - 2, 1] = 1.0
    terminated = np.zeros((count, 2), dtype=bool)
    terminated[count - 2, 1] = True
    model = TabularMDP.from_outcomes(
        next_state, reward, terminated=terminated, start_states=np.array([0])
    )
    found = planning.value_iteration(model, 0.5)
    assert found.converged and (found.policy[:-1] == 1).all()
    assert np.allclose(
        found.value[:-1], 0.5 ** np.arange(count - 2, -1, -1.0), rtol=1e-12, atol=0.0
    )
