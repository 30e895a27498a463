"""What is printed at the end of a run."""

from __future__ import annotations

import os
from pathlib import Path

import click

from sandbox.api import Run
from sandbox.cli.output import heading, next_commands, number, pairs, print_json, size, words

EXIT_CODES = {"finished": 0, "timed-out": 0, "interrupted": 130, "failed": 1, "lost": 1, "running": 0}


def print_run(run: Run, *, as_json: bool = False) -> int:
    """Print a run's ending and return the exit code that goes with it."""
    if as_json:
        print_json(run.document())
        return EXIT_CODES[run.status]
    record = run.record
    heading(
        f"{record.lab}{' · ' + record.agent if record.agent else ''} · seed {record.seed} · {record.status} at {record.unit} {number(record.done_units)}"
    )
    pairs((words(name), number(value)) for name, value in record.summary.items())
    if record.artifacts:
        click.echo(f"Kept in {shown_path(run.path)}:")
        pairs((artifact.name, size(artifact.size)) for artifact in record.artifacts)
    else:
        click.echo(f"Kept in {shown_path(run.path)}.")
    last = run.id
    if record.status == "finished":
        next_commands((f"show {last} --open", "its curves and pictures"), (f"watch {last}", "replay how it learned"))
    else:
        next_commands((f"resume {last}", "go on where it stopped"), (f"show {last}", "what is there so far"))
    return EXIT_CODES[record.status]


def shown_path(path: Path) -> str:
    """A path as short as it can be typed from here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return relative if not relative.startswith("..") else str(path)
