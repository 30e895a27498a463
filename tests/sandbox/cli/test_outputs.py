"""What a command leaves behind goes into the run, or the store; elsewhere only where `--output`
says so."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import time

import pytest
from PIL import Image

import sandbox
from sandbox.registry.registry import registry
from sandbox.store.store import Store
from sandbox.store.verify import check
from tests.conftest import ROOT, command, extract

FIXTURE = ROOT / "tests" / "fixtures" / "store_2026_11.tar.gz"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory, in which nothing may be left."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def made(walk, store):
    return sandbox.run("walk", preset="quick")


def contents(folder):
    """Every file below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def added(before, after):
    """Names of new files; all others are what they were, run.json's list of artifacts aside."""
    kept = {name: content for name, content in after.items() if name in before}
    records = [json.loads(files.pop("run.json")) for files in (dict(before), dict(kept))]
    for record in records:
        del record["artifacts"], record["digest"]
    assert records[0] == records[1]
    assert {n: c for n, c in kept.items() if n != "run.json"} == {
        n: c for n, c in before.items() if n != "run.json"
    }
    return set(after) - set(before)


@pytest.mark.parametrize(("words", "name"), [((), "watch.gif"), (("--final",), "watch-final.gif")])
def test_watch_writes_into_the_run_which_stays_whole(say, made, here, words, name):
    before = contents(made.path)
    said = say("watch", made.id, "--render", "gif", *words, "--json")
    path = made.path / "artifacts" / name
    assert (
        said.code == 0 and said.document["file"] == str(path.resolve()) and not list(here.iterdir())
    )
    assert added(before, contents(made.path)) == {f"artifacts/{name}"}
    listed = {
        one["name"]: one for one in json.loads((made.path / "run.json").read_text())["artifacts"]
    }
    assert listed[name] == {
        "name": name,
        "size": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert list(listed) == sorted(listed) == made.folder.artifacts.names()
    assert say("verify", made.id).code == 0 and check(made.folder)["artifacts"] == len(listed)
    assert "nothing left to do" in say("resume", made.id).err


def test_a_finished_run_with_a_missing_file_has_something_left_to_do(say, made, here):
    (made.path / "artifacts" / "end.json").unlink()
    said = say("resume", made.id)
    assert said.code == 0 and "nothing left to do" not in said.err
    assert say("verify", made.id).code == 0
    shutil.rmtree(made.path / "checkpoints")
    said = say("resume", made.id)
    assert said.code != 0 and "nothing left to do" not in said.err and "--repair" in said.err


def test_watching_again_takes_the_place_of_the_film_before(say, made, here):
    for seed in (1, 2):
        assert say("watch", made.id, "--render", "gif", "--seed", seed).code == 0
    assert [one.name for one in made.folder.read().artifacts].count("watch.gif") == 1
    assert say("verify", made.id).code == 0


def test_a_damaged_artifact_is_not_forgiven_by_watching(say, made, here):
    (made.path / "artifacts" / "end.json").write_text("{}")
    assert say("watch", made.id, "--render", "gif").code == 0
    said = say("verify", made.id)
    assert said.code == 1 and "end.json" in said.out and "watch.gif" not in said.out


@pytest.mark.parametrize("option", ["--output", "--out"])
def test_watch_writes_elsewhere_on_request_and_leaves_the_run_alone(say, made, here, option):
    before = contents(made.path)
    assert say("watch", made.id, "--render", "gif", option, "films/w.gif").code == 0
    with Image.open(here / "films" / "w.gif") as film:
        assert film.n_frames >= 1
    assert contents(made.path) == before


def test_the_page_of_a_run_goes_into_a_folder_that_is_made_for_it(say, made, here):
    assert say("show", made.id, "--html", "--output", "pages/run.html").code == 0
    assert made.id in (here / "pages" / "run.html").read_text(encoding="utf-8")
    (here / "file").write_text("")
    said = say("show", made.id, "--html", "--output", "file/run.html")
    assert said.code == 2 and "Cannot write file/run.html" in said.err and "--output" in said.err


@pytest.mark.parametrize("words", [["watch"], ["reproduce"]])
def test_help_knows_one_spelling(say, words):
    told = say(*words, "--help").out
    assert "--output" in told and "--out " not in told and "--out," not in told


def test_a_film_that_cannot_be_written_is_said_so_with_a_way_out(say, made, here):
    (here / "file").write_text("")
    said = say("watch", made.id, "--render", "gif", "--output", "file/w.gif")
    assert said.code == 2 and "Cannot write file/w.gif" in said.err and "--output" in said.err
    assert "is a folder" in say("watch", made.id, "--render", "gif", "--output", ".").err


def test_a_run_of_another_age_keeps_every_field(say, store, here):
    """What this program does not know of stays in run.json, and what is new to it is not added."""
    extract(FIXTURE, store.parent)
    folder = next(
        one
        for one in Store().folders()
        if one.read().status == "finished" and one.read().agent == "sarsa"
    )
    record = json.loads(folder.record_path.read_bytes())
    document = {
        "from_later": {"a": 1e-05, "ü": None},
        **{name: value for name, value in record.items() if name != "limit"},
    }
    folder.record_path.write_text(
        json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    assert say("watch", folder.id, "--render", "gif", "--frames", "2").code == 0
    (film,) = [
        one
        for one in json.loads(folder.record_path.read_bytes())["artifacts"]
        if one["name"] == "watch.gif"
    ]
    document["artifacts"] = sorted([*document["artifacts"], film], key=lambda one: one["name"])
    assert (
        folder.record_path.read_text("utf-8")
        == json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    )


def test_a_run_at_work_lists_what_is_added_at_its_end(say, store, walk, here):
    words = command(
        "run",
        "walk",
        "-p",
        walk,
        "--steps",
        "100000",
        "--pause",
        "0.1",
        "--checkpoint-every",
        "3",
        "--render",
        "none",
    )
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not list(store.glob("walk/*/checkpoints/[0-9]*/state.json")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        said = say("watch", "last", "--render", "gif")
        assert said.code == 0, said.err
        assert sandbox.load().status == "running"
        assert "resume" not in say("show").out  # it would be refused
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
    ended = sandbox.load()
    assert (
        "watch.gif" in {one.name for one in ended.record.artifacts}
        and not check(ended.folder)["problems"]
    )


def test_a_picture_saved_in_the_window_of_watch_belongs_to_the_run(say, made, here, monkeypatch):
    import sandbox.visual.window as window

    class Shown(window.Window):
        def show(self, frame):
            self._open(frame)
            self._save()

        def wait_key(self, *_, **__):
            raise window.WindowClosed

    monkeypatch.setattr(window, "Window", Shown)
    monkeypatch.setattr("sandbox.visual.screen.require_screen", lambda: None)
    before = contents(made.path)
    assert say("watch", made.id, "--render", "human").code == 0
    names = added(before, contents(made.path))
    assert (
        len(names) == 3
        and all(name.endswith(".png") for name in names)
        and not list(here.iterdir())
    )
    assert {name.removeprefix("artifacts/") for name in names} <= {
        one.name for one in made.folder.read().artifacts
    }
    assert say("verify", made.id).code == 0


def test_a_picture_saved_while_a_run_is_watched_belongs_to_the_run(walk, store, here, monkeypatch):
    from sandbox.runs import api
    from sandbox.runs.loop import Settings
    from sandbox.visual import viewer

    class Shown(viewer.Window):
        def show(self, frame):
            self._open(frame)
            self._save()

    monkeypatch.setattr(viewer, "Window", Shown)
    run = api.start(api.Request("walk", "quick"), Store(), Settings(viewer=viewer.Viewer()))
    assert [one for one in run.record.artifacts if one.name.endswith("-001.png")]
    assert not check(run.folder)["problems"] and not list(here.iterdir())


@pytest.mark.parametrize(
    ("words", "folder"),
    [((), "store/plays"), (("--output", "mine"), "here/mine")],
)
def test_pictures_of_play_go_into_the_store(say, here, tmp_path, monkeypatch, words, folder):
    import sandbox.visual.window as window

    class Played(window.Window):
        def wait_key(self, frame=None):
            if self._frame is not None:
                raise window.WindowClosed
            self._open(frame)
            self._save()
            return "w"

    monkeypatch.setattr(window, "Window", Played)
    monkeypatch.setattr("sandbox.visual.screen.require_screen", lambda _: None)
    said = say("play", "maze", "--store", tmp_path / "store", *words)
    assert said.code == 0, said.err
    (picture,) = (tmp_path / folder).glob("*.png")
    assert picture.stat().st_size and [path.name for path in here.iterdir()] == list(words[1:])


def test_play_without_a_window_leaves_nothing(say, here, tmp_path):
    assert say("play", "maze", "--moves", "w", "--store", tmp_path / "store").code == 0
    assert not list(here.iterdir()) and not (tmp_path / "store").exists()


CLAIMED = """
from sandbox import Claim, Lab, LabConfig, hookimpl


@hookimpl
def sandbox_register(registry):
    registry.lab("asserted", "asserted:AssertedLab", agents=False)


class AssertedLab(Lab):
    Config, presets = LabConfig, {}
    claims = (Claim("Z1", "One is one", 1.0, "equal", lambda seed: 1.0, exact=True),)

    def build(self, config, context):
        raise NotImplementedError
"""


@pytest.fixture
def claimed(tmp_path):
    path = tmp_path / "asserted.py"
    path.write_text(CLAIMED)
    registry().add_file(path)


def test_a_reproduction_goes_into_the_store_each_into_a_folder_of_its_own(
    say,
    claimed,
    here,
    store,
    tmp_path,
):
    for root, words in (
        (store, ()),
        (store, ()),
        (tmp_path / "other", ("--store", tmp_path / "other")),
    ):
        said = say("reproduce", "Z1", *words, "--json")
        assert said.code == 0, said.err
        assert (
            said.document["page"].startswith(str((root / "reproductions").resolve()))
            and "-z1-" in said.document["page"]
        )
    assert [
        len(list((root / "reproductions").iterdir())) for root in (store, tmp_path / "other")
    ] == [2, 1]
    assert {path.name for path in (store / "reproductions").glob("*/*")} == {
        "reproduce.html",
        "reproduce.json",
    }
    assert not list(here.iterdir()) and say("list", "--json").document == []


@pytest.mark.parametrize("option", ["--output", "--out"])
def test_a_reproduction_goes_elsewhere_on_request(say, claimed, here, store, option):
    assert say("reproduce", "Z1", option, "mine").code == 0
    assert {path.name for path in (here / "mine").iterdir()} == {
        "reproduce.html",
        "reproduce.json",
    } and not store.exists()
    (here / "file").write_text("")
    said = say("reproduce", "Z1", option, "file/mine")
    assert said.code == 2 and "--output" in said.err


@pytest.mark.extras
def test_what_generate_plays_goes_into_the_run_which_stays_whole(say, store, here):
    pytest.importorskip("pretty_midi")
    pytest.importorskip("torch")
    made = sandbox.run("music", preset="quick", pieces=6, epochs=1)
    before = contents(made.path)
    said = say("generate", made.id, "--steps", "8")
    assert said.code == 0 and "generated.mid" in said.out and not list(here.iterdir())
    assert added(before, contents(made.path)) == {
        f"artifacts/generated.{ending}" for ending in ("mid", "wav", "png", "json")
    }
    assert say("verify", made.id).code == 0
    once = contents(made.path)
    document = say("generate", made.id, "--steps", "8", "--json").document
    assert contents(made.path) == once and len(document["files"]) == 4
    assert say("generate", made.id, "--steps", "8", "--output", "deep/a.mid").code == 0
    assert (
        contents(made.path) == once
        and (here / "deep" / "a.mid").read_bytes() == once["artifacts/generated.mid"]
    )
    again = say("generate", made.id, "--seed-file", made.path / "artifacts" / "generated.mid")
    assert again.code == 2 and "overwrite the seed" in again.err


def test_a_store_s_folders_have_ids_that_are_new(store):
    paths = [Store().make("plays", "a b/c") for _ in range(3)]
    assert len(set(paths)) == 3 and all(
        path.parent == store / "plays" and "-a-b-c-" in path.name for path in paths
    )
