"""The command line: what each command prints, what wrong words get, and the exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from sandbox import Block
from tests.conftest import TOYS

QUIET = ("--render", "none", "--no-pictures")


@pytest.fixture
def maze(say):
    """A quick maze run, as its JSON document."""
    return say("run", "maze", "--preset", "quick", "--agent", "sarsa", "--json", *QUIET).document


# -- wrong words


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["run", "mazee"], "No lab 'mazee'. Did you mean 'maze'?"),
        (["rnu"], "No command 'rnu'. Did you mean 'run'?"),
        (["run", "maze", "--agent", "sarsaa"], "No agent 'sarsaa'. Did you mean 'sarsa'?"),
        (["run", "maze", "--preset", "quik"], "No preset 'quik'. Did you mean 'quick'?"),
        (
            ["run", "maze", "--agent.alhpa", "1"],
            "There is no option '--agent.alhpa'. Did you mean '--agent.alpha'?",
        ),
        (["run", "maze", "--seed", "-1"], "--seed -1: it should be from 0"),
        (["run", "maze", "--seed", "many"], "'many' is not a valid integer"),
        (["run", "maze", "--render", "film"], "'film' is not one of"),
        (["run", "maze", "--config", "nowhere.toml"], "nowhere.toml"),
        (["run", "maze", "--track", "tensorbord"], "No observer 'tensorbord'"),
        (["run", "maze", "--max-time", "-3"], "--max-time"),
        (["run", "maze", "--agent"], "--agent"),
        (["run", "maze", "-p"], "-p needs a file"),
        (["solve", "mazze"], "No env 'mazze'. Did you mean 'maze'?"),
        (["solve", "maze", "--discount", "1.5"], "--discount"),
        (["solve", "maze", "--epsilon", "-1"], "--epsilon"),
        (["play", "maze", "--moves", "wax"], "unknown move 'x'"),
        (["list", "labz"], "Did you mean 'labs'?"),
        (["show", "nothing"], "nothing"),
        (["delete"], "RUN"),
    ],
)
def test_wrong_usage_is_explained_and_starts_nothing(say, store, words, part):
    said = say(*words)
    assert said.code == 2 and said.out == ""
    assert part in said.err and "Traceback" not in said.err
    assert not store.exists()


def test_all_wrong_values_are_reported_at_once_and_nothing_is_started(say, store):
    said = say(
        "run",
        "maze",
        "--agent.alpha",
        "3",
        "--agent.policy",
        "soft",
        "--episodes",
        "0",
        "--env.slip",
        "much",
        "--env.size",
        "1",
    )
    assert said.code == 2 and not store.exists()
    for part in (
        "5 wrong values",
        "agent.alpha = 3",
        "agent.policy = soft",
        "episodes = 0",
        "env.slip = much",
        "env.size = 1",
    ):
        assert part in said.err


def test_unknown_keys_of_a_configuration_file_get_the_nearest(say, store, tmp_path):
    (tmp_path / "c.toml").write_text("epsodes = 3\n[agent]\nalfa = 0.1\n[env]\nlayuot = 'maze'\n")
    said = say("run", "maze", "--config", tmp_path / "c.toml")
    assert said.code == 2 and not store.exists()
    for part in (
        "'epsodes'. Did you mean 'episodes'",
        "'agent.alfa'. Did you mean 'agent.alpha'",
        "'env.layuot'. Did you mean 'env.layout'",
    ):
        assert part in said.err


@pytest.mark.parametrize(
    ("layout", "part"),
    [
        ("..G/...", "start"),
        ("S../...", "goal"),
        ("S.G/..S", "row 1, column 2"),
        ("S.G/..", "row 1"),
        ("", "empty"),
        ("S?G/...", "row 0, column 1"),
        ("S#G", "--env.allow-unsolvable"),
        ("mazee", "Did you mean 'maze'"),
    ],
)
def test_a_wrong_layout_is_refused_with_its_place_before_anything_starts(say, store, layout, part):
    said = say("run", "maze", "--env.layout", layout)
    assert said.code == 2 and not store.exists()
    assert part in said.err


def test_an_unsolvable_layout_is_allowed_on_request(say):
    said = say(
        "run",
        "maze",
        "--env.layout",
        "S#G",
        "--env.allow-unsolvable",
        "--episodes",
        "5",
        "--json",
        *QUIET,
    )
    assert said.code == 0, said.err
    assert (
        said.document["summary"]["steps_to_goal"] is None
        and said.document["summary"]["optimum"] == 0.0
    )


def test_a_window_without_a_screen_is_an_error_that_names_the_gif(say, store, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for words in (["run", "maze", "--render", "human"], ["play", "maze"]):
        said = say(*words)
        assert said.code == 2 and ("--render gif" if words[0] == "run" else "--moves") in said.err
    assert not store.exists()


def test_a_store_that_is_not_writable_is_said_so(say, tmp_path):
    (tmp_path / "file").write_text("")
    said = say("run", "maze", "--store", tmp_path / "file", *QUIET)
    assert said.code == 1 and "Cannot" in said.err and "--store" in said.err


# -- documents


def test_run_json_prints_one_document_and_nothing_else(maze, store):
    assert set(maze) >= {
        "run",
        "folder",
        "status",
        "lab",
        "agent",
        "seed",
        "config",
        "summary",
        "artifacts",
    }
    assert (maze["status"], maze["lab"], maze["agent"], maze["seed"]) == (
        "finished",
        "maze",
        "sarsa",
        0,
    )
    assert set(maze["summary"]) >= {
        "greedy_return",
        "reward_per_step",
        "steps_to_goal",
        "optimum",
        "regret",
        "learning_seconds",
        "steps_per_second",
    }
    assert maze["config"]["agent"]["alpha"] == 0.25
    assert (store / "maze" / maze["run"]).samefile(maze["folder"])


def test_run_json_says_nothing_on_standard_error_either(in_process):
    said = in_process("run", "maze", "--preset", "quick", "--json", *QUIET)
    assert said.code == 0 and said.err == "" and said.document["status"] == "finished"


def test_solve_json_has_the_known_optimum_of_the_maze(say):
    document = say("solve", "maze", "--json").document
    assert document["value_start"] == pytest.approx(0.9**42 / 0.1, rel=1e-8)
    assert (document["steps_to_goal"], document["reward_per_step"], document["converged"]) == (
        42,
        0.75,
        True,
    )
    assert document["sweeps"] > 42 and "epsilon_soft" not in document


def test_solve_with_epsilon_gives_the_best_soft_policy_too(say):
    document = say("solve", "empty-grid", "--epsilon", "0.1", "--json").document
    soft = document["epsilon_soft"]
    assert set(soft) >= {"value_start", "steps_to_goal", "reward_per_step", "converged", "sweeps"}
    assert soft["value_start"] < document["value_start"] and soft["converged"]
    same = say("solve", "empty-grid", "--epsilon", "0", "--json").document
    assert same["epsilon_soft"]["value_start"] == pytest.approx(same["value_start"])


def test_solve_takes_gymnasium_ids_and_the_options_of_run(say):
    document = say(
        "solve",
        "sandbox/Maze-v0",
        "--env.walls",
        "surmountable",
        "--env.wall-penalty",
        "-2",
        "--json",
    ).document
    assert document["steps_to_goal"] == 24 and document["reward_per_step"] == pytest.approx(
        (168 - 24 - 2) / 168
    )


def test_solve_says_which_optimum_is_which(say):
    """Who discounts goes round walls that are worth their penalty in a whole episode."""
    words = ["solve", "maze", "--env.walls", "surmountable", "--env.wall-penalty", "-2.6"]
    said, document = say(*words).out, say(*words, "--json").document
    assert "the best policy (discount 0.9, infinite horizon)" in said
    assert "the highest expected return of an episode of 168 steps, undiscounted" in said
    assert document["optimal_return"] == pytest.approx(142.8) and document[
        "optimal_reward_per_step"
    ] == pytest.approx(0.85)
    assert (
        document["reward_per_step"] < document["optimal_reward_per_step"]
        and "best_stationary" not in document
    )
    lake = say("solve", "FrozenLake-v1", "--json").document
    assert (
        lake["episode_limit"] == 100
        and lake["optimal_return"] == pytest.approx(0.7442, abs=1e-4)
        and lake["best_stationary"]
    )


def test_solve_leaves_out_an_optimum_that_takes_too_long(say, monkeypatch):
    from agents.control import base as experiment

    monkeypatch.setattr(experiment, "OPTIMUM_WORK", 10)
    experiment.best_returns.cache_clear()
    assert "not computed: it would take too long" in say("solve", "maze").out
    document = say("solve", "FrozenLake-v1", "--json").document
    assert (
        document["optimal_return"] is document["best_stationary"] is None
        and document["value_start"] > 0
    )
    experiment.best_returns.cache_clear()


def test_what_solve_proposes_learns_with_the_same_discount_and_exploration(say):
    said = say("solve", "empty-grid", "--discount", "0.95", "--epsilon=0.2", "--env.size", "4").out
    assert "run empty-grid --env.size 4 --agent sarsa --agent.discount 0.95 " in said
    assert "--agent.epsilon 0.2 --agent.epsilon-schedule constant" in said
    assert "--agent.discount" not in say("solve", "empty-grid").out
    assert (
        "--env FrozenLake-v1 --agent q-learning --agent.discount 0.99 "
        in say("solve", "FrozenLake-v1", "--discount", "0.99").out
    )


def test_solve_without_convergence_says_so_and_fails(say):
    said = say("solve", "maze", "--max-sweeps", "3", "--json")
    assert said.code == 1 and said.document["converged"] is False and said.document["sweeps"] == 3


def test_show_list_and_verify_have_documents(say, maze):
    shown = say("show", maze["run"], "--json").document
    assert shown["summary"] == maze["summary"] and shown["metrics"]["learn"]["episode"] == 1000
    (row,) = say("list", "--json").document
    assert (
        row["run"] == maze["run"]
        and row["status"] == "finished"
        and row["summary"] == maze["summary"]
    )
    checked = say("verify", maze["run"], "--json")
    assert (
        checked.code == 0 and checked.document["problems"] == [] and checked.document["blocks"] > 20
    )
    assert say("list", "labs", "--json").document[0].keys() >= {"name", "summary", "plugin"}
    assert {plugin["name"] for plugin in say("plugins", "--json").document} >= {
        "control",
        "maze",
        "empty-grid",
    }


def test_play_with_given_moves_shows_return_and_optimum(say):
    document = say("play", "empty-grid", "--moves", "wwwwwaaaaa" + "." * 40, "--json").document
    assert document == {
        "env": "empty-grid",
        "steps": 50,
        "return": 40.0,
        "steps_to_goal": 10,
        "optimum": 40.0,
        "episode_length": 50,
    }


# -- for people


def test_every_command_ends_by_naming_the_next(say, maze):
    for words in (
        ["list"],
        ["list", "labs"],
        ["list", "agents"],
        ["list", "envs"],
        ["show"],
        ["verify"],
        ["plugins"],
        ["solve", "maze"],
        ["list", "datasets"],
        ["play", "maze", "--moves", "w"],
    ):
        said = say(*words)
        assert said.code == 0, said.err
        assert re.search(r"^python -m sandbox \S+", said.out.splitlines()[-1]), words


def test_a_tracked_run_that_was_stopped_is_resumed_with_its_trackers(say, tmp_path):
    path = tmp_path / "seen.py"
    path.write_text(
        "from sandbox import Observer, hookimpl\n\n\n"
        "@hookimpl\n"
        "def sandbox_register(registry):\n"
        "    registry.observer('seen', 'seen:Seen')\n\n\n"
        "class Seen(Observer):\n"
        "    def __init__(self, column=''):\n"
        "        pass\n"
    )
    tracked = "--track", "seen=a/b", "--track", "seen"
    run = "run", "maze", "--max-time", "0", "--render", "none"
    out = say(*run, "-p", path, *tracked).out
    (line,) = [line for line in out.splitlines() if line.startswith("python -m sandbox resume")]
    assert line.split()[5:9] == [*tracked]
    assert "--track" not in say(*run).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "--output", "page.html"], "--output belongs to --html"),
        (["list", "labs", "--lab", "maze"], "--lab, --status, --last and --all are for runs"),
        (["list", "agents", "--last", "1"], "--lab, --status, --last and --all are for runs"),
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(say, maze, words, said):
    refused = say(*words)
    assert refused.code == 2 and said in refused.err and not refused.out


def test_datasets_are_listed_and_what_stands_behind_each_name_is_there(say):
    from sandbox.registry.registry import registry

    names = {one["name"] for one in say("list", "datasets", "--json").document}
    assert names >= {"mnist", "fashion-mnist", "digits", "curve", "points", "etudes", "folder"}
    assert all(callable(registry().load("dataset", name)) for name in names)
    assert len(registry().load("dataset", "digits")().train) == 1437


def test_show_prints_configuration_charts_and_artifacts(say):
    say("run", "maze", "--preset", "quick", "--render", "gif")
    out = say("show").out
    for part in (
        "status",
        "finished at episode 1",
        "agent.alpha",
        "reward per step",
        "▁",
        "█",
        "value_map.png",
        "Artifacts",
    ):
        assert part in out


def test_show_open_opens_the_figures(say, monkeypatch):
    import subprocess

    opened = []
    monkeypatch.setattr(subprocess, "Popen", lambda words, **_: opened.append(words[-1]))
    say("run", "maze", "--preset", "quick", "--render", "gif")
    assert say("show", "--open").code == 0
    assert {path.rsplit("/", 1)[1] for path in opened} == {
        "learning_curve.png",
        "value_map.png",
        "visits_map.png",
        "episode.gif",
    }


def test_progress_off_a_terminal_is_a_line_now_and_then(in_process):
    said = in_process(
        "run",
        "walk",
        "-p",
        TOYS / "walk.py",
        "--steps",
        "400",
        "--pause",
        "0.1",
        "--render",
        "none",
    )
    lines = [line for line in said.err.splitlines() if line.startswith("step ")]
    assert (
        said.code == 0 and 1 <= len(lines) <= 3 and "position" in lines[0] and "of 400" in lines[0]
    )


def test_watch_writes_a_gif_of_how_it_learned(say, maze, tmp_path):
    from PIL import Image

    said = say(
        "watch",
        maze["run"],
        "--render",
        "gif",
        "--out",
        tmp_path / "w.gif",
        "--frames",
        "150",
        "--json",
    )
    assert said.code == 0, said.err
    with Image.open(said.document["file"]) as film:
        assert 20 < film.n_frames <= 150


def test_watch_says_when_a_gif_ends_before_the_run_does(say, maze):
    words = ("watch", maze["run"], "--render", "gif", "--final", "--frames")
    assert "Warning: the GIF ends after --frames 2; there is more" in say(*words, "2").err
    assert "Warning" not in say(*words, "100000").err


def test_watch_of_a_lab_without_frames_is_refused(say, walk, monkeypatch):
    from sandbox.registry.registry import registry

    monkeypatch.delattr(registry().load("lab", "walk"), "frames")
    say("run", "walk")
    assert "nothing to watch" in say("watch").err


def test_delete_asks_first_and_wants_yes_where_nobody_can_answer(say, maze, store):
    said = say("delete", "last")
    assert said.code == 2 and "--yes" in said.err and (store / "maze" / maze["run"]).exists()
    assert say("delete", "last", "--yes").code == 0
    assert not list((store / "maze").iterdir())


def test_verify_finds_damage_and_fails(say):
    document = say("run", "maze", "--preset", "quick", "--json", "--render", "gif").document
    assert say("verify").code == 0
    artifact = f"{document['folder']}/artifacts/q_table.csv"
    with open(artifact, "a") as file:
        file.write("1,2,3\n")
    said = say("verify", "--json")
    assert said.code == 1 and "q_table.csv" in said.document[0]["problems"][0]


def test_a_verb_of_a_lab_works_on_its_runs(say, walk):
    say("run", "walk")
    said = say("shout", "last", "hello", "--loud")
    assert said.code == 0 and said.out.strip().endswith("shouts hello --loud")
    say("run", "maze", "--preset", "quick", *QUIET)
    assert "Labs that offer it: walk" in say("shout", "last").err


def test_a_one_file_plugin_runs_and_its_run_asks_for_it_later(in_process):
    said = in_process("run", "walk", "-p", TOYS / "walk.py", "--json", *QUIET)
    assert said.code == 0, said.err
    run = said.document["run"]
    assert in_process("show", run).code == 0
    missing = in_process("resume", run, "--render", "none")
    assert missing.code == 2 and "-p" in missing.err and "walk.py" in missing.err
    assert in_process("resume", run, "-p", TOYS / "walk.py", "--render", "none").code == 0


def test_settings_come_from_preset_then_file_then_command_line(say, tmp_path):
    (tmp_path / "c.json").write_text(
        json.dumps({"episodes": 40, "agent": {"name": "q-learning", "alpha": 0.5}})
    )
    said = say(
        "run",
        "maze",
        "--preset",
        "quick",
        "--config",
        tmp_path / "c.json",
        "--agent.alpha",
        "0.1",
        "--json",
        *QUIET,
    )
    config = said.document["config"]
    assert (
        config["episodes"],
        config["agent"]["name"],
        config["agent"]["alpha"],
        config["agent"]["policy"],
    ) == (
        40,
        "q-learning",
        0.1,
        "softmax",
    )


def test_a_command_can_be_typed_again_from_the_record(in_process, store):
    said = in_process("run", "maze", "--preset", "quick", "--json", *QUIET)
    record = json.loads((store / "maze" / said.document["run"] / "run.json").read_text())
    assert (
        record["command"]
        == "python -m sandbox run maze --preset quick --json --render none --no-pictures"
    )


def test_an_interrupted_pipe_is_no_error(in_process, store):
    process = subprocess.Popen(
        f"{sys.executable} -m sandbox run maze --help | head -1",
        shell=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ,
    )
    _, err = process.communicate()
    assert process.returncode == 0 and b"Traceback" not in err and b"Exception" not in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("rest", "code", "err"),
    [
        ("list labs >/dev/full", 1, "Error: No space left on device.\n"),
        ("list labs --json >/dev/full", 1, "Error: No space left on device.\n"),
        ("list labs >/dev/full 2>&1", 1, ""),
        ("list labs >&-", 0, ""),
        ("delete last <&-", 2, "Error: This would delete"),
    ],
)
def test_streams_that_are_full_or_closed_end_in_no_traceback(maze, rest, code, err):
    process = subprocess.run(
        f"{sys.executable} -m sandbox {rest}", shell=True, capture_output=True, text=True
    )
    assert process.returncode == code and process.stderr.startswith(err)
    assert "Traceback" not in process.stderr and "Exception" not in process.stderr


def test_a_chart_has_no_bar_where_there_is_no_value():
    import numpy as np

    from sandbox.cli.output import sparkline

    assert sparkline(np.array([np.nan, 42.0, np.nan, 42.0])) == " ▅ ▅"


def test_what_follows_can_be_typed_and_has_something_to_show(say, walk):
    out = say("run", "walk", "--no-pictures").out
    assert "--open" not in out and f"-p {walk}" in out.replace("tests/toys/walk.py", str(walk))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--env.start", "1"], "env.start: it should be 2 whole numbers with a comma between"),
        (["--agent.alpha", "abc"], "agent.alpha = abc: it should be a valid number (default"),
        (["--config", "c.yaml"], "settings come from .toml or .json files"),
        (["--config", "seed.json"], "give it on the command line: --seed"),
    ],
)
def test_messages_say_what_to_type(say, tmp_path, monkeypatch, words, part):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text("a: 1")
    (tmp_path / "seed.json").write_text('{"seed": 3}')
    said = say("run", "maze", *words)
    assert said.code == 2 and part in said.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--discretiser.low", "nan"], "discretiser.low = nan: it should be a finite number"),
        (["--discretiser.bins", "4,x"], "discretiser.bins = x: it should be a valid integer"),
        (["--env.reward-schedule", "1,2"], "be 3 whole numbers with a comma between, like 0,1,2 ("),
    ],
)
def test_lists_of_any_length_and_of_three_are_told_apart_from_pairs(say, words, part):
    env = "CartPole-v1" if "discretiser" in words[0] else "FrozenLake-v1"
    said = say("run", "gym", "--env", env, *words)
    assert said.code == 2 and part in said.err


def test_dotted_names_and_powers_of_ten_are_understood(say, tmp_path):
    (tmp_path / "c.json").write_text('{"agent.alpha": 0.5}')
    document = say(
        "run", "maze", "--config", tmp_path / "c.json", "--episodes", "1e2", "--json", *QUIET
    ).document
    assert document["config"]["agent"]["alpha"] == 0.5 and document["config"]["episodes"] == 100


def test_many_seeds_are_one_run_with_bands_and_the_bytes_of_each_alone(say, store):
    import numpy as np

    from sandbox import load, run

    said = say(
        "run",
        "maze",
        "--seeds",
        "5",
        "--seed",
        "3",
        "--episodes",
        "200",
        "--full-metrics",
        "--json",
        "--render",
        "none",
    )
    assert said.code == 0, said.err
    together = load(said.document["run"])
    tables = np.load(together.path / "artifacts" / "q_tables.npy")
    alone = [run("maze", seed=seed, episodes=200, pictures=False) for seed in range(3, 8)]
    for table, one, seed in zip(tables, alone, range(3, 8), strict=True):
        assert table.tobytes() == one.agent.q.tobytes()
        np.testing.assert_array_equal(
            together.metrics[f"learn, seed {seed}/return"], one.metrics["learn/return"]
        )
    rewards = np.stack([one.metrics["learn/reward_per_step"] for one in alone])
    learn = together.metrics.columns("learn")
    np.testing.assert_allclose(learn["reward_per_step_mean"], rewards.mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(
        learn["reward_per_step_low"], np.percentile(rewards, 2.5, axis=0), atol=1e-15
    )
    np.testing.assert_allclose(
        learn["reward_per_step_iqm"], np.sort(rewards, axis=0)[1:4].mean(axis=0), atol=1e-15
    )


def test_many_seeds_are_refused_where_a_lab_learns_one(say, walk, store):
    assert "one seed at a time" in say("run", "walk", "--seeds", "3").err
    assert "--seeds 0: it should be from 1" in say("run", "maze", "--seeds", "0").err
    assert not store.exists()


def test_the_first_run_on_a_machine_says_that_it_compiles(in_process, tmp_path):
    words = ("run", "maze", "--episodes", "5", "--render", "none")
    first, second = (in_process(*words, NUMBA_CACHE_DIR=str(tmp_path / "numba")) for _ in range(2))
    assert first.code == second.code == 0
    assert "Compiling the learning loops" in first.err and "Compiling" not in second.err


def test_the_column_of_the_unit_is_no_curve_of_show(say, walk, monkeypatch):
    experiment = sys.modules["walk"].Walk
    advance = experiment.advance

    def by_env_steps(self):
        (block,) = advance(self)
        position = block.columns["position"]
        return [Block("walk", {"env_steps": block.columns["step"], "position": position})]

    monkeypatch.setattr(experiment, "unit", "env step")
    monkeypatch.setattr(experiment, "advance", by_env_steps)
    assert say("run", "walk").code == 0
    stream = say("show", "last").out.split("Stream walk")[1].split("\n\n")[0]
    assert "position" in stream and "env steps" not in stream
