"""Environments as `solve` sees them: configured, with an exact model, and a map if it is a grid."""

from __future__ import annotations

import numpy as np

from agents.control.views import grid_view
from envs import ids, tables
from envs.grid import STEPS, GridEnv
from envs.mdp import TabularMDP
from sandbox.errors import UsageError

WIDEST = 60
"""Largest number of rows or columns of a grid that is drawn as text."""
SIGNS = "·→←↓↑"
"""The signs of our actions."""
LEGEND = {"G": "G goal", "#": "# wall", "O": "O hole"}


class SolvableEnv:
    """An environment with an exact model.

    Attributes:
        model: the exact model.
        lab: the arguments that select lab and environment in `run`.
        episodic: whether episodes are judged by their return rather than by reward per step.
        cells: content of each cell of a grid, str [rows, columns], "" where an arrow is drawn;
            None where states are not the cells of a grid.
        signs: the sign of each action on the map.
        legend: what the signs mean; "" when they are obvious.
    """

    model: TabularMDP
    lab: list[str]
    episodic = True
    cells: np.ndarray | None = None
    signs = ""
    legend = ""

    def map(self, policy: np.ndarray) -> str:
        """The grid as text with an arrow for the action of each state, int [states]; "" if states
        are not cells of a grid.

        A grid that is too large to read also gives "".
        """
        if self.cells is None or max(self.cells.shape) > WIDEST:
            return ""
        actions = policy.reshape(self.cells.shape)  # [rows, columns]
        rows = (
            " ".join(cell or self.signs[action] for cell, action in zip(*row, strict=True))
            for row in zip(self.cells.tolist(), actions.tolist(), strict=True)
        )
        return "\n".join(f"  {row}" for row in rows)


class OwnEnv(SolvableEnv):
    """One of our grids.

    Args:
        name: in the registry.
        env: the environment.
    """

    episodic = False
    signs = SIGNS

    def __init__(self, name: str, env: GridEnv) -> None:
        self.lab, self.model = [name], env.model
        text = env.layout.to_text()
        cells = np.array([list(row) for row in text.splitlines()])  # [rows, columns]
        self.cells = np.where(env.layout.walkable & (cells != "G"), "", cells)
        known = ", ".join(meaning for cell, meaning in LEGEND.items() if cell in text)
        self.legend = f"({self.signs[0]} stay, {self.signs[1:]} move; {known})"


class GymnasiumEnv(SolvableEnv):
    """An environment of Gymnasium; `of` makes the class for an id.

    Args:
        config: its options.

    Raises:
        UsageError: when no exact model is known.
    """

    Config: type[ids.GymnasiumConfig]

    def __init__(self, config: ids.GymnasiumConfig) -> None:
        self.lab = ["gym", "--env", config.id]
        env = ids.make(config)
        table = tables.read(env, config.max_episode_steps)
        if table.model is None:
            why = table.why_not or "it brings no table of transitions (P)"
            raise UsageError(
                f"No exact model of {config.id} is known: {why}. "
                f"`python -m sandbox run gym --env {config.id}` learns it."
            )
        self.model = table.model
        view = grid_view(env, self.model)
        if view is not None:
            arrows = {(x, y): sign for (y, x), sign in zip(STEPS, SIGNS, strict=True)}
            self.signs = "".join(arrows.get((int(x), int(y)), "?") for x, y in view.arrows)
            shown = {"H": "O", "G": "G"}
            self.cells = np.vectorize(lambda letter: shown.get(letter, ""))(view.letters)

    @classmethod
    def of(cls, name: str) -> type[GymnasiumEnv]:
        """The class for an id.

        Raises:
            UnknownNameError: with the most similar id.
        """
        return type("GymnasiumEnv", (cls,), {"Config": ids.config_of("env", name)})
