"""The runs that a comparison needs: reused where the store has them, else executed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.comparison.request import ComparedAgent
from sandbox.errors import ConfigError, SandboxError
from sandbox.execution.scheduler import Workers, run_requests
from sandbox.execution.workers import WorkersLost
from sandbox.lab import Context, Experiment
from sandbox.registry.registry import registry
from sandbox.runs.loop import Settings
from sandbox.runs.request import Request, resolved
from sandbox.runs.signature import refuse_changed, sources_of
from sandbox.runs.view import Run
from sandbox.seeding import Generators
from sandbox.store import Artifacts, RunFolder, RunRecord, Store
from sandbox.store.listing import Row, matching
from sandbox.store.verify import changed_files

UNFINISHED = ("interrupted", "timed-out", "lost")


@dataclass
class ComparisonProgress:
    """How far a comparison is.

    Attributes:
        total: runs in all.
        reused: finished runs that were already in the store.
        done: runs that ended, reused ones included.
        label, seed: of the run that ended last; "" and 0 before the first.
    """

    total: int
    reused: int = 0
    done: int = 0
    label: str = ""
    seed: int = 0


Progress = Callable[[ComparisonProgress], None]


@dataclass(frozen=True)
class PlannedRun:
    """One run of a comparison.

    Attributes:
        label: its agent's label.
        request: what to run.
        fingerprint, sources: SHA-256 of what decides its numbers (see `RunRecord.fingerprint`), and
            of the sources that compute them.
        task: the label of its task, where several are compared; else "".
    """

    label: str
    request: Request
    fingerprint: str
    sources: str
    task: str = ""

    @property
    def name(self) -> str:
        """Its agent, after its task where there are several."""
        return f"{self.task}: {self.label}" if self.task else self.label


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a comparison; the same comparison requested again finishes it.

    Args:
        progress: how far it came.
    """

    def __init__(self, progress: ComparisonProgress) -> None:
        self.progress = progress
        super().__init__(f"{progress.done} of {progress.total} runs are done.")

    def __reduce__(self) -> tuple[type, tuple[ComparisonProgress]]:
        return type(self), (self.progress,)


def planned_runs(request: Request, agents: Sequence[ComparedAgent]) -> list[PlannedRun]:
    """The runs of a comparison, agent by agent, each with every seed.

    Args:
        request: what all runs share.
        agents: the agents that are compared.
    """
    lab = registry().find("lab", request.lab).name
    planned = []
    for one in agents:
        for seed in range(request.seed, request.seed + request.seeds):
            alone = replace(request, lab=lab, layers=one.layers, seed=seed, seeds=1)
            record = RunRecord(
                "", lab, one.config, seed=seed, device=request.device, data=request.data_place
            )
            planned.append(PlannedRun(one.label, alone, record.fingerprint, sources_of(record)))
    return planned


def completed(
    planned: Sequence[PlannedRun],
    store: Store,
    settings: Settings,
    workers: Workers,
    fresh: bool,
    show: Progress,
    problems: Sequence[str] = (),
) -> tuple[list[Run], set[str]]:
    """The planned runs, reused, resumed or new; and the fingerprints of those that were reused.

    Args:
        planned: the runs of a comparison.
        store: the store that holds them.
        settings: how new runs are executed.
        workers: which processes execute them.
        fresh: whether to execute all runs again instead of reusing any.
        show: called at the beginning and after each run.
        problems: what is wrong with the request; reported together with agents that do not fit.

    Raises:
        Interrupted: Ctrl-C.
        SandboxError: when an agent does not fit the lab, or no worker is left.
    """
    wanted = {one.fingerprint: one.sources for one in planned}
    seeds = {one.request.seed for one in planned}
    rows = {} if fresh else matching(store.root, wanted, seeds)
    runs, resumable = dict[str, Run](), dict[str, str]()
    for mark, some in rows.items():
        finished = [
            Run(RunFolder(store.root / row.path)) for row in some if row.status == "finished"
        ]
        if whole := [run for run in finished if not changed_files(run.folder, run.record)]:
            runs[mark] = whole[-1]
        elif (stopped := _resumable(some, store)) is not None:
            resumable[mark] = stopped
    missing = [one for one in planned if one.fingerprint not in runs]
    if problems := [*problems, *_unbuildable(missing)]:
        labs = "', '".join(dict.fromkeys(one.request.lab for one in planned))
        raise ConfigError(f"comparison on lab '{labs}'" if labs else "comparison", problems)
    reused = set(runs)
    progress = ComparisonProgress(len(planned), len(runs), len(runs))
    show(progress)
    missing.sort(key=lambda one: one.fingerprint not in resumable)  # resumable runs come first
    requests = [replace(one.request, id=resumable.get(one.fingerprint, "")) for one in missing]

    def ended(place: int, run: Run) -> None:
        one = missing[place]
        runs[one.fingerprint] = run
        progress.done, progress.label, progress.seed = progress.done + 1, one.name, run.record.seed
        show(progress)

    if missing:
        lab = registry().lab(missing[0].request.lab)
        try:
            with workers.executor(lab, store, in_threads=False) as executor:
                carried_out = run_requests(requests, store, settings, ended, executor)
        except KeyboardInterrupt:
            raise Interrupted(progress) from None
        except WorkersLost as error:
            raise SandboxError(
                f"{error} {progress.done} of {progress.total} runs are done. The same command goes "
                "on; without --scheduler it runs here."
            ) from error
        if None in carried_out:
            raise Interrupted(progress)
    return [runs[one.fingerprint] for one in planned], reused


def _resumable(rows: Sequence[Row], store: Store) -> str | None:
    """The id of the last of these runs that can be resumed under the present libraries."""
    stopped = [row for row in rows if row.status in UNFINISHED]
    if not stopped:
        return None
    folder = RunFolder(store.root / stopped[-1].path)
    try:
        refuse_changed(folder.read(), allow=False)
    except SandboxError:
        return None
    return folder.id


def _unbuildable(missing: Sequence[PlannedRun]) -> list[str]:
    """What is wrong with agents whose experiments cannot be built, each tried once."""
    problems = []
    first = {one.name: one.request for one in reversed(missing)}
    for name, request in reversed(first.items()):
        try:
            built(request)
        except SandboxError as error:
            problems.append(f"{name}: {error}")
        except Exception as error:
            problems.append(f"{name} does not fit this lab: {type(error).__name__}: {error}")
    return problems


def built(request: Request) -> Experiment:
    """The experiment of a run that has not begun; it can write no artifacts.

    Raises:
        Exception: when the lab cannot build it.
    """
    _, lab, config = resolved(request)
    with tempfile.TemporaryDirectory() as scratch:
        artifacts, generators = Artifacts(Path(scratch)), Generators(request.seed)
        return lab.build(
            config, Context(request.seed, generators, artifacts, request.data, request.device)
        )
