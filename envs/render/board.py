"""The board of a picture: cells, values, arrows, trail and signs, for grids of any size from 1 to
over 1000 cells per side.

Whatever does not change from one frame to the next is drawn once and cached.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from envs import layouts
from envs.layouts import Layout, Position
from envs.render import palette, tiles
from sandbox.visual.screen import load_pygame

if TYPE_CHECKING:
    import pygame

LARGEST_BOARD = 800
"""Largest side of the board, pixels; cells shrink to fit it, down to one pixel per cell …"""
MOST_CELLS = 1024
"""Cells per side with one pixel each, at most; with more cells a pixel shows several."""
COMFORTABLE, LARGEST_CELL, TYPICAL_BOARD = 44, 72, 440
"""Usual and largest side of a cell, and the side of the board of a small grid, pixels."""
SMALLEST_INDEXED = 9
"""Smallest side of a cell, in pixels, for which rows and columns are numbered."""
SMALLEST_SIGN = 20
"""Smallest size of signs, in pixels, also on smaller cells, so that they stay visible."""


@dataclass(frozen=True)
class BoardPlan:
    """Positions and sizes on the board of a layout.

    Attributes:
        layout: the cells.
        cell: side of a cell, pixels; 1 where `merged` is above 1.
        merged: how many cells in a row share one pixel.
    """

    layout: Layout
    cell: int
    merged: int

    @property
    def extent(self) -> tuple[int, int]:
        """Width and height of the board, pixels."""
        return -(-self.layout.columns * self.cell // self.merged), -(
            -self.layout.rows * self.cell // self.merged
        )  # rounded up

    @property
    def indexed(self) -> bool:
        """Whether rows and columns are numbered."""
        return self.cell >= SMALLEST_INDEXED

    def middle(self, cell: Position) -> tuple[int, int]:
        """The middle of a cell (row, column), pixels (x, y) from the board's corner."""
        row, column = cell
        return int((column + 0.5) * self.cell / self.merged), int(
            (row + 0.5) * self.cell / self.merged
        )


def plan_of(layout: Layout) -> BoardPlan:
    """The plan for a layout."""
    side = max(layout.cells.shape)
    cell = max(
        1, min(LARGEST_CELL, max(TYPICAL_BOARD // side, min(COMFORTABLE, LARGEST_BOARD // side)))
    )
    return BoardPlan(layout, cell, max(1, math.ceil(side / MOST_CELLS)))


def scene(
    plan: BoardPlan,
    values: np.ndarray | None,
    greedy: np.ndarray | None,
    scale: palette.Scale,
) -> pygame.Surface:
    """The board without trail and agent, as a shared pygame.Surface; do not draw on it.

    Args:
        plan: the plan of the board.
        values: float64 [states], or None.
        greedy: greedy actions as bits, [states], or None; see `envs.render.greedy_bits`.
        scale: ends of the colour scale.
    """
    # The values stay the same while an agent moves; with bytes as the key, the cache finds equal
    # values again.
    return _scene(
        plan,
        None if values is None else values.tobytes(),
        None if greedy is None else greedy.astype(np.uint8).tobytes(),
        (float(scale[0]), float(scale[1])),
    )


@lru_cache(maxsize=4)
def _scene(
    plan: BoardPlan, values: bytes | None, greedy: bytes | None, scale: palette.Scale
) -> pygame.Surface:
    pygame = load_pygame()
    surface = pygame.Surface(plan.extent, 0, 32)
    surface.fill(palette.FLOOR)
    if values is not None:
        _draw_heat(surface, plan, np.frombuffer(values), scale)
    surface.blit(_ground(plan), (0, 0))
    if greedy is not None and plan.cell >= tiles.SMALLEST_WITH_ARROWS:
        layout = plan.layout
        bits = np.where(layout.walkable.ravel(), np.frombuffer(greedy, dtype=np.uint8), 0)
        states = np.flatnonzero(bits).tolist()
        signs = (tiles.sprite(tiles.arrow_sign, plan.cell, int(bits[state])) for state in states)
        places = (
            (column * plan.cell, row * plan.cell) for row, column in map(layout.position, states)
        )
        surface.fblits(list(zip(signs, places, strict=True)))
    return surface


def _draw_heat(
    surface: pygame.Surface, plan: BoardPlan, values: np.ndarray, scale: palette.Scale
) -> None:
    """Fill each cell with its value's colour; unknown values have the floor's colour."""
    pygame, layout = load_pygame(), plan.layout
    shown = np.isfinite(values) & layout.walkable.ravel()
    index = palette.scale_index(np.where(shown, values, scale[0]), *scale)
    colours = np.where(
        shown[:, None], palette.scale_table()[index], np.array(palette.FLOOR, dtype=np.uint8)
    ).reshape(*layout.cells.shape, 3)  # [rows, columns, rgb]
    if plan.cell >= tiles.SMALLEST_WITH_LINES:
        colours = _spread(colours, layout.walkable)
    small = tiles.above_band(colours)  # a pixel for each cell
    (pygame.transform.scale if plan.merged == 1 else pygame.transform.smoothscale)(
        small, plan.extent, surface
    )


def _spread(colours: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Give cells without a value the mean colour of their neighbours, uint8 [rows, columns, 3],
    because it shows through their rounded corners.
    """
    known = np.dstack([colours, np.ones(shown.shape)]) * shown[..., None]
    framed = np.pad(known, ((1, 1), (1, 1), (0, 0)))  # [rows + 2, columns + 2, (r, g, b, 1)]
    windows = np.lib.stride_tricks.sliding_window_view(framed, (3, 3), axis=(0, 1))
    total = windows.sum(axis=(-2, -1))  # [rows, columns, 4]
    weight = total[..., 3:]
    around = np.rint(total[..., :3] / np.maximum(weight, 1.0)).astype(np.uint8)
    return np.where(shown[..., None] | (weight == 0), colours, around)


@lru_cache(maxsize=8)
def _ground(plan: BoardPlan) -> pygame.Surface:
    """The constant layer drawn over the values: walls, bricks, sand, holes, start and goals."""
    layout = plan.layout
    bank, codes = _tile_bank(plan.cell), layout.cells
    kinds = np.zeros(codes.shape, dtype=np.int64)  # [rows, columns], indices into the bank
    for place, code in enumerate((layouts.LOW_WALL, layouts.SAND, layouts.HOLE), start=1):
        kinds[codes == code] = place
    walls = codes == layouts.WALL
    kinds[walls] = 4 + _joined(walls)[walls]
    picture = (
        bank[kinds]
        .transpose(0, 2, 1, 3, 4)
        .reshape(layout.rows * plan.cell, layout.columns * plan.cell, 4)
    )
    surface = tiles.to_surface(tiles.shrink(picture, plan.merged) if plan.merged > 1 else picture)
    draw_sign(surface, plan, (0, 0), layout.start, tiles.ring_sign)
    for goal in layout.goals:
        draw_sign(surface, plan, (0, 0), goal, tiles.star_sign)
    return surface


@lru_cache(maxsize=8)
def _tile_bank(size: int) -> np.ndarray:
    """All tiles of one size, uint8 [20, size, size, 4]: floor, low wall, sand, hole, then the
    sixteen walls.
    """
    others = [
        tiles.floor_tile(size),
        tiles.brick_tile(size),
        tiles.sand_tile(size),
        tiles.hole_tile(size),
    ]
    return np.stack(others + [tiles.wall_tile(size, joined) for joined in range(16)])


def _joined(walls: np.ndarray) -> np.ndarray:
    """The wall neighbours of each cell as bits, int64 [rows, columns]: 1 above, 2 right, 4 below, 8
    left, added up; the border counts as a wall.
    """
    framed = np.pad(walls, 1, constant_values=True)
    above, below = framed[:-2, 1:-1], framed[2:, 1:-1]
    left, right = framed[1:-1, :-2], framed[1:-1, 2:]
    return np.asarray(above * 1 + right * 2 + below * 4 + left * 8)


def draw_sign(
    surface: pygame.Surface,
    plan: BoardPlan,
    corner: tuple[int, int],
    cell: Position,
    sign: Callable[[int], np.ndarray],
) -> None:
    """Draw a sign on a cell (row, column) of the board whose corner is given in pixels; on small
    cells the sign is larger than the cell.

    Args:
        surface: to draw on.
        plan: where things lie.
        corner: the corner of the board, pixels (x, y).
        cell: row and column.
        sign: function that draws the sign at a size in pixels; see `envs.render.tiles`
    """
    size = max(plan.cell, SMALLEST_SIGN)
    x, y = plan.middle(cell)
    surface.blit(tiles.sprite(sign, size), (corner[0] + x - size // 2, corner[1] + y - size // 2))


def draw_trail(
    surface: pygame.Surface,
    plan: BoardPlan,
    corner: tuple[int, int],
    path: Sequence[Position],
) -> None:
    """Draw a path through cells (row, column), fading towards its beginning, with a gap where it
    jumps.

    Args:
        surface: to draw on.
        plan: where things lie.
        corner: the corner of the board, pixels (x, y).
        path: cells (row, column), oldest first.
    """
    pygame = load_pygame()
    width = max(round(plan.cell * 0.14), 2)
    dots = [pygame.Rect(plan.middle(cell), (0, 0)) for cell in path]
    box = dots[0].unionall(dots).inflate(2 * width, 2 * width)
    layer = pygame.Surface(box.size, pygame.SRCALPHA, 32)
    for number, (before, after) in enumerate(pairwise(path), start=1):
        if abs(before[0] - after[0]) + abs(before[1] - after[1]) != 1:
            continue
        bar = dots[number - 1].union(dots[number]).inflate(width, width).move(-box.x, -box.y)
        # Drawn, not blitted: later bars replace earlier ones, so that crossings and corners do not
        # add up to dark spots.
        pygame.draw.rect(
            layer, (*palette.AGENT, 30 + 150 * number // len(path)), bar, border_radius=width // 2
        )
    surface.blit(layer, box.move(corner))
