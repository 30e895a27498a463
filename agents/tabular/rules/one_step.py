"""One-step temporal difference learning with one table: an agent is defined by its rule and by
whether its next action is drawn before the update.

The rules are plain functions that also run uncompiled; `agents.tabular.compiling` compiles them
when learning begins. α is `step.alpha`, γ is `step.discount`. A truncated step is not terminal: its
target bootstraps from the value of the next state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from agents.tabular.base import Numbers, TabularAgent
from agents.tabular.config import TabularConfig
from agents.tabular.schedules import ScheduleName

if TYPE_CHECKING:
    import numpy as np

    from agents.tabular.kernels import FillProbabilities, Own, Step

AVERAGE_REWARD = 0, 0
"""The index of `r_learning`'s ρ in `rows`."""


def sarsa(q: np.ndarray, step: Step) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ Q(S', A') - Q(S, A)]; Q(S', ·) = 0 where the episode terminated.

    Sutton & Barto, 2nd ed., section 6.4, equation 6.7.
    """
    target = step.reward
    if not step.terminated:
        target += step.discount * q[step.next_state, step.next_action]
    q[step.state, step.action] += step.alpha * (target - q[step.state, step.action])


def highest(q: np.ndarray, state: int) -> float:
    """max_a q(state, a)."""
    best: float = q[state, 0]
    for action in range(1, q.shape[1]):
        best = max(best, q[state, action])
    return best


def q_learning(q: np.ndarray, step: Step) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ max_a Q(S', a) - Q(S, A)]; Q(S', ·) = 0 where the episode
    terminated.

    Sutton & Barto, 2nd ed., section 6.5, equation 6.8; Watkins (1989).
    """
    target = step.reward
    if not step.terminated:
        target += step.discount * highest(q, step.next_state)
    q[step.state, step.action] += step.alpha * (target - q[step.state, step.action])


def expected_sarsa(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ Σ_a π(a | S') Q(S', a) - Q(S, A)], π being the policy that is
    followed.

    Sutton & Barto, 2nd ed., section 6.6, equation 6.9; van Seijen et al. (2009).
    """
    q, pi, next_state = own.q, own.scratch[0], step.next_state
    target = step.reward
    if not step.terminated:
        fill_probabilities(q, own.counts, next_state, step.epsilon, step.first_ties, pi)
        expected = 0.0
        for action in range(q.shape[1]):
            if pi[action] > 0.0:
                expected += pi[action] * q[next_state, action]
        target += step.discount * expected
    q[step.state, step.action] += step.alpha * (target - q[step.state, step.action])


def speedy_q_learning(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Q_k+1(S, A) = Q_k + α [T Q_k-1 - Q_k] + (1 - α) [T Q_k - T Q_k-1], with T Q = R + γ max_a
    Q(S', a) and Q_k = Q_k(S, A).

    Azar, Munos, Ghavamzadeh & Kappen (2011), "Speedy Q-learning", equation 3 and algorithm 1, there
    with α = 1 / (k + 1) and all pairs updated at once. Here they come one at a time: Q_k-1 of a
    pair is what it was before its own last update. The table of the agent's own is Q_k-1.
    """
    q, previous, alpha = own.q, own.memory[0], step.alpha
    before, now = step.reward, step.reward
    if not step.terminated:
        before += step.discount * highest(previous, step.next_state)
        now += step.discount * highest(q, step.next_state)
    value = q[step.state, step.action]
    previous[step.state, step.action] = value
    q[step.state, step.action] = value + alpha * (before - value) + (1.0 - alpha) * (now - before)


def r_learning(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Q(S, A) ← Q(S, A) + α [R - ρ + max_a Q(S', a) - Q(S, A)]; if A is then greedy:
    ρ ← ρ + β [R - ρ + max_a Q(S', a) - max_a Q(S, a)].

    Schwartz (1993), as in Sutton & Barto, 1st ed., section 6.7, figure 6.16: Q becomes what a pair
    is worth beyond the average reward ρ of a step. For continuing tasks, cut anywhere;
    nothing is discounted. A terminal state is worth 0 here too. The setting is β.
    """
    q, rows, state, action = own.q, own.rows, step.state, step.action
    following = 0.0 if step.terminated else highest(q, step.next_state)
    error = step.reward - rows[AVERAGE_REWARD] + following - q[state, action]
    q[state, action] += step.alpha * error
    best = highest(q, state)
    if q[state, action] == best:
        following = 0.0 if step.terminated else highest(q, step.next_state)
        error = step.reward - rows[AVERAGE_REWARD] + following - best
        rows[AVERAGE_REWARD] += own.settings[0] * error


class SpeedyConfig(TabularConfig):
    """Options of `speedy-q-learning`; its step size is that of the paper."""

    alpha_schedule: ScheduleName | Literal["visits"] = Field(
        "visits",
        description="how alpha changes from episode to episode; visits: 1 / n ** alpha_power in a "
        "pair's n-th visit",
    )


class RConfig(TabularConfig):
    """Options of `r-learning`."""

    without_effect: ClassVar[Mapping[str, str]] = {"discount": "the average reward takes its place"}

    beta: float = Field(0.01, gt=0, le=1, description="step size of the average reward")
    discount: float = Field(
        1.0, gt=0, le=1, description="none is needed: the average reward takes its place"
    )
    initial_value: float | None = Field(
        0.0, description="all action values at the start, relative to the average reward"
    )


class Sarsa(TabularAgent):
    """On-policy: it draws its next action, learns from that action's value, and takes it."""

    name = "sarsa"
    rule = staticmethod(sarsa)
    next_first = True


class ExpectedSarsa(TabularAgent):
    """On-policy: it learns from the expected value of its next action, then draws the one it
    takes."""

    name = "expected-sarsa"
    rule = staticmethod(expected_sarsa)


class QLearning(TabularAgent):
    """Off-policy: it learns from the best next action, then draws the one it takes."""

    name = "q-learning"
    rule = staticmethod(q_learning)


class SpeedyQLearning(TabularAgent):
    """Q-learning with a large step size for changes of the target, and a small one for averaging
    out noise."""

    name = "speedy-q-learning"
    Config = SpeedyConfig
    config: SpeedyConfig
    rule = staticmethod(speedy_q_learning)

    def tables(self) -> Numbers:
        """The values before each pair's last update."""
        return (self.start_value,)


class RLearning(TabularAgent):
    """Off-policy, for the average reward per step instead of the discounted return."""

    name = "r-learning"
    Config = RConfig
    config: RConfig
    rule = staticmethod(r_learning)

    @property
    def average_reward(self) -> float:
        """Its estimate of the greedy policy's average reward per step."""
        return float(self.rows[AVERAGE_REWARD]) if self.rows.size else 0.0

    def settings(self) -> Numbers:
        """See the rule."""
        return (self.config.beta,)
