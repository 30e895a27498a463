"""Lab 06, second part: a maze of 10 x 10 cells with a path of 42 moves; episodes are truncated
after 168 steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from agents.control.config import GridLabConfig, tuned_agents
from agents.control.lab import ControlLab
from envs.config import MazeConfig
from sandbox.config.model import Choice, Chosen
from sandbox.reproduction.claim import Claim, ClaimPicture
from sandbox.tables import read_table

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
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = read_table(__file__, "presets.toml")

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The report's findings; imported on access, which keeps `--help` fast."""
        from plugins.maze.claims import CLAIMS

        return CLAIMS

    def claim_pictures(
        self, claim: str, seeds: int, data: Path | None = None
    ) -> Iterator[ClaimPicture]:
        """The report's figures, redrawn."""
        from plugins.maze import figures

        return figures.pictures(claim, seeds)

    def claim_notes(self, claim: str, estimates: Mapping[str, float]) -> Sequence[str]:
        """Paragraphs that explain the results."""
        from plugins.maze import answers

        return answers.notes(claim, estimates)
