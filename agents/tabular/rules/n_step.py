"""Learning from n steps at once: a pair is updated n steps after it was taken, or when the episode is over.

The last n steps stand in `rows`, a ring: state, action, reward, and the step size that the pair had. With n = 1 the agents are one-step
ones. An episode that was cut is learned to its end and bootstraps from the state it was cut in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agents.tabular.base import TabularAgent
from agents.tabular.config import TabularConfig

if TYPE_CHECKING:
    import numpy as np


def n_step_sarsa(
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
    """G_τ = R_τ+1 + γ R_τ+2 + … + γ^(n-1) R_τ+n + γ^n Q(S_τ+n, A_τ+n); Q(S_τ, A_τ) ← Q(S_τ, A_τ) + α [G_τ - Q(S_τ, A_τ)].

    Sutton & Barto, 2nd ed., section 7.2, equations 7.4 and 7.5 and box; fewer rewards at the end of an episode, and Q = 0 where it
    terminated.
    """
    n = rows.shape[0]
    here = step % n
    rows[here, 0], rows[here, 1], rows[here, 2], rows[here, 3] = state, action, reward, alpha
    first = max(0, step - n + 1)
    if step < n - 1 and not ended:
        return
    for begun in range(first, step + 1 if ended else first + 1):
        value = 0.0 if terminated else q[next_state, next_action]
        for later in range(step, begun - 1, -1):
            value = rows[later % n, 2] + discount * value
        s, a = int(rows[begun % n, 0]), int(rows[begun % n, 1])
        q[s, a] += rows[begun % n, 3] * (value - q[s, a])


def target_policy(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    greedy: bool,
    out: np.ndarray,
) -> None:
    """The probabilities that are learned about: those of the policy that is followed, or the greedy ones (see `first_ties`)."""
    if not greedy:
        chances(q, counts, state, epsilon, first_ties, out)
        return
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
    """G_t:h = R_t+1 + γ Σ_{a ≠ A_t+1} π(a | S_t+1) Q(S_t+1, a) + γ π(A_t+1 | S_t+1) G_t+1:h; Q(S_τ, A_τ) ← Q + α [G_τ:τ+n - Q].

    Sutton & Barto, 2nd ed., section 7.5, equations 7.16 and 7.17 and box; Precup, Sutton & Singh (2000). Off-policy without weights:
    actions that were not taken count with their values. G_h-1:h = R_h + γ Σ_a π(a | S_h) Q(S_h, a).

    settings: whether π is greedy (else the policy that is followed). scratch: [0] π in a state.
    """
    n, greedy = rows.shape[0], settings[0] > 0.0
    here = step % n
    rows[here, 0], rows[here, 1], rows[here, 2], rows[here, 3] = state, action, reward, alpha
    first = max(0, step - n + 1)
    if step < n - 1 and not ended:
        return
    for begun in range(first, step + 1 if ended else first + 1):
        value, s, taken = (
            0.0,
            next_state,
            -1,
        )  # what follows the last step; no action was taken there
        for later in range(step, begun - 1, -1):
            if taken >= 0 or not terminated:
                target_policy(q, counts, s, epsilon, chances, first_ties, greedy, scratch[0])
                expected = 0.0
                for other in range(q.shape[1]):
                    if scratch[0, other] > 0.0:
                        expected += scratch[0, other] * (value if other == taken else q[s, other])
                value = expected
            value = rows[later % n, 2] + discount * value
            s, taken = int(rows[later % n, 0]), int(rows[later % n, 1])
        q[s, taken] += rows[begun % n, 3] * (value - q[s, taken])


class NStepConfig(TabularConfig):
    """What n-step agents can be told besides."""

    n_steps: int = Field(
        default=4, ge=1, le=10_000, description="steps that are learned from at once (n)"
    )


class TreeBackupConfig(NStepConfig):
    """What `n-step-tree-backup` can be told besides."""

    target: Literal["greedy", "behaviour"] = Field(
        default="greedy", description="the policy whose values are learned"
    )


class NStepAgent(TabularAgent):
    """Base of the agents below: a ring of n steps."""

    Config = NStepConfig
    config: NStepConfig

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row for each of the last n steps."""
        return self.config.n_steps, 4


class NStepSarsa(NStepAgent):
    """On-policy: it learns from n rewards and the value of what it does then."""

    name = "n-step-sarsa"
    rule = staticmethod(n_step_sarsa)
    next_first = True


class NStepTreeBackup(NStepAgent):
    """Off-policy: it learns from n rewards, and at every step on the way from the actions it did not take."""

    name = "n-step-tree-backup"
    Config = TreeBackupConfig
    config: TreeBackupConfig
    rule = staticmethod(n_step_tree_backup)

    def settings(self) -> tuple[float, ...]:
        """See the rule."""
        return (float(self.config.target == "greedy"),)
