"""Progress of sweeps, comparisons and reproductions on standard error.

On a terminal it is a line that changes, elsewhere a line now and then.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from sandbox.cli.output import fitting
from sandbox.cli.progress import BAR, SECONDS_BETWEEN_DRAWINGS, SECONDS_BETWEEN_LINES, new_bar
from sandbox.text import number, plural, words

if TYPE_CHECKING:
    from rich.progress import Progress

    from sandbox.sweeps.runner import Tally


@contextlib.contextmanager
def sweep_progress(quiet: bool) -> Iterator[Callable[[Tally], None]]:
    """Shows a `Tally` whenever it changes, with a limited refresh rate.

    Args:
        quiet: show nothing.
    """
    terminal, shown = sys.stderr.isatty(), 0.0
    between = SECONDS_BETWEEN_DRAWINGS if terminal else SECONDS_BETWEEN_LINES
    bar: Progress | None = None

    def show(tally: Tally) -> None:
        nonlocal bar, shown
        now = time.monotonic()
        if quiet or now - shown < between:
            return
        shown = now
        if not terminal:
            click.echo(line(tally), err=True)
            return
        if bar is None:
            bar = new_bar("", "line")
            bar.add_task("sweep", total=None, line="")
            bar.start()
        room = bar.console.width - BAR - 1
        bar.update(bar.task_ids[0], total=tally.total, completed=tally.done, line=line(tally, room))

    try:
        yield show
    finally:
        if bar:
            bar.stop()


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
