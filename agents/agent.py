"""The base class of agents: class attributes that the labs read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.errors import PluginError
from sandbox.registry.registry import registry

if TYPE_CHECKING:
    from envs.aliases import Space
    from sandbox.config.model import LabConfig


class Agent:
    """Base of all agents: tabular ones and those of Stable-Baselines3."""

    name: ClassVar[str] = ""
    """The agent's name in the registry."""
    Config: ClassVar[type[LabConfig]]
    """Its options."""
    experiments: ClassVar[Mapping[str, str]] = {}
    """What makes its experiment, by kind of lab, as "module:function"; else the lab's own is used.

    "grid": a function of the environment's name, the configuration and the context, for labs of
    grids. "gym": a function of the configuration and the context, for any Gymnasium environment.
    """
    needs_model: ClassVar[bool] = False
    """Whether it plans on an exact model, and so needs an environment with a known one."""

    @classmethod
    def misfit(cls, options: Any, observations: Space, actions: Space) -> str:
        """Why it cannot learn in an environment with these spaces; "" when it can.

        Args:
            options: an instance of `Config`.
            observations: the environment's observation space.
            actions: the environment's action space.
        """
        return ""


def agent_class(name: str) -> type[Agent]:
    """The class of the agent registered under a name.

    Raises:
        PluginError: when it is not derived from Agent.
    """
    kind = registry().load("agent", name)
    if not (isinstance(kind, type) and issubclass(kind, Agent)):
        owner = registry().find("agent", name).plugin
        raise PluginError(
            f"Agent '{name}' of plugin '{owner}' is not an agent. Derive its class from "
            "agents.tabular.base.TabularAgent."
        )
    return kind
