"""Carries out a list of runs: hands them to an executor, as many as it has slots for, until all ended or somebody says stop.

Each is an ordinary run in the store. A run that fails stops none of the others; Ctrl-C lets those at work finish their block and save.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sandbox.execution.workers import (
    Executor,
    Here,
    Job,
    RunOutcome,
    Threads,
    outcome_of,
    plugin_files,
    shares_a_process,
)
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.runs.stopping import StopRequest
from sandbox.runs.view import Run
from sandbox.store.folder import RunFolder
from sandbox.store.store import Store, safe_label

POLL_SECONDS = 0.2


@contextlib.contextmanager
def executor_for(
    lab: Any, workers: int, scheduler: str, store: Store, in_threads: bool = True
) -> Iterator[Executor]:
    """Who carries out runs of a lab, ready to work: this process, processes started here, or a running Dask cluster.

    Args:
        lab: the lab.
        workers: processes to start; 0 for none.
        scheduler: address of a running Dask scheduler, or "".
        store: where the runs go.
        in_threads: whether runs in this process may be at work at the same time, where the lab allows it. They then share the cores, so
            that the seconds of each say little.

    Raises:
        UsageError: when Dask is not installed, does not answer, or its workers do not fit.
    """
    executor: Executor
    if workers or scheduler:
        from sandbox.execution.dask_cluster import Dask

        store.make_root()
        cluster = Dask(workers, scheduler)
        executor = cluster
    else:
        cluster = None
        executor = (
            Threads(api.available_cores()) if in_threads and shares_a_process(lab) else Here()
        )
    try:
        if cluster is not None:
            cluster.check(store.root.resolve())
        yield executor
    finally:
        executor.close()


def carry_out(
    requests: Sequence[api.Request],
    store: Store,
    settings: Settings,
    progress: Callable[[int, Run], None] = lambda number, run: None,
    executor: Executor | None = None,
    again: bool = False,
) -> list[Run | None]:
    """Carry out several runs, or go on with those that stand in the store under the id of their request.

    Args:
        requests: what to run; those without an id are given one.
        store: where the runs go.
        settings: how to carry them out.
        progress: told of each run that ended: which request it was of, and the run.
        executor: who does it; None does it here, one after the other. It is not closed.
        again: whether to try runs that failed once more.

    Returns:
        The runs in the order of their requests, whatever their status; None for those that were not carried to an end, because of Ctrl-C.

    Raises:
        UsageError: when a request is wrong; nothing was started then.
        SandboxError: when a run could not even be tried.
        WorkersLost: when nobody is left to carry runs out.
    """
    named = [_named(request) for request in requests]
    root = store.root.resolve()
    stop_path = root / f".stop-{secrets.token_hex(6)}"
    jobs = [
        Job(request, str(root), settings, plugin_files(), stop_file=str(stop_path), again=again)
        for request in named
    ]
    made: list[Run | None] = [None] * len(jobs)
    try:
        for number, outcome in _completed(jobs, executor or Here(), stop_path.touch):
            run = Run(RunFolder(root / jobs[number].request.lab / outcome.run))
            made[number] = run
            progress(number, run)
    finally:
        with contextlib.suppress(OSError):  # a store that cannot be written holds none
            stop_path.unlink()
    return made


def _named(request: api.Request) -> api.Request:
    """The request with the registered name of its lab and an id, once all of it is known to be right."""
    entry, _, config = api.resolved(request)
    agent = getattr(config, "agent", None)
    made = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{safe_label(getattr(agent, 'name', request.preset))}-{secrets.token_hex(4)}"
    return replace(request, lab=entry.name, id=request.id or made)


def _completed(
    jobs: Sequence[Job], executor: Executor, tell: Callable[[], None]
) -> Iterator[tuple[int, RunOutcome]]:
    """Hand jobs in and yield the outcomes of those that came to an end, as they come.

    Args:
        jobs: what to do.
        executor: who does it.
        tell: called once when everything is to stop; those at work elsewhere look for what it leaves.
    """
    stop, told = StopRequest(), False
    waiting, pending = list(range(len(jobs)))[::-1], dict[Future[RunOutcome], int]()
    with stop.listening():
        while True:
            while waiting and not stop.reason and len(pending) < executor.slots():
                number = waiting.pop()
                future = executor.submit(jobs[number])
                pending[future] = number
                if future.done():  # done here, in this thread: somebody may want to know of it before the next begins
                    break
            if not pending:
                return
            done, _ = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
            for future in done:
                number = pending.pop(future)
                outcome = outcome_of(future, str(jobs[number].request.id))
                if outcome.status == "interrupted":
                    stop.request("interrupted")
                else:
                    yield number, outcome
            if stop.reason and not told:
                told = True
                tell()
                executor.stop()
                for future in [one for one in pending if one.cancel()]:
                    del pending[future]
