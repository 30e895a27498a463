"""`verify [RUN]`: whether runs are whole: record, metrics, checkpoints, artifacts; with
`--recompute`, whether they are computed again with the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sandbox.cli.options import data_option, json_option, store_option
from sandbox.cli.output import next_commands, print_json, table, typed
from sandbox.errors import StoreError, UsageError
from sandbox.store import RunFolder, Store
from sandbox.text import Document, plural
from sandbox.visual import html

COUNTS = ("artifacts", "checkpoints", "blocks")
"""What is counted of each run."""


@click.command()
@click.argument("run", required=False)
@click.option(
    "--recompute",
    "again",
    is_flag=True,
    help="Compute RUN (without one: the last) again in a scratch folder, and compare.",
)
@click.option(
    "--units",
    type=click.IntRange(1),
    metavar="N",
    help="With --recompute: only the first N episodes, epochs, … [default: all].",
)
@data_option(", with --recompute [default: as recorded]")
@store_option
@json_option
def verify(
    run: str | None,
    again: bool,
    units: int | None,
    data: Path | None,
    store: Store,
    as_json: bool,
) -> int:
    """Check that RUN (without one: every run) is whole. Exit code 1 if something is damaged, or
    differs when it is computed again.
    """
    from sandbox.store.verify import check

    if again:
        return _recompute(store.find(run or "last"), units, data, as_json)
    if units or data:
        raise UsageError("--units and --data belong to --recompute.")
    folders = [store.find(run)] if run else store.folders()
    documents: list[Document] = [
        {"run": folder.id, "folder": str(folder.path.resolve()), **check(folder)}
        for folder in folders
    ]
    documents = [
        document for document in documents if run or Path(document["folder"]).exists()
    ]  # others may delete meanwhile
    bad = [document for document in documents if document["problems"]]
    if as_json:
        print_json(documents[0] if run else documents)
        return 1 if bad else 0
    if documents:
        table(["run", "state", *COUNTS], map(_row, documents), right=COUNTS)
    for document in bad:
        for problem in document["problems"]:
            click.echo(f"{click.style('Damaged: ', fg='red')}{document['run']}: {problem}")
    older = sum(bool(document["notes"]) for document in documents)
    if older:
        click.echo(
            f"{plural(older, 'run')} of an older format: no digest protects run.json and the "
            "metrics."
        )
    if not documents:
        click.echo(f"No runs in {store.root.resolve()}.")
    elif bad:
        next_commands(_remedy(bad[0]))
    else:
        click.echo("Everything is as it was written.")
        next_commands((["list"], "all runs"))
    return 1 if bad else 0


def _recompute(folder: RunFolder, units: int | None, data: Path | None, as_json: bool) -> int:
    """Compute a run again, and print what differs."""
    from sandbox.cli.progress import RunProgress
    from sandbox.runs.recompute import recompute

    try:
        answer = recompute(folder, units, data, [] if as_json else [RunProgress()])
    except OSError as error:
        raise StoreError(f"Run {folder.id} cannot be computed again: {error}.") from error
    if as_json:
        print_json(answer)
    else:
        click.echo(html.render("recompute.txt", **answer), nl=False)
        export = ["export", typed(folder)], "one file, with which others can check it"
        show = ["show", typed(folder)], "what it was computed with"
        next_commands(export if answer["same"] else show)
    return 0 if answer["same"] else 1


def _row(document: Document) -> list[Any]:
    state = "damaged" if document["problems"] else "whole"
    return [document["run"], state] + [document[name] for name in COUNTS]


def _remedy(document: Document) -> tuple[list[str], str]:
    """The command that can help with this damaged run, and what it does."""
    from sandbox.store.verify import CHANGED

    run, problems = typed(RunFolder(Path(document["folder"]))), document["problems"]
    if document["status"] == "damaged" or CHANGED in problems:  # there is nothing to resume from
        return ["delete", run], "removes it"
    if any(" is a link, " in problem for problem in problems):
        return ["show", run], "what it says of itself; remove the link by hand"
    repair = ["--repair"] if document["status"] == "finished" else []
    return [
        "resume",
        run,
        *repair,
    ], "computes again what is damaged, from the last whole checkpoint"
