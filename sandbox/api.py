"""Running labs and looking at finished runs from Python: `run`, `resume`, `load`, and the `Run` they return.

The command line does the same through the same functions.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox import provenance
from sandbox.config import LabConfig, dump, resolve
from sandbox.errors import CheckpointError, RunFailed, UnknownNameError, UsageError
from sandbox.lab import Context, Experiment, LearningTogether, Summary
from sandbox.loop import Loop, Settings, build
from sandbox.registry import ROOT, Entry, registry
from sandbox.seeding import Generators
from sandbox.store.folder import RunFolder
from sandbox.store.metrics import Metrics
from sandbox.store.record import RunRecord
from sandbox.store.store import Store


@dataclass
class Request:
    """What to run.

    Attributes:
        lab: the lab's name.
        preset: one of the lab's presets.
        layers: settings that override the preset, weakest first.
        seed: >= 0; of many seeds the first.
        seeds: how many seeds learn together, >= 1.
        full_metrics: whether each of many seeds keeps its own metrics.
        threads: for numerical libraries; None takes the cores this process may use.
        device: "cpu", "cuda", "mps", or "auto".
        data: folder of data files, or None.
        track: names of observers.
        command: the command line, for the record.
    """

    lab: str
    preset: str = "default"
    layers: list[Mapping[str, Any]] = field(default_factory=list)
    seed: int = 0
    seeds: int = 1
    full_metrics: bool = False
    threads: int | None = None
    device: str = "cpu"
    data: Path | None = None
    track: Sequence[str] = ()
    command: str = ""


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
    """
    request = Request(lab, preset, [config or {}, options], seed, seeds, full_metrics, track=track)
    return start(request, Store(store), Settings(checkpoint_every, max_time, pictures))


def load(name: str = "last", *, store: str | os.PathLike[str] | None = None) -> Run:
    """A run by id, unique beginning of one, folder, or `last`.

    Raises:
        UnknownNameError: when there is none.
    """
    return Run(Store(store).find(name))


def resume(
    name: str = "last", *, store: str | os.PathLike[str] | None = None, max_time: float | None = None, allow_changed: bool = False
) -> Run:
    """Go on with a run that was stopped, to its end; of a finished one, make what pictures are missing.

    Raises:
        UsageError: when the run began under other versions of code or libraries, unless `allow_changed`.
        RunFailed: when it failed again.
    """
    return proceed(Store(store).find(name), Settings(max_time=max_time), allow_changed=allow_changed)


def resolved(request: Request) -> tuple[Entry, Any, LabConfig]:
    """The lab's entry, a fresh instance, and its validated configuration.

    Raises:
        UsageError: when the lab, the preset or a value is wrong.
    """
    if request.seed < 0:
        raise UsageError(f"--seed {request.seed}: a seed is 0 or more.")
    if request.seeds < 1:
        raise UsageError(f"--seeds {request.seeds}: at least one seed learns.")
    entry = registry().find("lab", request.lab)
    lab = registry().lab(entry.name)
    if request.seeds > 1 and not isinstance(lab, LearningTogether):
        raise UsageError(f"Lab '{entry.name}' learns one seed at a time. Run it once for each --seed.")
    presets = {"default": {}, **lab.presets}
    if request.preset not in presets:
        raise UnknownNameError("preset", request.preset, presets, f"They belong to lab '{entry.name}'.")
    layers = (
        [presets["default"], presets[request.preset], *request.layers]
        if request.preset == "quick"
        else [presets[request.preset], *request.layers]
    )
    return entry, lab, resolve(lab.Config, layers, f"lab '{entry.name}'")


def start(request: Request, store: Store, settings: Settings) -> Run:
    """Begin a run and carry it to its end; see `run`."""
    entry, lab, config = resolved(request)
    settings.observers += _observers(request.track)
    plain = dump(config)
    agent = plain.get("agent")
    folder = store.create(entry.name, agent["name"] if isinstance(agent, dict) else request.preset)
    with folder.writing():
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
            threads=request.threads or available_cores(),
            device=request.device,
            plugin=_plugin(entry),
            data=str(request.data.resolve()) if request.data else "",
        )
        _sign(record, entry)
        record.write(folder.record_path)
        loop = Loop(folder, record, lab, config, _context(folder, record), settings)
        loop.run()
    return _ended(folder, loop)


def proceed(folder: RunFolder, settings: Settings, *, allow_changed: bool = False, track: Sequence[str] = ()) -> Run:
    """Go on with a run; see `resume`."""
    record = folder.read()
    if record.status == "running":
        raise UsageError(f"Run {record.id} is running now (process {record.pid} on {record.host}).")
    if record.status == "finished" and (record.pictured or not settings.pictures):
        return Run(folder)
    lab, config = _rebuilt(record)
    settings.observers += _observers(track)
    entry = registry().find("lab", record.lab)
    with folder.writing():
        _refuse_changed(record, entry, allow_changed)
        finished, record.status, record.error = record.status == "finished", "running", ""
        loop = Loop(folder, record, lab, config, _context(folder, record), settings)
        if finished:
            record.status = "finished"
            loop.build()
            loop.make_pictures()
        else:
            record.resumed += 1
            record.host, record.pid, record.ended = platform.node(), os.getpid(), ""
            record.write(folder.record_path)
            loop.run()
    return _ended(folder, loop)


class Run:
    """A run in the store, looked at from outside.

    Args:
        folder: its folder.
        loop: the loop that carried it out, when that was just now.
    """

    def __init__(self, folder: RunFolder, loop: Loop | None = None) -> None:
        self.folder = folder
        self._loop = loop

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.id

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @cached_property
    def record(self) -> RunRecord:
        """What run.json says."""
        return self.folder.read()

    @property
    def status(self) -> str:
        """running, finished, interrupted, timed-out, failed or lost."""
        return self.record.status

    @property
    def summary(self) -> Summary:
        """The scores; empty before the run is finished."""
        return self.record.summary

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as resolved, nested plain values."""
        return self.record.config

    @cached_property
    def metrics(self) -> Metrics:
        """What was measured: `run.metrics["reward_per_step"]`, or `run.metrics.columns("learn")`."""
        return self.folder.metrics()

    @cached_property
    def lab(self) -> Any:
        """The lab, as an instance."""
        return _rebuilt(self.record)[0]

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment as it was at the last checkpoint.

        Raises:
            CheckpointError: when there is none that can be read.
        """
        if self._loop is not None and self._loop.experiment is not None:
            return self._loop.experiment
        from sandbox import checkpoint

        lab, config = _rebuilt(self.record)
        context = _context(self.folder, self.record)
        experiment = build(lab, config, context, self.record.seeds)
        state = next(checkpoint.newest_first(self.folder.checkpoints, lambda _: None), None)
        if state is None:
            raise CheckpointError(f"Run {self.id} has no checkpoint that can be read. `python -m sandbox resume {self.id}` begins it anew.")
        experiment.restore(state[1]["experiment"])
        context.generators.restore(state[1]["generators"])
        return experiment

    @property
    def agent(self) -> Any:
        """The learned agent, for labs that have one: `run.agent.act(observation)`."""
        return self.experiment.agent  # type: ignore[attr-defined]

    @property
    def artifacts(self) -> list[Path]:
        """Paths of everything the run made."""
        return [self.folder.artifacts.folder / artifact.name for artifact in self.record.artifacts]

    def document(self) -> dict[str, Any]:
        """The run as one JSON document."""
        record = self.record
        return {
            **{"run": record.id, "folder": str(self.path.resolve()), "status": record.status, "lab": record.lab, "agent": record.agent},
            **{"preset": record.preset, "seed": record.seed, "config": record.config, "summary": record.summary},
            "artifacts": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in record.artifacts],
            **({"error": record.error} if record.error else {}),
            **({"warnings": record.warnings} if record.warnings else {}),
        }

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.record.lab}, {self.status}>"


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ended(folder: RunFolder, loop: Loop) -> Run:
    if loop.record.status == "failed":
        last = loop.record.error.strip().splitlines()[-1]
        last = last if last.endswith((".", "!", "?")) else f"{last}."
        hint = f"The run is kept; `python -m sandbox show {folder.id}` tells more."
        raise RunFailed(f"Run {folder.id} failed: {last} {hint}", Run(folder, loop)) from loop.error
    return Run(folder, loop)


def _rebuilt(record: RunRecord) -> tuple[Any, Any]:
    """The lab and the validated configuration of a run in the store."""
    try:
        lab = registry().lab(record.lab)
    except UnknownNameError as error:
        raise UnknownNameError(
            "lab", record.lab, [], f"Run {record.id} was made by {record.plugin}; install it, or give its file with -p."
        ) from error
    return lab, resolve(lab.Config, [record.config], f"run {record.id}")


def _context(folder: RunFolder, record: RunRecord) -> Context:
    data = Path(record.data) if record.data else None
    return Context(record.seed, Generators(record.seed), folder.artifacts, data, record.device, record.threads, record.full_metrics)


def _observers(names: Sequence[str]) -> list[Any]:
    """The observers asked for, and those that watch every run."""
    entries = [registry().find("observer", name) for name in names]
    entries += [entry for entry in registry() if entry.kind == "observer" and entry.always and entry not in entries]
    made = []
    for entry in entries:
        observer = registry().load("observer", entry.name)()
        if not hasattr(observer, "name"):
            observer.name = entry.name
        made.append(observer)
    return made


def _plugin(entry: Entry) -> str:
    plugin = registry().plugins[entry.plugin]
    return plugin.name if plugin.source == "built in" else f"{plugin.name} ({plugin.source})"


def _sources_of(entry: Entry) -> Path | None:
    """Where the sources of a lab from outside stand: its module's file, or its package's folder."""
    import importlib.util

    module = entry.target.partition(":")[0].split(".")[0]
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).resolve()
    if path.is_relative_to(ROOT / module):
        return None
    return path.parent if path.name == "__init__.py" else path


def _sign(record: RunRecord, entry: Entry) -> None:
    """Write down where and with which sources the run is carried out (the loop adds the libraries, once they are loaded)."""
    record.host, record.pid = platform.node(), os.getpid()
    record.sources, record.commit = provenance.sources(_sources_of(entry)), provenance.commit()


def _refuse_changed(record: RunRecord, entry: Entry, allow: bool) -> None:
    """Refuse to go on under other versions than the run began with: the same bytes cannot be promised then."""
    now = provenance.versions(record.versions)
    changed = [
        f"{name} {before} -> {now.get(name, 'not installed')}" for name, before in record.versions.items() if now.get(name) != before
    ]
    if record.sources != provenance.sources(_sources_of(entry)):
        changed.append("the sources of the sandbox or of the plugin")
    if not changed:
        return
    if not allow:
        raise UsageError(
            f"Run {record.id} began under other versions: {'; '.join(changed)}. Resumed now it may end with other numbers; "
            f"`python -m sandbox resume {record.id} --allow-changed` does it all the same and writes it down."
        )
    record.warnings.append(f"Resumed under other versions: {'; '.join(changed)}.")


__all__ = ["Request", "Run", "load", "proceed", "resolved", "resume", "run", "start"]
