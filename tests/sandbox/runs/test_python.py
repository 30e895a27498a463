"""Runs from Python: they stay usable wherever the process goes."""

from __future__ import annotations

import pickle

import pytest

import sandbox

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
