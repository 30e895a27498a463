"""Options of all control labs. Cheap to import, because the command line's help imports it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from agents.agent import agent_class
from agents.tabular.config import TabularConfig
from envs.config import GridConfig
from sandbox.config.model import Choice, Chosen, LabConfig, Layer, refuse_data, with_defaults
from sandbox.config.resolve import UNSET, registered_config
from sandbox.tables import read_table


def tuned_agents(beside: str) -> Callable[[str, str], type[LabConfig]]:
    """A function that finds agents' configuration classes, with a lab's own defaults for the agents
    in its `agents.toml`.

    The table `all` there is for every agent with a table of action values: an option gets that
    default where it has an effect and the agent has no default of its own.

    Args:
        beside: `__file__` of a module in the folder of the lab's `agents.toml`.

    Returns:
        A function for the argument `find` of `sandbox.config.model.Choice`.
    """
    defaults = {
        agent: {option: _plain(value) for option, value in options.items()}
        for agent, options in read_table(beside, "agents.toml").items()
    }
    usual = defaults.pop("all", {})

    @cache
    def config_of(kind: str, name: str) -> type[LabConfig]:
        own = registered_config(kind, name)
        tuned = {option: value for option, value in usual.items() if _inherits(own, option)}
        tuned |= defaults.get(name, {})
        return with_defaults(own, tuned) if tuned else own

    return config_of


def _plain(value: Any) -> Any:
    """A value of a TOML file, which has no tuples and no null."""
    if isinstance(value, list):
        return tuple(value)
    return None if value == "none" else value


def _inherits(own: type[LabConfig], option: str) -> bool:
    """Whether an option has an effect on an agent, and the same default as in `TabularConfig`."""
    return (
        issubclass(own, TabularConfig)
        and option not in own.without_effect
        and own.model_fields[option].default == TabularConfig.model_fields[option].default
    )


EpisodeCount = Annotated[int | None, Field(ge=1, le=10**9, description="episodes of learning")]


class ControlConfig(LabConfig):
    """The agent and how long it learns; each lab adds its environment as `env`."""

    left_out = ("env_steps", "eval_every")
    supersedes = {"env_steps": "episodes"}  # noqa: RUF012

    agent: Chosen = Choice("agent", "sarsa", "agent that learns")
    episodes: EpisodeCount = 3000
    env_steps: int | None = Field(
        None,
        ge=1,
        le=10**12,
        description="env steps of learning: it ends with the episode or rollout in which they are "
        "reached, or earlier if --episodes is given too and reached first",
    )
    eval_every: int | None = Field(
        None,
        ge=1,
        le=10**12,
        description="env steps between two evaluations; none: the lab chooses",
    )

    @model_validator(mode="before")
    @classmethod
    def _ended_by_steps(cls, given: Layer) -> Layer:
        """Env steps alone end learning: the default number of episodes does not."""
        alone = given.get("env_steps") not in UNSET and "episodes" not in given
        return {**given, "episodes": None} if alone else given

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.episodes is None and self.env_steps is None:
            raise ValueError("episodes none needs env-steps, at which learning ends instead")
        return self

    def check_available(self, data: Path | None = None, kept: Path | None = None) -> None:
        """Refuse a folder of data: an agent learns in its environment alone."""
        super().check_available(data, kept)
        refuse_data(data, kept, "an agent learns in its environment alone; leave it out")

    def planned_episodes(self, horizon: int) -> int:
        """The fewest episodes in which learning can end.

        Args:
            horizon: steps after which an episode is truncated, >= 1.
        """
        if self.env_steps is None:
            assert self.episodes is not None
            return self.episodes
        fewest = -(-self.env_steps // horizon)
        return fewest if self.episodes is None else min(self.episodes, fewest)


class GridLabConfig(ControlConfig):
    """Options of labs with grids."""

    env: GridConfig = Field(default_factory=GridConfig, description="the grid")

    @model_validator(mode="after")
    def _agent_can_observe(self) -> Self:
        """Refuse an agent that cannot learn from the grid's observations."""
        if not isinstance(self.agent, Chosen):
            return self  # its error was already reported
        agent = agent_class(self.agent.name)
        if "grid" in agent.experiments:
            if why := agent.misfit(self.agent.options, *self.env.spaces()):
                raise ValueError(why)
        elif self.env.observation != "state":
            raise ValueError(
                f"env.observation {self.env.observation} is for agents with a network, such as "
                f"sb3-ppo with agent.settings stock. {self.agent.name} has a table of states: "
                "env.observation state"
            )
        return self
