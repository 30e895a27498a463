"""Thresholds at which exact optima change: the ε above which walking to the goal no longer pays,
and the wall penalty from which crossing a wall pays.

Each is found by bisection, so it is as exact as the solver's tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from agents.planning import evaluation
from agents.planning import solvers as planning
from envs.mdp import TabularMDP
from sandbox.errors import SandboxError

TOLERANCE = 1e-12
"""Tolerance of the values by which two paths are compared."""
PRECISION = 1e-7


def bisect(differs: Callable[[float], bool], low: float, high: float) -> float:
    """The point between `low` and `high` at which `differs` changes from False to True.

    Raises:
        SandboxError: when it is not False at `low` and True at `high`.
    """
    if differs(low) or not differs(high):
        raise SandboxError(
            f"Nothing changes between {low:g} and {high:g}: there is no threshold to be found."
        )
    while high - low > PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if differs(middle) else (middle, high)
    return (low + high) / 2


def walks(model: TabularMDP, discount: float, epsilon: float) -> bool:
    """Whether the chosen actions of the best ε-soft policy lead from the start to the goal."""
    best = planning.best_epsilon_soft(model, discount, epsilon, tolerance=TOLERANCE)
    earned = evaluation.evaluate(model, best.policy, model.horizon)
    return earned.goal_probability >= evaluation.SURE


def largest_walking_epsilon(model: TabularMDP, discount: float) -> float:
    """The ε above which the best ε-soft policy stays where it is instead of walking to the goal."""
    return bisect(lambda epsilon: not walks(model, discount, epsilon), 0.0, 0.8)


def episode_below(epsilon: float, start: float, end: float, episodes: int) -> int:
    """The first episode, counted from 1, in which a geometric schedule lies below ε; `episodes` + 1
    if none does."""
    if start < epsilon:
        return 1
    if end >= epsilon:
        return episodes + 1
    return math.floor((episodes - 1) * math.log(start / epsilon) / math.log(start / end)) + 2


def best_moves(model: TabularMDP, discount: float) -> float:
    """Moves of the optimal policy from start to goal; infinite if it does not reach the goal."""
    best = planning.value_iteration(model, discount, tolerance=TOLERANCE)
    steps = evaluation.evaluate(model, best.policy, model.horizon).steps_to_goal
    return math.inf if steps is None else steps


def policy_value(model: TabularMDP, policy: np.ndarray, discount: float) -> np.ndarray:
    """The value function of a policy, float64 [states]: v = (I - γ P)⁻¹ r, the solution of Sutton &
    Barto, 2nd ed., equation 4.4.

    Args:
        model: the world.
        policy: probabilities [states, actions].
        discount: in (0, 1).
    """
    taken = policy[:, :, None] * model.probability  # [states, actions, outcomes]
    reward = (taken * model.reward).sum(axis=(1, 2))  # [states]
    going = np.zeros((model.states, model.states))
    source = np.broadcast_to(np.arange(model.states)[:, None, None], taken.shape)
    np.add.at(going, (source, model.next_state), taken * ~model.terminated)
    return np.linalg.solve(np.eye(model.states) - discount * going, reward)
