"""Exact answers on a known model: the optimum, the best policy that must explore, and what a given policy earns.

Every solver says whether it converged. A sweep over the whole table is a handful of array operations in NumPy;
only following a distribution step by step is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agents.probabilities import Convention, shares
from sandbox.errors import UsageError

if TYPE_CHECKING:
    from envs.mdp import TabularMDP

SURE = 1 - 1e-6
"""A goal reached with at least this probability counts as reached; on slippery ground nothing is ever quite certain."""


class Solution(NamedTuple):
    """What a solver found, and whether it got there."""

    value: np.ndarray  # float64 [states], discounted return from there on
    q: np.ndarray  # float64 [states, actions], the same after that first action
    policy: np.ndarray  # int64 [states], the best action (the first of several)
    converged: bool
    sweeps: int
    residual: float
    """Largest change of a value in the last sweep."""


class FiniteHorizonSolution(NamedTuple):
    """The best that can be had of an episode that is cut after a number of steps."""

    value: np.ndarray  # float64 [states], best expected undiscounted return of a whole episode
    policy: np.ndarray  # int64 [states], the best first action


class Evaluation(NamedTuple):
    """What a policy earns in an episode: expectations, computed without sampling."""

    expected_return: float
    """Undiscounted."""
    expected_length: float
    """Steps."""
    reward_per_step: float
    """Expected return / expected length."""
    steps_to_goal: float | None
    """Expected steps until a goal is first stood on; None where it is missed more often than once in a million episodes."""
    goal_probability: float


class _Backup:
    """q = r + Σ_s' p(s' | s, a) γ V(s'), with V = 0 where the episode terminated. Sutton & Barto, 2nd ed., equation 4.10."""

    def __init__(self, model: TabularMDP, discount: float) -> None:
        self.reward = (model.probability * model.reward).sum(axis=2)  # [states, actions]
        going_on = model.probability * ~model.terminated  # [states, actions, outcomes]
        used = going_on.any(axis=(0, 1))  # an outcome that never happens anywhere costs nothing
        self.terms = [(discount * going_on[:, :, k], model.next_state[:, :, k]) for k in np.flatnonzero(used)]

    def __call__(self, value: np.ndarray) -> np.ndarray:
        q = self.reward.copy()  # [states, actions]
        for weight, next_state in self.terms:
            q += weight * value[next_state]
        return q


def value_iteration(model: TabularMDP, discount: float, tolerance: float = 1e-10, max_sweeps: int = 100_000) -> Solution:
    """The optimum: V(s) ← max_a q(s, a) until it stands still.

    Sutton & Barto, 2nd ed., section 4.4. It stops when the error is at most `tolerance`: below γ / (1 - γ) times the last change
    (Puterman 1994, theorem 6.3.3); for γ = 1, where no such bound exists, when the last change is. Changes in the last digit alone
    also count as standing still.

    Args:
        model: the world.
        discount: in (0, 1]. With 1, and where reward can be gathered for ever, there is no optimum and `converged` is False.
        tolerance: largest error of a value.
        max_sweeps: after so many it gives up, and `converged` is False.
    """
    return _iterate(model, discount, lambda q: q.max(axis=1), tolerance, max_sweeps)


def best_epsilon_soft(
    model: TabularMDP,
    discount: float,
    epsilon: float,
    convention: Convention = "others",
    tolerance: float = 1e-10,
    max_sweeps: int = 100_000,
) -> Solution:
    """The best policy among those that choose one action in each state and take another with probability ε.

    That is the optimum of the model in which the world replaces a chosen action with probability ε: Sutton & Barto, 2nd ed., section
    5.4. The solution's `q` holds the values of an action taken once, the ε-soft policy afterwards; `policy` is the chosen action.

    Args:
        model: the world.
        discount: see `value_iteration`.
        epsilon: in [0, 1].
        convention: whether ε goes to every other action in equal parts ("others", as in the report), or to all ("all", as in the book).
        tolerance: see `value_iteration`.
        max_sweeps: see `value_iteration`.
    """
    if not 0 <= epsilon <= 1:
        raise UsageError(f"epsilon {epsilon:g}: a probability is between 0 and 1.")
    main, rest = shares(model.next_state.shape[1], epsilon, convention)

    def chosen(q: np.ndarray) -> np.ndarray:  # with ε large it pays to choose the worst
        best = q.max(axis=1) if main >= rest else q.min(axis=1)
        softened: np.ndarray = rest * q.sum(axis=1) + (main - rest) * best
        return softened

    found = _iterate(model, discount, chosen, tolerance, max_sweeps)
    return found if main >= rest else found._replace(policy=found.q.argmin(axis=1))


def finite_horizon(model: TabularMDP, horizon: int) -> FiniteHorizonSolution:
    """The best undiscounted return of an episode that is cut after `horizon` steps, by backward induction.

    Puterman (1994), section 4.5. The best policy knows how many steps are left; no stationary one earns more.

    Args:
        model: the world.
        horizon: steps, >= 1.
    """
    if horizon < 1:
        raise UsageError(f"horizon {horizon}: an episode without a cut has no finite-horizon optimum; give at least 1 step.")
    backup = _Backup(model, 1.0)
    value = np.zeros(len(model.next_state))  # [states], nothing can be had after the last step
    for _ in range(horizon - 1):
        value = backup(value).max(axis=1)
    q = backup(value)
    return FiniteHorizonSolution(q.max(axis=1), q.argmax(axis=1))


def evaluate(model: TabularMDP, policy: np.ndarray, horizon: int) -> Evaluation:
    """What a stationary policy earns in an episode, by following the distribution over states from the start on.

    Args:
        model: the world.
        policy: probabilities [states, actions].
        horizon: steps after which an episode is cut, >= 1.
    """
    if horizon < 1:
        raise UsageError(f"horizon {horizon}: only episodes that are cut can be evaluated; give at least 1 step.")
    from agents.propagation import follow

    states = len(model.next_state)
    taken = policy[:, :, None] * model.probability  # [states, actions, outcomes]
    reward = (taken * model.reward).sum(axis=(1, 2))  # [states]
    possible = taken > 0
    source, weight = np.nonzero(possible)[0], taken[possible]  # [transitions], by rising source
    target, ends = model.next_state[possible], model.terminated[possible]  # [transitions]
    first = np.searchsorted(source, np.arange(states + 1))  # [states + 1]
    total, length, arrival, goal_probability = follow(
        first, target, weight * ~ends, weight * model.goal[target], reward, model.goal, start_distribution(model), horizon
    )
    steps_to_goal = arrival / goal_probability if goal_probability >= SURE else None
    return Evaluation(total, length, total / length, steps_to_goal, min(goal_probability, 1.0))


def start_distribution(model: TabularMDP) -> np.ndarray:
    """The probability of starting in each state: float64 [states]."""
    return np.bincount(model.start_states, np.diff(model.start_cumulative, prepend=0.0), len(model.next_state))


def value_at_start(model: TabularMDP, value: np.ndarray) -> float:
    """A value [states] as the start distribution sees it."""
    return float(start_distribution(model) @ value)


def _iterate(model: TabularMDP, discount: float, choose: Callable[[np.ndarray], np.ndarray], tolerance: float, max_sweeps: int) -> Solution:
    """V ← choose(q(V)) until it stands still; `choose` is monotone and no expansion."""
    if not 0 < discount <= 1:
        raise UsageError(f"discount {discount:g}: it lies above 0 and is at most 1.")
    backup = _Backup(model, discount)
    threshold = tolerance if discount == 1 else tolerance * (1 - discount) / discount
    value = np.zeros(len(model.next_state))  # [states]
    converged, sweeps, residual = False, 0, np.inf
    while not converged and sweeps < max_sweeps:
        previous, value = value, choose(backup(value))
        residual = float(np.abs(value - previous).max())
        sweeps += 1
        converged = residual <= max(threshold, np.spacing(np.abs(value).max()))
        if not converged and discount == 1 and sweeps % PROOF_EVERY == 0 and _grows_for_ever(model, value - previous, residual):
            break
    q = backup(value)
    return Solution(value, q, q.argmax(axis=1), converged, sweeps, residual)


PROOF_EVERY = 1000
"""Sweeps between two looks at whether an undiscounted optimum diverges."""


def _grows_for_ever(model: TabularMDP, change: np.ndarray, residual: float) -> bool:
    """Whether values provably go on rising (or falling) in a set of states that nobody leaves.

    If every state of a set rose by at least δ > 0 in a sweep, and in none of them an action can leave the set or end the episode, then
    each later sweep adds at least δ again: a sweep is monotone, and without a discount adding δ to all values adds δ to all results.
    The same holds downwards.
    """
    for direction in (1, -1):
        inside = direction * change > 0.5 * residual  # [states]
        while inside.any():
            leaves = (model.probability > 0) & (model.terminated | ~inside[model.next_state])  # [states, actions, outcomes]
            closed = inside & ~leaves.any(axis=(1, 2))
            if (closed == inside).all():
                return True
            inside = closed
    return False
