"""Options of all control labs. Cheap to import: the command line's help needs no more."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from agents.agent import Agent
from envs.config import GridConfig
from sandbox.config.model import Choice, Chosen, LabConfig
from sandbox.registry.registry import registry


class ControlConfig(LabConfig):
    """Who learns and for how long; each lab adds its environment as `env`."""

    agent: Chosen = Choice("agent", "sarsa", "who learns")
    episodes: int = Field(3000, ge=1, le=10**9, description="episodes of learning")


class GridLabConfig(ControlConfig):
    """Options of labs with grids."""

    env: GridConfig = Field(default_factory=GridConfig, description="the grid")

    @model_validator(mode="after")
    def _agent_can_observe(self) -> Self:
        """Refuse an agent that cannot learn from what a grid shows it."""
        if not isinstance(self.agent, Chosen):
            return self  # it is wrong, which was reported already
        agent: type[Agent] = registry().load("agent", self.agent.name)
        if "grid" not in agent.experiments and self.env.observation != "state":
            raise ValueError(
                f"env.observation {self.env.observation} is for agents with a network: sb3-dqn, "
                f"sb3-ppo, sb3-a2c. {self.agent.name} has a table of states: env.observation state"
            )
        if "grid" in agent.experiments and (
            why := agent.misfit(self.agent.options, *self.env.spaces())
        ):
            raise ValueError(why)
        return self
