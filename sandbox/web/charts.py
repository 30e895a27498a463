"""Options of ECharts for curves, parallel coordinates, heat maps and piano rolls.

Names from runs are only ever values here, never keys: NiceGUI runs the value of a key that begins
with a colon as JavaScript. What looks the same in every chart is in the template charts.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sandbox.config.model import show_value
from sandbox.sweeps.report import cell
from sandbox.text import finite, is_number, number, words
from sandbox.visual import html
from sandbox.web.curves import ThinnedLine

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""The palette of Okabe and Ito (2008) without black and yellow: readable on white and on black."""
DIGITS = 7
"""Significant digits of a point: more than a screen shows."""
LEGEND, TOGETHER = 40, 8
"""With more lines there is no legend; with more than eight, the tooltip shows one at a time."""

Options = dict[str, Any]


def _looks() -> Options:
    looks: Options = json.loads(html.render("charts.json"))
    return looks


def curves(
    lines: Mapping[str, ThinnedLine],
    unit: str,
    *,
    optimum: float | None = None,
    faint: Mapping[str, ThinnedLine] | None = None,
) -> Options:
    """Curves over one axis.

    Args:
        lines: by label.
        unit: of the x axis.
        optimum: a dashed line at the best possible value.
        faint: the same curves before smoothing, drawn behind them.
    """
    looks = _looks()
    quiet = looks["quiet"]
    sets: list[Options] = []
    known: dict[bytes, int] = {}
    series: list[Options] = []

    def add(x: np.ndarray, y: np.ndarray, look: Options) -> None:
        """One series; those with the same places share one x column."""
        places = x.tobytes()
        if places not in known:
            known[places] = len(sets)
            sets.append({"source": [_short(x)], "sourceHeader": False})
        rows = sets[known[places]]["source"]
        rows.append(_short(y))
        where = {"datasetIndex": known[places], "encode": {"x": 0, "y": len(rows) - 1}}
        series.append({**looks["line"], **where, "showSymbol": len(x) < 3, **look})

    for place, (label, line) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        look = {"name": label, "itemStyle": {"color": colour}}
        if line.band:
            low, high = line.band
            hidden = {**look, **quiet, "lineStyle": {"width": 0}, "showSymbol": False}
            stacked = {"stack": f"band {place}", "stackStrategy": "all", **hidden}
            add(line.x, low, stacked)
            area = {"areaStyle": {"color": colour, "opacity": 0.2}}
            add(line.x, high - low, {**stacked, **area})
        if faint and label in faint:
            thin = {"width": 1, "color": colour, "opacity": 0.3}
            add(faint[label].x, faint[label].y, {**look, **quiet, "lineStyle": thin})
        width = 1 if len(lines) > LEGEND else 2
        add(line.x, line.y, {**look, "lineStyle": {"width": width, "color": colour}})
    if optimum is not None and series:
        series[-1]["markLine"] = mark = looks["optimum"]
        mark["data"] = [{"yAxis": optimum}]
        mark["label"]["formatter"] = f"optimum {number(optimum)}"
    frame: Options = looks["curves"]
    frame["xAxis"] |= {"name": unit, "minInterval": 1}
    frame["legend"]["show"] = 1 < len(lines) <= LEGEND
    frame["grid"]["top"] = 34 if frame["legend"]["show"] else 16
    frame["tooltip"]["trigger"] = "axis" if len(lines) <= TOGETHER else "item"
    return {**frame, "dataset": sets, "series": series}


def _short(values: np.ndarray) -> list[float | None]:
    """Values for the browser, with fewer digits; None for NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        short = np.where(np.isfinite(scale), np.round(values * scale) / scale, values)
    return finite(short.tolist())


def parallel(settings: Mapping[str, Sequence[Any]], values: Sequence[float], goal: str) -> Options:
    """Every trial as a line through its settings to its score.

    Args:
        settings: by name, a value for each trial.
        values: the score of each trial.
        goal: the score's name.
    """
    looks = _looks()
    columns: dict[str, Sequence[Any]] = {}
    axes: list[Options] = []
    for place, (name, column) in enumerate([*settings.items(), (goal, values)]):
        axis = {"dim": place, "name": name, "type": "value"}
        if not all(map(is_number, column)):
            column = list(map(show_value, column))
            axis |= {"type": "category", "data": list(dict.fromkeys(column))}
        columns[name] = column
        axes.append({**looks["axis"], **axis})
    options: Options = looks["parallel"]
    options["series"][0]["data"] = list(map(list, zip(*columns.values(), strict=True)))
    shades = _shades(looks, values, len(columns) - 1)
    return {**options, "parallelAxis": axes, "visualMap": shades}


def heat_map(names: Sequence[str], cells: Mapping[tuple[Any, Any], float], goal: str) -> Options:
    """Mean scores over two settings.

    Args:
        names: of the two settings.
        cells: (value of the first, value of the second) -> mean score; numbers are put in order.
        goal: the score's name.
    """
    looks = _looks()
    options: Options = looks["heat_map"]
    kinds = [list(dict.fromkeys(key[place] for key in cells)) for place in (0, 1)]
    for axis, name, kind in zip(("xAxis", "yAxis"), names, kinds, strict=True):
        if all(map(is_number, kind)):
            kind.sort()
        options[axis] |= {"data": list(map(cell, kind)), "name": name}
    rows = [
        [kinds[0].index(x), kinds[1].index(y), float(f"{value:.5g}")]
        for (x, y), value in cells.items()
    ]
    look = {"name": words(goal), "data": rows, "label": {"show": len(cells) <= 64}}
    options["series"][0] |= look
    return {**options, "visualMap": _shades(looks, list(cells.values()), 2)}


def _shades(looks: Options, values: Sequence[float], dimension: int) -> Options:
    """Colours from blue to yellow with the score, readable on white and on black; without a bar
    where all scores are equal.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    ends = {"min": low, "max": high, "show": low < high}
    return {**looks["shades"], **ends, "dimension": dimension}


def probabilities(classes: Sequence[str], values: Sequence[float]) -> Options:
    """A bar for each class.

    Args:
        classes: their names.
        values: their probabilities.
    """
    options: Options = _looks()["bars"]
    options["xAxis"]["data"] = list(classes)
    options["series"][0]["data"] = list(values)
    return options


def piano_roll(hands: Mapping[str, Sequence[tuple[float, float, int]]]) -> Options:
    """Notes as bars over time.

    Args:
        hands: by instrument: begin and end in seconds, and pitch (MIDI, 0 to 127), of each note.
    """
    looks = _looks()
    frame: Options = looks["curves"]
    series = []
    for place, (name, notes) in enumerate(hands.items()):
        data = [
            point
            for begin, end, pitch in notes
            for point in ((begin, pitch), (end, pitch), (None, None))
        ]
        colour = {"color": COLOURS[place % len(COLOURS)]}
        series.append({**looks["notes"], **colour, "name": f"instrument {name}", "data": data})
    frame["xAxis"]["name"], frame["yAxis"]["name"] = "seconds", "pitch (MIDI)"
    frame["tooltip"]["trigger"] = "item"
    return {**frame, "series": series}


def cursor(seconds: float) -> Options:
    """A line at a time, to be merged into the options of a piano roll.

    Args:
        seconds: from the beginning.
    """
    line: Options = _looks()["cursor"]
    line["markLine"]["data"] = [{"xAxis": seconds}]
    return {"series": [line]}
