"""`show RUN`: configuration, status, the last figures as small charts, and the artifacts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np

from sandbox.cli import stored
from sandbox.cli.options import json_option, output_option, run_argument, store_option
from sandbox.cli.output import (
    heading,
    next_commands,
    pairs,
    print_json,
    print_written,
    shown_path,
    sparkline,
    summary_rows,
    width,
)
from sandbox.cli.report import FIGURES, followups
from sandbox.config.model import shown_settings
from sandbox.errors import UsageError
from sandbox.runs.api import Run
from sandbox.store import Metrics, RunFolder, RunRecord, Store
from sandbox.store.comparisons import ComparisonFolder
from sandbox.store.sweeps import SweepFolder
from sandbox.text import Document, moment, number, plural, size, unit_columns, words


@click.command()
@run_argument
@click.option(
    "--open", "open_figures", is_flag=True, help="Open the figures with the system's viewer."
)
@click.option("--html", "as_page", is_flag=True, help="Write the run as one HTML page.")
@output_option("With --html, where the page goes", "RUN.html here")
@store_option
@json_option
def show(
    run: str,
    open_figures: bool,
    as_page: bool,
    output: Path | None,
    store: Store,
    as_json: bool,
) -> int:
    """Show what RUN (an id, the beginning of one, a folder, or `last`) was, measured and wrote.

    It may also be a sweep or a comparison.
    """
    if output and not as_page:
        raise UsageError("--output belongs to --html.")
    folder = stored.find(store, run)
    if not isinstance(folder, RunFolder):
        return _show_group(folder, open_figures, as_json)
    shown = Run(folder)
    if as_page:
        return _write_page(shown, output, as_json)
    problems: list[str] = []
    metrics = Metrics(shown.folder.metrics_path, problems.append)
    record = shown.record
    if as_json:
        print_json(
            {
                **shown.document(),
                "metrics": _last(metrics),
                "problems": problems,
                "record": {
                    "created": record.created,
                    "versions": record.versions,
                    "processor": record.processor,
                    "threads": record.threads,
                },
            }
        )
    else:
        _print_record(shown)
        _print_metrics(metrics, record.unit)
        if record.artifacts:
            heading(f"Artifacts in {shown_path(shown.path / 'artifacts')}")
            pairs((artifact.name, size(artifact.size)) for artifact in record.artifacts)
        for problem in problems:
            click.echo(f"Warning: {problem}", err=True)
    if open_figures:
        place = shown.folder.artifacts.folder
        click.echo(f"Opening the figures in {shown_path(place)}.", err=True)
        _open_all([path for path in shown.artifacts if path.name.endswith(FIGURES)])
    if not as_json:
        next_commands(*followups(shown, shown=True))
    return 0


def _write_page(shown: Run, output: Path | None, as_json: bool) -> int:
    """Write a run as one file, which loads no other."""
    from sandbox.cli.files import destination
    from sandbox.store.files import write_whole
    from sandbox.web.export import run_page

    path, page = output or Path(f"{shown.id}.html"), run_page(shown).encode()
    with destination(shown, path):
        write_whole(path, page)
    print_written(shown, path, as_json, "the same as text")
    return 0


def _show_group(folder: SweepFolder | ComparisonFolder, open_page: bool, as_json: bool) -> int:
    """Show a sweep or a comparison."""
    if isinstance(folder, SweepFolder):
        from sandbox.cli.commands.sweep import print_sweep
        from sandbox.sweeps.view import Sweep

        print_sweep(Sweep(folder), as_json=as_json)
    else:
        stored.show_comparison(folder, as_json=as_json)
    if open_page:
        _open_all([path for path in sorted(folder.path.iterdir()) if path.suffix == ".html"])
    return 0


def _print_record(run: Run) -> None:
    record, path = run.record, run.path
    heading(f"{record.title} · preset {record.preset}")
    pairs(
        [
            ("run", record.id),
            ("folder", shown_path(path)),
            ("status", f"{record.status} at {record.progress(record.done_units)}"),
            ("begun", moment(record.created)),
            ("ended", moment(record.ended) or "-"),
            ("with", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
            ("on", _machine(record)),
            ("command", record.command or "-"),
        ],
        whole=("command",),
    )
    if record.error:
        heading("Error")
        click.echo("\n".join(f"  {line}" for line in record.error.rstrip().splitlines()))
    for warning in record.warnings:
        click.echo(f"Warning: {warning}", err=True)
    heading("Configuration")
    pairs(shown_settings(record.config).items())
    if record.summary:
        heading("Summary")
        pairs(summary_rows(run))


def _machine(record: RunRecord) -> str:
    """Processor, threads and device, as far as they were kept."""
    processor = (
        [f"{record.processor['model']} ({record.processor['target']})"] if record.processor else []
    )
    device = [record.device] if record.device != "cpu" else []
    return ", ".join([*processor, plural(record.threads, "thread"), *device])


def _print_metrics(metrics: Metrics, unit: str) -> None:
    for stream in metrics.streams:
        columns = {
            name: column
            for name, column in metrics.columns(stream).items()
            if name not in unit_columns(unit) and column.dtype.kind in "fiub"
        }
        if not columns:
            continue
        rows = len(next(iter(columns.values())))
        heading(f"Stream {stream} ({plural(rows, 'row')}, from first to last)")
        shown = 100 if rows >= 500 else 1
        ends = {name: _end(column, shown) for name, column in columns.items()}
        broad = max(len(words(name)) for name in columns)
        room = (width() or 200) - broad - max(map(len, ends.values())) - 6
        chart = max(10, min(60, room))
        for name, column in columns.items():
            click.echo(
                f"  {words(name):<{broad}}  {sparkline(column, chart):<{chart}}  {ends[name]}"
            )
        click.echo(
            f"  {'':<{broad}}  (right: {'mean of the last 100' if shown > 1 else 'the last'})"
        )


def _end(column: np.ndarray, rows: int) -> str:
    """The mean of a column's last rows; a rounding error, relative to its largest value, is 0."""
    known = column[np.isfinite(column)]
    last = column[-rows:].astype(np.float64)
    if not np.isfinite(last).any():
        return number(None)
    return number(float(np.nanmean(last)), scale=float(np.abs(known).max()))


def _last(metrics: Metrics) -> dict[str, Document]:
    """The last row of every stream."""
    return {
        stream: {
            name: column[-1].item()
            for name, column in metrics.columns(stream).items()
            if len(column)
        }
        for stream in metrics.streams
    }


def _open_all(paths: list[Path]) -> None:
    """Open files with the system's viewer.

    Raises:
        UsageError: when there is no figure, or no viewer.
    """
    if not paths:
        raise UsageError(
            "The run has no figures. `python -m sandbox resume RUN` makes those of a finished run."
        )
    opener = {"darwin": "open", "win32": ""}.get(sys.platform, "xdg-open")
    for path in paths:
        try:
            if sys.platform == "win32":
                os.startfile(path)
            else:
                subprocess.Popen(
                    [opener, str(path)],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
        except OSError as error:
            raise UsageError(
                f"Cannot open {path}: {error.strerror or error}. The figures are in {path.parent}."
            ) from error
