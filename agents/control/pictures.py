"""Pictures of control labs: learning curve, value map with greedy arrows, visits map."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from envs import layouts
from envs.layouts import Layout
from sandbox.store.metrics import Metrics
from sandbox.text import number
from sandbox.visual import plots

ARROWS = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
"""Where the actions stay, right, left, down, up point on a picture whose rows run downwards: (x, y)."""


class CurveColumns(NamedTuple):
    """What a learning curve is about: a column of the stream "learn", one of "evaluate", and what they are called."""

    learned: str = "reward_per_step"
    greedy: str = "reward_per_step"
    label: str = "reward per step"
    evaluated: str = "greedy policy, exact"


PER_STEP = CurveColumns()


def learning_curve(
    metrics: Metrics,
    optimum: float | None,
    title: str,
    exploration: str = "exploration ε",
    score: CurveColumns = PER_STEP,
) -> Figure:
    """Reward and exploration against the episode.

    Args:
        metrics: with the streams "learn" and "evaluate".
        optimum: the best possible score, drawn as a line.
        title: above the figure.
        exploration: what the lower curve is called.
        score: what is drawn.
    """
    learn = metrics.columns("learn", ["episode", score.learned, "epsilon"])
    evaluate = metrics.columns("evaluate", ["episode", score.greedy])
    window = max(1, min(100, len(learn["episode"]) // 20))
    shown = plots.thinned(len(learn["episode"]))
    with plots.style():
        figure = plots.figure(8.0, 5.2)
        upper, lower = figure.subplots(
            2, 1, sharex=True, height_ratios=[3, 1], gridspec_kw={"hspace": 0.08}
        )
        upper.plot(
            learn["episode"][shown],
            learn[score.learned][shown],
            color=plots.COLOURS[5],
            alpha=0.45,
            linewidth=0.7,
            label="each episode, exploring",
        )
        smooth = plots.moving_mean(learn[score.learned], window)
        upper.plot(
            learn["episode"][shown],
            smooth[shown],
            color=plots.COLOURS[0],
            label=f"mean of the last {window} episodes",
        )
        if evaluate:
            upper.plot(
                evaluate["episode"],
                evaluate[score.greedy],
                "o",
                markersize=4,
                color=plots.COLOURS[1],
                label=score.evaluated,
            )
        if optimum is not None:
            plots.optimum_line(upper, optimum, f"best possible: {number(optimum, 4)}")
        upper.set(title=title, ylabel=score.label)
        upper.legend(loc="lower right")
        lower.plot(learn["episode"][shown], learn["epsilon"][shown], color=plots.COLOURS[2])
        lower.set(xlabel="episode", ylabel=exploration, ylim=(0, None))
        for axes in (upper, lower):
            axes.yaxis.set_label_coords(-0.075, 0.5)
    return figure


def value_map(layout: Layout, values: np.ndarray, policy: np.ndarray, title: str) -> Figure:
    """What each cell is worth, and where the greedy policy goes from it.

    Args:
        layout: the grid.
        values: float [states], in units of discounted reward.
        policy: greedy action probabilities, float [states, actions].
        title: above the figure.
    """
    shape = layout.cells.shape
    free = layout.walkable  # [rows, columns]
    with plots.style():
        figure, axes, bar = map_axes(shape, title)
        drawn = axes.imshow(np.where(free, values.reshape(shape), np.nan), cmap=plots.VALUES)
        figure.colorbar(drawn, cax=bar, label="value: discounted reward to come")
        _walls(axes, layout)
        if max(shape) <= 60:
            draw_arrows(axes, policy.reshape(*shape, -1), free, values.reshape(shape))
        draw_marks(axes, layout)
    return figure


def visits_map(layout: Layout, visits: np.ndarray, title: str) -> Figure:
    """How often each cell was stood on during learning.

    Args:
        layout: the grid.
        visits: steps spent in each state, int [states].
        title: above the figure.
    """
    shape = layout.cells.shape
    counts = np.where(layout.walkable & (visits.reshape(shape) > 0), visits.reshape(shape), np.nan)
    with plots.style():
        figure, axes, bar = map_axes(shape, title)
        axes.set_facecolor("#E5E7EB")
        highest = float(np.nanmax(counts)) if np.isfinite(counts).any() else 1.0
        drawn = axes.imshow(counts, cmap=plots.VALUES, norm=LogNorm(1, max(highest, 2.0)))
        visits_bar(figure, drawn, bar)
        _walls(axes, layout)
        draw_marks(axes, layout)
    return figure


def visits_bar(figure: Figure, drawn: Any, bar: Axes) -> None:
    """The colour bar of numbers of steps."""
    figure.colorbar(
        drawn,
        cax=bar,
        label="steps spent here (log scale); grey: never",
        format=FuncFormatter(_plain),
    )
    bar.yaxis.set_minor_locator(NullLocator())


def _plain(value: float, position: int | None) -> str:
    """10000 rather than 10^4, as everywhere: no mathematics to typeset, which would take longer than the picture."""
    return number(round(value))


def map_axes(shape: tuple[int, ...], title: str) -> tuple[Figure, Axes, Axes]:
    """A figure with room for a map of this shape and for its colour bar beside it."""
    rows, columns = shape
    inches = 5.4 / max(rows, columns)
    width, height = inches * columns, max(inches * rows, 2.0)
    figure = plots.figure(width + 1.9, height + 1.0, left=0.65, right=1.25)
    axes = figure.subplots()
    axes.grid(False)
    axes.set(title=title, xlabel="column", ylabel="row")
    if max(shape) <= 20:
        axes.set_xticks(range(columns))
        axes.set_yticks(range(rows))
    axes.tick_params(length=0)
    bar = figure.add_axes(
        (
            (width + 0.8) / (width + 1.9),
            0.6 / (height + 1.0),
            0.18 / (width + 1.9),
            height / (height + 1.0),
        )
    )
    bar.grid(False)
    return figure, axes, bar


def _walls(axes: Axes, layout: Layout) -> None:
    """Walls in dark slate over the values, and marks for the other kinds of ground."""
    picture = np.zeros((*layout.cells.shape, 4))
    picture[layout.cells == layouts.WALL] = (0.22, 0.25, 0.32, 1.0)
    axes.imshow(picture)
    size = 110.0 / max(layout.cells.shape)  # points, about a third of a cell
    for kind, look in _GROUND.items():
        rows, columns = np.nonzero(layout.cells == kind)
        axes.scatter(
            columns,
            rows,
            s=(2.2 * size) ** 2 if kind == layouts.HOLE else (2.9 * size) ** 2,
            **look,
        )


def draw_marks(axes: Axes, layout: Layout, points: float = 14.0) -> None:
    """Start and goals by their letters, at most so many points high."""
    size = min(points, 220 / max(layout.cells.shape))
    box = {
        "boxstyle": "circle,pad=0.2",
        "facecolor": "white",
        "edgecolor": "#111827",
        "linewidth": 1.0,
    }
    row, column = layout.start
    axes.text(
        column,
        row,
        "S",
        ha="center",
        va="center",
        fontsize=size,
        fontweight="bold",
        color="#111827",
        bbox=box,
    )
    for row, column in layout.goals:
        axes.text(
            column,
            row,
            "G",
            ha="center",
            va="center",
            fontsize=size,
            fontweight="bold",
            color=plots.COLOURS[1],
            bbox=box,
        )


_GROUND: dict[int, dict[str, Any]] = {
    layouts.HOLE: {"marker": "o", "color": "#111827"},
    layouts.SAND: {
        "marker": "s",
        "facecolors": "none",
        "edgecolors": "#B45309",
        "hatch": "....",
        "linewidths": 0,
    },
    layouts.LOW_WALL: {
        "marker": "s",
        "facecolors": "none",
        "edgecolors": "#4B5563",
        "hatch": "////",
        "linewidths": 0.8,
    },
}
"""How cells that are neither floor nor wall are drawn over their values: holes as discs, sand dotted, low walls hatched."""


def draw_arrows(
    axes: Axes,
    policy: np.ndarray,
    free: np.ndarray,
    values: np.ndarray,
    arrows: np.ndarray = ARROWS,
) -> None:
    """One arrow for each greedy action (a dot for staying), light on dark cells and dark on light ones.

    Args:
        axes: with rows that run downwards.
        policy: greedy action probabilities, float [rows, columns, actions].
        free: cells in which something can be done, bool [rows, columns].
        values: their values, float [rows, columns].
        arrows: where each action points, (x, y), float [actions, 2]; (0, 0) stays.
    """
    low, high = np.nanmin(values[free]), np.nanmax(values[free])
    bright = (values - low) / (high - low) < 0.6 if high > low else np.ones_like(values, dtype=bool)
    for action, (x, y) in enumerate(arrows):
        rows, columns = np.nonzero((policy[:, :, action] > 0) & free)
        if not len(rows):
            continue
        colours = np.where(bright[rows, columns], "#111827", "#FFFFFF")
        if x == 0 and y == 0:
            axes.scatter(columns, rows, s=1200 / max(free.shape) ** 1.4, c=colours, linewidths=0)
        else:
            axes.quiver(
                columns,
                rows,
                np.full(len(rows), x),
                np.full(len(rows), y),
                color=colours,
                angles="xy",
                scale_units="xy",
                scale=2.6,
                width=0.005,
                pivot="mid",
            )
