"""Temporal difference learning with several estimates of each value, which reduces maximisation
bias: for example, one table selects the next action and another evaluates it.

Policies read `q`, the mean or the minimum of the tables as in the paper; each rule keeps it up to
date.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from agents.tabular.base import Numbers, TabularAgent
from agents.tabular.config import TabularConfig

if TYPE_CHECKING:
    from agents.tabular.kernels import FillProbabilities, Own, Step

MEAN, SQUARES, WEIGHTS = range(3)
"""Tables of `weighted_q_learning`: the mean of a pair's targets, the sum of their squared distances
from it, and Σ weights² of the mean that Q is."""
REACH = 4.5
"""Limits of integrals over a normal density, in standard deviations."""


def double_q_learning(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """With probability 1/2 Q₁(S, A) ← Q₁(S, A) + α [R + γ Q₂(S', argmax_a Q₁(S', a)) - Q₁(S, A)],
    otherwise the same with Q₁ and Q₂ swapped.

    Sutton & Barto, 2nd ed., section 6.7, equation 6.10 and box; van Hasselt (2010). Several best
    actions: see `Step.first_ties`. The agent's additional tables are Q₁ and Q₂; q is their mean.
    """
    q, tables, state, action = own.q, own.memory, step.state, step.action
    learns = int(rng.random() * 2.0)
    table, next_values = tables[learns], tables[learns, step.next_state]
    target = step.reward
    if not step.terminated:
        best, chosen, count = next_values[0], 0, 1
        for other in range(1, q.shape[1]):
            value = next_values[other]
            if value > best:
                best, chosen, count = value, other, 1
            elif value == best:
                count += 1
        if count > 1 and not step.first_ties:
            left = int(rng.random() * count)
            while left > 0:
                chosen += 1
                if next_values[chosen] == best:
                    left -= 1
        target += step.discount * tables[1 - learns, step.next_state, chosen]
    table[state, action] += step.alpha * (target - table[state, action])
    q[state, action] = 0.5 * (tables[0, state, action] + tables[1, state, action])


def double_expected_sarsa(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """With probability 1/2 Q₁(S, A) ← Q₁(S, A) + α [R + γ Σ_a π(a | S') Q₂(S', a) - Q₁(S, A)], else
    with Q₁ and Q₂ swapped.

    Sutton & Barto, 2nd ed., exercise 6.13; Ganger, Duryea & Hu (2016), "Double Sarsa and Double
    Expected Sarsa". π is the policy that is followed, which reads the mean of both. The agent's
    additional tables are Q₁ and Q₂; q is their mean.
    """
    q, tables, pi = own.q, own.memory, own.scratch[0]
    state, action, next_state = step.state, step.action, step.next_state
    learns = int(rng.random() * 2.0)
    table, other_table = tables[learns], tables[1 - learns]
    target = step.reward
    if not step.terminated:
        fill_probabilities(q, own.counts, next_state, step.epsilon, step.first_ties, pi)
        expected = 0.0
        for other in range(q.shape[1]):
            if pi[other] > 0.0:
                expected += pi[other] * other_table[next_state, other]
        target += step.discount * expected
    table[state, action] += step.alpha * (target - table[state, action])
    q[state, action] = 0.5 * (tables[0, state, action] + tables[1, state, action])


def maxmin_q_learning(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Q_i(S, A) ← Q_i(S, A) + α [R + γ max_a min_j Q_j(S', a) - Q_i(S, A)] for one i of N, drawn.

    Lan, Pan, Fyshe & White (2020), "Maxmin Q-learning", algorithm 1 without its replay buffer; N =
    1 is Q-learning. The agent's additional tables are Q_1 to Q_N; q is their minimum.
    """
    q, tables, state, action = own.q, own.memory, step.state, step.action
    table = tables[int(rng.random() * tables.shape[0])]
    target = step.reward
    if not step.terminated:
        best = q[step.next_state, 0]
        for other in range(1, q.shape[1]):
            best = max(best, q[step.next_state, other])
        target += step.discount * best
    table[state, action] += step.alpha * (target - table[state, action])
    lowest = tables[0, state, action]
    for number in range(1, tables.shape[0]):
        lowest = min(lowest, tables[number, state, action])
    q[state, action] = lowest


def below(t: float) -> float:
    """The probability that a standard normal variable is below t, to 1.3e-7.

    Abramowitz & Stegun (1964), formula 7.1.28, due to Hastings: without a branch or a table, so
    that several are computed at a time.
    """
    x = abs(t) * math.sqrt(0.5)
    series = x * (0.0001520143 + x * (0.0002765672 + x * 0.0000430638))
    series = 1.0 + x * (0.0705230784 + x * (0.0422820123 + x * (0.0092705272 + series)))
    series *= series
    series *= series
    series *= series
    above = 0.5 / (series * series)
    return above if t < 0.0 else 1.0 - above


def is_highest(
    means: np.ndarray, deviations: np.ndarray, densities: np.ndarray, out: np.ndarray
) -> None:
    """The probability that each of several independent normal variables is the highest:
    ∫ φ(t) Π_b P(X_b < mean + deviation t) dt.

    Computed by the trapezoidal rule from -4.5 to 4.5, and scaled to sum to 1.

    Args:
        means: float64 [variables].
        deviations: float64 [variables], >= 0; a constant is below its own value with probability
            1/2.
        densities: float64 [points], φ at the points of the rule.
        out: float64 [variables], filled with the result.
    """
    points, variables = densities.shape[0], out.shape[0]
    spacing, product = 2.0 * REACH / (points - 1), np.empty(points)
    floor, total = -math.inf, 0.0
    for number in range(variables):
        floor = max(floor, means[number] - REACH * deviations[number])
    for number in range(variables):
        out[number] = 0.0
        mean, deviation = means[number], deviations[number]
        if mean + REACH * deviation < floor:
            continue  # another is always higher
        product[:] = densities
        for other in range(variables):
            if other == number:
                continue
            # the points as the other's t; this loop takes nearly all of the time
            distance, scale = mean - REACH * deviation - means[other], deviation * spacing
            if deviations[other] > 0.0:
                distance, scale = distance / deviations[other], scale / deviations[other]
                for point in range(points):
                    product[point] *= below(distance + scale * point)
            else:
                for point in range(points):
                    past = distance + scale * point
                    product[point] *= (1.0 if past > 0.0 else 0.0) if past != 0.0 else 0.5
        for point in range(points):
            out[number] += product[point]
        total += out[number]
    for number in range(variables):
        out[number] /= total


def weighted_q_learning(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ Σ_a w_a Q(S', a) - Q(S, A)], w_a being the probability that a's
    value is the highest.

    D'Eramo, Nuara & Restelli (2016), "Estimating the maximum expected value through Gaussian
    approximation", algorithm 1 and equation 10: values are taken as normal around Q, their variance
    being that of the targets times Σ weights² of the mean that Q is. A pair with fewer than two
    targets is unknown: while there is one, the state is worth the highest value, as in Q-learning
    (theirs: all variances begin infinite).

    The agent's additional tables are MEAN, SQUARES and WEIGHTS; the settings are the normal density
    at the points of the integral.
    """
    q, counts, tables, alpha = own.q, own.counts, own.memory, step.alpha
    weights, deviations = own.scratch[0], own.scratch[1]
    state, action, next_state = step.state, step.action, step.next_state
    target = step.reward
    if not step.terminated:
        best, known = q[next_state, 0], True
        for other in range(q.shape[1]):
            best, times = max(best, q[next_state, other]), counts[next_state, other]
            if next_state == state and other == action:
                times -= 1  # this step's target is still to come
            known &= times > 1
            if times > 1:
                variance = tables[SQUARES, next_state, other] / (times - 1.0)
                deviations[other] = math.sqrt(variance * tables[WEIGHTS, next_state, other])
        if known:
            is_highest(q[next_state], deviations, own.settings, weights)
            best = 0.0
            for other in range(q.shape[1]):
                best += weights[other] * q[next_state, other]
        target += step.discount * best
    q[state, action] += alpha * (target - q[state, action])
    distance = target - tables[MEAN, state, action]
    tables[MEAN, state, action] += distance / counts[state, action]
    tables[SQUARES, state, action] += distance * (target - tables[MEAN, state, action])
    tables[WEIGHTS, state, action] = (1.0 - alpha) ** 2 * tables[WEIGHTS, state, action] + alpha**2


class MaxminConfig(TabularConfig):
    """Options of `maxmin-q-learning` in addition to the common ones."""

    tables: int = Field(2, ge=1, le=100, description="number of estimates of each value (N)")


class WeightedConfig(TabularConfig):
    """Options of `weighted-q-learning` in addition to the common ones."""

    points: int = Field(
        16,
        ge=13,
        le=10_000,
        description="points of the integral for the probability of being the best action",
    )


class DoubleQLearning(TabularAgent):
    """Off-policy: one table selects the best next action and the other evaluates it, which avoids
    maximisation bias."""

    name = "double-q-learning"
    rule = staticmethod(double_q_learning)

    def tables(self) -> Numbers:
        """Two estimates of every value."""
        return self.start_value, self.start_value


class DoubleExpectedSarsa(DoubleQLearning):
    """On-policy: each of two tables learns from the other's expected value of the next action."""

    name = "double-expected-sarsa"
    rule = staticmethod(double_expected_sarsa)


class MaxminQLearning(TabularAgent):
    """Off-policy: it learns from the maximum over next actions of the minimum of several
    estimates."""

    name = "maxmin-q-learning"
    Config = MaxminConfig
    config: MaxminConfig
    rule = staticmethod(maxmin_q_learning)

    def tables(self) -> Numbers:
        """The tables of estimates."""
        return (self.start_value,) * self.config.tables


class WeightedQLearning(TabularAgent):
    """Off-policy: it learns from all next actions, each weighted by the probability that it is the
    best."""

    name = "weighted-q-learning"
    Config = WeightedConfig
    config: WeightedConfig
    rule = staticmethod(weighted_q_learning)

    def tables(self) -> Numbers:
        """See the rule."""
        return 0.0, 0.0, 0.0

    def settings(self) -> Numbers:
        """See the rule."""
        t = np.linspace(-REACH, REACH, self.config.points)
        return tuple(np.exp(-0.5 * t * t) / math.sqrt(2.0 * math.pi))
