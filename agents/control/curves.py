"""Learning curves of single runs and of many seeds, and the histogram of final scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.control.base import HIGH, LOW, AgentExperiment
from sandbox.store import Metrics
from sandbox.text import number
from sandbox.visual import plots


class CurveColumns(NamedTuple):
    """The columns of a learning curve, and their labels.

    Attributes:
        learned: column of the stream "learn".
        greedy: column of the stream "evaluate".
        label: the label of the axis.
        evaluated: label of the greedy policy's scores.
        explored: column of the stream "learn" with the exploration.
    """

    learned: str = "reward_per_step"
    greedy: str = "reward_per_step"
    label: str = "reward per step"
    evaluated: str = "greedy policy, exact"
    explored: str = "epsilon"


PER_STEP = CurveColumns()


def returns(experiment: AgentExperiment) -> CurveColumns:
    """The returns of a single seed, and how those of its greedy policy are known."""
    sampled = f"greedy policy, mean of {experiment.evaluation_episodes} episodes"
    evaluated = sampled if experiment.model is None else "greedy policy, exact"
    return CurveColumns("return", "greedy_return", "return of an episode", evaluated)


def exploration(experiment: AgentExperiment) -> str:
    """The meaning of ε for the policy in use, as a label."""
    options: Any = experiment.config.agent.options
    return "temperature ε" if options.policy == "softmax" else "exploration ε"


def learning_curve(
    experiment: AgentExperiment, metrics: Metrics, title: str, score: CurveColumns = PER_STEP
) -> Figure:
    """Scores and exploration against the episode; the best possible score is drawn as a line.

    Args:
        experiment: whose metrics they are.
        metrics: with the streams "learn" and "evaluate".
        title: the title above the figure.
        score: the columns to draw.
    """
    learn = metrics.columns("learn", ["episode", score.learned, score.explored])
    evaluate = metrics.columns("evaluate", ["episode", score.greedy])
    window = max(1, min(100, len(learn["episode"]) // 20))
    with plots.style():
        figure, upper, lower = curve_axes()
        optimum = experiment.headline_optimum
        draw_scores(upper, "episode", learn, evaluate, score, window, optimum)
        options: Any = experiment.config.agent.options
        if options.policy == "greedy":  # as planners act
            upper.lines[0].set_label("each episode, greedy")
        upper.set(title=title, ylabel=score.label)
        legend_below(upper)
        shown = plots.thinned(len(learn["episode"]))
        lower.plot(learn["episode"][shown], learn[score.explored][shown], color=plots.GREEN)
        lower.set(xlabel="episode", ylabel=exploration(experiment), ylim=(0, None))
    return figure


def curve_axes() -> tuple[Figure, Axes, Axes]:
    """A figure with a large panel for scores, a small one below it, and space for the legend."""
    figure = plots.figure(8.0, 5.7, bottom=1.1)
    panels = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1], gridspec_kw={"hspace": 0.08})
    for axes in panels:
        axes.yaxis.set_label_coords(-0.075, 0.5)
    return figure, *panels


def legend_below(axes: Axes) -> None:
    """Explain the axes below the figure, where no curve can be covered."""
    axes.figure.legends.clear()
    axes.figure.legend(
        *axes.get_legend_handles_labels(), loc="lower center", ncols=3, columnspacing=1
    )


def draw_scores(
    axes: Axes,
    x: str,
    learn: Mapping[str, np.ndarray],
    evaluate: Mapping[str, np.ndarray],
    score: CurveColumns,
    window: int,
    optimum: float | None,
) -> None:
    """Draw the scores of episodes, of the greedy policy, and the best possible one.

    Args:
        axes: to draw on.
        x: the column of both streams for the horizontal axis.
        learn: columns of the stream "learn"; may be empty.
        evaluate: columns of the stream "evaluate"; may be empty.
        score: which columns.
        window: episodes of the moving mean.
        optimum: the best possible score, or None.
    """
    if learn:
        steps, values = learn[x], learn[score.learned]
        shown = plots.thinned(len(steps))
        axes.plot(
            steps[shown],
            values[shown],
            color=plots.SKY_BLUE,
            alpha=0.45,
            linewidth=0.7,
            label="each episode, exploring",
        )
        if window > 1:
            mean = plots.moving_mean(values, window)[shown]
            label = f"mean of the last {window} episodes"
            axes.plot(steps[shown], mean, color=plots.BLUE, label=label)
    if evaluate:
        axes.plot(
            evaluate[x],
            evaluate[score.greedy],
            "o",
            markersize=4,
            color=plots.VERMILION,
            label=score.evaluated,
        )
    if optimum is not None:
        plots.optimum_line(axes, optimum, f"best possible: {number(optimum, 4)}")


def band_curve(metrics: Metrics, optimum: float | None, seeds: int, title: str) -> Figure:
    """Reward per step against the episode: interquartile mean and the middle 95 % of the seeds.

    Args:
        metrics: with the stream "learn" of `agents.control.many_seeds.ManySeeds`.
        optimum: the best possible reward per step, drawn as a line.
        seeds: how many.
        title: the title above the figure.
    """
    columns = [f"reward_per_step_{kind}" for kind in ("low", "iqm", "median", "high")]
    learn = metrics.columns("learn", ["episode", *columns])
    shown = plots.thinned(len(learn["episode"]), 1500)
    episode, low, iqm, median, high = (learn[name][shown] for name in ("episode", *columns))
    with plots.single(8.0, 4.6) as (figure, axes):
        label = f"middle {HIGH - LOW:g} % of {seeds} seeds"
        axes.fill_between(
            episode, low, high, color=plots.SKY_BLUE, alpha=0.35, linewidth=0, label=label
        )
        axes.plot(episode, iqm, color=plots.BLUE, label="interquartile mean")
        axes.plot(
            episode, median, color=plots.VERMILION, linewidth=1.0, linestyle=":", label="median"
        )
        if optimum is not None:
            plots.optimum_line(axes, optimum, f"best possible: {number(optimum, 4)}")
        axes.set(title=title, xlabel="episode", ylabel="reward per step, exploring")
        axes.legend(loc="best")
    return figure


def score_histogram(
    scores: np.ndarray,
    optimum: float | None,
    title: str,
    label: str,
) -> Figure:
    """A histogram over seeds of the greedy policy's final score.

    Args:
        scores: float [seeds].
        optimum: the best possible, drawn as a line.
        title: the title above the figure.
        label: name of the score.
    """
    low, high = min(scores.min(), 0.0), max(scores.max(), optimum or 0.0)
    with plots.single(8.0, 3.8) as (figure, axes):
        axes.hist(scores, bins=np.linspace(low - 0.01, high + 0.01, 42).tolist(), color=plots.BLUE)
        if optimum is not None:
            best = f"best possible: {number(optimum, 4)}"
            axes.axvline(optimum, label=best, **plots.DASHED)
            axes.legend(loc="upper left")
        axes.locator_params("y", integer=True)
        axes.set(title=title, xlabel=label, ylabel="seeds")
    return figure
