"""Defaults with which agents learn environments that nobody tuned; docs/gym.md has what they reach.

An agent keeps the defaults that it has for itself: R-max its greedy policy and its optimism, Monte
Carlo its averages, planners and UCB-VI what they need.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from agents.tabular.config import TabularConfig
from sandbox.config.model import LabConfig, with_defaults
from sandbox.config.resolve import registered_config

ONE_STEP: dict[str, Any] = {
    "policy": "epsilon-greedy",
    "epsilon_convention": "all",
    "discount": 0.99,
    "alpha": 0.5,
    "alpha_schedule": "exponential",
    "alpha_final": 0.01,
    "epsilon": 0.5,
    "epsilon_schedule": "linear",
    "epsilon_final": 0.05,
    "initial_value": 1.0,
}
"""ε-greedy as in the book. A little optimism finds rare rewards; a step size that falls averages
chance away."""
STEP_SIZE = {option: ONE_STEP[option] for option in ("alpha", "alpha_schedule", "alpha_final")}
OWN: dict[str, dict[str, Any]] = {
    # its optimism is the bound R_max / (1 - discount); 20 visits tell too little of a slippery lake
    "r-max": {"initial_value": None, "known": 100},
    # averages that forget what a poor policy earned: with a power of 1 it ends at -64 in Taxi
    "monte-carlo": {"alpha_power": 0.6},
    # with the paper's step size, meant for updates of all pairs at once, it learns no slippery lake
    "speedy-q-learning": STEP_SIZE,
}
"""What single agents have instead, or besides."""


@cache
def config_of(kind: str, name: str) -> type[LabConfig]:
    """The options of an agent with this lab's defaults, as `sandbox.config.model.Choice` looks it up."""
    own = registered_config(kind, name)
    if not issubclass(own, TabularConfig):
        return own
    tuned = {option: value for option, value in ONE_STEP.items() if _inherits(own, option)}
    return with_defaults(own, tuned | OWN.get(name, {}))


def _inherits(own: type[TabularConfig], option: str) -> bool:
    """Whether an option matters to an agent, and has the default that it has for all."""
    usual = TabularConfig.model_fields[option].default
    return option not in own.without_effect and own.model_fields[option].default == usual
