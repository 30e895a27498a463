"""The learning curve below the frames of a window, drawn by pygame because it changes while one
watches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sandbox.text import number
from sandbox.visual import drawing
from sandbox.visual.drawing import text, write
from sandbox.visual.screen import load_pygame

if TYPE_CHECKING:
    import pygame

    from sandbox.lab import Frame

HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 116, 58, 14, 24, 20
"""Height of the curve and its margins, pixels."""
EACH, MEAN = (176, 190, 207), (0, 114, 178)
"""Colours of single scores, and of their moving mean (Okabe and Ito's blue)."""
DASH = 6
"""Pixels."""


@dataclass(frozen=True, eq=False)
class ShownCurve:
    """A learning curve.

    Attributes:
        x: ascending, float [points].
        y: float [points]; NaN is not drawn.
        names: of x and y.
        optimum: the best possible y, drawn as a line; None if unknown.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, str]
    optimum: float | None = None


@dataclass(frozen=True, eq=False)
class WithCurve:
    """A frame with a learning curve below it. It implements `sandbox.lab.Frame`."""

    frame: Frame
    curve: ShownCurve

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """Pixels, uint8 [height + HEIGHT, width, 3]."""
        pixels = self.frame.draw(hidden)
        return np.concatenate([pixels, draw_curve(self.curve, pixels.shape[1])])


@lru_cache(maxsize=2)
def draw_curve(curve: ShownCurve, width: int) -> np.ndarray:
    """A curve as pixels, uint8 [HEIGHT, width, 3].

    Args:
        curve: what to draw.
        width: pixels.
    """
    from sandbox.visual.plots import moving_mean, thinned

    pygame = load_pygame()
    canvas = pygame.Surface((width, HEIGHT), 0, 32)
    canvas.fill(drawing.PAPER)
    box = pygame.Rect(LEFT, TOP, max(width - LEFT - RIGHT, 1), HEIGHT - TOP - BOTTOM)
    pygame.draw.rect(canvas, drawing.BAND, box)
    known = np.isfinite(curve.y)
    x, y = curve.x[known], curve.y[known]
    if len(y):
        mean = moving_mean(y, max(1, min(100, len(y) // 20)))  # [points]
        low, high = _range(y, curve.optimum)
        canvas.set_clip(box.inflate(2, 2))
        shown = thinned(len(y), 2 * box.width)
        across = box.left + (x - x[0]) / max(x[-1] - x[0], 1e-9) * (box.width - 1)
        for values, colour, thickness in ((y, EACH, 1), (mean, MEAN, 2)):
            down = box.bottom - 1 - (values - low) / (high - low) * (box.height - 1)
            points = np.stack([across, down.clip(-999, 999)], axis=1)[shown]  # [shown, 2]
            if len(points) > 1:
                pygame.draw.lines(canvas, colour, False, points.tolist(), thickness)
            else:
                pygame.draw.circle(canvas, colour, points[0].tolist(), 2)
        if curve.optimum is not None:
            top = round(box.bottom - 1 - (curve.optimum - low) / (high - low) * (box.height - 1))
            for left in range(box.left, box.right, 2 * DASH):
                pygame.draw.line(canvas, drawing.INK, (left, top), (left + DASH, top))
        canvas.set_clip(None)
        _label(canvas, box, (low, high), (x[0], x[-1]))
    words = f"{curve.names[1]} {number(float(mean[-1]), 4)}" if len(y) else curve.names[1]
    best = "" if curve.optimum is None else f"best possible {number(curve.optimum, 4)} - -"
    ends = text(best, drawing.SMALL, drawing.INK).get_width() if best else 0
    write(canvas, best, (width - RIGHT - ends, TOP // 2 + 1), ends)
    write(canvas, words, (LEFT, TOP // 2 + 1), width - LEFT - RIGHT - ends - 12, MEAN)
    write(canvas, curve.names[0], (LEFT + box.width // 2 - 20, HEIGHT - BOTTOM // 2), 80)
    pixels = pygame.surfarray.array3d(canvas).swapaxes(0, 1)
    return np.ascontiguousarray(pixels)


def _range(y: np.ndarray, optimum: float | None) -> tuple[float, float]:
    """The ends of the vertical axis; very low values of the beginning would flatten the rest."""
    later = y[len(y) // 10 :]
    low, high = float(np.percentile(later, 1)), float(later.max())
    if optimum is not None:
        low, high = min(low, optimum), max(high, optimum)
    margin = 0.08 * (high - low) or max(abs(high), 1.0)
    return low - margin, high + margin


def _label(
    canvas: pygame.Surface, box: pygame.Rect, down: tuple[float, float], across: tuple[float, float]
) -> None:
    """Write the ends of both axes."""
    low, high, first, last = (
        text(words, drawing.SMALL, drawing.MUTED)
        for words in (*(number(one, 3) for one in down), *(number(round(one)) for one in across))
    )
    canvas.blit(high, high.get_rect(topright=(box.left - 6, box.top)))
    canvas.blit(low, low.get_rect(bottomright=(box.left - 6, box.bottom)))
    canvas.blit(first, first.get_rect(topleft=(box.left, box.bottom + 5)))
    canvas.blit(last, last.get_rect(topright=(box.right, box.bottom + 5)))
