"""The policies as exact probabilities, in plain NumPy: what tests hold the compiled policies
against.

Every function returns float64 [states, actions] whose rows sum to 1.
"""

from __future__ import annotations

import numpy as np

from agents.planning.probabilities import Convention, greedy, soften


def epsilon_greedy(
    q: np.ndarray, epsilon: float, first_ties: bool = False, convention: Convention = "others"
) -> np.ndarray:
    """The greedy action with 1 - ε (and its share of ε under the convention "all").

    Args:
        q: [states, actions].
        epsilon: in [0, 1].
        first_ties: see `greedy`.
        convention: what ε is spread over.
    """
    return soften(greedy(q, first_ties), epsilon, convention)


def softmax(q: np.ndarray, temperature: float, first_ties: bool = False) -> np.ndarray:
    """exp(q / temperature), normalised; greedy at temperature 0.

    Args:
        q: [states, actions].
        temperature: >= 0.
        first_ties: see `greedy`.
    """
    if temperature == 0:
        return greedy(q, first_ties)
    best = q.max(axis=1, keepdims=True)  # [states, 1]
    with np.errstate(invalid="ignore", over="ignore"):
        weights = np.where(q == best, 1.0, np.exp((q - best) / temperature))
    return weights / weights.sum(axis=1, keepdims=True)


def mellowmax(q: np.ndarray, temperature: float, first_ties: bool = False) -> np.ndarray:
    """A softmax in each state, at the temperature where its expected value is the log-mean-exp of
    the values at `temperature`, 1 / ω.

    Asadi & Littman (2017), "An alternative softmax operator for reinforcement learning", section 4;
    greedy at 0.

    Args:
        q: [states, actions].
        temperature: 1 / ω, >= 0.
        first_ties: see `greedy`.
    """
    if temperature == 0:
        return greedy(q, first_ties)
    best = q.max(axis=1, keepdims=True)  # [states, 1]
    with np.errstate(invalid="ignore", over="ignore"):
        below = np.where(q == best, 0.0, np.maximum(q - best, -1e300))  # [states, actions], <= 0
    with np.errstate(over="ignore"):
        mellow = temperature * np.log(
            np.exp(below / temperature).mean(axis=1, keepdims=True)
        )  # [states, 1]
    low, high = (
        np.zeros_like(mellow),
        np.full_like(mellow, 1 / temperature),
    )  # inverse temperatures: expected value too low, high enough
    for _ in range(100):
        middle = (low + high) / 2
        with np.errstate(
            over="ignore", divide="ignore"
        ):  # at extreme temperatures the bound is -inf, which is no bound
            weights = np.exp(np.maximum(below, -1e4 / middle) * middle)
        mean = (weights * np.where(weights > 0, below, 0.0)).sum(
            axis=1, keepdims=True
        ) / weights.sum(axis=1, keepdims=True)
        low, high = np.where(mean < mellow, middle, low), np.where(mean < mellow, high, middle)
    with np.errstate(over="ignore", divide="ignore"):
        weights = np.exp(np.maximum(below, -1e4 / high) * high)
    policy: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return policy


def ucb1(q: np.ndarray, counts: np.ndarray, weight: float, first_ties: bool = False) -> np.ndarray:
    """Greedy in q + weight √(ln N / n), untried actions first: Sutton & Barto, 2nd ed., equation
    2.10.

    Args:
        q: [states, actions].
        counts: int [states, actions], n, how often each pair was taken; N is the sum of a row.
        weight: of the bonus (c), >= 0.
        first_ties: see `greedy`.
    """
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)  # [states, 1]
    return _greedy_with_bonus(q, counts, weight, np.log(total), first_ties)


def count_bonus(
    q: np.ndarray, counts: np.ndarray, weight: float, first_ties: bool = False
) -> np.ndarray:
    """Greedy in q + weight / √n, untried actions first.

    Args:
        q: [states, actions].
        counts: int [states, actions], n, how often each pair was taken.
        weight: of the bonus, >= 0.
        first_ties: see `greedy`.
    """
    return _greedy_with_bonus(q, counts, weight, np.ones((len(q), 1)), first_ties)


def _greedy_with_bonus(
    q: np.ndarray, counts: np.ndarray, weight: float, scale: np.ndarray, first_ties: bool
) -> np.ndarray:
    if weight == 0:
        return greedy(q, first_ties)
    return greedy(
        np.where(counts == 0, np.inf, q + weight * np.sqrt(scale / np.maximum(counts, 1))),
        first_ties,
    )
