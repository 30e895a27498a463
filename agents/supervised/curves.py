"""How training went: loss and validation score over epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sandbox.store.metrics import Metrics
from sandbox.text import number
from sandbox.visual import plots


def training_curves(
    metrics: Metrics,
    title: str,
    loss: str,
    score: str,
    unit: str,
    best: int,
    test: float | None,
    deformed: float | None = None,
) -> Figure:
    """Loss while learning on the left; validation score (or, without validation, the learning rate) on the right.

    Args:
        metrics: of the run.
        title: of the figure.
        loss: what the loss is, with its unit.
        score: name of the validation score.
        unit: of the score.
        best: epoch of the best weights, or 0.
        test: the score on test images, or None.
        deformed: epoch with which training on deformed images ends, or None.
    """
    learned: Any = metrics.columns("learn")
    epochs = np.asarray(learned["epoch"])
    with plots.style():
        made = plots.figure(10, 4)
        left = made.add_axes((0.085, 0.15, 0.385, 0.72))
        left.plot(epochs, learned["loss"], marker="o" if len(epochs) < 25 else None, markersize=4)
        left.set(title=title, xlabel="epoch", ylabel=loss)
        if deformed is not None:
            left.axvline(
                deformed, color=plots.GREY, linestyle=":", label="from here on images as they are"
            )
            left.legend()
        right = made.add_axes((0.585, 0.15, 0.385, 0.72))
        name = f"validation_{score}"
        shown = name if name in learned else "learning_rate"
        label = (
            f"validation {score.replace('_', ' ')} ({unit})" if shown == name else "learning rate"
        )
        right.plot(
            epochs,
            learned[shown],
            color=plots.COLOURS[1],
            marker="o" if len(epochs) < 25 else None,
            markersize=4,
            label=label,
        )
        if shown == name:
            if best:
                right.plot(
                    [best],
                    [np.asarray(learned[name])[epochs == best][0]],
                    "*",
                    color=plots.COLOURS[2],
                    markersize=14,
                    label="best weights",
                )
            if test is not None:
                plots.optimum_line(right, test, f"test: {number(test, 4)}")
            right.legend()
        right.set(
            title="Validation" if shown == name else "Learning rate", xlabel="epoch", ylabel=label
        )
        for axes in (left, right):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return made
