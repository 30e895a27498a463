"""A comparison on the screen: its finding, its agents, and what limits them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sandbox.cli.arguments import again
from sandbox.cli.output import next_commands, pairs, print_json, shown_path, table, table_width
from sandbox.text import words

if TYPE_CHECKING:
    from sandbox.comparison.api import Comparison

FEW = 10
"""Seeds below which more are proposed."""
WIDEST = 118
"""Columns of a table."""


def print_comparison(comparison: Comparison, as_json: bool, export: Path | None) -> int:
    """Print a comparison, and say what next.

    Args:
        comparison: a comparison on one lab.
        as_json: whether only its document is printed.
        export: where it was exported to, if it was.

    Returns:
        The exit code: 1 if a run did not finish.
    """
    from sandbox.store.comparisons import DOCUMENT, PAGE

    failed = any(run.status != "finished" for runs in comparison.runs.values() for run in runs)
    page = (comparison.folder / PAGE).resolve()
    if as_json:
        print_json({**comparison.document(), "page": str(page)})
        return 1 if failed else 0
    _print_table(comparison)
    click.echo(f"Page: {shown_path(page)}   Document: {shown_path(page.with_name(DOCUMENT))}")
    if export is not None:
        click.echo(f"Export: {shown_path(export)}   It is described in methods.md there.")
    best = next(one for one in comparison.results.ranked if not one.given)
    one_run = (["show", best.runs[0].run], f"a run of {best.label}")
    looks, more = comparison.results.looks, {}
    if looks is not None and looks.undecided:
        from sandbox.stats.sequential import FEWEST_EQUAL

        more = {"--max-seeds": str(max(2 * looks.plan.max_seeds, FEWEST_EQUAL))}
    elif len(comparison.seeds) < FEW:
        more = {"--seeds": str(FEW)}
    if more:
        longer = again(more, without=["--fresh"])
        next_commands((longer, "the same with more seeds"), one_run)
    else:
        next_commands(one_run, (["list"], "all runs"))
    return 1 if failed else 0


def _print_table(comparison: Comparison) -> None:
    """The table, the results in words, and what limits them."""
    from sandbox.comparison.report import answers, score_marks
    from sandbox.comparison.results import figure

    results, marks = comparison.results, score_marks(comparison)
    finding, *others = answers(comparison)
    _echo(finding, bold=True)
    click.echo()
    _print_agents([comparison.cells(one) for one in results.ranked])
    click.echo()
    best = ""
    if results.optimum is not None:
        meant = f", {results.optimum_is}" if results.optimum_is else ""
        best = f" Best possible: {figure(results.optimum)}{meant}."
    _echo(
        f"IQM: mean of the seeds' {words(results.score)} without the lowest and highest quarter"
        f"{f'; {marks}' if marks else ''}. "
        f"Mean, median, gap and pairs are on the page.{best}"
    )
    for sentence in others + [f"Note: {warning}" for warning in comparison.warnings]:
        _echo(sentence)


def _width() -> int:
    return min(max(shutil.get_terminal_size((WIDEST, 24)).columns, 60), WIDEST)


def _echo(text: str, bold: bool = False) -> None:
    click.secho(click.wrap_text(text, width=_width(), subsequent_indent="  "), bold=bold)


def _print_agents(rows: list[dict[str, str]]) -> None:
    """The agents as a table, or one below the other where that is wider than the screen."""

    shown = [column for column in rows[0] if column not in ("mean", "median", "gap to optimum")]
    cells = [[row[column] for column in shown] for row in rows]
    if table_width([shown, *cells]) <= _width():
        table(shown, cells, right=shown[1:])
        return
    for row in rows:
        click.secho(row["agent"], bold=True)
        pairs((column, row[column]) for column in shown[1:])
