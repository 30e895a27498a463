"""n-step methods: a pair is updated n steps after it was taken, or at the end of the episode.

`rows` is a ring buffer of the last n steps. With n = 1 the agents are one-step methods. When an
episode is truncated, its last pairs are still updated, and bootstrap from the final state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agents.tabular.base import Numbers, TabularAgent
from agents.tabular.config import TabularConfig

if TYPE_CHECKING:
    import numpy as np

    from agents.tabular.kernels import FillProbabilities, Own, Step

STATE, ACTION, REWARD, ALPHA = range(4)
"""Columns of a step in the ring buffer; ALPHA is the step size of the pair at that step."""


def remember(rows: np.ndarray, step: Step) -> None:
    """Write a step into the ring."""
    here = step.time % rows.shape[0]
    rows[here, STATE], rows[here, ACTION] = step.state, step.action
    rows[here, REWARD], rows[here, ALPHA] = step.reward, step.alpha


def n_step_sarsa(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """G_τ = R_τ+1 + γ R_τ+2 + … + γ^(n-1) R_τ+n + γ^n Q(S_τ+n, A_τ+n); Q(S_τ, A_τ) ← Q(S_τ, A_τ) +
    α [G_τ - Q(S_τ, A_τ)].

    Sutton & Barto, 2nd ed., section 7.2, equations 7.4 and 7.5 and box; at the end of an episode
    the return has fewer rewards, and Q = 0 after termination.
    """
    q, rows, time, n = own.q, own.rows, step.time, own.rows.shape[0]
    remember(rows, step)
    first = max(0, time - n + 1)
    if time < n - 1 and not step.ended:
        return
    for begun in range(first, time + 1 if step.ended else first + 1):
        value = 0.0 if step.terminated else q[step.next_state, step.next_action]
        for later in range(time, begun - 1, -1):
            value = rows[later % n, REWARD] + step.discount * value
        s, a = int(rows[begun % n, STATE]), int(rows[begun % n, ACTION])
        q[s, a] += rows[begun % n, ALPHA] * (value - q[s, a])


def greedy_probabilities(q: np.ndarray, state: int, first_ties: bool, out: np.ndarray) -> None:
    """The probabilities of the greedy policy; see `Step.first_ties`."""
    best, first, count = q[state, 0], 0, 1
    for action in range(1, q.shape[1]):
        if q[state, action] > best:
            best, first, count = q[state, action], action, 1
        elif q[state, action] == best:
            count += 1
    for action in range(q.shape[1]):
        chosen = action == first if first_ties else q[state, action] == best
        out[action] = (1.0 if first_ties else 1.0 / count) if chosen else 0.0


def n_step_tree_backup(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """G_t:h = R_t+1 + γ Σ_{a ≠ A_t+1} π(a | S_t+1) Q(S_t+1, a) + γ π(A_t+1 | S_t+1) G_t+1:h;
    Q(S_τ, A_τ) ← Q + α [G_τ:τ+n - Q].

    Sutton & Barto, 2nd ed., section 7.5, equations 7.16 and 7.17 and box; Precup, Sutton & Singh
    (2000). Off-policy without importance weights: actions not taken contribute their values.
    G_h-1:h = R_h + γ Σ_a π(a | S_h) Q(S_h, a).

    The setting says whether π is greedy; otherwise it is the behaviour policy.
    """
    q, rows, time, n = own.q, own.rows, step.time, own.rows.shape[0]
    pi, greedy = own.scratch[0], own.settings[0] > 0.0
    remember(rows, step)
    first = max(0, time - n + 1)
    if time < n - 1 and not step.ended:
        return
    for begun in range(first, time + 1 if step.ended else first + 1):
        value, s, taken = 0.0, step.next_state, -1  # no action was taken in the last state
        for later in range(time, begun - 1, -1):
            if taken >= 0 or not step.terminated:
                if greedy:
                    greedy_probabilities(q, s, step.first_ties, pi)
                else:
                    fill_probabilities(q, own.counts, s, step.epsilon, step.first_ties, pi)
                expected = 0.0
                for other in range(q.shape[1]):
                    if pi[other] > 0.0:
                        expected += pi[other] * (value if other == taken else q[s, other])
                value = expected
            value = rows[later % n, REWARD] + step.discount * value
            s, taken = int(rows[later % n, STATE]), int(rows[later % n, ACTION])
        q[s, taken] += rows[begun % n, ALPHA] * (value - q[s, taken])


class NStepConfig(TabularConfig):
    """Options of n-step agents in addition to the common ones."""

    n_steps: int = Field(4, ge=1, le=10_000, description="steps that are learned from at once (n)")


class TreeBackupConfig(NStepConfig):
    """Options of `n-step-tree-backup` in addition to the common ones."""

    target: Literal["greedy", "behaviour"] = Field(
        "greedy", description="the policy whose values are learned"
    )


class NStepAgent(TabularAgent):
    """Base of the agents below: a ring buffer of n steps."""

    Config = NStepConfig
    config: NStepConfig

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row for each of the last n steps."""
        return self.config.n_steps, 4


class NStepSarsa(NStepAgent):
    """On-policy: it learns from n rewards and the value of the action that it takes after them."""

    name = "n-step-sarsa"
    rule = staticmethod(n_step_sarsa)
    next_first = True


class NStepTreeBackup(NStepAgent):
    """Off-policy: it learns from n rewards, and at each of these steps also from the values of the
    actions it did not take."""

    name = "n-step-tree-backup"
    Config = TreeBackupConfig
    config: TreeBackupConfig
    rule = staticmethod(n_step_tree_backup)

    def settings(self) -> Numbers:
        """See the rule."""
        return (self.config.target == "greedy",)
