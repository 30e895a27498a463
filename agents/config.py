"""Options that all tabular agents share. Importing this loads neither NumPy nor numba: `--help` needs it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sandbox.config import LabConfig

ScheduleName = Literal["constant", "linear", "exponential"]


class TabularConfig(LabConfig):
    """Step size, discount, exploration and start of an agent with a table of action values."""

    alpha: float = Field(default=0.25, gt=0, le=1, description="step size of an update")
    alpha_final: float | None = Field(default=None, gt=0, le=1, description="step size at the end of a schedule that is not constant")
    alpha_schedule: ScheduleName = Field(default="constant", description="how alpha changes from episode to episode")
    discount: float = Field(default=0.9, gt=0, le=1, description="worth of a reward one step later (gamma)")
    policy: Literal["softmax", "epsilon-greedy"] = Field(default="softmax", description="how actions are picked while learning")
    epsilon: float = Field(default=0.8, ge=0, description="exploration in the first episode; for softmax it is the temperature")
    epsilon_final: float = Field(default=0.001, ge=0, description="exploration at the end of a schedule that is not constant")
    epsilon_schedule: ScheduleName = Field(default="exponential", description="how epsilon changes from episode to episode")
    decay_episodes: int | None = Field(default=None, ge=1, description="episodes until schedules reach their end; none: all of the run")
    initial_value: float | None = Field(default=None, description="all action values at the start; none: optimistic, 1 / (1 - discount)")
    ties: Literal["random", "first"] = Field(default="random", description="which of several best actions counts as the best")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.discount == 1 and self.initial_value is None:
            raise ValueError("discount 1 has no optimistic start 1 / (1 - discount); set initial_value, for instance to 0")
        if self.policy == "epsilon-greedy" and max(self.epsilon, self.epsilon_final) > 1:
            raise ValueError("epsilon-greedy explores with a probability: epsilon and epsilon_final are at most 1")
        if self.epsilon_schedule == "exponential" and min(self.epsilon, self.epsilon_final) == 0:
            raise ValueError(
                "an exponential schedule neither leaves nor reaches 0; use epsilon_schedule linear or constant, or more than 0"
            )
        if self.alpha_schedule != "constant" and self.alpha_final is None:
            raise ValueError(f"alpha_schedule {self.alpha_schedule} needs alpha_final")
        if self.alpha_schedule == "constant" and self.alpha_final is not None:
            raise ValueError("alpha_final has no effect while alpha_schedule is constant; set alpha_schedule to linear or exponential")
        return self

    @property
    def start_value(self) -> float:
        """What the table holds before the first episode: by default the most that rewards of at most 1 per step can add up to."""
        return 1 / (1 - self.discount) if self.initial_value is None else self.initial_value
