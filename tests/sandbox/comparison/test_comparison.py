"""Comparisons of agents with known scores: reused runs, errors, results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import sandbox
from sandbox.comparison import planned, report, results
from sandbox.comparison import plots as comparison_plots
from sandbox.comparison.agent_result import AgentResult, _half
from sandbox.comparison.request import ComparisonRequest, compared_agents
from sandbox.comparison.run_scores import RunScores
from sandbox.errors import UsageError
from sandbox.runs.request import Request
from sandbox.stats.time_to_threshold import Arrival, median_time
from sandbox.store.listing import matching
from sandbox.store.store import Store
from tests.conftest import TOYS
from tests.sandbox.comparison.conftest import interrupted


@pytest.fixture
def race():
    """The toy lab with agents of known scores."""
    from sandbox.registry.registry import registry

    registry().add_file(TOYS / "race.py")
    return TOYS / "race.py"


def ids(made):
    return {label: [run.id for run in runs] for label, runs in made.runs.items()}


def test_agents_times_seeds_are_ordinary_runs_without_pictures(race, store):
    made = sandbox.compare("race", agents=["hare", "tortoise"], seeds=3)
    rows = Store().rows()
    assert len(rows) == 6 and {row.status for row in rows} == {"finished"}
    assert [run.record.seed for run in made.runs["hare"]] == [0, 1, 2]
    assert not any(run.artifacts for runs in made.runs.values() for run in runs)
    assert sandbox.load(rows[0].id).summary["score"] is not None


def test_a_run_of_a_comparison_has_the_bytes_of_the_same_run_alone(race, store):
    made = sandbox.compare("race", agents=["hare"], seeds=2)
    alone = sandbox.run("race", agent="hare", seed=1)
    assert (
        alone.folder.metrics_path.read_bytes()
        == made.runs["hare"][1].folder.metrics_path.read_bytes()
    )


def test_finished_runs_are_used_again_whoever_made_them(race, store):
    alone = sandbox.run("race", agent="hare", seed=1)
    first = sandbox.compare("race", agents=["hare", "tortoise"], seeds=2)
    again = sandbox.compare("race", agents=["tortoise", "hare"], seeds=2, pictures=True)
    assert first.reused == 1 and first.runs["hare"][1].id == alone.id
    assert again.reused == 4 and ids(again)["hare"] == ids(first)["hare"]
    more = sandbox.compare("race", agents=["hare"], seeds=4)
    assert more.reused == 2 and len(Store().rows()) == 6


def test_another_setting_other_sources_or_fresh_make_new_runs(race, store, monkeypatch):
    first = sandbox.compare("race", agents=["hare"], seeds=2)
    assert sandbox.compare("race", agents=["hare"], seeds=2, laps=30).reused == 0
    assert (
        sandbox.compare(
            "race", agents=["hare"], seeds=2, agent_options={"hare": {"pace": 2}}
        ).reused
        == 0
    )
    fresh = sandbox.compare("race", agents=["hare"], seeds=2, fresh=True)
    assert fresh.reused == 0 and set(ids(fresh)["hare"]).isdisjoint(ids(first)["hare"])
    monkeypatch.setattr(planned, "sources_of", lambda record: "other")
    assert sandbox.compare("race", agents=["hare"], seeds=2).reused == 0


@pytest.mark.parametrize("name", ["metrics.jsonl", "times.jsonl"])
def test_a_finished_run_whose_measurements_were_damaged_is_made_again(race, store, name):
    """Its curve was missing or cut short, and with it those of all agents."""
    first = sandbox.compare("race", agents=["hare", "tortoise"], seeds=2)
    damaged = first.runs["hare"][1]
    content = (damaged.path / name).read_bytes()
    (damaged.path / name).write_bytes(content[: len(content) // 2])
    again = sandbox.compare("race", agents=["hare", "tortoise"], seeds=2)
    assert again.reused == 3 and again.runs["hare"][1].id != damaged.id
    assert "learning_curves" in again.figures
    assert (again.runs["hare"][1].path / "metrics.jsonl").stat().st_size
    assert sandbox.compare("race", agents=["hare", "tortoise"], seeds=2).reused == 4


def test_runs_are_found_among_others_by_what_they_compute(race, store):
    first = sandbox.compare("race", agents=["hare"], seeds=3)
    for number in range(3):
        sandbox.run("race", agent="tortoise", seed=number)
    wanted = ComparisonRequest(Request("race", seed=1), ["hare"])
    agents, _ = compared_agents(wanted)
    (member,) = planned.planned_runs(wanted.request, agents)
    found = matching(
        Store().root,
        {member.fingerprint: member.sources, "0" * 64: member.sources},
        [member.request.seed],
    )
    assert {name: [row.id for row in rows] for name, rows in found.items()} == {
        member.fingerprint: [first.runs["hare"][1].id]
    }
    assert (
        matching(Store().root, {member.fingerprint: "other sources"}, [member.request.seed]) == {}
    )
    assert matching(Store().root, {member.fingerprint: member.sources}, []) == {}


def test_the_standings_are_arithmetic(race, store):
    made = sandbox.compare("race", agents=["hare", "tortoise"], seeds=5)
    rows = {row["agent"]: row for row in made.table}
    hare = [run.summary["score"] for run in made.runs["hare"]]
    assert rows["hare"]["iqm"]["value"] == pytest.approx(np.mean(sorted(hare)[1:4]))
    assert rows["hare"]["mean"]["value"] == pytest.approx(np.mean(hare))
    assert rows["hare"]["median"]["value"] == pytest.approx(np.median(hare))
    assert rows["hare"]["gap"]["value"] == pytest.approx(
        np.mean([max(0.0, 10 - score) for score in hare])
    )
    low, high = rows["hare"]["iqm"]["interval"]
    assert min(hare) <= low <= rows["hare"]["iqm"]["value"] <= high <= max(hare)
    # the hare is at 5 from lap 10 on; the tortoise gains 0.5 a lap and is at 9.5,
    # 95 % of 10, in lap 19, evaluated every second lap: 20
    assert rows["hare"]["reached_95"] == 0 and rows["tortoise"]["reached_95"] == 5
    assert rows["tortoise"]["steps_to_95"] == {
        "median": 20 * 7,
        "interval": [20 * 7, 20 * 7],
        "evaluated_before": 18 * 7,
    }
    assert rows["hare"]["steps_to_95"]["median"] is None and rows["hare"]["env_steps"] == 40 * 7
    assert rows["tortoise"]["by_seed"][0]["steps_to_95"] == {"at": 140, "after": 126, "end": 280}
    assert rows["tortoise"]["seconds_to_95"]["median"] >= 0


def test_pairs_say_who_is_better_and_how_sure_that_is(race, store):
    made = sandbox.compare("race", agents=["hare", "tortoise"], seeds=5)
    score, speed = made.pairs
    assert score["verdict"] == "tortoise is better" and speed["verdict"] == "tortoise is faster"
    assert score["probability_of_improvement"]["value"] == 0.0
    assert score["p"] == pytest.approx(2 / 252) and score["p_corrected"] == pytest.approx(4 / 252)
    few = sandbox.compare("race", agents=["hare", "tortoise"], seeds=3)
    assert {pair["verdict"] for pair in few.pairs} == {"too few seeds, 5 of each may tell"}
    assert made.table[0]["agent"] == "tortoise"


def test_one_seed_has_no_interval_and_the_page_says_why(race, store):
    made = sandbox.compare("race", agents=["hare", "tortoise"], seeds=1)
    assert all(row["iqm"]["interval"] is None for row in made.table)
    assert any("No intervals" in warning for warning in made.warnings)
    page = made.to_html()
    assert "No intervals: 1 seed has no spread" in page and "No interval is drawn" in page
    axes = comparison_plots.figures(made.results)["learning_curves"].axes[0]
    assert not axes.collections
    banded = sandbox.compare("race", agents=["hare", "tortoise"], seeds=3)
    assert len(comparison_plots.figures(banded.results)["learning_curves"].axes[0].collections) == 2


def test_failed_runs_are_counted_and_the_others_go_on(race, store, say):
    said = say("compare", "race", "--agents", "hare", "faller", "--seeds", 4, "--json")
    document = said.document
    assert said.code == 1
    rows = {row["agent"]: row for row in document["agents"]}
    assert (
        rows["faller"]["runs"] == 2 and rows["faller"]["wanted"] == 4 and rows["hare"]["runs"] == 4
    )
    assert any(
        "2 of 4 runs did not finish (seed 1 failed, seed 3 failed)" in warning
        for warning in document["warnings"]
    )


def test_an_agent_of_which_no_run_finished_does_not_hide_the_others(race, store):
    made = sandbox.compare("race", agents=["hare", "faller"], seeds=1, seed=1)
    assert [row["agent"] for row in made.table] == ["hare"]


def test_the_page_needs_nothing_from_outside_and_escapes_names(race, store):
    made = sandbox.compare("race", agents=["<b>=hare", "tortoise"], seeds=3)
    page = (made.folder / "index.html").read_text()
    assert "<script" not in page and not re.findall(r'(?:src|href)="(?!data:|#|[./])', page)
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert page.count("<figure>") == 4
    document = json.loads((made.folder / "comparison.json").read_text())
    assert document["agents"] == json.loads(json.dumps(made.table)) and set(made.figures) == {
        "learning_curves",
        "scores_in_time",
        "scores",
        "performance_profile",
    }


def test_the_same_comparison_is_the_same_page_in_the_same_place(race, store):
    first = sandbox.compare("race", agents=["hare", "tortoise"], seeds=3)
    before = (first.folder / "index.html").read_bytes()
    again = sandbox.compare("race", agents=["hare", "tortoise"], seeds=3)
    assert again.folder == first.folder == store / "comparisons" / first.id
    assert again.table == first.table and again.pairs == first.pairs
    assert len((again.folder / "index.html").read_bytes()) == pytest.approx(
        len(before), abs=200
    )  # what was reused stands there


def test_a_comparison_is_no_run(race, store, say, tmp_path):
    made = sandbox.compare("race", agents=["hare"], seeds=1, output=tmp_path / "page")
    assert sorted(path.name for path in made.folder.iterdir()) == ["comparison.json", "index.html"]
    sandbox.compare("race", agents=["hare"], seeds=1)
    assert [row["lab"] for row in say("list", "--json").document] == ["race"]
    assert say("verify").code == 0


# -- what can be said on the command line


def test_options_go_to_all_agents_that_have_them(race, store, say):
    said = say(
        "compare",
        "race",
        "--agents",
        "hare,tortoise",
        "--seeds",
        1,
        "--agent.nap",
        3,
        "--agent.pace",
        2,
        "--laps",
        30,
        "--json",
    )
    configs = said.document["configs"]
    assert (
        configs["hare"]["agent"]["nap"] == 3
        and configs["hare"]["agent"]["pace"] == configs["tortoise"]["agent"]["pace"] == 2
    )
    assert configs["hare"]["laps"] == 30 and "nap" not in configs["tortoise"]["agent"]
    assert any(
        "nap = 3" in warning and "tortoise" in warning for warning in said.document["warnings"]
    )


def test_one_agent_can_stand_twice_with_settings_of_its_own(race, store, say, tmp_path):
    (tmp_path / "quick.toml").write_text('[agent]\nname = "tortoise"\npace = 4\n')
    said = say(
        *(
            "compare",
            "race",
            "--agents",
            "tortoise",
            "slow=tortoise",
            tmp_path / "quick.toml",
            "--set",
            "slow.pace=0.5",
            "--seeds",
            1,
        ),
        *("--agent.pace", 3, "--json"),
    )
    paces = {label: config["agent"]["pace"] for label, config in said.document["configs"].items()}
    assert paces == {"tortoise": 3, "slow": 0.5, "quick": 4}


def test_everything_wrong_is_said_at_once_and_nothing_runs(race, store, say):
    said = say(
        "compare",
        "race",
        "--agents",
        "hare",
        "tortose",
        "--seeds",
        0,
        "--set",
        "har.pace=1",
        "--laps",
        0,
    )
    assert said.code == 2 and not store.exists()
    for part in (
        "tortose",
        "Did you mean 'tortoise'",
        "--seeds 0",
        "'har' is set",
        "Did you mean 'hare'",
        "laps",
    ):
        assert part in said.err, said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name at least one"),
        (["--agents", "hare", "hare"], "stands twice"),
        (["--agents", "hare", "other=hare"], "same settings"),
        (["--agents", "hare", "--agent.pac", "1"], "--agent.pace"),
        (["--agents", "hare", "--set", "pace"], "LABEL.OPTION=VALUE"),
        (["--agents", "hare", "--set", "hare.pac=1"], "pac"),
        (["--agents", "hare", "--set", "hare.pace=-1"], "pace"),
        (["--agents", "misfit", "hare"], "too wide for the track"),
        (["--agents", "needy", "hare"], 'python -m pip install "sandbox-lab[sb3]"'),
        (["--agents", "hare", "--preset", "quik"], "Did you mean 'quick'"),
        (["--agents", "nowhere.toml"], "nowhere.toml"),
        (["--agents", "hare", "--track", "diry"], "diry"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_runs(race, store, say, words, said):
    answer = say("compare", "race", *words, "--seeds", 2)
    assert answer.code == 2 and said in answer.err, answer.err
    assert not list(store.glob("race/*"))


def test_agents_that_face_different_tasks_are_no_comparison(race, store, tmp_path):
    (tmp_path / "other.toml").write_text('laps = 12\n[agent]\nname = "tortoise"\n')
    with pytest.raises(UsageError, match="laps is 40 for one and 12 for the other"):
        sandbox.compare("race", agents=["hare", str(tmp_path / "other.toml")], seeds=1)


def test_a_lab_without_agents_has_nothing_to_compare(walk, store):
    with pytest.raises(UsageError, match="no agents"):
        sandbox.compare("walk", agents=["sarsa"], seeds=1)


def test_the_screen_says_what_came_out_and_what_is_next(race, store, say):
    said = say("compare", "race", "--agents", "hare", "tortoise", "--seeds", 5)
    assert (
        said.code == 0
        and "tortoise is better than hare" in said.out
        and "0 of 5" in said.out
        and "not reached" in said.out
    )
    assert "python -m sandbox compare race --agents hare tortoise --seeds 10" in said.out
    assert "10 runs to make" in said.err
    assert (
        "All 10 runs are there already"
        in say("compare", "race", "--agents", "hare", "tortoise", "--seeds", 5).err
    )


def test_ctrl_c_leaves_a_comparison_that_the_same_command_finishes(race, store, say):
    words = [
        "compare",
        "race",
        "-p",
        race,
        "--agents",
        "hare",
        "tortoise",
        "--seeds",
        "2",
        "--pause",
        "0.02",
        "--json",
    ]
    err = interrupted(words, store)
    assert b"2 of 4 runs are done" in err and b"the same command continues" in err
    stopped = {row.id: row.status for row in Store().rows()}
    assert sorted(stopped.values()) == ["finished", "finished", "interrupted"]
    said = say(*words)
    assert said.code == 0 and said.document["reused"] == 2
    assert {run["run"] for runs in said.document["runs"].values() for run in runs} > set(
        stopped
    )  # the interrupted one went on
    assert (
        sandbox.load(
            next(run for run, status in stopped.items() if status == "interrupted")
        ).record.resumed
        == 1
    )


def test_tabular_agents_on_the_maze(store, say):
    said = say(
        "compare",
        "maze",
        "--agents",
        "sarsa",
        "q-learning",
        "--seeds",
        3,
        "--episodes",
        400,
        "--json",
    )
    assert said.code == 0, said.err
    document = said.document
    assert document["score"] == "reward_per_step" and document["optimum"] == 0.75
    for row in document["agents"]:
        assert row["env_steps"] == 400 * 168
        runs = [sandbox.load(run["run"]) for run in row["by_seed"]]
        assert row["mean"]["value"] == pytest.approx(
            np.mean([run.summary["reward_per_step"] for run in runs])
        )


def test_two_workers_make_the_runs_that_this_process_makes(race, store, say, in_process, tmp_path):
    words = ["compare", "race", "--agents", "hare", "tortoise", "--seeds", 2, "--json"]
    here, there = (
        say(*words),
        in_process(*words, "-p", race, "--workers", 2, "--store", tmp_path / "other"),
    )
    assert here.code == there.code == 0, there.err
    for label in ("hare", "tortoise"):
        for one, other in zip(
            here.document["runs"][label], there.document["runs"][label], strict=True
        ):
            paths = [
                store / "race" / one["run"] / "metrics.jsonl",
                tmp_path / "other" / "race" / other["run"] / "metrics.jsonl",
            ]
            assert paths[0].read_bytes() == paths[1].read_bytes()
    assert [row["iqm"] for row in here.document["agents"]] == [
        row["iqm"] for row in there.document["agents"]
    ]


def test_a_worker_count_below_zero_is_refused(race, store, say):
    assert say("compare", "race", "--agents", "hare", "--workers", -1).code == 2


def test_a_page_is_drawn_again_only_when_something_in_it_changed(race, store, monkeypatch):
    words = {"agents": ["hare", "tortoise"], "seeds": 3}
    sandbox.compare("race", **words)
    second = sandbox.compare("race", **words)  # says that all runs were found
    page = second.folder / "index.html"
    page.write_text("drawn before")
    sandbox.compare("race", **words)
    assert page.read_text() == "drawn before"
    sandbox.compare("race", **words, fresh=True)
    assert "hare" in page.read_text()


# -- what is said of scores and arrivals that are given


def measured(*rows, optimum=None, errors=None):
    """Runs of one agent: each row is a score, then, if it was evaluated, (steps, seconds) at its
    arrival, before it and at its end."""
    runs = []
    for seed, (score, *times) in enumerate(rows):
        error = None if errors is None else errors[seed]
        judged = sandbox.Score(
            "score", score, optimum, standard_error=error, episodes=None if errors is None else 30
        )
        steps, seconds = (
            [
                Arrival(
                    None if times[0] is None else 3,
                    times[0] and times[0][axis],
                    times[1][axis],
                    times[2][axis],
                )
                for axis in (0, 1)
            ]
            if times
            else (None, None)
        )
        runs.append(
            RunScores(
                str(seed), seed, judged, None, 100.0, steps, seconds, "here", {"python": "3.12"}
            )
        )
    return runs


def made_of(**agents):
    """A comparison of runs that were measured."""
    found = results.results_from(
        [AgentResult(label, runs, len(runs)) for label, runs in agents.items()]
    )
    return SimpleNamespace(results=found, lab="race")


def row(made, label):
    return report.cells(made, next(one for one in made.results.agents if one.label == label))


THERE, LOST = ((100, 2.0), (80, 1.5), (400, 9.0)), (None, (400, 9.0), (400, 9.0))
"""An agent that arrives at step 100, and one that does not within 400."""


def test_best_is_said_only_of_who_is_shown_to_be():
    tied = made_of(
        a=measured(*[[score] for score in (1, 2, 3, 4, 5)]),
        b=measured(*[[score] for score in (1, 2, 3, 4, 5)]),
    )
    assert (
        report.finding(tied)
        == "No difference in score was shown between a and b: a 3 [1.333, 4.667] and b 3 [1.333, 4.667] (interquartile means)."
    )
    few = made_of(a=measured([2.0], [2.0]), b=measured([1.0], [1.0]))
    assert (
        report.finding(few)
        == "Too few seeds to tell which of a and b has the best score: a 2 and b 1 (interquartile means)."
    )
    won = made_of(
        a=measured(*[[score] for score in range(1, 7)]),
        b=measured(*[[score] for score in range(11, 17)]),
    )
    assert report.finding(won).startswith("b has the best score: 13.5 [")
    assert (
        report.finding(made_of(a=measured([2.0])))
        == "a has the score 2 (interquartile mean of 1 seed)."
    )
    high, low = ([[score] for score in range(start, start + 8)] for start in (20, 0))
    level = report.finding(made_of(a=measured(*high), b=measured(*high), c=measured(*low)))
    assert level.startswith("No difference in score was shown between a and b: a 23.5")


def test_who_reaches_the_optimum_in_some_runs_is_told_apart_from_who_never_does():
    some = measured([10, *THERE], [5, *LOST], optimum=10)
    never = measured([5, *LOST], [5, *LOST], optimum=10)
    share = "None of them reaches 95 % of the optimum 10 and stays there"
    assert report.finding(made_of(a=some, b=never)) == f"{share} in most runs."
    assert report.finding(made_of(a=never, b=never)) == f"{share}."
    assert (
        report.finding(made_of(a=never))
        == "a does not reach 95 % of the optimum 10 and stays there."
    )
    always = measured([10, *THERE], [10, *THERE], [10, *THERE], optimum=10)
    seldom = measured([10, *THERE], [5, *LOST], [5, *LOST], optimum=10)
    usual = measured([10, *THERE], [10, *THERE], [5, *LOST], optimum=10)
    assert (
        report.finding(made_of(a=always, b=seldom))
        == "a reaches the optimum 10 after 100 env steps (median); most runs of b do not."
    )
    assert "half of the runs of b do not" in report.finding(made_of(a=always, b=some))
    assert report.finding(made_of(a=always, b=never)).endswith("; b does not.")
    assert (
        report.finding(made_of(a=usual))
        == "a reaches 95 % of the optimum 10 in most runs after 100 env steps (median)."
    )


def test_a_median_is_reached_in_seconds_where_it_is_in_steps():
    """In seconds two runs end before the third arrives, and alone would leave only that one."""
    quick = (None, (400, 3.0), (400, 3.0))
    slow = ((300, 24.09), (200, 20.0), (400, 30.0))
    lost = row(made_of(a=measured([5, *quick], [5, *quick], [10, *slow], optimum=10)), "a")
    assert lost["steps to 95 %"] == lost["seconds to 95 %"] == "not reached"
    # the run that arrives second in steps is the last in seconds
    late = ((200, 50.0), (150, 40.0), (400, 90.0))
    cells = row(made_of(a=measured([10, *THERE], [10, *late], [10, *slow], optimum=10)), "a")
    assert cells["steps to 95 %"].startswith("200 (> 150) [") and cells[
        "seconds to 95 %"
    ].startswith("24.1 (> 20) [")
    draw = np.random.default_rng(0)
    for _ in range(200):
        times = [
            Arrival(0, float(at), 0.0, 9.0)
            if arrived
            else Arrival(None, None, float(at), float(at))
            for at, arrived in zip(draw.integers(1, 9, 7), draw.random(7) < 0.5, strict=True)
        ]
        half, there = _half(times), sorted(one.at for one in times if one.at is not None)
        assert median_time(times).median == (there[half - 1] if half else float("inf"))
    document = made_of(a=measured([10, *THERE], optimum=10)).results.agents[0].document()
    assert document["seconds_to_95"] == {"median": 2.0, "interval": None, "evaluated_before": 1.5}


def test_sampled_scores_without_an_interval_have_their_standard_error():
    few = made_of(a=measured([-0.2], [-0.4], errors=[0.3, 0.4]))
    assert row(few, "a")["IQM"] == row(few, "a")[
        "mean"
    ] == "-0.30 ± 0.25" and "-0.30 ± 0.25" in report.finding(few)
    assert few.results.agents[0].document()["iqm"] == {
        "value": pytest.approx(-0.3),
        "interval": None,
        "standard_error": 0.25,
    }
    assert any(
        "± is the standard error" in note and "intervals contain" not in note
        for note in few.results.warnings
    )
    assert report.score_marks(few) == "the standard error after ±"
    more = made_of(a=measured([-0.2], [-0.4], [-0.3], errors=[0.3, 0.4, 0.1]))
    assert "±" not in row(more, "a")["IQM"] and any(
        "intervals contain" in note for note in more.results.warnings
    )
    assert (
        report.score_marks(more) == "in brackets 95 % intervals"
        and report.score_marks(made_of(a=measured([1.0]))) == ""
    )


def test_a_note_names_the_agents_that_have_no_interval_where_others_have():
    three = measured([-0.2], [-0.4], [-0.3], errors=[0.3, 0.4, 0.1])
    notes = made_of(a=three[:2], b=three).results.warnings
    assert (
        notes[0].startswith("No intervals for a: 2 seeds")
        and "; without an interval, ±" in notes[1]
    )
    assert made_of(a=three[:2]).results.warnings[0].startswith("No intervals: 2 seeds")


def test_a_library_that_only_some_runs_list_is_no_other_version():
    one, other = measured([1.0], [2.0])
    more = replace(other, versions={"python": "3.12", "torch": "2.9"})
    newer = replace(other, versions={"python": "3.13"})
    assert not any("versions" in note for note in made_of(a=[one, more]).results.warnings)
    assert any("versions" in note for note in made_of(a=[one, newer]).results.warnings)


def test_env_steps_in_a_note_are_not_rounded():
    few, many = (
        [replace(run, env_steps=steps) for run in measured([1.0])] for steps in (288.5, 166992.0)
    )
    assert any("(a 288.5, b 166992)" in note for note in made_of(a=few, b=many).results.warnings)


def test_what_is_shown_of_a_comparison_is_what_it_printed(race, store, say):
    printed = say("compare", "race", "--agents", "hare", "tortoise", "--seeds", 3).out
    shown = say("show", "race-").out
    for text in ("not reached", "140 (> 126) [140, 140]"):
        assert text in printed and text in shown
    assert "–" not in shown


def test_the_line_that_says_which_optimum_is_meant_ends_within_the_figure(race, store):
    labels = [f"{name} whose label takes as much room as one may"[:34] for name in ("a", "b")]
    agents = [f"{label}={name}" for label, name in zip(labels, ("hare", "tortoise"), strict=True)]
    results = sandbox.compare("race", agents=agents, seeds=1).results
    meant = "the highest expected return of an episode of 168 steps, undiscounted, divided by 168"
    figure = comparison_plots.seeds(replace(results, optimum_is=meant))
    (line,) = (text for text in figure.texts if text.get_text().startswith("Best possible"))
    assert line.get_window_extent().x1 <= figure.bbox.x1
