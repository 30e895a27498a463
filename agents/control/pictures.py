"""Pictures and files of runs in grids: learning curve, value map, visits map, the agent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from agents.control import curves
from agents.control.base import AgentExperiment, snapshot_columns
from envs import layouts
from envs.grid import ACTIONS, STEPS
from envs.layouts import Layout
from sandbox.store import Artifacts, Metrics
from sandbox.text import number
from sandbox.visual import plots

ARROWS = np.array(STEPS, dtype=np.float64)[:, ::-1]
"""Directions (x, y) of the actions in a picture with rows counted downwards."""


def save(experiment: AgentExperiment, name: str, artifacts: Artifacts, metrics: Metrics) -> None:
    """Write the pictures and files of a finished run in a grid.

    Args:
        experiment: at its end.
        name: the name of the environment.
        artifacts: where the files go.
        metrics: the metrics of the run.
    """
    agent, columns = experiment.agent, experiment.env.layout.columns
    cells = ([*divmod(state, columns), *row.tolist()] for state, row in enumerate(agent.q))
    artifacts.write_csv("q_table.csv", ["row", "column", *ACTIONS], cells)
    keep_agent(experiment, artifacts)
    title = f"{name}: how {experiment.config.agent.name} learned"
    curve = curves.learning_curve(experiment, metrics, title)
    artifacts.save_figure("learning_curve.png", curve)
    save_maps(artifacts, name, experiment, agent.q.max(axis=1), agent.policy(), agent.visits)


def seeds_curve(first: AgentExperiment, metrics: Metrics, name: str, seeds: int) -> Figure:
    """The band of all seeds of a run.

    Args:
        first: the experiment of the first seed.
        metrics: the metrics of the run.
        name: the name of the environment.
        seeds: how many.
    """
    title = f"{name}: how {first.config.agent.name} learned"
    return curves.band_curve(metrics, first.score().optimum, seeds, title)


def save_maps(
    artifacts: Artifacts,
    name: str,
    experiment: AgentExperiment,
    values: np.ndarray | None,
    policy: np.ndarray,
    visits: np.ndarray,
) -> None:
    """Write the maps of values and visits of a grid.

    Args:
        artifacts: where the files go.
        name: the name of the environment.
        experiment: provides the agent's name and the grid.
        values: state values, float [states]; None draws no value map.
        policy: greedy action probabilities, float [states, actions].
        visits: steps spent in each state, int [states].
    """
    learner, layout = experiment.config.agent.name, experiment.env.layout
    free, draw = layout.walkable, partial(_draw_layout, layout)
    if values is not None:
        title = f"{name}: what {learner} thinks each cell is worth"
        shown = np.where(free, values.reshape(free.shape), np.nan)  # [rows, columns]
        artifacts.save_figure("value_map.png", value_map(shown, policy, free, title, draw))
    title = f"{name}: where {learner} was while learning"
    artifacts.save_figure("visits_map.png", visits_map(visits.reshape(free.shape), title, draw))


def keep_agent(experiment: AgentExperiment, artifacts: Artifacts) -> None:
    """Write the agent, its table, its snapshots, and the summary.

    Args:
        experiment: at its end.
        artifacts: where the files go.
    """
    artifacts.save_array("q_table.npy", experiment.agent.q)
    scratch = artifacts.scratch("agent.npz")
    experiment.agent.save(scratch)
    artifacts.keep(scratch, "agent.npz")
    with artifacts.open("snapshots.npz") as file:
        np.savez_compressed(file, **snapshot_columns(experiment.snapshots))
    artifacts.write_json("summary.json", experiment.summary())


GROUND = "#E5E7EB"
"""Colour of cells without a value."""
VALUE_LABEL = "value: discounted reward to come"
VISITS_LABEL = "times it was here (log scale); grey: never"


def value_map(
    values: np.ndarray,
    policy: np.ndarray,
    free: np.ndarray,
    title: str,
    draw: Callable[[Axes], None],
    label: str = VALUE_LABEL,
    arrows: np.ndarray = ARROWS,
    ground: str = "white",
) -> Figure:
    """A map of the value and the greedy actions of each cell.

    Args:
        values: discounted returns, float [rows, columns]; NaN is not drawn.
        policy: greedy action probabilities, float [states, actions].
        free: cells in which something can be done, bool [rows, columns].
        title: the title above the figure.
        draw: draws what is in the cells.
        label: the label of the colour bar.
        arrows: where each action points, (x, y), float [actions, 2].
        ground: colour of cells without a value.
    """
    with plots.style():
        figure, axes, bar = map_axes(values.shape, title)
        axes.set_facecolor(ground)
        figure.colorbar(axes.imshow(values, cmap=plots.VALUES), cax=bar, label=label)
        draw(axes)
        if max(values.shape) <= 60 and free.any():
            draw_arrows(axes, policy.reshape(*values.shape, -1), free, values, arrows)
    return figure


def visits_map(
    visits: np.ndarray, title: str, draw: Callable[[Axes], None], label: str = VISITS_LABEL
) -> Figure:
    """A map of how often each cell was visited during learning.

    Args:
        visits: steps spent in each cell, int [rows, columns].
        title: the title above the figure.
        draw: draws what is in the cells.
        label: the label of the colour bar.
    """
    scale = LogNorm(1, max(float(visits.max()), 2.0))
    with plots.style():
        figure, axes, bar = map_axes(visits.shape, title)
        axes.set_facecolor(GROUND)
        counts = np.where(visits > 0, visits, np.nan)
        drawn = axes.imshow(counts, cmap=plots.VALUES, norm=scale)
        figure.colorbar(drawn, cax=bar, label=label, format=FuncFormatter(_plain))
        bar.yaxis.set_minor_locator(NullLocator())
        draw(axes)
    return figure


def _plain(value: float, position: int | None) -> str:
    """A tick label such as 10000 instead of 10^4, because matplotlib's math text takes longer than
    the rest of the picture."""
    return number(round(value))


def map_axes(shape: tuple[int, ...], title: str) -> tuple[Figure, Axes, Axes]:
    """A figure with room for a map of this shape and for its colour bar beside it.

    Args:
        shape: rows and columns.
        title: the title above the map.
    """
    rows, columns = shape
    inches = 5.4 / max(rows, columns)
    width, height = inches * columns, max(inches * rows, 2.2)
    whole = max(width, 5.4) + 1.9  # the title above a narrow map is as long
    figure = plots.figure(whole, height + 1.0, left=0.65, right=whole - width - 0.65)
    axes = figure.subplots()
    axes.grid(False)
    axes.set(xlabel="column", ylabel="row")
    axes.set_title(title, size=min(12.0, 700 / len(title)))  # at most as wide as a square map
    if max(shape) <= 20:
        axes.set_xticks(range(columns))
        axes.set_yticks(range(rows))
    else:
        axes.locator_params(integer=True, min_n_ticks=1)
    axes.tick_params(length=0)
    bar = figure.add_axes(
        (
            (width + 0.8) / whole,
            0.6 / (height + 1.0),
            0.18 / whole,
            height / (height + 1.0),
        )
    )
    bar.grid(False)
    return figure, axes, bar


def _draw_layout(layout: Layout, axes: Axes) -> None:
    """Walls in dark slate, marks for the other kinds of ground, start and goals."""
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
    draw_marks(axes, layout)


def draw_marks(axes: Axes, layout: Layout, points: float = 14.0) -> None:
    """Draw the letters of start and goals, at most `points` high.

    Args:
        axes: a map.
        layout: the grid.
        points: largest height of the letters.
    """
    size = min(points, 220 / max(layout.cells.shape))
    draw_letter(axes, "S", layout.start, size)
    for goal in layout.goals:
        draw_letter(axes, "G", goal, size)


def draw_letter(axes: Axes, letter: str, place: tuple[float, float], points: float) -> None:
    """Draw a letter in a circle; the goal's circle is coloured.

    Args:
        axes: a map.
        letter: "S", "G" …
        place: row and column.
        points: height of the letter.
    """
    row, column = place
    axes.text(
        column,
        row,
        letter,
        ha="center",
        va="center",
        fontsize=points,
        fontweight="bold",
        color=plots.VERMILION if letter == "G" else "#111827",
        bbox={
            "boxstyle": "circle,pad=0.2",
            "facecolor": "white",
            "edgecolor": "#111827",
            "linewidth": 1.0,
        },
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
"""How other cells are drawn over their values: holes as discs, sand dotted, low walls hatched."""


def draw_arrows(
    axes: Axes,
    policy: np.ndarray,
    free: np.ndarray,
    values: np.ndarray,
    arrows: np.ndarray = ARROWS,
) -> None:
    """Draw an arrow for each greedy action and a dot for staying; light on dark cells, dark on
    light ones.

    Args:
        axes: axes with rows counted downwards.
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
