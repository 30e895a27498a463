"""Exact solvers on a known model: the optimal policy, and the optimal ε-soft policy.

Every solver reports whether it converged. A sweep over a small table is a handful of array
operations; large tables are swept by compiled loops, which also propagate distributions. Only
policy iteration needs SciPy, for its sparse linear systems.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agents.planning.probabilities import Convention, shares
from agents.planning.reachability import can_end, grows_for_ever, ways_to_end
from sandbox.errors import UsageError

if TYPE_CHECKING:
    from agents.planning.sweeps import Sweeper
    from envs.mdp import TabularMDP

ROUNDING = 1e-13
"""Rounding error of a solved linear system relative to its largest value; smaller gains count as
0."""
PROOF_EVERY = 1000
"""Number of sweeps between two checks for divergence of an undiscounted optimum."""
LARGE = 200_000
"""Smallest table, in entries states x actions x outcomes, for which a compiled sweep saves more
time than loading it costs."""


class Solution(NamedTuple):
    """A solver's result, and whether it converged."""

    value: np.ndarray  # float64 [states], discounted return from there on
    q: np.ndarray  # float64 [states, actions], the same when that action is taken first
    policy: np.ndarray  # int64 [states], the best action (the first of several)
    converged: bool
    sweeps: int
    residual: float
    """Largest change of a value in the last sweep, or the largest change in one more sweep."""


class FiniteHorizonSolution(NamedTuple):
    """The optimum of an episode that is truncated after a number of steps."""

    value: np.ndarray  # float64 [states], best expected undiscounted return of a whole episode
    policy: np.ndarray  # int64 [states], the best first action


class _Backup:
    """q = r + Σ_s' p(s' | s, a) γ V(s'), with V = 0 where the episode terminated. Sutton & Barto,
    2nd ed., equation 4.10."""

    def __init__(self, model: TabularMDP, discount: float) -> None:
        if not 0 < discount <= 1:
            raise UsageError(f"discount {discount:g}: it lies above 0 and is at most 1.")
        self.reward = (model.probability * model.reward).sum(axis=2)  # [states, actions]
        going_on = model.probability * ~model.terminated  # [states, actions, outcomes]
        used = np.flatnonzero(
            going_on.any(axis=(0, 1))
        )  # an outcome that never happens anywhere costs nothing
        self.weight = discount * np.ascontiguousarray(going_on.transpose(2, 0, 1)[used])
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
            return np.max(self(value), axis=1)
        if self._sweeper is None:
            from agents.planning.sweeps import Sweeper

            self._sweeper = Sweeper(self.reward, self.weight, self.next_state)
        return self._sweeper(value)

    def follow(self, policy: np.ndarray, value: np.ndarray) -> np.ndarray:
        """One backup of `value` under a policy (int [states]): float64 [states]."""
        states = np.arange(len(policy))
        after = self.reward[states, policy]  # [states], a copy
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
        return splu(left.tocsc()).solve(self.reward[states, policy])


def value_iteration(
    model: TabularMDP, discount: float, tolerance: float = 1e-10, max_sweeps: int = 100_000
) -> Solution:
    """The optimum: V(s) ← max_a q(s, a) until it no longer changes.

    Sutton & Barto, 2nd ed., section 4.4. It stops when the error, which is below γ / (1 - γ) times
    the last change (Puterman 1994, theorem 6.3.3), is at most `tolerance`; for γ = 1, where no such
    bound exists, when the last change is at most `tolerance`. Changes of only the last digit count
    as no change. It continues until reward has propagated to every state from which it can be
    reached, however small it is there.

    Args:
        model: the world.
        discount: in (0, 1]. With 1 and a reward that can be collected forever, there is no optimum
            and `converged` is False.
        tolerance: largest error of a value.
        max_sweeps: limit after which it stops with `converged` False.
    """
    return _iterate(model, discount, _Backup.best, tolerance, max_sweeps)


def policy_iteration(
    model: TabularMDP, discount: float, tolerance: float = 1e-10, max_sweeps: int = 100_000
) -> Solution:
    """The optimum: evaluate a policy exactly and improve it, until no action is better.

    Sutton & Barto, 2nd ed., section 4.3, where evaluation is iterative; here the linear system V =
    r + γ P V is solved (Puterman 1994, section 6.4), so that it ends after finitely many
    improvements. An action replaces another only if it is better by more than the rounding error
    and `tolerance`, so policies of equal value cannot alternate (their exercise 4.4).

    With γ = 1 it begins with a policy that ends every episode, and finds the best of those; if some
    state has no such policy, or an improved policy collects reward forever, `converged` is False.

    Args:
        model: the world.
        discount: in (0, 1].
        tolerance: largest error of a value (for γ = 1: improvements of at most this gain are not
            made).
        max_sweeps: largest number of improvements.
    """
    backup, threshold = _Backup(model, discount), _threshold(discount, tolerance)
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
    """The optimum: alternate one improvement sweep over all actions with a few cheap evaluation
    sweeps over the policy's own actions.

    Puterman & Shin (1978); Puterman (1994), section 6.5: 0 evaluation sweeps give value iteration,
    infinitely many give policy iteration. The stopping rule is that of `value_iteration`, applied
    to the improvement sweeps. With γ = 1 it begins with the value of a policy that ends every
    episode, from which values only rise; without such a policy it begins with 0.

    Args:
        model: the world.
        discount: in (0, 1].
        tolerance: see `value_iteration`.
        max_sweeps: largest number of sweeps, both kinds together.
        evaluation_sweeps: sweeps of evaluation after each improvement, >= 0.
    """
    backup, threshold = _Backup(model, discount), _threshold(discount, tolerance)
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
    """The optimal ε-soft policy: it chooses one action in each state and takes another with
    probability ε.

    It is the optimum of a model in which the environment replaces the chosen action with
    probability ε: Sutton & Barto, 2nd ed., section 5.4. The solution's `q` holds the value of
    taking an action once and following the ε-soft policy afterwards; `policy` is the chosen action.

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
    main, rest = shares(model.actions, epsilon, convention)

    def chosen(backup: _Backup, value: np.ndarray) -> np.ndarray:
        q = backup(value)  # with large ε the worst action is the best choice
        best = q.max(axis=1) if main >= rest else q.min(axis=1)
        return rest * q.sum(axis=1) + (main - rest) * best

    solution = _iterate(model, discount, chosen, tolerance, max_sweeps)
    return solution if main >= rest else solution._replace(policy=solution.q.argmin(axis=1))


def finite_horizon(model: TabularMDP, horizon: int) -> FiniteHorizonSolution:
    """The best undiscounted return of an episode truncated after `horizon` steps, by backward
    induction.

    Puterman (1994), section 4.5. The optimal policy depends on the number of steps left; no
    stationary policy is better.

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
    value = np.zeros(model.states)  # [states], 0 after the last step
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
    """V ← sweep(V) until it no longer changes; `sweep` is monotone and non-expansive."""
    backup, threshold = _Backup(model, discount), _threshold(discount, tolerance)
    value = np.zeros(model.states)  # [states]
    converged, sweeps, residual = False, 0, np.inf
    while not converged and sweeps < max_sweeps:
        previous, value = value, sweep(backup, value)
        residual = float(np.abs(value - previous).max())
        sweeps += 1
        spread = np.array_equal(
            value != 0.0, previous != 0.0
        )  # far from rewards, small values still decide the policy
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
    """Refuse a model whose optimal values diverge.

    Args:
        model: the world.
        solution: a solver's result; a converged one is always accepted.
        discount: in (0, 1]; below 1 every value is finite.

    Raises:
        UsageError: naming a state and the action whose reward repeats forever.
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


def _threshold(discount: float, tolerance: float) -> float:
    """The largest last change that guarantees an error of at most `tolerance`; for γ = 1, where no
    such bound exists, `tolerance`."""
    return tolerance if discount == 1 else tolerance * (1 - discount) / discount


def _first_policy(model: TabularMDP, backup: _Backup, discount: float) -> np.ndarray:
    """The initial policy of policy iteration, int [states]: the action with the best next reward;
    with γ = 1 the shortest way to the end of the episode."""
    policy = backup.reward.argmax(axis=1)
    if discount < 1:
        return policy
    way = ways_to_end(model.probability > 0, model.terminated, model.next_state)
    return np.where(way < 0, policy, way)
