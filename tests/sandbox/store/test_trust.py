"""Nothing outside of a run is touched, nothing is lost without a word, and one bad run hides no
other."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile

import numpy as np
import pytest

from sandbox import load, resume, run
from sandbox.errors import CheckpointError, LinkError, StoreError
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store, checkpoint, open_folder
from sandbox.store.files import Directory, write_whole
from sandbox.store.verify import check


def start(store, seed=0, settings=None, **options):
    return api.start(
        api.Request("walk", layers=[options], seed=seed), Store(store), settings or Settings()
    )


@pytest.fixture(params=[True, False], ids=["descriptors", "without them"])
def means(request, monkeypatch):
    """With and without what the system offers against links (Windows has no O_NOFOLLOW and no
    descriptors of folders)."""
    if request.param and not open_folder.DESCRIPTORS:
        pytest.skip("this system has no descriptors of folders")
    monkeypatch.setattr(open_folder, "DESCRIPTORS", request.param)


@pytest.fixture
def stopped(store, walk):
    """A run that can go on."""
    return start(store, 3, Settings(checkpoint_seconds=0, max_time=0.05), steps=60, pause=0.02)


@pytest.fixture
def outside(tmp_path):
    """A folder of the user's own that no run may touch, and what it holds."""
    folder = tmp_path / "outside"
    (folder / "999999").mkdir(parents=True)
    (folder / "999999" / "thesis.txt").write_text("years of work")
    (folder / "file.txt").write_text("years of work")
    yield folder
    left = {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert left == {"999999/thesis.txt": "years of work", "file.txt": "years of work"}


def linked(folder, name, target):
    path = folder.path / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)


LINKS = [
    *[
        (name, "file.txt")
        for name in (
            "metrics.jsonl",
            "times.jsonl",
            ".reserve",
            ".lock",
            "heartbeat",
            "artifacts/x.svg",
            "run.json.tmp",
        )
    ],
    *[
        (name, "")
        for name in (
            "checkpoints",
            "artifacts",
            "checkpoints/999999",
            "checkpoints/.000009.1-a.tmp",
            "artifacts/inner",
        )
    ],
]


@pytest.mark.parametrize(("name", "target"), LINKS, ids=[name for name, _ in LINKS])
def test_a_run_with_a_link_in_it_is_refused_and_the_link_named(
    stopped, outside, say, means, name, target
):
    linked(stopped.folder, name, outside / target if target else outside)
    said = say("resume", stopped.id)
    assert said.code == 1 and f"{name} is a link" in said.err, said.err
    assert "Traceback" not in said.err
    verified = say("verify", stopped.id)
    assert verified.code == 1 and f"{name} is a link" in verified.out
    assert say("list").code == 0


def test_a_linked_record_is_one_damaged_row(stopped, outside, say, store):
    start(store, 4, steps=5)
    linked(stopped.folder, "run.json", outside / "file.txt")
    rows = {row["run"]: row for row in say("list", "--json").document}
    assert rows[stopped.id]["status"] == "damaged" and "is a link" in rows[stopped.id]["problem"]
    assert sorted(row["status"] for row in rows.values()) == ["damaged", "finished"]


def test_deleting_a_run_with_links_deletes_the_links_alone(stopped, outside, say):
    linked(stopped.folder, "checkpoints", outside)
    linked(stopped.folder, "metrics.jsonl", outside / "file.txt")
    assert say("delete", "--yes", stopped.id).code == 0
    assert not stopped.path.exists()


def test_a_link_is_not_embedded_in_a_notebook(store, walk, outside):
    run = start(store, steps=5)
    linked(run.folder, "artifacts/episode.gif", outside / "file.txt")
    with pytest.raises(LinkError):
        load(run.path)._repr_html_()


def test_a_file_with_a_second_name_elsewhere_is_copied_before_it_is_written(stopped, tmp_path):
    backup = tmp_path / "backup.jsonl"
    os.link(stopped.folder.metrics_path, backup)
    before = backup.read_bytes()
    assert resume(stopped.id).status == "finished"
    assert backup.read_bytes() == before and stopped.folder.metrics_path.stat().st_size > len(
        before
    )


def test_the_door_opens_creates_renames_and_removes(tmp_path, means):
    door = Directory(tmp_path)
    door.make("a/b")
    door.write("a/b/one", b"1")
    door.touch("a/two")
    assert door.read("a/b/one") == b"1" and door.size("a/b/one") == 1 and door.size("none") == 0
    assert (
        list(door.files()) == ["a/b/one", "a/two"]
        and door.names("a") == ["b", "two"]
        and door.names("none") == []
    )
    door.rename("a/b/one", "a/b/three")
    assert door.exists("a/b/three") and not door.exists("a/b/one") and not door.exists("a/two/x")
    with pytest.raises(StoreError, match="more than 0 bytes"):
        door.read("a/b/three", 0)
    with pytest.raises(StoreError, match="is no file"):
        door.read("a/b")
    with pytest.raises(StoreError, match="in the way"):
        door.make("a/two/x")
    door.remove("a")
    assert not door.exists("a") and list(tmp_path.iterdir()) == []
    for name in ("", "/etc/passwd", "..", "a/../b", "a//b", "."):
        with pytest.raises(StoreError, match="cannot be a name"):
            door.exists(name)


def test_the_door_follows_no_link(tmp_path, outside, means):
    door = Directory(tmp_path)
    (tmp_path / "file").symlink_to(outside / "file.txt")
    (tmp_path / "folder").symlink_to(outside)
    for attempt in (
        lambda: door.read("file"),
        lambda: door.touch("file"),
        lambda: door.descriptor("file", os.O_RDWR | os.O_CREAT),
        lambda: door.read("folder/file.txt"),
        lambda: door.write("folder/new", b""),
        lambda: door.make("folder/new"),
        lambda: door.names("folder"),
        lambda: list(door.files()),
        lambda: door.at("folder/file.txt"),
        lambda: door.size("file"),
    ):
        with pytest.raises(LinkError):
            attempt()
    door.write("file", b"replaced, not followed")
    assert door.read("file") == b"replaced, not followed"
    door.remove("folder")
    assert not (tmp_path / "folder").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("name", ["run.json", "metrics.jsonl", "checkpoints/000001/state.json"])
def test_a_pipe_is_no_file_and_nobody_waits_for_it(stopped, say, name):
    path = stopped.path / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    for words in (
        ["list"],
        ["show", stopped.path],
        ["verify", stopped.path],
        ["resume", stopped.path],
    ):
        assert say(*words).code in (0, 1, 2)
    assert say("verify", stopped.path).code == 1


# -- every changed byte


def flipped(content, at):
    """One digit changed, so that the document still can be read."""
    digit = content[at : at + 1]
    return content[:at] + (b"7" if digit != b"7" else b"3") + content[at + 1 :]


def digits(content):
    return [place for place, byte in enumerate(content) if chr(byte).isdigit()]


@pytest.mark.parametrize("name", ["metrics.jsonl", "times.jsonl", "run.json"])
def test_verify_notices_every_changed_digit(store, walk, name):
    run = start(store, steps=12)
    path = run.path / name
    content = path.read_bytes()
    for place in digits(content)[:: max(1, len(digits(content)) // 40)]:
        path.write_bytes(flipped(content, place))
        assert check(run.folder)["problems"], f"byte {place} of {name}"
    path.write_bytes(content)
    assert not check(run.folder)["problems"]


@pytest.mark.parametrize(
    "field",
    ["seed", "config", "summary", "score", "artifacts", "preset", "warnings", "created", "command"],
)
def test_verify_notices_what_was_changed_in_the_record(store, say, field):
    run = api.start(
        api.Request("maze", "quick", [{"episodes": 20}]), Store(store), Settings(pictures=False)
    )
    document = json.loads(run.folder.record_path.read_text())
    other = {
        "seed": 5,
        "preset": "best",
        "created": "2001-01-01T00:00:00+00:00",
        "command": "x",
        "warnings": ["x"],
        "artifacts": [],
    }
    if field == "config":
        document["config"]["agent"]["alpha"] = 0.9
    elif field in ("summary", "score"):
        document[field]["value" if field == "score" else "reward_per_step"] = 0.75
    elif field == "artifacts":
        document["artifacts"] = [{"name": "thesis.png", "size": 1, "sha256": "0"}]
    else:
        document[field] = other[field]
    run.folder.record_path.write_text(json.dumps(document))
    assert "run.json is not what was written" in " ".join(check(run.folder)["problems"])
    said = say("resume", run.id)
    assert said.code == 1 and "is not what was written" in said.err
    assert say("show", run.id).code == 0


def test_a_record_written_in_another_order_and_spacing_is_the_same(store, walk):
    run = start(store, steps=5)
    document = json.loads(run.folder.record_path.read_text())
    run.folder.record_path.write_text(json.dumps(dict(reversed(document.items()))))
    assert not check(run.folder)["problems"]


@pytest.mark.parametrize("place", ["state.json", "arrays.npz", "sums.json"])
def test_verify_notices_a_changed_checkpoint(store, walk, place):
    run = start(store, steps=12)
    path = max(run.folder.checkpoints.iterdir()) / place
    content = path.read_bytes()
    path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    assert check(run.folder)["problems"]


def test_a_resume_over_changed_metrics_falls_back_and_says_so(store, walk, stopped):
    whole = start(store, 3, steps=60)
    content = stopped.folder.metrics_path.read_bytes()
    stopped.folder.metrics_path.write_bytes(
        flipped(content, digits(content)[0])
    )  # before every checkpoint
    run = resume(stopped.id)
    assert run.status == "finished" and any(
        "metrics.jsonl is not what it was" in warning for warning in run.record.warnings
    )
    assert run.folder.metrics_path.read_bytes() == whole.folder.metrics_path.read_bytes()
    assert any("starts from scratch" in warning for warning in run.record.warnings)


@pytest.mark.parametrize("damage", ["checkpoint", "metrics", "all checkpoints"])
def test_a_finished_run_is_repaired_by_the_command_that_verify_names(store, walk, say, damage):
    run = start(store, 3, steps=40)
    metrics, artifacts = run.folder.metrics_path.read_bytes(), run.record.artifacts
    if damage == "metrics":
        run.folder.metrics_path.write_bytes(flipped(metrics, digits(metrics)[-2]))
    elif damage == "checkpoint":
        (max(run.folder.checkpoints.iterdir()) / "state.json").write_text("{}")
    else:
        shutil.rmtree(run.folder.checkpoints)
    assert say("resume", run.id).code == 1
    remedy = say("verify", run.id).out.splitlines()[-1].partition("  ")[0].split()[3:]
    assert remedy[:3] == ["resume", run.id, "--repair"]
    assert say(*remedy).code == 0 and say("verify", run.id).code == 0
    repaired = load(run.id)
    assert (
        repaired.folder.metrics_path.read_bytes() == metrics
        and repaired.record.artifacts == artifacts
    )


# -- checkpoints that cannot be


def packed(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", members.pop("compression", zipfile.ZIP_STORED)) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def header(shape, dtype="<f8"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def written(shape):
    """A header of an array, with its shape as a text."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def patched(content, place, byte):
    changed = bytearray(content)
    changed[place] = byte
    return bytes(changed)


IMPOSSIBLE = {
    "no zip": b"PK\x03\x04 nothing",
    "7 TiB in 300 bytes": packed(a0=header((10**12,))),
    "a zip bomb": packed(a0=header((10**7,)) + bytes(8 * 10**7), compression=zipfile.ZIP_DEFLATED),
    "objects": packed(a0=header((1,), "|O") + bytes(8)),
    "empty": b"",
    "a length beyond 64 bits": packed(a0=written("(0, 1000000000000000000000,)")),
    "a header that never closes": packed(a0=written("(1, ")),
    "a version of zip that nobody has": patched(packed(a0=header((0,))), -68, 0xFF),
    "a part that wants a password": patched(packed(a0=header((0,))), -66, 1),
}


def sealed(path, state, arrays):
    """A checkpoint whose sums are right."""
    import hashlib

    path.mkdir(parents=True, exist_ok=True)
    (path / "state.json").write_bytes(state)
    (path / "arrays.npz").write_bytes(arrays)
    sums = {
        "state.json": hashlib.sha256(state).hexdigest(),
        "arrays.npz": hashlib.sha256(arrays).hexdigest(),
    }
    (path / "sums.json").write_text(json.dumps(sums))


@pytest.mark.parametrize("arrays", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_checkpoint_that_claims_the_impossible_is_refused_at_once(tmp_path, arrays):
    sealed(tmp_path / "checkpoints" / "000001", b'{"a": "array:a0"}', arrays)
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path / "checkpoints" / "000001")


@pytest.mark.parametrize("arrays", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_verify_names_such_a_checkpoint_and_a_resume_uses_the_one_before_it(stopped, say, arrays):
    sealed(stopped.folder.checkpoints / "000999", b'{"a": "array:a0"}', arrays)
    assert any("000999 cannot be read" in problem for problem in check(stopped.folder)["problems"])
    said = say("resume", stopped.id)
    assert said.code == 0 and "Traceback" not in said.err
    assert any(
        "000999" in warning and "The one before it is used" in warning
        for warning in load(stopped.id).record.warnings
    )


STATES = [
    b"[]",
    b"5",
    b'"x"',
    b'{"metrics": "12", "times": 0, "learning_seconds": 0}',
    b"{}",
    b"[" * 100_000 + b"]" * 100_000,
]
STATES += [
    b'{"metrics": -1, "times": 0, "learning_seconds": 1}',
    b'{"metrics": 0, "times": 0, "learning_seconds": 0, "experiment": 5}',
]
STATES += [
    b'{"metrics": 0, "times": 0, "learning_seconds": 0, "experiment": {"done": "x"}, "generators": {}, "globals": {}}'
]


@pytest.mark.parametrize(
    "seconds",
    ["x", None, float("nan"), float("inf"), -1, 10**400, True],
    ids=lambda seconds: str(seconds)[:9],
)
def test_a_checkpoint_whose_seconds_are_none_is_passed_over(store, stopped, seconds):
    retold(stopped, "learning_seconds", value=seconds)
    run = resume(stopped.id)
    assert run.status == "finished" and any(
        "not one of a run" in warning for warning in run.record.warnings
    )


@pytest.mark.parametrize("state", STATES, ids=[state[:40].decode() for state in STATES])
def test_a_run_passes_over_a_checkpoint_with_an_impossible_state(store, walk, stopped, state):
    whole = start(store, 3, steps=60)
    sealed(stopped.folder.checkpoints / "000999", state, packed())
    run = resume(stopped.id)
    assert run.status == "finished" and run.record.warnings
    assert run.folder.metrics_path.read_bytes() == whole.folder.metrics_path.read_bytes()
    assert run.summary["position"] == whole.summary["position"]


def retold(run, *keys, value):
    """The last checkpoint says something else in one place, and its sums are right."""
    path = max(run.folder.checkpoints.iterdir())
    state = json.loads((path / "state.json").read_text())
    part = state
    for key in keys[:-1]:
        part = part[key]
    assert keys[-1] in part
    if value is MISSING:
        del part[keys[-1]]
    else:
        part[keys[-1]] = value
    sealed(path, json.dumps(state).encode(), (path / "arrays.npz").read_bytes())


MISSING = object()
WRONG = ["x", None, [], {}, float("nan"), -1, 2**70, True, 1.5, MISSING]


@pytest.mark.parametrize(
    "value", WRONG, ids=["missing" if value is MISSING else str(value) for value in WRONG]
)
@pytest.mark.parametrize("count", ["env_steps", "done"])
def test_a_checkpoint_with_something_else_for_a_count_is_passed_over(
    store, say, stopped, count, value
):
    if count == "env_steps":
        options = api.Request("maze", "quick", [{"episodes": 300}]), Store(store)
        whole = api.start(*options, Settings(pictures=False))
        stopped = api.start(*options, Settings(pictures=False, checkpoint_seconds=0, max_time=1e-6))
    else:
        whole = start(store, 3, steps=60)
    assert stopped.status == "timed-out"
    retold(stopped, "experiment", count, value=value)
    assert say("resume", stopped.id, "--no-pictures", "--render", "none").code == 0
    run = load(stopped.id)
    assert any("does not fit" in warning for warning in run.record.warnings)
    assert run.folder.metrics_path.read_bytes() == whole.folder.metrics_path.read_bytes()


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("experiment", "position"), "x"),
        (("experiment", "position"), {"a": 1}),
        (("experiment", "trace"), 5),
        (("experiment", "trace"), MISSING),
        (("generators", "walk"), MISSING),
        (("generators", "walk"), 5),
        (("globals", "numpy"), 5),
        (("globals", "python", "words"), "array:a0"),
    ],
)
def test_a_checkpoint_that_no_fresh_experiment_can_come_to_is_passed_over(
    store, stopped, keys, value
):
    whole = start(store, 3, steps=60)
    retold(stopped, *keys, value=value)
    run = resume(stopped.id)
    assert any("does not fit" in warning for warning in run.record.warnings)
    assert run.folder.metrics_path.read_bytes() == whole.folder.metrics_path.read_bytes()
    assert run.summary["luck"] == whole.summary["luck"]


def test_what_is_empty_may_fill_and_arrays_may_change(store, tmp_path):
    from sandbox.runs.work import _refuse_misfit

    fresh = {
        "none": None,
        "list": [],
        "two": [1, None],
        "empty": {},
        "text": "a",
        "array": np.zeros(0),
        "whole": 0,
        "part": np.float32(0),
    }
    later = {
        "none": np.ones(2),
        "list": [1, "a"],
        "two": [1.5, 4],
        "empty": {"a": 1},
        "text": None,
        "array": np.ones((2, 3), int),
    }
    _refuse_misfit(fresh, {**later, "whole": np.float64(0.5), "part": 3, "more": 1}, "state")
    _refuse_misfit(
        fresh, {**later, "two": [1, 2, 3], "whole": np.ones(2), "part": float("inf")}, "state"
    )
    with pytest.raises(ValueError, match=r"state\['two'\]\[0\] should be of kind number, not text"):
        _refuse_misfit(fresh, {**later, "two": ["x", 2]}, "state")
    with pytest.raises(ValueError, match="array of <U1"):
        _refuse_misfit(fresh, {**later, "array": np.array(["a"])}, "state")


# -- a run whose folder goes away


def test_a_run_whose_folder_is_removed_while_it_works_fails_and_does_not_come_back(store, walk):
    from sandbox.runs.loop import Settings as HowTo

    class Remover:
        name = "remover"

        def started(self, run):
            pass

        def block(self, run, block):
            if run.experiment.done_units == 20:
                shutil.rmtree(run.folder.path)

        def ended(self, run):
            pass

    with pytest.raises(StoreError, match="its folder is gone"):
        start(store, 3, HowTo(observers=[Remover()], checkpoint_seconds=0), steps=60)
    assert not list(store.glob("walk/*"))


def test_a_folder_in_the_way_of_a_file_is_named(tmp_path):
    (tmp_path / "ranking.json").mkdir()
    with pytest.raises(StoreError, match="ranking.json is a folder"):
        write_whole(tmp_path / "ranking.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["ranking.json"]


def test_a_link_that_leads_to_itself_hides_no_run(say, store):
    made = run("maze", preset="quick", episodes=5, pictures=False)
    for place in (store, store / "maze"):
        (place / "self").symlink_to("self")
    assert made.id in say("list").out and say("verify").code == 0 and say("show", made.id).code == 0


def test_a_picture_behind_a_link_is_not_shown(store, tmp_path):
    made = run("maze", preset="quick", episodes=5)
    name = next(iter(made.figures))
    assert made.figures[name]._repr_html_().startswith("<img")
    outside = tmp_path / "outside"
    (made.path / "artifacts").rename(outside)
    (made.path / "artifacts").symlink_to(outside)
    with pytest.raises(StoreError):
        load(made.id).figures[name]._repr_html_()


def test_points_behind_a_link_are_not_read(store, tmp_path):
    made = run("regression", preset="quick", pictures=False)
    (made.path / "artifacts").rename(tmp_path / "outside")
    (made.path / "artifacts").symlink_to(tmp_path / "outside")
    with pytest.raises(StoreError):
        load(made.id).experiment  # noqa: B018


@pytest.mark.parametrize("words", [["watch", "--render", "gif", "--frames", "2"], ["resume"]])
def test_nothing_vouches_anew_for_a_changed_record(say, store, words):
    made = run("maze", preset="quick", episodes=5, pictures=False)
    path = made.path / "run.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))
    said = say(words[0], made.id, *words[1:])
    assert said.code in (1, 2) and "not what was written" in said.err
    assert say("verify", made.id).code == 1 and not list((made.path / "artifacts").glob("watch*"))


def test_a_damaged_file_that_the_run_does_not_make_is_never_vouched_for(say, store):
    made = run("maze", preset="quick", episodes=5)
    assert say("watch", made.id, "--render", "gif", "--frames", "2").code == 0
    film = made.path / "artifacts" / "watch.gif"
    film.write_bytes(film.read_bytes()[:-1] + b"x")
    assert say("verify", made.id).code == 1
    assert say("resume", made.id, "--render", "none").code == 0 and say("verify", made.id).code == 1
    assert say("resume", made.id, "--repair", "--render", "none").code == 0
    assert (
        not film.exists()
        and say("verify", made.id).code == 0
        and "watch.gif" in load(made.id).record.warnings[-1]
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"format": 2', '"format": 0'),
        ('"format": 2', '"format": 1'),
        ('"format"', '"formau"'),
        ('"digest"', '"digesu"'),
    ],
)
def test_no_byte_makes_an_older_format_of_a_newer_one(say, store, old, new):
    made = run("maze", preset="quick", episodes=5, pictures=False)
    path = made.path / "run.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    said = say("verify", made.id)
    assert said.code == 1 and "older format" not in said.out


def test_a_file_is_read_with_the_memory_that_it_needs(tmp_path):
    resource = pytest.importorskip("resource")
    (tmp_path / "small").write_bytes(b"abc")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, before[1]))
    try:
        assert Directory(tmp_path).read("small", 2**40) == b"abc"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_comparison_whose_document_is_no_file_is_written_anew(say, store):
    words = ["compare", "maze", "--agents", "sarsa", "--seeds", "1", "--episodes", "5"]
    assert say(*words).code == 0
    (document,) = store.glob("comparisons/*/comparison.json")
    document.unlink()
    document.symlink_to("/dev/zero")
    assert say(*words).code == 0 and document.is_file() and not document.is_symlink()


def test_a_length_that_is_no_number_is_a_problem_and_no_traceback(say, store):
    made = run("maze", preset="quick", episodes=5, pictures=False)
    folder = sorted((made.path / "checkpoints").iterdir())[-1]
    number = int(folder.name)
    state = checkpoint.load(folder)
    shutil.rmtree(folder)
    checkpoint.save(made.path / "checkpoints", number, {**state, "metrics": float("inf")})
    said = say("verify", made.id)
    assert said.code == 1 and "damaged" in said.out


def test_a_copied_run_is_listed_under_the_name_that_finds_it(say, store):
    made = run("maze", preset="quick", episodes=5, pictures=False)
    copy = made.path.with_name(f"{made.id}-copy")
    shutil.copytree(made.path, copy)
    listed = [row["run"] for row in say("list", "--json").document]
    assert sorted(listed) == [made.id, copy.name]
    assert all(say("show", name).code == 0 for name in listed)


def test_what_turns_the_direction_of_writing_stays_out_of_the_terminal(say, store):
    made = run("maze", preset="quick", episodes=5, pictures=False)
    record = made.folder.read()
    record.command = "python -m sandbox run \u202emaze\u2066"
    record.write(made.folder.record_path)
    assert not set("\u202e\u2066") & set(say("show", made.id).out)


@pytest.mark.parametrize("value", [[[1, 2], [3]], [[[0.5]]], [{"a": 1}], [None, [1]]])
def test_a_column_that_is_no_row_of_values_hides_no_run(say, store, value):
    made = run("maze", preset="quick", episodes=5, pictures=False)
    path = made.path / "metrics.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), "return": value}), *rest]) + "\n")
    for words in (["show", made.id], ["show", made.id, "--json"], ["list"], ["verify", made.id]):
        said = say(*words)
        assert said.code in (0, 1) and "Traceback" not in said.err
