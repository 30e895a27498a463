"""Frames of how the codes of images separate by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from envs.render.chart import Chart, Mark
from plugins.autoencoder.figures import AXES, TEN, plane
from sandbox.visual import plots

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment

ROOM = 0.05
"""Share of the range of the codes that is left free at the edges."""


def marks(
    experiment: ImageExperiment, snapshots: Sequence[Mapping[str, np.ndarray]]
) -> tuple[Chart, list[Mark]]:
    """See `ImageLab.marks`. All codes lie in the plane of the last snapshot."""
    _, centre, axes = plane(snapshots[-1]["codes"])
    flat = np.stack([(one["codes"] - centre) @ axes.T for one in snapshots])  # [..., images, 2]
    labels, classes = snapshots[-1]["labels"], experiment.data.classes
    size = experiment.config.code_size
    names = AXES.get(size, AXES[0])
    if size == 1:
        flat[:, :, 1] = labels
    low, high = flat.min((0, 1)), flat.max((0, 1))
    room = ROOM * np.maximum(high - low, 1e-9)
    with plots.single(7.0, 5.6, xlabel=names[0], ylabel=names[1]) as (figure, space):
        (left, bottom), (right, top) = low - room, high + room
        space.set(xlim=(left, right), ylim=(bottom, top), title="Codes of images, by class")
    chart = Chart(figure)
    return chart, [_mark(chart, points, labels, classes) for points in flat]


def _mark(chart: Chart, points: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Mark:
    """Dots in the colours of their classes; the name of a class stands at the median of its codes.

    Args:
        chart: the plane.
        points: [images, 2].
        labels: [images].
        classes: names.
    """
    middles = [(label, np.median(points[labels == label], axis=0)) for label in np.unique(labels)]
    names = [(classes[label], chart.places(*place[:, None])[0]) for label, place in middles]
    return partial(chart.dots, chart.places(*points.T), [TEN[label] for label in labels], names)
