"""`reproduce [LAB|CLAIM …]`: measure what the reports claim, and say what agrees."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sandbox.cli.arguments import again, command_line
from sandbox.cli.options import Seconds, data_option, json_option, output_option, store_option
from sandbox.cli.sweep_progress import counter

if TYPE_CHECKING:
    from sandbox.reproduction.judge import MeasuredFigure
    from sandbox.reproduction.measure import Reproduction

COLOURS = {
    "agrees": "green",
    "differs": "red",
    "corrected": "blue",
    "too few runs": "yellow",
    "left out": "yellow",
}


@click.command()
@click.argument("names", nargs=-1, metavar="[LAB|CLAIM]...")
@click.option(
    "--seeds",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Runs of each figure [default: 200, more or fewer where a claim says so].",
)
@click.option("--quick", is_flag=True, help="Fewer runs (40), which is said wherever it matters.")
@click.option(
    "--budget",
    type=Seconds(0, min_open=True),
    metavar="SECONDS",
    help="Stop measuring after this time; says what it left out.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="How many measure at once [default: all cores].",
)
@data_option
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
    store: str | None,
    as_json: bool,
) -> int:
    """Measure the claims of LAB, or single CLAIMs (G4), or all; exit code 1 if one that should hold does not.

    A report's figure is one run: it is compared with where single runs of ours fall, with 95 %.
    """
    from sandbox.cli.output import print_json
    from sandbox.reproduction import report as reproduction
    from sandbox.reproduction.measure import ReproductionRequest, select
    from sandbox.reproduction.measure import reproduce as measure
    from sandbox.runs.api import available_cores

    if data is not None:
        os.environ["SANDBOX_DATA"] = str(
            data.resolve()
        )  # labs read it when their claims are asked for
    wanted = select(names)
    folder = _folder(output, names, store)
    plan = ReproductionRequest(wanted, seeds, quick, budget, threads or available_cores())
    made = measure(plan, None if as_json else _progress())
    _write(made, folder, f"Reproduction of {', '.join(names) or 'all reports'}")
    if as_json:
        print_json(
            {**reproduction.document(made), "page": str((folder / reproduction.PAGE).resolve())}
        )
    else:
        _print(made, folder, names)
    return 1 if made.failed else 0


def _folder(output: Path | None, names: Sequence[str], store: str | None) -> Path:
    """The folder of page and document, made before anything is measured.

    Raises:
        UsageError: when it cannot be made where it was asked for.
        StoreError: when the store cannot be written.
    """
    from sandbox.errors import UsageError
    from sandbox.store.store import Store

    if output is None:
        return Store(store).make("reproductions", "-".join(names).lower() or "all")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"Cannot make the folder {output}: {error.strerror}"
        raise UsageError(f"{reason}. Choose another with --output.") from error
    return output


def _write(made: Reproduction, folder: Path, title: str) -> None:
    from sandbox.errors import SandboxError
    from sandbox.reproduction import report as reproduction

    try:
        reproduction.write(made, folder, title, command_line())
    except OSError as error:
        raise SandboxError(
            f"Cannot write to {folder}: {error.strerror}. Choose another folder with --output."
        ) from error


def _progress() -> Callable[[MeasuredFigure, int, int], None]:
    """Shows on standard error how many figures are measured."""
    from sandbox.reproduction import judge as verdicts

    line = counter("figures measured")
    return lambda row, done, total: line(done, total, verdicts.name(row.claim))


def _print(made: Reproduction, folder: Path, names: Sequence[str]) -> None:
    from sandbox.cli.output import next_commands, shown_path, table
    from sandbox.reproduction import report as reproduction

    for lab, claim, rows in made.findings():
        click.echo()
        verdict = reproduction.verdict_of(rows)
        click.echo(f"{click.style(claim, bold=True)}  {rows[0].claim.says}  {_coloured(verdict)}")
        shown = [row for row in rows if row.verdict != "measured"]
        columns = list(reproduction.COLUMNS[1:])
        table(
            columns,
            [[reproduction.cells(row)[column] for column in columns] for row in shown],
            right=["report", "ours", "runs"],
        )
        if len(shown) < len(rows):
            click.echo(
                f"and {len(rows) - len(shown)} figures that the report does not state: see the page"
            )
        for row in rows:
            if row.note:
                click.echo(f"  {row.claim.part or claim}: {row.note}")
        for note in made.notes.get((lab, claim), []):
            click.echo(
                click.wrap_text(note, width=118, initial_indent="  ", subsequent_indent="  ")
            )
    _print_end(made)
    click.echo(
        f"Page: {shown_path((folder / reproduction.PAGE).resolve())}   Document: {shown_path((folder / reproduction.DOCUMENT).resolve())}"
    )
    next_commands(_next(made))


def _print_end(made: Reproduction) -> None:
    from sandbox.reproduction import judge as verdicts
    from sandbox.reproduction import report as reproduction

    click.echo()
    click.echo(f"{reproduction.tally(made)}; {made.seconds:.0f} s.")
    if made.plan.quick:
        click.echo(
            "Quick: fewer runs than a verdict should rest on; without --quick there are more."
        )
    for row in made.rows:
        if row.verdict == "agrees" and row.alone is False:
            click.echo(
                f"Agrees by the joint interval only, not by the 95 % of a single figure: {verdicts.name(row.claim)}."
            )
    for row in made.left_out:
        click.echo(f"Left out: {verdicts.name(row.claim)}: {row.note}.")
    for problem in made.problems:
        click.echo(click.style("Warning: ", fg="yellow") + problem, err=True)
    for row in made.failed:
        click.echo(f"{click.style('Differs: ', fg='red')}{verdicts.name(row.claim)}.")


def _next(made: Reproduction) -> tuple[list[str], str]:
    if made.failed:
        return again({"--seeds": "1000"}, without=["--quick"]), "the same with more runs"
    if made.plan.quick or made.left_out:
        return again(
            {}, without=["--quick"]
        ), "all of it, with as many runs as a verdict should rest on"
    from sandbox.registry.registry import registry

    lab = made.rows[-1].lab
    preset = ["--preset", "report"] if "report" in registry().lab(lab).presets else []
    return ["run", lab, *preset], "one such run, kept with everything it makes"


def _coloured(verdict: str) -> str:
    return click.style(verdict, fg=COLOURS.get(verdict))
