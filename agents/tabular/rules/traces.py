"""Eligibility traces: every step teaches all pairs taken before it in the episode, the older the less.

Traces stand in `memory[0]`; `rows` lists the pairs that have one, so that a step costs as much as there are traces, not as the table has
values: rows[0, 0] their number, from row 1 on the pairs, state * actions + action. All pairs are updated with the step size of the
pair just taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agents.tabular.base import TabularAgent
from agents.tabular.config import TabularConfig

if TYPE_CHECKING:
    import numpy as np

ACCUMULATING, REPLACING, DUTCH = 0.0, 1.0, 2.0
KINDS = {"accumulating": ACCUMULATING, "replacing": REPLACING, "dutch": DUTCH}


def forget(memory: np.ndarray, rows: np.ndarray) -> None:
    """Take all traces off."""
    actions = memory.shape[2]
    for place in range(1, int(rows[0, 0]) + 1):
        pair = int(rows[place, 0])
        memory[0, pair // actions, pair % actions] = 0.0
    rows[0, 0] = 0.0


def mark(
    memory: np.ndarray,
    rows: np.ndarray,
    state: int,
    action: int,
    decay: float,
    cutoff: float,
    kind: float,
    alpha: float,
) -> None:
    """Let all traces decay, drop those that are `cutoff` or less, and give the pair just taken its own.

    z ← decay z, then for that pair z + 1 (accumulating), 1 (replacing) or (1 - α) z + 1 (Dutch).
    """
    actions, place = memory.shape[2], 1
    while place <= int(rows[0, 0]):
        pair = int(rows[place, 0])
        trace = memory[0, pair // actions, pair % actions] * decay
        if trace > cutoff:
            memory[0, pair // actions, pair % actions] = trace
            place += 1
        else:
            memory[0, pair // actions, pair % actions] = 0.0
            rows[place, 0] = rows[int(rows[0, 0]), 0]
            rows[0, 0] -= 1.0
    trace = memory[0, state, action]
    if trace == 0.0:
        rows[0, 0] += 1.0
        rows[int(rows[0, 0]), 0] = state * actions + action
    if kind == REPLACING:
        memory[0, state, action] = 1.0
    else:
        memory[0, state, action] = (1.0 - alpha if kind == DUTCH else 1.0) * trace + 1.0


def teach(q: np.ndarray, memory: np.ndarray, rows: np.ndarray, change: float) -> None:
    """Q ← Q + change z."""
    actions = q.shape[1]
    for place in range(1, int(rows[0, 0]) + 1):
        pair = int(rows[place, 0])
        q[pair // actions, pair % actions] += change * memory[0, pair // actions, pair % actions]


def sarsa_lambda(
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
    """δ = R + γ Q(S', A') - Q(S, A); Q ← Q + α δ z; Dutch: Q ← Q + α (δ + Q(S, A) - Q_old) z, then Q(S, A) ← Q(S, A) - α (Q(S, A) - Q_old).

    Sutton & Barto, 2nd ed., section 12.7, boxes Sarsa(λ) and true online Sarsa(λ) with a feature for each pair (Q(S, A) of the Dutch
    form is the value before the update, Q_old what it was before the last one); replacing traces: Singh & Sutton (1996); true online:
    van Seijen et al. (2016). For z see `mark`, with decay γ λ.

    rows: [0, 1] Q_old. settings: λ, cutoff, kind of trace.
    """
    kind = settings[2]
    if step == 0:
        forget(memory, rows)
        rows[0, 1] = 0.0
    value, after = q[state, action], 0.0
    if not terminated:
        after = q[next_state, next_action]
    error = reward + discount * after - value
    mark(memory, rows, state, action, discount * settings[0], settings[1], kind, alpha)
    if kind == DUTCH:
        since = value - rows[0, 1]
        teach(q, memory, rows, alpha * (error + since))
        q[state, action] -= alpha * since
        rows[0, 1] = after
    else:
        teach(q, memory, rows, alpha * error)


def q_lambda(
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
    """δ = R + γ max_a Q(S', a) - Q(S, A); Q ← Q + α δ z; all z ← 0 before an action that is not greedy.

    Watkins (1989): Sutton & Barto, 1st ed., section 7.6, figure 7.14; 2nd ed., section 12.10. For z see `mark`, with decay γ λ.

    settings: λ, cutoff, kind of trace.
    """
    if step == 0:
        forget(memory, rows)
    best = 0.0
    if not terminated:
        best = q[next_state, 0]
        for other in range(1, q.shape[1]):
            best = max(best, q[next_state, other])
    error = reward + discount * best - q[state, action]
    mark(memory, rows, state, action, discount * settings[0], settings[1], settings[2], alpha)
    greedy = terminated or q[next_state, next_action] == best
    teach(q, memory, rows, alpha * error)
    if not greedy:
        forget(memory, rows)


class TraceConfig(TabularConfig):
    """What agents with traces can be told besides."""

    trace_decay: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="how much of a trace is left a step later, beside the discount (lambda)",
    )
    trace_cutoff: float = Field(
        default=1e-8,
        ge=0,
        lt=1,
        description="traces that are not above this are dropped; 0 keeps all",
    )


class SarsaLambdaConfig(TraceConfig):
    """What `sarsa-lambda` can be told besides."""

    traces: Literal["accumulating", "replacing", "dutch"] = Field(
        default="replacing",
        description="what a pair's trace becomes when it is taken; dutch: true online Sarsa(lambda)",
    )


class QLambdaConfig(TraceConfig):
    """What `q-lambda` can be told besides."""

    traces: Literal["accumulating", "replacing"] = Field(
        default="replacing", description="what a pair's trace becomes when it is taken"
    )


class TraceAgent(TabularAgent):
    """Base of the agents below: a table of traces and a list of the pairs that have one."""

    config: SarsaLambdaConfig | QLambdaConfig
    next_first = True

    def tables(self) -> tuple[float, ...]:
        """The traces."""
        return (0.0,)

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row for each pair that can have a trace."""
        return 1 + self.states * self.actions, 2

    def settings(self) -> tuple[float, ...]:
        """See the rules."""
        return self.config.trace_decay, self.config.trace_cutoff, KINDS[self.config.traces]


class SarsaLambda(TraceAgent):
    """On-policy: Sarsa that teaches the whole way it came."""

    name = "sarsa-lambda"
    Config = SarsaLambdaConfig
    config: SarsaLambdaConfig
    rule = staticmethod(sarsa_lambda)


class QLambda(TraceAgent):
    """Off-policy: Q-learning that teaches the way it came, back to the last action that was not greedy."""

    name = "q-lambda"
    Config = QLambdaConfig
    config: QLambdaConfig
    rule = staticmethod(q_lambda)
