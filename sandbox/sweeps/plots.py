"""Drawings of a sweep: every trial as a line through its parameters, and how much each parameter mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.config.model import show_value
from sandbox.sweeps.results import Result
from sandbox.text import number
from sandbox.visual import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOGARITHMIC = 20
"""Positive values whose largest is this many times the smallest are spread by their logarithm."""


FEW = 6
"""As many different numbers are each written at an axis; of more, five places between the smallest and the largest."""


def parallel_coordinates(
    results: Sequence[Result], objective: str, direction: str, title: str
) -> Figure:
    """One line for each finished trial through an axis for each parameter and, last, the objective; the best is marked.

    Args:
        results: finished trials, best first; at least one.
        objective, direction: what the last axis shows.
        title: above the figure.
    """
    import matplotlib as mpl
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    names = list(dict.fromkeys(name for one in results for name in one.params))
    names = [
        name for name in names if len({repr(one.params.get(name)) for one in results}) > 1
    ] or names
    axis = [Scale([one.params.get(name) for one in results]) for name in names]
    values = np.array([one.value for one in results], dtype=np.float64)  # [trials]
    scale = Scale(values.tolist())
    places = np.array(
        [
            [one(result.params.get(name)) for one, name in zip(axis, names, strict=True)]
            for result in results
        ]
    )
    lines = np.column_stack(
        [places.reshape(len(results), len(names)), [scale(value) for value in values]]
    )  # [trials, names + 1]
    lines = lines + _nudges(len(results))[:, None] * np.array(
        [*(one.categories is not None for one in axis), False]
    )
    with plots.style():
        figure = plots.figure(
            max(7.0, 1.55 * (len(names) + 1) + 1.4), 4.7, left=0.55, right=0.6, bottom=1.05, top=0.5
        )
        axes = figure.subplots()
        shade = Normalize(0, 1)
        colours = mpl.colormaps[plots.VALUES]
        better = scale_of(values, direction)
        for line, how_good in zip(lines[::-1], better[::-1], strict=True):  # the best last, on top
            axes.plot(
                line, color=colours(0.25 + 0.7 * how_good), linewidth=1.2, alpha=0.75, zorder=2
            )
        axes.plot(
            lines[0],
            color=plots.COLOURS[1],
            linewidth=2.6,
            zorder=4,
            label=f"best: trial {results[0].number}",
        )
        for position, one in enumerate([*axis, scale]):
            _axis(axes, position, one)
        more = f"{objective.replace('_', ' ')}\n({'more' if direction == 'maximize' else 'less'} is better)"
        axes.set_xticks(range(len(names) + 1), [*(_wrapped(name) for name in names), more])
        axes.tick_params(axis="x", length=0, pad=14)
        axes.set(title=title, yticks=[], ylim=(-0.06, 1.06), xlim=(-0.3, len(names) + 0.55))
        axes.grid(False)
        axes.spines[["left", "bottom"]].set_visible(False)
        figure.legend(loc="lower left", bbox_to_anchor=(0.02, 0.0))
        bar = figure.colorbar(
            ScalarMappable(shade, mpl.colors.ListedColormap(colours(np.linspace(0.25, 0.95, 64)))),
            ax=axes,
            pad=0.01,
            fraction=0.04,
            aspect=30,
        )
        bar.set_ticks([0, 1], labels=["worst", "best"])
        bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def importance_chart(importance: Mapping[str, float], objective: str, title: str) -> Figure:
    """Bars: the share of the objective's variance that each parameter explains.

    Args:
        importance: shares that add up to 1, largest first.
        objective: whose variance.
        title: above the figure.
    """
    names = list(importance)[::-1]
    shares = [100 * importance[name] for name in names]
    with plots.style():
        figure = plots.figure(
            7.4,
            1.5 + 0.42 * len(names),
            left=0.4 + 0.085 * max(len(name) for name in names),
            right=0.55,
        )
        axes = figure.subplots()
        bars = axes.barh(names, shares, color=plots.COLOURS[0], height=0.62)
        axes.bar_label(
            bars,
            [f"{share:.0f} %" if share >= 1 else "< 1 %" for share in shares],
            padding=4,
            color=plots.GREY,
        )
        axes.set(
            title=title,
            xlabel=f"share of the variance of {objective.replace('_', ' ')} [%]",
            xlim=(0, max(shares) * 1.12),
        )
        axes.grid(False, axis="y")
    return figure


class Scale:
    """Places between 0 and 1 for the values of one parameter: numbers by size, or by logarithm; everything else evenly spread.

    Args:
        values: of all trials; None where a trial does not have the parameter.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        known = [value for value in values if value is not None]
        self.categories: list[str] | None = None
        self.low = self.high = 0.0
        self.log = False
        self._distinct: list[float] = []
        if known and all(
            isinstance(value, (int, float)) and not isinstance(value, bool) for value in known
        ):
            self.low, self.high = float(min(known)), float(max(known))
            self.log = self.low > 0 and self.high / self.low >= LOGARITHMIC
            self._distinct = sorted(set(known))
        else:
            self.categories = sorted({show_value(value) for value in known})

    def __call__(self, value: Any) -> float:
        """The place of a value; NaN for None."""
        if value is None:
            return float("nan")
        if self.categories is not None:
            return (
                self.categories.index(show_value(value)) / (len(self.categories) - 1)
                if len(self.categories) > 1
                else 0.5
            )
        if self.high == self.low:
            return 0.5
        if self.log:
            return float(np.log(value / self.low) / np.log(self.high / self.low))
        return (float(value) - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Where to write which value."""
        if self.categories is not None:
            return [(self(name), name) for name in self.categories]
        if len(self._distinct) <= FEW:
            return [(self(value), number(value, 4, scale=0)) for value in self._distinct]
        middle = (
            np.geomspace(self.low, self.high, 5)
            if self.log
            else np.linspace(self.low, self.high, 5)
        )
        return [(self(value), number(value, 3, scale=0)) for value in middle.tolist()]


def scale_of(values: np.ndarray, direction: str) -> np.ndarray:
    """How good each value is among all, from 0 (worst) to 1 (best), by rank, equal values alike: float [n]."""
    distinct, places = np.unique(
        values if direction == "maximize" else -values, return_inverse=True
    )
    return places / (len(distinct) - 1) if len(distinct) > 1 else np.ones(len(values))


def _axis(axes: Axes, position: int, scale: Scale) -> None:
    """One upright axis with its values beside it."""
    axes.plot([position, position], [0, 1], color="#9CA3AF", linewidth=1.0, zorder=1)
    for place, text in scale.ticks():
        axes.plot(
            [position - 0.025, position + 0.025],
            [place, place],
            color="#6B7280",
            linewidth=1.0,
            zorder=3,
        )
        ground = {"facecolor": "white", "alpha": 0.78, "edgecolor": "none", "pad": 0.8}
        axes.text(
            position + 0.045,
            place,
            text,
            va="center",
            fontsize=8.5,
            color="#1F2937",
            zorder=5,
            bbox=ground,
        )


def _nudges(count: int) -> np.ndarray:
    """Small shifts that keep lines through the same category apart, the same at every drawing: float [count]."""
    return 0.03 * (2 * ((np.arange(count) * 0.618033988749895) % 1.0) - 1)


def _wrapped(name: str) -> str:
    group, dot, option = name.rpartition(".")
    return f"{group}{dot}\n{option}" if dot else name
