"""Derives how to draw an environment as a map: whether its states are cells of a grid, the content
of the cells, and the direction of each action.

Everything comes from the environment's attributes and its model; an environment without such
attributes has no view.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from envs.aliases import Env
from envs.mdp import TabularMDP

STILL = 0.05
"""An action that moves less than this on average, in cells, has no direction."""


class GridView(NamedTuple):
    """States that are the cells of a grid, state row * columns + column.

    Attributes:
        shape: rows, columns.
        letters: content of each cell, str [rows, columns]; " " for an ordinary cell.
        arrows: where each action points, (x, y) with y downwards, float [actions, 2].
        open: where an episode can continue: its starts, and the states that are entered from others
            without the episode's end, bool [states].
    """

    shape: tuple[int, int]
    letters: np.ndarray
    arrows: np.ndarray
    open: np.ndarray


def grid_view(env: Env, model: TabularMDP) -> GridView | None:
    """The grid formed by an environment's states, for environments with `desc`, `shape`, or `nrow`
    and `ncol`; None for others.

    Args:
        env: the environment.
        model: its model.
    """
    base = env.unwrapped
    desc = getattr(base, "desc", None)
    shape = getattr(base, "shape", None) or (getattr(base, "nrow", 0), getattr(base, "ncol", 0))
    if len(shape) != 2 or math.prod(shape) != model.states or min(shape) < 1:
        return None
    rows, columns = int(shape[0]), int(shape[1])
    if isinstance(desc, np.ndarray) and desc.shape == (rows, columns):
        letters = np.char.replace(desc.astype("U1"), "F", " ")
    else:
        letters = np.full((rows, columns), " ")
        letters.flat[model.start_states] = "S"
        letters.flat[np.unique(model.next_state[model.terminated & (model.probability > 0)])] = "G"
    states = np.arange(model.states)
    moved = model.next_state != states[:, None, None]  # [states, actions, outcomes]
    entered = model.next_state[moved & ~model.terminated & (model.probability > 0)]
    open_states = np.isin(states, np.concatenate([model.start_states, entered]))
    return GridView((rows, columns), letters, arrows(model, columns), open_states)


def arrows(model: TabularMDP, columns: int) -> np.ndarray:
    """The mean direction of each action over its moves to neighbouring cells: unit vectors (x, y),
    or 0; float [actions, 2].

    Args:
        model: the model.
        columns: the number of columns of the grid.
    """
    here = np.arange(model.states)[:, None, None]
    x = model.next_state % columns - here % columns  # [states, actions, outcomes]
    y = model.next_state // columns - here // columns
    weight = model.probability * (np.abs(x) + np.abs(y) <= 1)
    mean = (
        np.stack([(weight * x).sum(axis=(0, 2)), (weight * y).sum(axis=(0, 2))], axis=1)
        / model.states
    )  # [actions, 2]
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    return np.round(np.where(length > STILL, mean / np.maximum(length, STILL), 0.0))
