"""Monte Carlo control: nothing is learned before the episode is over, then every step of it from the last to the first.

Episodes that a time limit cut short have no return. By default what is still to come is estimated by the table itself, as partial-episode
bootstrapping does (Pardo et al. 2018, "Time Limits in Reinforcement Learning", section 3); with `bootstrap` off the return ends
there, which is Monte Carlo as in the book, for worlds whose time limit is part of the task.

Steps of an episode stand in `rows`, a ring as long as the time limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from agents.tabular.base import TabularAgent
from agents.tabular.config import ScheduleName, TabularConfig, no_step_size

if TYPE_CHECKING:
    import numpy as np

HEAVIEST = 1e100
"""Importance weights above this end what is learned of an episode: nothing else would count beside them."""


def monte_carlo(
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
    """Q(S_t, A_t) ← Q + [G_t - Q] / n for its n-th return G_t = R_t+1 + γ G_t+1, which is their mean; or with 1 / n^p, or α.

    Sutton & Barto, 2nd ed., section 5.4 (box: first visits, means) and equation 6.1 (α). Cut episodes end with Σ_a b(a | S) Q(S, a),
    b being the policy that is followed, or with 0.

    memory: [0] how many returns were learned from, [1] when the pair was last visited, in steps since the beginning.
    rows: [0, 0] steps since the beginning; then state, action, reward, and whether the pair came for the first time in its episode.
    settings: first visits alone (0 or 1), the power p of a step size 1 / n^p (0: α), bootstrap (0 or 1).
    """
    time, length = rows[0, 0] + 1.0, rows.shape[0] - 1
    rows[0, 0] = time
    here = 1 + step % length
    rows[here, 0], rows[here, 1], rows[here, 2] = state, action, reward
    rows[here, 3] = 1.0 if memory[1, state, action] < time - step else 0.0
    memory[1, state, action] = time
    if not ended:
        return
    total = 0.0
    if settings[2] > 0.0 and not terminated:
        chances(q, counts, next_state, epsilon, first_ties, scratch[0])
        for other in range(q.shape[1]):
            total += scratch[0, other] * q[next_state, other]
    for back in range(min(step + 1, length)):
        here = 1 + (step - back) % length
        s, a = int(rows[here, 0]), int(rows[here, 1])
        total = rows[here, 2] + discount * total
        if settings[0] == 0.0 or rows[here, 3] > 0.0:
            memory[0, s, a] += 1.0
            size = memory[0, s, a] ** -settings[1] if settings[1] > 0.0 else alpha
            q[s, a] += size * (total - q[s, a])


def greedy_share(q: np.ndarray, state: int, action: int, first_ties: bool) -> float:
    """π(a | s) of the greedy policy: the first of several best actions, or each alike."""
    value, alike = q[state, action], 1
    for other in range(q.shape[1]):
        if q[state, other] > value or (first_ties and other < action and q[state, other] == value):
            return 0.0
        alike += other != action and not first_ties and q[state, other] == value
    return 1.0 / alike


def off_policy_monte_carlo(
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
    """C(S, A) ← C + W; Q(S, A) ← Q + W / C [G - Q]; then W ← W π(A | S) / b(A | S), from the last step back until W is 0.

    Sutton & Barto, 2nd ed., section 5.7 (box: weighted importance sampling). b is the policy that was followed, π the greedy one: the first
    of several best actions as in the box or, where ties are random, each alike, so that π(A | S) is 1 / their number. Cut episodes
    end with max_a Q(S, a), which is what π would go on to earn, or with 0.

    memory: [0] C.
    rows: state, action, reward, b(A | S).
    settings: bootstrap (0 or 1).
    """
    length = rows.shape[0]
    here = step % length
    counts[state, action] -= 1  # as it was when the action was drawn
    chances(q, counts, state, epsilon, first_ties, scratch[0])
    counts[state, action] += 1
    rows[here, 0], rows[here, 1], rows[here, 2], rows[here, 3] = (
        state,
        action,
        reward,
        scratch[0, action],
    )
    if not ended:
        return
    total, weight = 0.0, 1.0
    if settings[0] > 0.0 and not terminated:
        total = q[next_state, 0]
        for other in range(1, q.shape[1]):
            total = max(total, q[next_state, other])
    for back in range(min(step + 1, length)):
        here = (step - back) % length
        s, a = int(rows[here, 0]), int(rows[here, 1])
        total = rows[here, 2] + discount * total
        memory[0, s, a] += weight
        q[s, a] += weight / memory[0, s, a] * (total - q[s, a])
        weight *= greedy_share(q, s, a, first_ties) / rows[here, 3]
        if weight == 0.0 or not weight < HEAVIEST:
            return


class EpisodeConfig(TabularConfig):
    """What Monte Carlo agents can be told besides."""

    bootstrap: bool = Field(
        default=True,
        description="whether what is still to come is added to the return of an episode that was cut",
    )
    longest: int = Field(
        default=10_000,
        ge=1,
        le=10**8,
        description="where nothing limits an episode: how many of its last steps are learned from",
    )


class MonteCarloConfig(EpisodeConfig):
    """What `monte-carlo` can be told besides."""

    alpha_schedule: ScheduleName | Literal["visits"] = Field(
        default="visits",
        description="how alpha changes from episode to episode; visits: 1 / n ** alpha_power for a pair's n-th return",
    )
    visits: Literal["every", "first"] = Field(
        default="every", description="which visits of a pair in an episode count"
    )


class OffPolicyConfig(EpisodeConfig):
    """What `off-policy-monte-carlo` can be told."""

    without_effect: ClassVar[Mapping[str, str]] = no_step_size(
        "returns are averaged with the weights of importance sampling"
    )


class MonteCarlo(TabularAgent):
    """On-policy: values are means of the returns that followed, with the exploration that there was."""

    name = "monte-carlo"
    Config = MonteCarloConfig
    config: MonteCarloConfig
    rule = staticmethod(monte_carlo)

    def tables(self) -> tuple[float, ...]:
        """How many returns there were, and when a pair was last visited."""
        return 0.0, 0.0

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row of counters, then one for each step of an episode."""
        return 1 + (horizon or self.config.longest), 4

    def settings(self) -> tuple[float, ...]:
        """See the rule."""
        return (
            float(self.config.visits == "first"),
            self.config.alpha_division,
            float(self.config.bootstrap),
        )


class OffPolicyMonteCarlo(TabularAgent):
    """Learns the greedy policy's value from the ends of episodes in which it was followed, weighted by how unlikely that was."""

    name = "off-policy-monte-carlo"
    Config = OffPolicyConfig
    config: OffPolicyConfig
    rule = staticmethod(off_policy_monte_carlo)

    def tables(self) -> tuple[float, ...]:
        """The sum of the weights."""
        return (0.0,)

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """One for each step of an episode."""
        return horizon or self.config.longest, 4

    def settings(self) -> tuple[float, ...]:
        """See the rule."""
        return (float(self.config.bootstrap),)
