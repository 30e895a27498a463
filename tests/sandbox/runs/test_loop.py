"""The loop: every ending has a status, stopping changes no byte, and nothing that depends on time
reaches a result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest

from sandbox.errors import RunFailed, SandboxError, UsageError
from sandbox.observer import Observer
from sandbox.registry.registry import registry
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store, checkpoint
from tests.conftest import ROOT, TOYS, command, forbid

TIMES = {"learning_seconds", "steps_per_second"}


def essence(run):
    """What must be the same bytes whatever happened on the way."""
    summary = {
        name: value for name, value in run.folder.read().summary.items() if name not in TIMES
    }
    artifacts = {one.name: one.sha256 for one in run.folder.read().artifacts}
    return run.folder.metrics_path.read_bytes(), json.dumps(summary), artifacts


def start(store, seed=0, settings=None, **options):
    return api.start(
        api.Request("walk", layers=[options], seed=seed), Store(store), settings or Settings()
    )


def test_a_finished_run_has_everything(store, walk):
    run = start(store, steps=35)
    assert run.status == "finished" and run.record.done_units == 35
    assert run.metrics["position"][-1] == run.summary["position"]
    assert [one.name for one in run.record.artifacts] == ["end.json", "episode.gif"]
    assert run.record.versions["python"] and run.record.sources
    times = [
        json.loads(line) for line in (run.folder.path / "times.jsonl").read_text().splitlines()
    ]
    assert [line["units"] for line in times] == [10, 20, 30, 35] and all(
        line["seconds"] >= 0 for line in times
    )
    assert not list(run.path.rglob("*.tmp")) and not (run.path / ".reserve").exists()


def test_two_runs_with_one_seed_are_the_same_bytes_and_another_seed_is_another(store, walk):
    assert essence(start(store, 3)) == essence(start(store, 3)) != essence(start(store, 4))


def test_checkpoint_interval_pictures_observers_and_time_budget_change_no_byte(store, walk):
    plain = essence(start(store, 3, steps=60))
    for settings in (
        Settings(checkpoint_seconds=0),
        Settings(observers=[registry().load("observer", "diary")()]),
        Settings(animation=False),
        Settings(pictures=False),
    ):
        other = essence(start(store, 3, settings, steps=60))
        assert other[:2] == plain[:2]
        assert all(plain[2][name] == digest for name, digest in other[2].items())


def test_a_run_stopped_by_its_time_budget_goes_on_to_the_same_bytes(store, walk):
    whole = essence(start(store, 3, steps=60))
    stopped = start(store, 3, Settings(max_time=0.0), steps=60)
    assert stopped.status == "timed-out"
    for _ in range(20):
        stopped = api.proceed(
            stopped.folder, Settings(max_time=1e-9 if stopped.record.resumed % 2 else None)
        )
        if stopped.status == "finished":
            break
    assert essence(stopped) == whole


def test_an_experiment_that_raises_leaves_a_failed_run_with_its_error_and_earlier_data(store, walk):
    with pytest.raises(RunFailed, match="the walker stumbled") as caught:
        start(store, fail_at=35)
    run = caught.value.run
    assert (
        run.status == "failed"
        and "the walker stumbled" in run.record.error
        and "walk.py" in run.record.error
    )
    assert len(run.metrics["position"]) == 30


def test_a_full_disk_while_learning_fails_the_run_and_keeps_what_was_there(store, walk):
    with pytest.raises(RunFailed, match="disk is full") as caught:
        start(store, fail_at=35, fail_how="full", settings=Settings(checkpoint_seconds=0))
    run = caught.value.run
    assert run.status == "failed" and "free some space" in run.record.error
    assert len(run.metrics["position"]) == 30
    assert run.experiment.done_units == 30


def test_a_failed_run_can_be_resumed(store, walk):
    with pytest.raises(RunFailed) as caught:
        start(store, fail_at=35, settings=Settings(checkpoint_seconds=0))
    with pytest.raises(RunFailed, match="stumbled"):
        api.proceed(caught.value.run.folder, Settings())
    assert caught.value.run.folder.read().resumed == 1


def test_an_observer_that_raises_is_reported_once_and_dropped(store, walk):
    registry_class = registry().load("observer", "noisy")
    diary = registry().load("observer", "diary")()
    type(diary).told.clear()
    run = start(store, settings=Settings(observers=[registry_class(), diary]), steps=50)
    assert run.status == "finished"
    assert (
        len(
            [
                warning
                for warning in run.record.warnings
                if "Noisy" in warning and "too loud" in warning
            ]
        )
        == 1
    )
    assert diary.told == ["started at 0", *["walk"] * 5, "finished"]


def test_an_observer_that_exits_is_dropped_like_one_that_raises(store, walk):
    class Quitter(type(registry().load("observer", "noisy")())):
        def block(self, run, block):
            raise SystemExit(3)

    run = start(store, settings=Settings(observers=[Quitter()]), steps=50)
    assert run.status == "finished" and "SystemExit: 3" in run.record.warnings[0]


def test_looking_at_an_experiment_leaves_the_global_generators_alone(store, walk, monkeypatch):
    lab = registry().load("lab", "walk")
    build = lab.build

    def drawn(self, config, context):
        np.random.random(3)
        return build(self, config, context)

    monkeypatch.setattr(lab, "build", drawn)
    run, before = start(store), np.random.get_state()[1].copy()
    assert api.load(run.path).experiment.done and (np.random.get_state()[1] == before).all()


def test_pictures_that_fail_fail_no_run(store, walk, monkeypatch):
    lab = registry().load("lab", "walk")
    monkeypatch.setattr(lab, "pictures", lambda *_: 1 / 0)
    run = start(store)
    assert run.status == "finished" and "ZeroDivisionError" in run.record.warnings[0]
    assert [one.name for one in run.record.artifacts] == ["episode.gif"]


def test_pictures_that_are_missing_are_made_by_resume(store, walk):
    run = start(store, settings=Settings(pictures=False))
    assert run.record.artifacts == []
    again = api.proceed(run.folder, Settings())
    assert essence(again) == essence(start(store))


def test_a_damaged_last_checkpoint_is_passed_over_and_the_bytes_are_the_same(store, walk):
    whole = essence(start(store, 3, steps=60))
    stopped = start(store, 3, Settings(checkpoint_seconds=0, max_time=0.05), steps=60, pause=0.02)
    last = max(stopped.folder.checkpoints.iterdir())
    (last / "state.json").write_text("{")
    run = api.proceed(stopped.folder, Settings())
    assert "damaged" in run.record.warnings[0]
    assert run.status == "finished" and essence(run)[:2] == whole[:2]


def test_metrics_cut_behind_the_last_checkpoint_fall_back_to_an_earlier_one(store, walk):
    whole = essence(start(store, 3, steps=60))
    stopped = start(store, 3, Settings(checkpoint_seconds=0, max_time=0.05), steps=60, pause=0.02)
    content = stopped.folder.metrics_path.read_bytes()
    stopped.folder.metrics_path.write_bytes(content[:-9])
    run = api.proceed(stopped.folder, Settings())
    assert any("is not what it was at checkpoint" in warning for warning in run.record.warnings)
    assert essence(run)[:2] == whole[:2]


def test_without_any_whole_checkpoint_a_run_begins_anew(store, walk):
    whole = essence(start(store, 3, steps=60))
    stopped = start(store, 3, Settings(max_time=0.0), steps=60)
    for path in stopped.folder.checkpoints.glob("*/*"):
        path.write_bytes(b"")
    assert essence(api.proceed(stopped.folder, Settings()))[:2] == whole[:2]


@pytest.mark.parametrize("name", ["metrics.jsonl", "times.jsonl", "state.json"])
def test_a_run_with_a_file_that_may_not_be_read_loses_nothing(store, walk, monkeypatch, name):
    whole = essence(start(store, 3, steps=60))
    stopped = start(store, 3, Settings(checkpoint_seconds=0, max_time=0.05), steps=60, pause=0.02)
    before, done = checkpoint.numbers(stopped.folder.checkpoints), stopped.record.done_units
    content = stopped.folder.metrics_path.read_bytes()
    with monkeypatch.context() as patch:
        forbid(patch, name)
        with pytest.raises(SandboxError, match="Permission denied"):
            api.proceed(stopped.folder, Settings())
    assert checkpoint.numbers(stopped.folder.checkpoints) == before
    assert stopped.folder.metrics_path.read_bytes() == content
    assert stopped.folder.read().done_units == done
    assert essence(api.proceed(stopped.folder, Settings()))[:2] == whole[:2]


def test_other_versions_refuse_to_resume_unless_allowed(store, walk):
    stopped = start(store, settings=Settings(max_time=0.0))
    record = stopped.folder.read()
    record.versions["numpy"], record.sources = "1.0", "0" * 64
    record.write(stopped.folder.record_path)
    with pytest.raises(UsageError, match=r"(?s)numpy 1.0 ->.*sources.*--allow-changed"):
        api.proceed(stopped.folder, Settings())
    run = api.proceed(stopped.folder, Settings(), allow_changed=True)
    assert run.status == "finished" and "other versions" in run.record.warnings[0]


def test_a_finished_run_is_not_run_again(store, walk):
    run = start(store)
    before = run.folder.record_path.read_bytes()
    assert api.proceed(run.folder, Settings()).status == "finished"
    assert run.folder.record_path.read_bytes() == before


def running(store, *words, wait=True):
    process = subprocess.Popen(
        command(
            "run", "walk", "-p", TOYS / "walk.py", "--render", "none", *words, "--store", store
        ),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if not wait:
        return process, None
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        folders = Store(store).folders()
        if (
            folders
            and folders[0].metrics_path.exists()
            and folders[0].metrics_path.stat().st_size > 100
        ):
            return process, folders[0]
        time.sleep(0.02)
    raise AssertionError(process.communicate())


def test_ctrl_c_finishes_the_block_saves_and_ends_with_130(store, walk):
    whole = essence(start(store, 3, steps=200))
    process, folder = running(store / "other", "--seed", "3", "--steps", "200", "--pause", "0.05")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    record = folder.read()
    assert record.status == "interrupted" and 0 < record.done_units < 200 and "resume" in out
    assert essence(api.proceed(folder, Settings()))[:2] == whole[:2]


def test_ctrl_c_twice_leaves_at_once(store, walk):
    process, folder = running(store, "--steps", "100", "--pause", "0.1")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130 and folder.read().status == "interrupted"


def test_a_killed_run_is_lost_never_running_and_goes_on_to_the_same_bytes(store, walk):
    whole = essence(start(store, 3, steps=150))
    process, folder = running(
        store / "other",
        "--seed",
        "3",
        "--steps",
        "150",
        "--pause",
        "0.02",
        "--checkpoint-every",
        "0",
    )
    assert folder.read().status == "running"
    process.kill()
    process.communicate()
    assert folder.read().status == "lost"
    assert [row.status for row in Store(store / "other").rows()] == ["lost"]
    run = api.proceed(folder, Settings())
    assert run.record.resumed == 1 and essence(run)[:2] == whole[:2]


def test_a_running_run_cannot_be_resumed_or_deleted(store, walk):
    process, folder = running(store, "--steps", "1000", "--pause", "0.05")
    try:
        with pytest.raises(UsageError, match="running now"):
            api.proceed(folder, Settings())
        with pytest.raises(UsageError, match="stop it first"):
            Store(store).delete(folder)
    finally:
        process.kill()
        process.communicate()


def test_a_run_on_another_machine_lives_by_its_heartbeat(store, walk):
    run = start(store)
    record = run.folder.read()
    record.status, record.host = "running", "somewhere-else"
    record.write(run.folder.record_path)
    assert run.folder.read().status == "lost"
    (run.path / "heartbeat").touch()
    assert run.folder.read().status == "running"
    os.utime(run.path / "heartbeat", (time.time() - 1000,) * 2)
    assert run.folder.read().status == "lost"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root"
)
def test_a_disk_that_fills_up_for_real_leaves_a_failed_run_with_earlier_data_intact(tmp_path, walk):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    ).returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        with pytest.raises(RunFailed, match="disk is full") as caught:
            start(disk / "runs", steps=10**6, settings=Settings(checkpoint_seconds=0.0))
        run = caught.value.run
        assert run.folder.read().status == "failed"
        rows = len(run.metrics["position"])
        assert rows > 100 and run.experiment.done_units <= rows
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def one_file(tmp_path, name, **changes):
    """The toy plugin under another name, with some of its text changed."""
    text = (TOYS / "walk.py").read_text()
    for before, after in {
        "walk:": f"{name}:",
        'registry.lab("walk"': f'registry.lab("{name}"',
        **changes,
    }.items():
        assert before in text
        text = text.replace(before, after)
    text = text.replace(
        'registry.observer("noisy"', 'registry.observer("noisy-' + name + '"'
    ).replace('registry.observer("diary"', 'registry.observer("diary-' + name + '"')
    (tmp_path / f"{name}.py").write_text(text)
    registry().add_file(tmp_path / f"{name}.py")


@pytest.mark.parametrize(
    ("name", "before", "after", "part"),
    [
        ("nosummary", "def summary", "def summery", "abstract method"),
        ("norestore", "def restore", "def restor", "restore"),
        (
            "noblocks",
            "        return [Block(",
            "        [Block(",
            "`advance` must return a list of sandbox.Block, not NoneType",
        ),
        (
            "textcolumn",
            '"position": path}',
            '"position": "path"}',
            "column 'position' of stream 'walk' is 'path'",
        ),
        (
            "oddsummary",
            '"luck": self.luck}\n\n\nclass Frame',
            '"luck": self}\n\n\nclass Frame',
            "`summary` must return a dict of numbers",
        ),
        (
            "oddstate",
            '"trace": np.arange(3)',
            '"trace": print',
            "state['experiment']['trace'] is a builtin_function_or_method",
        ),
    ],
)
def test_a_mistake_in_a_lab_fails_the_run_with_one_sentence_that_names_it(
    store, tmp_path, name, before, after, part
):
    one_file(tmp_path, name, **{before: after})
    with pytest.raises(RunFailed, match=r"(?s).*") as caught:
        api.start(api.Request(name), Store(store), Settings())
    assert part in str(caught.value)
    assert caught.value.run.folder.read().status == "failed"


def test_a_paused_window_still_obeys_ctrl_c(walk):
    from sandbox.visual.window import Window, WindowClosed

    asked = []
    window = Window("test", fps=10, stop=lambda: bool(asked) or asked.append(1))
    window.paused = True
    frame = registry().load("lab", "walk")().frames(None, __import__("numpy").random.default_rng(0))
    with pytest.raises(WindowClosed):
        window.show(next(frame))


def test_an_observer_that_starts_slowly_takes_no_time_of_the_work(store, walk, monkeypatch):
    class Slow(Observer):
        def started(self, run):
            clock["ahead"] += 60

    clock = {"ahead": 0.0}
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + clock["ahead"])
    run = start(store, settings=Settings(max_time=30, observers=[Slow()]), steps=100)
    assert run.status == "finished" and clock["ahead"] == 60
