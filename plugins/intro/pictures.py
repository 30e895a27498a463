"""Pictures of the lab intro."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from envs.datasets.curves import span
from plugins.intro import polynomial
from plugins.intro.experiment import CORNERS, TRUE, IntroExperiment
from plugins.intro.polynomial import mean_squared_error
from sandbox.text import number
from sandbox.visual import plots

WEIGHTS = np.logspace(-8, 2, 81)
"""Ridge weights of the picture."""


def fits(experiment: IntroExperiment) -> Figure:
    """The least-squares fits of the first nine orders, with the points."""
    orders = list(experiment.fits)[:9]
    x = np.linspace(*span(experiment.train, experiment.test), 300)
    lowest, highest = np.min(experiment.train.y), np.max(experiment.train.y)
    room = 0.6 * (highest - lowest)
    with plots.style():
        figure = plots.figure(9.0, 7.4, left=0.6, bottom=0.55, top=0.7)
        grid = figure.subplots(
            3, 3, sharex=True, sharey=True, gridspec_kw={"hspace": 0.28, "wspace": 0.08}
        ).ravel()
        for axes, order in zip(grid, orders, strict=False):
            fit = experiment.fits[order]
            _points(axes, experiment)
            axes.plot(x, polynomial.evaluate(fit, x), color=plots.VERMILION, linewidth=1.5)
            error = mean_squared_error(fit, *experiment.test)
            axes.set_title(f"order {order}: test MSE {number(error, 2)}", fontsize=10)
            axes.set(xlabel="x", ylabel="y", ylim=(lowest - room, highest + room))
            axes.label_outer()
        for axes in grid[len(orders) :]:
            axes.set_axis_off()
        grid[0].legend(fontsize=8)
        figure.suptitle(
            "Least squares: a higher order fits the noise", x=0.07, ha="left", fontweight="bold"
        )
    return figure


def errors_by_order(experiment: IntroExperiment) -> Figure:
    """Training and test error against the order."""
    orders = list(experiment.fits)
    with plots.single(
        xlabel="order of the polynomial",
        ylabel="mean squared error",
        yscale="log",
        title="Training and test error by order",
    ) as (figure, axes):
        _errors(axes, experiment, orders, list(experiment.fits.values()), "o-")
        _noise_floor(axes, experiment)
        axes.set_xticks(orders[:: 1 + len(orders) // 16])
        axes.legend()
    return figure


def errors_by_ridge(experiment: IntroExperiment) -> Figure:
    """Training and test error of the highest order against the penalty's weight."""
    config = experiment.config
    fits = [polynomial.ridge(*experiment.train, config.order, weight) for weight in WEIGHTS]
    with plots.single(
        xlabel="ridge weight",
        ylabel="mean squared error",
        xscale="log",
        yscale="log",
        title=f"Ridge tames order {config.order}",
    ) as (figure, axes):
        _errors(axes, experiment, WEIGHTS, fits, "-")
        if config.ridge:
            label = f"chosen: {config.ridge:g}"
            axes.axvline(config.ridge, color=plots.GREY, linestyle=":", label=label)
        _noise_floor(axes, experiment)
        axes.legend()
    return figure


def _errors(
    axes: Axes,
    experiment: IntroExperiment,
    x: Sequence[float] | np.ndarray,
    fits: Sequence[np.ndarray],
    form: str,
) -> None:
    """Plot training and test error of `fits` against `x`."""
    for points, label, colour in (
        (experiment.train, "training points", 0),
        (experiment.test, "test points", 2),
    ):
        errors = [max(mean_squared_error(fit, *points), 1e-16) for fit in fits]
        axes.plot(x, errors, form, color=plots.COLOURS[colour], label=label)


def extrapolation(experiment: IntroExperiment) -> Figure:
    """The models' predictions beyond the points."""
    x = np.linspace(0, 2, 400)
    truth = polynomial.evaluate(TRUE, x)
    high = experiment.config.order
    models = [
        (experiment.fits[min(2, high)], f"order {min(2, high)}", 2),
        (experiment.fits[high], f"order {high}", 1),
        (experiment.regularised, f"order {high}, ridge", 0),
    ]
    title = "Beyond the points every model guesses"
    with plots.single(xlabel="x", ylabel="y", title=title) as (figure, axes):
        axes.axvspan(1, 2, color="#F3F4F6", zorder=0)
        axes.plot(x, truth, color=plots.GREY, linestyle="--", label="the truth, without noise")
        for fit, label, colour in models:
            axes.plot(x, polynomial.evaluate(fit, x), color=plots.COLOURS[colour], label=label)
        _points(axes, experiment)
        axes.set_ylim(truth.min() - 3, truth.max() + 6)
        axes.annotate("no points here", (1.5, truth.min() - 2.6), ha="center", color=plots.GREY)
        axes.legend(loc="upper left", fontsize=9)
    return figure


def decision_map(experiment: IntroExperiment) -> Figure:
    """The class that the neighbours predict at every place of the square."""
    ticks = np.linspace(-5, 5, 201)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    voted = experiment.classify(grid).reshape(201, 201)
    colours = [plots.COLOURS[number] for number in (0, 4, 2, 3)]
    shown = experiment.known[:1000]
    title = f"The class of most of the {experiment.config.neighbours} nearest"
    with plots.single(5.8, 5.2, xlabel="x", ylabel="y", title=title, aspect="equal") as (
        figure,
        axes,
    ):
        axes.grid(False)
        axes.imshow(
            voted,
            extent=(-5, 5, -5, 5),
            origin="lower",
            cmap=ListedColormap(colours),
            alpha=0.35,
            vmin=0,
            vmax=3,
        )
        axes.scatter(
            shown[:, 0],
            shown[:, 1],
            c=[colours[one] for one in experiment.classes[: len(shown)]],
            s=5,
        )
        for corner, one in zip(CORNERS, experiment.classify(CORNERS), strict=True):
            axes.annotate(
                str(one),
                corner,
                ha="center",
                va="center",
                fontweight="bold",
                bbox={"boxstyle": "circle", "facecolor": "white", "edgecolor": "#1F2937"},
            )
        for line in (axes.axhline, axes.axvline):
            line(0, color="#1F2937", linewidth=0.8)
    return figure


def descent(experiment: IntroExperiment, learned: dict[str, np.ndarray]) -> Figure:
    """The loss over two coefficients with the path of the descent, and the loss by step."""
    path = np.array(experiment.path)  # [kept, order + 1]
    order = experiment.config.descent_order
    best = polynomial.least_squares(*experiment.train, order)
    least = mean_squared_error(best, *experiment.train)
    spans = []
    for place in (1, 2):
        reached = np.append(path[:, place], best[place])
        low, high = reached.min(), reached.max()
        room = 0.25 * (high - low) + 0.1
        spans.append(np.linspace(low - room, high + room, 120))
    surface = _surface(experiment, best, *spans)
    with plots.style():
        figure = plots.figure(10.0, 4.4)
        left, right = figure.subplots(1, 2, width_ratios=[1.15, 1], gridspec_kw={"wspace": 0.28})
        left.grid(False)
        drawn = left.contourf(
            *spans, np.log10(np.maximum(surface - least, 1e-6)), levels=20, cmap=plots.VALUES
        )
        bar = figure.colorbar(drawn, ax=left)
        bar.set_label("log10 of what the loss is above its minimum")
        left.plot(
            path[:, 1],
            path[:, 2],
            ".-",
            color=plots.VERMILION,
            markersize=3,
            linewidth=1,
            label="gradient descent, from 0",
        )
        left.plot(best[1], best[2], "*", color="black", markersize=12, label="least squares")
        left.set(
            xlabel="coefficient of x",
            ylabel="coefficient of x²",
            title="The loss, other coefficients at their best",
        )
        left.legend(loc="upper right", frameon=True, framealpha=0.85, fontsize=9)
        right.plot(learned["step"], learned["train_mse"], color=plots.BLUE, label="training points")
        right.plot(learned["step"], learned["test_mse"], color=plots.GREEN, label="test points")
        plots.optimum_line(right, least, f"least squares: {number(least, 4)}")
        right.set(
            xlabel="step",
            ylabel="mean squared error",
            xscale="log",
            yscale="log",
            title="How it descends",
        )
        right.legend(fontsize=9)
    return figure


def _surface(
    experiment: IntroExperiment, best: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """The mean squared error over the coefficients of x and x²: float64 [second, first].

    All other coefficients minimise the error given these two.
    """
    matrix = polynomial.powers(experiment.train.x, len(best) - 1)
    others = np.delete(matrix, [1, 2], axis=1)
    space, singular, _ = np.linalg.svd(others, full_matrices=False)
    space = space[:, singular > 1e-12 * singular.max()]

    def rest(column: np.ndarray) -> np.ndarray:
        """The residual of a column after least squares on the columns of the other coefficients."""
        return column - space @ (space.T @ column)

    y, one, two = rest(experiment.train.y), rest(matrix[:, 1]), rest(matrix[:, 2])
    error = y - first[None, :, None] * one - second[:, None, None] * two  # [second, first, points]
    return (error**2).mean(axis=2)


def _points(axes: Axes, experiment: IntroExperiment) -> None:
    axes.plot(*experiment.train, "o", color=plots.BLUE, markersize=4, label="training points")
    axes.plot(
        *experiment.test, "s", color=plots.GREEN, markersize=3.5, alpha=0.7, label="test points"
    )


def _noise_floor(axes: Axes, experiment: IntroExperiment) -> None:
    variance = experiment.config.noise**2
    if experiment.config.train is None and variance:
        plots.optimum_line(axes, variance, f"noise: {number(variance, 2)}")
