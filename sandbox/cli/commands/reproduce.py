"""`reproduce [LAB|CLAIM …]`: measure what the reports claim, and say what agrees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sandbox.cli.arguments import again, command_line
from sandbox.cli.options import (
    THREADS,
    Seconds,
    data_option,
    json_option,
    output_option,
    store_option,
)
from sandbox.cli.output import next_commands, print_json, shown_path, table
from sandbox.cli.sweep_progress import counter
from sandbox.errors import SandboxError, UsageError
from sandbox.registry.registry import registry
from sandbox.store import Store
from sandbox.text import duration, plural

if TYPE_CHECKING:
    from sandbox.reproduction.claim import Claim
    from sandbox.reproduction.judge import MeasuredFigure
    from sandbox.reproduction.measure import Reproduction


@click.command()
@click.argument("names", nargs=-1, metavar="[LAB|CLAIM]...")
@click.option(
    "--seeds",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Runs of each figure [default: 200, a claim may set another number].",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Fewer runs (40, without --seeds); the results are marked as such.",
)
@click.option(
    "--budget",
    type=Seconds(0, min_open=True),
    metavar="SECONDS",
    help="Stop measuring after this time; says what it left out.",
)
@click.option(
    "--threads",
    type=THREADS,
    metavar="N",
    help="How many measure at once [default: all cores].",
)
@data_option(" [default: $SANDBOX_DATA]")
@output_option("Folder of page and document", "reproductions/ID in the store", folder=True)
@store_option
@json_option
def reproduce(
    names: tuple[str, ...],
    seeds: int | None,
    quick: bool,
    budget: float | None,
    threads: int | None,
    data: Path | None,
    output: Path | None,
    store: Store,
    as_json: bool,
) -> int:
    """Measure the claims of LAB, or single CLAIMs (G4), or all.

    A report's figure is one run: it is compared with the 95 % prediction interval of our runs. The
    exit code is 1 if a claim that should hold does not.
    """
    from sandbox.reproduction import measure, report
    from sandbox.runs.api import available_cores

    if data is None and (place := os.environ.get("SANDBOX_DATA")):
        data = Path(place)
    wanted = measure.select(names, data)
    folder = _folder(output, names, store)
    plan = measure.ReproductionRequest(
        wanted, seeds, quick and seeds is None, budget, threads or available_cores(), data
    )
    click.echo(
        f"{plural(len(wanted), 'figure')}, about {duration(plan.seconds())} of processor time.",
        err=True,
    )
    reproduction = measure.reproduce(plan, None if as_json else _progress())
    title = f"Reproduction of {', '.join(names) or 'all reports'}"
    try:
        report.write(reproduction, folder, title, command_line())
    except OSError as error:
        raise SandboxError(
            f"Cannot write to {folder}: {error.strerror}. Choose another folder with --output."
        ) from error
    if as_json:
        page = str((folder / report.PAGE).resolve())
        print_json({**report.document(reproduction), "page": page})
    else:
        _print(reproduction, folder)
    return 1 if reproduction.failed else 0


def _folder(output: Path | None, names: Sequence[str], store: Store) -> Path:
    """The folder of page and document, created before anything is measured.

    Raises:
        UsageError: when it cannot be created at the given place.
        StoreError: when the store cannot be written.
    """
    if output is None:
        return store.make("reproductions", "-".join(names).lower() or "all")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"Cannot make the folder {output}: {error.strerror}"
        raise UsageError(f"{reason}. Choose another with --output.") from error
    return output


def _progress() -> Callable[[MeasuredFigure, int, int], None]:
    """Shows on standard error how many figures are measured."""
    line = counter("figures measured")
    return lambda row, done, total: line(done, total, row.claim.title)


def _print(reproduction: Reproduction, folder: Path) -> None:
    from sandbox.reproduction import report

    for lab, claim, rows in reproduction.findings():
        click.echo()
        verdict = report.verdict_of(rows)
        coloured = click.style(verdict, fg=report.VERDICTS[verdict].get("colour"))
        click.echo(f"{click.style(claim, bold=True)}  {report.says_of(rows)}  {coloured}")
        judged = [report.cells(row) for row in rows if row.verdict != "measured"]
        _, *columns = report.cells(rows[0])
        cells = [[row[column] for column in columns] for row in judged]
        table(columns, cells, right=["report", "ours", "runs"])
        if len(judged) < len(rows):
            others = len(rows) - len(judged)
            click.echo(f"and {others} figures that the report does not state: see the page")
        for note, noted in _by_note(row for row in rows if row.verdict != "left out").items():
            click.echo(f"  {', '.join(one.part or claim for one in noted)}: {note}")
        for note in reproduction.notes.get((lab, claim), []):
            click.echo(
                click.wrap_text(note, width=118, initial_indent="  ", subsequent_indent="  ")
            )
    _print_end(reproduction)
    page, document = (
        shown_path((folder / name).resolve()) for name in (report.PAGE, report.DOCUMENT)
    )
    click.echo(f"Page: {page}   Document: {document}")
    next_commands(_next(reproduction))


def _by_note(rows: Iterable[MeasuredFigure]) -> dict[str, list[Claim]]:
    """The claims of the rows that have a note, by note."""
    claims: dict[str, list[Claim]] = {}
    for row in rows:
        if row.note:
            claims.setdefault(row.note, []).append(row.claim)
    return claims


def _print_end(reproduction: Reproduction) -> None:
    from sandbox.reproduction.report import tally

    click.echo()
    click.echo(f"{tally(reproduction)}; {reproduction.seconds:.0f} s.")
    if reproduction.plan.quick:
        click.echo(
            "Quick: fewer runs than a verdict should rest on; without --quick there are more."
        )
    for row in reproduction.rows:
        if row.joint_only:
            click.echo(
                "Agrees by the joint interval only, not by the 95 % of a single figure: "
                f"{row.claim.title}."
            )
    partly = {row.claim.id for row in reproduction.rows if row.runs}
    for note, claims in _by_note(reproduction.left_out).items():
        names = dict.fromkeys(one.title if one.id in partly else one.id for one in claims)
        click.echo(f"Left out: {', '.join(names)}: {note}.")
    for problem in reproduction.problems:
        click.echo(click.style("Warning: ", fg="yellow") + problem, err=True)
    for row in reproduction.failed:
        click.echo(f"{click.style('Differs: ', fg='red')}{row.claim.title}.")


def _next(reproduction: Reproduction) -> tuple[list[str], str]:
    """The next useful command, and what it does."""
    if reproduction.failed:
        return again({"--seeds": "1000"}, without=["--quick"]), "the same with more runs"
    if reproduction.plan.quick or reproduction.left_out:
        whole = again({"--seeds": "", "--budget": ""}, without=["--quick"])
        return whole, "all of it, with as many runs as a verdict should rest on"
    lab = reproduction.rows[-1].lab
    preset = ["--preset", "report"] if "report" in registry().lab(lab).presets else []
    return ["run", lab, *preset], "one such run, kept with all its files"
