"""The table of reference results: what it says is what the comparison says, and it is resumed."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest

from benchmarks import reference
from sandbox.store.store import Store

TASK = reference.Task("Empty", "empty-grid", 4000)
AGENTS = ("sarsa", "r-max")


@pytest.fixture
def parts(store):
    def made(with_tuned):
        return list(reference.section(TASK, {AGENTS: 3}, Store(store), 0, with_tuned))

    return made


def test_a_table_has_the_figures_of_its_comparison_and_its_command(parts, store, say):
    title, said, command, table = parts(False)
    assert title == "### Empty" and "3 seeds" in said and "optimum is 0.8" in said
    words = command.split()[3:]
    compared = say(*words, "--json").document
    assert compared["reused"] == 6  # the command makes the very same runs
    for one in compared["agents"]:
        (line,) = [line for line in table.splitlines() if f"`{one['agent']}`" in line]
        assert float(line.split("|")[2].split()[0]) == pytest.approx(one["iqm"]["value"], abs=1e-4)
        assert f"{one['reached_95']} of 3" in line


def test_tuning_uses_other_seeds_and_is_not_repeated(parts, store, say, monkeypatch):
    monkeypatch.setitem(reference.GRIDS, "alpha", {"agent.alpha": [0.1, 1.0]})
    monkeypatch.setitem(reference.GRIDS, "known", {"agent.known": [1, 5]})
    first = parts(True)
    assert "--set sarsa.alpha=" in first[5] and "--set r-max.known=" in first[5]
    runs = sorted(path.name for path in Path(store, "empty-grid").iterdir())
    assert parts(True) == first
    assert sorted(path.name for path in Path(store, "empty-grid").iterdir()) == runs
    seeds = {row["seed"] for row in say("list", "--json", "--all").document}
    assert {1000} <= seeds and not seeds & set(range(3, 1000))


def test_every_agent_is_tuned_by_the_same_number_of_trials():
    assert {prod(map(len, grid.values())) for grid in reference.GRIDS.values()} == {12}
    assert all(reference.axes(agent) for agent in reference.TABULAR)
