"""Runs from Python: they stay usable wherever the process goes."""

from __future__ import annotations

import pickle
import re

import pytest

import sandbox
from sandbox.errors import UsageError

AGENTS = {"agents": ["sarsa"], "seeds": 1, "episodes": 1}


def reused(compare, task):
    """The run of the second of two equal comparisons."""
    compare(task, **AGENTS)
    return compare(task, **AGENTS).runs["sarsa"][0]


@pytest.fixture
def nomad(walk, tmp_path, monkeypatch):
    """Goes elsewhere; the store is `runs` in the folder that is left, with one run."""
    monkeypatch.delenv("SANDBOX_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    sandbox.run("walk", steps=20)
    (tmp_path / "elsewhere").mkdir()
    return lambda: monkeypatch.chdir("elsewhere")


@pytest.mark.parametrize(
    "made",
    [
        lambda: sandbox.run("walk", steps=20),
        sandbox.load,
        sandbox.resume,
        lambda: reused(sandbox.compare, "empty-grid"),
        lambda: reused(sandbox.compare_tasks, ["empty-grid"]),
    ],
    ids=["run", "load", "resume", "compare", "compare_tasks"],
)
def test_a_run_can_be_read_after_the_process_went_elsewhere(nomad, made):
    run = made()
    nomad()
    assert run.metrics.streams and run.folder.read().status == "finished"


@pytest.mark.parametrize(
    ("compare", "task"), [(sandbox.compare, "empty-grid"), (sandbox.compare_tasks, ["empty-grid"])]
)
def test_the_page_of_a_comparison_is_found_after_the_process_went_elsewhere(nomad, compare, task):
    made = compare(task, output="page", **AGENTS)
    nomad()
    assert (made.folder / "index.html").exists()


def test_a_sweep_can_be_read_after_the_process_went_elsewhere(nomad):
    swept = sandbox.sweep("walk", grid={"steps": [20]})
    nomad()
    assert swept.folder.read().status == "finished" and swept.best_config["steps"] == 20


def test_a_run_whose_metrics_were_read_can_be_pickled(store, walk):
    run = sandbox.run("walk", steps=20)
    positions = run.metrics["position"]
    again = pickle.loads(pickle.dumps(run))
    assert again.id == run.id and again.metrics["position"].tolist() == positions.tolist()


def test_a_run_is_resumed_by_its_folder(store, walk):
    stopped = sandbox.run("walk", max_time=1e-6)
    assert stopped.status == "timed-out"
    assert sandbox.resume(stopped.path).status == "finished"


def test_data_threads_and_device_are_those_of_the_command_line(store, walk, tmp_path):
    record = sandbox.run("walk", data=str(tmp_path), threads=2, device="auto").record
    assert (record.data, record.threads, record.device) == (str(tmp_path), 2, "auto")
    sandbox.sweep("walk", grid={"steps": [3]}, data=tmp_path, threads=2)
    record = sandbox.load("last").record
    assert (record.data, record.threads) == (str(tmp_path), 2)


def test_comparisons_take_threads_and_a_device_too(store):
    asked = {"seeds": 1, "episodes": 5, "threads": 2, "device": "auto"}
    made = sandbox.compare("empty-grid", ["sarsa"], **asked)
    several = sandbox.compare_tasks(["maze", "empty-grid"], ["sarsa"], **asked)
    for one in (made, *several.tasks.values()):
        for run in one.runs["sarsa"]:
            assert (run.record.threads, run.record.device) == (2, "auto")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"data": "nowhere"}, "--data nowhere: there is no such file or folder"),
        ({"device": "tpu"}, "--device 'tpu': it should be cpu, cuda, mps, auto"),
        ({"threads": 0}, "--threads 0: it should be from 1 to 1024"),
        ({"threads": 1.5}, "--threads 1.5: it should be a whole number"),
    ],
)
@pytest.mark.parametrize("how", ["run", "sweep"])
def test_where_to_compute_is_checked_before_a_run_begins(store, walk, how, asked, said):
    more = {"grid": {"steps": [2, 3]}} if how == "sweep" else {}
    with pytest.raises(UsageError, match=re.escape(said)):
        getattr(sandbox, how)("walk", **asked, **more)
    assert not store.exists()
