"""Options that all tabular agents share. Importing this module loads neither NumPy nor numba,
because `--help` imports it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from agents.tabular.schedules import ScheduleName
from sandbox.config.model import LabConfig

PolicyName = Literal["softmax", "epsilon-greedy", "mellowmax", "ucb1", "count-bonus", "greedy"]


def no_step_size(why: str) -> dict[str, str]:
    """The entries of `without_effect` for an agent whose step size cannot be chosen; `why` is the
    reason."""
    return dict.fromkeys(("alpha", "alpha_final", "alpha_schedule", "alpha_power"), why)


class TabularConfig(LabConfig):
    """Step size, discount, exploration and start of an agent with a table of action values."""

    alpha: float = Field(0.25, gt=0, le=1, description="step size of an update")
    alpha_final: float | None = Field(
        None,
        gt=0,
        le=1,
        description="step size at the end of a schedule that is not constant",
    )
    alpha_schedule: ScheduleName | Literal["visits"] = Field(
        "constant",
        description="how alpha changes from episode to episode; visits: 1 / n ** alpha_power in a "
        "pair's n-th visit",
    )
    alpha_power: float = Field(
        1.0,
        gt=0,
        le=1,
        description="how fast alpha falls with visits; matters with alpha_schedule visits",
    )
    discount: float = Field(0.9, gt=0, le=1, description="worth of a reward one step later (gamma)")
    policy: PolicyName = Field("softmax", description="how actions are picked while learning")
    epsilon: float = Field(
        0.8,
        ge=0,
        description="exploration in the first episode: probability, temperature (softmax, "
        "mellowmax) or weight of the bonus",
    )
    epsilon_convention: Literal["others", "all"] = Field(
        "others",
        description="what epsilon-greedy spreads epsilon over: all other actions (the reports), or "
        "all (Sutton & Barto)",
    )
    epsilon_final: float = Field(
        0.001, ge=0, description="exploration at the end of a schedule that is not constant"
    )
    epsilon_schedule: ScheduleName = Field(
        "exponential", description="how epsilon changes from episode to episode"
    )
    decay_episodes: int | None = Field(
        None,
        ge=1,
        description="episodes until schedules reach their end; none: all of the run",
    )
    initial_value: float | None = Field(
        None,
        description="all action values at the start; none: optimistic, 1 / (1 - discount)",
    )
    ties: Literal["random", "first"] = Field(
        "random", description="which of several best actions counts as the best"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (
            self.discount == 1
            and self.initial_value is None
            and "initial_value" not in self.without_effect
        ):
            raise ValueError(
                "discount 1 has no optimistic start 1 / (1 - discount); set initial_value, for "
                "instance to 0"
            )
        if self.policy == "epsilon-greedy" and max(self.epsilon, self.epsilon_final) > 1:
            raise ValueError(
                "epsilon-greedy explores with a probability: epsilon and epsilon_final are at most "
                "1"
            )
        if (
            self.epsilon_schedule in ("exponential", "harmonic")
            and min(self.epsilon, self.epsilon_final) == 0
        ):
            raise ValueError(
                f"a schedule that is {self.epsilon_schedule} neither leaves nor reaches 0; use "
                f"epsilon_schedule linear or constant, or more than 0"
            )
        if self.alpha_schedule not in ("constant", "visits") and self.alpha_final is None:
            raise ValueError(f"alpha_schedule {self.alpha_schedule} needs alpha_final")
        if self.alpha_schedule in ("constant", "visits"):
            self._leave_idle("alpha_final", "linear or exponential")
        if self.alpha_schedule == "visits":
            self._leave_idle("alpha", "constant")
        else:
            self._leave_idle("alpha_power", "visits")
        return self

    def _leave_idle(self, name: str, remedy: str) -> None:
        """Set an option that has no effect with this step size to the agent's own default, in every
        lab.

        Raises:
            ValueError: when it was set to a value that is not a default.
        """
        original = self.original or type(self)
        own, usual = self.__dict__[name], original.model_fields[name].default
        if own not in (usual, type(self).model_fields[name].default):
            why = f"{name} has no effect while alpha_schedule is {self.alpha_schedule}"
            raise ValueError(f"{why}; set alpha_schedule to {remedy}")
        self.__dict__[name] = usual  # the model is frozen from here on

    @property
    def policy_name(self) -> str:
        """A key of `agents.tabular.policies.POLICIES`."""
        return (
            "epsilon-greedy over all"
            if self.policy == "epsilon-greedy" and self.epsilon_convention == "all"
            else self.policy
        )

    @property
    def alpha_division(self) -> float:
        """The exponent p with which the step size is divided by visits ** p of the pair; 0 if
        visits do not matter."""
        return self.alpha_power if self.alpha_schedule == "visits" else 0.0

    @property
    def start_value(self) -> float:
        """The initial action values: by default 1 / (1 - discount), the largest possible discounted
        return when rewards are at most 1 per step."""
        if self.initial_value is None:
            return (
                1 / (1 - self.discount) if self.discount < 1 else 0.0
            )  # discount 1: only for agents that replace the table before use
        return self.initial_value
