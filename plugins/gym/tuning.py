"""Defaults of agents in untuned environments: see agents.toml."""

from __future__ import annotations

from functools import cache

from agents.tabular.config import TabularConfig
from sandbox.config.model import LabConfig, with_defaults
from sandbox.config.resolve import registered_config
from sandbox.tables import read_table

DEFAULTS = read_table(__file__, "agents.toml")
DEFAULTS["r-max"]["initial_value"] = None  # TOML has no null


@cache
def config_of(kind: str, name: str) -> type[LabConfig]:
    """The options of an agent with this lab's defaults, for `sandbox.config.model.Choice`.

    Args:
        kind: "agent".
        name: of the agent.
    """
    own = registered_config(kind, name)
    if not issubclass(own, TabularConfig):
        return own
    tuned = {option: value for option, value in DEFAULTS["all"].items() if _inherits(own, option)}
    return with_defaults(own, tuned | DEFAULTS.get(name, {}))


def _inherits(own: type[TabularConfig], option: str) -> bool:
    """Whether an option has an effect on an agent, and the same default as in `TabularConfig`."""
    usual = TabularConfig.model_fields[option].default
    return option not in own.without_effect and own.model_fields[option].default == usual
