"""Exact action probabilities of greedy and ε-soft policies, in plain NumPy, for the solvers.

Every function returns float64 [states, actions] whose rows sum to 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Convention = Literal["others", "all"]
"""The actions that ε is spread over: all except the chosen one (the reports), or all (Sutton &
Barto, section 2.2)."""


def greedy(q: np.ndarray, first_ties: bool = False) -> np.ndarray:
    """The greedy policy; tied actions are equally probable, or the first of them has probability 1.

    Args:
        q: [states, actions].
        first_ties: whether the first of several best actions is taken.
    """
    if first_ties:
        return one_hot(q.argmax(axis=1), q.shape[1])
    best = q == q.max(axis=1, keepdims=True)  # [states, actions]
    return best / best.sum(axis=1, keepdims=True)


def soften(policy: np.ndarray, epsilon: float, convention: Convention = "others") -> np.ndarray:
    """An ε-soft policy: the chosen action has probability 1 - ε, and ε is spread over actions.

    Args:
        policy: probabilities [states, actions] of choosing an action.
        epsilon: in [0, 1].
        convention: which actions ε is spread over.
    """
    main, rest = shares(policy.shape[1], epsilon, convention)
    return main * policy + rest * (1 - policy)


def shares(actions: int, epsilon: float, convention: Convention = "others") -> tuple[float, float]:
    """The probability of the chosen action, and that of every other action."""
    if actions == 1:
        return 1.0, 0.0
    if convention == "all":
        return 1 - epsilon + epsilon / actions, epsilon / actions
    return 1 - epsilon, epsilon / (actions - 1)


def one_hot(policy: np.ndarray, actions: int) -> np.ndarray:
    """A deterministic policy (int [states]) as probabilities."""
    return np.eye(actions)[policy]
