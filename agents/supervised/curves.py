"""Learning curves: loss and validation score over epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sandbox.store.metrics import Metrics
from sandbox.text import number
from sandbox.visual import plots

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment


def training_curves(experiment: ImageExperiment, metrics: Metrics, loss: str, unit: str) -> Figure:
    """Loss on the left; validation score (or, without validation, the learning rate) on the right.

    Args:
        experiment: finished.
        metrics: the metrics of its run.
        loss: name of the loss, with its unit.
        unit: the unit of the score.
    """
    learned = metrics.columns("learn")
    epochs = np.asarray(learned["epoch"])
    marker = "o" if len(epochs) < 25 else None
    validation = f"validation_{experiment.monitor}"
    validated = validation in learned
    label = f"{validation.replace('_', ' ')} ({unit})" if validated else "learning rate"
    title = "Validation" if validated else "Learning rate"
    with plots.style():
        figure = plots.figure(10, 4)
        left = figure.add_axes((0.085, 0.15, 0.385, 0.72))
        left.plot(epochs, learned["loss"], marker=marker, markersize=4)
        left.set(title="How it learned", xlabel="epoch", ylabel=loss)
        if experiment.sharp_from is not None:
            left.axvline(
                experiment.sharp_from,
                color=plots.GREY,
                linestyle=":",
                label="from here on images as they are",
            )
            left.legend()
        right = figure.add_axes((0.585, 0.15, 0.385, 0.72))
        scores = np.asarray(learned[validation if validated else "learning_rate"])
        right.plot(epochs, scores, color=plots.VERMILION, marker=marker, markersize=4, label=label)
        if validated:
            best, test = experiment.best["epoch"], experiment.score().value
            right.plot(
                [best],
                [scores[epochs == best][0]],
                "*",
                color=plots.GREEN,
                markersize=14,
                label="best weights",
            )
            plots.optimum_line(right, test, f"test: {number(test, 4)}")
            right.legend()
        right.set(title=title, xlabel="epoch", ylabel=label)
        for axes in (left, right):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
