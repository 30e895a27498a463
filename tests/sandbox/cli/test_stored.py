"""Sweeps and comparisons in `show` and `list`, beside the runs that belong to them."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest

import sandbox
from sandbox.cli import groups
from sandbox.registry.registry import registry
from sandbox.store.sweeps import run_id, sweep_of
from tests.conftest import ROOT, TOYS, extract

FIXTURE = ROOT / "tests" / "fixtures" / "store_2026_11.tar.gz"
SWEEP, COMPARISON = "20261126-020613-maze-0311", "maze-13499d7e1e"


@pytest.fixture
def old(store):
    """A store with runs of their own, the four runs of a sweep and the six of a comparison."""
    extract(FIXTURE, store.parent)
    return store


@pytest.fixture
def toys():
    registry().add_file(TOYS / "valley.py")
    registry().add_file(TOYS / "race.py")


def lines(said):
    """The first word of each line of a table."""
    assert said.code == 0, said.err
    table = said.out.split("\n\n")[0].splitlines()
    return [line.split()[0] for line in table if not line.startswith("(")][1:]


def test_a_sweep_is_shown_by_its_id_the_beginning_of_it_and_its_folder(say, old):
    whole = say("show", SWEEP)
    assert whole.code == 0 and "a grid of 2 configurations, 2 seeds each" in whole.out
    for name in ("20261126-020613-maze", old / "sweeps" / SWEEP, f"{old}/sweeps/{SWEEP}/"):
        assert say("show", name).out == whole.out
    document = say("show", SWEEP, "--json").document
    assert document["sweep"] == SWEEP and len(document["ranking"]) == 2


def test_a_comparison_is_shown_by_its_id_the_beginning_of_it_and_its_folder(say, old):
    whole = say("show", COMPARISON)
    assert whole.code == 0 and "sarsa" in whole.out and "0.5833 [0.5833, 0.5833]" in whole.out
    for name in ("maze-13", old / "comparisons" / COMPARISON):
        assert say("show", name).out == whole.out
    document = say("show", COMPARISON, "--json").document
    written = json.loads((old / "comparisons" / COMPARISON / "comparison.json").read_text())
    assert document == {**written, "folder": str((old / "comparisons" / COMPARISON).resolve())}


def test_a_comparison_that_was_written_elsewhere_is_shown_by_its_folder(say, toys, tmp_path):
    sandbox.compare("race", agents=["hare", "tortoise"], seeds=2, output=tmp_path / "mine")
    assert "hare" in say("show", tmp_path / "mine").out


def test_what_can_be_shown_names_commands_that_run(say, toys):
    made = sandbox.sweep("valley", grid={"x": [1, 2]}, epochs=2)
    sandbox.compare("race", agents=["hare", "tortoise"], seeds=2)
    for words in (
        ["show", made.id],
        ["show", "race-"],
        ["list"],
        ["list", "sweeps"],
        ["list", "comparisons"],
    ):
        said = say(*words)
        assert said.code == 0, said.err
        for line in said.out.splitlines():
            if line.startswith("python -m sandbox show") or line.startswith(
                "python -m sandbox list",
            ):
                assert say(*line.split("  ")[0].split()[3:]).code == 0, line


def test_last_stays_a_run_and_a_beginning_that_a_run_has_stays_the_run(say, toys, store):
    made = sandbox.sweep("valley", grid={"x": [1]}, epochs=2)
    (run,) = made.ranking[0].runs
    assert say("show", "last", "--json").document["run"] == run
    assert say("show", made.id[:15], "--json").document["run"] == run
    assert say("show", made.id, "--json").document["sweep"] == made.id


def test_a_name_that_is_none_says_what_was_looked_for(say, old):
    said = say("show", "maze-9")
    assert (
        said.code == 2
        and "No run, sweep or comparison 'maze-9'" in said.err
        and "`list sweeps`" in said.err
    )


def test_a_beginning_of_several_is_refused(say, toys):
    made = sandbox.sweep("valley", grid={"x": [1, 2]}, epochs=2)
    said = say("show", made.id[:15])
    assert (
        said.code == 2
        and "could be 2 runs" in said.err
        and f"The sweep {made.id} begins so too." in said.err
    )
    for agents in (["hare"], ["tortoise"]):
        sandbox.compare("race", agents=agents, seeds=2)
    assert "could be 2 comparisons: race-" in say("show", "race-").err


def test_open_opens_the_page_of_a_sweep_and_of_a_comparison(say, old, monkeypatch):
    import subprocess

    opened = []
    monkeypatch.setattr(subprocess, "Popen", lambda words, **_: opened.append(words[-1]))
    assert say("show", SWEEP, "--open").code == say("show", COMPARISON, "--open").code == 0
    assert [path.rsplit("/", 2)[1:] for path in opened] == [
        [SWEEP, "report.html"],
        [COMPARISON, "index.html"],
    ]


def test_sweeps_and_comparisons_are_listed(say, old):
    assert lines(say("list", "sweeps")) == [SWEEP] and lines(say("list", "comparisons")) == [
        COMPARISON,
    ]
    (sweep,) = say("list", "sweeps", "--json").document
    assert (sweep["sweep"], sweep["lab"], sweep["search"], sweep["trials"], sweep["seeds"]) == (
        SWEEP,
        "maze",
        "grid",
        2,
        2,
    )
    assert sweep["status"] == "finished" and sweep["best"] == pytest.approx(7 / 12)
    (comparison,) = say("list", "comparisons", "--json").document
    assert (comparison["comparison"], comparison["agents"], comparison["runs"]) == (
        COMPARISON,
        ["sarsa", "q-learning"],
        6,
    )
    assert say("list", "sweeps", "--lab", "gym", "--json").document == []
    assert say("list", "sweeps", "--status", "failed", "--json").document == []
    assert say("list", "comparisons", "--lab", "gym", "--json").document == []


def test_where_there_are_none_the_list_says_how_to_make_one(say):
    assert "python -m sandbox sweep maze" in say("list", "sweeps").out
    assert "python -m sandbox compare maze" in say("list", "comparisons").out


def test_a_damaged_sweep_or_comparison_hides_no_other(say, old):
    for path, content in (
        ("sweeps/20250101-000000-maze-ffff/sweep.json", "{"),
        ("comparisons/broken/comparison.json", '{"runs": 3}'),
    ):
        (old / path).parent.mkdir()
        (old / path).write_text(content)
    sweeps, comparisons = say("list", "sweeps"), say("list", "comparisons")
    assert lines(sweeps) == ["20250101-000000-maze-ffff", SWEEP] and "is damaged" in sweeps.err
    assert set(lines(comparisons)) == {COMPARISON, "broken"} and "is damaged" in comparisons.err
    assert say("show", "broken").code == 1 and say("list").code == 0


def test_runs_that_were_made_together_are_one_line(say, old):
    """19 runs: 9 of their own, and two lines for the others."""
    listed = say("list")
    assert len(lines(listed)) == 11 and lines(listed)[-2:] == [SWEEP, COMPARISON]
    assert "sweep of 4 runs, reward per step -1 to 0.5833" in listed.out
    assert "2 agents" in listed.out and "comparison of 6 runs" in listed.out
    assert "python -m sandbox list --all" in listed.out


def test_all_runs_have_a_line_each_on_request_and_with_a_status(say, old):
    assert len(lines(say("list", "--all"))) == 19
    assert len(lines(say("list", "--status", "finished"))) == 17


def test_the_document_of_a_list_has_every_run(say, old):
    rows = say("list", "--json").document
    assert len(rows) == 19 and rows == say("list", "--all", "--json").document
    assert {"run", "lab", "agent", "seed", "status", "summary", "folder"} <= rows[0].keys()


def test_the_last_of_a_list_are_counted_in_runs(say, old):
    assert lines(say("list", "--last", "8")) == [SWEEP, COMPARISON]
    assert (
        "comparison of 6 runs" in say("list", "--last", "8").out
        and "sweep of 2 runs" in say("list", "--last", "8").out
    )


def test_a_run_of_its_own_stays_one_when_a_comparison_uses_it(say, toys):
    alone = sandbox.run("race", agent="hare", seed=0)
    made = sandbox.compare("race", agents=["hare", "tortoise"], seeds=2)
    listed = say("list")
    assert lines(listed) == [alone.id, made.id] and "comparison of 4 runs" in listed.out


def test_a_comparison_has_the_runs_that_another_one_made(say, toys):
    sandbox.compare("race", agents=["hare", "tortoise"], seeds=2)
    more = sandbox.compare("race", agents=["hare", "tortoise"], seeds=3)
    listed = say("list").out
    assert "comparison of 4 runs" in listed and "comparison of 6 runs" in listed
    assert next(line for line in listed.splitlines() if line.startswith(more.id)).split()[3:6] == [
        "agents",
        "0",
        "to",
    ]
    assert "comparison of 6 runs" in say("list", "--last", "1").out


def sampled(value, error):
    return SimpleNamespace(
        score={"name": "greedy_return", "value": value, "standard_error": error, "episodes": 30},
        summary={},
    )


def test_scores_of_a_group_have_the_digits_that_their_error_leaves():
    rows = [sampled(-0.466667, 0.1612), sampled(-0.033333, 0.17531)]
    assert groups._span(rows) == ", greedy return -0.47 to -0.03 (standard error 0.18)"
    exact = [
        SimpleNamespace(score={"name": "score", "value": value}, summary={})
        for value in (0.293512, 0.74)
    ]
    assert groups._span(exact) == ", score 0.2935 to 0.74"


def test_a_sampled_score_is_listed_with_its_episodes_and_over_seeds_with_all_of_them(say, store):
    words = [
        "run",
        "gym",
        "--env",
        "Blackjack-v1",
        "--episodes",
        "20",
        "--render",
        "none",
        "--evaluation_episodes",
        "4",
    ]
    assert say(*words).code == 0
    assert re.search(r"greedy return \S+ ± \S+ \(4 episodes\)", say("list").out)
    many = say(*words, "--seeds", "3")
    assert re.search(r"greedy return +\S+ ± \S+ \(standard error, 12 episodes\)", many.out)
    assert all(
        len(re.search(rf"greedy return {kind} +(\S+)", many.out)[1].lstrip("-")) <= 5
        for kind in ("iqm", "low", "high")
    )


def test_statuses_of_a_group_are_counted(say, toys):
    assert (
        say("sweep", "valley", "--grid", "fail=true,false", "--epochs", "4", "--seeds", "2").code
        == 1
    )
    assert "2 failed, 2 finished" in say("list").out


def test_a_sweep_that_was_deleted_leaves_runs_of_their_own(say, old):
    import shutil

    shutil.rmtree(old / "sweeps")
    shutil.rmtree(old / "comparisons")
    assert len(lines(say("list"))) == 19


@pytest.mark.parametrize("label", ["sarsa", "double-q-learning", "sb3-dqn", "de fault"])
def test_the_id_of_a_run_tells_its_sweep(label):
    sweep = "20261126-020613-maze-0311"
    assert sweep_of(run_id(sweep, label, 12, 3), "maze") == sweep
    assert sweep_of("20261126-020615-sarsa-7076b3f1", "maze") is None
    assert sweep_of("20261126-020559-sarsa-ffbd", "maze") is None
