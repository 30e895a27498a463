"""The drawn parts of a grid: one picture per kind of cell, and the signs that lie on cells.

Every part is drawn once per size by pygame at several times its size, shrunk for smooth edges, and
cached; a grid is assembled from copies. All parts are uint8 [size, size, 4] (red, green, blue,
alpha), not premultiplied by alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from envs.render import palette
from envs.render.palette import Colour
from sandbox.visual.screen import load_pygame

if TYPE_CHECKING:
    import pygame

STAY, RIGHT, LEFT, DOWN, UP = range(5)
DIRECTIONS = {RIGHT: (1, 0), LEFT: (-1, 0), DOWN: (0, 1), UP: (0, -1)}
"""Unit steps (x to the right, y down) of the four moves."""

SMALLEST_WITH_LINES = 7
"""Below this cell size, in pixels, lines would hide the cells."""
SMALLEST_WITH_ARROWS = 16
"""Below this cell size, in pixels, arrows cannot be distinguished."""

Point = tuple[float, float]


class Pen:
    """Draws on a square of `size` pixels in coordinates from 0 to 1, x to the right and y down,
    at `FACTOR` times the final size.

    Args:
        size: width and height of the finished picture, pixels.
        ground: background colour, visible where nothing is drawn if `alpha` is above 0.
        alpha: opacity of the ground, 0 to 255.
    """

    FACTOR = 4

    def __init__(self, size: int, ground: Colour, alpha: int = 0) -> None:
        self._pygame = load_pygame()
        self._side = size * self.FACTOR
        self._surface = self._pygame.Surface((self._side, self._side), self._pygame.SRCALPHA, 32)
        self._surface.fill((*ground, alpha))

    def disc(
        self, centre: Point, radius: float, colour: Colour, alpha: int = 255, width: float = 0.0
    ) -> None:
        """A filled circle, or with `width` its outline.

        Args:
            centre: (x, y), 0 to 1.
            radius: share of the square.
            colour: the colour of the disc.
            alpha: opacity, 0 to 255.
            width: of the outline, inside of the radius, share of the square; 0 fills the circle.
        """
        x, y = (coordinate * self._side for coordinate in centre)
        line = max(round(width * self._side), self.FACTOR) if width else 0
        radius = max(radius * self._side, self.FACTOR * 0.5)
        self._pygame.draw.circle(self._surface, (*colour, alpha), (x, y), radius, line)

    def shape(self, points: Sequence[Point], colour: Colour, alpha: int = 255) -> None:
        """A filled polygon.

        Args:
            points: corners (x, y), 0 to 1.
            colour: the colour of the polygon.
            alpha: opacity, 0 to 255.
        """
        self._pygame.draw.polygon(
            self._surface, (*colour, alpha), [(x * self._side, y * self._side) for x, y in points]
        )

    def box(
        self, corner: Point, extent: Point, colour: Colour, alpha: int = 255, **radii: int
    ) -> None:
        """A filled rectangle; `radii` are pygame's corner radii, in oversized pixels.

        Args:
            corner: upper left (x, y), 0 to 1.
            extent: width and height, 0 to 1.
            colour: the colour of the rectangle.
            alpha: opacity, 0 to 255.
            radii: pygame's corner radii, in oversized pixels.
        """
        ends = (*corner, corner[0] + extent[0], corner[1] + extent[1])
        left, top, right, bottom = (round(end * self._side) for end in ends)
        self._pygame.draw.rect(
            self._surface, (*colour, alpha), (left, top, right - left, bottom - top), **radii
        )

    def radius(self, share: float) -> int:
        """A corner radius in the units that `box` takes, from a share of the square."""
        return round(share * self._side)

    def picture(self) -> np.ndarray:
        """The drawing at its final size, uint8 [size, size, 4]."""
        pixels = self._pygame.image.tobytes(self._surface, "RGBA")
        large = np.frombuffer(pixels, dtype=np.uint8).reshape(self._side, self._side, 4)
        return shrink(large, self.FACTOR)


def shrink(picture: np.ndarray, factor: int) -> np.ndarray:
    """The mean of each `factor` x `factor` block, uint8 [h, w, 4] -> [h / factor, w / factor, 4],
    rounded up.

    Colours are weighted by their opacity: unweighted means would mix the colour of invisible pixels
    into the edges.

    Args:
        picture: uint8 [h, w, 4].
        factor: number of pixels per output pixel, in each direction.
    """
    missing = [-side % factor for side in picture.shape[:2]]
    if any(missing):
        picture = np.pad(picture, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    parts = np.array(
        [picture[row::factor, column::factor] for row in range(factor) for column in range(factor)],
        dtype=np.float64,
    )  # [factor², h / factor, w / factor, 4]
    colour, opacity = parts[..., :3], parts[..., 3:]
    weight = opacity.sum(axis=0)
    weighted = (colour * opacity).sum(axis=0) / np.maximum(weight, 1.0)
    shown = np.where(weight > 0, weighted, colour.mean(axis=0))
    return np.rint(np.concatenate([shown, weight / len(parts)], axis=2)).astype(np.uint8)


def floor_tile(size: int) -> np.ndarray:
    """Floor: transparent, so that the value is visible, with a fine line at the left and upper
    edge."""
    tile = np.zeros((size, size, 4), dtype=np.uint8)
    tile[..., :3] = palette.LINE
    if size >= SMALLEST_WITH_LINES:
        tile[0] = tile[:, 0] = (*palette.MUTED, 46)
    return tile


def wall_tile(size: int, joined: int) -> np.ndarray:
    """A solid wall, slate-coloured. Adjacent walls are joined; free corners are rounded.

    Args:
        size: pixels.
        joined: which neighbours are walls too: 1 above, 2 right, 4 below, 8 left, added up.
    """
    if size < SMALLEST_WITH_LINES:
        return _plain(size, palette.WALL, 255)
    pen = Pen(size, palette.WALL)
    above, right, below, left = (bool(joined & bit) for bit in (1, 2, 4, 8))
    corner = pen.radius(0.22)
    pen.box(
        (0, 0),
        (1, 1),
        palette.WALL,
        border_top_left_radius=0 if above or left else corner,
        border_top_right_radius=0 if above or right else corner,
        border_bottom_right_radius=0 if below or right else corner,
        border_bottom_left_radius=0 if below or left else corner,
    )
    return pen.picture()


def brick_tile(size: int) -> np.ndarray:
    """A surmountable wall: rows of bricks with a slanted hatch, half transparent so that its value
    is visible.
    """
    if size < SMALLEST_WITH_LINES:
        return _plain(size, palette.BRICK, 200)
    pen = Pen(size, palette.BRICK, 165)
    for step in range(-4, 5):
        x = step / 4.0
        pen.shape([(x, 1), (x + 0.05, 1), (x + 1.05, 0), (x + 1, 0)], palette.BRICK_HATCH, 150)
    joint = max(0.045, 1.0 / size)
    for course in range(3):
        top = course / 3.0
        pen.box((0, top), (1, joint), palette.MORTAR, 190)
        for x in (0.0, 0.5) if course % 2 == 0 else (0.25, 0.75):
            pen.box((x, top), (joint, 1 / 3), palette.MORTAR, 190)
    return pen.picture()


def sand_tile(size: int) -> np.ndarray:
    """Sand: a light tint with grains in fixed positions."""
    if size < SMALLEST_WITH_LINES:
        return _plain(size, palette.SAND, 215)
    pen = Pen(size, palette.SAND, 150)
    for row in range(5):
        for column in range(5):
            # Fixed odd multiples spread the grains without a visible pattern and without a random
            # generator.
            x = (column + 0.5 + 0.32 * math.sin(7.1 * row + 3.7 * column)) / 5
            y = (row + 0.5 + 0.32 * math.sin(5.3 * column + 2.9 * row + 1)) / 5
            pen.disc((x, y), 0.024 + 0.010 * ((3 * row + column) % 3), palette.SAND_GRAIN, 235)
    return pen.picture()


def hole_tile(size: int) -> np.ndarray:
    """A hole: a dark pit with a light rim."""
    if size < SMALLEST_WITH_LINES:
        return _plain(size, palette.HOLE, 255)
    pen = Pen(size, palette.HOLE_RIM, 70)
    pen.disc((0.5, 0.5), 0.43, palette.HOLE_RIM)
    pen.disc((0.5, 0.5), 0.38, palette.WALL)
    pen.disc((0.5, 0.53), 0.33, palette.HOLE)
    return pen.picture()


def star_sign(size: int) -> np.ndarray:
    """The goal: a golden star with a dark outline and a light halo."""
    pen = Pen(size, palette.HALO)
    if size >= 16:
        pen.shape(_star(0.49), palette.HALO, 200)
    pen.shape(_star(0.45), palette.INK)
    pen.shape(_star(0.45 - min(0.075, 1.6 / size)), palette.GOAL)
    return pen.picture()


def ring_sign(size: int) -> np.ndarray:
    """The start: a dark ring with a light edge."""
    pen = Pen(size, palette.HALO)
    pen.disc((0.5, 0.5), 0.455, palette.HALO, width=0.105)
    pen.disc((0.5, 0.5), 0.43, palette.INK, width=0.055)
    return pen.picture()


def agent_sign(size: int) -> np.ndarray:
    """The agent: a vermilion token with a white and a dark edge, visible on any ground."""
    pen = Pen(size, palette.INK)
    pen.disc((0.5, 0.5), 0.325, palette.INK)
    pen.disc((0.5, 0.5), 0.295, palette.HALO)
    pen.disc((0.5, 0.5), 0.24, palette.AGENT)
    return pen.picture()


def mark_sign(size: int) -> np.ndarray:
    """A frame around a cell that has just changed: vermilion between light edges."""
    pen = Pen(size, palette.HALO)
    for edge, colour, alpha in (
        (0.0, palette.HALO, 255),
        (0.03, palette.AGENT, 255),
        (0.09, palette.HALO, 0),
    ):
        pen.box((edge, edge), (1 - 2 * edge, 1 - 2 * edge), colour, alpha)
    return pen.picture()


def arrow_sign(size: int, actions: int) -> np.ndarray:
    """The greedy actions of one cell: a triangle at the edge for each move, a dot in the middle for
    `stay`.

    The more actions tie, the fainter they are drawn, so that a cell without a preference does not
    look like a decision.

    Args:
        size: pixels.
        actions: the greedy actions, 2 to the power of each added up.
    """
    chosen = [action for action in range(5) if actions >> action & 1]
    alpha = {1: 235, 2: 190, 3: 140, 4: 110}.get(len(chosen), 70)
    pen = Pen(size, palette.INK)
    for action in chosen:
        if action == STAY:
            pen.disc((0.5, 0.5), 0.085, palette.INK, alpha)
        else:
            pen.shape(_triangle(*DIRECTIONS[action]), palette.INK, alpha)
    return pen.picture()


def _triangle(x: int, y: int) -> list[Point]:
    """Corners of a triangle near the edge of the unit square that points along (x, y)."""
    tip, foot, half = 0.44, 0.27, 0.125
    return [
        (0.5 + tip * x, 0.5 + tip * y),
        (0.5 + foot * x - half * y, 0.5 + foot * y + half * x),
        (0.5 + foot * x + half * y, 0.5 + foot * y - half * x),
    ]


def _star(radius: float) -> list[Point]:
    """Corners of a five-pointed star around the middle of the unit square."""
    corners = []
    for corner in range(10):
        angle = math.pi * corner / 5 - math.pi / 2
        length = radius if corner % 2 == 0 else radius * 0.47
        corners.append((0.5 + length * math.cos(angle), 0.53 + length * math.sin(angle)))
    return corners


def _plain(size: int, colour: Colour, alpha: int) -> np.ndarray:
    """A tile of one colour, for cells too small for details."""
    tile = np.empty((size, size, 4), dtype=np.uint8)
    tile[...] = (*colour, alpha)
    return tile


@lru_cache(maxsize=256)
def sprite(draw: Callable[..., np.ndarray], size: int, *arguments: int) -> pygame.Surface:
    """A sign or tile as a pygame.Surface that can be blitted, cached.

    Args:
        draw: one of the functions above.
        size: pixels.
        arguments: further arguments of `draw`.
    """
    return to_surface(draw(size, *arguments))


def to_surface(picture: np.ndarray) -> pygame.Surface:
    """A pygame.Surface with its own copy of a picture, uint8 [h, w, 4]."""
    pygame = load_pygame()
    height, width = picture.shape[:2]
    # Channels are stored with blue first, as in pygame's own surfaces: a blit between different
    # channel orders takes ten times as long.
    return pygame.image.frombytes(picture[..., [2, 1, 0, 3]].tobytes(), (width, height), "BGRA")


def above_band(
    picture: np.ndarray, band: int = 0, colour: Colour = palette.PAPER
) -> pygame.Surface:
    """A picture as a pygame.Surface, above an empty band.

    Args:
        picture: uint8 [height, width, 3].
        band: height of the band, pixels; 0 for none.
        colour: colour of the band.
    """
    pygame = load_pygame()
    height, width = picture.shape[:2]
    canvas = pygame.Surface((width, height + band), 0, 32)
    canvas.fill(colour)
    canvas.blit(pygame.image.frombytes(picture.tobytes(), (width, height), "RGB"), (0, 0))
    return canvas
