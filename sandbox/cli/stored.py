"""Sweeps and comparisons in the store: one of them for `show`, all of them for `list`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click

from sandbox.cli.output import (
    heading,
    next_commands,
    pairs,
    paragraph,
    print_json,
    shown_path,
    table,
)
from sandbox.errors import StoreError, UnknownNameError, UsageError
from sandbox.store import RunFolder, Store
from sandbox.store.comparisons import PAGE, ComparisonFolder, folders
from sandbox.store.sweeps import SweepFolder, ranked_best
from sandbox.text import Document, number, words

WIDTH = 118
"""Columns for what is wrapped."""
LEFT_OUT = ("wanted", "mean", "median", "given")
"""Figures that only the page shows."""


def find(store: Store, name: str) -> RunFolder | SweepFolder | ComparisonFolder:
    """The run that `name` means, else the sweep, else the comparison.

    Args:
        store: the store to search.
        name: an id, a unique beginning of one, or a folder; `last` is the last run.

    Raises:
        UnknownNameError: when nothing has this name.
        UsageError: when several ids begin with it.
    """
    try:
        return store.find(name)
    except UnknownNameError as error:
        sweep, comparison = SweepFolder.find(store, name), ComparisonFolder.find(store, name)
        if sweep is not None and comparison is not None:
            raise UsageError(
                f"'{name}' could be the sweep {sweep.id} or the comparison {comparison.id}.",
            ) from None
        group = sweep or comparison
        if group is None:
            hint = "`python -m sandbox list` shows runs; see `list sweeps`, `list comparisons` too."
            raise UnknownNameError("run, sweep or comparison", name, error.known, hint) from None
        return group
    except UsageError as error:  # several runs match; the name may mean their sweep
        sweep = SweepFolder.find(store, name)
        if sweep is None:
            raise
        raise UsageError(f"{error} The sweep {sweep.id} begins so too.") from None


def show_comparison(folder: ComparisonFolder, *, as_json: bool) -> None:
    """Print what a comparison's document says; nothing is computed."""
    document = folder.read()
    document |= {"folder": str(folder.path.resolve())}  # its present place
    if as_json:
        print_json(document)
        return
    heading(f"{document['lab']} · comparison {folder.id}")
    if document.get("finding"):
        paragraph(document["finding"])
    best = document.get("optimum")
    score = words(str(document.get("score") or "score"))
    seeds = document.get("seeds", [])
    pairs(
        [
            ("folder", shown_path(folder.path)),
            (
                "seeds",
                f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else ", ".join(map(str, seeds)),
            ),
            ("score", score if best is None else f"{score}, best possible {number(best)}"),
            ("command", document.get("command") or "-"),
        ]
    )
    _print_agents(document.get("agents", []))
    click.echo(f"The page has all figures: {shown_path(folder.path / PAGE)}")
    for warning in document.get("warnings", []):
        click.echo(click.wrap_text(f"Note: {warning}", width=WIDTH, subsequent_indent="  "))
    runs = [run["run"] for label in document["runs"].values() for run in label]
    commands = [(["show", run], "a run of it, in full") for run in runs[:1]]
    again = _words(document.get("command"))
    commands.append(
        (again, "the same, with what is there now")
        if again
        else (["list", "comparisons"], "all of them")
    )
    next_commands(*commands)


def _words(command: object) -> list[str]:
    """The words after `python -m sandbox` of a comparison's command line; empty when it was not
    started by one.
    """
    try:
        words = shlex.split(str(command or ""))
    except ValueError:
        return []
    return words[3:] if words[:4] == ["python", "-m", "sandbox", "compare"] else []


def _print_agents(agents: Sequence[Document]) -> None:
    """A row for each agent, with as many of its figures as fit; intervals are in brackets."""
    rows = [{"agent": str(agent.get("agent", "")), **dict(_figures(agent))} for agent in agents]
    columns = ["agent"]
    for name in dict.fromkeys(name for row in rows for name in row if name != "agent"):
        widths = [_width(one, rows) for one in [*columns, name]]
        columns += [name] if sum(widths) + 2 * len(columns) <= WIDTH else []
    table(
        list(map(words, columns)),
        [[row.get(name, "") for name in columns] for row in rows],
        right=list(map(words, columns[1:])),
    )


def _width(name: str, rows: Sequence[Mapping[str, str]]) -> int:
    return max(map(len, [words(name)] + [row.get(name, "") for row in rows]))


def _figures(agent: Document) -> Iterator[tuple[str, str]]:
    """The figures of an agent, by name, as `compare` shows them."""
    from sandbox.comparison.report import SECONDS_DIGITS, time_text, value_text

    for name, value in agent.items():
        if name in LEFT_OUT:
            continue
        if name == "seconds_to_95":
            yield name, time_text(value, SECONDS_DIGITS)
        elif isinstance(value, dict):
            yield name, (time_text if "median" in value else value_text)(value)
        elif value is None:
            yield name, "unknown"
        elif isinstance(value, (int, float)):
            yield name, number(value)


class Kind(NamedTuple):
    """What `list` shows of sweeps or comparisons.

    Attributes:
        name: in the singular.
        folders: all of them in a store.
        figures: the names of what is listed.
        values: the figures of one of them.
        shown: how many of the figures are columns.
        example: a command that makes one.
    """

    name: str
    folders: Callable[[Store], Sequence[Any]]
    figures: Sequence[str]
    values: Callable[[Any], Sequence[Any]]
    shown: int
    example: Sequence[str]


def _of_sweep(folder: SweepFolder) -> Sequence[Any]:
    record = folder.read()
    return (
        record.lab,
        record.search.get("kind"),
        len(record.trials),
        record.seeds,
        record.status,
        record.objective,
        ranked_best(folder.path),
        record.created,
    )


def _of_comparison(folder: ComparisonFolder) -> Sequence[Any]:
    document = folder.read()
    runs, seeds = document["runs"], document.get("seeds", [])
    count = sum(map(len, runs.values()))
    return document["lab"], list(runs), len(seeds), count, document.get("command", "")


KINDS = {
    "sweeps": Kind(
        "sweep",
        SweepFolder.all_of,
        ("lab", "search", "trials", "seeds", "status", "objective", "best", "created"),
        _of_sweep,
        7,
        ["sweep", "maze", "--grid", "agent.alpha=0.1,0.5"],
    ),
    "comparisons": Kind(
        "comparison",
        folders,
        ("lab", "agents", "seeds", "runs", "command"),
        _of_comparison,
        4,
        ["compare", "maze", "--agents", "sarsa", "q-learning"],
    ),
}


def list_kind(
    kind: Kind, store: Store, lab: str | None, status: str | None, most: int | None, as_json: bool
) -> None:
    """List the sweeps or comparisons of a store, oldest first."""
    every = [_row(kind, folder) for folder in kind.folders(store)]
    of_lab = [row for row in every if lab in (None, row["lab"])]
    rows = [row for row in of_lab if status in (None, row.get("status", status))][-(most or 0) :]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(f"No such {kind.name}s in {store.root.resolve()}.")
        next_commands((kind.example, "makes one"))
    else:
        columns = [kind.name, *kind.figures[: kind.shown]]
        cells = [[_text(row[name]) for name in columns] for row in rows]
        table(columns, cells, right=["trials", "seeds", "best", "runs"])
        for row in rows:
            if "problem" in row:
                click.echo(f"Warning: {row['problem']}", err=True)
        next_commands((["show", rows[-1][kind.name]], "the last of them in full"))


def _row(kind: Kind, folder: SweepFolder | ComparisonFolder) -> Document:
    row: Document = {kind.name: folder.id, "folder": str(folder.path.resolve())}
    try:
        return row | dict(zip(kind.figures, kind.values(folder), strict=True))
    except StoreError as error:
        unknown = {name: "damaged" if name == "status" else None for name in kind.figures}
        return row | unknown | {"problem": str(error)}


def _text(value: object) -> str:
    """A value for people; nothing for None."""
    if isinstance(value, list):
        return ", ".join(value)
    return words(value) if isinstance(value, str) else "" if value is None else number(value)
