"""What is printed at the end of a run."""

from __future__ import annotations

from collections.abc import Callable

import click

from sandbox.cli.arguments import given_below
from sandbox.cli.output import (
    heading,
    next_commands,
    pairs,
    print_json,
    shown_path,
    summary_rows,
    typed,
)
from sandbox.errors import RunFailed, SandboxError
from sandbox.runs.api import Run
from sandbox.runs.observers import RunViewer
from sandbox.text import number, size

FIGURES = (".png", ".gif", ".svg", ".html", ".pdf")
EXIT_CODES = {"interrupted": 130, "failed": 1, "lost": 1}
"""Of the other statuses: 0."""


def print_run(run: Run, *, as_json: bool) -> int:
    """Print how a run ended and return the corresponding exit code."""
    record = run.record
    if as_json:
        print_json(run.document())
    else:
        heading(f"{record.title} · {record.status} at {record.unit} {number(record.done_units)}")
        pairs(summary_rows(run))
        click.echo(f"Kept in {shown_path(run.path)}{':' if record.artifacts else '.'}")
        pairs((artifact.name, size(artifact.size)) for artifact in record.artifacts)
        next_commands(*followups(run))
    return EXIT_CODES.get(record.status, 0)


def print_executed(execute: Callable[[], Run], viewer: RunViewer | None, *, as_json: bool) -> int:
    """Execute a run, print how it ended and return its exit code; print JSON even if it failed.

    Args:
        execute: executes the run.
        viewer: stays open afterwards as long as the person wants, or None.
        as_json: whether to print JSON.
    """
    try:
        code = print_run(execute(), as_json=as_json)
    except RunFailed as error:
        if as_json and error.run is not None:
            print_run(error.run, as_json=True)
        raise
    if viewer is not None:
        viewer.stay()
    return code


def followups(run: Run, *, shown: bool = False) -> list[tuple[list[str], str]]:
    """The commands that are useful after a run, as they can be typed: only those that have
    something to show.

    Args:
        run: the run.
        shown: whether `show` was the command just given.
    """
    record, name = run.record, typed(run.folder)
    try:
        lab = run.lab
    except SandboxError:  # its plugin is not loaded
        return [(["list"], "all runs")]
    if record.status == "running":
        return [(["show", name], "how far it is then")]
    if record.status != "finished":
        rest = [] if shown else [(["show", name], "what is there so far")]
        again = ["resume", name, *given_below("--track")], "continue where it stopped"
        return [again, *rest]
    figures = any(artifact.name.endswith(FIGURES) for artifact in record.artifacts)
    commands = [(["show", name, "--open"], "its curves and pictures")] if figures else []
    if not figures and not shown:
        commands.append((["show", name], "its curves"))
    if lab.offers("frames"):
        commands.append((["watch", name], "replay how it learned"))
    return commands or [(["list"], "all runs")]
