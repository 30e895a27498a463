"""Whether an agent can learn in an environment, and as what it sees it: its observations numbered, its table read.

What was found out is kept, since a configuration is judged several times on its way to a run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces

from agents.baselines.config import unseen
from agents.baselines.known import fitting
from agents.planning import solvers as planning
from agents.tabular.base import TabularAgent
from envs import ids, tables
from envs import spaces as finite
from envs.mdp import ModelError, TabularMDP
from plugins.gym.presets import PRESETS
from sandbox.errors import UsageError
from sandbox.registry.registry import registry

PROOF_SWEEPS = 20_000
"""So many sweeps may it take to see whether an undiscounted optimum exists."""


class Survey(NamedTuple):
    """What was found out about an environment."""

    numbering: finite.Numbering
    actions: int
    table: tables.Table


def survey(config: Any) -> Survey:
    """What an environment looks like to an agent with a table.

    Args:
        config: with `env`, `discretiser` and `use_model`; a table that is none is no fault where nobody wants to use it.

    Raises:
        UsageError: when it does not suit such an agent.
        ModelError: when its table of transitions is none.
    """
    return _survey(
        config.env.options.id,
        config.env.options.model_dump_json(),
        config.discretiser.model_dump_json(),
        config.use_model,
        _Asked(config),
    )


class _Asked:
    """A configuration that is equal to any other: the words before it already say which it is."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=8)
def _survey(name: str, options: str, discretiser: str, use_model: bool, asked: _Asked) -> Survey:
    env = ids.make(asked.config.env.options)
    try:
        actions: Any = env.action_space
        if not isinstance(actions, spaces.Discrete):
            raise UsageError(
                f"Agents with a table take Discrete actions and observations that are {finite.TAKEN}. The actions of {name} are {actions}."
                + _instead(env)
            )
        try:
            numbering = finite.numbering(env, asked.config.discretiser)
        except UsageError as error:
            raise UsageError(f"{error}{_preset_for(name)}{_instead(env)}") from error
        size = numbering.size * int(actions.n)
        if size > finite.LARGEST:
            raise UsageError(
                f"{name} has {finite.about(numbering.size)} states and {actions.n} actions; a table has at most "
                f"{finite.about(finite.LARGEST)} entries, not {finite.about(size)}.{_instead(env)}"
            )
        return Survey(
            numbering,
            int(actions.n),
            _table(env, asked.config.env.options.max_episode_steps, use_model),
        )
    finally:
        env.close()


def _table(env: gymnasium.Env[Any, Any], horizon: int, needed: bool) -> tables.Table:
    try:
        return tables.read(env, horizon)
    except ModelError as error:
        if needed:
            raise ModelError(
                f"The table of transitions (P) is wrong. {error} --no-use-model learns through env.step all the same."
            ) from error
        return tables.Table(None, "")


def _instead(env: gymnasium.Env[Any, Any]) -> str:
    """A sentence about the agents without a table: which of them learn there, or why none does."""
    if why := unseen(env.observation_space):
        return f" Agents with a network cannot learn there either. {why}"
    known = {entry.name for entry in registry().entries("agent")}
    others = [name for name in fitting(type(env.action_space).__name__) if name in known]
    if not others:
        return " No agent here takes those."
    return f" Agents that need no table: {', '.join(others)}."


def _preset_for(name: str) -> str:
    """A sentence about the preset that cuts this environment's observations, if there is one."""
    cut = {one: settings for one, settings in PRESETS.items() if "discretiser" in settings}
    found = [one for one, settings in cut.items() if settings["env"]["name"] == name]
    return f" `--preset {found[0]}` does so with bins that were tried." if found else ""


def check(config: Any) -> None:
    """Refuse an agent that cannot learn in the environment.

    Raises:
        UsageError: saying what does not fit, and what would.
        ModelError: when the environment's table of transitions is none.
    """
    agent = registry().load("agent", config.agent.name)
    if not issubclass(agent, TabularAgent):
        misfit = getattr(config.agent.options, "misfit", None)
        env = ids.make(config.env.options)
        if misfit is not None and (why := misfit(env.observation_space, env.action_space)):
            raise UsageError(f"{config.env.options.id}: {why}")
        return
    name = config.env.options.id
    found = survey(config)
    model = found.table.model if config.use_model else None
    if hasattr(agent, "plan") and model is None:
        why = (
            "use_model is off"
            if not config.use_model
            else found.table.why_not or "it brings no table of transitions"
        )
        raise UsageError(
            f"Agent '{config.agent.name}' plans on an exact model, and of {name} none is known: {why}. q-learning, sarsa and dyna-q need none."
        )
    if model is not None and config.agent.options.discount == 1:
        _refuse_endless(name, model)


def _refuse_endless(name: str, model: TabularMDP) -> None:
    """Refuse a discount of 1 where reward can be gathered without end.

    Raises:
        ModelError: naming the state and the action whose value grows.
    """
    found = planning.value_iteration(model, 1.0, max_sweeps=PROOF_SWEEPS)
    if found.converged:
        return
    change = np.abs(found.q.max(axis=1) - found.value)  # [states], of one more sweep
    brings = np.abs(
        (model.probability * model.reward).sum(axis=2)[np.arange(model.states), found.policy]
    )  # [states]
    state = int(np.argmax(np.where(change >= 0.5 * change.max(), brings, -1.0)))
    raise ModelError(
        f"{name} with discount 1: state {state}, action {int(found.policy[state])} has no finite value, reward comes there without end. "
        "Take a discount below 1: --agent.discount 0.99"
    )


def notes(config: Any) -> list[str]:
    """What whoever runs this should know: why a table of transitions was left alone."""
    table = survey(config).table
    if config.use_model and table.why_not:
        return [
            f"{config.env.options.id} has a table of transitions (P), but it is not believed: {table.why_not}. "
            "It is learned through env.step, and evaluated by sampling."
        ]
    return []


def numbered(config: Any, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """The environment as agents with a table see it: states and actions counted from 0."""
    return finite.NumberedEnv(ids.make(config.env.options, render_mode), survey(config).numbering)


def render_modes(config: Any) -> list[str]:
    """How the environment can show itself."""
    env = ids.make(config.env.options)
    try:
        return list((env.metadata or {}).get("render_modes", []))
    finally:
        env.close()
