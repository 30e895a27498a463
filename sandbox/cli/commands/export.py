"""`export RUN`: one archive with all that others need to check a run, sweep or comparison."""

from __future__ import annotations

from pathlib import Path

import click

from sandbox.cli.options import json_option, output_option, run_argument, store_option
from sandbox.cli.output import next_commands, print_json, shown_path, typed
from sandbox.errors import StoreError, UnknownNameError
from sandbox.store import RunFolder, Store


@click.command()
@run_argument
@output_option("The archive", "ID.zip here")
@store_option
@json_option
def export(run: str, output: Path | None, store: Store, as_json: bool) -> int:
    """Write RUN (an id, the beginning of one, a folder, or `last`) into one zip file, with a page
    that says how to check it: record, metrics, artifacts, last checkpoint, plugin, versions.

    It may also be a sweep, a comparison or a reproduction; their runs are in the file too.
    """
    from sandbox.cli import stored
    from sandbox.runs import export as exporting
    from sandbox.store.described import DescribedFolder, ReproductionFolder

    exported: RunFolder | DescribedFolder | None
    try:
        exported = stored.find(store, run)
    except UnknownNameError:
        exported = ReproductionFolder.find(store, run)
        if exported is None:
            raise
    target = output or Path(f"{exported.id}.zip")
    try:
        notes = exporting.export(target, exported)
    except OSError as error:
        raise StoreError(
            f"Cannot write {target}: {error}. --output FILE names another place."
        ) from error
    if as_json:
        print_json({"exported": exported.id, "archive": str(target.resolve()), "notes": notes})
        return 0
    for note in notes:
        click.echo(f"Note: {note}")
    click.echo(f"Written: {shown_path(target)}. Its README.md says how to check it.")
    if isinstance(exported, RunFolder):
        next_commands((["verify", "--recompute", typed(exported)], "what others do with it"))
    else:
        next_commands((["list"], "all runs"))
    return 0
