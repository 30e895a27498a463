"""Which sweep or comparison a run belongs to."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from sandbox.errors import StoreError
from sandbox.store import Store, comparisons, sweeps

Named = tuple[str, str]
"""A run and its lab, or the kind of a group and its id."""


def members_of(store: Store, runs: Sequence[Named]) -> dict[str, list[str]]:
    """The ids of the runs of each comparison, by its id; empty where no run belongs to one.

    Args:
        store: the store that holds the runs.
        runs: id and lab of each.
    """
    members: dict[str, list[str]] = {}
    if any(comparisons.COMPARED.search(run) for run, _ in runs):
        for folder in comparisons.folders(store):
            with contextlib.suppress(StoreError):
                members[folder.id] = [
                    run["run"] for label in folder.read()["runs"].values() for run in label
                ]
    return members


def owners_of(
    store: Store, runs: Sequence[Named], members: Mapping[str, Sequence[str]]
) -> dict[str, Named]:
    """Kind and id of what a run belongs to, by the run's id; runs of their own are left out.

    Args:
        store: the store that holds the runs.
        runs: id and lab of each.
        members: what `members_of` returned for them.
    """
    known = {folder.id for folder in sweeps.SweepFolder.all_of(store)}
    owners: dict[str, Named] = {}
    for run, lab in runs:
        sweep = sweeps.sweep_of(run, lab)
        if sweep in known and sweep is not None:
            owners[run] = "sweep", sweep
    for comparison, ids in members.items():
        for run in filter(comparisons.COMPARED.search, ids):
            owners.setdefault(run, ("comparison", comparison))
    return owners
