"""`list`: runs, and what can be run."""

from __future__ import annotations

from typing import Any

import click

from sandbox.cli.options import json_option, store_option
from sandbox.cli.output import next_commands, number, print_json, table
from sandbox.errors import UnknownNameError
from sandbox.registry import registry

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


def _list_runs(lab: str | None, status: str | None, most: int | None, store: str | None, as_json: bool) -> None:
    from sandbox.store.store import Store

    found = Store(store)
    rows = [row for row in found.rows() if lab in (None, row.lab) and status in (None, row.status)]
    rows = rows[-most:] if most else rows
    if as_json:
        print_json([{**vars(row), "run": row.id, "folder": str((found.root / row.path).resolve())} for row in rows])
        return
    if not rows and (lab or status):
        wanted = " ".join([*(["of lab", f"'{lab}'"] if lab else []), *(["with status", f"'{status}'"] if status else [])])
        click.echo(f"No runs {wanted} in {found.root.resolve()}.")
        next_commands(("list", "all runs, with their labs and statuses"))
        return
    if not rows:
        click.echo(f"No runs in {found.root.resolve()}.")
        next_commands(("run maze --agent sarsa", "makes the first one"))
        return
    columns = ["run", "lab", "agent", "seed", "status", "reward per step", "regret"]
    table(
        columns,
        ([row.id, row.lab, row.agent or "", number(row.seed), row.status, *_scores(row.summary)] for row in rows),
        right=[*columns[-2:], "seed"],
    )
    for row in rows:
        if row.problem:
            click.echo(f"Warning: {row.problem}", err=True)
    next_commands((f"show {rows[-1].id}", "the last of them in full"))


def _scores(summary: dict[str, Any]) -> list[str]:
    return [number(summary[name]) if name in summary else "" for name in ("reward_per_step", "regret")]


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
