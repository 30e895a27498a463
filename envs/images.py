"""Draws a grid as a small image: the observation for CNNs.

Every cell is a square of one colour, and the agent fills its cell except for a rim, so that the
cell's own colour stays visible.
"""

from __future__ import annotations

import numpy as np

from envs import layouts
from envs.layouts import Layout
from envs.render import palette

SMALLEST = 36
"""Smallest side, in pixels, that the usual CNN accepts (Mnih et al. 2015: 8 x 8, 4 x 4 and 3 x 3
filters)."""
COLOURS = {
    layouts.FLOOR: palette.FLOOR,
    layouts.WALL: palette.WALL,
    layouts.LOW_WALL: palette.BRICK,
    layouts.SAND: palette.SAND,
    layouts.HOLE: palette.HOLE,
}


def shape(layout: Layout) -> tuple[int, int, int]:
    """Height, width and channels of a layout's picture."""
    rows, columns = layout.cells.shape
    side = cell_side(layout)
    return rows * side, columns * side, 3


def cell_side(layout: Layout) -> int:
    """Pixels per cell side: at least 3, and enough to give both sides of the picture the minimum
    size."""
    return max(3, -(-SMALLEST // min(layout.cells.shape)))


class Images:
    """Pictures of one layout.

    Args:
        layout: the cells.
    """

    def __init__(self, layout: Layout) -> None:
        self._side, self._columns = cell_side(layout), layout.cells.shape[1]
        ground = np.zeros((*layout.cells.shape, 3), dtype=np.uint8)  # [rows, columns, 3]
        for code, colour in COLOURS.items():
            ground[layout.cells == code] = colour
        for goal in layout.goals:
            ground[goal] = palette.GOAL
        self._ground = ground.repeat(self._side, axis=0).repeat(
            self._side, axis=1
        )  # [height, width, 3]

    def draw(self, state: int) -> np.ndarray:
        """The picture with the agent in a state: uint8 [height, width, 3]."""
        picture = self._ground.copy()
        row, column = divmod(int(state), self._columns)
        top, left = row * self._side, column * self._side
        picture[top + 1 : top + self._side - 1, left + 1 : left + self._side - 1] = palette.AGENT
        return picture

    def draw_all(self, states: np.ndarray) -> np.ndarray:
        """A picture for each of some states, int64 [n]: uint8 [n, height, width, 3]."""
        pictures = np.empty((len(states), *self._ground.shape), dtype=np.uint8)
        for number, state in enumerate(states.tolist()):
            pictures[number] = self.draw(state)
        return pictures
