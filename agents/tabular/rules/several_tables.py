"""Temporal difference learning with several estimates of each value: what overestimates is chosen by one and read from another.

Policies read `q`: the mean of the tables, or their minimum, as the paper says; each rule keeps it up to date.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from agents.tabular.base import TabularAgent
from agents.tabular.config import TabularConfig

if TYPE_CHECKING:
    import numpy as np


def double_q_learning(
    q: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray,
    counts: np.ndarray,
    settings: np.ndarray,
    scratch: np.ndarray,
    step: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    ended: bool,
    alpha: float,
    discount: float,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    rng: np.random.Generator,
) -> None:
    """With probability 1/2 Q₁(S, A) ← Q₁(S, A) + α [R + γ Q₂(S', argmax_a Q₁(S', a)) - Q₁(S, A)], else the same with Q₁ and Q₂ swapped.

    Sutton & Barto, 2nd ed., section 6.7, equation 6.10 and box; van Hasselt (2010). Several best actions: see `first_ties`.

    memory: Q₁ and Q₂; q: their mean.
    """
    learns = int(rng.random() * 2.0)
    target = reward
    if not terminated:
        best, chosen, count = memory[learns, next_state, 0], 0, 1
        for other in range(1, q.shape[1]):
            value = memory[learns, next_state, other]
            if value > best:
                best, chosen, count = value, other, 1
            elif value == best:
                count += 1
        if count > 1 and not first_ties:
            left = int(rng.random() * count)
            while left > 0:
                chosen += 1
                if memory[learns, next_state, chosen] == best:
                    left -= 1
        target += discount * memory[1 - learns, next_state, chosen]
    memory[learns, state, action] += alpha * (target - memory[learns, state, action])
    q[state, action] = 0.5 * (memory[0, state, action] + memory[1, state, action])


def double_expected_sarsa(
    q: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray,
    counts: np.ndarray,
    settings: np.ndarray,
    scratch: np.ndarray,
    step: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    ended: bool,
    alpha: float,
    discount: float,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    rng: np.random.Generator,
) -> None:
    """With probability 1/2 Q₁(S, A) ← Q₁(S, A) + α [R + γ Σ_a π(a | S') Q₂(S', a) - Q₁(S, A)], else with Q₁ and Q₂ swapped.

    Sutton & Barto, 2nd ed., exercise 6.13; Ganger, Duryea & Hu (2016), "Double Sarsa and Double Expected Sarsa". π is the policy that is
    followed, which reads the mean of both.

    memory: Q₁ and Q₂; q: their mean.
    """
    learns = int(rng.random() * 2.0)
    target = reward
    if not terminated:
        chances(q, counts, next_state, epsilon, first_ties, scratch[0])
        expected = 0.0
        for other in range(q.shape[1]):
            if scratch[0, other] > 0.0:
                expected += scratch[0, other] * memory[1 - learns, next_state, other]
        target += discount * expected
    memory[learns, state, action] += alpha * (target - memory[learns, state, action])
    q[state, action] = 0.5 * (memory[0, state, action] + memory[1, state, action])


def maxmin_q_learning(
    q: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray,
    counts: np.ndarray,
    settings: np.ndarray,
    scratch: np.ndarray,
    step: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    ended: bool,
    alpha: float,
    discount: float,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    rng: np.random.Generator,
) -> None:
    """Q_i(S, A) ← Q_i(S, A) + α [R + γ max_a min_j Q_j(S', a) - Q_i(S, A)] for one i of N, drawn.

    Lan, Pan, Fyshe & White (2020), "Maxmin Q-learning", algorithm 1 without its replay buffer; N = 1 is Q-learning.

    memory: Q_1 to Q_N; q: their minimum.
    """
    tables = memory.shape[0]
    learns = int(rng.random() * tables)
    target = reward
    if not terminated:
        best = q[next_state, 0]
        for other in range(1, q.shape[1]):
            best = max(best, q[next_state, other])
        target += discount * best
    memory[learns, state, action] += alpha * (target - memory[learns, state, action])
    lowest = memory[0, state, action]
    for table in range(1, tables):
        lowest = min(lowest, memory[table, state, action])
    q[state, action] = lowest


def below(value: float, mean: float, deviation: float) -> float:
    """The probability that a normal variable is below a value; one that does not vary is below its own mean half the time."""
    if deviation == 0.0:
        if value == mean:
            return 0.5
        return 1.0 if value > mean else 0.0
    return 0.5 * math.erfc((mean - value) / (deviation * math.sqrt(2.0)))


def is_highest(means: np.ndarray, deviations: np.ndarray, points: int, out: np.ndarray) -> None:
    """The probability of each of several independent normal variables to be the highest: ∫ φ(t) Π_b P(X_b < mean + deviation t) dt.

    By the trapezoidal rule from -6 to 6, and scaled to sum to 1.

    Args:
        means: float64 [variables].
        deviations: float64 [variables], >= 0.
        points: of the rule, >= 2.
        out: float64 [variables], is filled.
    """
    reach, floor, total = 6.0, -math.inf, 0.0
    for number in range(out.shape[0]):
        floor = max(floor, means[number] - reach * deviations[number])
    for number in range(out.shape[0]):
        out[number] = 0.0
        if means[number] + reach * deviations[number] < floor:
            continue  # another is always higher
        for point in range(points if deviations[number] > 0.0 else 1):
            t = reach * (2.0 * point / (points - 1) - 1.0) if deviations[number] > 0.0 else 0.0
            value, product = means[number] + deviations[number] * t, math.exp(-0.5 * t * t)
            for other in range(out.shape[0]):
                if other != number:
                    product *= below(value, means[other], deviations[other])
            out[number] += product * (
                1.0
                if deviations[number] > 0.0
                else (points - 1) * math.sqrt(2.0 * math.pi) / (2.0 * reach)
            )
        total += out[number]
    for number in range(out.shape[0]):
        out[number] /= total


def weighted_q_learning(
    q: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray,
    counts: np.ndarray,
    settings: np.ndarray,
    scratch: np.ndarray,
    step: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    ended: bool,
    alpha: float,
    discount: float,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    rng: np.random.Generator,
) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ Σ_a w_a Q(S', a) - Q(S, A)], w_a being the probability that a's value is the highest.

    D'Eramo, Nuara & Restelli (2016), "Estimating the maximum expected value through Gaussian approximation", algorithm 1 and equation 10:
    values are taken as normal around Q, their variance being that of the targets times Σ weights² of the mean that Q is. A pair
    with fewer than two targets is unknown: while there is one, the state is worth the highest value, as in Q-learning (theirs: all
    variances begin infinite).

    memory: [0] mean of the targets, [1] sum of their squared distances from it, [2] Σ weights² of the mean that Q is.
    scratch: [0] weights, [1] deviations. settings: points of the integral.
    """
    target, actions = reward, q.shape[1]
    if not terminated:
        best, known = q[next_state, 0], True
        for other in range(actions):
            best, times = max(best, q[next_state, other]), counts[next_state, other]
            if next_state == state and other == action:
                times -= 1  # this step's target is still to come
            known &= times > 1
            if times > 1:
                scratch[1, other] = math.sqrt(
                    memory[1, next_state, other] / (times - 1.0) * memory[2, next_state, other]
                )
        if known:
            is_highest(q[next_state], scratch[1], int(settings[0]), scratch[0])
            best = 0.0
            for other in range(actions):
                best += scratch[0, other] * q[next_state, other]
        target += discount * best
    q[state, action] += alpha * (target - q[state, action])
    distance = target - memory[0, state, action]
    memory[0, state, action] += distance / counts[state, action]
    memory[1, state, action] += distance * (target - memory[0, state, action])
    memory[2, state, action] = (1.0 - alpha) ** 2 * memory[2, state, action] + alpha**2


class MaxminConfig(TabularConfig):
    """What `maxmin-q-learning` can be told besides."""

    tables: int = Field(
        default=2, ge=1, le=100, description="number of estimates of each value (N)"
    )


class WeightedConfig(TabularConfig):
    """What `weighted-q-learning` can be told besides."""

    points: int = Field(
        default=25,
        ge=13,
        le=10_000,
        description="points of the integral for the probability of being the best action",
    )


class DoubleQLearning(TabularAgent):
    """Off-policy: the best next action by one table is valued by the other, so that chance is not taken for worth."""

    name = "double-q-learning"
    rule = staticmethod(double_q_learning)

    def tables(self) -> tuple[float, ...]:
        """Two estimates of every value."""
        return self.start_value, self.start_value


class DoubleExpectedSarsa(TabularAgent):
    """On-policy: each of two tables learns from the mean of the other over the next actions."""

    name = "double-expected-sarsa"
    rule = staticmethod(double_expected_sarsa)

    def tables(self) -> tuple[float, ...]:
        """Two estimates of every value."""
        return self.start_value, self.start_value


class MaxminQLearning(TabularAgent):
    """Off-policy: it learns from the best next action by the lowest of several estimates."""

    name = "maxmin-q-learning"
    Config = MaxminConfig
    config: MaxminConfig
    rule = staticmethod(maxmin_q_learning)

    def tables(self) -> tuple[float, ...]:
        """The estimates."""
        return (self.start_value,) * self.config.tables


class WeightedQLearning(TabularAgent):
    """Off-policy: it learns from all next actions, each weighted by how likely it is the best."""

    name = "weighted-q-learning"
    Config = WeightedConfig
    config: WeightedConfig
    rule = staticmethod(weighted_q_learning)

    def tables(self) -> tuple[float, ...]:
        """See the rule."""
        return 0.0, 0.0, 0.0

    def settings(self) -> tuple[float, ...]:
        """See the rule."""
        return (float(self.config.points),)
