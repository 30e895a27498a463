"""Drawings of a sweep: each trial as a line through its parameters, and their importance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from sandbox.config.model import show_value
from sandbox.sweeps.results import Result
from sandbox.text import is_number, ranks, words
from sandbox.visual import parallel, plots


def parallel_coordinates(
    results: Sequence[Result], objective: str, direction: str, title: str
) -> Figure:
    """One line for each finished trial through an axis for each parameter that varies.

    Args:
        results: finished trials, best first; at least one.
        objective, direction: what the last axis shows.
        title: above the figure.
    """
    names = list(dict.fromkeys(name for one in results for name in one.params))
    columns = {name: [_setting(one.params.get(name)) for one in results] for name in names}
    varied = {name: column for name, column in columns.items() if len(set(column)) > 1}
    first, *others = ranks(one.value for one in results)
    equal = 1 + others.count(first)
    return parallel.parallel_coordinates(
        varied or columns,
        np.array([one.value for one in results], dtype=np.float64),
        words(objective),
        title,
        higher_is_better=direction == "maximize",
        best=0,
        best_label=f"best: trial {results[0].number}" + (f", the first of {equal}" * (equal > 1)),
    )


def _setting(value: object) -> parallel.Setting:
    """A value as the axis takes it: a number, or its text."""
    return value if value is None or is_number(value) else show_value(value)


def importance_chart(importance: Mapping[str, float], objective: str, title: str) -> Figure:
    """Bars: the share of the objective's variance that each parameter explains.

    Args:
        importance: shares that add up to 1, largest first.
        objective: the name of the objective.
        title: above the figure.
    """
    names = list(importance)[::-1]
    shares = [100 * importance[name] for name in names]
    height, left = 1.5 + 0.42 * len(names), 0.4 + 0.085 * max(map(len, names))
    with plots.single(7.4, height, left=left, right=0.55) as (figure, axes):
        bars = axes.barh(names, shares, color=plots.BLUE, height=0.62)
        percent = [f"{share:.0f} %" if share >= 1 else "< 1 %" for share in shares]
        axes.bar_label(bars, percent, padding=4, color=plots.GREY)
        axes.set(
            title=title,
            xlabel=f"share of the variance of {words(objective)} [%]",
            xlim=(0, max(shares) * 1.12),
        )
        axes.grid(False, axis="y")
    return figure
