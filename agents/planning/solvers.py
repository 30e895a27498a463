"""Exact answers on a known model: the optimum, and the best policy that must explore.

Every solver says whether it converged. A sweep over the whole table is a handful of array
operations; large tables are swept, and distributions followed, by compiled loops. Only policy
iteration needs SciPy, for its sparse linear systems.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agents.planning.probabilities import Convention, shares
from agents.planning.reachability import can_end, grows_for_ever
from sandbox.errors import UsageError

if TYPE_CHECKING:
    from agents.planning.sweeps import Sweeper
    from envs.mdp import TabularMDP

ROUNDING = 1e-13
"""Of a solved linear system, relative to its largest value: smaller gains count as 0."""
PROOF_EVERY = 1000
"""Sweeps between two looks at whether an undiscounted optimum diverges."""
LARGE = 200_000
"""Entries of a table, states x actions x outcomes, from which on a compiled sweep makes up for the
time to load it."""


class Solution(NamedTuple):
    """What a solver found, and whether it got there."""

    value: np.ndarray  # float64 [states], discounted return from there on
    q: np.ndarray  # float64 [states, actions], the same after that first action
    policy: np.ndarray  # int64 [states], the best action (the first of several)
    converged: bool
    sweeps: int
    residual: float
    """Largest change of a value in the last sweep, or that one more sweep would make."""


class FiniteHorizonSolution(NamedTuple):
    """The best that can be had of an episode that is cut after a number of steps."""

    value: np.ndarray  # float64 [states], best expected undiscounted return of a whole episode
    policy: np.ndarray  # int64 [states], the best first action


class _Backup:
    """q = r + Σ_s' p(s' | s, a) γ V(s'), with V = 0 where the episode terminated. Sutton & Barto,
    2nd ed., equation 4.10."""

    def __init__(self, model: TabularMDP, discount: float) -> None:
        self.reward = (model.probability * model.reward).sum(axis=2)  # [states, actions]
        going_on = model.probability * ~model.terminated  # [states, actions, outcomes]
        used = np.flatnonzero(
            going_on.any(axis=(0, 1))
        )  # an outcome that never happens anywhere costs nothing
        self.weight = (
            np.stack([discount * going_on[:, :, k] for k in used])
            if len(used)
            else np.zeros((0, *self.reward.shape))
        )
        self.next_state = np.ascontiguousarray(
            model.next_state.transpose(2, 0, 1)[used]
        )  # [outcomes, states, actions] like weight
        self.terms = list(zip(self.weight, self.next_state, strict=True))
        self._sweeper: Sweeper | None = None

    def __call__(self, value: np.ndarray) -> np.ndarray:
        q = self.reward.copy()  # [states, actions]
        for weight, next_state in self.terms:
            q += weight * value[next_state]
        return q

    def best(self, value: np.ndarray) -> np.ndarray:
        """The largest q of each state: float64 [states]."""
        if self.next_state.size < LARGE:
            highest: np.ndarray = self(value).max(axis=1)
            return highest
        if self._sweeper is None:
            from agents.planning.sweeps import Sweeper

            self._sweeper = Sweeper(self.reward, self.weight, self.next_state)
        return self._sweeper(value)

    def follow(self, policy: np.ndarray, value: np.ndarray) -> np.ndarray:
        """What `value` becomes when a policy (int [states]) takes one step first: float64
        [states]."""
        states = np.arange(len(policy))
        after: np.ndarray = self.reward[states, policy]  # [states], a copy
        for weight, next_state in self.terms:
            after += weight[states, policy] * value[next_state[states, policy]]
        return after

    def worth(self, policy: np.ndarray) -> np.ndarray:
        """The value of a policy (int [states]), V = (I - γ P)⁻¹ r: float64 [states]. The policy
        must end its episodes where γ = 1."""
        from scipy.sparse import csc_array, eye_array
        from scipy.sparse.linalg import splu

        states = np.arange(len(policy))
        left = eye_array(len(policy), format="csc")
        for weight, next_state in self.terms:
            left -= csc_array(
                (weight[states, policy], (states, next_state[states, policy])), shape=left.shape
            )
        value: np.ndarray = splu(left.tocsc()).solve(self.reward[states, policy])
        return value


def value_iteration(
    model: TabularMDP, discount: float, tolerance: float = 1e-10, max_sweeps: int = 100_000
) -> Solution:
    """The optimum: V(s) ← max_a q(s, a) until it no longer changes.

    Sutton & Barto, 2nd ed., section 4.4. It stops when the error is at most `tolerance`: below γ /
    (1 - γ) times the last change (Puterman 1994, theorem 6.3.3); for γ = 1, where no such bound
    exists, when the last change is. Changes in the last digit alone also count as standing still.
    It continues until reward has propagated to every state from which it can be reached, however
    small it is there.

    Args:
        model: the world.
        discount: in (0, 1]. With 1, and where reward can be gathered forever, there is no optimum
            and `converged` is False.
        tolerance: largest error of a value.
        max_sweeps: after so many it gives up, and `converged` is False.
    """
    return _iterate(model, discount, _Backup.best, tolerance, max_sweeps)


def policy_iteration(
    model: TabularMDP, discount: float, tolerance: float = 1e-10, max_sweeps: int = 100_000
) -> Solution:
    """The optimum: evaluate a policy exactly, improve it where some action is better, until none
    is.

    Sutton & Barto, 2nd ed., section 4.3, where evaluation is iterative; ours solves V = r + γ P V
    (Puterman 1994, section 6.4), so that it ends after finitely many improvements. An action
    replaces another only where it is better by more than rounding and than what `tolerance` leaves
    open, hence policies of equal value cannot alternate (their exercise 4.4).

    With γ = 1 it begins with a policy that ends every episode, and finds the best of those; where
    some state has no such policy, or an improved one gathers reward forever, `converged` is False.

    Args:
        model: the world.
        discount: in (0, 1].
        tolerance: largest error of a value (for γ = 1: largest gain of an improvement that is not
            made).
        max_sweeps: improvements, after which it gives up.
    """
    backup, threshold = _Backup(model, _checked(discount)), _threshold(discount, tolerance)
    policy = _first_policy(model, backup, discount)
    value, q = np.zeros(len(policy)), backup.reward
    converged, sweeps, residual = False, 0, np.inf
    while not converged and sweeps < max_sweeps and (discount < 1 or can_end(model, policy)):
        value = backup.worth(policy)
        q = backup(value)
        gain = q.max(axis=1) - np.take_along_axis(q, policy[:, None], axis=1)[:, 0]  # [states]
        better = gain > max(threshold, ROUNDING * np.abs(value).max())
        policy = np.where(better, q.argmax(axis=1), policy)
        sweeps += 1
        residual = float(np.abs(q.max(axis=1) - value).max())
        converged = not better.any()
    return Solution(value, q, q.argmax(axis=1), converged, sweeps, residual)


def modified_policy_iteration(
    model: TabularMDP,
    discount: float,
    tolerance: float = 1e-10,
    max_sweeps: int = 100_000,
    evaluation_sweeps: int = 20,
) -> Solution:
    """The optimum: improve the policy in one sweep over all actions, evaluate it in some cheap
    sweeps over its own, and again.

    Puterman & Shin (1978); Puterman (1994), section 6.5: 0 evaluation sweeps are value iteration,
    infinitely many policy iteration. It stops like `value_iteration`, judged by the improving
    sweeps. With γ = 1 it begins with the value of a policy that ends every episode, from which
    values only rise; without such a policy, with 0.

    Args:
        model: the world.
        discount: in (0, 1].
        tolerance: see `value_iteration`.
        max_sweeps: sweeps of both kinds, after which it gives up.
        evaluation_sweeps: sweeps of evaluation after each improvement, >= 0.
    """
    backup, threshold = _Backup(model, _checked(discount)), _threshold(discount, tolerance)
    policy = _first_policy(model, backup, discount)
    value = (
        backup.worth(policy) if discount == 1 and can_end(model, policy) else np.zeros(len(policy))
    )
    converged, sweeps, residual = False, 0, np.inf
    while not converged and sweeps < max_sweeps:
        q = backup(value)
        policy, previous, value = q.argmax(axis=1), value, q.max(axis=1)
        residual = float(np.abs(value - previous).max())
        sweeps += 1
        converged = residual <= max(threshold, np.spacing(np.abs(value).max()))
        if not converged:
            for _ in range(min(evaluation_sweeps, max_sweeps - sweeps)):
                value = backup.follow(policy, value)
                sweeps += 1
    q = backup(value)
    return Solution(value, q, q.argmax(axis=1), converged, sweeps, residual)


def best_epsilon_soft(
    model: TabularMDP,
    discount: float,
    epsilon: float,
    convention: Convention = "others",
    tolerance: float = 1e-10,
    max_sweeps: int = 100_000,
) -> Solution:
    """The best policy among those that choose one action in each state and take another with
    probability ε.

    That is the optimum of the model in which the world replaces a chosen action with probability ε:
    Sutton & Barto, 2nd ed., section 5.4. The solution's `q` holds the values of an action taken
    once, the ε-soft policy afterwards; `policy` is the chosen action.

    Args:
        model: the world.
        discount: see `value_iteration`.
        epsilon: in [0, 1].
        convention: whether ε goes to every other action in equal parts ("others", as in the
            report), or to all ("all", as in the book).
        tolerance: see `value_iteration`.
        max_sweeps: see `value_iteration`.
    """
    if not 0 <= epsilon <= 1:
        raise UsageError(f"epsilon {epsilon:g}: a probability is between 0 and 1.")
    main, rest = shares(model.next_state.shape[1], epsilon, convention)

    def chosen(backup: _Backup, value: np.ndarray) -> np.ndarray:
        q = backup(value)  # with ε large it pays to choose the worst
        best = q.max(axis=1) if main >= rest else q.min(axis=1)
        softened: np.ndarray = rest * q.sum(axis=1) + (main - rest) * best
        return softened

    solution = _iterate(model, discount, chosen, tolerance, max_sweeps)
    return solution if main >= rest else solution._replace(policy=solution.q.argmin(axis=1))


def finite_horizon(model: TabularMDP, horizon: int) -> FiniteHorizonSolution:
    """The best undiscounted return of an episode that is cut after `horizon` steps, by backward
    induction.

    Puterman (1994), section 4.5. The best policy knows how many steps are left; no stationary one
    earns more.

    Args:
        model: the world.
        horizon: steps, >= 1.
    """
    if horizon < 1:
        raise UsageError(
            f"horizon {horizon}: an episode without a cut has no finite-horizon optimum; give at "
            f"least 1 step."
        )
    backup = _Backup(model, 1.0)
    value = np.zeros(len(model.next_state))  # [states], nothing can be had after the last step
    for _ in range(horizon - 1):
        value = backup.best(value)
    q = backup(value)
    return FiniteHorizonSolution(q.max(axis=1), q.argmax(axis=1))


def _iterate(
    model: TabularMDP,
    discount: float,
    sweep: Callable[[_Backup, np.ndarray], np.ndarray],
    tolerance: float,
    max_sweeps: int,
) -> Solution:
    """V ← sweep(V) until it no longer changes; `sweep` is monotone and no expansion."""
    backup, threshold = _Backup(model, _checked(discount)), _threshold(discount, tolerance)
    value = np.zeros(len(model.next_state))  # [states]
    converged, sweeps, residual = False, 0, np.inf
    while not converged and sweeps < max_sweeps:
        previous, value = value, sweep(backup, value)
        residual = float(np.abs(value - previous).max())
        sweeps += 1
        spread = np.array_equal(
            value != 0.0, previous != 0.0
        )  # far from all reward a value is small, and yet decides the policy
        converged = spread and residual <= max(threshold, np.spacing(np.abs(value).max()))
        if (
            not converged
            and discount == 1
            and sweeps % PROOF_EVERY == 0
            and grows_for_ever(model, value - previous, residual)
        ):
            break
    q = backup(value)
    return Solution(value, q, q.argmax(axis=1), converged, sweeps, residual)


def refuse_divergence(model: TabularMDP, solution: Solution, discount: float) -> None:
    """Refuse a world whose best values rise (or fall) forever.

    Args:
        model: the world.
        solution: a solver's; one that converged is always accepted.
        discount: in (0, 1]; below 1 every value is finite.

    Raises:
        UsageError: naming a state, and the action whose reward comes again and again.
    """
    if solution.converged or discount < 1:
        return
    best = value_iteration(model, discount)
    change = best.q.max(axis=1) - best.value  # [states], of one more sweep
    most = int(np.abs(change).argmax())
    if not best.converged and grows_for_ever(model, change, float(np.abs(change[most]))):
        action, more = int(best.q[most].argmax()), "grows" if change[most] > 0 else "falls"
        raise UsageError(
            f"With a discount of 1 there is no optimum: the value of state {most} {more} without "
            f"end, with action {action} by "
            f"{abs(change[most]):g} in every step. Take a discount below 1, for instance 0.9."
        )


def _checked(discount: float) -> float:
    if not 0 < discount <= 1:
        raise UsageError(f"discount {discount:g}: it lies above 0 and is at most 1.")
    return discount


def _threshold(discount: float, tolerance: float) -> float:
    """The last change of a value with which its error is at most `tolerance`; for γ = 1, where no
    such bound exists, `tolerance`."""
    return tolerance if discount == 1 else tolerance * (1 - discount) / discount


def _first_policy(model: TabularMDP, backup: _Backup, discount: float) -> np.ndarray:
    """Where policy iteration begins: the best next reward; with γ = 1 the way to the nearest end of
    the episode. int [states]."""
    policy: np.ndarray = backup.reward.argmax(axis=1)
    if discount < 1:
        return policy
    ending = np.zeros(len(policy), dtype=bool)  # from here the episode may end
    possible = model.probability > 0  # [states, actions, outcomes]
    while True:
        closer = (possible & (model.terminated | ending[model.next_state])).any(
            axis=2
        )  # [states, actions]
        new = closer.any(axis=1) & ~ending
        if not new.any():
            return policy
        policy = np.where(new, closer.argmax(axis=1), policy)
        ending |= new
