"""Trackers against the real ones: event files read back by TensorBoard, an MLflow server on SQLite;
and against none at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest

from sandbox import extras
from sandbox.errors import RunFailed, UsageError
from sandbox.lab import Block
from sandbox.runs import api
from sandbox.store.folder import RunFolder
from sandbox.store.store import Store
from sandbox.testing import check_observer
from sandbox.trackers import tracker as trackers
from sandbox.trackers.tracker import Tracker, points_of
from tests.conftest import command

WALK = ("--render", "none", "--json")


def same_but_durations(one, other):
    assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    records = [RunFolder(path).read() for path in (one, other)]
    first, second = [
        {name: value for name, value in record.summary.items() if "second" not in name}
        for record in records
    ]
    assert (
        first == second
        and next(record.artifacts for record in records)
        == [record.artifacts for record in records][1]
    )


def killed_and_resumed(walk, say, steps, known, *track):
    """A run that was killed when its tracker knew more than its checkpoint, and then resumed; its
    folder, and that of a run left alone.

    `known` gives the last step that the tracker of a run folder knows, 0 before it knows any.
    """
    words = [
        "run",
        "walk",
        "-p",
        walk,
        "--steps",
        steps,
        "--pause",
        0.02,
        "--checkpoint-every",
        1,
        *track,
        *WALK,
    ]
    process = subprocess.Popen(
        command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ
    )
    store, deadline = Store(), time.monotonic() + 60
    while True:
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        saved = 10 * max(
            [
                int(path.name)
                for folder in store.folders()
                for path in folder.path.glob("checkpoints/0*")
            ],
            default=0,
        )
        if saved and known(store.folders()[0]) > saved:  # a block is ten steps
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (folder,) = store.folders()
    assert known(folder) > 10 * max(int(path.name) for path in folder.path.glob("checkpoints/0*"))
    said = say("resume", folder.id, *track, *WALK)
    assert said.code == 0 and said.document["status"] == "finished", said.err
    alone = say("run", "walk", "--steps", steps, "--pause", 0.0, *WALK).document["folder"]
    return folder, api.Path(alone)


class Slow(Tracker):
    """Keeps what it is sent; the first points take as long as its target says, or until `free` is
    set."""

    name = "slow"

    def __init__(self, target=""):
        super().__init__(target)
        self.seen, self.fails_at, self.free = [], None, threading.Event()
        if not target:
            self.free.set()

    def open(self, run):
        self.seen.append((run.record.id, run.record.config, run.resumed_at))

    def points(self, points):
        if self.fails_at is not None and len(self.seen) > self.fails_at:
            raise ConnectionError("nobody there")
        self.free.wait(float(self.target or 0))
        self.seen.append(points)

    def close(self, run, scores):
        self.seen.append((run.record.status, scores))

    def steps(self):
        return np.concatenate([one.step for one in self.seen if hasattr(one, "step")]).tolist()


def run_with(tracker, store, steps=200):
    return api.start(
        api.Request("walk", layers=[{"steps": steps}]),
        Store(store),
        api.Settings(pictures=False, observers=[tracker]),
    )


def test_a_tracker_gets_every_row_in_order(walk, store):
    tracker = Slow()
    run = run_with(tracker, store)
    (identifier, config, resumed_at), *points, (status, scores) = tracker.seen
    assert identifier == run.id and config["steps"] == 200 and resumed_at == 0
    assert tracker.steps() == list(range(1, 201))
    assert np.array_equal(
        np.concatenate([one.columns["position"] for one in points]), run.metrics["position"]
    )
    assert status == "finished" and scores["position"] == run.summary["position"]


@pytest.mark.extras
def test_a_slow_tracker_holds_nothing_up_and_a_resume_sends_what_is_missing(
    walk, store, monkeypatch
):
    run = run_with(Slow(), store)
    monkeypatch.setattr(trackers, "WAITING", 3)
    monkeypatch.setattr(trackers, "LIMIT", 0.2)
    slow = Slow("60")
    other = run_with(slow, store)
    (warning,) = other.record.warnings
    assert (
        "within 0.2 s" in warning
        and f"python -m sandbox resume {other.id} --track slow=60" in warning
        and run.record.warnings == []
    )
    slow.free.set()
    same_but_durations(run.path, other.path)
    again = Slow()
    monkeypatch.setattr(trackers, "LIMIT", 60.0)
    pytest.importorskip("tensorboard")
    resumed = api.proceed(
        other.folder, api.Settings(pictures=False, observers=[again]), track=["tensorboard"]
    )
    assert (
        again.steps() == list(range(1, 201))
        and again.seen[-1][0] == "finished"
        and resumed.record.warnings == [warning]
    )
    same_but_durations(run.path, other.path)


def test_a_tracker_that_falls_behind_is_sent_the_rest_at_the_end(walk, store, monkeypatch):
    monkeypatch.setattr(trackers, "WAITING", 2)
    tracker = Slow("60")

    class Frees:
        def started(self, run): ...

        def block(self, run, block): ...

        def ended(self, run):
            assert len(tracker.seen) == 1 and len(tracker._pending) == 2  # the run did not wait
            tracker.free.set()

    settings = api.Settings(pictures=False, observers=[Frees(), tracker])
    run = api.start(api.Request("walk", layers=[{"steps": 200}]), Store(store), settings)
    assert tracker.steps() == list(range(1, 201)) and run.record.warnings == []


def test_a_tracker_that_does_not_open_holds_a_run_up_to_a_limit(walk, store, monkeypatch):
    tracker, answers = Slow(), threading.Event()
    monkeypatch.setattr(tracker, "open", lambda run: answers.wait(60))
    monkeypatch.setattr(trackers, "LIMIT", 0.2)
    run = run_with(tracker, store)
    assert not answers.is_set()
    answers.set()
    (warning,) = run.record.warnings
    assert (
        run.status == "finished"
        and "has not answered within 0.2 s" in warning
        and f"resume {run.id} --track slow" in warning
    )
    tracker._pool.shutdown(wait=True)
    assert tracker.seen == []


def test_a_run_waits_for_its_trackers_before_it_says_that_it_is_finished(walk, store):
    written, shown = [], []

    class Reads(Slow):
        def close(self, run, scores):
            super().close(run, scores)
            written.append(RunFolder(run.folder.path).read().status)
            shown.append(
                (
                    run.record.status,
                    run.record.done_units,
                    bool(run.record.ended),
                    set(run.record.files),
                )
            )

    run = run_with(Reads(), store)
    assert written == ["running"] and run.status == "finished"
    assert shown == [("finished", 200, True, {"metrics.jsonl", "times.jsonl"})]


DIES = """
from sandbox import Observer, hookimpl


@hookimpl
def sandbox_register(registry):
    registry.observer("dies", "dies:Dies")


class Dies(Observer):
    def started(self, run): ...

    def block(self, run, block): ...

    def ended(self, run):
        import os

        os._exit(9)
"""


def test_a_kill_while_a_tracker_is_waited_for_leaves_a_run_that_a_resume_finishes(
    walk, store, tmp_path
):
    (tmp_path / "dies.py").write_text(DIES)
    words = [
        "run",
        "walk",
        "-p",
        walk,
        "-p",
        tmp_path / "dies.py",
        "--steps",
        200,
        "--track",
        "dies",
        "--no-pictures",
        *WALK,
    ]
    ended = subprocess.run(command(*words), capture_output=True, text=True, env=os.environ)
    (folder,) = Store().folders()
    assert ended.returncode == 9 and folder.read().status == "lost", ended.stderr
    tracker = Slow()
    run = api.proceed(folder, api.Settings(pictures=False, observers=[tracker]))
    assert (
        run.status == "finished"
        and tracker.steps() == list(range(1, 201))
        and tracker.seen[-1][0] == "finished"
    )
    same_but_durations(run_with(Slow(), store).path, folder.path)


def test_a_tracker_has_nothing_to_say_of_a_run_that_never_began(walk, store, monkeypatch):
    from sandbox.registry.registry import registry

    monkeypatch.setattr(type(registry().lab("walk")), "build", lambda *_: 1 / 0)
    with pytest.raises(RunFailed) as failed:
        run_with(Slow(), store)
    assert failed.value.run.record.warnings == []


def test_also_when_the_wait_is_interrupted_opening_comes_to_its_end(walk, store, monkeypatch):
    tracker, opened = Slow(), threading.Event()
    monkeypatch.setattr(tracker, "open", lambda run: (time.sleep(0.3), opened.set()))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(trackers, "wait", interrupted)  # the second Ctrl-C
    with pytest.raises(KeyboardInterrupt):
        run_with(tracker, store)
    tracker._pool.shutdown(wait=True)  # as the interpreter does at its end
    assert opened.is_set()


def test_a_tracker_that_fails_is_reported_once_and_the_run_finishes(walk, store):
    tracker = Slow()
    tracker.fails_at = 2
    run = run_with(tracker, store, 2000)
    (warning,) = run.record.warnings
    assert run.status == "finished" and "nobody there" in warning and "dropped" in warning


def test_rows_belong_to_the_unit_and_none_is_left_aside():
    points = points_of(
        Block(
            "learn", {"env_steps": [3, 7], "episode": [1, 2], "goal": [None, 4], "word": ["a", "b"]}
        ),
        "episode",
        2,
    )
    assert points.step.tolist() == [1, 2] and set(points.columns) == {"env_steps", "goal"}
    assert np.isnan(points.columns["goal"][0]) and points.columns["goal"][1] == 4
    placed = points_of(Block("evaluate", {"score": [1.0, 2.0]}), "episode", 9)
    assert placed.step.tolist() == [9] and placed.columns["score"].tolist() == [2.0]
    assert points_of(Block("empty", {"episode": []}), "episode", 0) is None


def test_long_blocks_become_means_of_stretches():
    values = np.arange(5000.0)
    values[::2] = np.nan
    points = points_of(Block("learn", {"step": np.arange(1, 5001), "x": values}), "step", 5000)
    assert len(points.step) == trackers.ROWS and points.step[0] == 10 and points.step[-1] == 5000
    assert points.columns["x"][0] == pytest.approx(np.mean([1, 3, 5, 7, 9]))


def test_a_missing_library_names_what_installs_it(walk, store, say, monkeypatch):
    find = extras.importlib.util.find_spec
    monkeypatch.setattr(
        extras.importlib.util, "find_spec", lambda name: None if name == "mlflow" else find(name)
    )
    said = say("run", "walk", "-p", walk, "--track", "mlflow", *WALK)
    assert (
        said.code == 2
        and 'python -m pip install "sandbox-lab[trackers]"' in said.err
        and not list(store.glob("*/*"))
    )
    with pytest.raises(UsageError):
        api.run("walk", track=["mlflow"])


# -- TensorBoard


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    return {
        tag: (
            [event.step for event in read.Scalars(tag)],
            [event.value for event in read.Scalars(tag)],
        )
        for tag in read.Tags()["scalars"]
    }


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_what_the_run_measured(walk, say):
    pytest.importorskip("tensorboard")
    run = api.load(say("run", "walk", "-p", walk, "--track", "tensorboard", *WALK).document["run"])
    found = scalars(run.path / "tensorboard")
    steps, values = found["walk/position"]
    assert steps == run.metrics["step"].tolist() and np.array_equal(
        np.float32(values), np.float32(run.metrics["position"])
    )
    assert found["summary/position"] == ([100], [np.float32(run.summary["position"])])
    plain = say("run", "walk", *WALK).document["folder"]
    same_but_durations(run.path, api.Path(plain))


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_after_a_kill_and_a_resume_nothing_stands_twice_in_tensorboard(walk, say):
    pytest.importorskip("tensorboard")

    def known(folder):
        files = list((folder.path / "tensorboard").glob("*tfevents*"))
        return (
            max(scalars(folder.path / "tensorboard").get("walk/position", ([0],))[0])
            if files
            else 0
        )

    folder, alone = killed_and_resumed(walk, say, 2500, known, "--track", "tensorboard")
    (first, _) = sorted((folder.path / "tensorboard").iterdir())
    assert first.name.split(".")[4] == "0000"
    assert len(list((folder.path / "tensorboard").glob("*tfevents*"))) == 2
    steps, values = scalars(folder.path / "tensorboard")["walk/position"]
    assert steps == list(range(1, 2501)) and np.array_equal(
        np.float32(values), np.float32(folder.metrics()["position"])
    )
    same_but_durations(folder.path, alone)


# -- MLflow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An MLflow server on SQLite."""
    pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--port",
        str(port),
    ]
    words += [
        "--host",
        "127.0.0.1",
        "--workers",
        "1",
        "--default-artifact-root",
        str(folder / "artifacts"),
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=log, start_new_session=True, env=environment, cwd=folder
        )
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + 300
        while True:
            try:
                with direct.open(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, (
                    folder / "log"
                ).read_text()
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def kept(server, run):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("sandbox/walk")
    found = client.search_runs([experiment.experiment_id], f"tags.`sandbox.run` = '{run}'")
    assert len(found) == 1
    history = sorted(
        client.get_metric_history(found[0].info.run_id, "walk/position"),
        key=lambda metric: metric.step,
    )
    return found[0], [metric.step for metric in history], [metric.value for metric in history]


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_mlflow_keeps_metrics_parameters_and_status(server, walk, say, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    said = say("run", "walk", "-p", walk, "--track", "mlflow", *WALK)
    run = api.load(said.document["run"])
    assert "warnings" not in said.document
    found, steps, values = kept(server, run.id)
    assert steps == run.metrics["step"].tolist() and values == run.metrics["position"].tolist()
    assert (
        found.info.status == "FINISHED"
        and found.data.params["steps"] == "100"
        and found.data.tags["sandbox.seed"] == "0"
    )
    assert found.data.metrics["summary/position"] == run.summary["position"]


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_after_a_stop_and_a_resume_the_mlflow_run_goes_on_and_nothing_stands_twice(
    server, walk, say
):
    track = ("--track", f"mlflow={server}")
    words = (
        "run",
        "walk",
        "-p",
        walk,
        "--steps",
        400,
        "--pause",
        0.05,
        "--checkpoint-every",
        0,
        "--max-time",
        1,
    )
    run = say(*words, *track, *WALK).document
    (folder,) = Store().folders()
    older, newest = sorted(folder.checkpoints.iterdir())
    shutil.rmtree(newest)  # as if it had been killed before it was written
    _, steps, _ = kept(server, folder.id)
    assert (
        run["status"] == "timed-out" and max(steps) > 10 * int(older.name) > 0
    )  # MLflow knows more than the checkpoint
    assert say("resume", folder.id, *track, *WALK).document["status"] == "finished"
    alone = api.Path(say("run", "walk", "--steps", 400, "--pause", 0.0, *WALK).document["folder"])
    found, steps, values = kept(server, folder.id)
    assert steps == list(range(1, 401)) and values == folder.metrics()["position"].tolist()
    assert found.info.status == "FINISHED"
    same_but_durations(folder.path, alone)


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.filterwarnings("ignore")
def test_mlflow_conforms(server):
    check_observer(f"mlflow={server}")


@pytest.mark.extras
def test_an_mlflow_server_that_is_down_is_reported_once_and_the_run_finishes(walk, say):
    pytest.importorskip("mlflow")
    said = say("run", "walk", "-p", walk, "--track", "mlflow=http://127.0.0.1:9", *WALK)
    assert said.code == 0 and said.document["status"] == "finished"
    (warning,) = said.document["warnings"]
    assert "mlflow" in warning and "the run continues" in warning


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_a_fresh_database_is_prepared_before_the_run_learns_and_takes_the_next_run_too(
    walk, say, tmp_path
):
    """The first use of a database takes MLflow longer than the run lasts; a second run comes while
    nobody waits any more."""
    pytest.importorskip("mlflow")
    database = f"sqlite:///{tmp_path}/fresh.db"
    for _ in range(2):
        words = ["run", "walk", "-p", walk, "--steps", 20, "--track", f"mlflow={database}", *WALK]
        ended = subprocess.run(command(*words), capture_output=True, text=True, env=os.environ)
        document = json.loads(ended.stdout)
        assert ended.returncode == 0 and "warnings" not in document, ended.stderr
        found, steps, _ = kept(database, document["run"])
        assert steps == list(range(1, 21)) and found.info.status == "FINISHED"


KILLED = """
import os, sys
from mlflow.store.db import utils
utils._upgrade_db = lambda engine: os._exit(9)  # when the first tables stand
from sandbox.cli import main
main(sys.argv[1:])
"""


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_a_kill_while_a_fresh_database_is_prepared_leaves_none(walk, say, tmp_path):
    pytest.importorskip("mlflow")
    place = tmp_path / "made" / "fresh.db"
    words = [
        "run",
        "walk",
        "-p",
        str(walk),
        "--steps",
        "20",
        "--track",
        f"mlflow=sqlite:///{place}",
        *WALK,
    ]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *words], capture_output=True, text=True, env=os.environ
    )
    assert ended.returncode == 9, ended.stderr
    (draft,) = place.parent.iterdir()
    assert draft.name.startswith(".fresh.db.") and draft.name.endswith(".tmp")
    os.utime(draft, (0, 0))
    said = say(*words)
    assert said.code == 0 and "warnings" not in said.document, said.err
    _, steps, _ = kept(f"sqlite:///{place}", said.document["run"])
    assert steps == list(range(1, 21)) and [path.name for path in place.parent.iterdir()] == [
        "fresh.db"
    ]


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", [None, "0123456789ab"])
def test_a_database_that_was_killed_half_made_is_named_and_left_alone(walk, say, tmp_path, version):
    pytest.importorskip("mlflow")
    from mlflow.store.db import utils

    place = tmp_path / "half.db"
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{place}")
    utils.InitialBase.metadata.create_all(engine)
    engine.dispose()
    with contextlib.closing(sqlite3.connect(place)) as database, database:
        if version:
            database.execute("CREATE TABLE alembic_version (version_num TEXT)")
            database.execute("INSERT INTO alembic_version VALUES (?)", [version])
    before = place.read_bytes()
    said = say("run", "walk", "-p", walk, "--track", f"mlflow=sqlite:///{place}", *WALK)
    (warning,) = said.document["warnings"]
    assert (
        said.code == 0 and f"{place} is incomplete" in warning and "Move the file away" in warning
    )
    assert place.read_bytes() == before


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_of_two_who_prepare_a_database_the_first_is_taken(tmp_path):
    pytest.importorskip("mlflow")
    from sandbox.trackers.mlflow import _move_where_nothing_is

    (tmp_path / "draft").write_text("second")
    (tmp_path / "place").write_text("first")
    _move_where_nothing_is(tmp_path / "draft", tmp_path / "place")
    assert (tmp_path / "place").read_text() == "first"


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_what_a_server_did_not_take_is_sent_by_a_resume_of_the_finished_run(walk, say, tmp_path):
    pytest.importorskip("mlflow")
    database = f"sqlite:///{tmp_path}/late.db"
    run = say("run", "walk", "-p", walk, "--track", "mlflow=http://127.0.0.1:9", *WALK).document[
        "run"
    ]
    (folder,) = Store().folders()
    before = folder.metrics_path.read_bytes()
    said = say("resume", run, "--track", f"mlflow={database}", *WALK)
    found, steps, values = kept(database, run)
    assert (
        said.code == 0
        and steps == list(range(1, 101))
        and values == folder.metrics()["position"].tolist()
    )
    assert (
        found.info.status == "FINISHED"
        and found.data.metrics["summary/position"] == folder.read().summary["position"]
    )
    assert folder.metrics_path.read_bytes() == before and say("verify", run).code == 0
