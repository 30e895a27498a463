"""Sweeps: one lab, many configurations, each with the same seeds; every one of them an ordinary run in the store.

Everything that was asked for is checked before anything is written or run. `sweep` begins one, `resume_sweep` goes on with it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.config.resolve import resolve
from sandbox.errors import SandboxError, UsageError, nearest
from sandbox.execution.scheduler import executor_for
from sandbox.execution.workers import Executor, WorkersLost
from sandbox.registry.registry import registry
from sandbox.runs import api, provenance
from sandbox.store import sweeps as folders
from sandbox.store.store import Store
from sandbox.store.sweeps import SweepFolder, SweepRecord
from sandbox.sweeps.report import write
from sandbox.sweeps.runner import Conductor, Tally, layers_of, planned
from sandbox.sweeps.space import Point, draw, grid
from sandbox.sweeps.study import PRUNERS, load_optuna, sampler
from sandbox.sweeps.view import Sweep

Progress = Callable[[Tally], None]


@dataclass
class SweepRequest:
    """What to sweep. Exactly one of `grid`, `random` and `tpe` is given.

    Attributes:
        lab: its name.
        preset: one of the lab's presets.
        layers: settings that all trials share, over the preset, weakest first.
        grid: values by option: {"agent.alpha": [0.1, 0.5]}.
        random, tpe: how many trials to draw from the lab's own search space.
        seed: the first of each trial's seeds, >= 0.
        seeds: runs of each trial, >= 1.
        objective: "summary.NAME" or NAME; "" takes the lab's own, else the runs' score.
        direction: "maximize", "minimize", or "" for what the lab or the score says.
        prune: "median", "halving", or "".
        workers: how many processes to start; 0 for none.
        scheduler: address of a running Dask cluster, or "".
        threads, device, data: as of a run; threads are 1 so that results are the same wherever they come from.
        pictures: whether runs make pictures.
        checkpoint_seconds: time between checkpoints.
        command: the command line, for the record.
    """

    lab: str
    preset: str = "default"
    layers: list[Mapping[str, Any]] = field(default_factory=list)
    grid: Mapping[str, Sequence[Any]] | None = None
    random: int | None = None
    tpe: int | None = None
    seed: int = 0
    seeds: int = 1
    objective: str = ""
    direction: str = ""
    prune: str = ""
    workers: int = 0
    scheduler: str = ""
    threads: int = 1
    device: str = "cpu"
    data: Path | None = None
    pictures: bool = False
    checkpoint_seconds: float = 30.0
    command: str = ""


def sweep(
    lab: str,
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    random: int | None = None,
    tpe: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    preset: str = "default",
    config: Mapping[str, Any] | None = None,
    objective: str = "",
    direction: str = "",
    prune: str = "",
    workers: int = 0,
    scheduler: str = "",
    pictures: bool = False,
    store: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Sweep:
    """Run a lab with many configurations.

    Args:
        lab: its name ("maze").
        grid: every combination of these values: `{"agent.alpha": [0.1, 0.5]}`.
        random, tpe: or so many draws from the lab's own search space; with TPE (Optuna), each informed by those before.
        seeds: runs of each configuration, >= 1.
        seed: the first of them; also seeds the draws.
        preset: one of the lab's presets.
        config: settings that all share, nested.
        objective: what is compared: "summary.regret"; by default the lab's own, else the runs' score.
        direction: "maximize" or "minimize", where the lab does not say it of this objective.
        prune: "median" or "halving" gives up hopeless trials, of labs that report while they learn.
        workers, scheduler: processes to start (by a script guarded by `if __name__ == "__main__"`), or address of a Dask cluster.
        pictures: whether each run makes pictures.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.
        **options: single settings that all share, over `config`: `episodes=500`.

    Returns:
        The sweep, finished or interrupted.

    Raises:
        UsageError: when a name or a value is wrong; nothing was started then.

    Example:
        >>> from sandbox import sweep
        >>> made = sweep("maze", grid={"agent.alpha": [0.05, 0.25]}, episodes=300, agent="sarsa")
        >>> len(made.ranking), made.status
        (2, 'finished')
    """
    layers = [config or {}, options]
    plan = SweepRequest(
        lab,
        preset,
        layers,
        grid,
        random,
        tpe,
        seed,
        seeds,
        objective,
        direction,
        prune,
        workers,
        scheduler,
        pictures=pictures,
    )
    return begin(plan, Store(store))


def begin(plan: SweepRequest, store: Store, progress: Progress = lambda _: None) -> Sweep:
    """Begin a sweep and carry it to its end; see `sweep`."""
    lab_name, lab, points = checked(plan)
    record = _record(plan, lab_name, lab)
    with executor_for(lab, plan.workers, plan.scheduler, store) as executor:
        folder = folders.create(store, lab_name)
        record.id = folder.id
        record.trials = [planned(record, number, point) for number, point in enumerate(points)]
        return _conducted(folder, record, lab, executor, progress)


def resume_sweep(
    folder: SweepFolder,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    allow_changed: bool = False,
    progress: Progress = lambda _: None,
) -> Sweep:
    """Go on with a sweep that was stopped: only what is not finished is carried out. Runs that failed are tried once more.

    Args:
        folder: the sweep's.
        workers, scheduler: who carries it out; None for those of before.
        allow_changed: whether to go on although the code or a library is not what it began with.
        progress: told how far it is.

    Raises:
        UsageError: when it is running, began under other sources, or lacks a library or a file.
    """
    record = folder.read()
    if record.status == "running":
        raise UsageError(
            f"Sweep {record.id} is running now (process {record.pid} on {record.host})."
        )
    _refuse_changed(record, allow_changed)
    lab = registry().lab(record.lab)
    _refuse_missing(folder, record, lab)
    if workers is not None or scheduler is not None:
        record.workers, record.scheduler = workers or 0, scheduler or ""
    with executor_for(lab, record.workers, record.scheduler, folder.store) as executor:
        return _conducted(
            folder, record, lab, executor, progress, again=True, allow_changed=allow_changed
        )


def checked(plan: SweepRequest) -> tuple[str, Any, list[Point]]:
    """The lab's name, the lab, and every point that can be planned before anything runs.

    Raises:
        UsageError: when anything in the plan is wrong.
    """
    entry = registry().find("lab", plan.lab)
    lab = registry().lab(entry.name)
    _check_numbers(plan)
    title = f"lab '{entry.name}'"
    model, preset = lab.Config, api.preset(lab, entry.name, plan.preset)
    if plan.grid is not None:
        return entry.name, lab, _available(grid(model, preset, plan.layers, plan.grid, title), plan)
    if not lab.offers("suggest"):
        raise UsageError(
            f"Lab '{entry.name}' has no search space of its own; sweep it with --grid OPTION=VALUE,VALUE."
        )
    resolve(model, [preset, *plan.layers], title).check_available(plan.data)
    optuna = load_optuna("--random" if plan.random else "--tpe")
    if plan.tpe is not None:
        draw(
            lab,
            preset,
            plan.layers,
            optuna.create_study(sampler=sampler("tpe", plan.seed, 0)).ask(),
            title,
        )
        return entry.name, lab, []
    trials = [
        optuna.create_study(sampler=sampler("random", plan.seed, number)).ask()
        for number in range(plan.random or 0)
    ]
    points = [draw(lab, preset, plan.layers, trial, title) for trial in trials]
    return entry.name, lab, _available(points, plan)


def _available(points: list[Point], plan: SweepRequest) -> list[Point]:
    """The points, once nothing that they need is missing."""
    for point in points:
        point.config.check_available(plan.data)
    return points


def _check_numbers(plan: SweepRequest) -> None:
    kinds = {"--grid": plan.grid, "--random": plan.random, "--tpe": plan.tpe}
    given = [name for name, value in kinds.items() if value is not None]
    if len(given) != 1:
        raise UsageError(
            f"A sweep is one of --grid, --random and --tpe{'; given: ' + ', '.join(given) if given else ''}."
        )
    numbers = {
        "--random": plan.random,
        "--tpe": plan.tpe,
        "--seeds": plan.seeds,
        "--threads": plan.threads,
    }
    for name, value in numbers.items():
        most = api.MOST_THREADS if name == "--threads" else api.MOST_SEEDS
        if value is not None and not 1 <= value <= most:
            raise UsageError(f"{name} {value}: it should be from 1 to {most}.")
    if not 0 <= plan.seed < 2**63 - plan.seeds:
        raise UsageError(f"--seed {plan.seed}: a seed is 0 or more, and below 2^63.")
    if not 0 <= plan.workers <= api.MOST_THREADS or (plan.workers and plan.scheduler):
        raise UsageError(
            "--workers N starts processes here, --scheduler uses a running cluster; give one of them, and N of 1 or more."
        )
    for name, word, known in (
        ("--direction", plan.direction, ("maximize", "minimize")),
        ("--prune", plan.prune, PRUNERS),
    ):
        if word and word not in known:
            close = nearest(word, known)
            raise UsageError(
                f"{name} {word}: it should be {' or '.join(known)}.{f' Did you mean {close!r}?' if close else ''}"
            )
    if plan.prune:
        load_optuna("--prune")


def _record(plan: SweepRequest, lab_name: str, lab: Any) -> SweepRecord:
    objective = (plan.objective or lab.objective).removeprefix("summary.")
    direction = plan.direction or _direction(lab, objective)
    if objective and not direction:
        close = nearest(
            objective,
            [
                lab.objective.removeprefix("summary."),
                *lab.directions,
            ],
        )
        raise UsageError(
            f"--objective summary.{objective}: is more of it better, or less? Say so with --direction maximize or minimize."
            f"{f' Or did you mean {close!r}?' if close else ''}"
        )
    if not objective and (plan.prune or plan.tpe):
        raise UsageError(
            f"Lab '{lab_name}' does not say what is to be compared; name it with --objective summary.NAME."
        )
    kind = "grid" if plan.grid is not None else "random" if plan.random else "tpe"
    search: dict[str, Any] = {"kind": kind}
    search |= (
        {"axes": {name: list(values) for name, values in plan.grid.items()}}
        if plan.grid is not None
        else {}
    )
    search |= {"trials": plan.random or plan.tpe} if plan.grid is None else {}
    return SweepRecord(
        id="",
        lab=lab_name,
        preset=plan.preset,
        layers=[dict(layer) for layer in plan.layers if layer],
        search=search,
        seed=plan.seed,
        seeds=plan.seeds,
        objective=objective,
        direction=direction,
        prune=plan.prune,
        workers=plan.workers,
        scheduler=plan.scheduler,
        how={
            **{
                "threads": plan.threads,
                "device": plan.device,
                "data": str(plan.data.resolve()) if plan.data else "",
            },
            **{"pictures": plan.pictures, "checkpoint_seconds": plan.checkpoint_seconds},
        },
        created=datetime.now().astimezone().isoformat(),
        command=plan.command,
    )


def _direction(lab: Any, objective: str) -> str:
    """What a lab says of an objective: "maximize", "minimize", or "" where it says nothing."""
    known = dict(lab.directions)
    own = lab.objective.removeprefix("summary.")
    return str(known.get(objective) or (lab.direction if objective == own else ""))


def _conducted(
    folder: SweepFolder,
    record: SweepRecord,
    lab: Any,
    executor: Executor,
    progress: Progress,
    **more: bool,
) -> Sweep:
    with folder.writing():
        record.status, record.error, record.ended = "running", "", ""
        record.host, record.pid, record.sources = platform.node(), os.getpid(), provenance.sources()
        folder.write(record)
        conductor = Conductor(folder, record, lab, executor, progress, **more)
        try:
            conductor.run()
        except WorkersLost as error:
            raise _without_workers(folder, record) from error
        if record.prune and not conductor.reported and record.status == "finished":
            record.error = f"No run reported '{record.objective}' while it learned, so nothing could be given up."
            folder.write(record)
    made = Sweep(folder)
    write(made)
    return made


def _without_workers(folder: SweepFolder, record: SweepRecord) -> SandboxError:
    """Say that nobody carries out the sweep any more, in its record too."""
    at = f" at {record.scheduler}" if record.scheduler else ""
    record.error = f"The Dask scheduler{at} is gone; what ended before is kept."
    folder.write(record)
    return SandboxError(
        f"{record.error} `python -m sandbox resume {record.id} --workers 0` goes on in one process, `--workers 2` in two; "
        f"`--scheduler ADDRESS` on another cluster."
    )


def _refuse_missing(folder: SweepFolder, record: SweepRecord, lab: Any) -> None:
    """Refuse to go on where a run that is not finished lacks a library or a file."""
    preset = api.preset(lab, record.lab, record.preset)
    data = Path(record.how["data"]) if record.how["data"] else None
    for trial in (one for one in record.trials if not one.pruned):
        for run in (folder.run(record.lab, name) for name in trial.runs):
            if not run.record_path.exists() or run.read().status != "finished":
                layers = [preset, *layers_of(record, trial)]
                config = resolve(lab.Config, layers, f"sweep {record.id}")
                config.check_available(data, run.artifacts.folder)


def _refuse_changed(record: SweepRecord, allow: bool) -> None:
    if record.sources and record.sources != provenance.sources() and not allow:
        raise UsageError(
            f"Sweep {record.id} began under other sources of the sandbox; its runs would not be comparable. "
            f"`python -m sandbox resume {record.id} --allow-changed` goes on all the same."
        )
