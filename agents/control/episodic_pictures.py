"""Pictures of runs in which episodes are scored by their return.

There is a learning curve for every environment, and maps of values and visits if the states are
cells of a grid.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.control import curves, pictures
from agents.control.base import AgentExperiment
from agents.control.curves import CurveColumns
from agents.control.episodic import EpisodicScores
from agents.control.views import GridView
from sandbox.store import Artifacts, Metrics
from sandbox.text import number
from sandbox.visual import plots


def save(experiment: EpisodicScores, name: str, artifacts: Artifacts, metrics: Metrics) -> None:
    """Write the pictures and files of a finished run.

    Args:
        experiment: at its end.
        name: the name of the environment.
        artifacts: where the files go.
        metrics: the metrics of the run.
    """
    agent, learner = experiment.agent, experiment.config.agent.name
    pictures.keep_agent(experiment, artifacts)
    title = f"{name}: how {learner} learned"
    curve = learning_curve(experiment, metrics, title, curves.returns(experiment))
    artifacts.save_figure("learning_curve.png", curve)
    view = experiment.view()
    if view is None:
        return
    visits, draw = agent.visits.reshape(view.shape), partial(_draw_letters, view)
    free = (visits > 0) & ~np.isin(view.letters, ["G", "H"])
    values = np.where(free, agent.q.max(axis=1).reshape(view.shape), np.nan)
    title = f"{name}: what {learner} thinks each cell is worth"
    label = _fitting(view.shape, f"{pictures.VALUE_LABEL}; grey: none", "value")
    value_map = pictures.value_map(
        values, agent.policy(), free, title, draw, label, view.arrows, pictures.GROUND
    )
    artifacts.save_figure("value_map.png", value_map)
    title = f"{name}: where {learner} was while learning"
    label = _fitting(view.shape, pictures.VISITS_LABEL, "times it was here")
    artifacts.save_figure("visits_map.png", pictures.visits_map(visits, title, draw, label))


def seeds_curve(first: AgentExperiment, metrics: Metrics, name: str, seeds: int) -> Figure:
    """The mean return of all seeds of a run.

    Args:
        first: the experiment of the first seed.
        metrics: the metrics of the run.
        name: the name of the environment.
        seeds: how many.
    """
    title = f"{name}: how {seeds} seeds of {first.config.agent.name} learned"
    explored = "epsilon_mean" if "epsilon" in first.banded else "epsilon"
    score = CurveColumns("return_mean", label="return, mean of all seeds", explored=explored)
    return learning_curve(first, metrics, title, score)


def learning_curve(
    experiment: AgentExperiment, metrics: Metrics, title: str, score: CurveColumns
) -> Figure:
    """Returns of the episodes, the greedy policy and the best policies.

    Args:
        experiment: the experiment, or the first of many.
        metrics: the metrics of all of them.
        title: the title above the figure.
        score: the columns to draw.
    """
    figure = curves.learning_curve(experiment, metrics, title, score)
    axes = figure.axes[0]
    optimum, stationary = experiment.optimum(), experiment.stationary_optimum()
    if (
        optimum is not None
        and stationary is not None
        and optimum - stationary > 1e-6 * max(1.0, abs(optimum))
    ):
        label = f"best without counting steps: {number(stationary, 4)}"
        axes.axhline(stationary, color=plots.GREY, linestyle=":", linewidth=1.3, label=label)
    _show_the_end(axes, metrics, score)
    with plots.style():
        curves.legend_below(axes)
    return figure


def _show_the_end(axes: Axes, metrics: Metrics, score: CurveColumns) -> None:
    """Exclude very low initial returns from the axis range, because they would flatten the rest of
    the curve."""
    returns = metrics.columns("learn", [score.learned])[score.learned]
    greedy = metrics.columns("evaluate", [score.greedy]).get(score.greedy, returns)
    later = np.concatenate([returns[len(returns) // 10 :], greedy[len(greedy) // 2 :]])
    low, high = float(np.percentile(later, 1)), float(max(returns.max(), greedy.max()))
    if high > low and returns.min() < low - (high - low):
        axes.set_ylim(low - 0.4 * (high - low), high + 0.1 * (high - low))


def _fitting(shape: tuple[int, int], label: str, short: str) -> str:
    """The label of a colour bar as high as the map: the short form if the map is low."""
    return label if shape[0] >= 0.6 * shape[1] else short


def _draw_letters(view: GridView, axes: Axes) -> None:
    """The letters of cells: start and goal in circles, holes as dark discs."""
    size = min(13.0, 200 / max(view.shape))
    for row, column in np.argwhere(view.letters != " "):
        letter = str(view.letters[row, column])
        if letter == "H":
            side = (2.2 * 110.0 / max(view.shape)) ** 2
            axes.scatter([column], [row], s=side, marker="o", color="#111827")
        elif letter == "S":  # beside its arrow
            pictures.draw_letter(axes, letter, (row - 0.3, column - 0.3), 0.6 * size)
        else:
            pictures.draw_letter(axes, letter, (row, column), size)
