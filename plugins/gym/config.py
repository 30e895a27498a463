"""Options of the lab of Gymnasium's environments."""

from __future__ import annotations

from typing import cast

from pydantic import Field

from agents.control.config import ControlConfig, EpisodeCount, tuned_agents
from envs.ids import GymnasiumConfig
from envs.spaces import DiscretiserConfig
from sandbox.config.model import Choice, Chosen

config_of = tuned_agents(__file__)
"""Finds the options of agents in this lab; see agents.toml."""


class GymConfig(ControlConfig):
    """Settings: the agent, the environment and the number of episodes."""

    agent: Chosen = Choice(
        "agent", "q-learning", "agent that learns", find="plugins.gym.config:config_of"
    )
    env: Chosen = Choice("env", "FrozenLake-v1", "where: Gymnasium's id", find="envs.ids:config_of")
    episodes: EpisodeCount = 5000
    use_model: bool = Field(
        True,
        description="learn on the environment's own table of transitions, where it is known to "
        "tell the truth",
    )
    evaluation_episodes: int = Field(
        30,
        ge=1,
        le=10**6,
        description="episodes of an evaluation by sampling, where no model is known",
    )
    discretiser: DiscretiserConfig = Field(
        default_factory=DiscretiserConfig, description="how continuous observations become states"
    )

    @property
    def env_options(self) -> GymnasiumConfig:
        """The environment's id and options."""
        return cast("GymnasiumConfig", self.env.options)
