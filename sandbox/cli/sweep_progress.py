"""Progress of sweeps, comparisons and reproductions on standard error.

On a terminal it is a line that changes, elsewhere a line now and then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import click

from sandbox.cli.output import fitting
from sandbox.cli.progress import BAR, SECONDS_BETWEEN_DRAWINGS, SECONDS_BETWEEN_LINES
from sandbox.text import number, plural, words

if TYPE_CHECKING:
    from rich.progress import Progress

    from sandbox.sweeps.runner import Tally


class SweepProgress:
    """Shows a `Tally` whenever it changes.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._shown = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None

    def __call__(self, tally: Tally) -> None:
        """Show the tally, with a limited refresh rate."""
        now = time.monotonic()
        if self._quiet or now - self._shown < (
            SECONDS_BETWEEN_DRAWINGS if sys.stderr.isatty() else SECONDS_BETWEEN_LINES
        ):
            return
        self._shown = now
        if not sys.stderr.isatty():
            click.echo(line(tally), err=True)
            return
        if self._bar is None:
            self._bar = self._started()
        self._bar.update(
            self._bar.task_ids[0],
            total=tally.total,
            completed=tally.done,
            line=line(tally, self._bar.console.width - BAR - 1),
        )

    def _started(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        text = TextColumn("{task.fields[line]}", table_column=Column(no_wrap=True))
        bar = Progress(
            BarColumn(bar_width=BAR),
            text,
            console=Console(stderr=True),
            transient=True,
            refresh_per_second=8,
        )
        bar.add_task("sweep", total=None, line="")
        bar.start()
        return bar


def counter(what: str) -> Callable[[int, int, str], None]:
    """Shows how many are done, and the name of the last.

    Args:
        what: is counted: "runs done".

    Returns:
        A function of (number done, total, name of the last one).
    """
    terminal = sys.stderr.isatty()

    def show(done: int, total: int, name: str) -> None:
        if terminal:
            end = "\r\x1b[K" if done == total else ""
            click.echo(f"\r\x1b[K{done} of {total}: {name}{end}", nl=False, err=True)
        elif done % 10 == 0 and done < total:
            click.echo(f"{done} of {total} {what}", err=True)

    return show


def line(tally: Tally, room: int = 1000) -> str:
    """A tally in words: `12 of 30 runs done · 2 running · 0 failed · best regret 0.75 · 1:20 left`.

    Args:
        tally: how far it is.
        room: available columns.
    """
    total = plural(tally.total, "run")
    parts = [
        f"{number(tally.done)} of {total} done",
        f"{tally.running} running",
        f"{tally.failed} failed",
    ]
    if tally.pruned:
        parts.append(f"{tally.pruned} given up")
    if tally.best is not None:
        parts.append(f"best {words(tally.objective)} {number(tally.best, 4)}")
    if tally.left_seconds is not None and tally.done < tally.total:
        minutes, seconds = divmod(round(tally.left_seconds), 60)
        hours, minutes = divmod(minutes, 60)
        parts.append(
            f"{hours}:{minutes:02d}:{seconds:02d} left"
            if hours
            else f"{minutes}:{seconds:02d} left"
        )
    return fitting(parts, " · ", room)
