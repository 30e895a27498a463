"""Behaviour policies, compiled: which action is taken in a state, given the table of action values.

All have one signature, so that the trainer takes any of them as a pointer, and draw from the given generator alone. What they draw, and
in which order, is part of what they promise: learning through `env.step` and on the arrays must agree to the last bit.

`agents.probabilities` has the same policies as exact probabilities.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit

from agents.kernels import OPTIONS, POLICY_SIGNATURE


@njit("Tuple((float64, int64, int64))(float64[:, ::1], int64)", forceinline=True, **OPTIONS)
def highest(q, state):  # type: ignore[no-untyped-def]
    """The highest value in a state, the first action that has it, and how many have it.

    This and `nth` get no generator, so that drawing stays in the policies themselves: handing a generator on counts references, in
    the innermost loop of learning (measured: a fifth of ε-greedy's speed).
    """
    best, first, count = q[state, 0], 0, 1
    for action in range(1, q.shape[1]):
        value = q[state, action]
        if value > best:
            best, first, count = value, action, 1
        elif value == best:
            count += 1
    return best, first, count


@njit("int64(float64[:, ::1], int64, float64, int64, int64)", forceinline=True, **OPTIONS)
def nth(q, state, best, first, number):  # type: ignore[no-untyped-def]
    """Of the actions with value `best`, the one that `number` others (>= 0) come before; `first` is the first."""
    action = first
    while number > 0:
        action += 1
        if q[state, action] == best:
            number -= 1
    return action


@njit(POLICY_SIGNATURE, **OPTIONS)
def greedy(q, state, epsilon, first_ties, rng):  # type: ignore[no-untyped-def]
    """The action with the highest value.

    Draws: one number if several actions are best and ties are random; else none.

    Args:
        q: float64 [states, actions].
        state: row of q.
        epsilon: has no effect.
        first_ties: whether the first of several best actions is taken; else each with the same probability.
        rng: the agent's generator.
    """
    best, action, count = highest(q, state)
    if count > 1 and not first_ties:
        action = nth(q, state, best, action, int(rng.random() * count))
    return action


@njit(POLICY_SIGNATURE, **OPTIONS)
def epsilon_greedy(q, state, epsilon, first_ties, rng):  # type: ignore[no-untyped-def]
    """The greedy action with probability 1 - ε, every other one with ε / (actions - 1), as in the report.

    (Sutton & Barto, 2nd ed., section 2.2, spread ε over all actions, the greedy one included: their ε is ours times
    actions / (actions - 1).)

    Draws: first what `greedy` draws, then one number u, also when ε is 0. u < ε explores, and u / ε picks among the others.

    Args:
        q: float64 [states, actions].
        state: row of q.
        epsilon: probability of another than the greedy action, in [0, 1].
        first_ties: see `greedy`.
        rng: the agent's generator.
    """
    best, action, count = highest(q, state)
    if count > 1 and not first_ties:
        action = nth(q, state, best, action, int(rng.random() * count))
    others = q.shape[1] - 1
    u = rng.random()
    if u < epsilon and others > 0:
        other = min(int(u / epsilon * others), others - 1)  # u / epsilon can round to 1
        action = other + 1 if other >= action else other
    return action


@njit("float64(float64, float64, float64)", forceinline=True, **OPTIONS)
def weight(value, best, temperature):  # type: ignore[no-untyped-def]
    """exp((value - best) / temperature), and 1 for the best also where the difference is inf - inf."""
    return 1.0 if value == best else math.exp((value - best) / temperature)


@njit(POLICY_SIGNATURE, **OPTIONS)
def softmax(q, state, epsilon, first_ties, rng):  # type: ignore[no-untyped-def]
    """Action a with probability proportional to exp(q[state, a] / ε): Sutton & Barto, 2nd ed., equation 2.11 with temperature ε.

    The highest value is taken off every exponent, so that nothing overflows; actions of value -inf are never taken (unless all are).

    Draws: one number; at temperature 0 what `greedy` draws.

    Args:
        q: float64 [states, actions].
        state: row of q.
        epsilon: the temperature, >= 0.
        first_ties: see `greedy`; matters at temperature 0 alone.
        rng: the agent's generator.
    """
    if epsilon == 0.0:
        return greedy(q, state, epsilon, first_ties, rng)
    actions = q.shape[1]
    best = q[state, 0]
    for action in range(1, actions):
        best = max(best, q[state, action])
    total = 0.0
    for action in range(actions):
        total += weight(q[state, action], best, epsilon)
    left = rng.random() * total
    reached = 0.0
    for action in range(actions):  # adds up as above, so that the last sum is `total` and above `left`
        reached += weight(q[state, action], best, epsilon)
        if left < reached:
            return action
    return actions - 1


POLICIES: dict[str, Any] = {"greedy": greedy, "epsilon-greedy": epsilon_greedy, "softmax": softmax}
