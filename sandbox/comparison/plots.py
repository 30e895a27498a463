"""Figures of a comparison: learning curves on a common axis, final scores, performance profiles.

With fewer runs than an interval needs, none is drawn. An agent has one colour, line and mark in all
figures.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.results import ComparisonResults
from sandbox.comparison.results import figure as shown
from sandbox.comparison.run_scores import SHARE, RunScores
from sandbox.seeding import generator
from sandbox.stats import aggregates, time_to_threshold
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.stats.intervals import LEVEL, Estimate
from sandbox.stats.time_to_threshold import ScoreCurve
from sandbox.text import words
from sandbox.visual import plots
from sandbox.visual.plots import RecordedFigure

LINES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
CURVE_RESAMPLES = 1000
LOG_FROM = 100
"""The axis is logarithmic when the last evaluation has this many times the steps of the first."""
LABEL = 34
"""Characters of a label in a line; longer ones are wrapped."""
INK = "#111827"


def figures(results: ComparisonResults) -> dict[str, RecordedFigure]:
    """All figures, by name; curves only where every measured run has them."""
    runs = [run for one in results.agents if not one.given for run in one.runs]
    drawn = {
        name: curves(results, kind)
        for name, kind in CURVES.items()
        if runs and all(kind.of(run) is not None for run in runs)
    }
    return drawn | {
        "scores": seeds(results),
        "performance_profile": performance_profile(results),
    }


def task_figures(results: ComparisonResults) -> dict[str, RecordedFigure]:
    """All figures of the results over several tasks, by name."""
    several = {"improvement": improvement(results)} if results.pairs else {}
    return {
        "aggregates": summary(results),
        "performance_profile": performance_profile(results),
        **several,
    }


def summary(results: ComparisonResults) -> RecordedFigure:
    """IQM, mean, median and optimality gap of each agent over several tasks, with intervals."""
    agents = results.agents
    panels = {
        "IQM": [one.iqm for one in agents],
        "Mean": [one.mean for one in agents],
        "Median": [one.median for one in agents],
        "Optimality gap": [one.gap for one in agents if one.gap is not None],
    }
    return _intervals({one.label: {"agent": one.label} for one in agents}, panels)


def improvement(results: ComparisonResults) -> RecordedFigure:
    """The probability of improvement of each pair, averaged over tasks, with its interval."""
    pairs = {f"{pair.one} > {pair.other}": pair for pair in results.pairs}
    figure = _intervals(
        {label: {"one": pair.one, "other": pair.other} for label, pair in pairs.items()},
        {"Probability of improvement": [pair.probability for pair in pairs.values()]},
    )
    axes = figure.axes[0]
    axes.axvline(0.5, zorder=1, **plots.DASHED)
    axes.set_xlim(-0.03, 1.03)
    return figure


def _intervals(
    rows: Mapping[str, Mapping[str, str]], panels: Mapping[str, Sequence[Estimate]]
) -> RecordedFigure:
    """Estimates as marks, and their intervals as bars.

    Args:
        rows: labels, and what identifies each of them in the data.
        panels: by title, an estimate for each row.
    """
    labels = [textwrap.fill(label, LABEL).replace("$", r"\$") for label in rows]
    lines = [line for label in labels for line in label.split("\n")]
    left = 0.35 + 0.085 * max(map(len, lines))  # inches, for the longest label
    with plots.style():
        height = 0.8 + 0.25 * len(labels) + 0.17 * len(lines)
        figure = plots.figure(max(8.0, left + 6.2), height, left=left, bottom=0.4)
        every = figure.subplots(1, len(panels), sharey=True, gridspec_kw={"wspace": 0.2})
        for axes, (title, values) in zip(np.atleast_1d(every), panels.items(), strict=True):
            for row, value in enumerate(values):
                number = row if len(panels) > 1 else 0  # pairs have no colours
                colour, mark = _colour(number), MARKS[number % len(MARKS)]
                figure.record(figure=title, **list(rows.values())[row], **value._asdict())
                axes.plot(value.value, -row, mark, c=colour, markeredgecolor=INK, markersize=6)
                if not np.isnan(value.low):
                    axes.hlines(-row, value.low, value.high, colour, linewidth=7, alpha=0.45)
            axes.set_title(title, fontsize=10.5)
            axes.locator_params(axis="x", nbins=3)
            axes.margins(x=0.12)
            axes.set_yticks([-row for row in range(len(labels))], labels)
            axes.set_ylim(0.5 - len(labels), 0.5)
    return figure


class CurveKind(NamedTuple):
    """What a figure of curves shows.

    Attributes:
        of: the curve of a run, or None.
        title, x, y: of the figure and its axes; without `y` it is the score of the greedy policy.
        best: which optimum is meant, if not that of the score.
        in_time: whether `x` is time.
    """

    of: Callable[[RunScores], ScoreCurve | None]
    title: str
    x: str
    y: str = ""
    best: str = ""
    in_time: bool = False


STEPS_AXIS = "env steps of learning"
CURVES = {
    "learning_curves": CurveKind(lambda run: run.curve, "Learning curves", STEPS_AXIS),
    "scores_in_time": CurveKind(
        lambda run: run.clock, "Learning curves in time", "seconds of learning", in_time=True
    ),
    "cumulative_regret": CurveKind(
        lambda run: run.regret,
        "Cumulative regret",
        STEPS_AXIS,
        "regret, summed over episodes",
        "the highest expected return of each episode from its start, undiscounted",
    ),
}


def curves(results: ComparisonResults, kind: CurveKind) -> RecordedFigure:
    """IQM over seeds of a curve, with its pointwise 95 % interval, and the best possible.

    Args:
        results: every measured run has the curve.
        kind: which curve.
    """
    with plots.style():
        figure = _figure(results, 4.3, 2)
        axes = figure.subplots()
        first, last = np.inf, 0.0
        for number, one in enumerate(results.agents):
            if one.given:
                continue
            curves = [curve for run in one.runs if (curve := kind.of(run)) is not None]
            last = max([last] + [float(curve.at[-1]) for curve in curves])
            if kind.in_time:  # runs of other speeds: their evaluations count together, by number
                count = min(len(curve.at) for curve in curves)
                places = np.median([curve.at[:count] for curve in curves], axis=0)
                values = np.stack([curve.score[:count] for curve in curves])
            else:
                places = time_to_threshold.grid(curves)
                values = time_to_threshold.on_grid(curves, places)  # [runs, places]
            if not len(places):
                continue
            first = min(first, float(places[0]))
            middle = aggregates.iqm(values.T[:, :, None])
            low = high = np.full(len(places), np.nan)
            (line,) = axes.plot(places, middle, label=_label(one))
            _style(line, number, len(results.agents))
            if not kind.y:
                line.set(marker=MARKS[number % len(MARKS)], markersize=4.5)
            if len(values) >= MIN_RUNS:
                low, high = _band(values, one.label)
                axes.fill_between(places, low, high, color=_colour(number), alpha=0.18, lw=0)
            at = {"seconds" if kind.in_time else "env_steps": places}
            figure.record(agent=one.label, **at, iqm=middle, low=low, high=high)
        if not kind.y and first > 0 and last / first >= LOG_FROM:
            axes.set_xscale("log")
        else:
            axes.xaxis.set_major_formatter(lambda value, _: shown(value))
        if kind.y:
            plots.optimum_line(axes, 0.0, "best possible: 0, no regret")
        elif results.optimum is not None:
            plots.optimum_line(axes, results.optimum, f"best possible: {shown(results.optimum)}")
            level = time_to_threshold.threshold(results.optimum, SHARE, results.higher_is_better)
            near = f"{100 * SHARE:.0f} % of it: {shown(level)}"
            axes.axhline(
                level, color=plots.GREY, linestyle=":", linewidth=1.1, label=near, zorder=1
            )
        axes.set(
            title=kind.title,
            xlabel=kind.x if results.timed or not kind.in_time else f"{kind.x} and evaluation",
            ylabel=kind.y or f"{words(results.score)} of the greedy policy",
        )
        _legend(axes, figure, results, kind.best)
    return figure


def seeds(results: ComparisonResults) -> RecordedFigure:
    """Every seed's final score as a dot, and the IQM with its interval."""
    agents = results.agents
    left = 0.35 + 0.085 * _width(results)  # inches, for the longest label
    with plots.style():
        room = _meant(results)
        height = 1.45 + 0.5 * len(agents) + room
        figure = plots.figure(8.0, height, left=left, bottom=0.85 + room)
        axes = figure.subplots()
        for number, one in enumerate(agents):
            values, row = one.scores[:, 0], -number
            shift = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1)
            axes.scatter(
                values,
                row + shift,
                s=25,
                c=_colour(number),
                marker=MARKS[number % len(MARKS)],
                alpha=0.55,
            )
            if not np.isnan(one.iqm.low):
                axes.hlines(row, one.iqm.low, one.iqm.high, color=INK, linewidth=2.4)
            figure.record(agent=one.label, seed=[run.seed for run in one.runs], score=values)
            axes.vlines(one.iqm.value, row - 0.36, row + 0.36, color=INK, linewidth=1.6)
        _best_possible(axes, results)
        if results.optimum is not None:  # the only line with a label
            figure.legend(loc="lower left", bbox_to_anchor=(left / 8, _say(figure, results, left)))
        axes.set_yticks([-number for number in range(len(agents))], [_label(one) for one in agents])
        axes.set_ylim(-len(agents) + 0.5, 0.5)
        axes.margins(x=0.06)
        axes.set(title="Final scores", xlabel=f"final {words(results.score)}")
    return figure


def performance_profile(results: ComparisonResults) -> RecordedFigure:
    """The share of seeds above each score, with its pointwise 95 % interval."""
    values = np.concatenate([one.scores.ravel() for one in results.agents])
    tasks = results.agents[0].scores.shape[1]
    optimum = [] if results.optimum is None else [results.optimum]
    low, high = min([*values, *optimum]), max([*values, *optimum])
    rim = 0.05 * ((high - low) or abs(high) or 1.0)
    marks = np.unique(np.concatenate([np.linspace(low - rim, high + rim, 201), values]))
    with plots.style():
        figure = _figure(results, 3.7, 1)
        axes = figure.subplots()
        for number, one in enumerate(results.agents):
            few = len(one.runs) < MIN_RUNS
            rng = None if few else generator(0, f"compare {one.label} profile")
            level = LEVEL if few else aggregates.level_for(one.scores)
            profile = aggregates.profile(one.scores, marks, rng, level)
            (line,) = axes.step(marks, profile.share, where="post", label=_label(one))
            _style(line, number, len(results.agents))
            figure.record(agent=one.label, **profile._asdict())
            if not few:
                axes.fill_between(
                    marks,
                    profile.low,
                    profile.high,
                    step="post",
                    color=_colour(number),
                    alpha=0.18,
                    lw=0,
                )
        _best_possible(axes, results)
        axes.set_ylim(-0.03, 1.03)
        axes.set(
            title="Performance profile",
            xlabel=f"final {words(results.score)} τ",
            ylabel=f"share of {'seeds' if tasks == 1 else 'runs'} above τ",
        )
        _legend(axes, figure, results)
    return figure


def _band(values: np.ndarray, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Pointwise percentile bootstrap interval of the IQM; whole runs are resampled.

    Args:
        values: float [runs, places].
        label: names the generator of the resamples.

    Returns:
        Lower and upper ends, float [places] each.
    """
    return aggregates.bootstrap_interval(
        [values.T],
        lambda drawn, axis: aggregates.iqm(drawn[..., None]),
        generator(0, f"compare {label} curve"),
        resamples=CURVE_RESAMPLES,
    )


def _best_possible(axes: Axes, results: ComparisonResults) -> None:
    """The optimum as a vertical line."""
    if results.optimum is not None:
        label = f"best possible: {shown(results.optimum)}"
        axes.axvline(results.optimum, label=label, **plots.DASHED)


def _figure(results: ComparisonResults, height: float, lines: int) -> RecordedFigure:
    """An empty figure with room for the legend under its axes.

    Args:
        results: the results whose labels the legend shows.
        height: in inches, without the legend.
        lines: entries of the legend besides the agents.
    """
    rows = -(-(len(results.agents) + lines) // _columns(results))
    legend = 0.24 * rows + 0.15 * sum(_label(one).count("\n") for one in results.agents)
    legend += _meant(results)
    return plots.figure(8.0, height + legend, left=0.85, bottom=0.62 + legend)


def _meant(results: ComparisonResults) -> float:
    """Inches for the line that says which optimum is meant."""
    return 0.22 if results.optimum is not None and results.optimum_is else 0.0


def _say(figure: RecordedFigure, results: ComparisonResults, left: float, best: str = "") -> float:
    """Say at the bottom which optimum is meant, `left` inches from the side, or less if it is long.

    Args:
        figure: the figure.
        results: the results; the optimum is that of their score unless `best` is given.
        left: inches.
        best: which optimum is meant.

    Returns:
        The height of the line, as a share of the figure's.
    """
    room = _meant(results)
    if room:
        about = f"Best possible: {best or results.optimum_is}."
        line = figure.text(left / 8, 0.01, about, fontsize=7.5, color=plots.GREY, va="bottom")
        width = line.get_window_extent().width / figure.bbox.width
        line.set_x(max(0.0, min(left / 8, 0.995 - width)))
    return float(room / figure.get_figheight())


def _legend(axes: Axes, figure: RecordedFigure, results: ComparisonResults, best: str = "") -> None:
    """A legend under the axes, so that it covers no curve, and which optimum is meant."""
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="lower left",
        bbox_to_anchor=(0.85 / 8, _say(figure, results, 0.85, best)),
        ncol=_columns(results),
        handlelength=3.2,
    )


def _columns(results: ComparisonResults) -> int:
    return max(1, 96 // (max(_width(results), 20) + 8))


def _width(results: ComparisonResults) -> int:
    """Characters of the longest line of a label."""
    return max(len(line) for one in results.agents for line in _label(one).split("\n"))


def _label(one: AgentResult) -> str:
    """An agent's label for matplotlib: broken into lines, without math text."""
    return textwrap.fill(one.label, LABEL).replace("$", r"\$")


def _style(line: Line2D, number: int, count: int) -> None:
    """Colour and line; earlier lines are wider, so that one under later ones shows at its sides."""
    line.set(
        color=_colour(number),
        linestyle=LINES[number // len(plots.COLOURS) % len(LINES)],
        linewidth=1.6 + 0.9 * min(count - 1 - number, 3),
    )


def _colour(number: int) -> str:
    return plots.COLOURS[number % len(plots.COLOURS)]
