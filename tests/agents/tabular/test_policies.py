"""Compiled policies: frequencies against exact probabilities, which numbers they draw, and values
at the edge of arithmetic."""

import math
import random

import numpy as np
import pytest

from agents.tabular import compiling, policies
from tests.agents.tabular import exact_policies as probabilities

greedy, epsilon_greedy, softmax, mellowmax = (
    compiling.compiled_policy(name) for name in ("greedy", "epsilon-greedy", "softmax", "mellowmax")
)
over_all = compiling.compiled_policy("epsilon-greedy over all")

ALL = [compiling.compiled_policy(name) for name in policies.POLICIES]
TIED = np.array([[1.0, 3.0, 3.0, -2.0, 3.0]])
NEVER = np.zeros((1, 5), dtype=np.int64)
COUNTS = np.array([[1, 4, 9, 16, 4]])
DRAWS = 40_000


def frequencies(policy, q, epsilon, first_ties):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(7)
    taken = [
        policy(q, np.zeros(q.shape, dtype=np.int64), 0, epsilon, first_ties, rng)
        for _ in range(DRAWS)
    ]
    return np.bincount(taken, minlength=q.shape[1]) / DRAWS


@pytest.mark.parametrize("first_ties", [False, True])
@pytest.mark.parametrize(
    ("policy", "exact", "epsilon"),
    [
        (greedy, lambda q, epsilon, first: probabilities.greedy(q, first), 0.0),
        (epsilon_greedy, probabilities.epsilon_greedy, 0.3),
        (epsilon_greedy, probabilities.epsilon_greedy, 1.0),
        (
            over_all,
            lambda q, epsilon, first: probabilities.epsilon_greedy(q, epsilon, first, "all"),
            0.3,
        ),
        (
            over_all,
            lambda q, epsilon, first: probabilities.epsilon_greedy(q, epsilon, first, "all"),
            1.0,
        ),
        (softmax, probabilities.softmax, 0.8),
        (softmax, probabilities.softmax, 0.0),
        (mellowmax, probabilities.mellowmax, 0.8),
        (mellowmax, probabilities.mellowmax, 0.0),
    ],
)
def test_actions_come_as_often_as_their_probability_says(
    policy, exact, epsilon, first_ties
) -> None:  # type: ignore[no-untyped-def]
    expected = exact(TIED, epsilon, first_ties)[0]
    error = np.abs(frequencies(policy, TIED, epsilon, first_ties) - expected)
    assert (error <= 5 * np.sqrt(expected * (1 - expected) / DRAWS)).all()  # five standard errors


def test_the_reports_convention_gives_every_other_action_its_share_of_epsilon() -> None:
    q = np.array([[0.0, 1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(probabilities.epsilon_greedy(q, 0.4), [[0.1, 0.6, 0.1, 0.1, 0.1]])
    np.testing.assert_allclose(
        probabilities.epsilon_greedy(q, 0.4, convention="all"), [[0.08, 0.68, 0.08, 0.08, 0.08]]
    )


def test_softmax_probabilities_are_those_of_the_formula() -> None:
    e = math.exp
    total = e(2) + e(1) + e(0)
    np.testing.assert_allclose(
        probabilities.softmax(np.array([[1.0, 0.5, 0.0]]), 0.5),
        [[e(2) / total, e(1) / total, e(0) / total]],
    )


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
    policy(q, np.zeros(q.shape, dtype=np.int64), 0, epsilon, first_ties, used)
    counted.random(draws)
    assert used.bit_generator.state == counted.bit_generator.state


def test_exploration_uses_the_given_generator_alone() -> None:
    np.random.seed(0)
    random.seed(0)
    before = np.random.get_state()[1].copy(), random.getstate()
    for policy in ALL:
        first, second = np.random.default_rng(5), np.random.default_rng(5)
        drawn = [
            [policy(TIED, NEVER, 0, 0.5, False, rng) for _ in range(100)] for rng in (first, second)
        ]
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
@pytest.mark.parametrize(
    ("policy", "exactly"), [(softmax, probabilities.softmax), (mellowmax, probabilities.mellowmax)]
)
def test_softmax_and_mellowmax_take_extreme_values(
    policy, exactly, row, temperature, allowed
) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    q = np.array([row])
    assert {policy(q, NEVER, 0, temperature, False, rng) for _ in range(200)} == allowed
    exact = exactly(q, temperature)[0]
    assert set(np.flatnonzero(exact)) == allowed
    assert exact.sum() == pytest.approx(1)


def test_one_action_is_always_taken() -> None:
    q = np.zeros((1, 1))
    rng = np.random.default_rng(0)
    assert {policy(q, NEVER, 0, 1.0, False, rng) for policy in ALL} == {0}
    assert probabilities.epsilon_greedy(q, 1.0).tolist() == [[1.0]]


EXACT = {
    "greedy": lambda q, counts, epsilon, first: probabilities.greedy(q, first),
    "epsilon-greedy": lambda q, counts, epsilon, first: probabilities.epsilon_greedy(
        q, min(epsilon, 1), first
    ),
    "epsilon-greedy over all": lambda q, counts, epsilon, first: probabilities.epsilon_greedy(
        q, min(epsilon, 1), first, "all"
    ),
    "softmax": lambda q, counts, epsilon, first: probabilities.softmax(q, epsilon, first),
    "mellowmax": lambda q, counts, epsilon, first: probabilities.mellowmax(q, epsilon, first),
    "ucb1": lambda q, counts, epsilon, first: probabilities.ucb1(q, counts, epsilon, first),
    "count-bonus": lambda q, counts, epsilon, first: probabilities.count_bonus(
        q, counts, epsilon, first
    ),
}


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("first_ties", [False, True])
@pytest.mark.parametrize("epsilon", [0.0, 0.05, 1.0, 30.0])
@pytest.mark.parametrize("name", sorted(policies.POLICIES))
def test_a_policy_draws_from_the_probabilities_it_states(
    name: str, epsilon: float, first_ties: bool, compiled: bool
) -> None:
    """Drawn, as probabilities in the loop, and in plain NumPy: three times the same."""
    rng = np.random.default_rng(0)
    draw, fill_probabilities = policies.POLICIES[name], policies.PROBABILITIES[name]
    if compiled:
        draw = compiling.compiled_policy(name)
        fill_probabilities = compiling.compiled_probabilities(name)
    for q in (TIED, np.zeros((1, 5)), rng.normal(size=(1, 5))):
        for counts in (NEVER, COUNTS, np.array([[0, 3, 0, 1, 1]])):
            epsilon = min(epsilon, 1.0) if name.startswith("epsilon") else epsilon
            stated = np.full(5, np.nan)
            fill_probabilities(q, counts, 0, epsilon, first_ties, stated)
            np.testing.assert_allclose(
                stated, EXACT[name](q, counts, epsilon, first_ties)[0], rtol=1e-9, atol=1e-12
            )
            taken = (
                np.bincount(
                    [draw(q, counts, 0, epsilon, first_ties, rng) for _ in range(400)], minlength=5
                )
                / 400
            )
            assert (np.abs(taken - stated) <= 5.5 * np.sqrt(stated * (1 - stated) / 400)).all()


@pytest.mark.parametrize("name", sorted(policies.POLICIES))
def test_at_epsilon_0_every_policy_is_greedy(name: str) -> None:
    stated = np.empty(5)
    compiling.compiled_probabilities(name)(TIED, COUNTS, 0, 0.0, False, stated)
    np.testing.assert_allclose(stated, [0, 1 / 3, 1 / 3, 0, 1 / 3])


def test_mellowmax_of_two_actions_is_its_closed_form() -> None:
    """With two actions the expected value says the probability: p q₁ + (1 - p) q₂ = log((e^ωq₁ +
    e^ωq₂) / 2) / ω."""
    for omega, first, second in ((1.0, 1.0, 0.0), (5.0, 0.3, -0.4), (0.01, 2.0, -3.0)):
        mellow = math.log((math.exp(omega * first) + math.exp(omega * second)) / 2) / omega
        p = (mellow - second) / (first - second)
        stated = np.empty(2)
        compiling.compiled_probabilities("mellowmax")(
            np.array([[first, second]]),
            np.zeros((1, 2), dtype=np.int64),
            0,
            1 / omega,
            False,
            stated,
        )
        np.testing.assert_allclose(stated, [p, 1 - p], rtol=1e-9)


@pytest.mark.parametrize(
    "values", [[1.0, 0.5, 0.0, -7.0], [3.0, 3.0, 1.0, 1.0], [1e-9, 0.0, 0.0, 0.0]]
)
@pytest.mark.parametrize("omega", [0.1, 1.0, 16.5, 300.0])
def test_the_mellowmax_policy_expects_mellowmax(values: list[float], omega: float) -> None:
    stated = np.empty(4)
    compiling.compiled_probabilities("mellowmax")(
        np.array([values]), np.zeros((1, 4), dtype=np.int64), 0, 1 / omega, False, stated
    )
    highest = max(values)
    mellow = (
        highest + math.log(sum(math.exp(omega * (value - highest)) for value in values) / 4) / omega
    )
    assert stated @ values == pytest.approx(mellow, rel=1e-9, abs=1e-15)


def test_ucb1_weighs_values_against_how_seldom_they_were_tried() -> None:
    """N = 30: bonuses √(ln 30 / 2) = 1.304, √(ln 30 / 8) = 0.652, √(ln 30 / 20) = 0.412; the values
    differ by 0.5 and 0.9."""
    q, counts = np.array([[0.0, 0.5, 0.9]]), np.array([[2, 8, 20]])
    ucb1 = compiling.compiled_policy("ucb1")
    rng = np.random.default_rng(0)
    assert ucb1(q, counts, 0, 1.0, False, rng) == 2  # 1.304, 1.152, 1.312
    assert ucb1(q, counts, 0, 1.1, False, rng) == 0  # 1.435, 1.217, 1.354
    assert ucb1(q, np.array([[2, 0, 20]]), 0, 1.0, False, rng) == 1


def test_a_count_bonus_falls_with_the_root_of_the_count() -> None:
    q, counts = np.array([[0.0, 0.4]]), np.array([[4, 25]])  # bonuses 1/2 and 1/5: ahead by 0.3
    bonus = compiling.compiled_policy("count-bonus")
    rng = np.random.default_rng(0)
    assert [bonus(q, counts, 0, weight, False, rng) for weight in (1.0, 1.3, 1.4)] == [1, 1, 0]
