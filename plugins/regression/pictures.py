"""Pictures and tables of the lab regression: points, fitted functions, losses, and what a search found."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from plugins.regression.network import Network
from sandbox.visual import plots

POINTS = 400
"""Places at which a fitted function is drawn."""


def data(points: Any) -> Figure:
    """Training and test points.

    Args:
        points: has `train` and `test`, each with x and y.
    """
    with plots.style():
        figure = plots.figure(7.0, 4.2)
        axes = figure.add_subplot(xlabel="x", ylabel="y", title="The points")
        _scatter(axes, points)
        axes.legend()
    return figure


def fitted(points: Any, network: Network, title: str) -> Figure:
    """The function that a network computes, among the points."""
    x = np.linspace(*_reach(points), POINTS)  # [places]
    with plots.style():
        figure = plots.figure(7.0, 4.2)
        axes = figure.add_subplot(xlabel="x", ylabel="y", title=title)
        _scatter(axes, points)
        axes.plot(x, network(x[:, None])[:, 0], color=plots.COLOURS[1], label="the network")
        test = np.mean((network(points.test.x[:, None])[:, 0] - points.test.y) ** 2)
        axes.plot([], [], " ", label=f"test MSE {test:.3f}")
        axes.legend()
    return figure


def losses(columns: dict[str, np.ndarray], best: int | None) -> Figure:
    """Training, test and held-out loss after each epoch.

    Args:
        columns: of the stream "learn".
        best: the epoch whose parameters were kept, or None when it is the last.
    """
    with plots.style():
        figure = plots.figure(7.0, 4.2)
        axes = figure.add_subplot(
            xlabel="epoch", ylabel="loss of a point", title="How it learned", yscale="log"
        )
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


def parallel_coordinates(search: Any) -> Figure:
    """Every candidate as a line through its settings, coloured by its cross-validation loss; the chosen one is drawn over the others.

    Args:
        search: a finished `search.SearchExperiment`.
    """
    import matplotlib as mpl

    loss = search.losses.mean(axis=1)  # [candidates]
    shown = np.where(np.isfinite(loss), loss, np.nan)
    worst = float(np.nanquantile(shown, 0.9))
    axes_of = {
        "hidden layers": [one.size for one in search.candidates],
        "activation": [one.activation for one in search.candidates],
        "L1": [f"{one.l1:g}" for one in search.candidates],
        "learning rate": [f"{one.learning_rate:g}" for one in search.candidates],
    }
    order = {name: list(dict.fromkeys(values)) for name, values in axes_of.items()}
    places = np.array(
        [
            [order[name].index(value) / max(1, len(order[name]) - 1) for value in values]
            for name, values in axes_of.items()
        ]
    ).T  # [candidates, axes]
    low = float(np.nanmin(shown))
    height = np.clip((shown - low) / max(worst - low, 1e-12), 0, 1)  # [candidates]
    with plots.style():
        figure = plots.figure(9.5, 5.0, left=0.9, right=0.9, bottom=0.6, top=0.7)
        axes = figure.add_subplot()
        colours = mpl.colormaps["viridis_r"]
        rng = np.random.default_rng(
            0
        )  # shifts lines a little, so that those that coincide can be told apart
        shift = rng.uniform(-0.012, 0.012, places.shape)
        worst_first = np.argsort(-np.nan_to_num(height, nan=2.0), kind="stable")
        for number in worst_first:
            if np.isfinite(height[number]):
                line = [*(places[number] + shift[number]), height[number]]
                axes.plot(range(5), line, color=colours(height[number]), linewidth=0.8, alpha=0.55)
        if len(search.finalists):
            chosen = search.finalists[search.chosen]
            axes.plot(
                range(5),
                [*places[chosen], height[chosen]],
                color=plots.COLOURS[1],
                linewidth=3,
                label=f"chosen: {search.candidates[chosen]}",
            )
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.17))
        for column, (name, values) in enumerate(order.items()):
            axes.axvline(column, color=plots.GREY, linewidth=1)
            for number, value in enumerate(values):
                at = number / max(1, len(values) - 1)
                axes.annotate(
                    value,
                    (column, at),
                    xytext=(-4, 0),
                    textcoords="offset points",
                    fontsize=8.5,
                    ha="right",
                    va="center",
                    bbox=_paper(),
                )
            axes.annotate(name, (column, 1.04), ha="center", va="bottom", fontweight="bold")
        axes.axvline(4, color=plots.GREY, linewidth=1)
        for share in (0.0, 0.5, 1.0):
            text = number(low + share * (worst - low), 3) + (" or more" if share == 1 else "")
            axes.annotate(
                text,
                (4, share),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize=8.5,
                ha="left",
                va="center",
                bbox=_paper(),
            )
        axes.annotate("loss", (4, 1.04), ha="center", va="bottom", fontweight="bold")
        axes.set(xlim=(-0.45, 4.35), ylim=(-0.06, 1.08))
        axes.set_axis_off()
        figure.suptitle(
            f"{len(loss)} candidates by cross-validation", x=0.02, ha="left", fontweight="bold"
        )
    return figure


def finalists(search: Any) -> Figure:
    """Cross-validation loss and test MSE of the best few: what chose, and what must not choose."""
    places = search.finalists
    validation = 2 * search.losses[places].mean(axis=1)  # MSE, the unit of the test error
    best = int(np.nanargmin(search.test_mse))
    with plots.style():
        figure = plots.figure(7.5, 4.4)
        axes = figure.add_subplot(
            xlabel="MSE in cross-validation",
            ylabel="MSE on the test points",
            title="The finalists, trained on all points",
        )
        axes.plot(
            validation, search.test_mse, "o", color=plots.COLOURS[0], alpha=0.7, label="a finalist"
        )
        axes.plot(
            validation[search.chosen],
            search.test_mse[search.chosen],
            "D",
            color=plots.COLOURS[2],
            markersize=10,
            label=f"chosen by cross-validation: {search.test_mse[search.chosen]:.3f}",
        )
        label = f"best on the test points, the report's way: {search.test_mse[best]:.3f}"
        axes.plot(
            validation[best],
            search.test_mse[best],
            "s",
            color=plots.COLOURS[1],
            markersize=9,
            fillstyle="none",
            markeredgewidth=2,
            label=label,
        )
        axes.legend(fontsize=9)
    return figure


def ranking_table(search: Any) -> str:
    """All candidates, the best by cross-validation first, as comma-separated text."""
    loss = search.losses.mean(axis=1)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    folds = [f"fold_{number + 1}" for number in range(search.losses.shape[1])]
    writer.writerow(
        [
            "rank",
            "hidden",
            "activation",
            "l1",
            "learning_rate",
            "cross_validation_loss",
            *folds,
            "train_mse",
            "test_mse",
        ]
    )
    for rank, number in enumerate(np.argsort(loss, kind="stable"), 1):
        one = search.candidates[number]
        errors = (
            [search.train_mse[rank - 1], search.test_mse[rank - 1]]
            if rank <= len(search.models)
            else ["", ""]
        )
        writer.writerow(
            [
                rank,
                one.size,
                one.activation,
                one.l1,
                one.learning_rate,
                loss[number],
                *search.losses[number],
                *errors,
            ]
        )
    return text.getvalue()


def _scatter(axes: Any, points: Any) -> None:
    axes.plot(
        points.train.x,
        points.train.y,
        "o",
        color=plots.COLOURS[0],
        markersize=4,
        alpha=0.7,
        label=f"{len(points.train.x)} training points",
    )
    axes.plot(
        points.test.x,
        points.test.y,
        "s",
        color=plots.COLOURS[2],
        markersize=5,
        label=f"{len(points.test.x)} test points",
    )


def _reach(points: Any) -> tuple[float, float]:
    x = np.concatenate([points.train.x, points.test.x])
    return float(x.min()), float(x.max())


def _paper() -> dict[str, Any]:
    return {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
