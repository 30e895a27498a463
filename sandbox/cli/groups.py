"""Groups the runs of a sweep or comparison into one line of a listing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.cli.output import rounded
from sandbox.runs.owners import members_of, owners_of
from sandbox.score import score_of
from sandbox.store import Store
from sandbox.store.listing import Row
from sandbox.text import number, plural, words


@dataclass
class Group:
    """Runs that were started together.

    Attributes:
        kind: "sweep" or "comparison".
        id: the id of the sweep or comparison.
        rows: the runs that the listing shows as this one line, oldest first; a run of a comparison
            may also have its own line.
        members: for a comparison, the ids of all its runs.
        stored: the members that are in the store; for a sweep, `rows`.
    """

    kind: str
    id: str
    rows: list[Row] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    stored: list[Row] = field(default_factory=list)


def grouped(store: Store, rows: Sequence[Row], every: Sequence[Row]) -> list[Row | Group]:
    """The rows, those of a group as one, at the place of its last run.

    Args:
        store: the store that holds the runs.
        rows: oldest first.
        every: all runs in the store, of which a comparison may have used any.
    """
    runs = [(row.id, row.lab) for row in rows]
    members = members_of(store, runs)
    owners = owners_of(store, runs, members)
    groups: dict[str, Group] = {}
    for row in rows:
        if row.id in owners:
            kind, name = owners[row.id]
            groups.setdefault(name, Group(kind, name)).rows.append(row)
    by_id = {row.id: row for row in every} if members else {}
    for group in groups.values():
        group.members = members.get(group.id, [])
        group.stored = [by_id[run] for run in group.members if run in by_id] or group.rows
    last = {group.rows[-1].id: group for group in groups.values()}
    return [last.get(row.id, row) for row in rows if row.id not in owners or row.id in last]


def cells(group: Group) -> list[str]:
    """A group as a line of the table of runs."""
    rows, count = group.stored, len(group.members) or len(group.rows)
    agents = list(dict.fromkeys(row.agent for row in rows if row.agent))
    seeds = sorted({row.seed for row in rows})
    statuses = Counter(row.status for row in rows).most_common()
    counted = ", ".join(f"{count} {name}" for name, count in statuses)
    status = statuses[0][0] if len(statuses) == 1 else counted
    return [
        group.id,
        rows[-1].lab,
        agents[0] if len(agents) == 1 else f"{len(agents)} agents" if agents else "",
        str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}",
        status,
        f"{group.kind} of {plural(count, 'run')}{_span(rows)}",
    ]


def _span(rows: Sequence[Row]) -> str:
    """The range of the runs' scores; for sampled scores, with the largest standard error."""
    scores = [score for row in rows if (score := score_of(row.score, row.summary)) is not None]
    if not scores:
        return ""
    error = max(
        (score.standard_error for score in scores if score.standard_error is not None), default=None
    )
    low, high = (rounded(pick(score.value for score in scores), error) for pick in (min, max))
    sampled = "" if error is None else f" (standard error {number(error, 2)})"
    return f", {words(scores[0].name)} {low if low == high else f'{low} to {high}'}{sampled}"
