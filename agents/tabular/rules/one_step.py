"""One-step temporal difference learning with one table: an agent is a rule, and when its next action is drawn.

The rules are plain functions that run as they stand; `agents.tabular.kernels.compiled_rule` compiles them when learning begins. α is `alpha`,
γ is `discount`. A truncated step is no terminated one: learning bootstraps through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from agents.tabular.base import TabularAgent
from agents.tabular.config import ScheduleName, TabularConfig

if TYPE_CHECKING:
    import numpy as np


def sarsa(
    q: np.ndarray,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    alpha: float,
    discount: float,
) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ Q(S', A') - Q(S, A)]; Q(S', ·) = 0 where the episode terminated.

    Sutton & Barto, 2nd ed., section 6.4, equation 6.7.
    """
    target = reward
    if not terminated:
        target += discount * q[next_state, next_action]
    q[state, action] += alpha * (target - q[state, action])


def highest(q: np.ndarray, state: int) -> float:
    """max_a q(state, a)."""
    best: float = q[state, 0]
    for action in range(1, q.shape[1]):
        best = max(best, q[state, action])
    return best


def q_learning(
    q: np.ndarray,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    alpha: float,
    discount: float,
) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ max_a Q(S', a) - Q(S, A)]; Q(S', ·) = 0 where the episode terminated.

    Sutton & Barto, 2nd ed., section 6.5, equation 6.8; Watkins (1989).
    """
    target = reward
    if not terminated:
        target += discount * highest(q, next_state)
    q[state, action] += alpha * (target - q[state, action])


def expected_sarsa(
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
    """Q(S, A) ← Q(S, A) + α [R + γ Σ_a π(a | S') Q(S', a) - Q(S, A)], π being the policy that is followed.

    Sutton & Barto, 2nd ed., section 6.6, equation 6.9; van Seijen et al. (2009).
    """
    target = reward
    if not terminated:
        chances(q, counts, next_state, epsilon, first_ties, scratch[0])
        expected = 0.0
        for other in range(q.shape[1]):
            if scratch[0, other] > 0.0:
                expected += scratch[0, other] * q[next_state, other]
        target += discount * expected
    q[state, action] += alpha * (target - q[state, action])


def speedy_q_learning(
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
    """Q_k+1(S, A) = Q_k + α [T Q_k-1 - Q_k] + (1 - α) [T Q_k - T Q_k-1], with T Q = R + γ max_a Q(S', a) and Q_k = Q_k(S, A).

    Azar, Munos, Ghavamzadeh & Kappen (2011), "Speedy Q-learning", equation 3 and algorithm 1, there with α = 1 / (k + 1) and all pairs
    updated at once. Here they come one at a time: Q_k-1 of a pair is what it was before its own last update.

    memory: [0] Q_k-1.
    """
    before, now = reward, reward
    if not terminated:
        before, now = (
            reward + discount * highest(memory[0], next_state),
            reward + discount * highest(q, next_state),
        )
    value = q[state, action]
    memory[0, state, action] = value
    q[state, action] = value + alpha * (before - value) + (1.0 - alpha) * (now - before)


def r_learning(
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
    """Q(S, A) ← Q(S, A) + α [R - ρ + max_a Q(S', a) - Q(S, A)]; if A is then greedy: ρ ← ρ + β [R - ρ + max_a Q(S', a) - max_a Q(S, a)].

    Schwartz (1993), as in Sutton & Barto, 1st ed., section 6.7, figure 6.16: Q becomes what a pair is worth beyond the average reward ρ
    of a step. For tasks that go on for ever, cut anywhere; nothing is discounted. A terminal state is worth 0 here too.

    rows: [0, 0] ρ. settings: β.
    """
    following = 0.0 if terminated else highest(q, next_state)
    q[state, action] += alpha * (reward - rows[0, 0] + following - q[state, action])
    best = highest(q, state)
    if q[state, action] == best:
        following = 0.0 if terminated else highest(q, next_state)
        rows[0, 0] += settings[0] * (reward - rows[0, 0] + following - best)


class SpeedyConfig(TabularConfig):
    """What `speedy-q-learning` can be told; its step size is the paper's."""

    alpha_schedule: ScheduleName | Literal["visits"] = Field(
        default="visits",
        description="how alpha changes from episode to episode; visits: 1 / n ** alpha_power in a pair's n-th visit",
    )


class RConfig(TabularConfig):
    """What `r-learning` can be told."""

    without_effect: ClassVar[Mapping[str, str]] = {"discount": "the average reward takes its place"}

    beta: float = Field(default=0.01, gt=0, le=1, description="step size of the average reward")
    discount: float = Field(
        default=1.0, gt=0, le=1, description="none is needed: the average reward takes its place"
    )
    initial_value: float | None = Field(
        default=0.0, description="all action values at the start, relative to the average reward"
    )


class Sarsa(TabularAgent):
    """On-policy: it draws its next action, learns from that action's value, and plays it."""

    name = "sarsa"
    rule = staticmethod(sarsa)
    next_first = True


class ExpectedSarsa(TabularAgent):
    """On-policy: it learns from the mean over its next actions, then draws the one it plays."""

    name = "expected-sarsa"
    rule = staticmethod(expected_sarsa)


class QLearning(TabularAgent):
    """Off-policy: it learns from the best next action, then draws the one it plays."""

    name = "q-learning"
    rule = staticmethod(q_learning)


class SpeedyQLearning(TabularAgent):
    """Q-learning that takes full steps where its target moves, and small ones where only chance is averaged out."""

    name = "speedy-q-learning"
    Config = SpeedyConfig
    config: SpeedyConfig
    rule = staticmethod(speedy_q_learning)

    def tables(self) -> tuple[float, ...]:
        """Values before their last update."""
        return (self.start_value,)


class RLearning(TabularAgent):
    """Off-policy, for the average reward of a step in place of discounted sums."""

    name = "r-learning"
    Config = RConfig
    config: RConfig
    rule = staticmethod(r_learning)

    @property
    def average_reward(self) -> float:
        """What it thinks the greedy policy earns in a step."""
        return float(self.rows[0, 0]) if self.rows.size else 0.0

    def settings(self) -> tuple[float, ...]:
        """See the rule."""
        return (self.config.beta,)
