"""Trackers against the real ones: event files read back by TensorBoard, an MLflow server on SQLite; and against none at all."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

from sandbox import api
from sandbox.errors import UsageError
from sandbox.lab import Block
from sandbox.store.folder import RunFolder
from sandbox.store.store import Store
from sandbox.testing import check_observer
from sandbox.trackers import background
from sandbox.trackers.background import Tracker, points_of
from tests.conftest import command

WALK = ("--render", "none", "--json")


def same_but_durations(one, other):
    assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    records = [RunFolder(path).read() for path in (one, other)]
    first, second = [{name: value for name, value in record.summary.items() if "second" not in name} for record in records]
    assert first == second and next(record.artifacts for record in records) == [record.artifacts for record in records][1]


def killed_and_resumed(walk, say, steps, known, *track):
    """A run that was killed when its tracker knew more than its checkpoint, and then resumed; its folder, and that of a run left alone.

    `known` gives the last step that the tracker of a run folder knows, 0 before it knows any.
    """
    words = ["run", "walk", "-p", walk, "--steps", steps, "--pause", 0.02, "--checkpoint-every", 1, *track, *WALK]
    process = subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ)
    store, deadline = Store(), time.monotonic() + 60
    while True:
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        saved = 10 * max([int(path.name) for folder in store.folders() for path in folder.path.glob("checkpoints/0*")], default=0)
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
    name = "slow"

    def __init__(self, target=""):
        super().__init__(target)
        self.seen = []
        self.fails_at = None

    def open(self, beginning):
        self.seen.append(beginning)

    def points(self, points):
        if self.fails_at is not None and len(self.seen) > self.fails_at:
            raise ConnectionError("nobody there")
        time.sleep(float(self.target or 0))
        self.seen.append(points)

    def close(self, ending):
        self.seen.append(ending)


def run_with(tracker, store, steps=200):
    return api.start(api.Request("walk", layers=[{"steps": steps}]), Store(store), api.Settings(pictures=False, observers=[tracker]))


def test_a_tracker_gets_every_row_in_order(walk, store):
    tracker = Slow()
    run = run_with(tracker, store)
    beginning, *points, ending = tracker.seen
    assert beginning.id == run.id and beginning.config["steps"] == 200 and beginning.resumed_at == 0
    assert np.concatenate([one.step for one in points]).tolist() == list(range(1, 201))
    assert np.array_equal(np.concatenate([one.columns["position"] for one in points]), run.metrics["position"])
    assert ending.status == "finished" and ending.summary["position"] == run.summary["position"]


def test_a_slow_tracker_holds_nothing_up_and_what_it_missed_is_said(walk, store, monkeypatch):
    run = run_with(Slow(), store)
    monkeypatch.setattr(background, "WAITING", 3)
    monkeypatch.setattr(background, "PATIENCE", 0.2)
    slow = Slow("30")
    begun = time.monotonic()
    other = run_with(slow, store)
    assert time.monotonic() - begun < 15  # one block alone would take 30 s
    (warning,) = other.record.warnings
    assert "slow" in warning and "did not answer" in warning and run.record.warnings == []
    assert slow.left_out == 17 or slow.left_out == 16  # 20 blocks; 3 wait, at most 1 is at work
    same_but_durations(run.path, other.path)


def test_a_tracker_that_falls_behind_but_answers_says_how_much_it_left_out(walk, store, monkeypatch):
    monkeypatch.setattr(background, "WAITING", 2)
    tracker = Slow("0.05")
    (warning,) = run_with(tracker, store).record.warnings
    assert f"{tracker.left_out} blocks were left out" in warning
    assert len(tracker.seen) - 2 + tracker.left_out == 20


def test_a_tracker_that_fails_is_reported_once_and_the_run_finishes(walk, store):
    tracker = Slow()
    tracker.fails_at = 2
    run = run_with(tracker, store, 2000)
    (warning,) = run.record.warnings
    assert run.status == "finished" and "nobody there" in warning and "dropped" in warning


def test_rows_belong_to_the_unit_and_none_is_left_aside():
    points = points_of(Block("learn", {"env_steps": [3, 7], "episode": [1, 2], "goal": [None, 4], "word": ["a", "b"]}), "episode", 2)
    assert points.step.tolist() == [1, 2] and set(points.columns) == {"env_steps", "goal"}
    assert np.isnan(points.columns["goal"][0]) and points.columns["goal"][1] == 4
    placed = points_of(Block("evaluate", {"score": [1.0, 2.0]}), "episode", 9)
    assert placed.step.tolist() == [9] and placed.columns["score"].tolist() == [2.0]
    assert points_of(Block("empty", {"episode": []}), "episode", 0) is None


def test_long_blocks_become_means_of_stretches():
    values = np.arange(5000.0)
    values[::2] = np.nan
    points = points_of(Block("learn", {"step": np.arange(1, 5001), "x": values}), "step", 5000)
    assert len(points.step) == background.ROWS and points.step[0] == 10 and points.step[-1] == 5000
    assert points.columns["x"][0] == pytest.approx(np.mean([1, 3, 5, 7, 9]))


def test_a_missing_library_names_what_installs_it(walk, store, say, monkeypatch):
    find = background.importlib.util.find_spec
    monkeypatch.setattr(background.importlib.util, "find_spec", lambda name: None if name == "mlflow" else find(name))
    said = say("run", "walk", "-p", walk, "--track", "mlflow", *WALK)
    assert said.code == 2 and 'python -m pip install "sandbox-lab[trackers]"' in said.err and not list(store.glob("*/*"))
    with pytest.raises(UsageError):
        api.run("walk", track=["mlflow"])


# -- TensorBoard


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    return {
        tag: ([event.step for event in read.Scalars(tag)], [event.value for event in read.Scalars(tag)]) for tag in read.Tags()["scalars"]
    }


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_what_the_run_measured(walk, say):
    pytest.importorskip("tensorboard")
    run = api.load(say("run", "walk", "-p", walk, "--track", "tensorboard", *WALK).document["run"])
    found = scalars(run.path / "tensorboard")
    steps, values = found["walk/position"]
    assert steps == run.metrics["step"].tolist() and np.array_equal(np.float32(values), np.float32(run.metrics["position"]))
    assert found["summary/position"] == ([100], [np.float32(run.summary["position"])])
    plain = say("run", "walk", *WALK).document["folder"]
    same_but_durations(run.path, api.Path(plain))


@pytest.mark.filterwarnings("ignore")
def test_after_a_kill_and_a_resume_nothing_stands_twice_in_tensorboard(walk, say):
    pytest.importorskip("tensorboard")

    def known(folder):
        files = list((folder.path / "tensorboard").glob("*tfevents*"))
        return max(scalars(folder.path / "tensorboard").get("walk/position", ([0],))[0]) if files else 0

    folder, alone = killed_and_resumed(walk, say, 2500, known, "--track", "tensorboard")
    assert len(list((folder.path / "tensorboard").glob("*tfevents*"))) == 2
    steps, values = scalars(folder.path / "tensorboard")["walk/position"]
    assert steps == list(range(1, 2501)) and np.array_equal(np.float32(values), np.float32(folder.metrics()["position"]))
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
    words = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--port", str(port)]
    words += ["--host", "127.0.0.1", "--workers", "1", "--default-artifact-root", str(folder / "artifacts")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True, env=environment, cwd=folder)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
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
    history = sorted(client.get_metric_history(found[0].info.run_id, "walk/position"), key=lambda metric: metric.step)
    return found[0], [metric.step for metric in history], [metric.value for metric in history]


@pytest.mark.filterwarnings("ignore")
def test_mlflow_keeps_metrics_parameters_and_status(server, walk, say, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    said = say("run", "walk", "-p", walk, "--track", "mlflow", *WALK)
    run = api.load(said.document["run"])
    assert "warnings" not in said.document
    found, steps, values = kept(server, run.id)
    assert steps == run.metrics["step"].tolist() and values == run.metrics["position"].tolist()
    assert found.info.status == "FINISHED" and found.data.params["steps"] == "100" and found.data.tags["sandbox.seed"] == "0"
    assert found.data.metrics["summary/position"] == run.summary["position"]


@pytest.mark.filterwarnings("ignore")
def test_after_a_stop_and_a_resume_the_mlflow_run_goes_on_and_nothing_stands_twice(server, walk, say):
    track = ("--track", f"mlflow={server}")
    words = ("run", "walk", "-p", walk, "--steps", 400, "--pause", 0.01, "--checkpoint-every", 0, "--max-time", 0.15)
    run = say(*words, *track, *WALK).document
    (folder,) = Store().folders()
    older, newest = sorted(folder.checkpoints.iterdir())
    shutil.rmtree(newest)  # as if it had been killed before it was written
    _, steps, _ = kept(server, folder.id)
    assert run["status"] == "timed-out" and max(steps) > 10 * int(older.name) > 0  # MLflow knows more than the checkpoint
    assert say("resume", folder.id, *track, *WALK).document["status"] == "finished"
    alone = api.Path(say("run", "walk", "--steps", 400, "--pause", 0.0, *WALK).document["folder"])
    found, steps, values = kept(server, folder.id)
    assert steps == list(range(1, 401)) and values == folder.metrics()["position"].tolist()
    assert found.info.status == "FINISHED"
    same_but_durations(folder.path, alone)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.filterwarnings("ignore")
def test_mlflow_conforms(server):
    check_observer(f"mlflow={server}")


def test_an_mlflow_server_that_is_down_is_reported_once_and_the_run_finishes(walk, say):
    pytest.importorskip("mlflow")
    said = say("run", "walk", "-p", walk, "--track", "mlflow=http://127.0.0.1:9", *WALK)
    assert said.code == 0 and said.document["status"] == "finished"
    (warning,) = said.document["warnings"]
    assert "mlflow" in warning and "the run goes on" in warning
