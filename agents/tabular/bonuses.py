"""Behaviour policies that add a bonus to the value of an action that was seldom taken, so that it is tried again.

Like those of `agents.tabular.policies`, which lists them: plain functions, each a draw and its probabilities.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def with_bonus(
    q: np.ndarray, counts: np.ndarray, state: int, action: int, weight: float, logarithm: bool
) -> float:
    """q + weight √(ln N / n), or q + weight / √n: n how often the pair was taken, N all of its state. An untried action has inf."""
    if weight == 0.0:
        return q[state, action]
    if counts[state, action] == 0:
        return math.inf
    scale = 1.0
    if logarithm:
        total = 0
        for other in range(counts.shape[1]):
            total += counts[state, other]
        scale = math.log(float(total))
    return q[state, action] + weight * math.sqrt(scale / counts[state, action])


def highest_with_bonus(
    q: np.ndarray, counts: np.ndarray, state: int, weight: float, logarithm: bool
) -> tuple[float, int, int]:
    """What `highest` says, of the values with their bonus."""
    best, first, count = with_bonus(q, counts, state, 0, weight, logarithm), 0, 1
    for action in range(1, q.shape[1]):
        value = with_bonus(q, counts, state, action, weight, logarithm)
        if value > best:
            best, first, count = value, action, 1
        elif value == best:
            count += 1
    return best, first, count


def nth_with_bonus(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    weight: float,
    logarithm: bool,
    best: float,
    first: int,
    number: int,
) -> int:
    """What `nth` says, of the values with their bonus."""
    action = first
    while number > 0:
        action += 1
        if with_bonus(q, counts, state, action, weight, logarithm) == best:
            number -= 1
    return action


def ucb1(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """argmax_a q[state, a] + ε √(ln N(state) / n(state, a)), untried actions first: Sutton & Barto, 2nd ed., equation 2.10, c = ε.

    (Auer, Cesa-Bianchi & Fischer 2002, UCB1, for rewards in [0, 1]: c = √2.)

    Draws: one number if several actions are best and ties are random; else none.

    Args:
        q: float64 [states, actions].
        counts: int64 [states, actions], how often each pair was taken.
        state: row of q.
        epsilon: weight of the bonus, >= 0.
        first_ties: see `greedy`.
        rng: the agent's generator.
    """
    best, action, count = highest_with_bonus(q, counts, state, epsilon, True)
    if count > 1 and not first_ties:
        action = nth_with_bonus(
            q, counts, state, epsilon, True, best, action, int(rng.random() * count)
        )
    return action


def count_bonus(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """argmax_a q[state, a] + ε / √n(state, a), untried actions first.

    The bonus of Strehl & Littman (2008), "An analysis of model-based interval estimation", MBIE-EB, with β = ε; they learn from it, here
    it is added to what an action is chosen by.

    Draws: see `ucb1`.

    Args:
        q: float64 [states, actions].
        counts: int64 [states, actions], how often each pair was taken.
        state: row of q.
        epsilon: weight of the bonus, >= 0.
        first_ties: see `greedy`.
        rng: the agent's generator.
    """
    best, action, count = highest_with_bonus(q, counts, state, epsilon, False)
    if count > 1 and not first_ties:
        action = nth_with_bonus(
            q, counts, state, epsilon, False, best, action, int(rng.random() * count)
        )
    return action


def bonus_probabilities(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    weight: float,
    logarithm: bool,
    first_ties: bool,
    out: np.ndarray,
) -> None:
    """The probabilities of the action with the highest value, bonus included."""
    best, first, count = highest_with_bonus(q, counts, state, weight, logarithm)
    for action in range(q.shape[1]):
        chosen = (
            action == first
            if first_ties
            else with_bonus(q, counts, state, action, weight, logarithm) == best
        )
        out[action] = (1.0 if first_ties else 1.0 / count) if chosen else 0.0


def ucb1_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `ucb1`."""
    bonus_probabilities(q, counts, state, epsilon, True, first_ties, out)


def count_bonus_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `count_bonus`."""
    bonus_probabilities(q, counts, state, epsilon, False, first_ties, out)
