"""`delete RUN …`: remove runs, after asking."""

from __future__ import annotations

import sys

import click

from sandbox.cli.options import json_option, store_option
from sandbox.cli.output import next_commands, print_json
from sandbox.errors import UsageError
from sandbox.store import Store
from sandbox.text import plural


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@store_option
@json_option
def delete(runs: tuple[str, ...], yes: bool, store: Store, as_json: bool) -> int:
    """Delete each RUN (an id, the beginning of one, a folder, or `last`) and all its files."""
    folders = {folder.path: folder for folder in store.find_each(runs)}
    for folder in folders.values():
        store.check_deletable(folder)
    ids = [folder.id for folder in folders.values()]
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise UsageError(f"This would delete {', '.join(ids)}. Say --yes if you mean it.")
        for one in ids:
            click.echo(f"  {one}", err=True)
        click.confirm(f"Delete {plural(len(ids), 'run')}?", abort=True, err=True)
    for folder in folders.values():
        store.delete(folder)
    if as_json:
        print_json({"deleted": ids})
    else:
        click.echo(f"Deleted: {', '.join(ids)}")
        next_commands((["list"], "what is left"))
    return 0
