"""Figures of a comparison: how agents learned on a common axis, where their seeds ended, and which share of them is above which score.

Where there are fewer runs than an interval needs, none is drawn. An agent has one colour, line and mark in all figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.comparison.results import Standings
from sandbox.comparison.run_scores import SHARE, scores
from sandbox.seeding import generator
from sandbox.stats import aggregates, time_to_threshold
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.visual import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
CURVE_RESAMPLES = 1000
LOG_FROM = 100
"""When the last evaluation has so many times the steps of the first, the axis is logarithmic."""


def figures(made: Standings) -> dict[str, Figure]:
    """All figures, by name; learning curves only where every run has evaluations."""
    drawn = {"learning_curves": learning_curves(made)} if _have_curves(made) else {}
    return {**drawn, "scores": seeds(made), "performance_profile": performance_profile(made)}


def learning_curves(made: Standings) -> Figure:
    """IQM over seeds of the greedy score against env steps, with its pointwise 95 % interval."""
    name = _words(made.score)
    with plots.style():
        figure = _figure(made, 4.3)
        axes = figure.subplots()
        lowest = np.inf
        for number, one in enumerate(made.agents):
            curves = [run.curve for run in one.runs if run.curve is not None]
            places = time_to_threshold.grid(curves)
            if not len(places):
                continue
            values = time_to_threshold.on_grid(curves, places)  # [runs, places]
            middle = aggregates.iqm(values.T[:, :, None])  # [places]
            axes.plot(
                places,
                middle,
                **_look(number, len(made.agents)),
                marker=MARKS[number % len(MARKS)],
                markersize=4.5,
                label=one.label,
            )
            if len(values) >= MIN_RUNS:
                low, high = _band(values, one.label)
                axes.fill_between(places, low, high, color=_colour(number), alpha=0.18, linewidth=0)
            lowest = min(lowest, float(places[0]))
        highest = max(
            run.curve.at[-1] for one in made.agents for run in one.runs if run.curve is not None
        )
        if lowest > 0 and highest / lowest >= LOG_FROM:
            axes.set_xscale("log")
        else:
            axes.xaxis.set_major_formatter(
                lambda value, _: f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
            )
        _optimum(axes, made)
        axes.set(
            title="Learning curves",
            xlabel="env steps of learning",
            ylabel=f"{name} of the greedy policy",
        )
        _legend(axes, figure, made)
    return figure


def seeds(made: Standings) -> Figure:
    """Every seed's final score as a dot, and the IQM with its interval."""
    with plots.style():
        figure = plots.figure(8.0, 1.45 + 0.5 * len(made.agents), left=_margin(made), bottom=0.85)
        axes = figure.subplots()
        for number, one in enumerate(made.agents):
            values, row = scores(one.runs)[:, 0], -number
            shift = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1)
            axes.plot(
                values,
                row + shift,
                MARKS[number % len(MARKS)],
                color=_colour(number),
                alpha=0.55,
                markersize=5,
                linestyle="none",
            )
            if not np.isnan(one.iqm.low):
                axes.plot(
                    [one.iqm.low, one.iqm.high],
                    [row, row],
                    color="#111827",
                    linewidth=2.4,
                    solid_capstyle="butt",
                )
            axes.plot(
                [one.iqm.value], [row], "|", color="#111827", markersize=26, markeredgewidth=1.6
            )
        if made.optimum is not None:
            axes.axvline(
                made.optimum,
                color=plots.GREY,
                linestyle="--",
                linewidth=1.3,
                label=f"best possible: {made.optimum:.4g}",
            )
            figure.legend(loc="lower left", bbox_to_anchor=(_margin(made) / 8, 0))
        axes.set_yticks(
            [-number for number in range(len(made.agents))], [one.label for one in made.agents]
        )
        axes.set_ylim(-len(made.agents) + 0.5, 0.5)
        axes.margins(x=0.06)
        axes.set(title="Final scores", xlabel=f"final {_words(made.score)}")
    return figure


def performance_profile(made: Standings) -> Figure:
    """The share of seeds above each score, with its pointwise 95 % interval."""
    everything = np.concatenate([scores(one.runs)[:, 0] for one in made.agents])
    ends = [*everything, *([made.optimum] if made.optimum is not None else [])]
    rim = 0.05 * ((max(ends) - min(ends)) or abs(max(ends)) or 1.0)
    marks = np.unique(
        np.concatenate([np.linspace(min(ends) - rim, max(ends) + rim, 201), everything])
    )
    with plots.style():
        figure = _figure(made, 3.7)
        axes = figure.subplots()
        for number, one in enumerate(made.agents):
            rng = (
                generator(0, f"compare {one.label} profile") if len(one.runs) >= MIN_RUNS else None
            )
            profile = aggregates.profile(scores(one.runs), marks, rng)
            axes.step(
                profile.threshold,
                profile.share,
                where="post",
                **_look(number, len(made.agents)),
                label=one.label,
            )
            if rng is not None:
                axes.fill_between(
                    profile.threshold,
                    profile.low,
                    profile.high,
                    step="post",
                    color=_colour(number),
                    alpha=0.18,
                    linewidth=0,
                )
        if made.optimum is not None:
            axes.axvline(
                made.optimum,
                color=plots.GREY,
                linestyle="--",
                linewidth=1.3,
                label=f"best possible: {made.optimum:.4g}",
            )
        axes.set_ylim(-0.03, 1.03)
        axes.set(
            title="Performance profile",
            xlabel=f"final {_words(made.score)} τ",
            ylabel="share of seeds above τ",
        )
        _legend(axes, figure, made)
    return figure


def _band(values: np.ndarray, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Pointwise percentile bootstrap interval of the IQM: [runs, places] -> two of [places]. Whole runs are drawn, not single points."""
    rng = generator(0, f"compare {label} curve")
    drawn = rng.integers(len(values), size=(CURVE_RESAMPLES, len(values)))
    middles = np.stack(
        [aggregates.iqm(column[drawn][:, :, None]) for column in values.T], axis=-1
    )  # [resamples, places]
    low, high = np.quantile(middles, [0.025, 0.975], axis=0)
    return low, high


def _have_curves(made: Standings) -> bool:
    return bool(made.agents) and all(
        run.curve is not None for one in made.agents for run in one.runs
    )


def _optimum(axes: Axes, made: Standings) -> None:
    if made.optimum is not None:
        plots.optimum_line(axes, made.optimum, f"best possible: {made.optimum:.4g}")
        level = time_to_threshold.threshold(made.optimum, SHARE, made.higher_is_better)
        axes.axhline(
            level,
            color=plots.GREY,
            linestyle=":",
            linewidth=1.1,
            label=f"{100 * SHARE:.0f} % of it: {level:.4g}",
            zorder=1,
        )


def _figure(made: Standings, height: float) -> Figure:
    """An empty figure with room for the legend under its axes."""
    below = 0.62 + 0.24 * _rows(made)  # inches
    return plots.figure(8.0, height + 0.24 * _rows(made), left=0.85, bottom=below)


def _legend(axes: Axes, figure: Figure, made: Standings) -> None:
    """A legend under the axes, where it covers no curve."""
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="lower left",
        bbox_to_anchor=(0.85 / 8, 0),
        ncol=_columns(made),
        handlelength=3.2,
    )


def _columns(made: Standings) -> int:
    longest = max([len(one.label) for one in made.agents] + [20])
    return max(1, 96 // (longest + 8))


def _rows(made: Standings) -> int:
    return -(-(len(made.agents) + 2) // _columns(made))


def _margin(made: Standings) -> float:
    """Inches that the longest label needs."""
    return min(3.5, 0.35 + 0.085 * max(len(one.label) for one in made.agents))


def _look(number: int, count: int) -> dict[str, Any]:
    """Colour and line; earlier lines are wider, so that one which later ones cover shows at their sides."""
    width = 1.6 + 0.9 * min(count - 1 - number, 3)
    return {
        "color": _colour(number),
        "linestyle": LINES[number // len(plots.COLOURS) % len(LINES)],
        "linewidth": width,
    }


def _colour(number: int) -> str:
    return plots.COLOURS[number % len(plots.COLOURS)]


def _words(name: str) -> str:
    return name.replace("_", " ")
