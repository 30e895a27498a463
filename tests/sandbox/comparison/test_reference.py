"""The table of reference results: what it says is what the comparison says, and it is resumed."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest

from benchmarks.reference import measure, page, tasks
from sandbox.store.store import Store
from sandbox.store.sweeps import SweepFolder
from sandbox.sweeps.api import checked
from sandbox.sweeps.view import Sweep
from tests.conftest import skip_without_library

TASK = tasks.Task("Empty", "empty-grid", 4000)
AGENTS = ("sarsa", "r-max")


@pytest.fixture
def tables(store):
    """Makes the tables of a kind; its name -> the parts of each."""

    def made(kind):
        how = measure.Measure(Store(store), 0, {AGENTS: 3}, (kind,))
        return {name: table.split("\n\n") for name, table in how.tables(TASK)}

    return made


def test_a_table_has_the_figures_of_its_comparison_and_its_command(tables, store, say):
    ((name, (said, command, table)),) = tables(tasks.DEFAULTS).items()
    assert name == "With the lab's defaults, tabular agents"
    assert said.startswith("4,000 env steps") and "3 seeds" in said and "optimum is 0.8" in said
    words = command.split()[3:]
    compared = say(*words, "--json").document
    assert compared["reused"] == 6  # the command makes the very same runs
    for one in compared["agents"]:
        (line,) = [line for line in table.splitlines() if f"`{one['agent']}`" in line]
        assert float(line.split("|")[2].split()[0]) == pytest.approx(one["iqm"]["value"], abs=1e-4)
        assert f"{one['reached_95']} of 3" in line


def test_tuning_uses_other_seeds_and_is_not_repeated(tables, store, say, monkeypatch):
    monkeypatch.setitem(tasks.GRIDS, "alpha", {"agent.alpha": [0.1, 1.0]})
    monkeypatch.setitem(tasks.GRIDS, "known", {"agent.known": [1, 5]})
    first = tables(tasks.TUNED)
    ((_, (_, command, _)),) = first.items()
    assert "--set sarsa.alpha=" in command and "--set r-max.known=" in command
    runs = sorted(path.name for path in Path(store, "empty-grid").iterdir())
    assert tables(tasks.TUNED) == first
    assert sorted(path.name for path in Path(store, "empty-grid").iterdir()) == runs
    seeds = {row["seed"] for row in say("list", "--json", "--all").document}
    assert {1000} <= seeds and not seeds & set(range(3, 1000))


def test_of_settings_with_equal_scores_those_with_the_least_regret_are_taken(store, monkeypatch):
    """After three visits a pair is known as well as after one, but later."""
    monkeypatch.setitem(tasks.GRIDS, "known", {"agent.known": [3, 1, 2]})
    made = measure.tuned(TASK, "r-max", 2, Store(store), 0)
    (folder,) = SweepFolder.all_of(Store(store))
    scores = {one.value for one in Sweep(folder).finished}
    assert scores == {0.8} and made == {"known": 1}


def test_every_agent_is_tuned_by_the_same_number_of_trials():
    assert {prod(map(len, grid.values())) for grid in tasks.GRIDS.values()} == {12}


@pytest.mark.parametrize("task", tasks.TASKS, ids=lambda task: task.title)
def test_every_agent_accepts_its_settings_in_every_task(task):
    for agent in tasks.TABULAR:
        *_, points = checked(tasks.tuning(task, agent, 1))
        assert len(points) == 12


@pytest.mark.extras
@pytest.mark.parametrize("task", tasks.TASKS, ids=lambda task: task.title)
def test_every_network_accepts_its_settings_in_every_task(task):
    for agent in tasks.NETWORKS:
        skip_without_library(agent)
        *_, points = checked(tasks.tuning(task, agent, 1))
        assert len(points) == 12


def table(*rows, said="of them", command="python -m sandbox compare maze", sets=()):
    """A table of agents, with their mean and env steps to 95 %."""
    options = "".join(f" --set {one}" for one in sets)
    agents = " ".join(agent for agent, _, _ in rows)
    lines = [measure.HEAD]
    lines += [(f"`{agent}`", f"{mean} [0, 1]", "0", "1 of 3", steps) for agent, mean, steps in rows]
    return "\n\n".join(
        [
            said,
            f"    {command} --agents {agents} --seeds 3 --env-steps 5{options}",
            page.markdown(lines),
        ]
    )


def test_a_written_table_replaces_itself_and_leaves_the_others(tmp_path):
    kept = tmp_path / "page.md"
    text = f"Words before.\n\n{page.BEGIN}\n{page.END}\n\nWords after.\n"
    kept.write_text(text, encoding="utf-8")
    maze, lake = tasks.TASKS[0].title, tasks.TASKS[4].title
    defaults = f"{tasks.DEFAULTS}, tabular agents"
    tuned = f"{tasks.TUNED}, tabular agents"
    for title, name, said in (
        (lake, defaults, "of the lake"),
        (maze, tuned, "tuned"),
        (maze, defaults, "to be replaced"),
        (maze, defaults, "of the maze"),
    ):
        page.write(title, name, table(("sarsa", 1, ""), said=said), kept)
    written = kept.read_text(encoding="utf-8")
    expected = (f"### {maze}", f"#### {defaults}", "of the maze", f"#### {tuned}", "tuned")
    expected += (f"### {lake}", "of the lake", "### Settings in the lab `maze`")
    places = [written.index(f"{part}\n") for part in expected]
    assert places == sorted(places) and "to be replaced" not in written
    assert written.startswith("Words before.") and written.endswith("Words after.\n")


def test_rows_of_some_agents_join_those_of_the_others_in_the_order_of_their_means():
    old = table(
        ("r-max", 0.75, "9,000"),
        ("sarsa", 0.5, ""),
        ("q-lambda", 0.75, "20,000"),
        said="old",
        sets=["r-max.known=1", "sarsa.alpha=0.1"],
    )
    new = table(("sarsa", 0.75, "10,000"), ("dyna-q", -3.0, ""), sets=["sarsa.alpha=1.0"])
    assert page.joined(old, new) == table(
        ("r-max", 0.75, "9,000"),
        ("sarsa", 0.75, "10,000"),
        ("q-lambda", 0.75, "20,000"),
        ("dyna-q", -3.0, ""),
        sets=["r-max.known=1", "sarsa.alpha=1.0"],
    ).replace("r-max sarsa q-lambda dyna-q", "sarsa q-lambda dyna-q r-max")
    with pytest.raises(ValueError, match="measure all"):
        page.joined(old.replace("| gap |", "| speed |"), new)
    whole = page.joined(old, old)
    assert whole.splitlines()[-1] == old.splitlines()[-2], "only the order changes"


def test_the_page_has_only_tables_that_the_benchmark_can_make():
    text = page.PAGE.read_text(encoding="utf-8")
    tables = page.tables_of(text.split(page.BEGIN)[1].split(page.END)[0])
    groups = [tasks.group_name(agents) for agents in tasks.SEEDS]
    kinds = (tasks.DEFAULTS, tasks.TUNED)
    names = {f"{kind}, {group}" for kind in kinds for group in groups}
    known = {task.title for task in tasks.TASKS}
    measured = {title: tables[title] for title in tables if not title.startswith("Settings")}
    assert measured and set(measured) <= known
    assert all(own and set(own) <= names for own in measured.values())
