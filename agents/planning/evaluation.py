"""Policy evaluation: the expected results of an episode, computed exactly by propagating the
distribution over states, or estimated as the mean of sampled episodes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.planning.probabilities import one_hot
from envs.mdp import TabularMDP
from sandbox.errors import UsageError

AT_ONCE = 65_536
"""Number of states evaluated together, because the arrays for all states of a large grid do not fit
in memory."""
SURE = 1 - 1e-6
"""A goal reached with at least this probability counts as reached, because on slippery ground the
probability is never exactly 1."""


class Evaluation(NamedTuple):
    """Results of a policy in an episode: expectations, or means of sampled episodes."""

    expected_return: float
    """Undiscounted."""
    expected_length: float
    """Steps."""
    reward_per_step: float
    """Expected return / horizon, so that an early termination does not raise it."""
    steps_to_goal: float | None
    """Expected steps until a goal is first reached; None if it is missed in more than one of a
    million episodes."""
    goal_probability: float
    standard_error: float | None = None
    """Standard error of a sampled return; None if the return is exact."""
    episodes: int | None = None
    """Number of sampled episodes; None if nothing was sampled."""


def sampled(returns: np.ndarray, lengths: np.ndarray, horizon: int) -> Evaluation:
    """The evaluation of a policy from sampled episodes.

    Args:
        returns: float [episodes], undiscounted.
        lengths: int [episodes], steps.
        horizon: steps after which an episode is cut.
    """
    total, count = float(returns.mean()), len(returns)
    error = float(returns.std(ddof=1)) / count**0.5 if count > 1 else float("nan")
    return Evaluation(
        total, float(lengths.mean()), total / horizon, None, float("nan"), error, count
    )


def evaluate(model: TabularMDP, policy: np.ndarray, horizon: int) -> Evaluation:
    """The exact evaluation of a policy in an episode, by propagating the start distribution over
    states.

    Args:
        model: the world.
        policy: actions, int [states], or probabilities [states, actions]; for a policy that
            depends on the step [steps, states, actions], which repeats after its last step.
        horizon: steps after which an episode is truncated, >= 1.
    """
    if horizon < 1:
        raise UsageError(
            f"horizon {horizon}: only episodes that are cut can be evaluated; give at least 1 step."
        )
    if policy.ndim == 1:
        policy = one_hot(policy, model.actions)
    if policy.ndim == 3:
        return _evaluate_by_steps(model, policy, horizon)
    from agents.planning.propagation import follow

    states = model.states
    reward = np.empty(states)  # expected reward of the next step
    for begin in range(0, states, AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        taken = policy[some, :, None] * model.probability[some]  # [some, actions, outcomes]
        reward[some] = (taken * model.reward[some]).sum(axis=(1, 2))
    total, length, arrival, goal_probability = follow(
        np.ascontiguousarray(policy, dtype=np.float64),
        model.next_state,
        model.probability,
        model.terminated,
        reward,
        model.goal,
        model.start.copy(),
        np.zeros((2, states)),
        np.zeros((2, states), dtype=np.int64),
        horizon,
    )
    steps_to_goal = arrival / goal_probability if goal_probability >= SURE else None
    return Evaluation(total, length, total / horizon, steps_to_goal, min(goal_probability, 1.0))


def _evaluate_by_steps(model: TabularMDP, policy: np.ndarray, horizon: int) -> Evaluation:
    """`evaluate` for a policy that depends on the step, [steps, states, actions]."""
    here = model.start  # [states], probability of being there
    unmet = np.where(model.goal, 0.0, here)  # [states], probability of being there before any goal
    total = length = arrival = 0.0
    goal_probability = float(here[model.goal].sum())
    for step in range(horizon):
        taken = (
            policy[step % len(policy)][:, :, None] * model.probability
        )  # [states, actions, outcomes]
        total += float((here[:, None, None] * taken * model.reward).sum())
        length += float(here.sum())
        arrived = float((unmet[:, None, None] * taken)[model.goal[model.next_state]].sum())
        arrival, goal_probability = arrival + (step + 1) * arrived, goal_probability + arrived
        staying = taken * ~model.terminated
        here, unmet = (_moved(model, mass[:, None, None] * staying) for mass in (here, unmet))
        unmet[model.goal] = 0.0
    steps_to_goal = arrival / goal_probability if goal_probability >= SURE else None
    return Evaluation(total, length, total / horizon, steps_to_goal, min(goal_probability, 1.0))


def _moved(model: TabularMDP, mass: np.ndarray) -> np.ndarray:
    """The probability mass of outcomes [states, actions, outcomes] summed by next state: float64
    [states]."""
    return np.bincount(model.next_state.ravel(), mass.ravel(), model.states)


def value_at_start(model: TabularMDP, value: np.ndarray) -> float:
    """The expectation of a value [states] under the start distribution."""
    return float(model.start @ value)
