"""Figures of claims: learning curves with bands, value maps side by side, reward against a penalty,
and shares with confidence intervals.

The functions only draw given data; bands contain 90 % of the runs.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from agents.control.pictures import draw_arrows, draw_marks
from envs.layouts import LOW_WALL, WALL, Layout
from sandbox.reproduction.claim import ClaimPicture
from sandbox.visual import plots

BAND = (0.05, 0.95)
"""Quantiles of the runs that bound a band."""
SOLID, LOW = "#374151", "#9CA3AF"
"""Colours of solid walls and of surmountable walls."""


class Route(NamedTuple):
    """A greedy episode with the agent's values and policy.

    Attributes:
        name: title of the map.
        layout: the grid.
        values: max over actions of Q, float [states].
        policy: greedy action probabilities, float [states, actions].
        states: states of the episode in order, until the goal.
    """

    name: str
    layout: Layout
    values: np.ndarray
    policy: np.ndarray
    states: list[int]


def learning_curves(
    name: str,
    panels: Mapping[str, Mapping[str, np.ndarray]],
    episodes: int,
    optimum: float,
    title: str,
) -> ClaimPicture:
    """Reward per step while learning, one panel for each combination.

    Args:
        name: the name of the picture's file.
        panels: for each panel title, the curves of each line by name, float [runs, points].
        episodes: episodes of a whole run; the points are equally spaced in it.
        optimum: the best possible, drawn as a line.
        title: the title above the figure.
    """
    runs, points = next(iter(next(iter(panels.values())).values())).shape
    episode = (np.arange(points) + 0.5) * episodes / points  # [points]
    with plots.style():
        figure = plots.figure(10.0, 6.4, left=0.75, right=0.2, top=0.75)
        figure.suptitle(title, x=0.75 / 10, ha="left", fontweight="bold", fontsize=13)
        grid = figure.subplots(
            2, 2, sharex=True, sharey=True, gridspec_kw={"hspace": 0.24, "wspace": 0.07}
        )
        lowest = min(
            float(np.quantile(curves, BAND[0], axis=0).min())
            for lines in panels.values()
            for curves in lines.values()
        )
        for axes, (panel, lines) in zip(grid.flat, panels.items(), strict=True):
            plots.optimum_line(axes, optimum, f"best possible: {optimum:g}")
            for (label, curves), colour in zip(lines.items(), plots.COLOURS, strict=False):
                band(axes, episode, curves, colour, label)
            axes.set_title(panel, fontsize=11)
            axes.set(xlim=(0, episodes), ylim=(max(lowest, -0.75) - 0.05, optimum + 0.12))
            axes.set(xlabel="episode", ylabel="reward per step, exploring")
            axes.label_outer()
        grid[0, 0].legend(loc="lower right")
    caption = (
        f"Exploring reward per step in stretches of {episodes // points} episodes, {runs} runs: "
        "median, and the band that 90 % of them lie in."
    )
    return ClaimPicture(name, caption, figure)


def band(axes: Axes, x: np.ndarray, curves: np.ndarray, colour: str, label: str) -> None:
    """The median of curves over given x values, and the band that 90 % of them lie in.

    Args:
        axes: to draw on.
        x: float [points].
        curves: float [runs, points].
        colour: the colour of line and band.
        label: the label of the line.
    """
    low, middle, high = np.quantile(curves, (BAND[0], 0.5, BAND[1]), axis=0)
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, middle, color=colour, label=label)


def penalty_curve(
    penalties: np.ndarray,
    measured: np.ndarray,
    best: np.ndarray,
    reported: Mapping[float, float],
    steps: Sequence[float],
    names: Sequence[str],
) -> Figure:
    """Reward per step against the wall penalty.

    Args:
        penalties: float [penalties].
        measured: for each penalty, reward per step of each run's last episodes: float [penalties,
            runs].
        best: reward per step of the exact optimum over a fine grid: float [2, points], penalty and
            reward.
        reported: the report's values by penalty.
        steps: penalties at which the best route changes.
        names: names of the routes between these penalties, from the left.
    """
    with plots.single(9.0, 5.0) as (figure, axes):
        axes.plot(
            *best, color=plots.GREY, linewidth=1.4, label="best route for discount 0.9, exact"
        )
        low, middle, high = np.quantile(measured, (BAND[0], 0.5, BAND[1]), axis=1)
        axes.errorbar(
            penalties,
            middle,
            yerr=np.maximum([middle - low, high - middle], 0),
            fmt="o",
            markersize=5,
            color=plots.BLUE,
            elinewidth=1.2,
            label=f"Q-learning + softmax: median and 90 % of {measured.shape[1]} runs",
        )
        axes.plot(
            list(reported),
            list(reported.values()),
            "D",
            markersize=10,
            fillstyle="none",
            color=plots.VERMILION,
            markeredgewidth=1.6,
            label="report",
        )
        ends = (float(penalties[0]) - 0.1, float(penalties[-1]) + 0.1)
        _draw_routes(axes, [ends[0], *steps, ends[1]], names)
        axes.set(
            title="Which way pays at which wall penalty",
            xlabel="wall penalty (reward for moving into a wall)",
            ylabel="reward per step",
            xlim=ends,
            ylim=(0.725, 0.875),
        )
        axes.legend(loc="lower left", bbox_to_anchor=(0.22, 0.04))
    return figure


def _draw_routes(axes: Axes, edges: Sequence[float], names: Sequence[str]) -> None:
    """Write the names of the routes between edges, and the penalty at each inner edge."""
    for step in edges[1:-1]:
        axes.axvline(step, color=plots.GREEN, linestyle=":", linewidth=1.4)
        axes.annotate(
            f"{step:.4f}",
            (step, 0.732),
            xytext=(4, 0),
            textcoords="offset points",
            color=plots.GREEN,
            fontweight="bold",
            va="center",
        )
    for left, right, name in zip(edges[:-1], edges[1:], names, strict=True):
        axes.annotate(
            name.replace(", ", "\n"),
            ((left + right) / 2, 0.862),
            ha="center",
            va="center",
            color="#374151",
            fontsize=9.5,
        )


def shares(
    rows: Sequence[tuple[str, float, tuple[float, float], int]],
    title: str,
    axis: str,
    groups: Sequence[int],
) -> Figure:
    """Shares of runs with their intervals.

    Args:
        rows: name, share, interval, number of runs; drawn from the top.
        title: the title above the figure.
        axis: label of the axis: what the shares refer to.
        groups: for each row the index of its colour.
    """
    height = 1.3 + 0.42 * len(rows)
    with plots.single(9.6, height, left=4.35, right=0.95) as (figure, axes):
        for place, (_, share, (low, high), runs) in enumerate(rows):
            colour = plots.COLOURS[groups[place]]
            axes.plot(
                [100 * low, 100 * high],
                [place, place],
                color=colour,
                linewidth=6,
                alpha=0.35,
                solid_capstyle="butt",
            )
            axes.plot(100 * share, place, "o", color=colour, markersize=7)
            counted = f"{round(share * runs)} of {runs}"
            axes.annotate(counted, (103, place), va="center", fontsize=9.5, annotation_clip=False)
        axes.set_yticks(range(len(rows)), [row[0] for row in rows])
        axes.set(title=title, xlabel=axis, xlim=(-1, 101), ylim=(len(rows) - 0.4, -0.6))
        axes.grid(axis="y", visible=False)
    return figure


def route_maps(routes: Sequence[Route], title: str) -> Figure:
    """Value maps side by side with a common colour scale, each with its route.

    Args:
        routes: routes in grids of one size; wall cells that the agent visited show their value.
        title: the title above the figure.
    """
    free = [route.values[route.layout.free.ravel()] for route in routes]
    label = "value: discounted reward to come"
    return _maps(routes, title, _route_map, (3.7, 4.65, 0.12), free, label)


def raw_maps(routes: Sequence[Route], title: str) -> Figure:
    """Value maps as the report drew them, walls included, with the greedy actions.

    Args:
        routes: with grids of one size.
        title: the title above the figure.
    """
    values = [route.values for route in routes]
    label = "max over actions of Q: discounted reward"
    return _maps(routes, title, _raw_map, (5.0, 5.65, 0.1), values, label)


def _maps(
    routes: Sequence[Route],
    title: str,
    draw: Callable[[Axes, Route], np.ndarray],
    inches: tuple[float, float, float],
    scaled: Sequence[np.ndarray],
    label: str,
) -> Figure:
    """Maps side by side, with one colour bar.

    Args:
        routes: one for each map.
        title: the title above the figure.
        draw: draws everything on a map except the values, and returns the values, float [rows,
            columns].
        inches: width of a map, height of the figure, and the gap between maps as a share of a map's
            width.
        scaled: values whose minimum is the lower end of the colour scale.
        label: the label of the colour bar.
    """
    side, height, gap = inches
    width = side * len(routes) + 1.3
    with plots.style():
        figure = plots.figure(width, height, left=0.6, right=1.05, top=0.75)
        figure.suptitle(title, x=0.6 / width, ha="left", fontweight="bold", fontsize=13)
        panels = figure.subplots(1, len(routes), squeeze=False, gridspec_kw={"wspace": gap})[0]
        lowest = min(float(values.min()) for values in scaled)
        highest = max(float(route.values.max()) for route in routes)
        for axes, route in zip(panels, routes, strict=True):
            axes.grid(False)
            values = draw(axes, route)
            drawn = axes.imshow(values, cmap=plots.VALUES, vmin=lowest, vmax=highest)
            axes.set_title(route.name, fontsize=11)
            axes.tick_params(length=0)
        panels[0].set_ylabel("row")
        place = ((1 - 0.9 / width), 0.6 / height, 0.16 / width, 1 - (0.6 + 0.75) / height)
        bar = figure.add_axes(place)
        bar.grid(False)
        figure.colorbar(drawn, cax=bar, label=label)
    return figure


def _cell(cell: np.ndarray, **look: Any) -> Rectangle:
    """A square over a cell (row, column)."""
    return Rectangle((cell[1] - 0.5, cell[0] - 0.5), 1, 1, **look)


def _route_map(axes: Axes, route: Route) -> np.ndarray:
    layout, shape = route.layout, route.layout.cells.shape
    crossed = np.zeros(shape, dtype=bool)
    crossed.flat[route.states] = True
    walls = (layout.cells == WALL) | (layout.cells == LOW_WALL)
    for cell in np.argwhere(walls):
        if crossed[tuple(cell)]:
            colour = plots.VERMILION
            axes.add_patch(_cell(cell, fill=False, edgecolor=colour, linewidth=2.4, zorder=4))
        else:
            colour = LOW if layout.cells[tuple(cell)] == LOW_WALL else SOLID
            axes.add_patch(_cell(cell, facecolor=colour, linewidth=0))
    rows, columns = np.divmod(np.array(route.states), shape[1])
    axes.plot(
        columns, rows, color=plots.VERMILION, linewidth=2.2, zorder=3, solid_joinstyle="round"
    )
    draw_marks(axes, layout, 9.0)
    axes.set(xlabel="column", xticks=range(0, shape[1], 3), yticks=range(0, shape[0], 3))
    return np.where(walls & ~crossed, np.nan, route.values.reshape(shape))


def _raw_map(axes: Axes, route: Route) -> np.ndarray:
    layout, shape = route.layout, route.layout.cells.shape
    values = route.values.reshape(shape)
    for cell in np.argwhere(~layout.walkable):
        axes.add_patch(_cell(cell, fill=False, edgecolor="#FFFFFF", hatch="///", linewidth=0.0))
    draw_arrows(axes, route.policy.reshape(*shape, -1), layout.walkable, values)
    draw_marks(axes, layout, 12.0)
    axes.set(xlabel="column", xticks=range(shape[1]), yticks=range(shape[0]))
    return values


def animation(route: Route, title: str) -> bytes:
    """The route as a GIF of 10 frames per second.

    Args:
        route: the route to show.
        title: the title above the frames.
    """
    from sandbox.visual.animation import write_gif

    file = io.BytesIO()
    write_gif(file, _frames(route, title), fps=10.0)
    return file.getvalue()


def _frames(route: Route, title: str) -> Iterator[np.ndarray]:
    from envs.render.snapshot import Snapshot

    cells = [route.layout.position(state) for state in route.states]
    for step, cell in enumerate(cells):
        status = f"step {step} of {len(cells) - 1}, greedy"
        yield Snapshot(
            route.layout,
            cell,
            cells[max(0, step - 8) : step],
            route.values,
            route.policy > 0,
            status=status,
            title=title,
        ).draw()
