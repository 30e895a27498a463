"""Nothing is left lying about: drafts of killed writers, folders of runs that died as they began,
graves; and deleting is quick."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from sandbox import run
from sandbox.errors import StoreError
from sandbox.runs import api
from sandbox.store import RunFolder, Store

OLD = time.time() - 3600
QUICK = ("--no-pictures", "--render", "none")


def made(count, **options):
    return [
        run("maze", preset="quick", episodes=2, pictures=False, seed=seed, **options)
        for seed in range(count)
    ]


def died(store, name="20260102-030405-sarsa-dead", age=3600.0):
    """The folder of a run that was killed before its run.json."""
    folder = store / "maze" / name
    (folder / "artifacts").mkdir(parents=True)
    (folder / ".run.json.1-abcdef.tmp").write_text("{")
    os.utime(folder, (time.time() - age,) * 2)
    return folder


def test_a_run_that_died_as_it_began_is_listed_shown_verified_and_deleted(say, store):
    made(1)
    folder = died(store)
    listed = say("list")
    assert (
        listed.code == 0
        and folder.name in listed.out
        and "damaged" in listed.out
        and f"delete {folder.name}" in listed.err
    )
    assert {row["run"]: row["status"] for row in say("list", "--json").document}[
        folder.name
    ] == "damaged"
    shown, verified = say("show", folder.name), say("verify", folder.name)
    assert (
        shown.code == verified.code == 1
        and "died as it began" in shown.err
        and "died as it began" in verified.out
    )
    resumed = say("resume", folder.name)
    assert resumed.code == 1 and f"delete {folder.name}" in resumed.err
    assert say("delete", folder.name, "--yes").code == 0 and not folder.exists()
    assert folder.name not in say("list").out and len(Store(store).rows()) == 1


@pytest.mark.parametrize("name", ["notes", ".hidden", "20260102-text"])
def test_another_folder_is_no_run(say, store, name):
    made(1)
    died(store, name)
    died(store.parent / "runs" / "sweeps")
    assert len(Store(store).rows()) == len(Store(store).folders()) == 1


def test_a_run_that_is_only_beginning_is_not_there_yet(store):
    made(1)
    died(store, age=0.0)
    assert len(Store(store).rows()) == 1
    folder = RunFolder(Store(store).make("maze", "sarsa"))
    with folder.writing(new=True):
        os.utime(folder.path, (OLD, OLD))
        assert len(Store(store).rows()) == 1


def test_drafts_are_removed_by_the_next_writer(say, store):
    made_run = run("maze", preset="quick", max_time=1e-9, pictures=False)
    drafts = [
        made_run.path / one
        for one in (
            ".run.json.7-aaaaaa.tmp",
            "artifacts/.watch.gif.7-bbbbbb.tmp",
            "checkpoints/.000001.7-cccccc.tmp",
        )
    ]
    drafts[2].mkdir()
    drafts[0].write_text("{")
    drafts[1].parent.mkdir(exist_ok=True)
    drafts[1].write_text("GIF")
    assert say("resume", made_run.id, *QUICK).code == 0
    assert not any(path.exists() for path in drafts)
    drafts[0].write_text("{")
    assert (
        say("watch", made_run.id, "--render", "gif", "--frames", "2").code == 0
        and not drafts[0].exists()
    )


def test_a_deletion_that_was_killed_is_finished_by_the_next(say, store):
    one, two = made(2)
    grave = one.path.with_name(f".{one.id}.deleted")
    one.path.rename(grave)
    assert say("list").code == 0
    assert say("delete", two.id, "--yes").code == 0 and not grave.exists()


def test_a_run_that_came_back_after_its_deletion_was_killed_can_be_deleted(say, store):
    (one,) = made(1)
    grave = one.path.with_name(f".{one.id}.deleted")
    shutil.copytree(one.path, grave)  # what the killed deletion left; the run is from a backup
    assert say("delete", one.id, "--yes").code == 0
    assert not grave.exists() and not one.path.exists()


def test_many_runs_are_found_with_one_look_at_the_folders(say, store, monkeypatch):
    runs, looks = made(5), []
    ids = Store._ids
    monkeypatch.setattr(Store, "_ids", lambda self: looks.append(1) or ids(self))
    assert say("delete", *[one.id for one in runs], "--yes").code == 0
    assert len(looks) == 1 and not Store(store).rows()


def test_a_run_that_died_as_it_began_cannot_be_loaded(store):
    folder = died(store)
    with pytest.raises(StoreError, match="died as it began"):
        api.load(folder.name).record  # noqa: B018
