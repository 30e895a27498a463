"""Parallel coordinates: every trial as a line through its settings, coloured by how good it is.

Each axis has a strip to its right that no line enters: its values are written there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from sandbox.text import number
from sandbox.visual import plots

Setting = float | str | None
"""A number, a category, or None where a trial does not have the setting."""

FEW, WORDS = 6, 12
"""As many different numbers, or categories, are each written at an axis; of more numbers, five
places between the ends, and of more categories some."""
LOGARITHMIC = 20
"""Positive numbers are spread by their logarithm when the largest is so many times the smallest."""
COLOURS = mpl.colormaps[plots.VALUES]
TIGHT = 0.07
"""Numbers nearer to one another, as a share of the axis, are spread evenly: labels need room."""
SHADES = 0.3, 0.95
"""The part of the colour map from the worst to the best."""
CHARACTER, GAP, HEIGHT = 0.082, 1.05, 3.1
"""Inches: width of a label's character, space for lines between two axes, height of an axis."""


def parallel_coordinates(
    settings: Mapping[str, Sequence[Setting]],
    values: Sequence[float] | np.ndarray,
    objective: str,
    title: str,
    *,
    higher_is_better: bool,
    best: int,
    best_label: str,
    clip: float = 1.0,
) -> Figure:
    """One line for each trial through an axis for each setting and, last, the objective.

    Args:
        settings: by name, with its unit where it has one; a value for each trial.
        values: values of the objective, [trials]; trials without a finite value are left out.
        objective: its name, with its unit.
        title: above the figure.
        higher_is_better: whether more of the objective is better.
        best: number of the trial that is drawn over all others.
        best_label: its text in the legend.
        clip: share of the trials that the objective's axis shows to scale; worse ones end at
            its edge, as the axis' label states.
    """
    objectives = np.asarray(values, dtype=np.float64)  # [trials]
    last, heading = _objective_axis(objectives, objective, higher_is_better, clip)
    scales = [Scale(column) for column in settings.values()] + [last]
    columns = [*settings.values(), objectives.tolist()]
    places = np.array(
        [[scale(value) for value in column] for scale, column in zip(scales, columns, strict=True)]
    ).T  # [trials, axes]
    apart = np.array([scale.even for scale in scales])
    # small shifts, always the same, keep lines through one category apart
    shifts = 0.03 * (2 * ((np.arange(len(places)) * 0.618033988749895) % 1.0) - 1)  # [trials]
    places = places + shifts[:, None] * apart
    labels = [
        label + ("\n(log scale)" if scale.log else scale.note)
        for label, scale in zip([*map(_wrapped, settings), heading], scales, strict=True)
    ]
    widths = [_width(label, scale) for label, scale in zip(labels, scales, strict=True)]
    widths[-1] += GAP  # nothing follows, so the label has no gap to reach into
    starts = np.cumsum([0.0] + [width + GAP for width in widths[:-1]])  # [axes], inches
    width = max(float(starts[-1] + widths[-1]), 0.11 * len(title), 0.09 * len(best_label) + 0.6)
    with plots.style():
        figure = plots.figure(width + 0.4, HEIGHT + 1.6, left=0.2, bottom=1.15, top=0.45)
        axes = figure.subplots()
        goodness = places[:, -1] if higher_is_better else 1 - places[:, -1]
        _draw_trials(axes, places, goodness, starts, widths)
        _emphasise(axes, places[best], starts, widths, best_label)
        for start, strip, scale in zip(starts, [*widths[:-1], 0.0], scales, strict=True):
            _draw_axis(axes, start, strip, scale)
        _draw_colours(axes, starts[-1], higher_is_better)
        for start, label in zip(starts, labels, strict=True):
            axes.text(start - 0.06, -0.09, label, va="top", fontsize=9.5, color="#1F2937")
        axes.set(title=title, xlim=(-0.1, width), ylim=(-0.03, 1.03))
        axes.set_axis_off()
        figure.legend(loc="lower left", bbox_to_anchor=(0.01, 0.0))
    return figure


class Scale:
    """Places from 0 to 1 for the values of an axis: linear, logarithmic, or evenly spread.

    Args:
        values: the values of all trials.
        crowded: whether numbers may be closer together than their labels would allow.

    Attributes:
        even: whether the values are spread evenly, as categories are.
        log: whether they are spread by their logarithm.
        note: added to the label where numbers are spread evenly.
    """

    def __init__(self, values: Sequence[Setting], crowded: bool = False) -> None:
        known = {value for value in values if value is not None and value == value}
        numbers = all(isinstance(value, (int, float)) for value in known)
        self._distinct = sorted(known) if numbers else sorted(known, key=_natural)
        self.even, self.log, self._few = not numbers, False, True
        self.low, self.high, self.note = 0.0, 0.0, ""
        if numbers and known:
            self.low, self.high = float(self._distinct[0]), float(self._distinct[-1])
            self.log = self.low > 0 and self.high / self.low >= LOGARITHMIC
            places = [self(value) for value in self._distinct]
            self._few = len(places) <= FEW and not crowded
            if self._few and len(places) > 1 and np.diff(places).min() < TIGHT:
                self.even, self.log, self.note = True, False, "\n(not to scale)"

    def __call__(self, value: Setting) -> float:
        """The place of a value, within 0 and 1; NaN for None and NaN."""
        if value is None or value != value:
            return float("nan")
        if len(self._distinct) == 1:
            return 0.5
        if self.even or isinstance(value, str):
            return self._distinct.index(value) / (len(self._distinct) - 1)
        ratio = (value - self.low) / (self.high - self.low)
        if self.log:
            ratio = float(np.log(value / self.low) / np.log(self.high / self.low))
        return min(max(ratio, 0.0), 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        """Where to write which value."""
        if self._few or len(self._distinct) == 1:
            every = -(-len(self._distinct) // WORDS)
            return [(self(value), number(value, 4, scale=0)) for value in self._distinct[::every]]
        middle = np.geomspace if self.log else np.linspace
        return [
            (self(value), number(value, 3, scale=0))
            for value in middle(self.low, self.high, 5).tolist()
        ]


def _objective_axis(
    values: np.ndarray, name: str, higher_is_better: bool, clip: float
) -> tuple[Scale, str]:
    """The scale of the objective's finite values, clipped at its worse end, and its label."""
    shown = values[np.isfinite(values)]
    edge = float(np.quantile(shown, 1 - clip if higher_is_better else clip))
    within = np.maximum(shown, edge) if higher_is_better else np.minimum(shown, edge)
    rest = f";\nworse than {number(edge, 3)} at the edge" if (within != shown).any() else ""
    more = "more" if higher_is_better else "less"
    return Scale(within.tolist(), crowded=True), f"{name}\n({more} is better{rest})"


def _segments(
    places: np.ndarray, starts: np.ndarray, widths: Sequence[float]
) -> list[list[tuple[float, float]]]:
    """The pieces of a line between the axes' strips, in inches and places: two ends each."""
    ends = starts[:-1] + widths[:-1]
    pieces = zip(ends, places[:-1], starts[1:], places[1:], strict=True)
    return [[(x, y), (to, at)] for x, y, to, at in pieces if y == y and at == at]


def _draw_trials(
    axes: Axes,
    places: np.ndarray,
    goodness: np.ndarray,
    starts: np.ndarray,
    widths: Sequence[float],
) -> None:
    """All trials with a finite value, the better ones over the others.

    Args:
        places: float [trials, axes].
        goodness: 0 to 1, float [trials].
        starts, widths: positions and widths of the axes' strips, in inches.
    """
    low, high = SHADES
    order = [one for one in np.argsort(goodness, kind="stable") if np.isfinite(goodness[one])]
    segments = {one: _segments(places[one], starts, widths) for one in order}
    axes.add_collection(
        LineCollection(
            [segment for parts in segments.values() for segment in parts],
            colors=[
                COLOURS(low + (high - low) * goodness[one])
                for one, parts in segments.items()
                for _ in parts
            ],
            linewidths=1.2 if len(order) < 100 else 0.8,
            alpha=0.7,
            zorder=2,
        )
    )


def _emphasise(
    axes: Axes, places: np.ndarray, starts: np.ndarray, widths: Sequence[float], label: str
) -> None:
    """The best trial: thick, over the others, with a dot on each axis."""
    colour = plots.VERMILION
    segments = _segments(places, starts, widths)
    axes.add_collection(LineCollection(segments, colors=colour, linewidths=2.8, zorder=4))
    axes.plot(starts, places, "o", color=colour, markersize=6, zorder=6, clip_on=False)
    axes.plot([], [], "o-", color=colour, linewidth=2.8, markersize=6, label=label)


def _draw_axis(axes: Axes, start: float, width: float, scale: Scale) -> None:
    """One upright axis with its values in the strip to its right."""
    axes.axvspan(start, start + width, color="#F3F4F6", zorder=0)
    axes.plot([start, start], [0, 1], color="#9CA3AF", linewidth=1.0, zorder=3)
    for place, text in scale.ticks():
        axes.plot([start, start + 0.05], [place, place], color="#6B7280", linewidth=1.0, zorder=3)
        axes.text(start + 0.12, place, text, va="center", fontsize=8.5, color="#1F2937")


def _draw_colours(axes: Axes, start: float, higher_is_better: bool) -> None:
    """The colours of the lines beside the objective's axis."""
    shades = np.linspace(*SHADES, 256)[:, None]
    axes.imshow(
        COLOURS(shades if higher_is_better else shades[::-1]),
        extent=(start - 0.04, start + 0.04, 0, 1),
        origin="lower",
        aspect="auto",
        zorder=3,
    )


def _width(label: str, scale: Scale) -> float:
    """Inches that the strip of an axis needs for its values, and with the gap for its label."""
    texts = max(len(text) for _, text in scale.ticks())
    return max(0.25 + CHARACTER * texts, 0.09 * max(map(len, label.split("\n"))) - GAP)


def _natural(text: Setting) -> list[tuple[bool, float, str]]:
    """A key that sorts "25,10" before "100,10": numbers inside a text by size."""
    parts = re.split(r"(\d+(?:\.\d+)?)", str(text))
    return [(False, float(part), "") if part[:1].isdigit() else (True, 0.0, part) for part in parts]


def _wrapped(name: str) -> str:
    """A name in two lines where it has two parts: "agent.alpha"."""
    group, dot, option = name.rpartition(".")
    return f"{group}{dot}\n{option}" if dot else name
