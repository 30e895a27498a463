"""Options of ECharts for curves, parallel coordinates and heat maps.

Names from runs are only ever values here, never keys: NiceGUI runs the value of a key that begins
with a colon as JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sandbox.text import finite, number, words
from sandbox.web.curves import Line

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""The palette of Okabe and Ito (2008) without black and yellow: readable on white and on black."""
GREY = "#7D8590"
DIGITS = 7
"""Significant digits of a point: more than a screen shows."""
LEGEND = 40
"""With more lines, only the tooltip names them."""

Options = dict[str, Any]


def curves(
    lines: Mapping[str, Line],
    unit: str,
    *,
    optimum: float | None = None,
    name: str = "",
    faint: Mapping[str, Line] | None = None,
) -> Options:
    """Curves over one axis.

    Args:
        lines: by label.
        unit: of the x axis.
        optimum: a dashed line at the best possible value.
        name: of the y axis.
        faint: the same curves before smoothing, drawn behind them.
    """
    sets: list[Options] = []
    known: dict[bytes, int] = {}
    series: list[Options] = []
    many = len(lines) > LEGEND

    def add(x: np.ndarray, y: np.ndarray, look: Options) -> None:
        """One series; those with the same places share one x column."""
        places = x.tobytes()
        if places not in known:
            known[places] = len(sets)
            sets.append({"source": [_short(x)], "sourceHeader": False})
        rows = sets[known[places]]["source"]
        rows.append(_short(y))
        where = {"datasetIndex": known[places], "encode": {"x": 0, "y": len(rows) - 1}}
        line = {"type": "line", "seriesLayoutBy": "row", "showSymbol": len(x) < 3}
        series.append({**line, **where, "animation": False, "symbolSize": 6, **look})

    for place, (label, line) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        look = {"name": label, "itemStyle": {"color": colour}}
        if line.low is not None and line.high is not None:
            hidden = {**look, **QUIET, "lineStyle": {"width": 0}, "showSymbol": False}
            stacked = {"stack": f"band {place}", "stackStrategy": "all", **hidden}
            area = {"areaStyle": {"color": colour, "opacity": 0.2}}
            add(line.x, line.low, stacked)
            add(line.x, line.high - line.low, {**stacked, **area})
        if faint and label in faint:
            thin = {"width": 1, "color": colour, "opacity": 0.3}
            add(faint[label].x, faint[label].y, {**look, **QUIET, "lineStyle": thin})
        add(line.x, line.y, {**look, "lineStyle": {"width": 1 if many else 2, "color": colour}})
    if optimum is not None and series:
        series[-1]["markLine"] = _optimum_line(optimum)
    return {**_frame(unit, name, len(lines)), "dataset": sets, "series": series}


QUIET: Options = {"silent": True, "tooltip": {"show": False}, "z": 1}
"""Drawn behind, and named nowhere."""


def _optimum_line(value: float) -> Options:
    label = {"formatter": f"optimum {number(value)}", "position": "insideEndTop", "color": GREY}
    style = {"type": "dashed", "color": GREY, "width": 1.5}
    data = [{"yAxis": value}]
    return {"silent": True, "symbol": "none", "data": data, "label": label, "lineStyle": style}


def _frame(unit: str, name: str, count: int) -> Options:
    """Axes, legend, tooltip and zoom."""
    lines = {"splitLine": {"lineStyle": {"color": GREY, "opacity": 0.2}}}
    text = {"axisLabel": {"color": GREY}, "nameTextStyle": {"color": GREY}}
    along = {"type": "value", "min": "dataMin", "max": "dataMax", "splitLine": {"show": False}}
    below = {"name": unit, "nameLocation": "middle", "nameGap": 26}
    return {
        "grid": {"left": 64, "right": 20, "top": 34 if count > 1 or name else 16, "bottom": 44},
        "xAxis": {**along, **below, **text},
        "yAxis": {"type": "value", "scale": True, "name": name, **lines, **text},
        "tooltip": {"trigger": "item" if count > 8 else "axis", "confine": True},
        "legend": {
            "show": 1 < count <= LEGEND,
            "type": "scroll",
            "textStyle": {"color": GREY},
            "right": 10,
            "top": 0,
        },
        "dataZoom": [{"type": "inside", "zoomOnMouseWheel": "ctrl"}],
    }


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
    columns = {**settings, goal: values}
    axes: list[Options] = []
    for place, (name, column) in enumerate(columns.items()):
        axis: Options = {"dim": place, "name": name, "axisLabel": {"color": GREY}}
        if not all(isinstance(value, (int, float)) for value in column):
            kinds = list(dict.fromkeys(map(str, column)))
            axis |= {"type": "category", "data": kinds}
        else:
            axis |= {"type": "value", "scale": True}
        axes.append({**axis, "nameTextStyle": {"color": GREY}})
    rows = [
        [value if axes[place]["type"] == "value" else str(value) for place, value in enumerate(row)]
        for row in zip(*columns.values(), strict=True)
    ]
    return {
        "parallel": {"left": 60, "right": 90, "top": 40, "bottom": 30},
        "parallelAxis": axes,
        "visualMap": _shades(values, len(columns) - 1),
        "series": [{"type": "parallel", "data": rows, "lineStyle": {"width": 2, "opacity": 0.8}}],
    }


def heat_map(names: Sequence[str], cells: Mapping[tuple[str, str], float], goal: str) -> Options:
    """Mean scores over two settings.

    Args:
        names: of the two settings.
        cells: (value of the first, value of the second) -> mean score.
        goal: the score's name.
    """
    across, up = (list(dict.fromkeys(key[place] for key in cells)) for place in (0, 1))
    text = {"axisLabel": {"color": GREY}, "nameTextStyle": {"color": GREY}, "type": "category"}
    rows = [
        [across.index(x), up.index(y), float(f"{value:.5g}")] for (x, y), value in cells.items()
    ]
    label = {"show": len(cells) <= 64}
    return {
        "grid": {"left": 90, "right": 90, "top": 30, "bottom": 50},
        "xAxis": {
            "data": across,
            "name": names[0],
            "nameLocation": "middle",
            "nameGap": 30,
            **text,
        },
        "yAxis": {"data": up, "name": names[1], **text},
        "tooltip": {},
        "visualMap": _shades(list(cells.values()), 2),
        "series": [{"type": "heatmap", "name": words(goal), "data": rows, "label": label}],
    }


def _shades(values: Sequence[float], dimension: int) -> Options:
    """Colours from blue to yellow with the score, readable on white and on black."""
    return {
        "min": min(values, default=0.0),
        "max": max(values, default=1.0),
        "dimension": dimension,
        "right": 0,
        "top": "middle",
        "precision": 3,
        "inRange": {"color": ["#3C6FB4", "#2A9D8F", "#E9A820"]},
        "textStyle": {"color": GREY},
    }
