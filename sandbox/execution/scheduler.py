"""The scheduler: submits jobs to an executor until all have ended, or until it is asked to stop.

Sweeps pass it one job after another, comparisons a list. A run that fails does not stop the others;
on Ctrl-C, the active runs finish their block and save.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sandbox.errors import SandboxError, UsageError
from sandbox.execution.jobs import Job, RunOutcome, shares_a_process
from sandbox.execution.workers import Executor, Here, Processes, Threads, WorkersLost
from sandbox.lab import Lab
from sandbox.runs.api import available_cores
from sandbox.runs.loop import Settings
from sandbox.runs.request import MOST_THREADS, Request, label_of, resolved, whole_number
from sandbox.runs.stopping import StopRequest
from sandbox.runs.view import Run
from sandbox.store import RunFolder
from sandbox.store.store import Store, safe_label

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Workers:
    """Which executor to use: this process, processes started here, or a Dask cluster.

    Attributes:
        processes: how many to start; 0 for none.
        scheduler: address of a running Dask scheduler, or "".

    Raises:
        UsageError: when both are given, or no whole number of processes, or too many.
    """

    processes: int = 0
    scheduler: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "processes", whole_number("--workers", self.processes))
        if not 0 <= self.processes <= MOST_THREADS or (self.processes and self.scheduler):
            raise UsageError(
                "--workers N starts processes here, --scheduler uses a running cluster; "
                f"give one of them, and N of at most {MOST_THREADS}."
            )

    @contextlib.contextmanager
    def executor(self, lab: Lab, store: Store, in_threads: bool = True) -> Iterator[Executor]:
        """The executor, ready to work.

        Args:
            lab: the lab of the runs.
            store: where the runs go.
            in_threads: whether several runs may work at the same time in this process, where the
                lab allows it. They then share the cores, so that their measured times mean little.

        Raises:
            UsageError: when Dask is not installed, does not answer, or its workers do not fit.
        """
        executor: Executor
        if self.scheduler:
            from sandbox.execution.dask_cluster import Dask

            store.make_root()
            executor = Dask(self.scheduler, store.root.resolve())
        elif self.processes:
            store.make_root()
            executor = Processes(self.processes)
        elif in_threads and shares_a_process(lab):
            executor = Threads(available_cores())
        else:
            executor = Here()
        try:
            yield executor
        finally:
            executor.close()


THIS_PROCESS = Workers()
"""No processes are started."""


def run_jobs(
    next_job: Callable[[], Job | None],
    ended: Callable[[Job, RunOutcome], None],
    executor: Executor,
    stop_path: Path,
    *,
    per_slot: int = 2,
    show: Callable[[int], None] = lambda running: None,
) -> bool:
    """Execute jobs as they come.

    Args:
        next_job: the next job; None when there are no more, or none until another one has ended.
        ended: called with each job that ended, unless it was interrupted.
        executor: executes them; it is not closed.
        stop_path: the jobs' stop file, written when all jobs should stop.
        per_slot: jobs submitted for each slot of the executor; a second one waits for the first.
        show: called with the number of submitted jobs after every change.

    Returns:
        Whether all jobs ended; False when they were interrupted.

    Raises:
        SandboxError: when a run could not even be tried.
        WorkersLost: when no worker is left.
    """
    stop, stopping = StopRequest(), False
    pending: dict[Future[RunOutcome], Job] = {}
    try:
        with stop.listening():
            while True:
                while not stop.reason and len(pending) < per_slot * executor.slots():
                    job = next_job()
                    if job is None:
                        break
                    show(len(pending) + 1)
                    future = executor.submit(job)
                    pending[future] = job
                    if future.done():  # it was executed here; take its outcome first
                        break
                if not pending:
                    return not stop.reason
                done, _ = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
                for future in done:
                    job = pending.pop(future)
                    outcome = _outcome(future, job)
                    if outcome.status == "interrupted" and not outcome.pruned:
                        stop.request("interrupted")
                    else:
                        ended(job, outcome)
                if stop.reason and not stopping:
                    stopping = True
                    stop_path.touch()
                    executor.stop()
                    for future in [one for one in pending if one.cancel()]:
                        del pending[future]
                show(len(pending))
    except WorkersLost as error:
        at = f" at {executor.scheduler}" if executor.scheduler else ""
        raise WorkersLost(f"The Dask scheduler{at} is gone; what ended before is kept.") from error


def _outcome(future: Future[RunOutcome], job: Job) -> RunOutcome:
    """The outcome of a job whose future is done.

    Raises:
        WorkersLost: when the executor gave the job up.
        SandboxError: when the run could not even be tried.
    """
    try:
        return future.result()
    except CancelledError as error:
        raise WorkersLost("No worker is left.") from error
    except SandboxError:
        raise
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # Dask's; other runs continue
            return RunOutcome(job.request.id, "lost", error="all workers that executed it died")
        raise SandboxError(
            f"Run {job.request.id} could not be executed. {type(error).__name__}: {error}"
        ) from error


def run_requests(
    requests: Sequence[Request],
    store: Store,
    settings: Settings,
    progress: Callable[[int, Run], None] = lambda number, run: None,
    executor: Executor | None = None,
) -> list[Run | None]:
    """Execute several runs, or resume those that the store has under their request's id.

    Args:
        requests: what to run; those without an id are given one.
        store: where the runs go.
        settings: how to execute them.
        progress: called for each run that ended, with the index of its request and the run.
        executor: executes them; None executes them in this process, one after the other. It is not
            closed.

    Returns:
        The runs in the order of their requests, whatever their status; None for runs that Ctrl-C
        kept from ending.

    Raises:
        UsageError: when a request is wrong; nothing was started then.
        SandboxError: when a run could not even be tried.
        WorkersLost: when no worker is left.
    """
    root = store.root.resolve()
    stop_path = root / f".stop-{secrets.token_hex(6)}"
    jobs = [Job(_identified(request), str(root), settings, str(stop_path)) for request in requests]
    places = {job.request.id: place for place, job in enumerate(jobs)}
    runs: list[Run | None] = [None] * len(jobs)
    waiting = iter(jobs)

    def ended(job: Job, outcome: RunOutcome) -> None:
        place = places[job.request.id]
        runs[place] = run = Run(RunFolder(root / job.request.lab / outcome.run))
        progress(place, run)

    try:
        run_jobs(lambda: next(waiting, None), ended, executor or Here(), stop_path)
    finally:
        with contextlib.suppress(OSError):  # a store that cannot be written has no such file
            stop_path.unlink()
    return runs


def _identified(request: Request) -> Request:
    """The request with the registered name of its lab and an id.

    Raises:
        UsageError: when anything in the request is wrong.
    """
    entry, _, config = resolved(request)
    label = safe_label(label_of(config, request.preset))
    new_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{label}-{secrets.token_hex(4)}"
    return replace(request, lab=entry.name, id=request.id or new_id)
