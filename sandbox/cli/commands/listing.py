"""`list`: runs, and what can be run."""

from __future__ import annotations

import click

from sandbox.cli import groups, stored
from sandbox.cli.groups import Group
from sandbox.cli.options import json_option, store_option
from sandbox.cli.output import next_commands, print_json, table
from sandbox.errors import UnknownNameError, UsageError
from sandbox.registry.registry import registry
from sandbox.score import score_of
from sandbox.store import Store
from sandbox.store.listing import Row
from sandbox.text import plural, words

KINDS = ["runs", "labs", "agents", "envs", "datasets", "observers", "sweeps", "comparisons"]


@click.command("list")
@click.argument("what", default="runs", metavar=f"[{'|'.join(KINDS)}]")
@click.option("--lab", metavar="NAME", help="Only runs, sweeps or comparisons of this lab.")
@click.option("--status", metavar="NAME", help="Only runs or sweeps with this status.")
@click.option(
    "--last", "most", type=click.IntRange(min=1), metavar="N", help="Only the last N of them."
)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="A line for each run; those of a sweep or comparison are one line otherwise, unless "
    "--status is given.",
)
@store_option
@json_option
def list_(
    what: str,
    lab: str | None,
    status: str | None,
    most: int | None,
    every: bool,
    store: Store,
    as_json: bool,
) -> int:
    """List runs (the default), sweeps, comparisons, labs, agents, envs, datasets or observers."""
    what = f"{what}s" if f"{what}s" in KINDS else what
    if what not in KINDS:
        raise UnknownNameError("list", what, KINDS)
    if what == "runs":
        _list_runs(store, lab, status, most, every, as_json)
    elif what in stored.KINDS:
        stored.list_kind(stored.KINDS[what], store, lab, status, most, as_json)
    elif lab or status or most or every:
        raise UsageError("--lab, --status, --last and --all are for runs, sweeps and comparisons.")
    else:
        _list_registered(what.removesuffix("s"), as_json)
    return 0


SHOWN = 100
"""So many of the newest runs are shown unless --last says otherwise; --json gives all."""


def _list_runs(
    store: Store, lab: str | None, status: str | None, most: int | None, every: bool, as_json: bool
) -> None:
    root, known = store.root.resolve(), store.rows()
    rows = [row for row in known if lab in (None, row.lab) and status in (None, row.status)]
    chosen = rows[-(most or 0) :]
    if as_json:
        print_json(
            [{**vars(row), "run": row.id, "folder": f"{root}/{row.path}"} for row in chosen],
            indent=None if len(chosen) > 100 else 2,
        )
        return
    if not rows:
        wanted = (
            f"{f' of lab {lab!r}' if lab else ''}{f' with status {status!r}' if status else ''}"
        )
        click.echo(f"No runs{wanted} in {root}.")
        next_commands(
            (["list"], "all runs, with their labs and statuses")
            if wanted
            else (["run", "maze", "--agent", "sarsa"], "makes the first one")
        )
        return
    lines = list(chosen) if every or status else groups.grouped(store, chosen, known)
    shown = lines[-(most or SHOWN) :]
    runs = [row for line in shown for row in (line.rows if isinstance(line, Group) else [line])]
    if len(runs) < len(rows):
        click.echo(
            f"({plural(len(rows) - len(runs), 'older run')}; `--last {len(rows)}` shows all)"
        )
    table(
        ["run", "lab", "agent", "seed", "status", "result"],
        map(_line, shown),
        right=["seed"],
        spare=["agent"],
    )
    for row in runs:
        if row.problem:
            click.echo(f"Warning: {row.problem}", err=True)
    grouping = [(["list", "--all"], "every run on its own line")] if len(runs) > len(shown) else []
    next_commands((["show", shown[-1].id], "the last of them in full"), *grouping)


def _line(row: Row | Group) -> list[str]:
    """A run, or runs made together, as a line; a run with its score."""
    if isinstance(row, Group):
        return groups.cells(row)
    judged = score_of(row.score, row.summary)
    result = "" if judged is None else f"{words(judged.name)} {judged.text}"
    if judged is not None and judged.episodes is not None:
        result += f" ({plural(judged.episodes, 'episode')})"
    seeds = str(row.seed) if row.seeds == 1 else f"{row.seed} to {row.seed + row.seeds - 1}"
    return [row.id, row.lab, row.agent or "", seeds, row.status, result]


def _list_registered(kind: str, as_json: bool) -> None:
    entries = registry().entries(kind)
    if as_json:
        names = ("name", "summary", "plugin", "target", "aliases")
        print_json([{name: vars(entry)[name] for name in names} for entry in entries])
        return
    if not entries:
        click.echo(f"There is no {kind} yet. A plugin can bring one.")
        next_commands((["plugins"], "which plugins there are"))
        return
    aliases = any(entry.aliases for entry in entries)
    rows = [
        [entry.name, entry.summary, *[", ".join(entry.aliases)] * aliases, entry.plugin]
        for entry in entries
    ]
    table(["name", "what it is", *["Gymnasium id"] * aliases, "plugin"], rows)
    example = {
        "lab": (["run", entries[0].name, "--help"], "its options"),
        "agent": (["run", "maze", "--agent", entries[0].name, "--help"], "its options"),
        "env": (["solve", entries[0].name], "its exact optimum"),
        "observer": (["run", "maze", "--track", entries[0].name], "a run that it watches"),
    }.get(kind, (["list", "labs"], "what can be run"))
    next_commands(example)
