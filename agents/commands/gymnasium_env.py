"""An environment of Gymnasium as the commands see one: configured, with its exact model, and a map where its states lie on a grid."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from agents.control.views import GridView, grid_view
from envs import ids, tables
from envs.mdp import TabularMDP
from sandbox.errors import UsageError


class GymnasiumEnv:
    """An environment by its id; `of` makes the class that belongs to one.

    Args:
        config: its options.
    """

    Config: type[ids.GymnasiumConfig]

    def __init__(self, config: ids.GymnasiumConfig) -> None:
        self.config = config
        self.env = ids.make(config)

    @classmethod
    def of(cls, name: str) -> type[GymnasiumEnv]:
        """The class of an id.

        Raises:
            UnknownNameError: naming the nearest id.
        """
        return type("GymnasiumEnv", (cls,), {"Config": ids.config_of("env", name)})

    @cached_property
    def model(self) -> TabularMDP:
        """The exact model.

        Raises:
            UsageError: when none is known.
        """
        name, found = self.config.id, tables.read(self.env, self.config.max_episode_steps)
        if found.model is None:
            why = found.why_not or "it brings no table of transitions (P)"
            raise UsageError(
                f"No exact model of {name} is known: {why}. `python -m sandbox run gym --env {name}` learns it."
            )
        return found.model

    @property
    def view(self) -> GridView | None:
        """The grid that the states lie on, if they do."""
        return grid_view(self.env, self.model)


def arrow_map(view: GridView, policy: Any) -> str:
    """A grid as text: an arrow for the action of each cell, or what stands there.

    Args:
        view: the grid.
        policy: int [states].
    """
    signs = {(0, 0): "·", (1, 0): "→", (-1, 0): "←", (0, 1): "↓", (0, -1): "↑"}
    of_action = [signs.get((int(x), int(y)), "?") for x, y in view.arrows]
    cells = [
        [
            {"H": "O", "G": "G"}.get(
                str(view.letters[row, column]), of_action[policy[row * view.shape[1] + column]]
            )
            for column in range(view.shape[1])
        ]
        for row in range(view.shape[0])
    ]
    return "\n".join("  " + " ".join(row) for row in cells)
