"""What a rule did to the action values in one step, found by comparing the tables before and after.

A rule is not asked how it works. Applied to copies with another step size, it shows whether it
moved a value towards a target, Q ← Q + α [target - Q], and to which.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from agents.tabular.kernels import Own, Step

Update = Callable[[Own, Step, np.random.Generator], None]
"""An agent's rule in one form: (own, step, rng)."""


class Change(NamedTuple):
    """The change of one action value in a step.

    Attributes:
        table: "Q", or "Q1", "Q2", … where the rule has several estimates.
        state: the pair of the step if its value changed, else the one that changed most.
        action: likewise.
        before: the value before the step.
        after: the value after it.
        target: what the rule moved the value towards; None if it works in another way.
        states: all states of which action values changed, int [states].
        others: how many other action values changed.
    """

    table: str
    state: int
    action: int
    before: float
    after: float
    target: float | None
    states: np.ndarray
    others: int


def applied(update: Update, own: Own, step: Step, rng: np.random.Generator) -> Change:
    """Apply a rule to a step, and say what it did.

    Args:
        update: the rule.
        own: what the agent owns; changed as the rule changes it.
        step: the step.
        rng: the agent's generator.
    """
    own_before, twin = _copied(own), _copied(own)
    update(twin, step._replace(alpha=0.5 * step.alpha), copy.deepcopy(rng))
    update(own, step, rng)
    changed = own.q != own_before.q
    state, action = step.state, step.action
    if changed.any() and not changed[state, action]:
        state, action = divmod(int(np.abs(own.q - own_before.q).argmax()), own.q.shape[1])
    cell = state, action
    tables = ([one.q, *one.memory] for one in (own_before, own, twin))
    estimates = [
        (f"Q{number or ''}", float(old[cell]), float(new[cell]), float(half[cell]))
        for number, (old, new, half) in enumerate(zip(*tables, strict=True))
    ]
    learned = [
        (name, before, after)
        for name, before, after, half in estimates
        if after != before
        and math.isclose(after - before, 2.0 * (half - before), rel_tol=1e-6, abs_tol=1e-12)
    ]
    # The last is the estimate that was updated, not the mean of all.
    name, before, after = learned[-1] if learned else estimates[0][:3]
    return Change(
        name,
        state,
        action,
        before,
        after,
        before + (after - before) / step.alpha if learned else None,
        np.flatnonzero(changed.any(axis=1)),
        int(changed.sum() - changed[cell]),
    )


def _copied(own: Own) -> Own:
    """A copy, with copies of the arrays."""
    return Own(*(array.copy() for array in own))
