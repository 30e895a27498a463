"""Compiled policies: frequencies against exact probabilities, which numbers they draw, and values at the edge of arithmetic."""

import math
import random

import numpy as np
import pytest

from agents import probabilities
from agents.policies import epsilon_greedy, greedy, softmax

TIED = np.array([[1.0, 3.0, 3.0, -2.0, 3.0]])
DRAWS = 40_000


def frequencies(policy, q, epsilon, first_ties):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(7)
    taken = [policy(q, 0, epsilon, first_ties, rng) for _ in range(DRAWS)]
    return np.bincount(taken, minlength=q.shape[1]) / DRAWS


@pytest.mark.parametrize("first_ties", [False, True])
@pytest.mark.parametrize(
    ("policy", "exact", "epsilon"),
    [
        (greedy, lambda q, epsilon, first: probabilities.greedy(q, first), 0.0),
        (epsilon_greedy, probabilities.epsilon_greedy, 0.3),
        (epsilon_greedy, probabilities.epsilon_greedy, 1.0),
        (softmax, probabilities.softmax, 0.8),
        (softmax, probabilities.softmax, 0.0),
    ],
)
def test_actions_come_as_often_as_their_probability_says(policy, exact, epsilon, first_ties) -> None:  # type: ignore[no-untyped-def]
    expected = exact(TIED, epsilon, first_ties)[0]
    error = np.abs(frequencies(policy, TIED, epsilon, first_ties) - expected)
    assert (error <= 5 * np.sqrt(expected * (1 - expected) / DRAWS)).all()  # five standard errors


def test_the_reports_convention_gives_every_other_action_its_share_of_epsilon() -> None:
    q = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(probabilities.epsilon_greedy(q, 0.4), [[0.1, 0.6, 0.1, 0.1, 0.1]])
    np.testing.assert_allclose(probabilities.epsilon_greedy(q, 0.4, convention="all"), [[0.08, 0.68, 0.08, 0.08, 0.08]])


def test_softmax_probabilities_are_those_of_the_formula() -> None:
    e = math.exp
    total = e(2) + e(1) + e(0)
    np.testing.assert_allclose(probabilities.softmax(np.array([[1.0, 0.5, 0.0]]), 0.5), [[e(2) / total, e(1) / total, e(0) / total]])


@pytest.mark.parametrize(
    ("policy", "epsilon", "q", "first_ties", "draws"),
    [
        (greedy, 0.0, TIED, False, 1),
        (greedy, 0.0, TIED, True, 0),
        (greedy, 0.0, np.array([[1.0, 2.0]]), False, 0),
        (epsilon_greedy, 0.0, TIED, False, 2),
        (epsilon_greedy, 0.9, TIED, True, 1),
        (epsilon_greedy, 0.9, np.array([[1.0, 2.0]]), False, 1),
        (softmax, 0.5, TIED, False, 1),
        (softmax, 0.0, TIED, False, 1),
        (softmax, 0.0, TIED, True, 0),
    ],
)
def test_a_policy_draws_as_many_numbers_as_it_says(policy, epsilon, q, first_ties, draws) -> None:  # type: ignore[no-untyped-def]
    used, counted = np.random.default_rng(3), np.random.default_rng(3)
    policy(q, 0, epsilon, first_ties, used)
    counted.random(draws)
    assert used.bit_generator.state == counted.bit_generator.state


def test_exploration_uses_the_given_generator_alone() -> None:
    np.random.seed(0)
    random.seed(0)
    before = np.random.get_state()[1].copy(), random.getstate()
    for policy in (greedy, epsilon_greedy, softmax):
        first, second = np.random.default_rng(5), np.random.default_rng(5)
        drawn = [[policy(TIED, 0, 0.5, False, rng) for _ in range(100)] for rng in (first, second)]
        assert drawn[0] == drawn[1]
    assert (np.random.get_state()[1] == before[0]).all()
    assert random.getstate() == before[1]


@pytest.mark.parametrize(
    ("row", "temperature", "allowed"),
    [
        ([1e308, -1e308, 0.0], 0.5, {0}),  # the difference overflows
        ([1e3, 0.0, 999.9], 1e-300, {0}),  # the quotient does
        ([-np.inf, 2.0, -np.inf], 1.0, {1}),
        ([-np.inf, -np.inf, -np.inf], 1.0, {0, 1, 2}),
        ([np.inf, 1.0, np.inf], 1.0, {0, 2}),
        ([0.0, 0.0, 0.0], 1e308, {0, 1, 2}),
    ],
)
def test_softmax_takes_extreme_values(row: list[float], temperature: float, allowed: set[int]) -> None:
    rng = np.random.default_rng(0)
    q = np.array([row])
    assert {softmax(q, 0, temperature, False, rng) for _ in range(200)} == allowed
    exact = probabilities.softmax(q, temperature)[0]
    assert set(np.flatnonzero(exact)) == allowed
    assert exact.sum() == pytest.approx(1)


def test_one_action_is_always_taken() -> None:
    q = np.zeros((1, 1))
    rng = np.random.default_rng(0)
    assert {policy(q, 0, 1.0, False, rng) for policy in (greedy, epsilon_greedy, softmax)} == {0}
    assert probabilities.epsilon_greedy(q, 1.0).tolist() == [[1.0]]
