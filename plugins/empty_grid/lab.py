"""Lab 06, first part: an empty grid of 10 x 10 cells with the goal ten moves from the start."""

from __future__ import annotations

from pydantic import Field

from agents.control.config import EpisodeCount, GridLabConfig, tuned_agents
from agents.control.lab import ControlLab
from envs.config import EmptyGridConfig
from sandbox.config.model import Choice, Chosen
from sandbox.lab import deferred, read_when_used
from sandbox.tables import read_presets

config_of = tuned_agents(__file__)
"""Finds the options of agents in this lab; see agents.toml."""


class EmptyGridLabConfig(GridLabConfig):
    """Settings: the agent, the environment and the number of episodes."""

    agent: Chosen = Choice(
        "agent", "sarsa", "agent that learns", find="plugins.empty_grid.lab:config_of"
    )
    episodes: EpisodeCount = 1500
    env: EmptyGridConfig = Field(default_factory=EmptyGridConfig, description="the grid")


class EmptyGridLab(ControlLab):
    """Go to the goal of an empty grid and stay there: +1 for every step spent on the goal, -1 for
    every bump into the border.
    """

    Config = EmptyGridLabConfig
    env = "empty-grid"
    presets = read_presets(__file__)

    claims = read_when_used("plugins.empty_grid.claims:CLAIMS")
    """The report's findings."""

    claim_pictures = deferred("plugins.empty_grid.figures:pictures")
    """The report's figures, redrawn."""
