"""What all control labs can be told. Cheap to import: the command line's help needs no more."""

from __future__ import annotations

from pydantic import Field

from sandbox.config import Choice, Chosen, LabConfig


class ControlConfig(LabConfig):
    """Who learns and for how long; each lab adds its environment as `env`."""

    agent: Chosen = Choice("agent", "sarsa", "who learns")
    episodes: int = Field(3000, ge=1, le=10**9, description="episodes of learning")
