"""Results of others beside the runs of a comparison, and the files that they come from."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re

import numpy as np
import pytest

import sandbox
from sandbox.comparison import plots
from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.given import LAST, Given, GivenRow, given_agents, outcome, read_given
from sandbox.comparison.results import results_from
from sandbox.comparison.run_scores import RunScores
from sandbox.errors import SandboxError, UsageError
from sandbox.score import Score
from tests.conftest import TOYS

HEAD = "agent,task,seed,env_steps,score\n"
OURS = ["hare", "tortoise"]
THEIRS = HEAD + "".join(f"fox,race,{seed},280,{7 + seed / 4}\n" for seed in range(5))


@pytest.fixture
def race():
    """The toy lab with agents of known scores."""
    from sandbox.registry.registry import registry

    registry().add_file(TOYS / "race.py")


@pytest.fixture
def file(tmp_path):
    """Writes a file and returns its path."""

    def write(text, name="theirs.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_given_results_are_ranked_and_tested_beside_runs(race, store, file):
    made = sandbox.compare("race", OURS, seeds=5, given=[file(THEIRS)])
    assert [row["agent"] for row in made.table] == ["tortoise", "fox (given)", "hare"]
    fox = made.table[1]
    assert fox["given"] and fox["runs"] == 5 and fox["env_steps"] == 280
    assert fox["iqm"]["value"] == 7.5 and fox["gap"]["value"] == pytest.approx(2.5)
    assert fox["mean"]["interval"][0] < 7.5 < fox["mean"]["interval"][1]
    assert fox["by_seed"][4] == {
        "run": "",
        "seed": 4,
        "score": 8.0,
        "standard_error": None,
        "env_steps": 280.0,
        "steps_to_95": None,
        "seconds_to_95": None,
    }
    tests = {(pair["question"], pair["one"], pair["other"]): pair for pair in made.pairs}
    both = tests["final score", "hare", "fox (given)"]
    assert both["probability_of_improvement"]["value"] == 0  # 5 and a little, below 7
    assert both["p"] == pytest.approx(2 / 252)  # of two times five that do not overlap
    assert [key[1:] for key in tests if key[0] != "final score"] == [("hare", "tortoise")]


def test_given_results_are_marked_wherever_they_are_shown(race, store, file, say):
    theirs = file(THEIRS)
    said = say("compare", "race", "--agents", *OURS, "--seeds", 3, "--given", theirs)
    assert said.code == 0 and "fox (given)" in said.out
    text = " ".join(said.out.split())  # wherever lines are wrapped
    assert "results of others" in text and "not measured here" in text
    assert "Best possible: 10. " in text  # this lab does not say which optimum it is
    assert f"show {sandbox.load('last').id[:8]}" in said.out  # a run, though a given agent leads
    (page,) = store.glob("comparisons/*/index.html")
    text = page.read_text(encoding="utf-8")
    assert "fox (given)" in text and "not measured here" in text
    assert "fox" not in re.sub('fox \\(given\\)|base64,[^"]*', "", text)
    made = sandbox.compare("race", OURS, seeds=3, given=[theirs])
    assert "hare is better" not in str(made.warnings) and list(made.runs) == OURS
    for name, figure in made.figures.items():
        labels = {
            label.get_text() for label in figure.findobj(lambda one: hasattr(one, "get_text"))
        }
        assert ("fox (given)" in labels) == (name not in plots.CURVES)
        assert "fox" not in labels


def test_the_files_are_kept_with_the_comparison(race, store, file, say):
    theirs = file(THEIRS)
    made = sandbox.compare("race", OURS, seeds=3, given=[theirs])
    digest = hashlib.sha256(THEIRS.encode()).hexdigest()
    document = json.loads((made.folder / "comparison.json").read_text())
    (kept,) = document["given"]
    assert kept["source"] == str(theirs) and kept["sha256"] == digest
    assert (made.folder / kept["file"]).read_bytes() == theirs.read_bytes()
    theirs.unlink()
    shown = say("show", made.id)
    assert shown.code == 0 and "fox (given)" in shown.out and digest[:12] in shown.out
    assert say("show", made.id, "--json").document["given"] == document["given"]
    again = sandbox.compare("race", OURS, seeds=3, given=[made.folder / kept["file"]])
    assert again.id == made.id and again.table == made.table and again.reused == 6


def test_a_comparison_without_given_results_is_as_before(race, store, file):
    without = sandbox.compare("race", OURS, seeds=3)
    document = without.document()
    assert "given" not in document and not any("given" in row for row in document["agents"])
    other = sandbox.compare("race", OURS, seeds=3, given=[file(THEIRS)])
    assert other.id != without.id
    changed = sandbox.compare("race", OURS, seeds=3, given=[file(THEIRS.replace("280", "281"))])
    assert changed.id not in (other.id, without.id)
    ours = [row for row in other.table if "given" not in row]
    assert ours == list(without.table)


def test_several_files_are_read_and_other_columns_ignored(race, store, file):
    more = (
        "\ufeffscore,seed,note,agent,task,env_steps,higher_is_better\r\n1,3,x,owl,race,1e2,true\r\n"
    )
    made = sandbox.compare("race", ["hare"], seeds=1, given=[file(THEIRS), file(more, "b.csv")])
    (owl,) = [row for row in made.table if row["agent"] == "owl (given)"]
    assert owl["by_seed"][0]["seed"] == 3 and owl["env_steps"] == 100 and owl["mean"]["value"] == 1
    assert sum("not measured here" in warning for warning in made.warnings) == 2


def test_a_mark_in_a_note_that_separates_lines_elsewhere_ends_no_row(file):
    text = HEAD.replace("\n", ",note\n") + "fox,race,0,9,1,a\u2028b\x85\nfox,race,1,9,1,\n"
    assert list(read_given([file(text)], "race").rows) == [("fox (given)", 0), ("fox (given)", 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "agent,seed,score\nfox,0,1\n",
            "has no env_steps, task. Its first line should be " + HEAD[:-1],
        ),
        (HEAD, "has no agent, env_steps, score, seed, task"),
        ("", "has no agent"),
        (HEAD + "fox,race,0,9,1\nfox,race,1,9,nan\n", "line 3: score = nan: it should be"),
        (HEAD + "fox,race,0,9,inf\n", "line 2: score = inf: it should be"),
        (HEAD + "fox,race,0,9\n", "line 2: score = none: it should be"),
        (HEAD + "fox,race,0,9,\n", "line 2: score = "),
        (HEAD + "fox,race,-1,9,1\n", "line 2: seed = -1: it should be greater than or equal to 0"),
        (HEAD + "fox,race,0,-9,1\n", "line 2: env-steps = -9"),
        (
            HEAD + "fox,race,0,9,1\nfox,race,0,9,2\n",
            "fox (given) has seed 0 a second time. Keep one",
        ),
        (
            HEAD + "fox,maze,0,9,1\n",
            "line 2: task 'maze' is not 'race', which is compared. Keep only",
        ),
        (
            HEAD.replace("\n", ",higher_is_better\n") + "fox,race,0,9,1,down\n",
            "higher-is-better = down",
        ),
        (HEAD + "\n\nfox,race,0,9,nan\n", "line 4: score = nan"),
        (
            HEAD.replace("\n", ",note\n") + 'fox,race,0,9,1,"a\nb"\nfox,race,1,9,nan,\n',
            "line 4: score",
        ),
        (HEAD + ",race,0,9,1\n", "line 2: agent: it should have 1 to 100 characters"),
        (HEAD + "f\x1b[31mox,race,0,9,1\n", "line 2: agent: it should have 1 to 100 characters"),
        ("task,seed,env_steps,score,agent\nrace,0,9,1\n", "line 2: agent = none: it should be"),
        (HEAD + "fox,race,0,9," + "9" * 200_000, "field larger than field limit"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_runs(race, store, say, file, text, message):
    theirs = file(text)
    said = say("compare", "race", "--agents", "hare", "--seeds", 1, "--given", theirs)
    assert said.code == 2 and message in said.err and f"--given {theirs}" in said.err
    assert "Traceback" not in said.err and not store.exists()


def test_a_file_that_is_missing_or_no_text_is_refused(race, store, say, tmp_path):
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.csv", "bytes.csv", "."):
        said = say("compare", "race", "--agents", "hare", "--given", tmp_path / name)
        assert said.code == 2 and "should be a CSV file" in said.err and not store.exists()


def test_a_seed_may_not_be_in_two_files(file):
    with pytest.raises(UsageError, match=r"b\.csv, line 2: fox \(given\) has seed 0 a second time"):
        read_given([file(THEIRS), file(THEIRS, "b.csv")], "race")


@pytest.mark.parametrize("cells", [("true", "false"), ("false", "false")])
def test_scores_of_the_other_direction_are_refused(race, store, say, file, cells):
    rows = [f"fox,race,{seed},9,{seed},{cell}\n" for seed, cell in enumerate(cells)]
    theirs = file(HEAD.replace("\n", ",higher_is_better\n") + "".join(rows))
    said = say("compare", "race", "--agents", "hare", "--seeds", 1, "--given", theirs)
    assert said.code == 1 and "higher_is_better is not as for score" in said.err
    assert "Change the sign" in said.err


def test_where_less_is_better_given_scores_are_ranked_so():
    score = Score("loss", 2.0, higher_is_better=False)
    ours = AgentResult("ours", [RunScores("a", 0, score, None, 1.0, None, None, "", {})], 1)
    row = GivenRow(agent="theirs (given)", task="t", seed=0, env_steps=1, score=1.0)
    results = results_from([ours], given=Given([], {(row.agent, 0): row}))
    assert [one.label for one in results.ranked] == ["theirs (given)", "ours"]
    assert results.pairs[0].probability.value == 0
    wrong = row.model_copy(update={"higher_is_better": True})
    with pytest.raises(SandboxError, match="not as for loss"):
        given_agents(Given([], {(row.agent, 0): wrong}), score)


def test_given_scores_have_no_gap_where_optima_differ():
    runs = [
        RunScores("a", seed, Score("score", 1.0, optimum), None, 1.0, None, None, "", {})
        for seed, optimum in enumerate((2.0, 3.0))
    ]
    row = GivenRow(agent="theirs", task="t", seed=0, env_steps=1, score=1.0)
    given = Given([], {(row.agent, 0): row})
    results = results_from([AgentResult("ours", runs, 2)], given=given)
    assert [one.gap is None for one in results.agents] == [False, True]


def rows_of(said):
    assert said.code == 0, said.err
    return list(csv.DictReader(io.StringIO(said.out)))


MONITOR = '#{"t_start": 5.0, "env_id": "CartPole-v1"}\nr,l,t\n'


def test_a_monitor_file_gives_the_mean_of_the_last_episodes(file, say):
    text = MONITOR + "".join(f"{number},{number % 7},{number}.5\n" for number in range(150))
    paths = [file(text, "0.monitor.csv"), file(MONITOR + "3.5,10,0.1\n", "1.monitor.csv")]
    said = say("given", *paths, "--agent", "ppo", "--task", "CartPole-v1", "--seed", 4)
    steps = sum(number % 7 for number in range(150))
    mean = np.mean(range(150 - LAST, 150))
    assert [tuple(row.values()) for row in rows_of(said)] == [
        ("ppo", "CartPole-v1", "4", str(steps), str(mean)),
        ("ppo", "CartPole-v1", "5", "10", "3.5"),
    ]


def test_evaluations_give_the_mean_of_the_last_one(tmp_path):
    path = tmp_path / "evaluations.npz"
    results = np.arange(600.0).reshape(3, 200)
    np.savez(path, timesteps=[10, 20, 30], results=results, ep_lengths=results)
    assert outcome(path) == (30, results[-1].mean())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("0.monitor.csv", MONITOR.encode()),
        ("0.monitor.csv", MONITOR.encode() + b"3.5,1"),
        ("0.monitor.csv", MONITOR.encode() + b"word,10,1\n"),
        ("0.monitor.csv", MONITOR.encode() + b"inf,10,1\n"),
        ("0.monitor.csv", b""),
        ("other.csv", b"a,b\n1,2\n3,4\n"),
        ("evaluations.npz", b"PK\x03\x04 damaged"),
        ("evaluations.npz", b"no archive"),
        ("absent.csv", None),
    ],
)
def test_a_file_without_episodes_is_refused(tmp_path, say, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    said = say("given", tmp_path / name, "--agent", "ppo", "--task", "maze")
    assert said.code == 2 and said.out == "" and "It should be a *.monitor.csv" in said.err


def test_pickled_evaluations_are_not_loaded(tmp_path):
    path = tmp_path / "evaluations.npz"
    np.savez(path, timesteps=[1], results=np.array([[1.0], [1.0, 2.0]], dtype=object))
    with pytest.raises(UsageError, match="allow_pickle"):
        outcome(path)


@pytest.mark.extras
def test_files_of_stable_baselines_become_a_comparison(tmp_path, store, say):
    sb3 = pytest.importorskip("stable_baselines3")
    import gymnasium
    from stable_baselines3.common.callbacks import EvalCallback
    from stable_baselines3.common.monitor import Monitor, load_results

    evaluations = []
    for seed in range(2):
        folder = tmp_path / str(seed)
        env = Monitor(gymnasium.make("FrozenLake-v1"), str(folder / "0.monitor.csv"))
        other = Monitor(gymnasium.make("FrozenLake-v1"))
        callback = EvalCallback(
            other,
            log_path=str(folder),
            eval_freq=100,
            n_eval_episodes=4,
            verbose=0,
        )
        sb3.A2C("MlpPolicy", env, seed=seed, device="cpu").learn(300, callback=callback)
        env.close()
        other.close()
        evaluations.append(folder / "evaluations.npz")
    name = ("--task", "FrozenLake-v1")
    written = load_results(str(tmp_path / "0"))
    (learned,) = rows_of(say("given", tmp_path / "0" / "0.monitor.csv", "--agent", "a2c", *name))
    assert float(learned["score"]) == pytest.approx(written["r"][-LAST:].mean())
    assert int(learned["env_steps"]) == written["l"].sum() <= 300
    said = say("given", *evaluations, "--agent", "a2c", *name)
    evaluated = rows_of(said)
    with np.load(evaluations[1]) as file:
        assert float(evaluated[1]["score"]) == file["results"][-1].mean()
    assert [row["env_steps"] for row in evaluated] == ["300", "300"]
    theirs = tmp_path / "theirs.csv"
    theirs.write_text(said.out)
    made = sandbox.compare("gym", ["q-learning"], seeds=1, episodes=20, given=[theirs])
    assert {row["agent"] for row in made.table} == {"q-learning", "a2c (given)"}


@pytest.mark.extras
def test_an_event_file_gives_the_mean_of_the_last_episodes(tmp_path):
    pytest.importorskip("tensorboard")
    writer = pytest.importorskip("torch.utils.tensorboard").SummaryWriter(tmp_path)
    for number in range(150):
        writer.add_scalar("charts/episodic_return", number, 10 * number)
        writer.add_scalar("charts/SPS", 100.0, 10 * number + 5)
    writer.close()
    (path,) = tmp_path.glob("events*")
    assert outcome(path) == (1490, np.mean(range(50, 150)))
    with pytest.raises(UsageError, match="charts/episodic_return"):
        other = pytest.importorskip("torch.utils.tensorboard").SummaryWriter(tmp_path / "other")
        other.close()
        outcome(next((tmp_path / "other").glob("events*")))


@pytest.mark.extras
def test_an_event_file_without_the_library_names_the_line_that_installs_it(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UsageError, match=r"tensorboard, which is not installed: .*\[trackers\]"):
        outcome(tmp_path / "events.out.tfevents.1")
