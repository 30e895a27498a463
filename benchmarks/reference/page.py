"""The page of the reference results: reads its tables, joins new rows into them, writes it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.reference.tasks import NETWORKS, SEEDS, TASKS, TUNED, group_name, group_of
from sandbox.comparison.request import ComparedAgent, ComparisonRequest, compared_agents
from sandbox.config.model import option_name, show_value
from sandbox.runs.request import Request
from sandbox.text import flat

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- Made by benchmarks/reference: begin -->", "<!-- end -->"
UNUSED = ("name", "total-timesteps", "stats-window-size")
"""Options without a meaning in the tables."""


def write(title: str, name: str, table: str, path: Path = PAGE) -> None:
    """Put a table into the page; of the one that it has, rows of other agents are kept.

    Args:
        title: of the task.
        name: what is compared.
        table: its part of the page.
        path: the page.
    """
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    tables, after = rest.split(END)
    known = tables_of(tables)
    own = known.setdefault(title, {})
    own[name] = joined(own[name], table) if name in own else table
    path.write_text(f"{before}{BEGIN}\n\n{page(known)}\n\n{END}{after}", encoding="utf-8")


def tables_of(text: str) -> dict[str, dict[str, str]]:
    """The tables of a page: the title of the task -> what is compared -> its part of the page."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        named = re.split(r"^#### (.+)\n", body, flags=re.MULTILINE)[1:]
        found[title] = {
            name: table.strip() for name, table in zip(named[::2], named[1::2], strict=True)
        }
    return found


def page(tables: Mapping[str, Mapping[str, str]]) -> str:
    """The tables of all tasks, in the order of TASKS, then the settings of the agents in them."""
    parts = []
    for task in TASKS:
        if own := tables.get(task.title):
            parts.append(f"### {task.title}")
            parts += [f"#### {name}\n\n{own[name]}" for name in sorted(own, key=_place)]
    names = {name for own in tables.values() for name in own}
    groups = [group for group in SEEDS if any(one.endswith(group_name(group)) for one in names)]
    return "\n\n".join([*parts, *settings(dict.fromkeys(task.lab for task in TASKS), groups)])


def _place(name: str) -> tuple[bool, bool]:
    """Defaults before tuned settings, tabular agents before networks."""
    return name.startswith(TUNED), name.endswith(group_name(NETWORKS))


def joined(old: str, new: str) -> str:
    """A new table with the rows that only an old one has, in its order and in its command.

    Raises:
        ValueError: when they have other columns.
    """
    (_, before, rows), (said, command, more) = (table.split("\n\n") for table in (old, new))
    head, line, *lines = more.splitlines()
    if rows.splitlines()[0] != head:
        raise ValueError("the table on the page has other columns: measure all of its agents")
    own = {_cells(row)[0]: row for row in [*rows.splitlines()[2:], *lines]}
    ranked = sorted(own.values(), key=_rank)
    agents, options = _compared(before.split())
    again, others = _compared(parts := command.split())
    options = [one for one in options if one.partition(".")[0] not in again] + others
    every = [agent for agent in group_of(again) if agent in {*agents, *again}]
    first, last = parts.index("--agents") + 1, parts.index("--seeds")
    rest = parts[last : parts.index("--set")] if others else parts[last:]
    whole = [*parts[:first], *every, *rest, *(word for one in options for word in ("--set", one))]
    return "\n\n".join([said, "    " + " ".join(whole), "\n".join([head, line, *ranked])])


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _rank(row: str) -> tuple[float, float]:
    """By the mean, highest first; then by the env steps to 95 %."""
    _, mean, _, _, steps, *_ = _cells(row)
    return -float(mean.split()[0]), float(steps.replace(",", "") or "inf")


def _compared(command: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """The agents of a command, and what `--set` gives them."""
    agents = command[command.index("--agents") + 1 : command.index("--seeds")]
    return agents, [one for word, one in pairwise(command) if word == "--set"]


def settings(labs: Iterable[str], groups: Iterable[Sequence[str]]) -> Iterator[str]:
    """For each lab, the default settings of groups of agents."""
    for lab in labs:
        yield f"### Settings in the lab `{lab}`"
        for agents in groups:
            layers: list[Any] = [{"env_steps": 1}]
            wanted = ComparisonRequest(Request(lab, "default", layers), agents)
            yield markdown([("agent", "settings"), *_settings(compared_agents(wanted)[0])])


def _settings(agents: Sequence[ComparedAgent]) -> Iterator[list[str]]:
    """What most agents have, then for each agent the values that only it or few others have."""
    every = {}
    for one in agents:
        values = flat(dict(one.config["agent"]))
        shown = {option_name(name): show_value(value) for name, value in values.items()}
        every[f"`{one.label}`"] = {name: shown[name] for name in shown if name not in UNUSED}
    counts = Counter(pair for values in every.values() for pair in values.items())
    usual = {pair for pair, count in counts.items() if count > len(agents) / 2}
    yield ["most", _listed(pair for pair in counts if pair in usual)]
    for label, values in every.items():
        if own := _listed(pair for pair in values.items() if pair not in usual):
            yield [label, own]


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs)


def markdown(lines: Iterable[Sequence[str]]) -> str:
    """A table; the first line is its head."""
    head, *body = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *body))
