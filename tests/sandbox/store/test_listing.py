"""The rows of a store that is looked at again and again."""

from __future__ import annotations

import json
import shutil

import pytest

from sandbox import load, run
from sandbox.store import listing
from sandbox.store.listing import Listing, newest, rows
from sandbox.store.record import RunRecord
from tests.conftest import forbid


def test_only_changed_runs_are_read_again(store, monkeypatch):
    runs = [run("maze", preset="quick", seed=seed, pictures=False) for seed in range(3)]
    followed = Listing(store)
    assert followed.rows() == rows(store)
    read = []
    real = RunRecord.read

    def watched(path, *, digest=True):
        read.append(path.parent.name)
        return real(path, digest=digest)

    monkeypatch.setattr(RunRecord, "read", watched)
    followed.rows()
    assert read == []
    path = runs[1].path / "run.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"preset": "other"}))
    shutil.rmtree(runs[0].path)
    shutil.copytree(runs[2].path, runs[2].path.with_name("20991231-000000-copy-abcd"))
    seen = followed.rows()
    assert sorted(read) == sorted([runs[1].id, "20991231-000000-copy-abcd"])
    monkeypatch.undo()
    assert seen == rows(store)
    assert [row.preset for row in seen if row.id == runs[1].id] == ["other"]


def test_a_run_that_says_running_and_a_damaged_one_are_read_every_time(store):
    finished = run("maze", preset="quick", pictures=False)
    path = finished.path / "run.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(document | {"status": "running"}))
    followed = Listing(store)
    with finished.folder._locked():
        assert [row.status for row in followed.rows()] == ["running"]
    assert [row.status for row in followed.rows()] == ["lost"]
    path.write_text("{")
    assert [row.status for row in followed.rows()] == ["damaged"]
    assert followed.rows() == rows(store)


def test_a_run_that_may_not_be_read_is_listed_and_not_called_whole(store, monkeypatch, say):
    seen, hidden = (run("maze", preset="quick", seed=seed, pictures=False) for seed in range(2))
    forbid(monkeypatch, hidden.id)
    statuses = {row.id: row.status for row in rows(store)}
    assert statuses == {seen.id: "finished", hidden.id: "damaged"}
    said = say("verify")
    assert said.code == 1 and "Permission denied" in said.out
    assert "Everything is as it was written" not in said.out


@pytest.mark.parametrize("name", ["artifacts", "checkpoints", "state.json", "metrics.jsonl"])
def test_verify_goes_on_where_a_part_of_a_run_may_not_be_read(store, monkeypatch, say, name):
    runs = [run("maze", preset="quick", seed=seed, pictures=seed > 0) for seed in range(2)]
    forbid(monkeypatch, name)
    said = say("verify")
    assert said.code == 1 and "Permission denied" in said.out
    assert all(one.id in said.out for one in runs)


@pytest.mark.parametrize("name", ["backup", "backup of {}", "last"])
def test_a_copy_with_another_name_is_not_the_last_run(store, name):
    earlier = run("maze", preset="quick", pictures=False)
    shutil.copytree(earlier.path, earlier.path.with_name(name.format(earlier.id)))
    later = run("maze", preset="quick", seed=1, pictures=False)
    assert load("last").id == later.id
    assert [row.id for row in rows(store)][1:] == [earlier.id, later.id]
    assert [row.id for row in newest(store, 2)] == [earlier.id, later.id]


def test_the_newest_runs_are_read_without_the_others(store, monkeypatch):
    finished = run("maze", preset="quick", pictures=False)
    for day in range(1, 9):
        shutil.copytree(finished.path, store / "maze" / f"2026010{day}-000000-copy-abcd")
    shutil.copytree(finished.path, store / "a-lab" / "20251231-000000-copy-abcd")
    read = []
    real = listing._row_and_record
    monkeypatch.setattr(
        listing, "_row_and_record", lambda root, path: (read.append(path), real(root, path))[1]
    )
    assert newest(store, 3) == rows(store)[-3:]
    assert len(read) == 3 + 10
