"""Pictures and tables: points, fitted functions, losses, and the candidates of a search."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.supervised.candidates import write_ranking
from envs.datasets.curves import DataPoints, span
from plugins.regression.experiment import evaluate
from plugins.regression.network import Network
from plugins.regression.search import GridSearchExperiment
from sandbox.store import Artifacts
from sandbox.visual import plots

POINTS = 400
"""Places at which a fitted function is drawn."""


def data(points: DataPoints) -> Figure:
    """Training and test points.

    Args:
        points: has `train` and `test`, each with x and y.
    """
    with plots.single(xlabel="x", ylabel="y", title="The points") as (figure, axes):
        scatter(axes, points)
        axes.legend()
    return figure


def fitted(points: DataPoints, network: Network, title: str) -> Figure:
    """The function that a network computes, with the points."""
    x = np.linspace(*span(*points), POINTS)  # [places]
    with plots.single(xlabel="x", ylabel="y", title=title) as (figure, axes):
        scatter(axes, points)
        axes.plot(x, network(x[:, None])[:, 0], color=plots.VERMILION, label="the network")
        axes.plot([], [], " ", label=f"test MSE {evaluate(network, points.test):.3f}")
        axes.legend()
    return figure


def losses(columns: dict[str, np.ndarray], best: int | None) -> Figure:
    """Training, test and held-out loss after each epoch.

    Args:
        columns: of the stream "learn".
        best: the epoch whose parameters are kept, or None for the last one.
    """
    with plots.single(
        xlabel="epoch", ylabel="loss of a point", title="How it learned", yscale="log"
    ) as (figure, axes):
        names = {
            "train_loss": "training points",
            "validation_loss": "held out to choose",
            "test_loss": "test points, only watched",
        }
        for number, (name, label) in enumerate(names.items()):
            if name in columns:
                shown = plots.thinned(len(columns["epoch"]))
                axes.plot(
                    columns["epoch"][shown],
                    columns[name][shown],
                    color=plots.COLOURS[number],
                    label=label,
                    linewidth=1.2,
                )
        if best is not None:
            axes.axvline(best, color=plots.GREY, linestyle=":", label=f"kept: epoch {best}")
        axes.legend()
    return figure


def parallel_coordinates(search: GridSearchExperiment) -> Figure:
    """Every candidate as a line through its settings, with the selected one on top."""
    labels = {
        "hidden": "hidden layers [units]",
        "activation": "activation",
        "l1": "L1 penalty",
        "learning_rate": "learning rate",
    }
    return search.plot(labels, "loss in cross-validation\n[(y - t)² / 2]")


def finalists(search: GridSearchExperiment) -> Figure:
    """Cross-validation loss, which selects, and test MSE, which must not, of the finalists."""
    places = search.finalists
    validation = 2 * search.losses[places].mean(axis=1)  # MSE, the unit of the test error
    best = int(np.nanargmin(search.test_mse))
    with plots.single(
        7.5,
        4.4,
        xlabel="MSE in cross-validation",
        ylabel="MSE on the test points",
        title="The finalists, trained on all points",
    ) as (figure, axes):
        axes.plot(validation, search.test_mse, "o", color=plots.BLUE, alpha=0.7, label="a finalist")
        axes.plot(
            validation[search.chosen],
            search.test_mse[search.chosen],
            "D",
            color=plots.GREEN,
            markersize=10,
            label=f"chosen by cross-validation: {search.test_mse[search.chosen]:.3f}",
        )
        label = f"best on the test points, the report's way: {search.test_mse[best]:.3f}"
        axes.plot(
            validation[best],
            search.test_mse[best],
            "s",
            color=plots.VERMILION,
            markersize=9,
            fillstyle="none",
            markeredgewidth=2,
            label=label,
        )
        axes.legend(fontsize=9)
    return figure


def save_ranking(search: GridSearchExperiment, artifacts: Artifacts) -> None:
    """Write all candidates, the best by cross-validation first, as a CSV file."""
    candidates, done = search.candidates, search.finalists[: len(search.models)]
    errors = np.full((len(candidates), 2), "", dtype=object)
    errors[done, 0], errors[done, 1] = search.train_mse[: len(done)], search.test_mse[: len(done)]
    columns: dict[str, Any] = {
        "hidden": [one.size for one in candidates],
        "activation": [one.activation for one in candidates],
        "l1": [one.l1 for one in candidates],
        "learning_rate": [one.learning_rate for one in candidates],
        "cross_validation_loss": search.means(),
    }
    columns |= {f"fold_{number}": losses for number, losses in enumerate(search.losses.T, 1)}
    columns |= {"train_mse": errors[:, 0], "test_mse": errors[:, 1]}
    write_ranking(artifacts, "ranking.csv", search.ranking(), columns)


def scatter(axes: Axes, points: DataPoints) -> None:
    """Draw training and test points."""
    for curve, form, colour, size, alpha, name in (
        (points.train, "o", 0, 4, 0.7, "training"),
        (points.test, "s", 2, 5, 1.0, "test"),
    ):
        axes.plot(
            curve.x,
            curve.y,
            form,
            color=plots.COLOURS[colour],
            markersize=size,
            alpha=alpha,
            label=f"{len(curve.x)} {name} points",
        )
