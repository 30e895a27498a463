"""Ways in which runs were once lost, mislabelled or wrongly resumed; each stays mended."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time

import numpy as np
import pytest

from sandbox.config.model import Choice, Chosen, LabConfig
from sandbox.config.resolve import resolve
from sandbox.errors import CheckpointError, ConfigError, RunFailed, StoreError, UsageError
from sandbox.execution.jobs import Job, execute
from sandbox.registry.registry import registry
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store, checkpoint
from sandbox.store.verify import check
from tests.conftest import forget_plugin
from tests.sandbox.runs.test_loop import essence, one_file, running, start

# -- nothing is lost


@pytest.mark.parametrize("damage", ["gone", "last", "metrics"])
def test_making_pictures_of_a_finished_run_never_touches_its_metrics(store, walk, damage):
    run = start(store, settings=Settings(pictures=False, checkpoint_seconds=0))
    if damage == "gone":
        shutil.rmtree(run.folder.checkpoints)
    elif damage == "last":
        (max(run.folder.checkpoints.iterdir()) / "state.json").write_text("{")
    else:
        with open(run.folder.metrics_path, "a") as file:
            file.write('{"stream":"walk","step":[1],"position":[0.0]}\n')
    before = run.folder.metrics_path.read_bytes()
    with pytest.raises(CheckpointError, match="no pictures can be made"):
        api.proceed(run.folder, Settings())
    assert run.folder.metrics_path.read_bytes() == before
    assert run.folder.read().status == "finished"


def test_only_runs_of_the_store_can_be_deleted(store, walk, tmp_path, say):
    project = tmp_path / "project"
    project.mkdir()
    (project / "run.json").write_text("{}")
    (project / "thesis.tex").write_text("years of work")
    assert "is no run of the store" in say("delete", f"{project}/", "--yes").err
    assert (project / "thesis.tex").exists()
    run = start(store)
    assert say("delete", "", "--yes").code == 2
    assert run.path.exists()


def test_a_run_that_is_interrupted_before_it_begins_leaves_no_folder(store, walk, monkeypatch):
    def import_libraries(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "threads_of", import_libraries)
    with pytest.raises(KeyboardInterrupt):
        start(store)
    assert not list((store / "walk").iterdir())


def test_a_run_that_is_written_to_cannot_be_deleted(store, walk):
    run = start(store)
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with run.folder.writing():
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    try:
        with pytest.raises(StoreError, match="A process works on"):
            Store(store).delete(run.folder)
    finally:
        leave.set()
        holder.join()
    assert run.folder.record_path.exists()


def test_a_deleted_run_does_not_come_back(store, walk):
    run = start(store, settings=Settings(pictures=False))
    shutil.rmtree(run.path)
    with pytest.raises(StoreError, match="is gone"), run.folder.writing():
        pass
    assert not run.path.exists()


def test_several_runs_are_deleted_all_or_none(store, walk, say):
    first = start(store)
    process, _ = running(store, "--steps", "1000", "--pause", "0.05", wait=False)
    try:
        at_work: list[str] = []
        while not at_work:
            time.sleep(0.05)
            at_work = [row.id for row in Store(store).rows() if row.status == "running"]
        running_id = at_work[0]
        said = say("delete", first.id, running_id, "--yes")
        assert said.code == 2 and "stop it first" in said.err and first.path.exists()
    finally:
        process.kill()
        process.communicate()


def test_checkpoints_that_were_passed_over_do_not_push_out_new_ones(store, walk):
    stopped = start(store, 3, Settings(checkpoint_seconds=0, max_time=0.05), steps=300, pause=0.02)
    for path in stopped.folder.checkpoints.iterdir():
        (path / "state.json").write_text("{")
    again = api.proceed(stopped.folder, Settings(checkpoint_seconds=0, max_time=0.05))
    reached = again.folder.read().done_units
    assert reached > 0 and again.folder.read().status == "timed-out"
    assert api.Run(again.folder).experiment.done_units == reached
    assert (
        essence(api.proceed(again.folder, Settings()))[:2]
        == essence(start(store, 3, steps=300, pause=0.0))[:2]
    )


def test_metrics_and_times_behind_the_checkpoint_are_cut_when_a_run_is_taken_up(store, walk):
    process, folder = running(store, "--steps", "400", "--pause", "0.02")
    process.kill()
    process.communicate()
    assert folder.metrics_path.stat().st_size > 0
    api.proceed(folder, Settings(max_time=0.0))
    rows = len(folder.metrics()["position"])
    assert rows == folder.read().done_units == 10
    assert len((folder.path / "times.jsonl").read_text().splitlines()) == 1


# -- the same bytes


def test_numpy_scalars_in_a_state_keep_their_type(tmp_path):
    state = {"a": np.float32(0.1), "b": np.int8(3), "c": [np.float64(2.5)], "d": "scalar:a0"}
    back = checkpoint.load(checkpoint.save(tmp_path, 1, state))
    assert [type(back["a"]), type(back["b"]), type(back["c"][0]), back["d"]] == [
        np.float32,
        np.int8,
        np.float64,
        "scalar:a0",
    ]
    assert back["a"] == np.float32(0.1)


def test_what_is_drawn_for_the_animation_is_not_drawn_from_the_learner(store, walk, monkeypatch):
    plain = start(store, 3, steps=60)
    lab = registry().load("lab", "walk")
    original = lab.frames

    def greedy_frames(self, experiment, rng, history=False):
        assert rng is not experiment.rng
        return original(self, experiment, rng, history)

    monkeypatch.setattr(lab, "frames", greedy_frames)
    again = start(store, 3, steps=60)
    assert again.record.warnings == [] and essence(again) == essence(plain)


def test_an_edited_plugin_refuses_to_resume(store, tmp_path, walk):
    one_file(tmp_path, "edited")
    run = api.start(api.Request("edited"), Store(store), Settings(max_time=0.0))
    from sandbox.runs import provenance

    with open(tmp_path / "edited.py", "a") as file:
        file.write("\n# another thought\n")
    provenance.sources.cache_clear()
    with pytest.raises(UsageError, match="changed since it was loaded"):
        api.proceed(run.folder, Settings())
    forget_plugin("edited")
    registry().add_file(tmp_path / "edited.py")
    with pytest.raises(UsageError, match="sources"):
        api.proceed(run.folder, Settings())


def test_a_plugin_edited_before_its_first_run_leaves_no_run_of_its_old_code(store, tmp_path, walk):
    one_file(tmp_path, "late")
    job = Job(api.Request("late", id="a"), str(store))
    with open(tmp_path / "late.py", "a") as file:
        file.write("\n# another thought\n")
    with pytest.raises(UsageError, match=r"late\.py changed since it was loaded"):
        registry().add_file(tmp_path / "late.py")
    with pytest.raises(UsageError, match=r"late\.py changed since it was loaded"):
        api.start(api.Request("late"), Store(store), Settings())
    assert not list(store.glob("late/*"))
    forget_plugin("late")
    with pytest.raises(UsageError, match=r"late\.py changed since it was loaded"):
        execute(job)  # of a process that has the code before the edit


def test_a_plugin_edited_while_a_sweep_runs_keeps_its_loaded_code(store, tmp_path, walk):
    one_file(tmp_path, "during")
    first = api.start(api.Request("during"), Store(store), Settings(pictures=False))
    job = Job(api.Request("during", id="b"), str(store), Settings(pictures=False))
    with open(tmp_path / "during.py", "a") as file:
        file.write("\n# another thought\n")
    assert execute(job).status == "finished"
    assert Store(store).find("b").read().sources == first.record.sources


# -- the right status


def test_readers_of_a_lost_run_do_not_take_each_other_for_its_writer(store, walk):
    run = start(store)
    record = run.folder.read()
    record.status = "running"
    record.write(run.folder.record_path)
    statuses = []

    def read():
        statuses.extend(run.folder.read().status for _ in range(100))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert set(statuses) == {"lost"}


def test_a_lab_that_exits_is_a_failed_run(store, tmp_path):
    one_file(
        tmp_path,
        "quitter",
        **{"        self._fail(first + count)\n": "        raise SystemExit(3)\n"},
    )
    with pytest.raises(RunFailed) as caught:
        api.start(api.Request("quitter"), Store(store), Settings())
    assert caught.value.run.folder.read().status == "failed"


def test_ctrl_c_twice_does_not_wait_for_the_block(store, walk):
    process, _ = running(store, "--steps", "20", "--pause", "60", wait=False)
    while not any(
        '"unit": "step"' in folder.record_path.read_text() for folder in Store(store).folders()
    ):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=40)  # the block would have taken a minute
    assert process.returncode == 130
    assert Store(store).rows()[0].status == "interrupted"


def test_sigterm_stops_like_ctrl_c(store, walk):
    process, folder = running(store, "--steps", "500", "--pause", "0.05")
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 130 and folder.read().status == "interrupted"


def test_pictures_that_failed_or_were_damaged_are_made_again(store, walk, monkeypatch):
    lab = registry().load("lab", "walk")
    with monkeypatch.context() as patch:
        patch.setattr(lab, "pictures", lambda *_: 1 / 0)
        run = start(store)
    assert not run.record.pictured
    again = api.proceed(run.folder, Settings())
    assert {one.name for one in again.record.artifacts} == {"end.json", "episode.gif"}
    (again.folder.artifacts.folder / "end.json").write_text("damaged")
    mended = api.proceed(run.folder, Settings())
    assert check(mended.folder)["problems"] == []


# -- one bad run hides no other


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2**70},
        {"seed": "3"},
        {"created": None},
        {"created": "yesterday"},
        {"summary": None},
        {"versions": []},
        {"artifacts": [{"name": "../../../etc/passwd", "size": 1, "sha256": "0"}]},
        {"status": "dancing"},
    ],
)
def test_a_record_with_a_field_of_a_wrong_kind_is_damaged_and_hides_no_other(
    store, walk, say, change
):
    good, bad = start(store), start(store, 1)
    document = json.loads(bad.folder.record_path.read_text())
    bad.folder.record_path.write_text(json.dumps({**document, **change}))
    listed = {row["run"]: row["status"] for row in say("list", "--json").document}
    assert listed[good.id] == "finished" and listed[bad.id] == "damaged"
    assert "Traceback" not in say("show", bad.id).err


def test_a_seed_beyond_what_is_kept_is_refused(say, walk, store):
    assert say("run", "walk", "--seed", 2**63).code == 2 and not store.exists()


def test_verify_misses_no_lost_metrics(store, walk):
    run = start(store, settings=Settings(pictures=False))
    content = run.folder.metrics_path.read_bytes()
    lines = content.splitlines(keepends=True)
    run.folder.metrics_path.write_bytes(b"".join(lines[:-2]))
    assert any("metrics.jsonl is not what" in problem for problem in check(run.folder)["problems"])
    run.folder.metrics_path.unlink()
    shutil.rmtree(run.folder.checkpoints)
    assert any("no checkpoint" in problem for problem in check(run.folder)["problems"])


# -- configuration


class Own(LabConfig):
    alpha: float = 0.5
    epsilon_final: float = 0.0


class Whole(LabConfig):
    steps: int = 3
    agent: Chosen = Choice("agent", "one", find=f"{__name__}:find")


def find(kind, name):
    return Own


@pytest.mark.parametrize("value", [5, True, None, ["one"], {"name": 3}])
def test_a_choice_of_a_wrong_shape_is_one_problem(value):
    with pytest.raises(ConfigError, match="agent = .*it should be a name, or a table"):
        resolve(Whole, [{"agent": value}], "lab")


def test_dashes_and_underscores_are_the_same_inside_choices():
    layers = [
        {"agent": {"epsilon_final": 0.3}},
        {"agent": {"epsilon-final": 0.2}},
        {"agent": "two"},
    ]
    assert resolve(Whole, layers, "lab").agent.options.epsilon_final == 0.2
    assert (
        resolve(
            Whole, [*layers, {"agent": {"epsilon_final": 0.1}}], "lab"
        ).agent.options.epsilon_final
        == 0.1
    )


@pytest.mark.parametrize("layer", [{"steps": True}, {"agent": {"alpha": False}}])
def test_true_is_no_number(layer):
    with pytest.raises(ConfigError, match="it should be a number, not"):
        resolve(Whole, [layer], "lab")


def test_the_agent_of_a_configuration_file_brings_its_options(say, tmp_path, walk):
    (tmp_path / "c.json").write_text('{"agent": "q-learning"}')
    said = say(
        "run",
        "maze",
        "--config",
        tmp_path / "c.json",
        "--episodes",
        "5",
        "--json",
        "--no-pictures",
        "--render",
        "none",
    )
    assert said.document["agent"] == "q-learning"


# -- observers


def test_an_observer_that_always_watches_but_is_broken_stops_no_run(store, tmp_path, walk):
    (tmp_path / "spy.py").write_text(
        "from sandbox import hookimpl\n\n@hookimpl\ndef sandbox_register(registry):\n"
        "    registry.observer('spy', 'spy:Missing', always=True)\n"
    )
    registry().add_file(tmp_path / "spy.py")
    run = start(store)
    assert run.status == "finished" and any(
        "'spy' cannot be made and is left out" in said for said in run.record.warnings
    )


def test_settings_given_twice_double_nothing(store, walk):
    settings = Settings(pictures=False)
    for _ in range(2):
        api.start(api.Request("walk", track=["diary"]), Store(store), settings)
    assert settings.observers == []


def test_a_viewer_that_fails_is_dropped(store, walk):
    class Blind:
        def show(self, loop):
            raise RuntimeError("cannot see")

    run = start(store, settings=Settings(viewer=Blind()))
    assert run.status == "finished" and "cannot see" in run.record.warnings[0]


def test_listing_reads_each_record_once_and_computes_no_digest(store, walk, monkeypatch):
    run = start(store, settings=Settings(pictures=False))
    content = run.folder.record_path.read_bytes()
    for number in range(300):
        folder = store / "walk" / f"20260101-000000-x-{number:04x}"
        folder.mkdir()
        (folder / "run.json").write_bytes(content)
    from sandbox.store import record

    parsed, digests = [], []
    validate, digest = record._printable, record._digest
    monkeypatch.setattr(record, "_printable", lambda one: parsed.append(one) or validate(one))
    monkeypatch.setattr(record, "_digest", lambda one: digests.append(one) or digest(one))
    assert len(Store(store).rows()) == len(parsed) == 301 and digests == []
