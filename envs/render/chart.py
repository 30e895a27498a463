"""A figure that is drawn once, and frames that draw what changes on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.render import palette
from envs.render.snapshot import captioned, pixels_of
from envs.render.tiles import above_band
from sandbox.visual import plots
from sandbox.visual.drawing import TEXT, text
from sandbox.visual.screen import load_pygame

if TYPE_CHECKING:
    import pygame
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

DPI = 100
"""Pixels per inch."""
DOT = 4
"""Radius of a dot, pixels."""

Mark = Callable[["pygame.Surface"], None]
"""Draws what is true at one time on a chart's pixels."""


class Chart:
    """A figure as pixels, with the places of its axes.

    Args:
        figure: with its axes; their limits no longer change.

    Attributes:
        pixels: uint8 [height, width, 3].
    """

    def __init__(self, figure: Figure) -> None:
        figure.set_dpi(DPI)
        canvas: Any = figure.canvas
        canvas.draw()
        self.pixels = np.array(canvas.buffer_rgba())[..., :3]
        self._axes = figure.axes

    def places(self, x: np.ndarray, y: np.ndarray, axes: int = 0) -> np.ndarray:
        """Where points of some axes are: pixels (x, y), float [points, 2].

        Args:
            x, y: [points], in the units of the axes.
            axes: the number of the axes.
        """
        points = self._axes[axes].transData.transform(np.column_stack([x, y]))
        points[:, 1] = len(self.pixels) - points[:, 1]
        return np.asarray(np.clip(points, -1e4, 1e4))

    def units(self, place: tuple[float, float]) -> tuple[float, float]:
        """What stands at a place in pixels (x, y), in the units of the first axes."""
        x, y = self._axes[0].transData.inverted().transform((place[0], len(self.pixels) - place[1]))
        return float(x), float(y)

    def line(self, places: np.ndarray, canvas: pygame.Surface) -> None:
        """Draw a line through places, inside the first axes.

        Args:
            places: of `places`.
            canvas: this chart's pixels.
        """
        canvas.set_clip(self.box())
        load_pygame().draw.lines(canvas, plots.VERMILION, False, places.tolist(), 3)

    def dots(
        self,
        places: np.ndarray,
        colours: Sequence[str],
        names: Sequence[tuple[str, np.ndarray]],
        canvas: pygame.Surface,
    ) -> None:
        """Draw dots inside the first axes, and names over them.

        Args:
            places: of `places`.
            colours: of each dot, hexadecimal digits.
            names: and where they stand.
            canvas: this chart's pixels.
        """
        canvas.set_clip(self.box())
        for place, colour in zip(places.tolist(), colours, strict=True):
            load_pygame().draw.aacircle(canvas, colour, place, DOT)
        for name, place in names:
            label = text(name, 2 * TEXT, palette.INK)
            canvas.blit(label, label.get_rect(center=place.tolist()))

    def images(self, images: np.ndarray, canvas: pygame.Surface) -> None:
        """Draw other images in place of those of the first axes.

        Args:
            images: uint8 [images, height, width, 3].
            canvas: this chart's pixels.
        """
        for number, image in enumerate(images):
            box = self.image_box(number)
            picture = above_band(image)
            canvas.blit(load_pygame().transform.scale(picture, box.size), box)

    def box(self, axes: int = 0) -> pygame.Rect:
        """The rectangle of some axes, pixels."""
        return self._rectangle(self._axes[axes])

    def image_box(self, number: int) -> pygame.Rect:
        """The rectangle of an image of the first axes, pixels."""
        return self._rectangle(self._axes[0].images[number])

    def _rectangle(self, artist: Artist) -> pygame.Rect:
        extent = artist.get_window_extent()
        top = len(self.pixels) - extent.y1
        return load_pygame().Rect(extent.x0, top, extent.width, extent.height)


@dataclass(frozen=True, eq=False)
class ChartFrame:
    """A chart with what is true at one time. It implements `sandbox.lab.Frame`.

    Attributes:
        chart: what stays the same.
        status: the line below.
        mark: draws on the chart's pixels.
    """

    chart: Chart
    status: str
    mark: Mark

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """Pixels, uint8 [height, width, 3]; there are no layers to hide."""
        canvas = above_band(self.chart.pixels)
        self.mark(canvas)
        return captioned(pixels_of(canvas), self.status)
