"""The best policy that does not look at the clock: what an agent with one table can reach where a
time limit cuts the episode.

The best policy of all knows how many steps are left. To find the best stationary one is hard in
general; what is returned is the best of many good ones, improved state by state, so nothing
promises that no other is better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.planning import evaluation
from agents.planning import solvers as planning
from agents.planning.probabilities import one_hot

if TYPE_CHECKING:
    from envs.mdp import TabularMDP

DISCOUNTS = (0.9, 0.97, 0.99, 0.997, 0.999, 0.9999)
"""Their optimal policies are tried: the lower, the more hurried."""
WORK = 2 * 10**7
"""Elementary steps that the search may take, about: a second."""
ROUNDING = 1e-12


def best_stationary(model: TabularMDP, optimum: float) -> tuple[float, np.ndarray] | None:
    """The expected undiscounted return of the best stationary policy found, and that policy, int
    [states].

    Args:
        model: the world; its horizon is at least 1.
        optimum: what the best policy of all earns; a stationary one that earns as much ends the
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
        return worth, policy
    return _improved(model, policy, worth, tries=WORK // cost - len(DISCOUNTS))


def _worth(model: TabularMDP, policy: np.ndarray) -> float:
    return evaluation.evaluate(model, one_hot(policy, model.actions), model.horizon).expected_return


def _improved(
    model: TabularMDP, policy: np.ndarray, worth: float, tries: int
) -> tuple[float, np.ndarray]:
    """A policy with which no change of a single action earns more; or as far as `tries` evaluations
    lead."""
    states = [state for state in _visited(model, policy) if model.actions > 1]
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
    return worth, policy


def _visited(model: TabularMDP, policy: np.ndarray) -> list[int]:
    """States that an episode of the policy can come through."""
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
