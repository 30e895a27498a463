"""Comparisons on several tasks: ordinary comparisons, whose normalised scores are aggregated."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import sandbox
from sandbox.comparison import planned
from sandbox.comparison.task_results import TaskScale, scale_of
from sandbox.comparison.tasks import ComparedTask, task_of
from sandbox.errors import SandboxError, UsageError
from sandbox.score import Score
from sandbox.stats.intervals import Estimate
from sandbox.store.comparisons import ComparisonFolder
from sandbox.store.store import Store
from tests.sandbox.comparison.conftest import interrupted

TASKS = ["race", "race:quick"]


@pytest.fixture(autouse=True)
def race():
    """The toy lab with agents of known scores; random actions score 2, the best possible is 10."""
    from sandbox.registry.registry import registry
    from tests.conftest import TOYS

    registry().add_file(TOYS / "race.py")
    return TOYS / "race.py"


def test_a_task_is_a_lab_or_its_environment_or_preset_or_a_file(tmp_path):
    assert task_of("maze") == ComparedTask("maze", "maze", "", {})
    taxi = {"env": {"name": "Taxi-v4"}}
    assert task_of("gym:Taxi-v4") == ComparedTask("gym:Taxi-v4", "gym", "", taxi)
    assert task_of("cab=gym:Taxi-v4") == ComparedTask("cab", "gym", "", taxi)
    assert task_of("gym:cliff") == ComparedTask("gym:cliff", "gym", "cliff", {})
    sand = tmp_path / "sand.toml"
    sand.write_text('lab = "maze"\npreset = "quick"\nenv.layout = "sand"\n')
    assert task_of(str(sand)) == ComparedTask("sand", "maze", "quick", {"env": {"layout": "sand"}})
    sand.write_text('env.layout = "sand"\n')
    with pytest.raises(UsageError, match="names no lab"):
        task_of(str(sand))
    with pytest.raises(UsageError, match="No preset 'quik'. Did you mean 'quick'"):
        task_of("maze:quik")


def test_each_task_is_an_ordinary_comparison_and_shares_its_runs(store):
    alone = sandbox.compare("race", ["hare", "tortoise"], seeds=3, preset="quick")
    made = sandbox.compare_tasks(TASKS, ["hare", "tortoise"], seeds=3)
    assert {task: one.reused for task, one in made.tasks.items()} == {"race": 0, "race:quick": 6}
    assert made.tasks["race:quick"].id == alone.id and made.reused == 6
    again = sandbox.compare("race", ["hare", "tortoise"], seeds=3)
    assert again.reused == 6 and again.id == made.tasks["race"].id
    assert sandbox.compare_tasks(TASKS, ["hare", "tortoise"], seeds=3).id == made.id
    assert len(Store().rows()) == 12
    fresh = sandbox.compare_tasks(TASKS, ["hare", "tortoise"], seeds=3, fresh=True)
    assert fresh.reused == 0 and len(Store().rows()) == 24


def test_one_scheduler_gets_the_runs_of_all_tasks(store, monkeypatch):
    asked = []

    def run_requests(requests, *rest):
        asked.append(len(requests))
        return original(requests, *rest)

    original = planned.run_requests
    monkeypatch.setattr(planned, "run_requests", run_requests)
    sandbox.compare_tasks(TASKS, ["hare", "tortoise"], seeds=3)
    assert asked == [12]


def test_normalised_scores_are_arithmetic(store):
    made = sandbox.compare_tasks(TASKS, ["hare", "tortoise"], seeds=4)
    score = {
        label: np.array([[run.summary["score"] for run in one.runs[label]] for one in of_task]).T
        for of_task in [made.tasks.values()]
        for label in ("hare", "tortoise")
    }  # [seeds, tasks]
    rows = {row["agent"]: row for row in made.table}
    for label, scores in score.items():
        table = (scores - 2) / 8
        found = [one["scores"] for one in rows[label]["normalised"]]
        np.testing.assert_allclose(found, table)
        assert rows[label]["iqm"]["value"] == pytest.approx(np.sort(table.ravel())[2:6].mean())
        assert rows[label]["mean"]["value"] == pytest.approx(table.mean())
        assert rows[label]["median"]["value"] == pytest.approx(np.median(table.mean(axis=0)))
        assert rows[label]["gap"]["value"] == pytest.approx((1 - table).clip(0).mean())
    # the tortoise is at 10 after 40 laps and at 5 after 10; the hare, with its luck, above 5 in both
    (pair,) = made.pairs
    assert pair["probability_of_improvement"]["value"] == 0.5
    assert made.results.optimum == 1.0 and made.results.score == "normalised_score"


def test_a_scale_turns_scores_of_which_less_is_better():
    scale = TaskScale(Score("loss", 8.0, 2.0, higher_is_better=False), 2.0, "")
    assert scale.normalised(Estimate(5.0, 4.0, 8.0)) == pytest.approx((0.5, 0.0, 4 / 6))
    assert scale_of("task", scale.random, None) == scale


@pytest.mark.parametrize(
    ("random", "optimum", "said"),
    [
        (None, None, "define no random_score"),
        (Score("s", 1.0), None, "--optimum task=SCORE"),
        (Score("s", 1.0, 1.0), None, "Take a task that can be learned"),
        (Score("s", 1.0, 5.0), 0.5, "a better --optimum"),
        (Score("s", 1.0, 1.5, standard_error=0.2, episodes=9), None, "random actions score 1.00 ±"),
        (Score("s", 1.0, 5.0, higher_is_better=False), None, "not worse than"),
    ],
)
def test_what_cannot_be_normalised_is_said_with_a_remedy(random, optimum, said):
    with pytest.raises(SandboxError) as error:
        scale_of("task", random, optimum)
    assert said in str(error.value)
    assert scale_of("task", Score("s", 1.0), 3.0).best == 3.0


def test_all_errors_of_all_tasks_are_reported_before_anything_starts(store, say):
    words = ["--tasks", "race", "rase", "race:quick"]
    words += ["--agents", "hare", "tortose", "misfit", "--seeds", 0, "--optimum", "rice=1"]
    said = say("compare", *words)
    assert said.code == 2 and not store.exists()
    for part in (
        "No lab 'rase'. Did you mean 'race'?",
        "race, race:quick: No agent 'tortose'. Did you mean 'tortoise'?",
        "--seeds 0: it should be from 1",
        "--optimum rice=1.0: expected a number for a task",
    ):
        assert part in said.err, said.err
    said = say("compare", "--tasks", *TASKS, "--agents", "hare", "misfit", "--seeds", 1)
    assert said.code == 2 and not list(store.glob("race/*"))
    assert "race: misfit does not fit this lab" in said.err
    assert "race:quick: misfit does not fit this lab" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks"], "--tasks: name at least one"),
        (["race", "--tasks", "race"], "the labs are among the tasks"),
        (["--tasks", "race", "race"], "stands twice"),
        (["--tasks", "race", "other=race"], "is the same task"),
        (["--tasks", "rase"], "No lab 'rase'"),
        (["--tasks", "race", "--optimum", "race=ten"], "expected a number"),
        (["--tasks", "race", "--given", "theirs.csv"], "results of others are for one task"),
        (["--tasks", "mnist", "race"], "has no agents to be compared"),
    ],
)
def test_what_cannot_be_compared_on_several_tasks_is_refused(store, say, words, said):
    answer = say("compare", *words, "--agents", "hare", "--seeds", 1)
    assert answer.code == 2 and said in answer.err, answer.err
    assert not list(store.glob("race/*"))


def test_a_task_with_an_unknown_optimum_is_refused(store, say):
    said = say("compare", "--tasks", "maze", "gym:cartpole", "--agents", "sarsa", "--seeds", 1)
    assert said.code == 2 and "gym:cartpole: the optimum is unknown. Say which" in said.err
    assert not list(store.glob("*/*"))


def test_a_task_without_a_known_optimum_takes_one_and_a_sampled_score_of_random_actions(store, say):
    tasks = ["--tasks", "gym:cartpole", "maze:quick", "--agents", "q-learning", "--seeds", 3]
    said = say("compare", *tasks, "--episodes", 20, "--optimum", "gym:cartpole=500", "--json")
    assert said.code == 0, said.err
    scale, maze = said.document["tasks"].values()
    assert scale["random"]["episodes"] == 1000 and 0.1 < scale["random"]["standard_error"] < 1
    assert 21 < scale["random"]["value"] < 24 and scale["optimum_is"] == "given with --optimum"
    assert maze["random"]["standard_error"] is None and maze["optimum"] == 0.75
    assert any("leave out its standard error" in one for one in said.document["warnings"])
    page = (store / "comparisons" / said.document["comparison"] / "index.html").read_text()
    assert "1000 episodes" in page and "±" in page


def test_a_seed_counts_where_it_finished_on_every_task(store, say):
    words = ["compare", "--tasks", *TASKS, "--agents", "hare", "faller", "--seeds", 4]
    said = say(*words, "--json")
    assert said.code == 1
    rows = {row["agent"]: row for row in said.document["agents"]}
    assert [one["seed"] for one in rows["faller"]["normalised"]] == [0, 2]
    assert any("faller finished 2 seeds of 4" in one for one in said.document["warnings"])
    assert "2 of 4" in say(*words).out


def test_a_task_whose_runs_contradict_its_model_is_left_out(store):
    made = sandbox.compare_tasks(TASKS, ["hare"], seeds=3)
    results = made.tasks["race"].results
    made.tasks["race"].__dict__["results"] = replace(results, optimum=None)
    assert made.results.agents[0].scores.shape == (3, 2)  # the cached ones
    del made.__dict__["results"]
    assert made.results.agents[0].scores.shape == (3, 1)
    assert made.warnings[0].startswith("race is left out")


def test_the_page_links_single_comparisons_and_needs_nothing_from_outside(store):
    made = sandbox.compare_tasks(TASKS, ["<b>=hare", "tortoise"], seeds=3)
    page = (made.folder / "index.html").read_text()
    assert "<script" not in page and "&lt;b&gt;" in page and "<b>" not in page
    assert page.count("<figure>") == 3 and set(made.figures) == {
        "aggregates",
        "performance_profile",
        "improvement",
    }
    links = set(re.findall(r'href="([^"#]+)"', page))
    assert {(made.folder / link).resolve() for link in links} == {
        (one.folder / "index.html").resolve() for one in made.tasks.values()
    }
    assert all((made.folder / link).exists() for link in links)


def test_a_notebook_shows_the_table_and_figures_of_all_tasks(store):
    made = sandbox.compare_tasks(TASKS, ["hare", "tortoise"], seeds=3)
    shown = made._repr_html_()
    rows = re.findall(r'<td class="wide">(.*?)</td>', shown)
    assert rows == [row["agent"] for row in made.table]
    assert "optimality gap" in shown.replace("&nbsp;", " ").replace("\u00a0", " ")
    assert shown.count("<figure>") == 3


def test_with_few_seeds_there_are_no_intervals(store):
    made = sandbox.compare_tasks(TASKS, ["hare", "tortoise"], seeds=2)
    assert all(row["iqm"]["interval"] is None for row in made.table)
    assert any("No intervals: 2 seeds" in one for one in made.warnings)
    assert "No interval is drawn" in made.to_html()


def test_a_stored_comparison_on_several_tasks_is_listed_shown_and_knows_its_runs(store, say):
    made = sandbox.compare_tasks(TASKS, ["hare"], seeds=2)
    (row,) = [one for one in say("list", "comparisons", "--json").document if "," in one["lab"]]
    assert row["comparison"] == made.id and row["runs"] == 4
    assert say("show", made.id).out.count("hare") >= 1
    assert sorted(ComparisonFolder.find(Store(), made.id).members()) == sorted(
        f"race/{run.id}" for one in made.tasks.values() for run in one.runs["hare"]
    )


def test_ctrl_c_leaves_several_tasks_that_the_same_command_finishes(race, store, say):
    words = ["compare", "-p", race, "--tasks", *TASKS, "--agents", "hare", "tortoise"]
    words += ["--seeds", "1", "--pause", "0.02", "--json"]
    assert b"of 4 runs are done and kept; the same command" in interrupted(words, store)
    said = say(*words)
    assert said.code == 0 and said.document["reused"] == 2
