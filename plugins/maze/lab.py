"""Lab 06, second part: the way through a maze of 10 x 10 cells, 42 moves long, where the episode is cut after 168 steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from agents.control_config import ControlConfig
from agents.lab import ControlLab
from envs.config import MazeConfig


class MazeLabConfig(ControlConfig):
    """Who learns, where, and for how long."""

    env: MazeConfig = Field(default_factory=MazeConfig, description="the maze")


class MazeLab(ControlLab):
    """Find the way through a maze: +1 for every step spent on the goal, -1 for every bump into a wall."""

    Config = MazeLabConfig
    env = "maze"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {"agent": {"name": "sarsa", "policy": "softmax"}},
        "report": {"agent": {"name": "sarsa", "policy": "epsilon-greedy"}, "episodes": 3000},
        "quick": {"agent": {"name": "sarsa", "policy": "softmax"}, "episodes": 1000},
    }
