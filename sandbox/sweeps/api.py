"""Sweeps: one lab, many configurations, each with the same seeds; each run is an ordinary run.

Everything in a request is checked before anything is written or run. `sweep` begins a sweep,
`resume_sweep` continues it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.config.model import Layer
from sandbox.config.resolve import resolve
from sandbox.errors import SandboxError, StoreError, UnknownNameError, UsageError, nearest
from sandbox.execution.scheduler import THIS_PROCESS, Workers
from sandbox.execution.workers import WorkersLost
from sandbox.input_files import StrPath, listed
from sandbox.lab import Lab
from sandbox.registry.registry import registry
from sandbox.runs import provenance
from sandbox.runs.loop import Settings
from sandbox.runs.request import MOST_SEEDS, Request, preset_of, whole_number
from sandbox.store import Store
from sandbox.store.sweeps import HowRun, SweepFolder, SweepRecord
from sandbox.sweeps.report import write
from sandbox.sweeps.runner import SweepRunner, Tally, layers_of, planned
from sandbox.sweeps.space import Point, draw, grid
from sandbox.sweeps.study import PRUNERS, load_optuna, sampler
from sandbox.sweeps.view import Sweep
from sandbox.text import Document, now

Progress = Callable[[Tally], None]
DIRECTIONS = ("maximize", "minimize")


@dataclass(frozen=True)
class SweepRequest:
    """A request and a space. Exactly one of `grid`, `random` and `tpe` is given.

    Attributes:
        request: what all trials share; its seeds are the runs of each trial.
        grid: values by option: {"agent.alpha": [0.1, 0.5]}.
        random, tpe: number of trials to draw from the lab's own search space, >= 1.
        objective: "summary.NAME" or NAME; "" takes the lab's own, else the runs' score.
        direction: "maximize", "minimize", or "" for the one that the lab or the score declares.
        prune: "median", "halving", or "".
    """

    request: Request
    grid: Mapping[str, Sequence[Any]] | None = None
    random: int | None = None
    tpe: int | None = None
    objective: str = ""
    direction: str = ""
    prune: str = ""

    def __post_init__(self) -> None:
        if self.grid is not None:
            if not isinstance(self.grid, Mapping):
                raise UsageError(
                    f'grid = {self.grid!r}: it should be values by option: {{"agent.alpha": [1]}}.'
                )
            axes = {name: listed(values) for name, values in self.grid.items()}
            object.__setattr__(self, "grid", axes)
        for name in ("random", "tpe"):
            if (count := vars(self)[name]) is not None:
                object.__setattr__(self, name, whole_number(f"--{name}", count))

    @property
    def search(self) -> Document:
        """The search space in the format of sweep.json."""
        if self.grid is not None:
            return {"kind": "grid", "axes": dict(self.grid)}
        return {"kind": "random" if self.random else "tpe", "trials": self.random or self.tpe}


def sweep(
    lab: str,
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    random: int | None = None,
    tpe: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    preset: str = "default",
    config: Layer | None = None,
    objective: str = "",
    direction: str = "",
    prune: str = "",
    workers: int = 0,
    scheduler: str = "",
    pictures: bool = False,
    store: StrPath | None = None,
    threads: int = 1,
    device: str = "cpu",
    data: StrPath | None = None,
    **options: Any,
) -> Sweep:
    """Run a lab with many configurations.

    Args:
        lab: its name ("maze").
        grid: every combination of these values: `{"agent.alpha": [0.1, 0.5]}`.
        random, tpe: instead of `grid`, the number of trials to draw from the lab's own search
            space; with TPE (Optuna), each draw uses the results of the trials before.
        seeds: runs of each configuration, >= 1.
        seed: the first of these seeds, >= 0; also seeds the sampler.
        preset: one of the lab's presets.
        config: settings shared by all configurations, nested.
        objective: what is compared: "summary.regret"; by default the lab's own, else the score.
        direction: "maximize" or "minimize", where the lab does not declare it for this objective.
        prune: "median" or "halving" prunes unpromising trials, if runs evaluate while they learn.
        workers: number of processes to start; a script that does so needs the guard `if __name__ ==
            "__main__"`.
        scheduler: instead of `workers`, the address of a Dask cluster that shares the store's
            folder.
        pictures: whether each run makes pictures.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.
        threads, device, data: of each run; see `sandbox.runs.request.Request`.
        **options: single settings shared by all configurations, over `config`: `episodes=500`.

    Returns:
        The sweep, finished or interrupted.

    Raises:
        UsageError: when a name or a value is wrong; nothing was started then.

    Example:
        >>> from sandbox import sweep
        >>> result = sweep("maze", grid={"agent.alpha": [0.05, 0.25]}, episodes=300, agent="sarsa")
        >>> len(result.ranking), result.status
        (2, 'finished')
    """
    layers = [config or {}, options]
    place = None if data is None else Path(data)
    request = Request(lab, preset, layers, seed, seeds, threads=threads, device=device, data=place)
    wanted = SweepRequest(request, grid, random, tpe, objective, direction, prune)
    settings = Settings(pictures=pictures)
    return begin(wanted, Store.lasting(store), settings, Workers(workers, scheduler))


def begin(
    wanted: SweepRequest,
    store: Store,
    settings: Settings,
    workers: Workers = THIS_PROCESS,
    progress: Progress = lambda _: None,
) -> Sweep:
    """Start a sweep and execute it to its end; see `sweep`.

    Args:
        wanted: the request.
        store: where the runs go.
        settings: how to execute them.
        workers: which processes execute them.
        progress: called with the tally whenever it changes.
    """
    lab_name, lab, points = checked(wanted)
    record = _record(wanted, lab_name, lab, settings, workers)
    with workers.executor(lab, store) as executor:
        folder = SweepFolder(store.make(SweepFolder.room, lab_name))
        record.id = folder.id
        record.trials = [planned(record, number, point) for number, point in enumerate(points)]
        return _executed(SweepRunner(folder, record, lab, executor, progress))


def resume_sweep(
    folder: SweepFolder,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    allow_changed: bool = False,
    progress: Progress = lambda _: None,
) -> Sweep:
    """Resume a sweep that was stopped: only runs that are not finished are executed.

    Failed runs are retried once.

    Args:
        folder: the sweep's.
        workers, scheduler: as in `sweep`; None keeps the previous ones.
        allow_changed: whether to resume although the code or a library has changed.
        progress: called with the tally whenever it changes.

    Raises:
        UsageError: when it is running, began under other sources, or lacks a library or a file.
    """
    record = folder.read()
    if record.status == "running":
        raise UsageError(
            f"Sweep {record.id} is running now (process {record.pid} on {record.host})."
        )
    if record.sources not in ("", provenance.sources()) and not allow_changed:
        raise UsageError(
            f"Sweep {record.id} began under other sources of the sandbox; its runs would not be "
            f"comparable. `python -m sandbox resume {record.id} --allow-changed` resumes it anyway."
        )
    lab = registry().lab(record.lab)
    _refuse_missing(folder, record, lab)
    if workers is not None or scheduler is not None:
        record.workers, record.scheduler = workers or 0, scheduler or ""
    with Workers(record.workers, record.scheduler).executor(lab, folder.store) as executor:
        runner = SweepRunner(folder, record, lab, executor, progress, True, allow_changed)
        return _executed(runner)


def checked(wanted: SweepRequest) -> tuple[str, Lab, list[Point]]:
    """The lab's name, the lab, and every point that can be planned before anything runs.

    Raises:
        UsageError: when anything in the request is wrong.
    """
    request = wanted.request
    entry = registry().find("lab", request.lab)
    lab = registry().lab(entry.name)
    _check_values(wanted)
    title, layers, model = f"lab '{entry.name}'", request.layers, lab.Config
    preset = preset_of(lab, entry.name, request.preset)
    points: list[Point] = []
    if wanted.grid is not None:
        points = grid(model, preset, layers, wanted.grid, title)
    elif not lab.offers("suggest"):
        raise UsageError(
            f"Lab '{entry.name}' has no search space; sweep it with --grid OPTION=VALUE,VALUE."
        )
    else:
        resolve(model, [preset, *layers], title).check_available(request.data)
        kind = wanted.search["kind"]
        optuna = load_optuna(f"--{kind}")
        for number in range(wanted.random or 1):  # for TPE one draw, to check the space
            study = optuna.create_study(sampler=sampler(kind, request.seed, number))
            points.append(draw(lab, preset, layers, study.ask(), title))
    if wanted.tpe is not None:
        points = []
    for point in points:
        point.config.check_available(request.data)
    return (entry.name, lab, points)


def _check_values(wanted: SweepRequest) -> None:
    request = wanted.request
    kinds = {"--grid": wanted.grid, "--random": wanted.random, "--tpe": wanted.tpe}
    given = [name for name, value in kinds.items() if value is not None]
    if len(given) != 1:
        also = f"; given: {', '.join(given)}" if given else ""
        raise UsageError(f"A sweep is one of --grid, --random and --tpe{also}.")
    request.check_numbers()
    for name, value in (("--random", wanted.random), ("--tpe", wanted.tpe)):
        if value is not None and not 1 <= value <= MOST_SEEDS:
            raise UsageError(f"{name} {value}: it should be from 1 to {MOST_SEEDS}.")
    for kind, word, known in (
        ("direction", wanted.direction, DIRECTIONS),
        ("pruner", wanted.prune, PRUNERS),
    ):
        if word and word not in known:
            raise UnknownNameError(kind, word, known)
    if wanted.prune:
        load_optuna("--prune")


def _record(
    wanted: SweepRequest, lab_name: str, lab: Lab, settings: Settings, workers: Workers
) -> SweepRecord:
    request = wanted.request
    own = lab.objective.removeprefix("summary.")
    objective = wanted.objective.removeprefix("summary.")
    if wanted.prune or wanted.tpe:  # which need it while the first run learns
        objective = objective or own
    direction = wanted.direction or (lab.direction_of(objective) if objective else "")
    if objective and not direction:
        close = nearest(objective, [own, *lab.directions])
        near = f" Or did you mean {close!r}?" if close else ""
        raise UsageError(
            f"--objective summary.{objective}: is more of it better, or less? "
            f"Choose with --direction maximize or minimize.{near}"
        )
    if not objective and (wanted.prune or wanted.tpe):
        raise UsageError(
            f"Lab '{lab_name}' has no default objective; name one with --objective summary.NAME."
        )
    return SweepRecord(
        id="",
        lab=lab_name,
        preset=request.preset,
        layers=[dict(layer) for layer in request.layers if layer],
        search=wanted.search,
        seed=request.seed,
        seeds=request.seeds,
        objective=objective,
        direction=direction,
        prune=wanted.prune,
        workers=workers.processes,
        scheduler=workers.scheduler,
        how=HowRun(
            request.threads or 1,
            request.device,
            request.data_place,
            settings.pictures,
            settings.checkpoint_seconds,
        ),
        created=now(),
        command=request.command,
    )


def _executed(runner: SweepRunner) -> Sweep:
    """Execute a sweep and write its report."""
    folder, record = runner.folder, runner.record
    with folder.writing():
        record.status, record.error, record.ended = "running", "", ""
        record.host, record.pid, record.sources = platform.node(), os.getpid(), provenance.sources()
        folder.write(record)
        try:
            runner.run()
        except WorkersLost as error:
            raise SandboxError(
                f"{error} `python -m sandbox resume {record.id} --workers 0` continues in one "
                "process, `--workers 2` in two; `--scheduler ADDRESS` on another cluster."
            ) from error
        if record.prune and not runner.reported and record.status == "finished":
            record.error = (
                f"No run reported '{record.objective}' while it learned, "
                "so nothing could be given up."
            )
            folder.write(record)
    swept = Sweep(folder)
    try:
        write(swept)
    except OSError as error:
        raise StoreError(
            f"Cannot write to {folder.path}: {error.strerror}. `python -m sandbox resume "
            f"{record.id}` writes the ranking from the runs."
        ) from error
    return swept


def _refuse_missing(folder: SweepFolder, record: SweepRecord, lab: Lab) -> None:
    """Refuse to resume where a run that is not finished lacks a library or a file."""
    preset = preset_of(lab, record.lab, record.preset)
    data = Path(record.how.data) if record.how.data else None
    for trial in record.trials:
        for run in [] if trial.pruned else [folder.run(record.lab, name) for name in trial.runs]:
            if not run.record_path.exists() or run.read().status != "finished":
                layers = [preset, *layers_of(record, trial)]
                config = resolve(lab.Config, layers, f"sweep {record.id}")
                config.check_available(data, run.artifacts.folder)
