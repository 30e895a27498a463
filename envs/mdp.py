"""The exact model of an environment: every outcome of every action in every state, as arrays.

Environments step through these arrays, compiled kernels learn on them and solvers sweep over them,
all with the same sampling rule, so that all three agree draw by draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sandbox.errors import SandboxError

AT_ONCE = 65_536
"""Number of states checked together."""


class ModelError(SandboxError, ValueError):
    """Raised for arrays that do not form a model: invalid probabilities, rewards or states."""


@dataclass(frozen=True, eq=False)
class TabularMDP:
    """A Markov decision process with S states, A actions and at most K outcomes of an action. Make
    one with `from_outcomes`.

    Sampling rule: if `always_draw` or `cumulative[s, a, 0] < 1`, draw u = rng.random() and take the
    first outcome k with u < cumulative[s, a, k]; otherwise outcome 0 is certain and nothing is
    drawn. Starts are sampled in the same way; a single start is certain.

    Attributes:
        next_state: int64 [S, A, K]; if an action has fewer than K outcomes, the remaining entries
            repeat a valid state.
        probability: float64 [S, A, K], sums to 1 over K; 0 for the remaining entries.
        cumulative: running sums of `probability` (the same array where every outcome is certain),
            float64 [S, A, K]; exactly 1.0 from the last possible outcome on.
        reward: float64 [S, A, K].
        terminated: bool [S, A, K], whether the episode terminates with this outcome; do not
            bootstrap from its next state.
        start_states: where an episode may begin, int64 [N].
        start_cumulative: running sums of their probabilities, float64 [N], the last exactly 1.0.
        goal: the states that count as success when they are reached, bool [S].
        horizon: steps until an episode is truncated; 0 means never.
        always_draw: draw even where the outcome is certain, as Gymnasium's toy_text environments
            do.

    All arrays are C-contiguous.
    """

    next_state: np.ndarray
    probability: np.ndarray
    cumulative: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    start_states: np.ndarray
    start_cumulative: np.ndarray
    goal: np.ndarray
    horizon: int
    always_draw: bool = False

    @classmethod
    def from_outcomes(
        cls,
        next_state: np.ndarray,
        reward: np.ndarray,
        *,
        probability: np.ndarray | None = None,
        terminated: np.ndarray | None = None,
        start_states: np.ndarray,
        start_probability: np.ndarray | None = None,
        goal: np.ndarray | None = None,
        horizon: int = 0,
        always_draw: bool = False,
    ) -> TabularMDP:
        """Check the outcomes and build a model from them.

        Args:
            next_state: [S, A, K], or [S, A] where every outcome is certain.
            reward: like `next_state`.
            probability: like `next_state`, sums to 1 over outcomes (to 1e-9); None where every
                outcome is certain.
            terminated: like `next_state`; None means never.
            start_states: [N], at least one.
            start_probability: [N]; None means equal probabilities.
            goal: bool [S]; None means that no state is a goal.
            horizon: steps until truncation, 0 for never.
            always_draw: see the class.

        Raises:
            ModelError: naming the first state and action with invalid outcomes.
        """
        next_state = _outcomes("next_state", next_state, np.int64, None)
        if probability is None:
            probability = np.zeros(next_state.shape)
            probability[..., 0] = 1.0
        if terminated is None:
            terminated = np.zeros(next_state.shape, dtype=bool)
        probability = _outcomes("probability", probability, np.float64, next_state.shape)
        reward = _outcomes("reward", reward, np.float64, next_state.shape)
        terminated = _outcomes("terminated", terminated, np.bool_, next_state.shape)
        _check(next_state, probability, reward)
        states = len(next_state)
        start_states = np.ascontiguousarray(start_states, dtype=np.int64)
        goal = (
            np.zeros(states, dtype=bool) if goal is None else np.ascontiguousarray(goal, dtype=bool)
        )
        if goal.shape != (states,):
            raise ModelError(
                f"goal has the shape {goal.shape}, expected ({states},): a truth value for each "
                "state."
            )
        if horizon < 0:
            raise ModelError(f"horizon = {horizon}: expected steps, 1 or more, or 0 for never.")
        return cls(
            next_state=next_state,
            probability=probability,
            cumulative=_cumulative(probability),
            reward=reward,
            terminated=terminated,
            start_states=start_states,
            start_cumulative=_start_cumulative(start_states, start_probability, states),
            goal=goal,
            horizon=int(horizon),
            always_draw=bool(always_draw),
        )

    @property
    def states(self) -> int:
        """S, the number of states."""
        return int(self.next_state.shape[0])

    @property
    def actions(self) -> int:
        """A, the number of actions."""
        return int(self.next_state.shape[1])

    @property
    def outcomes(self) -> int:
        """K, the largest number of outcomes of an action."""
        return int(self.next_state.shape[2])

    @cached_property
    def start(self) -> np.ndarray:
        """The probability that an episode begins in each state, float64 [S]."""
        probability = np.diff(self.start_cumulative, prepend=0.0)
        return np.bincount(self.start_states, weights=probability, minlength=self.states)

    def sample_start(self, rng: np.random.Generator) -> int:
        """Draw the state in which an episode begins."""
        if self.always_draw or len(self.start_states) > 1:
            return int(
                self.start_states[
                    np.searchsorted(self.start_cumulative, rng.random(), side="right")
                ]
            )
        return int(self.start_states[0])

    def sample_outcome(self, state: int, action: int, rng: np.random.Generator) -> int:
        """Draw the index k of an action's outcome: its next state, reward and termination are at
        [state, action, k].

        Args:
            state: its number.
            action: likewise.
            rng: draws a number only if the outcome is not certain (or with `always_draw`).
        """
        cumulative = self.cumulative[state, action]  # [K]
        if self.always_draw or cumulative[0] < 1.0:
            return int(np.searchsorted(cumulative, rng.random(), side="right"))
        return 0

    def transition(
        self, state: int, action: int, rng: np.random.Generator
    ) -> tuple[int, float, bool]:
        """Next state, reward, and whether the episode terminates, for a drawn outcome of an action.

        Args:
            state: its number.
            action: likewise.
            rng: see `sample_outcome`.
        """
        at = state, action, self.sample_outcome(state, action, rng)
        return int(self.next_state[at]), float(self.reward[at]), bool(self.terminated[at])


def _outcomes(
    name: str, values: np.ndarray, dtype: type[np.generic], shape: tuple[int, ...] | None
) -> np.ndarray:
    """Values of outcomes as a contiguous array [S, A, K] of the right type."""
    array = np.asarray(values)
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or 0 in array.shape or (shape is not None and array.shape != shape):
        expected = (
            "[states, actions] or [states, actions, outcomes]" if shape is None else str(shape)
        )
        raise ModelError(f"{name} has the shape {np.shape(values)}, expected {expected}.")
    if dtype is np.int64 and array.dtype.kind not in "iu":
        raise ModelError(f"{name} holds {array.dtype}, expected integers: numbers of states.")
    return np.ascontiguousarray(array, dtype=dtype)


def _check(next_state: np.ndarray, probability: np.ndarray, reward: np.ndarray) -> None:
    """Refuse unknown states, probabilities outside 0 to 1, and rewards that are not finite;
    all [S, A, K]. A part of the states at a time, so that a large model takes little memory.
    """
    states = len(next_state)
    for first in range(0, states, AT_ONCE):
        to, chance, gain = (
            values[first : first + AT_ONCE] for values in (next_state, probability, reward)
        )
        _refuse(
            first,
            (to < 0) | (to >= states),
            to,
            f"leads to state {{}}, expected 0 to {states - 1}",
        )
        _refuse(
            first,
            ~((chance >= 0.0) & (chance <= 1.0 + 1e-9)),
            chance,
            "has an outcome of probability {}, expected 0 to 1",
        )
        total = chance.sum(axis=2)
        _refuse(
            first,
            np.abs(total - 1.0) > 1e-9,
            total,
            "has outcomes whose probabilities sum to {}, expected 1",
        )
        _refuse(first, ~np.isfinite(gain), gain, "brings a reward of {}, expected a finite number")


def _refuse(first: int, wrong: np.ndarray, values: np.ndarray, says: str) -> None:
    """Raise for the first entry that is wrong; its first two indices are state and action, and
    states are counted from `first`."""
    if wrong.any():
        place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        raise ModelError(
            f"State {first + place[0]}, action {place[1]} {says.format(values[place])}."
        )


def _cumulative(probability: np.ndarray) -> np.ndarray:
    """Running sums over the last axis, exactly 1.0 from the last possible outcome on: float64 like
    `probability`.
    """
    outcomes = probability.shape[-1]
    if outcomes == 1:
        return probability if (probability == 1.0).all() else np.ones_like(probability)
    sums = np.cumsum(probability, axis=-1)
    last = outcomes - 1 - np.argmax(probability[..., ::-1] > 0.0, axis=-1)
    sums[np.arange(outcomes) >= last[..., None]] = 1.0
    np.minimum(sums, 1.0, out=sums)
    return sums


def _start_cumulative(
    start_states: np.ndarray, probability: np.ndarray | None, states: int
) -> np.ndarray:
    """Running sums of the starts' probabilities, float64 [N]."""
    if start_states.ndim != 1 or not len(start_states):
        raise ModelError(
            f"start_states has the shape {start_states.shape}, expected at least one state."
        )
    outside = start_states[(start_states < 0) | (start_states >= states)]
    if len(outside):
        raise ModelError(
            f"An episode cannot start in state {outside[0]}, expected 0 to {states - 1}."
        )
    if probability is None:
        return np.arange(1, len(start_states) + 1) / len(start_states)
    probability = np.asarray(probability, dtype=np.float64)
    if (
        probability.shape != start_states.shape
        or not (probability >= 0.0).all()
        or abs(probability.sum() - 1.0) > 1e-9
    ):
        shown = f"has the shape {probability.shape} and sums to {probability.sum()}"
        raise ModelError(
            f"start_probability {shown}, expected {start_states.shape} and 1, none below 0."
        )
    return _cumulative(probability)
