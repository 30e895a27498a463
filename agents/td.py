"""One-step temporal difference learning: an agent is a rule, and when its next action is drawn.

The rules are plain functions that run as they stand; `agents.kernels.compiled_rule` compiles them when learning begins. α is `alpha`,
γ is `discount`. A truncated step is no terminated one: learning bootstraps through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.base import TabularAgent

if TYPE_CHECKING:
    import numpy as np


def sarsa(
    q: np.ndarray,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    alpha: float,
    discount: float,
) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ Q(S', A') - Q(S, A)]; Q(S', ·) = 0 where the episode terminated.

    Sutton & Barto, 2nd ed., section 6.4, equation 6.7.
    """
    target = reward
    if not terminated:
        target += discount * q[next_state, next_action]
    q[state, action] += alpha * (target - q[state, action])


def q_learning(
    q: np.ndarray,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    alpha: float,
    discount: float,
) -> None:
    """Q(S, A) ← Q(S, A) + α [R + γ max_a Q(S', a) - Q(S, A)]; Q(S', ·) = 0 where the episode terminated.

    Sutton & Barto, 2nd ed., section 6.5, equation 6.8; Watkins (1989).
    """
    target = reward
    if not terminated:
        best = q[next_state, 0]
        for other in range(1, q.shape[1]):
            best = max(best, q[next_state, other])
        target += discount * best
    q[state, action] += alpha * (target - q[state, action])


class Sarsa(TabularAgent):
    """On-policy: it draws its next action, learns from that action's value, and plays it."""

    name = "sarsa"
    rule = staticmethod(sarsa)
    next_first = True


class QLearning(TabularAgent):
    """Off-policy: it learns from the best next action, then draws the one it plays."""

    name = "q-learning"
    rule = staticmethod(q_learning)
    next_first = False
