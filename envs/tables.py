"""Reads the transition table of an environment (`env.unwrapped.P`) as an exact model, if the table
is verified.

The table is accepted only if all wrappers are known, and if the model, with a copy of the
environment's generator, predicts every state, reward and episode end in some thousand steps of
random play. Then learning on the model draws exactly the same random numbers as `env.step`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

import gymnasium
import numpy as np
from gymnasium import spaces, wrappers

from envs.aliases import Env
from envs.mdp import ModelError, TabularMDP

COMPARED = 1000
"""Number of steps compared."""
RESETS = 20
"""Number of resets from which the start state is determined, if no attribute gives it."""
KNOWN_WRAPPERS: tuple[type, ...] = (
    wrappers.TimeLimit,
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
)
"""Wrappers that change neither observations nor rewards."""
HIDDEN = {
    "fickle_passenger": "its passenger may change the destination, which the table does not say"
}
"""Attributes of environments that make the table wrong when they are true."""
LARGEST_TABLE = 10**6
"""Largest number of state-action pairs for which a table of Python objects is read."""


class Table(NamedTuple):
    """The result of reading an environment's table."""

    model: TabularMDP | None
    """The exact model, or None."""
    why_not: str = ""
    """Why there is no model; empty if the environment has no table or its table is verified."""


def read(env: Env, horizon: int) -> Table:
    """The model of an environment, if its table is verified.

    Args:
        env: the environment, as returned by `gymnasium.make`; it is stepped and reset.
        horizon: steps after which an episode is truncated.

    Raises:
        ModelError: the table's probabilities do not sum to 1, its rewards are not numbers, or it
            leads to states that do not exist.
    """
    base: Any = env.unwrapped
    own = getattr(base, "model", None)
    if isinstance(own, TabularMDP) and not _stranger(env):
        cut = min(own.horizon or horizon, horizon)
        return Table(own if cut == own.horizon else replace(own, horizon=cut))
    table = getattr(base, "P", None)
    if not isinstance(table, Mapping) or not all(
        isinstance(one, spaces.Discrete) for one in (env.observation_space, env.action_space)
    ):
        return Table(None)
    if stranger := _stranger(env):
        return Table(None, f"the wrapper {stranger} may change what it says")
    for name, why in HIDDEN.items():
        if getattr(base, name, False):
            return Table(None, why)
    starts = getattr(base, "initial_state_distrib", None)
    starts = _certain_start(env) if starts is None else starts
    (states, _), (actions, _) = _counts(env)
    if starts is None or np.shape(starts) != (states,):
        return Table(None, "nothing says where its episodes begin (initial_state_distrib)")
    if states * actions > LARGEST_TABLE:
        return Table(
            None,
            f"it has {states * actions} pairs of state and action, more than {LARGEST_TABLE} are "
            "not read",
        )
    arrays, possible = _arrays(table, env), np.flatnonzero(np.asarray(starts) > 0)
    for always_draw in (True, False):
        model = TabularMDP.from_outcomes(
            **arrays,
            start_states=possible,
            start_probability=np.asarray(starts, dtype=np.float64)[possible],
            horizon=horizon,
            always_draw=always_draw,
        )
        difference = _difference(env, model)
        if not difference:
            return Table(model)
    return Table(None, difference)


def _stranger(env: Env) -> str:
    """The name of the first unknown wrapper, or ""."""
    while isinstance(env, gymnasium.Wrapper):
        if type(env) not in KNOWN_WRAPPERS:
            return type(env).__name__
        env = env.env
    return ""


def _certain_start(env: Env) -> np.ndarray | None:
    """The start distribution of an environment that always begins in the same state without drawing
    a number: float64 [states]; else None.
    """
    env.reset(seed=0)
    rng = np.random.default_rng(1)
    env.unwrapped.np_random = rng
    before = rng.bit_generator.state
    seen = {int(env.reset()[0]) for _ in range(RESETS)}
    if len(seen) > 1 or rng.bit_generator.state != before:
        return None
    (states, first), _ = _counts(env)
    return np.arange(first, first + states) == seen.pop()


def _counts(env: Env) -> list[tuple[int, int]]:
    """(n, first) of the states and of the actions of an environment with Discrete spaces."""
    both = cast("list[spaces.Discrete]", [env.observation_space, env.action_space])
    return [(int(space.n), int(space.start)) for space in both]


def _arrays(table: Mapping[Any, Any], env: Env) -> dict[str, np.ndarray]:
    """The table as arrays [states, actions, outcomes]; rows with fewer outcomes are padded with
    outcomes of probability 0.

    Raises:
        ModelError: when a state, an action or an entry is missing.
    """
    (states, first), (actions, begin) = _counts(env)
    at = first if first + states - 1 in table else 0  # some tables always count from 0
    rows = [
        [_row(table, at + state, begin + action) for action in range(actions)]
        for state in range(states)
    ]
    outcomes = max(len(row) for of_state in rows for row in of_state)
    filled = np.array(
        [
            [row + [(0.0, at, 0.0, False)] * (outcomes - len(row)) for row in of_state]
            for of_state in rows
        ],
        dtype=np.float64,
    )
    if not np.isfinite(filled[..., 1]).all():
        raise ModelError("The table of transitions leads to states that are no numbers.")
    return {
        "probability": filled[..., 0],
        "next_state": filled[..., 1].astype(np.int64) - at,
        "reward": filled[..., 2],
        "terminated": filled[..., 3].astype(bool),
    }


def _row(table: Mapping[Any, Any], state: int, action: int) -> list[tuple[float, ...]]:
    """The outcomes of an action."""
    try:
        row = [tuple(float(value) for value in outcome) for outcome in table[state][action]]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ModelError(
            f"State {state}, action {action}: the table of transitions cannot be read "
            f"({type(error).__name__}: {error})."
        ) from error
    if not row or any(len(outcome) != 4 for outcome in row):
        raise ModelError(
            f"State {state}, action {action}: expected outcomes (probability, next state, reward, "
            f"terminated), not {row}."
        )
    return row


def _difference(env: Env, model: TabularMDP) -> str:
    """A description of the first step of random play that the model did not predict, or ""."""
    (_, first), (_, begin) = _counts(env)
    player, twin = np.random.default_rng(0), np.random.default_rng(1)
    env.reset(seed=0)
    env.unwrapped.np_random = np.random.default_rng(1)  # same numbers as `twin`
    over, state = True, 0
    for step in range(COMPARED):
        if over:
            seen, predicted = int(env.reset()[0]) - first, model.sample_start(twin)
            if seen != predicted:
                return f"an episode began in state {seen}, which the table did not predict"
            state = seen
        action = int(player.integers(model.actions))
        expected = model.transition(state, action, twin)
        observation, reward, terminated, truncated, _ = env.step(action + begin)
        happened = (int(observation) - first, float(reward), bool(terminated))
        if happened != expected:
            return (
                f"state {state}, action {action} led to {happened} where the table predicted "
                f"{expected} (step {step + 1} of random play)"
            )
        state, over = happened[0], terminated or truncated
    return ""
