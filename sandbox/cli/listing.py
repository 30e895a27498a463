"""`list`: runs, and what can be run."""

from __future__ import annotations

import click

from sandbox.cli.options import json_option, store_option
from sandbox.cli.output import next_commands, print_json, table
from sandbox.errors import UnknownNameError
from sandbox.registry import registry
from sandbox.store.index import Row
from sandbox.text import figures, plural

KINDS = ["runs", "labs", "agents", "envs", "datasets", "observers"]


@click.command("list")
@click.argument("what", default="runs", metavar="[runs|labs|agents|envs|datasets|observers]")
@click.option("--lab", metavar="NAME", help="Only runs of this lab.")
@click.option("--status", metavar="NAME", help="Only runs with this status.")
@click.option("--last", "most", type=click.IntRange(min=1), metavar="N", help="Only the last N runs.")
@store_option
@json_option
def list_(what: str, lab: str | None, status: str | None, most: int | None, store: str | None, as_json: bool) -> int:
    """List runs (the default), labs, agents, envs, datasets or observers."""
    if what not in KINDS:
        what = f"{what}s" if f"{what}s" in KINDS else what
    if what not in KINDS:
        raise UnknownNameError("list", what, KINDS)
    if what == "runs":
        _list_runs(lab, status, most, store, as_json)
    else:
        _list_registered(what.removesuffix("s"), as_json)
    return 0


SHOWN = 100
"""So many of the newest runs are shown unless --last says otherwise; --json gives all."""


def _list_runs(lab: str | None, status: str | None, most: int | None, store: str | None, as_json: bool) -> None:
    from sandbox.store.store import Store

    found = Store(store)
    root = found.root.resolve()
    rows = [row for row in found.rows() if lab in (None, row.lab) and status in (None, row.status)]
    if as_json:
        chosen = rows[-most:] if most else rows
        print_json(
            [{**vars(row), "run": row.id, "folder": f"{root}/{row.path}"} for row in chosen], indent=None if len(chosen) > 100 else 2
        )
        return
    if not rows:
        wanted = f"{f' of lab {lab!r}' if lab else ''}{f' with status {status!r}' if status else ''}"
        click.echo(f"No runs{wanted} in {root}.")
        next_commands(("list", "all runs, with their labs and statuses") if wanted else ("run maze --agent sarsa", "makes the first one"))
        return
    shown = rows[-(most or SHOWN) :]
    if len(shown) < len(rows):
        click.echo(f"({plural(len(rows) - len(shown), 'older run')}; `--last {len(rows)}` shows all)")
    table(["run", "lab", "agent", "seed", "status", "result"], map(_row, shown), right=["seed"], spare=["agent"])
    for row in shown:
        if row.problem:
            click.echo(f"Warning: {row.problem}", err=True)
    next_commands((f"show {rows[-1].id}", "the last of them in full"))


def _row(row: Row) -> list[str]:
    """A run as a line; the first entry of its summary is its result."""
    result = " ".join(next(figures(row.summary), ()))
    seeds = str(row.seed) if row.seeds == 1 else f"{row.seed} to {row.seed + row.seeds - 1}"
    return [row.id, row.lab, row.agent or "", seeds, row.status, result]


def _list_registered(kind: str, as_json: bool) -> None:
    entries = registry().entries(kind)
    if as_json:
        print_json(
            [
                {"name": entry.name, "summary": entry.summary, "plugin": entry.plugin, "target": entry.target, "aliases": entry.aliases}
                for entry in entries
            ]
        )
        return
    if not entries:
        click.echo(f"There is no {kind} yet. A plugin can bring one.")
        next_commands(("plugins", "which plugins there are"))
        return
    aliases = any(entry.aliases for entry in entries)
    columns = ["name", "what it is", *(["Gymnasium id"] if aliases else []), "plugin"]
    table(columns, ([entry.name, entry.summary, *([", ".join(entry.aliases)] if aliases else []), entry.plugin] for entry in entries))
    example = {
        "lab": (f"run {entries[0].name} --help", "its options"),
        "agent": (f"run maze --agent {entries[0].name} --help", "its options"),
        "env": (f"solve {entries[0].name}", "its exact optimum"),
        "observer": (f"run maze --track {entries[0].name}", "a run that it watches"),
    }.get(kind, ("list labs", "what can be run"))
    next_commands(example)
