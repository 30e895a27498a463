"""Who carries out many runs: this process, threads of it, or the workers of a Dask cluster.

Whoever does it, a run stands in a folder whose name was decided before it began. So a run that is handed out twice (its worker died, or
was thought dead) is never begun twice: the second finds the folder, waits until the first is gone, and goes on from its checkpoint.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from sandbox.errors import RunFailed, SandboxError, StoreError, UsageError
from sandbox.lab import Block
from sandbox.registry.registry import registry
from sandbox.runs import api, provenance
from sandbox.runs.loop import Settings
from sandbox.store.folder import RunFolder
from sandbox.store.store import Store

LOOK_SECONDS = 0.25
"""How often a run looks whether it should stop, and how long to wait before looking at a busy folder again."""
STREAMS = ("evaluate", "validate", "test")
"""Streams that tell how well a run does so far; learning itself is too noisy for that."""
_ALONE = threading.Lock()
"""Held by runs of labs that cannot share a process with another run at work."""


@dataclass(frozen=True)
class Job:
    """A run to carry out, as it travels to a worker.

    Attributes:
        request: what to run; has an id.
        store: the store's folder, absolute.
        settings: how to carry it out; its observers and viewer stay behind.
        plugins: files of plugins given with -p.
        sources: SHA-256 that the worker's sandbox must have, or "".
        stop_file: while it is there, runs stop after their block; "" for none.
        again: whether to try a run that failed once more.
        allow_changed: whether to go on with a run that began under other versions.
        pruning: how to ask whether the run is hopeless, or None.
    """

    request: api.Request
    store: str
    settings: Settings = field(default_factory=Settings)
    plugins: tuple[str, ...] = ()
    sources: str = ""
    stop_file: str = ""
    again: bool = False
    allow_changed: bool = False
    pruning: Pruning | None = None


class Pruning(Protocol):
    """How a run asks whether to go on; it travels to a worker."""

    @property
    def column(self) -> str:
        """Of the evaluate stream, whose last value is reported."""
        ...

    def judge(self) -> Any:
        """Who says whether it is hopeless, made where the run is carried out: see `sandbox.sweeps.study.Judge`."""
        ...


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        run: its id.
        status: its status.
        summary, score: what its record says; empty unless it finished.
        error: one line, or "".
        pruned: whether it was given up as hopeless.
        reported: whether it said, while it went, how well it did.
    """

    run: str
    status: str
    summary: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    pruned: bool = False
    reported: bool = False
    score: dict[str, Any] = field(default_factory=dict)


class WorkersLost(SandboxError):
    """Nobody carries out runs any more: the scheduler that handed them to workers is gone. Runs that ended are kept."""


def outcome_of(future: Future[RunOutcome], run: str) -> RunOutcome:
    """A run's outcome, of a future that is done; a run whose workers died again and again is lost, no error of the others.

    Raises:
        WorkersLost: when the executor gave the run up.
        SandboxError: when the run could not even be tried.
    """
    try:
        error = future.exception()
    except CancelledError:
        raise WorkersLost("Those who carry out the runs are gone.") from None
    if error is None:
        return future.result()
    if isinstance(error, SandboxError):
        raise error
    if type(error).__name__ == "KilledWorker":
        return RunOutcome(run, "lost", error="its workers died, one after the other")
    raise SandboxError(
        f"Run {run} could not be carried out. {type(error).__name__}: {error}"
    ) from error


class Executor(Protocol):
    """Somebody who carries out jobs. Futures are those of `concurrent.futures`.

    `slots` and `submit` raise WorkersLost when there is nobody left.
    """

    def slots(self) -> int:
        """How many jobs to hand in at a time."""
        ...

    def submit(self, job: Job) -> Future[RunOutcome]:
        """Carry out a job, now or soon."""
        ...

    def stop(self) -> None:
        """Let runs at work finish their block and save."""
        ...

    def close(self) -> None:
        """Leave; called once, after all jobs are done or given up."""
        ...


class Watcher:
    """An observer that stops a run when it is told to, or when the pruner gives it up."""

    name = "sweep"

    def __init__(self, stopped: Callable[[], bool], pruning: Pruning | None) -> None:
        self._stopped, self._pruning = stopped, pruning
        self._looked = 0.0
        self._judge: Any = None
        self.pruned = self.reported = False

    def started(self, run: Any) -> None:
        """The run begins, perhaps after it should have stopped."""
        self._look(run)

    def block(self, run: Any, block: Block) -> None:
        """Look for a reason to stop."""
        self._look(run)
        if (
            self._pruning
            and block.stream in STREAMS
            and len(block.columns.get(self._pruning.column, ()))
        ):
            self._ask(run, float(block.columns[self._pruning.column][-1]))

    def ended(self, run: Any) -> None:
        """Nothing is left to do."""

    def _look(self, run: Any) -> None:
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            if self._stopped():
                run.stop.request("interrupted")

    def _ask(self, run: Any, value: float) -> None:
        pruning = self._pruning
        assert pruning is not None
        self.reported = True
        self._judge = self._judge or pruning.judge()
        if self._judge.hopeless(value, run.experiment.done_units) and not run.experiment.done:
            self.pruned = True
            run.stop.request("interrupted")


def carry_for_another(job: Job) -> RunOutcome:
    """`carry` in a process whose standard output belongs to somebody else: what a plugin prints goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        return carry(job)


def carry(job: Job, stopped: Callable[[], bool] = lambda: False) -> RunOutcome:
    """Carry a run to its end, from wherever it stands. Raises no error of the run: a failed run is an outcome.

    Args:
        job: the run.
        stopped: asked now and then; when it says so, the run is put down after its block.

    Raises:
        SandboxError: when the run cannot even be tried: another code, no such lab, a store that cannot be written.
    """
    for file in job.plugins:
        registry().add_file(Path(file))
    if job.sources and job.sources != provenance.sources():
        raise UsageError(
            "A worker runs another version of the sandbox than the sweep; start workers from the same sources."
        )
    stop_file = Path(job.stop_file) if job.stop_file else None
    watcher = Watcher(
        lambda: stopped() or (stop_file is not None and stop_file.exists()), job.pruning
    )
    settings = replace(job.settings, observers=[*job.settings.observers, watcher])
    folder = RunFolder(Path(job.store) / job.request.lab / job.request.id)
    with contextlib.nullcontext() if shares_a_process(registry().lab(job.request.lab)) else _ALONE:
        errors = 0
        while True:
            try:
                run = _tried(job, folder, settings)
            except RunFailed as failed:
                run = failed.run
            except (StoreError, UsageError) as error:
                errors += not _busy(folder)
                if errors and (isinstance(error, UsageError) or errors > 2):
                    raise
                run = None
            if run is not None:
                return _outcome(run, watcher)
            if watcher._stopped():
                return RunOutcome(folder.id, "interrupted")
            time.sleep(
                LOOK_SECONDS
            )  # somebody else is at it, or died so lately that it cannot be told


def _tried(job: Job, folder: RunFolder, settings: Settings) -> api.Run | None:
    """The run after one attempt; None while somebody else works on it."""
    if not folder.record_path.exists():
        return api.start(job.request, Store(job.store), settings)
    status = folder.read().status
    if status == "running":
        return None
    if status == "failed" and not job.again:
        return api.Run(folder)
    return api.proceed(folder, settings, allow_changed=job.allow_changed, track=job.request.track)


def _busy(folder: RunFolder) -> bool:
    """Whether a run is being begun or carried out by somebody else."""
    try:
        return folder.read().status == "running"
    except StoreError:
        return folder.is_locked()


def _outcome(run: api.Run, watcher: Watcher) -> RunOutcome:
    record = run.record
    pruned = watcher.pruned and record.status == "interrupted"
    reported = watcher.reported
    return RunOutcome(
        record.id, record.status, record.summary, record.reason, pruned, reported, record.score
    )


def shares_a_process(lab: Any) -> bool:
    """Whether runs of this lab may be at work in several threads of one process.

    Labs that learn many configurations together promise that: compiled learning without the interpreter's lock, and no global generators.
    """
    return lab.offers("build_many") and not lab.global_generators


class Here:
    """This process, one run after the other; Ctrl-C reaches the run itself."""

    def slots(self) -> int:
        """One."""
        return 1

    def submit(self, job: Job) -> Future[RunOutcome]:
        """Carry the job out now."""
        future: Future[RunOutcome] = Future()
        try:
            future.set_result(carry(job))
        except SandboxError as error:
            future.set_exception(error)
        return future

    def stop(self) -> None:
        """Nothing is at work when this can be called."""

    def close(self) -> None:
        """Nothing to leave."""


class Threads:
    """Threads of this process: they share its compiled code and its models, and nothing is started for a run.

    Args:
        count: how many runs at a time.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="run")

    def slots(self) -> int:
        """As many as there are threads."""
        return self._count

    def submit(self, job: Job) -> Future[RunOutcome]:
        """Carry the job out as soon as a thread is free."""
        return self._pool.submit(carry, job, self._stopping.is_set)

    def stop(self) -> None:
        """Let runs at work finish their block and save."""
        self._stopping.set()

    def close(self) -> None:
        """Wait for what is at work: each run finishes its block."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)


def plugin_files() -> tuple[str, ...]:
    """The files of plugins that were given with -p to this process."""
    return tuple(
        plugin.source
        for plugin in registry().plugins.values()
        if plugin.source.endswith(".py") and not plugin.error
    )
