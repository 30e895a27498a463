"""The store: folders are the truth, and nothing leads out of a run's folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
from pathlib import Path

import numpy as np
import orjson
import pytest

from sandbox.errors import LinkError, StoreError, UnknownNameError, UsageError
from sandbox.runs import api
from sandbox.store import Artifacts, Metrics, RunRecord, Store
from sandbox.store.metrics import LineWriter, block_line


def make(store, seed=0, **options):
    return api.run("walk", seed=seed, store=store, pictures=False, **options)


# -- metrics


def test_blocks_come_back_as_columns(tmp_path):
    writer = LineWriter(tmp_path / "m.jsonl")
    writer.write(
        block_line(
            "learn",
            {
                "episode": np.array([1, 2]),
                "steps_to_goal": np.array([np.nan, 42.0]),
                "name": ["a", "b"],
            },
        )
    )
    writer.write(block_line("evaluate", {"episode": [2], "ok": [True], "train/loss": [0.5]}))
    writer.write(
        block_line(
            "learn", {"episode": np.array([3]), "steps_to_goal": np.array([40.0]), "name": ["c"]}
        )
    )
    writer.close()
    metrics = Metrics(tmp_path / "m.jsonl")
    assert metrics.streams == ["learn", "evaluate"]
    assert metrics["learn/episode"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(metrics["steps_to_goal"], [np.nan, 42, 40])
    assert metrics["name"].tolist() == ["a", "b", "c"]
    assert list(metrics) == [
        *("learn/episode", "learn/steps_to_goal", "learn/name"),
        *("evaluate/episode", "evaluate/ok", "evaluate/train/loss"),
    ]
    assert all(name in metrics and len(metrics[name]) for name in [*metrics, "ok", "train/loss"])
    assert "episode" not in metrics and "learn/ok" not in metrics and 1 not in metrics


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("episode", "learn/episode, evaluate/episode"),
        ("steps_to_gaol", "Did you mean 'steps_to_goal'?"),
        ("learn/episodes", "Did you mean 'learn/episode'?"),
        ("xyz", "Known: episode, steps_to_goal."),
    ],
)
def test_a_name_that_is_no_single_column_is_answered_with_those_that_are(tmp_path, name, said):
    writer = LineWriter(tmp_path / "m.jsonl")
    writer.write(block_line("learn", {"episode": [1], "steps_to_goal": [3]}))
    writer.write(block_line("evaluate", {"episode": [1]}))
    writer.close()
    with pytest.raises(KeyError) as caught:
        Metrics(tmp_path / "m.jsonl")[name]
    assert f"'{name}'" in caught.value.args[0] and said in caught.value.args[0]
    assert not isinstance(caught.value, UsageError)  # in a lab's own code it is a fault of the lab


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        block_line("learn", {"a": [1, 2], "b": [1]})


def test_a_metrics_line_that_was_cut_off_is_passed_over_and_reported(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(
        b'{"stream":"a","x":[1,2]}\n{"stream":"a","x":[3\x00]}\n{"stream":"a","x":[4]}\n{"stream":"a","x":[5'
    )
    said = []
    assert Metrics(path, said.append)["x"].tolist() == [1, 2, 4]
    assert len(said) == 2 and "line 2 is damaged" in said[0] and "line 4 is cut off" in said[1]


def test_a_line_that_could_not_be_written_whole_is_taken_back(tmp_path, monkeypatch):
    import os

    writer = LineWriter(tmp_path / "m.jsonl")
    writer.write({"x": 1})
    real, calls = os.write, []

    def short(descriptor, content):
        calls.append(1)
        if len(calls) == 1:
            return real(descriptor, content[:4])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space"):
        writer.write({"x": 2, "y": "long enough to be cut"})
    monkeypatch.setattr(os, "write", real)
    writer.write({"x": 3})
    writer.close()
    assert [
        orjson.loads(line)["x"] for line in (tmp_path / "m.jsonl").read_bytes().splitlines()
    ] == [1, 3]


# -- artifacts


@pytest.mark.parametrize(
    "name", ["", "../out", "/etc/passwd", "a/../../b", "a\\b", "c:evil", ".", "..", "a\0b"]
)
def test_no_artifact_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(StoreError, match="cannot name an artifact"):
        Artifacts(tmp_path / "artifacts").path(name)


def test_no_artifact_leads_out_through_a_link(tmp_path):
    artifacts = Artifacts(tmp_path / "artifacts")
    artifacts.write("a.txt", "a")
    (tmp_path / "artifacts" / "away").symlink_to(tmp_path)
    with pytest.raises(LinkError):
        artifacts.path("away/b.txt")
    with pytest.raises(LinkError):
        artifacts.write("away/b.txt", "b")
    assert not (tmp_path / "b.txt").exists()


def test_an_artifact_that_fails_half_way_leaves_the_old_one(tmp_path):
    artifacts = Artifacts(tmp_path / "artifacts")
    artifacts.write("a.txt", "old")
    with pytest.raises(RuntimeError), artifacts.open("a.txt") as file:
        file.write(b"new, but")
        raise RuntimeError
    assert (tmp_path / "artifacts" / "a.txt").read_text() == "old"
    assert artifacts.names() == ["a.txt"]


# -- finding and listing


def test_a_run_is_found_by_id_by_its_beginning_by_its_end_by_folder_and_as_last(store, walk):
    first, second = make(store), make(store, seed=1)
    found = Store(store)
    for name in (first.id, str(first.path), first.id[-4:]):
        assert found.find(name).id == first.id
    assert found.find("last").id == second.id


def test_an_empty_name_of_a_store_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDBOX_STORE", "")
    assert Store().root == Store("").root == Path("runs")  # not the working directory itself


def test_an_ambiguous_beginning_names_the_runs(store, walk):
    runs = [make(store, seed=seed) for seed in range(2)]
    with pytest.raises(UsageError, match="could be 2 runs") as caught:
        Store(store).find(runs[0].id[:6])
    assert all(run.id in str(caught.value) for run in runs)


def test_an_unknown_run_is_said_so(store, walk):
    make(store)
    with pytest.raises(UnknownNameError, match="No run '1999'"):
        Store(store).find("1999")
    with pytest.raises(UsageError, match="no runs"):
        Store(store / "empty").find("last")


@pytest.mark.parametrize("kind", ["sweep", "comparison"])
def test_a_sweep_or_comparison_is_said_to_be_no_run(store, walk, kind):
    run = make(store)
    (store / f"{kind}s" / run.id[:-1]).mkdir(parents=True)
    (store / f"{kind}s" / "other").mkdir()
    assert Store(store).find(run.id[:-1]).id == run.id  # the beginning of a run's id
    with pytest.raises(UnknownNameError, match=f"It is a {kind}: .*show other` shows it"):
        Store(store).find("other")
    for name in ("..", "/", str(store)):
        with pytest.raises(UnknownNameError, match="list` shows all"):
            Store(store).find(name)


def test_the_index_of_an_older_version_is_removed_and_a_file_of_that_name_is_not(
    store, walk, monkeypatch, tmp_path
):
    run = make(store)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digest = hashlib.sha256(str(store.resolve()).encode()).hexdigest()[:16]
    in_cache = tmp_path / "cache" / "sandbox" / f"index-{digest}.sqlite"
    in_cache.parent.mkdir(parents=True)
    for index in (store / "index.sqlite", in_cache):
        with contextlib.closing(sqlite3.connect(index)) as database:
            database.execute(
                "CREATE TABLE runs (\n    path TEXT PRIMARY KEY, stamp INTEGER NOT NULL)"
            )
        assert [row.id for row in Store(store).rows()] == [run.id] and not index.exists()
        index.write_bytes(b"somebody's own" * 100)
    assert [row.id for row in Store(store).rows()] == [run.id]
    assert (store / "index.sqlite").exists() and in_cache.exists()


def test_a_listing_follows_what_changes_in_the_folders(store, walk):
    one, two = make(store), make(store, seed=1)
    found = Store(store)
    assert len(found.rows()) == 2
    document = json.loads((one.path / "run.json").read_text())
    (one.path / "run.json").write_text(json.dumps({**document, "seed": 77}))
    found.delete(two.folder)
    assert [(row.id, row.seed) for row in found.rows()] == [(one.id, 77)]


def test_a_damaged_record_is_listed_as_damaged_and_hides_no_other(store, walk, say):
    one, two = make(store), make(store, seed=1)
    (one.path / "run.json").write_text('{"id": "half')
    rows = {row.id: row for row in Store(store).rows()}
    assert rows[one.id].status == "damaged" and "is damaged" in rows[one.id].problem
    assert rows[two.id].status == "finished"
    said = say("show", one.id)
    assert said.code == 1 and "run.json is damaged" in said.err


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "3",
        "{}",
        '{"id": 3, "lab": "x", "config": {}}',
        '{"id": "a", "lab": "x", "config": [], "status": "running"}',
        "",
    ],
)
def test_a_record_of_a_wrong_shape_is_damaged(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(StoreError, match="damaged"):
        RunRecord.read(tmp_path / "run.json")


def test_a_record_of_a_newer_sandbox_is_not_guessed_at(tmp_path):
    (tmp_path / "run.json").write_text('{"id": "a", "lab": "x", "config": {}, "format": 99}')
    with pytest.raises(StoreError, match="newer sandbox"):
        RunRecord.read(tmp_path / "run.json")


def test_the_record_round_trips(tmp_path):
    record = RunRecord("a-b", "maze", {"agent": {"name": "sarsa"}}, summary={"x": 1.5})
    record.write(tmp_path / "run.json")
    assert RunRecord.read(tmp_path / "run.json") == record and record.agent == "sarsa"


# -- one writer


def test_a_run_has_one_writer(store, walk):
    run = make(store)
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with run.folder.writing():
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    try:
        with (
            pytest.raises(StoreError, match="A process works on run"),
            api.load(run.id, store=store).folder.writing(),
        ):
            pass
    finally:
        leave.set()
        holder.join()


def test_a_store_that_cannot_be_written_is_named_with_a_remedy(tmp_path, walk):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--store"):
        api.run("walk", store=tmp_path / "file")
