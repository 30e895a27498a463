"""Frames of how the fitted function bends, or of the functions of a search's finalists."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from envs.datasets.curves import span
from envs.render.chart import Chart, ChartFrame
from plugins.regression import pictures
from plugins.regression.experiment import PLACES, TrainExperiment
from plugins.regression.search import GridSearchExperiment
from sandbox.text import number
from sandbox.visual import plots


def frames(
    experiment: TrainExperiment | GridSearchExperiment,
    rng: np.random.Generator,
    history: bool = False,
) -> Iterator[ChartFrame]:
    """One frame for each snapshot and for the present network; of a search, for the chosen network.

    See `sandbox.Lab.frames`.
    """
    x = np.linspace(*span(*experiment.points), PLACES)  # [places]
    with plots.single(xlabel="x", ylabel="y", title="The fit") as (figure, axes):
        pictures.scatter(axes, experiment.points)
        axes.plot([], [], color=plots.VERMILION, label="the network")
        axes.legend()
    chart = Chart(figure)
    for curve, status in _curves(experiment, x, history):
        yield ChartFrame(chart, status, partial(chart.line, chart.places(x, curve)))


def _curves(
    experiment: TrainExperiment | GridSearchExperiment, x: np.ndarray, history: bool
) -> Iterator[tuple[np.ndarray, str]]:
    """Fitted functions, float64 [places], and what is written below them."""
    if isinstance(experiment, TrainExperiment):
        for one in experiment.snapshots.shown(
            experiment.epoch_of_weights, experiment.view, history
        ):
            epoch, train, test = (float(one[name]) for name in ("epoch", "train_loss", "test_loss"))
            losses = f"train loss {number(train, 3)} · test loss {number(test, 3)}"
            yield one["curve"], f"epoch {number(epoch)} · {losses}"
    elif experiment.done:
        yield experiment.model(x[:, None])[:, 0], "the network that cross-validation chose"
