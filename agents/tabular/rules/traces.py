"""Eligibility traces: every step updates all earlier pairs of the episode, older ones less.

The first table of `own.memory` holds the traces. `rows` lists the pairs whose trace is not 0, so
that the cost of a step grows with the number of traces, not with the size of the table: row 0 holds
their number, rows 1 and up hold the pairs, state * actions + action. All pairs are updated with the
step size of the pair just taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agents.tabular.base import Numbers, TabularAgent
from agents.tabular.config import TabularConfig

if TYPE_CHECKING:
    import numpy as np

    from agents.tabular.kernels import FillProbabilities, Own, Step

LENGTH, OLD_VALUE = (0, 0), (0, 1)
"""Indices in `rows` of the number of pairs with a trace, and of Q_old for Dutch traces."""
PAIR = 0
"""The column that holds the pairs."""
LAMBDA, CUTOFF, KIND = range(3)
"""Settings: λ, the cutoff at or below which a trace is dropped, and the kind of trace."""
ACCUMULATING, REPLACING, DUTCH = 0.0, 1.0, 2.0
KINDS = {"accumulating": ACCUMULATING, "replacing": REPLACING, "dutch": DUTCH}


def forget(traces: np.ndarray, rows: np.ndarray) -> None:
    """Set all traces [pairs] to 0."""
    for place in range(1, int(rows[LENGTH]) + 1):
        traces[int(rows[place, PAIR])] = 0.0
    rows[LENGTH] = 0.0


def mark(own: Own, traces: np.ndarray, step: Step) -> None:
    """Decay all traces, drop those at or below the cutoff, and update that of the pair just
    taken.

    z ← γ λ z, then for that pair z + 1 (accumulating), 1 (replacing) or (1 - α) z + 1 (Dutch).
    """
    rows, place = own.rows, 1
    decay, kind = step.discount * own.settings[LAMBDA], own.settings[KIND]
    while place <= int(rows[LENGTH]):
        pair = int(rows[place, PAIR])
        traces[pair] *= decay
        if traces[pair] > own.settings[CUTOFF]:
            place += 1
        else:
            traces[pair] = 0.0
            rows[place, PAIR] = rows[int(rows[LENGTH]), PAIR]
            rows[LENGTH] -= 1.0
    pair = step.state * own.q.shape[1] + step.action
    if traces[pair] == 0.0:
        rows[LENGTH] += 1.0
        rows[int(rows[LENGTH]), PAIR] = pair
    if kind == REPLACING:
        traces[pair] = 1.0
    else:
        traces[pair] = (1.0 - step.alpha if kind == DUTCH else 1.0) * traces[pair] + 1.0


def teach(own: Own, traces: np.ndarray, change: float) -> None:
    """Q ← Q + change z."""
    values, rows = own.q.reshape(own.q.size), own.rows  # values: [pairs], the same memory
    for place in range(1, int(rows[LENGTH]) + 1):
        pair = int(rows[place, PAIR])
        values[pair] += change * traces[pair]


def sarsa_lambda(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """δ = R + γ Q(S', A') - Q(S, A); Q ← Q + α δ z; Dutch: Q ← Q + α (δ + Q(S, A) - Q_old) z, then
    Q(S, A) ← Q(S, A) - α (Q(S, A) - Q_old).

    Sutton & Barto, 2nd ed., section 12.7, boxes Sarsa(λ) and true online Sarsa(λ) with a feature
    for each pair (Q(S, A) of the Dutch form is the value before the update, Q_old what it was
    before the last one); replacing traces: Singh & Sutton (1996); true online: van Seijen et al.
    (2016). For z see `mark`.
    """
    q, rows, traces = own.q, own.rows, own.memory.reshape(own.q.size)
    if step.time == 0:
        forget(traces, rows)
        rows[OLD_VALUE] = 0.0
    value, after = q[step.state, step.action], 0.0
    if not step.terminated:
        after = q[step.next_state, step.next_action]
    error = step.reward + step.discount * after - value
    mark(own, traces, step)
    if own.settings[KIND] == DUTCH:
        since = value - rows[OLD_VALUE]
        teach(own, traces, step.alpha * (error + since))
        q[step.state, step.action] -= step.alpha * since
        rows[OLD_VALUE] = after
    else:
        teach(own, traces, step.alpha * error)


def q_lambda(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """δ = R + γ max_a Q(S', a) - Q(S, A); Q ← Q + α δ z; all z ← 0 before an action that is not
    greedy.

    Watkins (1989): Sutton & Barto, 1st ed., section 7.6, figure 7.14; 2nd ed., section 12.10. For z
    see `mark`.
    """
    q, next_state, traces = own.q, step.next_state, own.memory.reshape(own.q.size)
    if step.time == 0:
        forget(traces, own.rows)
    best = 0.0
    if not step.terminated:
        best = q[next_state, 0]
        for other in range(1, q.shape[1]):
            best = max(best, q[next_state, other])
    error = step.reward + step.discount * best - q[step.state, step.action]
    mark(own, traces, step)
    greedy = step.terminated or q[next_state, step.next_action] == best
    teach(own, traces, step.alpha * error)
    if not greedy:
        forget(traces, own.rows)


class TraceConfig(TabularConfig):
    """Options of agents with traces in addition to the common ones."""

    trace_decay: float = Field(
        0.9,
        ge=0,
        le=1,
        description="how much of a trace is left a step later, beside the discount (lambda)",
    )
    trace_cutoff: float = Field(
        1e-8,
        ge=0,
        lt=1,
        description="traces that are not above this are dropped; 0 keeps all",
    )


class SarsaLambdaConfig(TraceConfig):
    """Options of `sarsa-lambda` in addition to the common ones."""

    traces: Literal["accumulating", "replacing", "dutch"] = Field(
        "replacing",
        description="what a pair's trace becomes when it is taken; dutch: true online "
        "Sarsa(lambda)",
    )


class QLambdaConfig(TraceConfig):
    """Options of `q-lambda` in addition to the common ones."""

    traces: Literal["accumulating", "replacing"] = Field(
        "replacing", description="what a pair's trace becomes when it is taken"
    )


class TraceAgent(TabularAgent):
    """Base of the agents below: a table of traces and a list of the pairs that have one."""

    config: SarsaLambdaConfig | QLambdaConfig
    next_first = True

    def tables(self) -> Numbers:
        """The traces."""
        return (0.0,)

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row for each pair that can have a trace."""
        return 1 + self.states * self.actions, 2

    def settings(self) -> Numbers:
        """See the rules."""
        return self.config.trace_decay, self.config.trace_cutoff, KINDS[self.config.traces]


class SarsaLambda(TraceAgent):
    """On-policy: Sarsa whose updates reach all earlier pairs of the episode."""

    name = "sarsa-lambda"
    Config = SarsaLambdaConfig
    config: SarsaLambdaConfig
    rule = staticmethod(sarsa_lambda)


class QLambda(TraceAgent):
    """Off-policy: Q-learning whose updates reach earlier pairs, back to the last action that was
    not greedy."""

    name = "q-lambda"
    Config = QLambdaConfig
    config: QLambdaConfig
    rule = staticmethod(q_lambda)
