"""Figures of images: grids of grey images with a label above each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sandbox.visual import plots

FIELDS = "RdBu_r"
"""Colour map of signed images, readable by colour-blind people."""
GREYS: dict[str, Any] = {"vmin": 0, "vmax": 1, "cmap": "Greys"}
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
        # One pair of axes, in inches, for all images: a pair for each takes ten times as long.
        axes = figure.add_axes((0, 0, 1, 1), frameon=False)
        for number, (image, word) in enumerate(zip(images, words, strict=True)):
            row, column = divmod(number, columns)
            left = 0.15 + column * (cell + 0.08)
            top = height - head - words_room - row * (cell + words_room)
            most = float(np.abs(image).max()) or 1.0
            axes.imshow(
                image,
                extent=(left, left + cell, top - cell, top),
                interpolation="nearest",
                **({"vmin": -most, "vmax": most, "cmap": FIELDS} if signed else GREYS),
            )
            axes.text(left + cell / 2, top + 0.03, word, fontsize=8, ha="center", color="#374151")
        axes.set(xlim=(0, width), ylim=(0, height), xticks=(), yticks=())
    return figure


def first_of_each(labels: np.ndarray) -> list[int]:
    """Index of the first image of each class."""
    return np.unique(labels, return_index=True)[1].tolist()
