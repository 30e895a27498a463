"""What an agent knows, drawn over a picture that an environment made of itself, or below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from envs.render import palette, tiles
from envs.render.snapshot import NARROWEST, captioned, greedy_bits, pixels_of
from sandbox.text import number
from sandbox.visual.drawing import SMALL, text
from sandbox.visual.screen import load_pygame

TINT = 105
"""Opacity of the values' colours, 0 to 255."""
BAR, EDGE = 20, 14
"""Height of a bar with its gap, and the margin, pixels."""
SMALLEST_WITH_NUMBER = 40
"""Smallest side of a cell, in pixels, in which its value is written."""
MOST_BARS = 12

Overlay = Callable[[np.ndarray, frozenset[str]], np.ndarray]
"""(pixels, hidden) -> pixels; the size depends on the pixels' size alone."""


class RenderedFrame(NamedTuple):
    """A frame rendered by an environment. It implements `sandbox.lab.Frame`.

    Attributes:
        pixels: uint8 [height, width, 3].
        status: the lines below.
        overlay: draws on the pixels; None leaves them as they are.
    """

    pixels: np.ndarray
    status: str
    overlay: Overlay | None = None

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """The frame with its status line, uint8 [height, width, 3], without the layers "values"
        and "policy" if they are hidden; small pictures are enlarged."""
        times = -(-NARROWEST // self.pixels.shape[1])  # small pictures would cut off the line
        drawn = self.pixels.repeat(times, axis=0).repeat(times, axis=1)
        drawn = self.overlay(drawn, hidden) if self.overlay else drawn
        for line in self.status.split("\n"):
            drawn = captioned(drawn, line)
        return drawn


def cell_of(pixels: np.ndarray, shape: tuple[int, int]) -> int:
    """The side of a cell, pixels, if the picture consists of the square cells of a grid and
    nothing else; 0 otherwise.

    Args:
        pixels: uint8 [height, width, 3].
        shape: rows and columns.
    """
    high, wide = (side // count for side, count in zip(pixels.shape, shape, strict=False))
    return wide if high == wide >= tiles.SMALLEST_WITH_ARROWS else 0


def on_cells(
    shape: tuple[int, int],
    values: np.ndarray,
    policy: np.ndarray,
    arrows: np.ndarray,
    scale: palette.Scale,
    marked: Sequence[int] = (),
) -> Overlay:
    """Values and greedy actions over the cells of a grid.

    Args:
        shape: rows and columns.
        values: float [rows * columns]; NaN where nothing is drawn.
        policy: [rows * columns, actions], above 0 for greedy actions.
        arrows: where each action points, (x, y) with y downwards, float [actions, 2].
        scale: ends of the colour scale.
        marked: states whose cells get a frame.
    """
    compass = np.array([(0, 0), *tiles.DIRECTIONS.values()])  # [5, 2], in the order of the signs
    points = (arrows[:, None] == compass).all(axis=2)  # [actions, 5]
    bits = greedy_bits((policy > 0) @ points)  # [states]
    colours = palette.scale_table()[palette.scale_index(np.nan_to_num(values), *scale)]

    def draw(pixels: np.ndarray, hidden: frozenset[str]) -> np.ndarray:
        pygame = load_pygame()
        side = cell_of(pixels, shape)
        canvas = tiles.above_band(pixels)
        tile = pygame.Surface((side, side), pygame.SRCALPHA, 32)
        for state in np.flatnonzero(np.isfinite(values)):
            corner = (int(state) % shape[1] * side, int(state) // shape[1] * side)
            if "values" not in hidden:
                tile.fill((*colours[state].tolist(), TINT))
                canvas.blit(tile, corner)
                if side >= SMALLEST_WITH_NUMBER:
                    words, size = number(float(values[state]), 2), max(SMALL, side // 6)
                    label = text(words, size, palette.INK)
                    middle = (corner[0] + side // 2, corner[1] + side // 2)  # arrows are at edges
                    canvas.blit(label, label.get_rect(center=middle))
            if "policy" not in hidden:
                canvas.blit(tiles.sprite(tiles.arrow_sign, side, int(bits[state])), corner)
            if state in marked:
                canvas.blit(tiles.sprite(tiles.mark_sign, side), corner)
        return pixels_of(canvas)

    return draw


def as_bars(values: Sequence[float] | np.ndarray, name: str, scale: palette.Scale) -> Overlay:
    """One bar below the picture for each action, from zero; those of the best actions are dark.

    Args:
        values: of the actions.
        name: what they are, for the labels: "Q" or "π".
        scale: lowest and highest value of the whole animation.
    """
    low, high = min(scale[0], 0.0), max(scale[1], 0.0)

    def draw(pixels: np.ndarray, hidden: frozenset[str]) -> np.ndarray:
        height, width = pixels.shape[:2]
        canvas = tiles.above_band(pixels, BAR * len(values) + EDGE)
        left, right = EDGE + 64, width - EDGE - 64
        zero = left + round((right - left) * -low / ((high - low) or 1.0))
        for action, value in enumerate(values if "values" not in hidden else ()):
            top = height + EDGE // 2 + BAR * action
            end = left + round((right - left) * (value - low) / ((high - low) or 1.0))
            best = value == max(values)
            bar = load_pygame().Rect(min(zero, end), top + 3, abs(end - zero), BAR - 6)
            canvas.fill(palette.SCALE_ANCHORS[-1 if best else 1], bar)
            canvas.fill(palette.INK, (zero, top, 1, BAR))
            for words, place in (
                (f"{name}(s, {action})", {"midleft": (EDGE, top + BAR // 2 + 1)}),
                (number(float(value), 4), {"midright": (width - EDGE, top + BAR // 2 + 1)}),
            ):
                label = text(words, SMALL, palette.INK if best else palette.MUTED)
                canvas.blit(label, label.get_rect(**place))
        return pixels_of(canvas)

    return draw
