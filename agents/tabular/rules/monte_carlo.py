"""Monte Carlo control: at the end of an episode, its steps are learned from the last to the first.

Episodes that a time limit truncates have no full return. By default the rest of the return is
estimated from the table (bootstrapped), as partial-episode bootstrapping does (Pardo et al. 2018,
"Time Limits in Reinforcement Learning", section 3); with `bootstrap` off the return ends at the
truncation, which is Monte Carlo as in the book, for environments whose time limit is part of the
task.

`rows` holds a ring buffer of steps, as long as the time limit of an episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from agents.tabular.base import Numbers, TabularAgent
from agents.tabular.config import TabularConfig, no_step_size
from agents.tabular.schedules import ScheduleName

if TYPE_CHECKING:
    import numpy as np

    from agents.tabular.kernels import FillProbabilities, Own, Step

HEAVIEST = 1e100
"""When an importance weight exceeds this, the rest of the episode is not learned, because it would
outweigh everything else."""
STATE, ACTION, REWARD = range(3)
"""Columns of a step in the ring buffer."""
FIRST = 3
"""A column of `monte_carlo`: whether the pair came for the first time in its episode."""
PROBABILITY = 3
"""A column of `off_policy_monte_carlo`: the probability of the action under the behaviour
policy."""
TIME = 0, 0
"""The entry in which `monte_carlo` counts the steps since the beginning, in the row before its ring
buffer."""
RETURNS, VISITED = range(2)
"""Tables of `monte_carlo`: the number of returns of a pair, and the TIME of its last visit."""
FIRST_VISITS, POWER, BOOTSTRAP = range(3)
"""Settings of `monte_carlo`: whether only first visits count, the power p of a step size 1 / n^p
(0: α), and whether a truncated episode is bootstrapped."""


def monte_carlo(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Q(S_t, A_t) ← Q + [G_t - Q] / n for its n-th return G_t = R_t+1 + γ G_t+1, which is their
    mean; or with 1 / n^p, or α.

    Sutton & Barto, 2nd ed., section 5.4 (box: first visits, means) and equation 6.1 (α). Truncated
    episodes end with Σ_a b(a | S) Q(S, a), b being the policy that is followed, or with 0.
    """
    q, settings, b = own.q, own.settings, own.scratch[0]
    returns, visited, ring = own.memory[RETURNS], own.memory[VISITED], own.rows[1:]
    own.rows[TIME] += 1.0
    now, length = own.rows[TIME], ring.shape[0]
    here = step.time % length
    ring[here, STATE], ring[here, ACTION], ring[here, REWARD] = step.state, step.action, step.reward
    ring[here, FIRST] = 1.0 if visited[step.state, step.action] < now - step.time else 0.0
    visited[step.state, step.action] = now
    if not step.ended:
        return
    total = 0.0
    if settings[BOOTSTRAP] > 0.0 and not step.terminated:
        fill_probabilities(q, own.counts, step.next_state, step.epsilon, step.first_ties, b)
        for other in range(q.shape[1]):
            total += b[other] * q[step.next_state, other]
    for back in range(min(step.time + 1, length)):
        here = (step.time - back) % length
        s, a = int(ring[here, STATE]), int(ring[here, ACTION])
        total = ring[here, REWARD] + step.discount * total
        if settings[FIRST_VISITS] == 0.0 or ring[here, FIRST] > 0.0:
            returns[s, a] += 1.0
            power = settings[POWER]
            size = returns[s, a] ** -power if power > 0.0 else step.alpha
            q[s, a] += size * (total - q[s, a])


def off_policy_monte_carlo(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """C(S, A) ← C + W; Q(S, A) ← Q + W / C [G - Q]; then W ← W π(A | S) / b(A | S), from the last
    step back until W is 0.

    Sutton & Barto, 2nd ed., section 5.7 (box: weighted importance sampling). b is the policy that
    was followed, π the greedy one: the first of several best actions as in the box or, where ties
    are random, all with equal probability. Truncated episodes end with max_a
    Q(S, a), which is what π would earn from there, or with 0.

    C is the agent's additional table; the setting says whether a truncated episode is
    bootstrapped.
    """
    q, weights, ring, counts, b = own.q, own.memory[0], own.rows, own.counts, own.scratch[0]
    here, length = step.time % ring.shape[0], ring.shape[0]
    counts[step.state, step.action] -= 1  # as it was when the action was drawn
    fill_probabilities(q, counts, step.state, step.epsilon, step.first_ties, b)
    counts[step.state, step.action] += 1
    ring[here, STATE], ring[here, ACTION], ring[here, REWARD] = step.state, step.action, step.reward
    ring[here, PROBABILITY] = b[step.action]
    if not step.ended:
        return
    total, weight = 0.0, 1.0
    if own.settings[0] > 0.0 and not step.terminated:
        total = q[step.next_state, 0]
        for other in range(1, q.shape[1]):
            total = max(total, q[step.next_state, other])
    for back in range(min(step.time + 1, length)):
        here = (step.time - back) % length
        s, a = int(ring[here, STATE]), int(ring[here, ACTION])
        total = ring[here, REWARD] + step.discount * total
        weights[s, a] += weight
        q[s, a] += weight / weights[s, a] * (total - q[s, a])
        fill_probabilities(q, counts, s, 0.0, step.first_ties, b)  # at 0 every policy is greedy
        weight *= b[a] / ring[here, PROBABILITY]
        if weight == 0.0 or not weight < HEAVIEST:
            return


class EpisodeConfig(TabularConfig):
    """Options of Monte Carlo agents in addition to the common ones."""

    bootstrap: bool = Field(
        True,
        description="whether what is still to come is added to the return of an episode that was "
        "cut",
    )
    longest: int = Field(
        10_000,
        ge=1,
        le=10**8,
        description="where nothing limits an episode: how many of its last steps are learned from",
    )


class MonteCarloConfig(EpisodeConfig):
    """Options of `monte-carlo` in addition to the common ones."""

    alpha_schedule: ScheduleName | Literal["visits"] = Field(
        "visits",
        description="how alpha changes from episode to episode; visits: 1 / n ** alpha_power for a "
        "pair's n-th return",
    )
    visits: Literal["every", "first"] = Field(
        "every", description="which visits of a pair in an episode count"
    )


class OffPolicyConfig(EpisodeConfig):
    """Options of `off-policy-monte-carlo`."""

    without_effect: ClassVar[Mapping[str, str]] = no_step_size(
        "returns are averaged with the weights of importance sampling"
    )


class MonteCarlo(TabularAgent):
    """On-policy: values are means of observed returns, exploration included."""

    name = "monte-carlo"
    Config = MonteCarloConfig
    config: MonteCarloConfig
    rule = staticmethod(monte_carlo)

    def tables(self) -> Numbers:
        """For each pair, its number of returns and the step of its last visit."""
        return 0.0, 0.0

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row of counters, then one for each step of an episode."""
        return 1 + (horizon or self.config.longest), 4

    def settings(self) -> Numbers:
        """See the rule."""
        return (
            self.config.visits == "first",
            self.config.alpha_division,
            self.config.bootstrap,
        )


class OffPolicyMonteCarlo(TabularAgent):
    """Off-policy: learns the greedy policy's values from the final parts of episodes in which all
    actions were greedy, with weighted importance sampling."""

    name = "off-policy-monte-carlo"
    Config = OffPolicyConfig
    config: OffPolicyConfig
    rule = staticmethod(off_policy_monte_carlo)

    def tables(self) -> Numbers:
        """For each pair, the sum of its importance weights."""
        return (0.0,)

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row for each step of an episode."""
        return horizon or self.config.longest, 4

    def settings(self) -> Numbers:
        """See the rule."""
        return (self.config.bootstrap,)
