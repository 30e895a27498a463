"""Figures of images: grids of grey images with a label above each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from sandbox.visual import plots

FIELDS = "RdBu_r"
"""Colour map of signed images, readable by colour-blind people."""
CELL, ABOVE = 0.62, 0.2
"""Size of an image in a grid, and height of the label above it, in inches."""


def image_grid(
    images: np.ndarray,
    words: Sequence[str],
    title: str,
    *,
    columns: int = 10,
    signed: bool = False,
    note: str = "",
    words_room: float = ABOVE,
) -> Figure:
    """A grid of images.

    Args:
        images: float [images, height, width]; 0 to 1, or with `signed` any range.
        words: labels above the images, one for each; may be empty strings.
        title: of the figure.
        columns: images in a row.
        signed: blue below 0, red above, each image with its own range.
        note: a line below the title.
        words_room: height of the labels in inches.
    """
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    cell = CELL if columns > 5 else 1.15
    width = max(columns * (cell + 0.08) + 0.3, 0.082 * max(len(title) * 1.32, len(note)) + 0.3)
    head = 0.75 if note else 0.45
    height = rows * (cell + words_room) + head + 0.1
    with plots.style():
        figure = plots.figure(width, height)
        figure.text(
            0.15 / width, 1 - 0.25 / height, title, fontsize=12, fontweight="bold", va="center"
        )
        if note:
            figure.text(
                0.15 / width, 1 - 0.5 / height, note, fontsize=9, color=plots.GREY, va="center"
            )
        for number, (image, word) in enumerate(zip(images, words, strict=True)):
            row, column = divmod(number, columns)
            top = head + words_room + row * (cell + words_room)
            axes = figure.add_axes(
                (
                    (0.15 + column * (cell + 0.08)) / width,
                    1 - (top + cell) / height,
                    cell / width,
                    cell / height,
                )
            )
            most = float(np.abs(image).max()) or 1.0
            limits = (
                {"vmin": -most, "vmax": most, "cmap": FIELDS}
                if signed
                else {"vmin": 0, "vmax": 1, "cmap": "Greys"}
            )
            axes.imshow(image, interpolation="nearest", **limits)  # type: ignore[arg-type]
            axes.set_axis_off()
            axes.set_title(
                word, fontsize=8, fontweight="normal", pad=2, loc="center", color="#374151"
            )
    return figure


def first_of_each(labels: np.ndarray) -> list[int]:
    """Index of the first image of each class."""
    return np.unique(labels, return_index=True)[1].tolist()
