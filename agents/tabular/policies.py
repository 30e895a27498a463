"""Behaviour policies: which action is taken in a state, given the table of action values and how
often each pair was taken.

They are plain functions that also run uncompiled; `agents.tabular.compiling` compiles those in
use. All have the same signature, so that the loop can take any of them as a pointer, and use only
the given generator. The number and order of their random draws are part of the interface: learning
through `env.step` and on the arrays must be bit-identical. Every policy exists twice: as a function
that draws an action (`POLICIES`), and as a function that writes the action probabilities into an
array (`PROBABILITIES`), for rules that use them. `epsilon` is the value set by the agent's
exploration schedule: the probability of exploring, a temperature, or the weight of a bonus; at 0
every policy is greedy.

All have the arguments of `greedy`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def with_bonus(
    q: np.ndarray, counts: np.ndarray, state: int, action: int, weight: float, logarithm: bool
) -> float:
    """q + weight √(ln N / n), or q + weight / √n: n how often the pair was taken, N all pairs of
    its state. An untried action has inf; with weight 0 the value is q."""
    value: float = q[state, action]
    if weight == 0.0:
        return value
    if counts[state, action] == 0:
        return math.inf
    scale = 1.0
    if logarithm:
        total = 0
        for other in range(counts.shape[1]):
            total += counts[state, other]
        scale = math.log(float(total))
    return value + weight * math.sqrt(scale / counts[state, action])


def highest(
    q: np.ndarray, counts: np.ndarray, state: int, weight: float, logarithm: bool
) -> tuple[float, int, int]:
    """The highest value in a state, bonus included, the first action with that value, and how
    many actions have it."""
    best, first, count = with_bonus(q, counts, state, 0, weight, logarithm), 0, 1
    for action in range(1, q.shape[1]):
        value = with_bonus(q, counts, state, action, weight, logarithm)
        higher = value > best  # without branches: which action is best is hard to predict
        first = action if higher else first
        count = 1 if higher else count + (value == best)
        best = value if higher else best
    return best, first, count


def best_action(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    weight: float,
    logarithm: bool,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """The action with the highest value, bonus included; of several, the first or a random one."""
    best, action, count = highest(q, counts, state, weight, logarithm)
    if count > 1 and not first_ties:
        left = int(rng.random() * count)
        while left > 0:
            action += 1
            if with_bonus(q, counts, state, action, weight, logarithm) == best:
                left -= 1
    return action


def best_probabilities(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    weight: float,
    logarithm: bool,
    first_ties: bool,
    out: np.ndarray,
) -> None:
    """The probabilities of `best_action`."""
    best, first, count = highest(q, counts, state, weight, logarithm)
    for action in range(q.shape[1]):
        if first_ties:
            out[action] = 1.0 if action == first else 0.0
        else:
            value = with_bonus(q, counts, state, action, weight, logarithm)
            out[action] = 1.0 / count if value == best else 0.0


def greedy(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """The action with the highest value.

    Draws: one number if several actions are best and ties are random; otherwise none.

    Args:
        q: float64 [states, actions].
        counts: int64 [states, actions], how often each pair was taken; has no effect here.
        state: row of q.
        epsilon: exploration; has no effect here.
        first_ties: whether the first of several best actions is taken; otherwise each has the same
            probability.
        rng: the agent's generator.

    Returns:
        The action, in [0, actions).
    """
    return best_action(q, counts, state, 0.0, False, first_ties, rng)


def greedy_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `greedy`."""
    best_probabilities(q, counts, state, 0.0, False, first_ties, out)


def epsilon_greedy(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """The greedy action with probability 1 - ε, every other one with ε / (actions - 1), as in the
    reports.

    (Sutton & Barto, 2nd ed., section 2.2, spread ε over all actions, the greedy one included: their
    ε is ours times actions / (actions - 1).)

    Draws: first the numbers of `greedy`, then one number u, also when ε is 0. u < ε explores, and
    u / ε picks among the others.
    """
    action = greedy(q, counts, state, epsilon, first_ties, rng)
    others = q.shape[1] - 1
    u = rng.random()
    if u < epsilon and others > 0:
        other = min(int(u / epsilon * others), others - 1)  # u / epsilon can round to 1
        action = other + 1 if other >= action else other
    return action


def epsilon_greedy_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `epsilon_greedy`."""
    greedy_probabilities(q, counts, state, epsilon, first_ties, out)
    others = q.shape[1] - 1
    if others > 0:
        for action in range(q.shape[1]):
            out[action] = (1.0 - epsilon) * out[action] + epsilon / others * (1.0 - out[action])


def epsilon_greedy_over_all(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """The greedy action with probability 1 - ε, any action, the greedy one included, with ε: Sutton
    & Barto, 2nd ed., section 2.2.

    Draws: see `epsilon_greedy`.
    """
    action = greedy(q, counts, state, epsilon, first_ties, rng)
    actions = q.shape[1]
    u = rng.random()
    if u < epsilon:
        action = min(int(u / epsilon * actions), actions - 1)
    return action


def epsilon_greedy_over_all_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `epsilon_greedy_over_all`."""
    greedy_probabilities(q, counts, state, epsilon, first_ties, out)
    for action in range(q.shape[1]):
        out[action] = (1.0 - epsilon) * out[action] + epsilon / q.shape[1]


def weight(value: float, best: float, temperature: float) -> float:
    """exp((value - best) / temperature); 1 for the best value, even if the difference is inf -
    inf."""
    return 1.0 if value == best else math.exp((value - best) / temperature)


def total_weight(q: np.ndarray, state: int, best: float, temperature: float) -> float:
    """Sum of the weights of all actions."""
    total = 0.0
    for action in range(q.shape[1]):
        total += weight(q[state, action], best, temperature)
    return total


def by_weight(q: np.ndarray, state: int, best: float, temperature: float, left: float) -> int:
    """The first action at which the cumulative weights exceed `left`; they are added as in
    `total_weight`."""
    reached = 0.0
    for action in range(q.shape[1]):
        reached += weight(q[state, action], best, temperature)
        if left < reached:
            return action
    return q.shape[1] - 1


def softmax(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """Action a with probability proportional to exp(q[state, a] / ε): Sutton & Barto, 2nd ed.,
    equation 2.11 with temperature ε.

    The highest value is subtracted in every exponent, so that nothing overflows; actions of value
    -inf are never taken (unless all are -inf). Ties matter only at temperature 0.

    Draws: one number; at temperature 0 the numbers of `greedy`.
    """
    if epsilon == 0.0:
        return greedy(q, counts, state, epsilon, first_ties, rng)
    best, _, _ = highest(q, counts, state, 0.0, False)
    total = total_weight(q, state, best, epsilon)
    return by_weight(q, state, best, epsilon, rng.random() * total)


def softmax_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `softmax`."""
    if epsilon == 0.0:
        greedy_probabilities(q, counts, state, epsilon, first_ties, out)
        return
    best, _, _ = highest(q, counts, state, 0.0, False)
    total = total_weight(q, state, best, epsilon)
    for action in range(q.shape[1]):
        out[action] = weight(q[state, action], best, epsilon) / total


def mellow_temperature(q: np.ndarray, counts: np.ndarray, state: int, temperature: float) -> float:
    """The softmax temperature 1/β at which the expected value is mellowmax, the log-mean-exp of the
    values at `temperature`, 1/ω.

    Asadi & Littman (2017), "An alternative softmax operator for reinforcement learning", equation
    for β after Theorem 3: the root of Σ_a exp(β [q(a) - mm_ω]) (q(a) - mm_ω) = 0. It lies in (0, ω]
    and is found by Newton's method kept inside its bracket (theirs: Brent's).
    """
    best, _, _ = highest(q, counts, state, 0.0, False)
    mellow = temperature * math.log(
        total_weight(q, state, best, temperature) / q.shape[1]
    )  # below `best`
    low, high = 0.0, 1.0 / temperature
    beta = high
    for _ in range(200):
        total, first, second = 0.0, 0.0, 0.0
        for action in range(q.shape[1]):
            below = 0.0 if q[state, action] == best else q[state, action] - best
            share = math.exp(beta * below) if below < 0.0 else 1.0
            if share > 0.0:
                total += share
                first += share * below
                second += share * below * below
        mean = first / total
        if mean > mellow:
            high = beta
        else:
            low = beta
        variance = second / total - mean * mean
        step = beta - (mean - mellow) / variance if variance > 0.0 else low
        step = step if low < step < high else 0.5 * (low + high)
        if abs(step - beta) <= 1e-15 * high or not low < step < high:
            break
        beta = step
    return 1.0 / beta


def mellowmax(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """The policy of most entropy whose expected value is mellowmax: Asadi & Littman (2017), section
    4, with ω = 1 / ε.

    It is a softmax with a temperature for each state; see `mellow_temperature`.

    Draws: the numbers of `softmax`.
    """
    if epsilon > 0.0:
        epsilon = mellow_temperature(q, counts, state, epsilon)
    return softmax(q, counts, state, epsilon, first_ties, rng)


def mellowmax_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `mellowmax`."""
    if epsilon > 0.0:
        epsilon = mellow_temperature(q, counts, state, epsilon)
    softmax_probabilities(q, counts, state, epsilon, first_ties, out)


def ucb1(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """argmax_a q[state, a] + ε √(ln N(state) / n(state, a)), untried actions first: Sutton & Barto,
    2nd ed., equation 2.10, c = ε.

    (Auer, Cesa-Bianchi & Fischer 2002, UCB1, for rewards in [0, 1]: c = √2.)

    Draws: see `greedy`.
    """
    return best_action(q, counts, state, epsilon, True, first_ties, rng)


def ucb1_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `ucb1`."""
    best_probabilities(q, counts, state, epsilon, True, first_ties, out)


def count_bonus(
    q: np.ndarray,
    counts: np.ndarray,
    state: int,
    epsilon: float,
    first_ties: bool,
    rng: np.random.Generator,
) -> int:
    """argmax_a q[state, a] + ε / √n(state, a), untried actions first.

    The bonus of Strehl & Littman (2008), "An analysis of model-based interval estimation", MBIE-EB,
    with β = ε; they add it to the learning target, here it is added when an action is selected.

    Draws: see `greedy`.
    """
    return best_action(q, counts, state, epsilon, False, first_ties, rng)


def count_bonus_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """The probabilities of `count_bonus`."""
    best_probabilities(q, counts, state, epsilon, False, first_ties, out)


POLICIES: dict[str, Callable[..., int]] = {
    "greedy": greedy,
    "epsilon-greedy": epsilon_greedy,
    "epsilon-greedy over all": epsilon_greedy_over_all,
    "softmax": softmax,
    "mellowmax": mellowmax,
    "ucb1": ucb1,
    "count-bonus": count_bonus,
}
PROBABILITIES: dict[str, Callable[..., None]] = {
    "greedy": greedy_probabilities,
    "epsilon-greedy": epsilon_greedy_probabilities,
    "epsilon-greedy over all": epsilon_greedy_over_all_probabilities,
    "softmax": softmax_probabilities,
    "mellowmax": mellowmax_probabilities,
    "ucb1": ucb1_probabilities,
    "count-bonus": count_bonus_probabilities,
}
