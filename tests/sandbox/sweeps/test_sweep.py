"""Sweeps in one process: their trials, errors and results; each run has the bytes it has alone."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox import Block
from sandbox.errors import ConfigError, StoreError, UnknownNameError, UsageError
from sandbox.execution.jobs import Job, execute
from sandbox.execution.scheduler import Workers, run_requests
from sandbox.registry.registry import registry
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.score import Score
from sandbox.store import Store
from sandbox.store.sweeps import SweepFolder
from sandbox.store.verify import check
from sandbox.sweeps.api import SweepRequest, begin, resume_sweep, sweep
from sandbox.sweeps.results import Result, ranked
from sandbox.sweeps.space import Held, layer, parse_axes
from sandbox.sweeps.view import Sweep
from tests.conftest import ROOT, TOYS, needs_extra

TIMES = ("learning_seconds", "steps_per_second")


@pytest.fixture(autouse=True)
def valley(store):
    registry().add_file(TOYS / "valley.py")


def bytes_of(run):
    """What a run computed: metrics, and the summary without durations."""
    return (run.path / "metrics.jsonl").read_bytes(), {
        name: value for name, value in run.summary.items() if name not in TIMES
    }


# -- what is tried


def test_a_grid_is_every_combination_with_every_seed():
    made = sweep("valley", grid={"x": [1, 2], "kind": ["round", "flat"]}, seeds=3, seed=7, epochs=2)
    tried = {tuple(sorted(one.params.items())) for one in made.ranking}
    assert tried == {(("kind", kind), ("x", x)) for x in (1.0, 2.0) for kind in ("round", "flat")}
    assert [[run.record.seed for run in made.runs(one)] for one in made.ranking] == [[7, 8, 9]] * 4
    assert {run.config["epochs"] for one in made.ranking for run in made.runs(one)} == {2}


def test_a_lone_value_of_an_axis_is_a_text_and_not_its_letters():
    made = sweep("valley", grid={"kind": "round"}, epochs=2)
    assert [one.params for one in made.ranking] == [{"kind": "round"}]


def test_axes_on_the_command_line_stand_behind_one_grid(say):
    said = say(
        "sweep", "valley", "--grid", "x=1,2", "y=0,-4", "--epochs", "2", "--seeds", "2", "--json"
    )
    assert said.code == 0, said.err
    assert [
        one["params"] for one in sorted(said.document["ranking"], key=lambda one: one["number"])
    ] == [{"x": x, "y": y} for x in (1.0, 2.0) for y in (0.0, -4.0)]
    assert len(Store().rows()) == 8


def test_values_that_hold_commas_are_parted_by_semicolons():
    assert parse_axes(["env.start=0,0;9,9", "agent.alpha=0.1,0.5"]) == {
        "env.start": ["0,0", "9,9"],
        "agent.alpha": ["0.1", "0.5"],
    }


def test_a_choice_may_stand_beside_its_own_options_in_any_order():
    assert layer({"agent.alpha": 0.1, "agent": "sarsa"}) == {
        "agent": {"alpha": 0.1, "name": "sarsa"}
    }
    made = sweep(
        "maze",
        grid={"agent.alpha": [0.2], "agent": ["sarsa", "q-learning"]},
        preset="quick",
        episodes=5,
    )
    names = {one.number: made.runs(one)[0].config["agent"]["name"] for one in made.ranking}
    assert names == {0: "sarsa", 1: "q-learning"}


def test_what_the_user_fixed_is_not_drawn():
    class Trial:
        def suggest_float(self, name, low, high, **more):
            return low

        def suggest_categorical(self, name, choices):
            return choices[0]

    held = Held(
        Trial(), [{"agent": {"name": "sarsa", "alpha": "0.3"}}, {"agent": {"epsilon_final": 0.01}}]
    )
    assert held.suggest_float("agent.alpha", 0.5, 1) == 0.3
    assert held.suggest_float("agent.epsilon-final", 0.5, 1) == 0.01
    assert held.suggest_float("agent.discount", 0.5, 1) == 0.5
    assert held.suggest_categorical("agent", ["q-learning", "sarsa"]) == "sarsa"
    assert held.suggest_categorical("policy", ["softmax"]) == "softmax"


@pytest.mark.extras
@pytest.mark.parametrize("lab", ["maze", "empty-grid", "gym"])
def test_control_labs_suggest_configurations_that_are_valid_and_bounded_by_one_another(lab):
    optuna = pytest.importorskip("optuna")
    from sandbox.sweeps.space import draw

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(50):
        point = draw(registry().lab(lab), {}, [], study.ask(), lab)
        options = point.config.agent.options
        assert options.epsilon_final <= options.epsilon
        assert options.epsilon <= (1 if options.policy == "epsilon-greedy" else 5)
    point = draw(
        registry().lab(lab), {}, [{"agent": "dyna-q"}, {"agent": {"alpha": 0.5}}], study.ask(), lab
    )
    assert point.config.agent.name == "dyna-q" and point.config.agent.options.alpha == 0.5
    assert "agent.alpha" not in point.params


# -- the runs


@pytest.mark.parametrize(
    ("lab", "grid", "common"),
    [
        ("maze", {"agent.alpha": [0.1, 0.5]}, {"episodes": 60}),
        ("valley", {"x": [1.0, 2.0]}, {"epochs": 3}),
    ],
)
def test_a_run_of_a_sweep_has_the_bytes_it_has_alone(lab, grid, common, tmp_path):
    made = sweep(lab, grid=grid, seeds=2, config=common)
    for one in made.ranking:
        for run in made.runs(one):
            alone = api.run(
                lab,
                config=run.config,
                seed=run.record.seed,
                store=tmp_path / "alone",
                pictures=False,
            )
            assert bytes_of(run) == bytes_of(alone)
            assert run.status == "finished" and not run.artifacts


def test_the_same_run_handed_out_twice_at_once_is_done_once(store):
    request = api.Request(
        "valley", layers=[{"epochs": 15, "pause": 0.02}], id="20260101-000000-once-s0"
    )
    job = Job(request, str(store.resolve()))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(execute, [job, job]))
    assert outcomes[0].summary == outcomes[1].summary and outcomes[0].status == "finished"
    (row,) = Store().rows()
    assert row.id == request.id and len(api.load(row.id).metrics["epoch"]) == 15


def test_requests_of_any_kind_can_be_carried_out_in_their_order():
    told = []
    requests = [
        api.Request("valley", layers=[{"epochs": 2, "x": x, "fail": x == 2}], seed=3)
        for x in (1, 2, 3)
    ]
    runs = run_requests(
        requests, Store(), Settings(pictures=False), lambda number, run: told.append(run)
    )
    assert [run.config["x"] for run in runs] == [1, 2, 3]
    assert (
        [run.status for run in runs]
        == ["finished", "failed", "finished"]
        == [run.status for run in told]
    )
    assert "closed" in told[1].record.error


def test_a_sweep_confuses_no_listing_and_every_run_verifies(say):
    made = sweep("valley", grid={"x": [1, 2]}, epochs=2)
    assert {row.id for row in Store().rows()} == {run for one in made.ranking for run in one.runs}
    assert say("verify").code == 0 and [
        check(folder)["problems"] for folder in Store().folders()
    ] == [[], []]
    assert len(say("list", "--json").document) == 2


def test_a_failed_run_stops_no_other_and_resume_tries_it_again(say):
    said = say("sweep", "valley", "--grid", "fail=true,false", "x=1,2", "--epochs", "4", "--json")
    assert said.code == 1
    assert sorted(one["status"] for one in said.document["ranking"]) == [
        "failed",
        "failed",
        "finished",
        "finished",
    ]
    assert [one["status"] for one in said.document["ranking"]][:2] == ["finished"] * 2
    before = {
        run: api.load(run).record.resumed for one in said.document["ranking"] for run in one["runs"]
    }
    assert say("resume", said.document["sweep"], "--json").code == 1
    after = {run: api.load(run).record.resumed for run in before}
    assert sorted(after[run] - before[run] for run in before) == [0, 0, 1, 1]


# -- what comes out


def test_trials_are_ranked_by_the_mean_over_seeds():
    made = sweep("valley", grid={"x": [0, 3, 1]}, seeds=3, epochs=20)
    assert [one.params["x"] for one in made.ranking] == [3, 1, 0]
    values = [run.summary["depth"] for run in made.runs(made.ranking[1])]
    mean = sum(values) / 3
    assert made.ranking[1].value == pytest.approx(mean)
    assert made.ranking[1].spread == pytest.approx(
        (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
    )
    assert (made.ranking[1].low, made.ranking[1].high) == (min(values), max(values))
    assert made.record.direction == "minimize" and made.record.objective == "depth"


def test_ranking_puts_ties_in_their_order_and_what_has_no_figure_last():
    def one(number, value):
        return Result(
            number,
            {},
            "finished" if value is not None else "failed",
            value,
            None,
            None,
            None,
            [],
            [],
        )

    results = [one(0, 1.0), one(1, None), one(2, 2.0), one(3, 1.0)]
    assert [result.number for result in ranked(results, "maximize")] == [2, 0, 3, 1]
    assert [result.number for result in ranked(results, "minimize")] == [0, 3, 2, 1]


@pytest.mark.extras
def test_the_direction_is_declared_and_never_guessed_from_a_name():
    lowest = sweep(
        "regression", objective="summary.test_mse", grid={"activation": ["tanh"]}, preset="quick"
    )
    assert lowest.record.direction == "minimize"
    pytest.importorskip("torch")
    highest = sweep(
        "mnist",
        objective="summary.test_accuracy",
        grid={"epochs": [1]},
        preset="quick",
        dataset="digits",
    )
    assert highest.record.direction == "maximize"


def test_the_best_configuration_is_a_file_that_run_takes(say):
    made = sweep(
        "maze",
        grid={"agent.alpha": [0.1, 0.5], "agent.policy": ["softmax"]},
        preset="quick",
        episodes=80,
    )
    said = say(
        "run",
        "maze",
        "--config",
        made.path / "best.json",
        "--render",
        "none",
        "--no-pictures",
        "--json",
    )
    assert said.code == 0, said.err
    assert bytes_of(api.load(said.document["run"])) == bytes_of(made.runs(made.best)[0])


@pytest.mark.extras
def test_the_folder_holds_a_page_that_needs_nothing_from_outside():
    pytest.importorskip("optuna")
    made = sweep("valley", grid={"x": [0, 1, 2, 3], "y": [0, 5]}, epochs=8, noise=0.001)
    assert {path.name for path in made.path.iterdir()} >= {
        "report.html",
        "ranking.json",
        "best.json",
        "parallel_coordinates.png",
        "importance.png",
    }
    page = (made.path / "report.html").read_text()
    assert (
        "http" not in page.replace("http-equiv", "")
        and page.count("data:image/png") == 2
        and "<script" not in page
    )
    assert json.loads((made.path / "ranking.json").read_text())["ranking"][0]["params"] == {
        "x": 3.0,
        "y": 0.0,
    }
    shares = made.importance
    assert sum(shares.values()) == pytest.approx(1) and shares["x"] > 0.9


# -- searching


@pytest.mark.extras
def test_random_draws_depend_on_the_seed_alone():
    pytest.importorskip("optuna")
    one, again, other = (sweep("valley", random=4, seed=seed, epochs=1) for seed in (0, 0, 1))
    params = [[trial.params for trial in made.record.trials] for made in (one, again, other)]
    assert params[0] == params[1] != params[2]
    assert len({one["x"] for made in params for one in made}) == 8


@pytest.mark.extras
def test_tpe_comes_closer_than_random_search_and_repeats_itself_from_the_same_seed():
    pytest.importorskip("optuna")
    common = {"config": {"epochs": 12, "noise": 0.0}, "seed": 2}
    tpe, again, random = (
        sweep("valley", tpe=40, **common),
        sweep("valley", tpe=40, **common),
        sweep("valley", random=40, **common),
    )
    assert [one.params for one in tpe.record.trials] == [one.params for one in again.record.trials]
    close = [
        sum(abs(one.params["x"] - 3) < 1 for one in made.record.trials) for made in (tpe, random)
    ]
    assert close[0] > close[1] + 5
    assert tpe.best.value < random.best.value + 0.05


@pytest.mark.extras
def test_a_tpe_sweep_put_down_in_the_middle_goes_on_as_if_it_had_not_been(store):
    pytest.importorskip("optuna")
    whole = sweep("valley", tpe=16, epochs=2, seeds=2)
    made = sweep("valley", tpe=16, epochs=2, seeds=2)
    record = made.folder.read()
    for trial in record.trials[12:]:
        for run in trial.runs:
            made.folder.run("valley", run).remove()
    record.trials, record.status = record.trials[:13], "interrupted"
    made.folder.write(record)
    again = resume_sweep(made.folder)
    assert [one.params for one in again.record.trials] == [
        one.params for one in whole.record.trials
    ]
    assert [one.value for one in again.ranking] == [one.value for one in whole.ranking]


@pytest.mark.extras
@pytest.mark.parametrize("prune", ["median", "halving"])
def test_hopeless_trials_are_given_up_and_the_best_is_not(prune):
    pytest.importorskip("optuna")
    xs = [3, 2.5, 2, 1.5, 1, 3.2, -4, -5, -6, -7, -8, -9]
    made = sweep("valley", grid={"x": xs}, seeds=2, epochs=12, prune=prune)
    pruned = {one.params["x"] for one in made.ranking if one.status == "pruned"}
    assert pruned >= {-7, -8, -9} and 3 not in pruned and made.best.params["x"] == 3
    for one in made.ranking:
        if one.status == "pruned":
            assert one.statuses == ["interrupted", "waiting"]
    again = resume_sweep(made.folder)
    assert {one.params["x"] for one in again.ranking if one.status == "pruned"} == pruned


@pytest.mark.extras
def test_a_resumed_sweep_knows_what_runs_reported_by_the_column_of_their_unit(monkeypatch):
    pytest.importorskip("optuna")
    valley, study = sys.modules["valley"].Valley, pytest.importorskip("sandbox.sweeps.study")
    advance = valley.advance

    def by_env_steps(self):
        (block,) = advance(self)
        return [Block(block.stream, {"env_steps": [10 * self.done_units], "depth": [self.depth]})]

    monkeypatch.setattr(valley, "unit", "env step")
    monkeypatch.setattr(valley, "advance", by_env_steps)
    made = sweep("valley", grid={"x": [3, 2]}, epochs=3, prune="median")
    add, added = study.Study.add, []

    def noted(self, params, distributions, reported):
        added.append([*reported])
        add(self, params, distributions, reported)

    monkeypatch.setattr(study.Study, "add", noted)
    resume_sweep(made.folder)
    assert added == [[10, 20, 30], [10, 20, 30]]


@pytest.mark.extras
def test_pruning_says_so_when_nothing_reports():
    pytest.importorskip("optuna")
    made = sweep(
        "valley",
        grid={"x": [1, 2]},
        epochs=2,
        prune="median",
        objective="summary.epochs",
        direction="maximize",
    )
    assert "nothing could be given up" in made.record.error and made.status == "finished"


# -- what is refused


def test_everything_wrong_with_a_grid_is_said_at_once_and_nothing_runs(say, store):
    said = say(
        "sweep", "maze", "--grid", "agent.alpha=0.1,7,-1", "agent.polcy=softmax", "episodes=0"
    )
    assert said.code == 2
    for part in (
        "agent.alpha = 7",
        "agent.alpha = -1",
        "Did you mean 'agent.policy'",
        "episodes = 0",
    ):
        assert part in said.err
    assert not store.exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--grid", "x=1", "--seeds", "0"], "--seeds 0"),
        (["--grid", "x=1,1"], "more than once"),
        (["--grid", "x=0.1,0.10"], "more than once"),
        (["--grid", "x="], "at least one value"),
        (["--grid", "x"], "is no axis"),
        (["--grid"], "requires an argument"),
        (["--grid", "x=1", "--x", "2"], "both as an option and in the grid"),
        (["--grid", "x=1", "--random", "3"], "one of --grid, --random and --tpe"),
        ([], "one of --grid, --random and --tpe"),
        (["--random", "0"], "--random 0"),
        (["--grid", "x=1", "--prune", "medain"], "Did you mean 'median'"),
        (["--grid", "x=1", "--direction", "up"], "maximize, minimize"),
        (["--grid", "x=1", "--workers", "2", "--scheduler", "tcp://a:1"], "give one of them"),
        (["--grid", "x=1", "--seed", "-1"], "--seed -1"),
        (["--grid", "x=1", "--epochs", "none"], "epochs"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_anything_runs(say, store, words, part):
    said = say("sweep", "valley", *words)
    assert said.code == 2 and part in said.err, said.err
    assert not store.exists()


def test_an_objective_that_no_run_has_is_named_with_those_that_there_are():
    with pytest.raises(
        UsageError, match="--direction maximize or minimize. Or did you mean 'depth'"
    ):
        sweep("valley", grid={"x": [1, 2]}, epochs=1, objective="summary.dpeth")
    with pytest.raises(UnknownNameError, match="Did you mean 'depth'"):
        sweep(
            "valley", grid={"x": [1, 2]}, epochs=1, objective="summary.dpeth", direction="minimize"
        )


@pytest.mark.parametrize(
    ("preset", "option"), [("quick", "learning-rate=0.01,0.05"), ("quick-search", "search.top=2")]
)
def test_runs_without_the_objective_of_their_lab_are_compared_by_their_score(say, preset, option):
    """A network without validation points, and a search, have no validation loss."""
    said = say("sweep", "regression", "--preset", preset, "--grid", option)
    assert said.code == 0 and "have no validation_loss" in said.out, said.err
    said = say("list", "sweeps", "--json")
    (made,) = said.document
    assert made["objective"] == "test_mse" and made["status"] == "finished"


def test_a_first_run_whose_score_is_not_finite_changes_neither_objective_nor_direction(
    monkeypatch, say
):
    """It was taken for none: trials were ranked by their first figure, more being better."""
    lab = type(registry().lab("valley"))
    experiment = lab.build.__globals__["Valley"]
    depth = lambda one: one.depth if one.config.x else float("nan")  # noqa: E731
    monkeypatch.setattr(lab, "objective", "")
    monkeypatch.setattr(
        experiment, "summary", lambda one: {"epochs": one.done_units, "depth": depth(one)}
    )
    monkeypatch.setattr(
        experiment, "score", lambda one: Score("depth", depth(one), higher_is_better=False)
    )
    made = sweep("valley", grid={"x": [0, 9, 3]}, epochs=1)
    assert (made.record.objective, made.record.direction) == ("depth", "minimize")
    assert [one.params["x"] for one in made.ranking] == [3, 9, 0]
    assert "no finite value" in say("show", made.id).out
    made = sweep("valley", grid={"x": [0]}, epochs=1)
    assert made.best is None and "No configuration has a value." in page_of(made)


def page_of(made):
    return (made.path / "report.html").read_text(encoding="utf-8")


SHORT = {"mnist": {"dataset": "digits", "epochs": 1}, "music": {"epochs": 1}}
SHORT["autoencoder"] = SHORT["mnist"]


@pytest.mark.extras
@pytest.mark.parametrize("name", [one.name for one in registry().entries("lab", outside=False)])
def test_runs_of_a_labs_search_space_have_its_objective(name):
    lab = registry().lab(name)
    if not (lab.offers("suggest") and lab.objective):
        pytest.skip(f"{name} has no search space, or no objective of its own")
    pytest.importorskip("optuna")
    if needs_extra(name):
        pytest.importorskip("torch")
    made = sweep(name, random=1, preset="quick", **SHORT.get(name, {}))
    assert made.status == "finished" and not made.record.error
    assert f"summary.{made.record.objective}" == lab.objective
    assert made.record.direction == lab.direction_of(made.record.objective) != ""
    assert made.ranking[0].value is not None


@pytest.mark.parametrize("lab", ["maze", "empty-grid", "gym"])
def test_a_sweep_of_a_control_lab_ranks_the_highest_score_first(lab):
    """Their scores count up, and a rate of learning of nearly 0 learns nothing."""
    options = {"agent": "q-learning", "episodes": 500}
    if lab == "gym":
        options["env"] = "CliffWalking-v1"
    made = sweep(lab, grid={"agent.alpha": [1e-9, 0.5]}, config=options)
    values = [one.value for one in made.ranking]
    assert made.record.direction == "maximize" and values[0] > values[1]
    assert made.best.params == {"agent.alpha": 0.5}


def test_a_lab_without_a_search_space_says_how_to_sweep_it(walk):
    with pytest.raises(UsageError, match="no search space.*--grid"):
        sweep("walk", random=3)


def test_a_grid_beyond_reason_is_refused():
    with pytest.raises(ConfigError, match="at most 100000"):
        sweep(
            "valley",
            grid={
                "x": list(range(-10, 10)),
                "y": list(range(-10, 10)),
                "epochs": list(range(1, 1000)),
            },
        )


@pytest.mark.parametrize(
    ("module", "more", "scheduler"),
    [
        ("optuna", {"random": 2}, ""),
        ("optuna", {"grid": {"x": [1]}, "prune": "median"}, ""),
        ("distributed", {"grid": {"x": [1]}}, "tcp://host:8786"),
    ],
)
def test_a_missing_extra_is_one_line_of_pip(module, more, scheduler, monkeypatch, store):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r'python -m pip install "sandbox-lab\[sweep\]"'):
        begin(
            SweepRequest(api.Request("valley"), **more), Store(), Settings(), Workers(0, scheduler)
        )
    assert not list(store.glob("*/*"))


def test_a_serial_grid_needs_neither_dask_nor_optuna(store):
    code = (
        "import sys; sys.modules.update(optuna=None, distributed=None, dask=None)\n"
        "from sandbox import sweep\nfrom sandbox.registry.registry import registry\nfrom pathlib import Path\n"
        f"registry().add_file(Path({str(TOYS / 'valley.py')!r}))\n"
        "made = sweep('valley', grid={'x': [1, 2, 3, 4]}, epochs=2)\nprint(made.status, made.best.params, made.importance)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.stdout.strip() == "finished {'x': 3.0} {}", done.stderr


def test_a_sweep_that_runs_is_not_taken_up_by_another(store):
    made = sweep("valley", grid={"x": [1]}, epochs=1)
    with (
        made.folder.writing(),
        pytest.raises(UsageError, match="A process works on sweep"),
        made.folder.writing(),
    ):
        pass
    record = made.folder.read()
    record.status = "running"
    made.folder.write(record)
    assert made.folder.read().status == "lost"
    with made.folder.writing(), pytest.raises(UsageError, match="is running now"):
        resume_sweep(made.folder)


def test_a_sweep_whose_report_does_not_fit_on_the_disk_says_how_to_get_it(store, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("sandbox.sweeps.report.write_whole", full)
        with pytest.raises(StoreError, match=r"No space left on device. `python -m sandbox resume"):
            sweep("valley", grid={"x": [1, 2]}, epochs=1)
    (made,) = SweepFolder.all_of(Store())
    assert resume_sweep(made).best.params == {"x": 2.0}


def test_a_sweep_on_another_machine_lives_by_its_heartbeat(store):
    made = sweep("valley", grid={"x": [1]}, epochs=1)
    record = made.folder.read()
    record.status, record.host = "running", "elsewhere"
    made.folder.write(record)
    with made.folder.writing(), pytest.raises(UsageError, match=r"is running now .* on elsewhere"):
        resume_sweep(made.folder)
    assert made.folder.read().status == "lost"
    assert resume_sweep(made.folder).record.status == "finished"


def test_a_finished_sweep_resumed_does_nothing_twice(say):
    made = sweep("valley", grid={"x": [1, 2]}, epochs=2)
    before = {
        run: (made.folder.run("valley", run).path / "run.json").stat().st_mtime_ns
        for one in made.ranking
        for run in one.runs
    }
    said = say("resume", made.id, "--json")
    assert said.code == 0 and said.document["ranking"] == made.document()["ranking"]
    assert before == {
        run: (made.folder.run("valley", run).path / "run.json").stat().st_mtime_ns for run in before
    }
    assert Sweep(SweepFolder(made.path)).best.params == {"x": 2.0}


def test_the_picture_says_that_others_are_as_good_as_the_best():
    from sandbox.sweeps.plots import parallel_coordinates

    results = [
        Result(number, {"x": number}, "finished", value, None, value, value, [], [])
        for number, value in enumerate((2.0, 2.0, 1.0))
    ]
    for some, label in ((results, "best: trial 0, the first of 2"), (results[1:], "best: trial 1")):
        (legend,) = parallel_coordinates(some, "goal", "maximize", "").legends
        assert [text.get_text() for text in legend.get_texts()] == [label]


def test_values_of_an_axis_may_have_options_of_their_own():
    agents = [{"name": "sarsa", "alpha": 0.1}, {"name": "sarsa", "alpha": 0.3}, "q-learning"]
    made = sweep("maze", preset="quick", episodes=5, grid={"agent": agents})
    assert sorted(map(str, (one.params for one in made.ranking))) == [
        "{'agent': 'q-learning'}",
        "{'agent': 'sarsa', 'agent.alpha': 0.1}",
        "{'agent': 'sarsa', 'agent.alpha': 0.3}",
    ]
    assert {made.runs(one)[0].config["agent"]["alpha"] for one in made.ranking} == {0.1, 0.3, 0.25}
