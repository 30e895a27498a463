"""Checks that an agent can learn in an environment, and numbers the environment's observations.

Results are cached, since a configuration is checked several times before a run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, cast

import numpy as np
from gymnasium import spaces

from agents.agent import agent_class
from agents.baselines.config import unseen
from agents.baselines.known import fitting
from agents.planning import solvers as planning
from agents.tabular.config import TabularConfig
from envs import ids, tables
from envs import spaces as finite
from envs.aliases import Env
from envs.mdp import ModelError, TabularMDP
from plugins.gym.config import GymConfig
from sandbox.errors import UsageError
from sandbox.registry.registry import registry

PROOF_SWEEPS = 20_000
"""An undiscounted optimum is assumed not to exist if so many sweeps do not converge."""


class Survey(NamedTuple):
    """The numbering of an environment's observations, and its table of transitions."""

    numbering: finite.Numbering
    table: tables.Table


def survey(config: GymConfig) -> Survey:
    """The numbering and the table of transitions of an environment, for a tabular agent.

    Args:
        config: the lab's; without `use_model`, a wrong table of transitions is not an error.

    Raises:
        UsageError: when a tabular agent cannot learn in the environment.
        ModelError: when its table of transitions is wrong.
    """
    options = config.env_options
    shown = options.model_dump_json(), config.discretiser.model_dump_json()
    return _survey(options.id, *shown, config.use_model, _Uncompared(config))


class _Uncompared:
    """A configuration that `lru_cache` ignores, since the other arguments already identify it."""

    def __init__(self, config: GymConfig) -> None:
        self.config = config

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Uncompared)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=8)
def _survey(
    name: str, options: str, discretiser: str, use_model: bool, given: _Uncompared
) -> Survey:
    config = given.config
    env = ids.make(config.env_options)
    try:
        actions = env.action_space
        if not isinstance(actions, spaces.Discrete):
            raise UsageError(
                "Agents with a table take Discrete actions and observations that are "
                f"{finite.TAKEN}. The actions of {name} are {actions}.{_instead(env)}"
            )
        try:
            numbering = finite.numbering(env, config.discretiser)
        except UsageError as error:
            raise UsageError(f"{error}{_preset_for(name)}{_instead(env)}") from error
        size = numbering.size * int(actions.n)
        if size > finite.LARGEST:
            raise UsageError(
                f"{name} has {finite.about(numbering.size)} states and {actions.n} actions; "
                f"a table has at most {finite.about(finite.LARGEST)} entries, "
                f"not {finite.about(size)}.{_instead(env)}"
            )
        table = _table(env, config.env_options.max_episode_steps, config.use_model)
        return Survey(numbering, table)
    finally:
        env.close()


def _table(env: Env, horizon: int, needed: bool) -> tables.Table:
    try:
        return tables.read(env, horizon)
    except ModelError as error:
        if needed:
            raise ModelError(
                f"The table of transitions (P) is wrong. {error} "
                "--no-use-model learns through env.step all the same."
            ) from error
        return tables.Table(None)


def _instead(env: Env) -> str:
    """A sentence for errors: which network agents can learn there, or why none can."""
    if why := unseen(env.observation_space):
        return f" Agents with a network cannot learn there either. {why}"
    known = {entry.name for entry in registry().entries("agent")}
    others = [name for name in fitting(type(env.action_space).__name__) if name in known]
    if not others:
        return " No agent here takes those."
    return f" Agents that need no table: {', '.join(others)}."


def _preset_for(name: str) -> str:
    """A sentence about the preset that discretises this environment, if there is one."""
    for preset, settings in registry().lab("gym").presets.items():
        if "discretiser" in settings and settings["env"]["name"] == name:
            return f" `--preset {preset}` does so with bins that were tried."
    return ""


def check(config: GymConfig) -> None:
    """Refuse an agent that cannot learn in the environment.

    Raises:
        UsageError: says what does not fit, and what would.
        ModelError: when the environment's table of transitions is wrong.
    """
    agent = agent_class(config.agent.name)
    name, agent_options = config.env_options.id, cast("TabularConfig", config.agent.options)
    if "gym" in agent.experiments:
        env = ids.make(config.env_options)
        if why := agent.misfit(agent_options, env.observation_space, env.action_space):
            raise UsageError(f"{name}: {why}")
        return
    table = survey(config).table
    model = table.model if config.use_model else None
    if agent.needs_model and model is None:
        why = "use_model is off"
        if config.use_model:
            why = table.why_not or "it brings no table of transitions"
        raise UsageError(
            f"Agent '{config.agent.name}' plans on an exact model, and of {name} none is known: "
            f"{why}. q-learning, sarsa and dyna-q need none."
        )
    if model is not None and agent_options.discount == 1:
        _refuse_endless(name, model)


def _refuse_endless(name: str, model: TabularMDP) -> None:
    """Refuse a discount of 1 where the return is unbounded.

    Raises:
        ModelError: names a state and an action whose value grows without bound.
    """
    solution = planning.value_iteration(model, 1.0, max_sweeps=PROOF_SWEEPS)
    if solution.converged:
        return
    change = np.abs(solution.q.max(axis=1) - solution.value)  # [states], in one more sweep
    expected = (model.probability * model.reward).sum(axis=2)  # [states, actions]
    reward = np.abs(expected[np.arange(model.states), solution.policy])  # [states]
    state = int(np.argmax(np.where(change >= 0.5 * change.max(), reward, -1.0)))
    raise ModelError(
        f"{name} with discount 1: state {state}, action {int(solution.policy[state])} has no "
        "finite value, reward comes there without end. "
        "Take a discount below 1: --agent.discount 0.99"
    )


def notes(config: GymConfig) -> list[str]:
    """Warnings of a run: why a table of transitions is not used."""
    table = survey(config).table
    if not (config.use_model and table.why_not):
        return []
    return [
        f"{config.env_options.id} has a table of transitions (P), but it is not believed: "
        f"{table.why_not}. It is learned through env.step, and evaluated by sampling."
    ]


def numbered(config: GymConfig) -> Env:
    """The environment as agents with a table see it: states and actions counted from 0."""
    return finite.NumberedEnv(ids.make(config.env_options), survey(config).numbering)
