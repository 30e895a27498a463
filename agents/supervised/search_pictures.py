"""What a random search found: a table of all candidates, and their scores against what was drawn."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sandbox.visual import plots


def table(experiment: Any, names: Sequence[str]) -> str:
    """All candidates, best first, as comma-separated text: rank, mean score, best epoch, settings."""
    means, epochs = experiment.table()
    task = experiment.final.task
    order = np.argsort(-means if task.higher else means, kind="stable")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", f"cv_{task.score}", "best_epoch", *names])
    for rank, one in enumerate(order, 1):
        settings = [getattr(experiment.candidates[one], name) for name in names]
        writer.writerow(
            [
                rank,
                float(means[one]),
                float(epochs[one]),
                *(
                    " ".join(map(str, value)) if isinstance(value, tuple) else value
                    for value in settings
                ),
            ]
        )
    return text.getvalue()


def scores(experiment: Any, names: Sequence[str], logarithmic: Sequence[str]) -> Figure:
    """Mean score of each candidate against each of some settings; the winner is marked."""
    means, _ = experiment.table()
    winner, task = experiment.winner, experiment.final.task
    with plots.style():
        made = plots.figure(3.4 * len(names) + 0.8, 3.9)
        for number, name in enumerate(names):
            width = 1 / len(names)
            axes = made.add_axes(((number + 0.2) * width, 0.16, 0.75 * width, 0.66))
            values = np.array([getattr(one, name) for one in experiment.candidates[: len(means)]])
            axes.plot(values, means, "o", markersize=5, alpha=0.7)
            axes.plot(
                values[winner],
                means[winner],
                "*",
                color=plots.COLOURS[1],
                markersize=14,
                label="best",
            )
            if name in logarithmic:
                axes.set_xscale("log")
            axes.set(
                xlabel=name.replace("_", " "),
                ylabel=f"{task.score} in cross-validation" if number == 0 else "",
            )
            if number == 0:
                axes.legend()
        made.text(
            0.02,
            0.93,
            f"Random search: {len(means)} candidates",
            fontsize=12,
            fontweight="bold",
            va="center",
        )
    return made
