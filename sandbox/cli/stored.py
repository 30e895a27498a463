"""Sweeps and comparisons in the store: one of them for `show`, all of them for `list`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
from sandbox.store import comparisons, sweeps
from sandbox.store.comparisons import PAGE, ComparisonFolder
from sandbox.store.folder import RunFolder
from sandbox.store.store import Store
from sandbox.store.sweeps import SweepFolder, ranked_best
from sandbox.text import number, words

WIDTH = 118
"""Columns for what is wrapped."""
OF_A_SWEEP = ("lab", "search", "trials", "seeds", "status", "objective", "best", "created")
"""What is listed of a sweep."""
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
        sweep, comparison = sweeps.find(store, name), comparisons.find(store, name)
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
        sweep = sweeps.find(store, name)
        if sweep is None:
            raise
        raise UsageError(f"{error} The sweep {sweep.id} begins so too.") from None


def show_sweep(folder: SweepFolder, *, as_json: bool) -> None:
    """Print a sweep as it was printed when it ended."""
    from sandbox.cli.commands.sweep import print_sweep
    from sandbox.sweeps.view import Sweep

    print_sweep(Sweep(folder), as_json=as_json)


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


def _print_agents(agents: Sequence[Mapping[str, Any]]) -> None:
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


def _figures(agent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The figures of an agent, by name, as `compare` shows them."""
    from sandbox.comparison.report import SECONDS_DIGITS, time_text, value_text

    for name, value in agent.items():
        if name in LEFT_OUT:
            continue
        if name == "seconds_to_95":
            yield name, time_text(value, SECONDS_DIGITS)
        elif isinstance(value, Mapping):
            yield name, (time_text if "median" in value else value_text)(value)
        elif value is None:
            yield name, "unknown"
        elif isinstance(value, (int, float)):
            yield name, number(value)


def list_sweeps(
    store: Store,
    lab: str | None,
    status: str | None,
    most: int | None,
    as_json: bool,
) -> None:
    """List the sweeps of a store, oldest first."""
    every = map(_sweep_row, sweeps.all_of(store))
    of_lab = [row for row in every if lab in (None, row["lab"])]
    rows = [row for row in of_lab if status in (None, row["status"])][-(most or 0) :]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(f"No such sweeps in {store.root.resolve()}.")
        next_commands((["sweep", "maze", "--grid", "agent.alpha=0.1,0.5"], "makes one"))
    else:
        columns = ["sweep", *OF_A_SWEEP[:-1]]
        table(
            columns,
            [[_text(row[name]) for name in columns] for row in rows],
            right=["trials", "seeds", "best"],
        )
        _warn(rows)
        next_commands((["show", rows[-1]["sweep"]], "the last of them in full"))


def _sweep_row(folder: SweepFolder) -> dict[str, Any]:
    row: dict[str, Any] = {"sweep": folder.id, "folder": str(folder.path.resolve())}
    try:
        record = folder.read()
    except StoreError as error:
        return {**row, **dict.fromkeys(OF_A_SWEEP), "status": "damaged", "problem": str(error)}
    values = (
        record.lab,
        record.search.get("kind"),
        len(record.trials),
        record.seeds,
        record.status,
        record.objective,
        ranked_best(folder.path),
        record.created,
    )
    return {**row, **dict(zip(OF_A_SWEEP, values, strict=True))}


def list_comparisons(store: Store, lab: str | None, most: int | None, as_json: bool) -> None:
    """List the comparisons of a store, in the order in which they were written."""
    every = map(_comparison_row, comparisons.folders(store))
    rows = [row for row in every if lab in (None, row["lab"])][-(most or 0) :]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(f"No such comparisons in {store.root.resolve()}.")
        next_commands((["compare", "maze", "--agents", "sarsa", "q-learning"], "makes one"))
    else:
        columns = ["comparison", "lab", "agents", "seeds", "runs"]
        table(
            columns,
            [[_text(row[name]) for name in columns] for row in rows],
            right=["seeds", "runs"],
        )
        _warn(rows)
        next_commands((["show", rows[-1]["comparison"]], "the last of them in full"))


def _comparison_row(folder: ComparisonFolder) -> dict[str, Any]:
    row: dict[str, Any] = {"comparison": folder.id, "folder": str(folder.path.resolve())}
    try:
        document = folder.read()
    except StoreError as error:
        return {
            **row,
            **dict.fromkeys(("lab", "agents", "seeds", "runs", "command")),
            "problem": str(error),
        }
    runs = document["runs"]
    row |= {"lab": document["lab"], "agents": list(runs), "seeds": len(document.get("seeds", []))}
    return {**row, "runs": sum(map(len, runs.values())), "command": document.get("command", "")}


def _text(value: object) -> str:
    """A value for people; nothing for None."""
    if isinstance(value, list):
        return ", ".join(value)
    return words(value) if isinstance(value, str) else "" if value is None else number(value)


def _warn(rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        if "problem" in row:
            click.echo(f"Warning: {row['problem']}", err=True)
