"""Renders a snapshot of a grid world as a picture.

A snapshot is a function of its fields alone: the same fields give the same pixels, drawn off
screen, without a display.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from envs.render import board, palette, tiles
from sandbox.text import number
from sandbox.visual.drawing import SMALL, text, write
from sandbox.visual.screen import load_pygame

if TYPE_CHECKING:
    import pygame

    from envs.layouts import Layout, Position

HEADER, STATUS = 34, 32
"""Heights of the bands above and below, pixels."""
BAR = (84, 10)
"""Width and height of the colour bar, pixels."""
NARROWEST = 400
"""Width that a header and a status line need, pixels."""
EDGE = 14
"""Margin without indices, pixels."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that a picture shows. It implements `sandbox.lab.Frame`.

    Attributes:
        layout: the cells.
        agent: its cell (row, column), or None.
        trail: cells (row, column) the agent passed through, oldest first; its current cell may be
            included as the last.
        values: value of each state, float [states], with states counted row by row; NaN is not
            drawn. None if unknown.
        policy: greedy actions, [states, 5] in the order stay, right, left, down, up: True, or the
            row's largest positive number.
        value_range: lowest and highest value of the colour scale; None uses the range of the
            snapshot's values. Animations should use one range for all frames.
        status: the status line at the bottom ("episode 1200 · step 17 · ε 0.012 · return 31").
        title: the line at the top.
        marked: cells (row, column) with a frame around them.
    """

    layout: Layout
    agent: Position | None = None
    trail: Sequence[Position] = ()
    values: np.ndarray | None = None
    policy: np.ndarray | None = None
    value_range: palette.Scale | None = None
    status: str = ""
    title: str = ""
    marked: Sequence[Position] = ()

    def __post_init__(self) -> None:
        states = self.layout.cells.size
        for what, array, shape in (
            ("values have", self.values, (states,)),
            ("policy has", self.policy, (states, 5)),
        ):
            if array is not None and np.shape(array) != shape:
                raise ValueError(f"{what} the shape {np.shape(array)}; this layout wants {shape}.")

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """Pixels, uint8 [height, width, 3]; the size depends on the layout alone.

        Args:
            hidden: layers to leave out: "values", "policy", "trail".
        """
        page = _page(board.plan_of(self.layout))
        values = (
            None
            if "values" in hidden or self.values is None
            else np.asarray(self.values, dtype=np.float64)
        )
        greedy = None if "policy" in hidden or self.policy is None else greedy_bits(self.policy)
        scale = self._scale(values)
        canvas = page.paper.copy()
        canvas.blit(board.scene(page.plan, values, greedy, scale), page.corner)
        if "trail" not in hidden and len(self.trail):
            path = [*self.trail, self.agent] if self.agent is not None else list(self.trail)
            board.draw_trail(canvas, page.plan, page.corner, path)
        for cell in self.marked:
            board.draw_sign(canvas, page.plan, page.corner, cell, tiles.mark_sign)
        if self.agent is not None:
            board.draw_sign(canvas, page.plan, page.corner, self.agent, tiles.agent_sign)
        _write_header(canvas, self.title, None if values is None else scale)
        _write_status(canvas, self.status)
        return pixels_of(canvas)

    def _scale(self, values: np.ndarray | None) -> palette.Scale:
        """Ends of the colour scale: the given ones, or those of the values that are drawn."""
        if self.value_range is not None or values is None:
            return self.value_range or (0.0, 0.0)
        seen = values[np.isfinite(values) & self.layout.walkable.ravel()]
        return (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 0.0)


def cell_at(layout: Layout, place: tuple[float, float]) -> Position | None:
    """The cell (row, column) at a place in the picture of a layout; None beside the board.

    Args:
        layout: the grid.
        place: pixels (x, y).
    """
    page = _page(board.plan_of(layout))
    side = page.plan.cell / page.plan.merged
    column, row = (int((at - edge) // side) for at, edge in zip(place, page.corner, strict=True))
    return (row, column) if 0 <= row < layout.rows and 0 <= column < layout.columns else None


def captioned(picture: np.ndarray, words: str) -> np.ndarray:
    """A picture with a line of text below it, in the font of all frames: uint8 [height + STATUS,
    width, 3].

    Args:
        picture: uint8 [height, width, 3].
        words: the text; a long line gets a smaller font.
    """
    canvas = tiles.above_band(picture, STATUS, palette.BAND)
    _write_status(canvas, words)
    return pixels_of(canvas)


def pixels_of(canvas: pygame.Surface) -> np.ndarray:
    """A surface as uint8 [height, width, 3]."""
    pixels = np.empty((canvas.get_height(), canvas.get_width(), 3), dtype=np.uint8)
    # The surface borrows the array's memory: blitting into it is several times faster than copying
    # pixels out.
    load_pygame().image.frombuffer(pixels, canvas.get_size(), "RGB").blit(canvas, (0, 0))
    return pixels


def greedy_bits(policy: np.ndarray) -> np.ndarray:
    """Greedy actions of each state as bits, int64 [states]: 2 to the power of each action, added
    up; 0 in states without a greedy action.
    """
    weights = np.nan_to_num(np.asarray(policy, dtype=np.float64), nan=0.0)  # [states, 5]
    highest = weights.max(axis=1, keepdims=True)
    greedy = (weights > 0) & (weights >= highest * (1 - 1e-9))
    return greedy @ (1 << np.arange(5))


class _Page(NamedTuple):
    """The constant part of a picture for one plan: margins, row and column numbers, header and
    status bands."""

    plan: board.BoardPlan
    corner: tuple[int, int]
    paper: pygame.Surface


@lru_cache(maxsize=8)
def _page(plan: board.BoardPlan) -> _Page:
    """Measure and draw the constant part for a plan."""
    pygame = load_pygame()
    wide, high = plan.extent
    margin = (
        text(str(max(plan.layout.cells.shape) - 1), SMALL, palette.MUTED).get_width() + 12
        if plan.indexed
        else EDGE
    )
    width = max(wide + 2 * margin, NARROWEST)
    above = HEADER + (20 if plan.indexed else 4)
    height = above + high + EDGE + STATUS
    corner = ((width - wide) // 2, above)
    paper = pygame.Surface((width, height), 0, 32)
    paper.fill(palette.PAPER)
    paper.fill(palette.BAND, (0, height - STATUS, width, STATUS))
    pygame.draw.rect(paper, palette.MUTED, (corner[0] - 1, corner[1] - 1, wide + 2, high + 2), 1)
    if plan.indexed:
        _write_indices(paper, plan, corner)
    return _Page(plan, corner, paper)


def _write_indices(paper: pygame.Surface, plan: board.BoardPlan, corner: tuple[int, int]) -> None:
    """Write column numbers above and row numbers at the left; only every second, fifth … number if
    they would touch.
    """
    cell = plan.cell
    step = next(step for step in (1, 2, 5, 10, 20, 50) if step * cell >= 22)
    for column in range(0, plan.layout.columns, step):
        label = text(str(column), SMALL, palette.MUTED)
        paper.blit(
            label, label.get_rect(center=(corner[0] + column * cell + cell // 2, corner[1] - 10))
        )
    for row in range(0, plan.layout.rows, step):
        label = text(str(row), SMALL, palette.MUTED)
        paper.blit(
            label, label.get_rect(midright=(corner[0] - 7, corner[1] + row * cell + cell // 2 + 1))
        )


def _write_header(canvas: pygame.Surface, title: str, scale: palette.Scale | None) -> None:
    """Write the title at the left and, if values are shown, the colour bar with its limits at the
    right."""
    right = canvas.get_width() - EDGE
    if scale is not None:
        high, low = (text(number(end, 3), SMALL, palette.MUTED) for end in (scale[1], scale[0]))
        middle = HEADER // 2 + 1
        canvas.blit(high, high.get_rect(midright=(right, middle)))
        bar = _colour_bar().get_rect(midright=(right - high.get_width() - 6, middle - 1))
        canvas.blit(_colour_bar(), bar)
        canvas.blit(low, low.get_rect(midright=(bar.left - 6, middle)))
        right = bar.left - 6 - low.get_width() - EDGE
    write(canvas, title, (EDGE, HEADER // 2 + 1), right - EDGE)


def _write_status(canvas: pygame.Surface, status: str) -> None:
    width, height = canvas.get_size()
    write(canvas, status, (EDGE, height - STATUS // 2 + 1), width - 2 * EDGE)


@lru_cache(maxsize=1)
def _colour_bar() -> pygame.Surface:
    width, height = BAR
    table = palette.scale_table()[np.linspace(0, 255, width).round().astype(int)]  # [width, 3]
    bar = load_pygame().Surface((width + 2, height + 2), 0, 32)
    bar.fill(palette.MUTED)
    bar.blit(tiles.above_band(np.broadcast_to(table, (height, width, 3))), (1, 1))
    return bar
