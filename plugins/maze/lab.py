"""Lab 06, second part: the way through a maze of 10 x 10 cells, 42 moves long, where the episode is cut after 168 steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from agents.control.config import GridLabConfig
from agents.control.lab import ControlLab
from envs.config import MazeConfig
from sandbox.config.model import Choice, Chosen
from sandbox.reproduction.claim import Claim, ClaimPicture


class MazeLabConfig(GridLabConfig):
    """Who learns, where, and for how long."""

    agent: Chosen = Choice("agent", "sarsa", "who learns", find="plugins.maze.baselines:config_of")
    env: MazeConfig = Field(default_factory=MazeConfig, description="the maze")


class MazeLab(ControlLab):
    """Find the way through a maze: +1 for every step spent on the goal, -1 for every bump into a wall."""

    Config = MazeLabConfig
    env = "maze"
    report_labs = ("empty-grid",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {"agent": {"name": "sarsa"}},
        "report": {
            "agent": {"name": ["sarsa", "q-learning"], "policy": "epsilon-greedy"},
            "episodes": 3000,
        },
        "quick": {"agent": {"name": "sarsa"}, "episodes": 1000},
        # long traces teach the whole way that it was not as good as hoped, and use the optimism up before the goal is found
        "sarsa-lambda": {"agent": {"name": "sarsa-lambda", "trace_decay": 0.3}},
        # the second table halves how often each is updated
        "double-q-learning": {"agent": {"name": "double-q-learning"}, "episodes": 10_000},
        # exploring starts (Sutton & Barto, section 5.3), without which no episode reaches the goal
        "monte-carlo": {
            "agent": {
                **{"name": "monte-carlo", "alpha_schedule": "constant", "alpha": 0.1},
                **{"initial_value": 0.0, "bootstrap": False},
            },
            "env": {"random_start": True},
            "episodes": 20_000,
        },
    }

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the report found; loaded when it is asked for, since `--help` is not."""
        from plugins.maze.claims import CLAIMS

        return CLAIMS

    def claim_pictures(self, claim: str, seeds: int) -> Iterator[ClaimPicture]:
        """The report's figures, redrawn."""
        from plugins.maze import figures

        return figures.pictures(claim, seeds)

    def claim_notes(self, claim: str, estimates: Mapping[str, float]) -> Sequence[str]:
        """What came out, in words."""
        from plugins.maze import answers

        return answers.notes(claim, estimates)
