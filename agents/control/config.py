"""What all control labs can be told. Cheap to import: the command line's help needs no more."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from sandbox.config.model import Choice, Chosen, LabConfig


class ControlConfig(LabConfig):
    """Who learns and for how long; each lab adds its environment as `env`."""

    agent: Chosen = Choice("agent", "sarsa", "who learns")
    episodes: int = Field(3000, ge=1, le=10**9, description="episodes of learning")

    @model_validator(mode="after")
    def _takes_what_is_observed(self) -> Self:
        """Refuse an agent that cannot learn from what a grid shows it."""
        env: Any = getattr(self, "env", None)
        shown = getattr(env, "observation", None)
        if shown is None or not isinstance(self.agent, Chosen):
            return self
        misfit = getattr(self.agent.options, "misfit", None)
        if misfit is None and shown != "state":
            raise ValueError(
                f"env.observation {shown} is for agents with a network: sb3-dqn, sb3-ppo, sb3-a2c. "
                f"{self.agent.name} has a table of states: env.observation state"
            )
        if misfit is not None and (why := misfit(*env.spaces())):
            raise ValueError(why)
        return self
