"""Runs, a sweep and a comparison written in November 2026 (fixtures/store_2026_11.tar.gz) list,
show, load, resume and verify for good.

The fixture was made by the commands that its run.json files name, under commit 9549838, before
records had digests.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from sandbox import load, resume, run
from sandbox.store.store import Store
from tests.conftest import ROOT, extract

FIXTURE = ROOT / "tests" / "fixtures" / "store_2026_11.tar.gz"
STATUSES = {"finished": 17, "timed-out": 1, "failed": 1}


@pytest.fixture
def old(store):
    """The old store, where commands look for runs."""
    extract(FIXTURE, store.parent)
    return store


def needed(lab, path):
    """Skip where the library that an old run used is not installed."""
    agent = json.loads((path / "run.json").read_text())["config"].get("agent", {})
    if agent.get("name", "").startswith("sb3"):
        pytest.importorskip("stable_baselines3")
    if lab == "mnist":
        pytest.importorskip("torch")


def test_old_runs_are_listed(say, old):
    rows = say("list", "--json").document
    assert {
        status: [row["status"] for row in rows].count(status) for status in STATUSES
    } == STATUSES
    assert len(rows) == 19 and {row["lab"] for row in rows} == {"maze", "gym", "intro", "mnist"}


@pytest.mark.extras
def test_old_runs_are_shown_and_verified(say, old):
    for folder in Store(old).folders():
        needed(folder.path.parent.name, folder.path)
        shown = say("show", folder.id)
        assert shown.code == 0 and folder.id in shown.out, shown.err
        assert say("verify", folder.id).code == 0
    assert say("verify").code == 0


@pytest.mark.extras
def test_old_runs_are_loaded(old):
    for folder in Store(old).folders():
        needed(folder.path.parent.name, folder.path)
        loaded = load(folder.id)
        if loaded.status == "finished":
            assert loaded.summary and loaded.experiment.done
            for stream in loaded.metrics.streams:
                assert loaded.metrics.columns(stream)
        if loaded.record.agent == "sarsa":
            assert np.isfinite(loaded.agent.q).all()


def test_an_old_agent_is_loaded(old):
    from agents.tabular.rules.one_step import Sarsa

    path = next(old.glob("*/*/artifacts/agent.npz"))
    assert (Sarsa.load(path).q == np.load(path.with_name("q_table.npy"))).all()


def test_an_old_run_that_was_stopped_is_resumed_to_the_bytes_of_a_new_one(old):
    (stopped,) = (
        one for folder in Store(old).folders() if (one := load(folder.id)).status == "timed-out"
    )
    ended = resume(stopped.id, allow_changed=True)
    fresh = run("maze", config=stopped.config, pictures=False)
    assert (
        ended.status == "finished"
        and ended.folder.metrics_path.read_bytes() == fresh.folder.metrics_path.read_bytes()
    )


def test_an_old_sweep_and_an_old_comparison_are_there(say, old):
    (sweep,) = old.glob("sweeps/*/sweep.json")
    said = say("resume", sweep.parent.name, "--allow-changed", "--json")
    assert (
        said.code == 0 and [one["status"] for one in said.document["ranking"]] == ["finished"] * 2
    )
    (comparison,) = old.glob("comparisons/*/comparison.json")
    assert json.loads(comparison.read_text())["agents"][0]["agent"] == "sarsa"
