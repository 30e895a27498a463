"""Running labs from Python: `run`, `resume` and `load`, which return a `Run`.

The command line does the same through the same functions.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.config.model import LabConfig, Layer, dump
from sandbox.errors import (
    CheckpointError,
    RunFailed,
    SandboxError,
    StoreError,
    UsageError,
    error_text,
)
from sandbox.input_files import StrPath
from sandbox.lab import Lab
from sandbox.observer import Observer
from sandbox.runs.loop import Loop, Settings
from sandbox.runs.observers import observers_for
from sandbox.runs.request import Request, label_of, preset_of, resolved
from sandbox.runs.signature import plugin_name, refuse_changed, sign
from sandbox.runs.view import Run, context_of, rebuilt
from sandbox.store import RunFolder, RunRecord, Store, verify
from sandbox.text import now


def run(
    lab: str,
    *,
    preset: str = "default",
    seed: int = 0,
    seeds: int = 1,
    full_metrics: bool = False,
    config: Layer | None = None,
    store: StrPath | None = None,
    max_time: float | None = None,
    checkpoint_every: float = 30.0,
    pictures: bool = True,
    track: Sequence[str] = (),
    threads: int | None = None,
    device: str = "cpu",
    data: StrPath | None = None,
    **options: Any,
) -> Run:
    """Run a lab from beginning to end.

    Args:
        lab: its name ("maze").
        preset: one of the lab's presets.
        seed: seeds all generators of the run, >= 0.
        seeds: number of seeds that learn together: `seed`, `seed` + 1, … Each gives the same bytes
            as a run of its own.
        full_metrics: with many seeds, whether to keep the metrics of every seed; otherwise only
            bands over the seeds are kept.
        config: settings that override the preset's, nested: `{"agent": {"name": "sarsa", "alpha":
            0.1}}`.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.
        max_time: seconds of work after which it stops as `timed-out`.
        checkpoint_every: seconds between checkpoints.
        pictures: whether to make pictures at the end.
        track: names of observers.
        threads, device, data: see `sandbox.runs.request.Request`.
        **options: single settings, over `config`: `agent="sarsa"`, `episodes=100`.

    Returns:
        The run. Its `status` is "interrupted" when Ctrl-C or SIGTERM ended it, and "timed-out"
        after `max_time`; `resume` continues it.

    Raises:
        UsageError: when a name or a value is wrong; nothing was started then.
        RunFailed: when the run failed; what it had is kept.

    Example:
        >>> from sandbox import run
        >>> finished = run("maze", agent="sarsa", episodes=1500, pictures=False)
        >>> finished.summary["reward_per_step"]  # the optimum: 126 of 168 steps on the goal
        0.75
        >>> len(finished.metrics["learn/return"])  # one for each episode
        1500
    """
    layers = [config or {}, options]
    place = None if data is None else Path(data)
    request = Request(lab, preset, layers, seed, seeds, full_metrics, threads, device, place, track)
    return start(request, Store.lasting(store), Settings(checkpoint_every, max_time, pictures))


def load(name: StrPath = "last", *, store: StrPath | None = None) -> Run:
    """A run by id, unique beginning of one, folder, or `last`.

    Args:
        name: the run's name.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.

    Raises:
        UnknownNameError: when no run has that name.

    Example:
        >>> from sandbox import load, run
        >>> finished = run("maze", preset="quick", pictures=False)
        >>> load("last").id == load(finished.path).id == finished.id
        True
    """
    return Run(Store.lasting(store).find(os.fspath(name)))


def resume(
    name: StrPath = "last",
    *,
    store: StrPath | None = None,
    max_time: float | None = None,
    allow_changed: bool = False,
    repair: bool = False,
) -> Run:
    """Resume a run that was stopped, and run it to its end.

    The result has the same bytes as an uninterrupted run. If the run is already finished, missing
    pictures are drawn, and observers that missed part of it are called.

    Args:
        name: the run's id, the unique beginning of one, its folder, or `last`.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.
        max_time: seconds of work after which it stops again.
        allow_changed: whether to resume under other versions of code or libraries, which may change
            the bytes.
        repair: whether to recompute a finished run whose checkpoint or metrics are damaged, from
            the parts that are undamaged.

    Raises:
        CheckpointError: when a finished run is damaged, unless `repair`.
        UsageError: when a library or a file of data is missing, or when the run began under other
            versions of code or libraries, unless `allow_changed`.
        RunFailed: when it failed again.

    Example:
        >>> from sandbox import resume, run
        >>> stopped = run("maze", agent="sarsa", episodes=1500, max_time=1e-6, pictures=False)
        >>> stopped.status
        'timed-out'
        >>> resume(stopped.id).summary["reward_per_step"]
        0.75
    """
    return proceed(
        Store.lasting(store).find(os.fspath(name)),
        Settings(max_time=max_time),
        allow_changed=allow_changed,
        repair=repair,
    )


def start(request: Request, store: Store, settings: Settings) -> Run:
    """Start a run and execute it to its end; see `run`.

    Args:
        request: what to run.
        store: where its folder is created.
        settings: how to execute it.
    """
    entry, lab, config = resolved(request)
    observers, warnings = observers_for(request.track)
    folder = RunFolder(store.make(entry.name, label_of(config, request.preset), request.id))
    try:
        with folder.writing(new=True):
            record = RunRecord(
                id=folder.id,
                lab=entry.name,
                config=dump(config),
                preset=request.preset,
                seed=request.seed,
                seeds=request.seeds,
                full_metrics=request.full_metrics,
                created=now(),
                command=request.command,
                threads=request.threads or threads_of(lab, config),
                device=request.device,
                plugin=plugin_name(entry),
                data=request.data_place,
            )
            sign(record)
            record.write(folder.record_path)
            loop = _loop(folder, record, lab, config, settings, observers, warnings)
            loop.run()
    except BaseException:
        if not request.id and not folder.record_path.exists():  # the run never began
            shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return _ended(folder, loop)


def proceed(
    folder: RunFolder,
    settings: Settings,
    *,
    allow_changed: bool = False,
    track: Sequence[str] = (),
    repair: bool = False,
) -> Run:
    """Resume a run; see `resume`.

    Args:
        folder: the run's folder.
        settings: how to execute it.
        allow_changed, repair: as in `resume`.
        track: names of observers, which also receive the part of the run that they missed.
    """
    current = folder.read()
    if current.status == "running":
        raise UsageError(
            f"Run {current.id} is running now (process {current.pid} on {current.host})."
        )
    with folder.writing():
        record = RunRecord.read(folder.record_path)  # again: another process may have resumed it
        _refuse_changed_record(record)
        damage = verify.damage(folder, record) if record.status == "finished" else ""
        if damage and not repair:
            raise CheckpointError(
                f"Run {record.id} is finished, but damaged: {damage} `python -m sandbox resume "
                f"{record.id} --repair` computes again what is missing, from the last whole "
                "checkpoint or the beginning; until then no pictures can be made."
            )
        whole = record.status == "finished" and not damage
        if whole:
            complete = record.pictured and folder.artifacts.listing() == record.artifacts
            settings = replace(settings, pictures=settings.pictures and not complete)
            if not settings.pictures and not track:
                return Run(folder)
        lab, config = rebuilt(record)
        config.check_available(Path(record.data) if record.data else None, folder.artifacts.folder)
        refuse_changed(record, allow_changed)
        observers, warnings = observers_for(track)
        loop = _loop(folder, record, lab, config, settings, observers, warnings)
        if whole:
            _revisit(loop, notify=bool(track), repair=repair)
        else:
            if damage:
                loop.warn(f"The run was finished, but {damage} What is missing is computed again.")
            record.files = {}
            record.status, record.error, record.ended = "running", "", ""
            record.resumed += 1
            record.host, record.pid = platform.node(), os.getpid()
            record.write(folder.record_path)
            loop.run()
    return _ended(folder, loop)


def _loop(
    folder: RunFolder,
    record: RunRecord,
    lab: Lab,
    config: LabConfig,
    settings: Settings,
    observers: list[Observer],
    warnings: list[str],
) -> Loop:
    settings = replace(settings, observers=[*settings.observers, *observers])
    loop = Loop(folder, record, lab, config, context_of(folder, record), settings)
    for warning in warnings:
        loop.warn(warning)
    return loop


def _revisit(loop: Loop, *, notify: bool, repair: bool) -> None:
    """Make the pictures of a finished run.

    A changed artifact that the run itself does not make (`watch` or `generate` did) keeps its old
    entry in run.json, so that `verify` still reports it; a repair removes the artifact.

    Raises:
        CheckpointError: when the experiment can no longer be built.
    """
    record, artifacts = loop.record, loop.folder.artifacts
    written = {one.name: one for one in record.artifacts}
    changed = [one for one in artifacts.listing() if written.get(one.name, one) != one]
    try:
        loop.revisit(notify=notify)
    except (SandboxError, OSError):
        raise
    except Exception as error:
        raise CheckpointError(
            f"Run {record.id} cannot be built any more: {error_text(error)}"
        ) from error
    still = [one.name for one in artifacts.listing() if one in changed]
    for name in still:
        what = f"artifacts/{name} is not what was written, and a run does not make it"
        if repair:
            loop.folder.directory.remove(f"{artifacts.folder.name}/{name}")
            what += ": it is removed. Its own command makes it again"
        loop.warn(f"{what}.")
    if still:
        kept = {} if repair else {name: written[name] for name in still}
        record.artifacts = [kept.get(one.name, one) for one in artifacts.listing()]
        record.write(loop.folder.record_path)


def _refuse_changed_record(record: RunRecord) -> None:
    """Refuse to resume from a changed record: its configuration or seed may differ."""
    if record.intact is False:
        raise StoreError(
            f"run.json of run {record.id} is not what was written (its SHA-256 differs), so it "
            "cannot be resumed. Restore a copy, or repeat the run: "
            f"{record.command or 'the same command'}."
        )


def threads_of(lab: Lab, config: LabConfig) -> int:
    """Number of threads of a run that does not set it: the lab's choice, else all cores."""
    return lab.threads(config, available_cores())


def available_cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ended(folder: RunFolder, loop: Loop) -> Run:
    run = Run(folder, loop.work.experiment)
    if loop.record.status == "failed":
        last = loop.record.reason
        last = last if last.endswith((".", "!", "?")) else f"{last}."
        hint = f"The run is kept; `python -m sandbox show {folder.id}` tells more."
        raise RunFailed(f"Run {folder.id} failed: {last} {hint}", run) from loop.error
    return run


__all__ = ["Request", "Run", "load", "preset_of", "proceed", "resolved", "resume", "run", "start"]
