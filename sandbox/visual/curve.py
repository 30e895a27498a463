"""The learning curve below the frames of a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sandbox.lab import Frame
from sandbox.text import number
from sandbox.visual import plots
from sandbox.visual.strip import NARROWEST

HEIGHT, DPI = 156, 110
"""Height of the curve, pixels, and pixels per inch."""


class LearningCurve:
    """Scores against units of learning, with their moving mean; it grows.

    Args:
        x_name: what is counted.
        y_name: the score.
        optimum: the best possible score, drawn as a line; None if unknown.
    """

    def __init__(self, x_name: str, y_name: str, optimum: float | None) -> None:
        self.x_name, self.y_name, self._optimum = x_name, y_name, optimum
        self.points = np.zeros((2, 0))
        """x and y, float [2, points]."""
        self._drawn: np.ndarray | None = None

    def add(self, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> None:
        """Add points, except those that are there.

        Args:
            x: ascending, [points].
            y: [points].
        """
        points = np.array([x, y], dtype=np.float64)
        fresh = points[:, points[0] > self.points[0].max(initial=-np.inf)]
        self.points, self._drawn = np.concatenate([self.points, fresh], axis=1), None

    def draw(self, width: int) -> np.ndarray:
        """The curve as pixels, uint8 [HEIGHT, width, 3].

        Args:
            width: pixels; the same every time.
        """
        if self._drawn is None:
            with plots.style():
                figure = plots.figure(width / DPI, HEIGHT / DPI, right=0.3, bottom=0.46, top=0.26)
                axes = figure.subplots()
                axes.locator_params("x", integer=True, nbins=max(2, width // 90))
                axes.tick_params(labelsize=8)
                axes.ticklabel_format(scilimits=(-3, 5))
                axes.yaxis.get_offset_text().set_x(-0.12)  # beside the title
                x, y = self.points
                axes.set_xlabel(self.x_name, fontsize=8.5)
                axes.set_xlim(0, max(x.max(initial=0), 2))
                if len(x):
                    shown = plots.thinned(len(x), 2 * width)
                    mean = plots.moving_mean(y, max(1, min(100, len(y) // 20)))
                    axes.plot(x[shown], y[shown], color=plots.SKY_BLUE, alpha=0.45, linewidth=0.7)
                    axes.plot(x[shown], mean[shown], color=plots.BLUE, marker="." * (len(x) == 1))
                title = self.y_name
                if self._optimum is not None:
                    title += f" · at best {number(self._optimum, 4)} (dashed)"
                    plots.optimum_line(axes, self._optimum, "")
                axes.set_title(title, fontsize=8.5)
                canvas: Any = figure.canvas
                canvas.draw()
                self._drawn = np.array(canvas.buffer_rgba())[..., :3]
        return self._drawn


class WithCurve(NamedTuple):
    """A frame above a learning curve, if it is wide enough. It implements `sandbox.lab.Frame`."""

    frame: Frame
    curve: LearningCurve

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """Pixels, uint8 [height + HEIGHT, width, 3]; only the frame if it is narrow."""
        pixels = self.frame.draw(hidden)
        if pixels.shape[1] < NARROWEST:
            return pixels
        return np.concatenate([pixels, self.curve.draw(pixels.shape[1])])
