"""Greedy and ε-soft policies as exact probabilities, in plain NumPy: what solvers evaluate.

Every function returns float64 [states, actions] whose rows sum to 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Convention = Literal["others", "all"]
"""What ε is spread over: every other action than the chosen one (the reports), or all of them
(Sutton & Barto, section 2.2)."""


def greedy(q: np.ndarray, first_ties: bool = False) -> np.ndarray:
    """The best action of each state; several best ones share equally, or the first has it all.

    Args:
        q: [states, actions].
        first_ties: whether the first of several best actions is taken.
    """
    if first_ties:
        return one_hot(q.argmax(axis=1), q.shape[1])
    best = q == q.max(axis=1, keepdims=True)  # [states, actions]
    return best / best.sum(axis=1, keepdims=True)


def soften(policy: np.ndarray, epsilon: float, convention: Convention = "others") -> np.ndarray:
    """A policy whose chosen action is taken with 1 - ε, while ε is spread.

    Args:
        policy: probabilities [states, actions] of choosing.
        epsilon: in [0, 1].
        convention: what ε is spread over.
    """
    main, rest = shares(policy.shape[1], epsilon, convention)
    return main * policy + rest * (1 - policy)


def shares(actions: int, epsilon: float, convention: Convention = "others") -> tuple[float, float]:
    """The probability of the chosen action, and that of each other one."""
    if actions == 1:
        return 1.0, 0.0
    if convention == "all":
        return 1 - epsilon + epsilon / actions, epsilon / actions
    return 1 - epsilon, epsilon / (actions - 1)


def one_hot(policy: np.ndarray, actions: int) -> np.ndarray:
    """A deterministic policy (int [states]) as probabilities."""
    return np.eye(actions)[policy]
