"""Frames of how receptive fields form: of the first hidden neurons and of the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from envs.datasets.drawing import FIELDS, image_grid
from envs.render.chart import Chart, Mark

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment

COLOURS = (256 * mpl.colormaps[FIELDS](range(256))[:, :3]).clip(0, 255).astype(np.uint8)
"""Of weights from the most negative to the most positive, uint8 [256, 3]."""


def shades(fields: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Places of weights in `COLOURS`, uint8 in the shape of the weights.

    Args:
        fields: the weights, float.
        most: what has the darkest colours, as an array that is broadcast to the weights.
    """
    return np.rint(127.5 * (1 + fields / np.maximum(most, 1e-12))).astype(np.uint8)


def marks(
    experiment: ImageExperiment, snapshots: Sequence[Mapping[str, np.ndarray]]
) -> tuple[Chart, list[Mark]]:
    """See `ImageLab.marks`. The colours of a field cover its weights at all times."""
    fields = np.stack([one["fields"] for one in snapshots])  # [snapshots, fields, 28, 28]
    most = np.abs(fields).max(axis=(0, 2, 3), keepdims=True)
    classes = experiment.data.classes
    neurons = fields.shape[1] - len(classes)
    figure = image_grid(
        np.zeros(fields.shape[1:]),
        [*(f"neuron {number}" for number in range(neurons)), *classes],
        f"Receptive fields of {neurons} neurons of layer 1, and of the classes",
        signed=True,
        note="weights of the pixels: red adds, blue takes away; darkest: the largest of a field",
    )
    chart = Chart(figure)
    return chart, [partial(chart.images, COLOURS[one]) for one in shades(fields, most)]
