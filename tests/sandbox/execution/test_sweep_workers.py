"""Sweeps on worker processes: the bytes of a serial sweep, also when workers are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from sandbox.store import Store
from sandbox.store.verify import check
from tests.conftest import ROOT, TOYS, command

pytest.importorskip("distributed")
pytest.importorskip("optuna")

pytestmark = pytest.mark.extras

TIMES = ("learning_seconds", "steps_per_second")
VALLEY = ["-p", TOYS / "valley.py"]
DEADLINE = 120


def essences(store, lab="valley"):
    """Results of every run, by trial and seed: metrics bytes, summary without durations."""
    found = {}
    for folder in (store / lab).iterdir():
        record = json.loads((folder / "run.json").read_text())
        summary = {name: value for name, value in record["summary"].items() if name not in TIMES}
        trial, seed = folder.name.split("-")[-2:]
        assert (trial, seed) not in found, "a configuration ran twice"
        found[trial, seed] = (
            record["status"],
            record["config"],
            record["seed"],
            summary,
            (folder / "metrics.jsonl").read_bytes(),
        )
    return found


def assert_same(quick, slow, runs):
    """Two sweeps that differ in how long an epoch takes, and in nothing else."""
    assert len(quick) == runs and set(quick) == set(slow)
    for key, (status, config, *rest) in quick.items():
        assert slow[key][0] == status == "finished"
        assert {**slow[key][1], "pause": 0.0} == config
        assert list(slow[key][2:]) == rest


def started(*words, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **more,
    )


@pytest.fixture
def cluster(tmp_path):
    """A real scheduler and two worker processes without a nanny: address, workers, scheduler."""
    file = tmp_path / "scheduler.json"
    dask = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        file,
    ]
    processes = [started(*dask)]
    worker = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        "--scheduler-file",
        file,
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
    ]
    processes += [
        started(*worker, "--local-directory", tmp_path / f"scratch-{number}") for number in range(2)
    ]
    wait_until(
        lambda: file.exists() and file.read_text().rstrip().endswith("}"),
        "the scheduler says where it is",
    )
    yield json.loads(file.read_text())["address"], processes[1:], processes[0]
    for process in processes[::-1]:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=10)
        process.kill()
        process.communicate()


def wait_until(holds, what):
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.02)


def checkpointed(store):
    """Runs at work that have a checkpoint, by the process that carries them out."""
    found = {}
    for path in store.glob("valley/*/run.json"):
        with contextlib.suppress(ValueError):
            record = json.loads(path.read_text())
            if record["status"] == "running" and any((path.parent / "checkpoints").glob("0*")):
                found[record["pid"]] = path.parent
    return found


SEARCHES = {"grid": ["--grid", "x=0,1.5,3", "y=-1,4"], "random": ["--random", "6"]}


@pytest.mark.parametrize("search", SEARCHES)
def test_a_worker_killed_in_the_middle_loses_nothing_and_nothing_is_done_twice(
    search, cluster, tmp_path, monkeypatch
):
    address, workers, _ = cluster
    words = [
        "sweep",
        "valley",
        *VALLEY,
        *SEARCHES[search],
        "--seeds",
        "2",
        "--seed",
        "5",
        "--epochs",
        "24",
    ]
    serial, shared = tmp_path / "serial", tmp_path / "shared"
    alone = started(*command(*words, "--store", serial, "--json"), cwd=ROOT)
    out, err = alone.communicate(timeout=DEADLINE)
    assert alone.returncode == 0, err

    slow = [
        "--pause",
        "0.02",
        "--checkpoint-every",
        "0.05",
        "--scheduler",
        address,
        "--store",
        shared,
    ]
    sweep = started(*command(*words, *slow, "--json"), cwd=ROOT)
    victim = workers[0]
    wait_until(lambda: victim.pid in checkpointed(shared), "the victim has a checkpoint")
    hit = checkpointed(shared).get(victim.pid)
    victim.send_signal(signal.SIGKILL)
    out, err = sweep.communicate(timeout=DEADLINE)
    assert sweep.returncode == 0, err
    assert json.loads(out)["status"] == "finished"
    if hit is not None and (record := json.loads((hit / "run.json").read_text()))["resumed"]:
        assert record["pid"] != victim.pid

    assert_same(essences(serial), essences(shared), 12)
    resumed = [json.loads(path.read_text())["resumed"] for path in shared.glob("valley/*/run.json")]
    assert sum(resumed) >= 1, "nobody went on with the victim's run"
    assert [check(folder)["problems"] for folder in Store(shared).folders()] == [[]] * 12


def test_local_workers_killed_in_the_middle_lose_nothing_and_need_no_dask(tmp_path):
    words = ["valley", *VALLEY, "--grid", "x=0,1.5,3", "--seeds", "2", "--epochs", "24"]
    serial, shared = tmp_path / "serial", tmp_path / "shared"
    alone = started(*command("sweep", *words, "--store", serial, "--json"), cwd=ROOT)
    assert alone.communicate(timeout=DEADLINE) and alone.returncode == 0
    (tmp_path / "distributed.py").write_text("raise ImportError('not installed')\n")
    slow = ["--pause", "0.02", "--checkpoint-every", "0.05", "--workers", "2", "--store", shared]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    sweep = subprocess.Popen(
        [str(word) for word in command("sweep", *words, *slow, "--json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    killed = set()
    while len(killed) < 3:
        wait_until(lambda: set(checkpointed(shared)) - killed, "a worker has a checkpoint")
        (victim, *_) = set(checkpointed(shared)) - killed
        assert victim != sweep.pid
        os.kill(victim, signal.SIGKILL)
        killed.add(victim)
    out, err = sweep.communicate(timeout=DEADLINE)
    assert sweep.returncode == 0 and json.loads(out)["status"] == "finished", err
    assert_same(essences(serial), essences(shared), 6)
    resumed = [json.loads(path.read_text())["resumed"] for path in shared.glob("valley/*/run.json")]
    assert sum(resumed) >= 1
    assert [check(folder)["problems"] for folder in Store(shared).folders()] == [[]] * 6


def test_local_workers_end_with_the_process_that_started_them(tmp_path):
    store = tmp_path / "runs"
    words = ["sweep", "valley", *VALLEY, *LITTLE, "--pause", "0.05", "--checkpoint-every", "0.05"]
    sweep = started(*command(*words, "--workers", "2", "--store", store), cwd=ROOT)
    wait_until(lambda: len(checkpointed(store)) == 2, "both workers have a checkpoint")
    workers = set(checkpointed(store))
    sweep.kill()
    sweep.communicate(timeout=DEADLINE)

    def alive(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False

    wait_until(lambda: not any(map(alive, workers)), "the workers end")
    assert {status for status, *_ in essences(store).values()} <= {"interrupted", "finished"}


def test_a_job_that_kills_every_worker_is_lost_and_the_others_go_on(tmp_path):
    store = tmp_path / "runs"
    toy, valley = tmp_path / "deadly.py", (TOYS / "valley.py").read_text()
    deadly = valley.replace('raise ValueError("the valley is closed")', "os.kill(os.getpid(), 9)")
    assert deadly != valley
    toy.write_text(deadly.replace('"valley', '"deadly').replace("import time", "import os, time"))
    words = ["sweep", "deadly", "-p", toy, "--grid", "fail=true,false", "x=1,2", "--epochs", "3"]
    sweep = started(*command(*words, "--workers", "2", "--store", store, "--json"), cwd=ROOT)
    out, err = sweep.communicate(timeout=DEADLINE)
    assert sweep.returncode == 1, err
    statuses = [(one["params"]["fail"], one["statuses"]) for one in json.loads(out)["ranking"]]
    assert sorted(statuses) == [(False, ["finished"])] * 2 + [(True, ["lost"])] * 2


LITTLE = ["--grid", "x=0,1,2", "--seeds", "2", "--epochs", "30"]


def interrupted_sweep(store, *more, sent=signal.SIGINT):
    """Start a sweep and signal its process group while a run works, as Ctrl-C does; its output."""
    words = [
        "sweep",
        "valley",
        *VALLEY,
        *LITTLE,
        "--pause",
        "0.02",
        "--store",
        store,
        "--checkpoint-every",
        "0.05",
    ]
    sweep = started(*command(*words, *more), cwd=ROOT, start_new_session=True)
    wait_until(lambda: checkpointed(store), "a run has a checkpoint")
    os.killpg(sweep.pid, sent)
    out, err = sweep.communicate(timeout=DEADLINE)
    return sweep.returncode, out, err


@pytest.mark.parametrize("workers", [0, 2])
def test_ctrl_c_leaves_a_sweep_that_resume_finishes_with_the_same_bytes(workers, tmp_path):
    store, undisturbed = tmp_path / "runs", tmp_path / "undisturbed"
    code, out, err = interrupted_sweep(store, *(["--workers", workers] if workers else []))
    assert code == 130, err
    assert "Traceback" not in err, err
    (folder,) = (store / "sweeps").iterdir()
    record = json.loads((folder / "sweep.json").read_text())
    assert record["status"] == "interrupted" and f"resume {folder.name}" in out
    statuses = {status for status, *_ in essences(store).values()}
    assert "interrupted" in statuses and statuses <= {"finished", "interrupted"}
    rest = started(
        *command("resume", folder.name, *VALLEY, "--store", store, "--json", "--workers", "0"),
        cwd=ROOT,
    )
    out, err = rest.communicate(timeout=DEADLINE)
    assert rest.returncode == 0, err
    whole = started(*command("sweep", "valley", *VALLEY, *LITTLE, "--store", undisturbed), cwd=ROOT)
    assert whole.communicate(timeout=DEADLINE) and whole.returncode == 0
    assert_same(essences(undisturbed), essences(store), 6)


def test_a_sweep_whose_own_process_was_killed_is_lost_and_can_be_resumed(tmp_path):
    from sandbox.store import sweeps

    store = tmp_path / "runs"
    code, _, _ = interrupted_sweep(store, sent=signal.SIGKILL)
    assert code == -signal.SIGKILL
    folder = sweeps.SweepFolder(next((store / "sweeps").iterdir()))
    assert folder.read().status == "lost"
    before = essences(store)
    done = started(*command("resume", folder.id, *VALLEY, "--store", store, "--json"), cwd=ROOT)
    _, err = done.communicate(timeout=DEADLINE)
    assert done.returncode == 0, err
    after = essences(store)
    assert len(after) == 6 and {status for status, *_ in after.values()} == {"finished"}
    assert all(after[key] == one for key, one in before.items() if one[0] == "finished")


def test_a_scheduler_that_does_not_answer_is_named_with_a_time_limit(store):
    import socket

    from sandbox.errors import UsageError
    from sandbox.execution.dask_cluster import Dask

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(UsageError, match=f"{address} within 1 s.*dask scheduler"):
            Dask(address, store, seconds=1)
        assert time.monotonic() - begun < DEADLINE
    with pytest.raises(UsageError, match="No Dask scheduler answers at nonsense"):
        Dask("nonsense", store, seconds=1)


@pytest.mark.parametrize(
    "words",
    [
        ["sweep", "valley", "-p", TOYS / "valley.py", *LITTLE, "--pause", "0.05"],
        [
            "compare",
            "race",
            "-p",
            TOYS / "race.py",
            "--agents",
            "hare",
            "tortoise",
            "--seeds",
            "2",
            "--laps",
            "20",
            "--pause",
            "0.1",
        ],
    ],
    ids=["sweep", "compare"],
)
def test_a_scheduler_that_dies_ends_the_work_with_the_command_that_goes_on(
    words, cluster, tmp_path
):
    address, workers, scheduler = cluster
    store = tmp_path / "runs"
    process = started(*command(*words, "--scheduler", address, "--store", store), cwd=ROOT)
    wait_until(lambda: list(store.glob(f"{words[1]}/*/run.json")), "a run is at work")
    scheduler.kill()
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1 and "Traceback" not in err + out, err
    assert f"The Dask scheduler at {address} is gone" in err
    if words[0] == "sweep":
        (folder,) = (store / "sweeps").iterdir()
        record = json.loads((folder / "sweep.json").read_text())
        assert (
            record["status"] == "failed"
            and "is gone" in record["error"]
            and f"resume {folder.name} --workers" in err
        )
        go_on = ["resume", folder.name, "--workers", "0", *words[2:4]]
    else:
        assert "The same command" in err
        go_on = words
    for worker in workers:
        worker.kill()
    done = started(*command(*go_on, "--store", store, "--json"), cwd=ROOT)
    out, err = done.communicate(timeout=DEADLINE)
    assert done.returncode == 0 and json.loads(out), err
    assert {
        json.loads(path.read_text())["status"] for path in store.glob(f"{words[1]}/*/run.json")
    } == {"finished"}
