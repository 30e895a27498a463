"""Running labs and looking at finished runs from Python: `run`, `resume`, `load`, and the `Run` they return.

The command line does the same through the same functions.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.config.model import dump
from sandbox.errors import (
    CheckpointError,
    PluginError,
    RunFailed,
    SandboxError,
    StoreError,
    UsageError,
)
from sandbox.lab import Lab, Observer
from sandbox.registry.registry import registry
from sandbox.runs.loop import Loop, Settings
from sandbox.runs.request import Request, preset_of, resolved
from sandbox.runs.signature import plugin_name, refuse_changed, sign
from sandbox.runs.view import Run, context_of, rebuilt
from sandbox.store import verify
from sandbox.store.folder import RunFolder
from sandbox.store.record import RunRecord
from sandbox.store.store import Store


def run(
    lab: str,
    *,
    preset: str = "default",
    seed: int = 0,
    seeds: int = 1,
    full_metrics: bool = False,
    config: Mapping[str, Any] | None = None,
    store: str | os.PathLike[str] | None = None,
    max_time: float | None = None,
    checkpoint_every: float = 30.0,
    pictures: bool = True,
    track: Sequence[str] = (),
    **options: Any,
) -> Run:
    """Run a lab from beginning to end.

    Args:
        lab: its name ("maze").
        preset: one of the lab's presets.
        seed: of all its generators, >= 0.
        seeds: how many seeds learn together: `seed` and those that follow it, each with the bytes it has alone.
        full_metrics: whether each of many seeds keeps its own metrics; otherwise they are kept as bands.
        config: settings that override the preset's, nested: `{"agent": {"name": "sarsa", "alpha": 0.1}}`.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.
        max_time: seconds of work after which it stops as `timed-out`.
        checkpoint_every: seconds between checkpoints.
        pictures: whether to make pictures at the end.
        track: names of observers.
        **options: single settings, over `config`: `agent="sarsa"`, `episodes=100`.

    Returns:
        The run.

    Raises:
        UsageError: when a name or a value is wrong; nothing was started then.
        RunFailed: when the run failed; what it had is kept.

    Example:
        >>> from sandbox import run
        >>> finished = run("maze", agent="sarsa", episodes=1500, pictures=False)
        >>> finished.summary["reward_per_step"]  # the best possible: 42 moves there, 126 steps on the goal, 126 / 168
        0.75
        >>> len(finished.metrics["learn/return"])  # one for each episode
        1500
    """
    request = Request(lab, preset, [config or {}, options], seed, seeds, full_metrics, track=track)
    return start(request, Store(store), Settings(checkpoint_every, max_time, pictures))


def load(
    name: str | os.PathLike[str] = "last", *, store: str | os.PathLike[str] | None = None
) -> Run:
    """A run by id, unique beginning of one, folder, or `last`.

    Args:
        name: of the run.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.

    Raises:
        UnknownNameError: when there is none.

    Example:
        >>> from sandbox import load, run
        >>> finished = run("maze", preset="quick", pictures=False)
        >>> load("last").id == load(finished.path).id == finished.id
        True
    """
    return Run(Store(store).find(os.fspath(name)))


def resume(
    name: str = "last",
    *,
    store: str | os.PathLike[str] | None = None,
    max_time: float | None = None,
    allow_changed: bool = False,
    repair: bool = False,
) -> Run:
    """Go on with a run that was stopped, to its end; of a finished one, make what pictures are missing, and tell observers that it is finished.

    The bytes are those of a run that was never stopped.

    Args:
        name: of the run: its id, the unique beginning of one, its folder, or `last`.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.
        max_time: seconds of work after which it stops again.
        allow_changed: whether to go on under other versions of code or libraries, which may change the bytes.
        repair: whether a finished run whose checkpoint or metrics are damaged is computed again, from what is whole.

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
        Store(store).find(name),
        Settings(max_time=max_time),
        allow_changed=allow_changed,
        repair=repair,
    )


def start(request: Request, store: Store, settings: Settings) -> Run:
    """Begin a run and carry it to its end; see `run`."""
    entry, lab, config = resolved(request)
    observers, complaints = _observers(request.track)
    plain = dump(config)
    agent = plain.get("agent")
    folder = store.create(
        entry.name, agent["name"] if isinstance(agent, dict) else request.preset, request.id
    )
    try:
        with folder.writing(new=True):
            record = RunRecord(
                id=folder.id,
                lab=entry.name,
                config=plain,
                preset=request.preset,
                seed=request.seed,
                seeds=request.seeds,
                full_metrics=request.full_metrics,
                created=datetime.now().astimezone().isoformat(),
                command=request.command,
                threads=request.threads or threads_of(lab, config),
                device=request.device,
                plugin=plugin_name(entry),
                data=str(request.data.resolve()) if request.data else "",
            )
            sign(record)
            record.write(folder.record_path)
            loop = _loop(folder, record, lab, config, settings, observers)
            for complaint in complaints:
                loop.warn(complaint)
            loop.run()
    except StoreError:
        if (
            not request.id and not folder.record_path.exists()
        ):  # not even its first word could be written: it never was
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
    """Go on with a run; see `resume`."""
    _refuse_running(folder.read())
    with folder.writing():
        record = RunRecord.read(
            folder.record_path
        )  # again: somebody else may have gone on with it in between
        _refuse_changed_record(record)
        damage = verify.damage(folder, record) if record.status == "finished" else ""
        if damage and not repair:
            raise CheckpointError(
                f"Run {record.id} is finished, but damaged: {damage} `python -m sandbox resume {record.id} --repair` computes again what is "
                "missing, from the last whole checkpoint or the beginning; until then no pictures can be made."
            )
        whole = record.status == "finished" and not damage
        if whole:
            settings = replace(
                settings, pictures=settings.pictures and not _has_pictures(record, folder)
            )
            if not settings.pictures and not track:
                return Run(folder)
        lab, config = rebuilt(record)
        config.check_available(Path(record.data) if record.data else None, folder.artifacts.folder)
        refuse_changed(record, allow_changed)
        observers, complaints = _observers(track)
        loop = _loop(folder, record, lab, config, settings, observers)
        for complaint in complaints:
            loop.warn(complaint)
        if whole:
            _revisit(loop, tell=bool(track), repair=repair)
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
    lab: Any,
    config: Any,
    settings: Settings,
    observers: list[Any],
) -> Loop:
    settings = replace(settings, observers=[*settings.observers, *observers])
    return Loop(folder, record, lab, config, context_of(folder, record), settings)


def _revisit(loop: Loop, *, tell: bool, repair: bool) -> None:
    """Make the pictures of a finished run; an experiment that cannot be built any more is said so.

    An artifact that is not what was written, and that the run does not make (`watch` did, or `generate`), is never vouched for anew: its
    entry stays, so that `verify` tells of it, or a repair removes it.
    """
    written = {one.name: one for one in loop.record.artifacts}
    changed = [
        one
        for one in loop.folder.artifacts.listing()
        if one.name in written and one != written[one.name]
    ]
    try:
        loop.revisit(tell=tell)
        still = [one for one in loop.folder.artifacts.listing() if one in changed]
        for one in still:
            if repair:
                loop.folder.directory.remove(f"{loop.folder.artifacts.folder.name}/{one.name}")
                loop.warn(
                    f"artifacts/{one.name} was not what was written, and a run does not make it: it is removed. Its own command makes it again."
                )
            else:
                loop.warn(
                    f"artifacts/{one.name} is not what was written, and a run does not make it."
                )
        if still:
            kept = {} if repair else {one.name: written[one.name] for one in still}
            loop.record.artifacts = [
                kept.get(one.name, one) for one in loop.folder.artifacts.listing()
            ]
            loop.record.write(loop.folder.record_path)
    except (SandboxError, OSError):
        raise
    except Exception as error:
        raise CheckpointError(
            f"Run {loop.record.id} cannot be built any more: {type(error).__name__}: {error}"
        ) from error


def _refuse_changed_record(record: RunRecord) -> None:
    """Refuse to go on by a record that is not what was written: its configuration or seed may be another."""
    if record.intact is False:
        raise StoreError(
            f"run.json of run {record.id} is not what was written (its SHA-256 differs), so nothing goes on with it. Put back a copy, or "
            f"begin anew: {record.command or 'the same command'}."
        )


def _refuse_running(record: RunRecord) -> None:
    if record.status == "running":
        raise UsageError(f"Run {record.id} is running now (process {record.pid} on {record.host}).")


def _has_pictures(record: RunRecord, folder: RunFolder) -> bool:
    """Whether all pictures were made and are still what was written."""
    return record.pictured and folder.artifacts.listing() == record.artifacts


def threads_of(lab: Lab, config: Any) -> int:
    """Threads of a run that nobody gave a number: the lab's own choice, else all cores."""
    cores = available_cores()
    return lab.threads(config, cores)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ended(folder: RunFolder, loop: Loop) -> Run:
    if loop.record.status == "failed":
        last = loop.record.reason
        last = last if last.endswith((".", "!", "?")) else f"{last}."
        hint = f"The run is kept; `python -m sandbox show {folder.id}` tells more."
        raise RunFailed(f"Run {folder.id} failed: {last} {hint}", Run(folder, loop)) from loop.error
    return Run(folder, loop)


def _observers(names: Sequence[str]) -> tuple[list[Any], list[str]]:
    """The observers asked for, and those that watch every run; and what is to be said of those that cannot be made: they are left out.

    Raises:
        UsageError: when one that was asked for is unknown, or something that it needs is missing.
    """
    words = [
        name.partition("=") for name in names
    ]  # "mlflow=http://…": the observer, and what it is told
    asked = [
        (registry().find("observer", name), [target] if target else []) for name, _, target in words
    ]
    named = [entry for entry, _ in asked]
    always = [
        (entry, list[str]())
        for entry in registry().entries("observer")
        if entry.always and entry not in named
    ]
    made: list[Any] = []
    complaints: list[str] = []
    for entry, told in asked + always:
        try:
            observer = registry().load("observer", entry.name)(*told)
            if not isinstance(observer, Observer):
                kind = type(observer).__name__
                raise PluginError(f"Derive it from sandbox.Observer: class {kind}(Observer).")
            observer.name = observer.name or entry.name
            made.append(observer)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also SystemExit: an observer changes nothing
            if isinstance(error, SandboxError) and entry in named:
                raise
            complaints.append(
                f"Observer '{entry.name}' cannot be made and is left out; the run goes on. {type(error).__name__}: {error}"
            )
    return made, complaints


__all__ = ["Request", "Run", "load", "preset_of", "proceed", "resolved", "resume", "run", "start"]
