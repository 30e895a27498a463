"""The best stationary policy: an upper reference for agents with one table in episodes with a time
limit.

The optimal policy depends on the number of steps left. Finding the best stationary policy is hard
in general; the function returns the best result of a local search from many starting policies,
improved state by state, without a guarantee of optimality.
"""

from __future__ import annotations

import numpy as np

from agents.planning import evaluation
from agents.planning import solvers as planning
from envs.mdp import TabularMDP

DISCOUNTS = (0.9, 0.97, 0.99, 0.997, 0.999, 0.9999)
"""Discounts whose optimal policies are the starting policies; low discounts prefer early
rewards."""
WORK = 2 * 10**7
"""Approximate limit of elementary steps of the search: about a second."""
ROUNDING = 1e-12


def best_stationary(model: TabularMDP, optimum: float) -> float | None:
    """The expected undiscounted return of the best stationary policy found.

    Args:
        model: the model; its horizon is at least 1.
        optimum: return of the optimal policy; a stationary policy with the same return ends the
            search.

    Returns:
        None where the search would take too long.
    """
    cost = model.states * model.outcomes * model.horizon
    if cost * len(DISCOUNTS) > WORK:
        return None
    worth, policy = -np.inf, np.zeros(model.states, dtype=np.int64)
    for discount in DISCOUNTS:
        tried = planning.policy_iteration(model, discount).policy
        if (gain := _worth(model, tried)) > worth:
            worth, policy = gain, tried
    if worth >= optimum - ROUNDING * max(1.0, abs(optimum)):
        return worth
    return _improved(model, policy, worth, tries=WORK // cost - len(DISCOUNTS))


def _worth(model: TabularMDP, policy: np.ndarray) -> float:
    return evaluation.evaluate(model, policy, model.horizon).expected_return


def _improved(model: TabularMDP, policy: np.ndarray, worth: float, tries: int) -> float:
    """The return of a policy that no change of a single action improves, or of the best one found
    in `tries` evaluations."""
    states = _visited(model, policy)
    changed = True
    while changed and len(states) * (model.actions - 1) <= tries:
        changed = False
        for state in states:
            for action in range(model.actions):
                other = policy.copy()
                other[state] = action
                gain = _worth(model, other) if action != policy[state] else worth
                if gain > worth + ROUNDING * max(1.0, abs(worth)):
                    policy, worth, changed = other, gain, True
        tries -= len(states) * (model.actions - 1)
    return worth


def _visited(model: TabularMDP, policy: np.ndarray) -> list[int]:
    """The states that an episode of the policy can visit."""
    states = np.arange(model.states)
    possible = (model.probability > 0)[states, policy] & ~model.terminated[
        states, policy
    ]  # [states, outcomes]
    reached = model.start > 0
    while True:
        wider = reached.copy()
        wider[model.next_state[states, policy][possible & reached[:, None]]] = True
        if (wider == reached).all():
            return [int(state) for state in np.flatnonzero(reached)]
        reached = wider
