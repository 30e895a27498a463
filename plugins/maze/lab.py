"""Lab 06, second part: a maze of 10 x 10 cells with a path of 42 moves; episodes are truncated
after 168 steps.
"""

from __future__ import annotations

from pydantic import Field

from agents.control.config import GridLabConfig, tuned_agents
from agents.control.lab import ControlLab
from envs.config import MazeConfig
from sandbox.config.model import Choice, Chosen
from sandbox.lab import deferred, read_when_used
from sandbox.tables import read_presets

config_of = tuned_agents(__file__)
"""Finds the options of agents in this lab; see agents.toml."""


class MazeLabConfig(GridLabConfig):
    """Settings: the agent, the environment and the number of episodes."""

    agent: Chosen = Choice("agent", "sarsa", "agent that learns", find="plugins.maze.lab:config_of")
    env: MazeConfig = Field(default_factory=MazeConfig, description="the maze")


class MazeLab(ControlLab):
    """Find the way through a maze: +1 for every step spent on the goal, -1 for every bump into a
    wall.
    """

    Config = MazeLabConfig
    env = "maze"
    report_labs = ("empty-grid",)
    presets = read_presets(__file__)

    claims = read_when_used("plugins.maze.claims:CLAIMS")
    """The report's findings."""

    claim_pictures = deferred("plugins.maze.figures:pictures")
    """The report's figures, redrawn."""

    claim_notes = deferred("plugins.maze.answers:notes")
    """Paragraphs that explain the results."""
