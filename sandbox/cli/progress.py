"""An observer that shows progress: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import numpy as np

from sandbox.cli.output import fitting, known_mean
from sandbox.lab import Block, Experiment
from sandbox.observer import ObservedRun, Observer
from sandbox.text import number, unit_columns, words

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 3.0
SECONDS_BETWEEN_DRAWINGS = 0.1
BAR = 16
"""Columns of a bar."""
FIGURES = 2
"""Figures of a block that are shown where the experiment does not say which."""


def new_bar(before: str, after: str, *, remaining: bool = False) -> Progress:
    """A bar on standard error.

    Args:
        before, after: the fields of a task that are shown as text before and after the bar; "" for
            none.
        remaining: whether the remaining time is shown.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    first, last = (
        TextColumn(f"{{task.fields[{name}]}}", table_column=Column(no_wrap=True))
        for name in (before, after)
    )
    time_left = TimeRemainingColumn(table_column=Column(no_wrap=True, min_width=7))
    columns = [*[first] * bool(before), BarColumn(bar_width=BAR), *[time_left] * remaining, last]
    return Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=8)


class RunProgress(Observer):
    """Prints to standard error, so that standard output has only the command's result."""

    name = "progress"

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._latest: dict[str, tuple[Sequence[float] | np.ndarray, int]] = {}
        """The newest column of each figure, and the unit that it ends with."""
        self._shown = 0.0
        self._awaited = False

    def started(self, run: ObservedRun) -> None:
        """Print which run begins."""
        record = run.record
        words_before = (
            f"Resuming {record.id} at {record.unit} {number(run.resumed_at)}"
            if run.resumed_at
            else f"{record.lab} · run {record.id}"
        )
        click.echo(words_before, err=True)
        self._shown = time.monotonic()
        if sys.stderr.isatty():
            self._bar = new_bar("count", "live", remaining=True)
            self._bar.add_task(
                f"{record.unit}s",
                total=record.limit,
                completed=run.resumed_at,
                live="",
                count=self._count(run),
            )
            self._bar.start()

    def block(self, run: ObservedRun, block: Block) -> None:
        """Keep the figures of every block, and show the latest, with a limited refresh rate."""
        for name in headline(run.experiment, block):
            if len(block.columns.get(name, ())):
                self._latest[name] = block.columns[name], last_unit(run.experiment, block)
        now = time.monotonic()
        wait = SECONDS_BETWEEN_DRAWINGS if self._bar else SECONDS_BETWEEN_LINES
        if now - self._shown < wait:
            return
        newest = max((unit for _, unit in self._latest.values()), default=0)
        older = any(unit < newest for _, unit in self._latest.values())
        self._awaited = older and not self._awaited
        if self._awaited:  # the next block may bring what is older
            return
        self._shown = now
        count = self._count(run)
        live = [
            f"{words(name)} {number(known_mean(column), 3)}"
            + (f" ({run.record.unit} {number(unit)})" if unit < newest else "")
            for name, (column, unit) in self._latest.items()
        ]
        if self._bar:
            room = self._bar.console.width - len(count) - BAR - len(" 0:00:00  ")
            self._bar.update(
                self._bar.task_ids[0],
                completed=run.experiment.done_units,
                live=fitting(live, "  ", room),
                count=count,
            )
        else:
            click.echo("  ".join([count, *live]), err=True)

    def _count(self, run: ObservedRun) -> str:
        of = f" of {number(run.record.limit)}" if run.record.limit else ""
        return f"{run.record.unit} {number(run.experiment.done_units)}{of}"

    def ended(self, run: ObservedRun) -> None:
        """Remove the bar."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def preparing(self, message: str) -> None:
        """Print what takes a while before the first block."""
        click.echo(message, err=True)

    def warned(self, message: str) -> None:
        """Print a warning at once."""
        if not message.startswith("Traceback"):
            click.echo(click.style("Warning: ", fg="yellow") + message, err=True)


def headline(experiment: Experiment, block: Block) -> Sequence[str]:
    """Which columns of a block are shown: the experiment's own choice, else the first figures of
    the block.
    """
    if experiment.headline is not None:
        return experiment.headline
    names = [name for name in block.columns if name not in unit_columns(experiment.unit)]
    return [name for name in names if np.asarray(block.columns[name]).dtype.kind in "fiu"][:FIGURES]


def last_unit(experiment: Experiment, block: Block) -> int:
    """The unit that a block ends with; without a column of them, the number that is done."""
    names = unit_columns(experiment.unit)
    columns = [block.columns[name] for name in names if name in block.columns]
    return int(columns[0][-1]) if columns else experiment.done_units
