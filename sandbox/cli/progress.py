"""An observer that shows how far a run is: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import numpy as np

from sandbox.cli.output import number, words
from sandbox.lab import Block

SECONDS_BETWEEN_LINES = 3.0
SECONDS_BETWEEN_DRAWINGS = 0.1


class Progress:
    """Prints to standard error, so that standard output stays what was asked for."""

    name = "progress"

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._shown = 0.0
        self._live: dict[str, float] = {}

    def started(self, run: Any) -> None:
        """Say what begins."""
        record = run.record
        words_before = (
            f"Resuming {record.id} at {record.unit} {number(run.resumed_at)}" if run.resumed_at else f"{record.lab} · run {record.id}"
        )
        click.echo(words_before, err=True)
        self._shown = time.monotonic()
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar
            from rich.table import Column

            columns = [
                TextColumn("{task.fields[count]}", table_column=Column(no_wrap=True)),
                BarColumn(bar_width=24),
                TimeRemainingColumn(table_column=Column(no_wrap=True, min_width=7)),
                TextColumn("{task.fields[live]}", table_column=Column(no_wrap=True)),
            ]
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True, refresh_per_second=8)
            self._task = self._bar.add_task(
                f"{record.unit}s", total=record.limit, completed=run.resumed_at, live="", count=self._count(run)
            )
            self._bar.start()

    def block(self, run: Any, block: Block) -> None:
        """Show the latest figures, not more often than can be read."""
        now = time.monotonic()
        wait = SECONDS_BETWEEN_DRAWINGS if self._bar else SECONDS_BETWEEN_LINES
        if now - self._shown < wait:
            return
        self._shown = now
        for name in getattr(run.experiment, "headline", ()):
            if name in block.columns and len(block.columns[name]):
                self._live[name] = float(np.nanmean(np.asarray(block.columns[name], dtype=np.float64)))
        live = "  ".join(f"{words(name)} {value:.3g}" for name, value in self._live.items())
        done = run.experiment.done_units
        if self._bar:
            self._bar.update(self._task, completed=done, live=live, count=self._count(run))
        else:
            click.echo(f"{self._count(run)}  {live}", err=True)

    def _count(self, run: Any) -> str:
        of = f" of {number(run.record.limit)}" if run.record.limit else ""
        return f"{run.record.unit} {number(run.experiment.done_units)}{of}"

    def ended(self, run: Any) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def preparing(self, message: str) -> None:
        """Say what takes a while before the first block."""
        click.echo(message, err=True)

    def warned(self, message: str) -> None:
        """Pass a warning on at once."""
        if not message.startswith("Traceback"):
            click.echo(click.style("Warning: ", fg="yellow") + message, err=True)
