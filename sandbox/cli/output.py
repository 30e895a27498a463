"""How results look on a screen: values, tables, small text charts, and the line that names the next command."""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from sandbox import text
from sandbox.registry import registry
from sandbox.store.files import plain

if TYPE_CHECKING:
    from sandbox.lab import Score
    from sandbox.runs import Run

BARS = "▁▂▃▄▅▆▇█"
ALONE = ("show", "list", "verify", "delete")
"""Commands that need no plugin to be loaded."""


def print_json(document: Any, indent: int | None = 2) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(_finite(document), indent=indent, ensure_ascii=False, default=plain))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: null."""
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def number(value: Any) -> str:
    """A value for people: at most five significant digits, thousands apart."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "none"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.5g}"


def score(judged: Score) -> str:
    """A score for people; of a sampled one no more digits than its standard error leaves."""
    return number(judged.value) if judged.standard_error is None else text.plus_minus(judged.value, judged.standard_error)


def summary_rows(run: Run) -> list[tuple[str, str]]:
    """The figures of a run, by name; beside its score stands how it was sampled."""
    rows = []
    judged = run.score
    for name, value in run.summary.items():
        shown = number(value)
        if judged is not None and name == judged.name and judged.episodes is not None:
            shown = f"{score(judged)} (standard error, {judged.episodes} episodes)"
        rows.append((words(name), shown))
    return rows


def size(count: int) -> str:
    """A number of bytes for people."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def words(name: str) -> str:
    """The name of a figure or column as words."""
    return name.replace("_", " ")


def pairs(rows: Iterable[tuple[str, str]], indent: int = 2) -> None:
    """Print names and values in two columns."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"{' ' * indent}{name:<{width}}  {value}")


def heading(title: str) -> None:
    """Print a heading."""
    click.echo(click.style(title, bold=True))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Print a table; columns named in `right` are aligned to the right."""
    cells = [[value if isinstance(value, str) else number(value) for value in row] for row in rows]
    widths = [max([len(column), *(len(row[place]) for row in cells)]) for place, column in enumerate(columns)]
    sides = [">" if column in right else "<" for column in columns]

    def line(row: Sequence[str]) -> str:
        return "  ".join(f"{value:{side}{width}}" for value, side, width in zip(row, sides, widths, strict=True)).rstrip()

    heading(line(columns))
    click.echo("\n".join(line(row) for row in cells))


def sparkline(values: np.ndarray, width: int = 60) -> str:
    """A line of text that rises and falls with the values: means of equal stretches, scaled from lowest to highest."""
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).any():
        return ""
    parts = np.array_split(values, min(width, len(values)))
    means = np.array([part[np.isfinite(part)].mean() if np.isfinite(part).any() else np.nan for part in parts])
    low, high = np.nanmin(means), np.nanmax(means)
    scale = (means - low) / (high - low) if high > low else means * 0 + 0.5  # where there is no value, there is no bar
    return "".join(" " if np.isnan(level) else BARS[min(int(level * len(BARS)), len(BARS) - 1)] for level in scale)


def next_commands(*commands: tuple[str, str]) -> None:
    """Name the next useful commands, each with what it does; plugins that were given with `-p` are given again."""
    click.echo()
    typed = [f"python -m sandbox {command}{'' if _alone(command) else _plugin_files()}" for command, _ in commands]
    pairs(
        [(click.style(line, fg="cyan") if sys.stdout.isatty() else line, what) for line, (_, what) in zip(typed, commands, strict=True)], 0
    )


def _alone(command: str) -> bool:
    """Whether a command does without plugins, or names its own."""
    return command.split()[0] in ALONE or "-p" in command.split()


def _plugin_files() -> str:
    """` -p FILE` for each plugin that came in one file."""
    files = [Path(plugin.source) for plugin in registry().plugins.values() if plugin.source.endswith(".py") and not plugin.error]
    return "".join(f" -p {shlex.quote(shown_path(file))}" for file in files)


def shown_path(path: Path) -> str:
    """A path as short as it can be typed from here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return relative if not relative.startswith("..") else str(path)
