"""Figures in one style: light background, a colour-blind palette, units on every axis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY_BLUE, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)
"""The palette of Okabe and Ito (2008), without its yellow, which is too light on white."""
GREY = "#6B7280"
DASHED: dict[str, Any] = {"color": GREY, "linestyle": "--", "linewidth": 1.3}
"""A line to compare with, such as the best possible value."""
VALUES = "YlGnBu"
"""Colour map of quantities: from light to dark, so readable in grey and by colour-blind people,
and never as dark as a wall."""

STYLE = mpl.rc_params_from_file(
    Path(__file__).with_name("sandbox.mplstyle"), use_default_template=False
)
STYLE["axes.prop_cycle"] = cycler(color=COLOURS)


@contextmanager
def style() -> Iterator[None]:
    """Draw in the sandbox's style inside; matplotlib's own settings are as before outside."""
    with mpl.rc_context(STYLE):
        yield


class RecordedFigure(Figure):
    """A figure that keeps the data it shows.

    Attributes:
        rows: column -> value, for each point.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.rows: list[dict[str, Any]] = []

    def record(self, **columns: Any) -> None:
        """Keep what was drawn.

        Args:
            columns: equally long sequences, or single values for all rows.
        """
        values = np.broadcast_arrays(*map(np.atleast_1d, columns.values()))
        lists = zip(*(value.tolist() for value in values), strict=True)
        self.rows += [dict(zip(columns, row, strict=True)) for row in lists]


def figure(
    width: float = 8.0,
    height: float = 4.5,
    left: float = 0.75,
    right: float = 0.2,
    bottom: float = 0.6,
    top: float = 0.4,
) -> RecordedFigure:
    """An empty figure, without a window and outside matplotlib's global state.

    The margins are fixed: finding them by drawing (matplotlib's constrained layout) doubles the
    time of a picture.

    Args:
        width, height: in inches.
        left, right, bottom, top: margins around the axes, in inches.
    """
    figure = RecordedFigure(figsize=(width, height))
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def single(
    width: float = 7.0,
    height: float = 4.2,
    left: float = 0.75,
    right: float = 0.2,
    **settings: Any,
) -> Iterator[tuple[Figure, Axes]]:
    """A figure with one pair of axes, drawn in the sandbox's style inside.

    Args:
        width, height, left, right: the figure and its margins, in inches; with a logarithmic y
            axis the left one is wider.
        settings: properties of the axes: `title`, `xlabel`, `yscale` and others.
    """
    with style():
        room = 0.3 * ("yscale" in settings)  # labels such as 6 · 10⁻¹ are wide
        whole = figure(width, height, left + room, right)
        yield whole, whole.add_subplot(**settings)


def moving_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of the last `window` values (fewer at the beginning) at each position: float [n]."""
    sums = np.cumsum(np.insert(np.asarray(values, dtype=np.float64), 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def thinned(length: int, most: int = 4000) -> np.ndarray:
    """Indices of at most `most` of `length` points, evenly spaced, with the first and the last."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(np.int64))


def optimum_line(axes: Axes, value: float, label: str) -> None:
    """Draw the best possible value as a labelled, dashed line."""
    axes.axhline(value, label=label, zorder=1, **DASHED)


def note(axes: Axes, text: str, at: tuple[float, float], offset: tuple[int, int]) -> None:
    """Write a dark grey remark beside a point.

    Args:
        axes: in which.
        text: the remark.
        at: the point, in data coordinates.
        offset: of the text from the point, in points.
    """
    axes.annotate(text, at, xytext=offset, textcoords="offset points", color="#374151")
