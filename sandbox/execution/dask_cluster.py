"""An executor that hands jobs to a running Dask cluster, whose workers share the store's folder.

Dask hands a job to another worker when its worker dies; `sandbox.execution.jobs.execute` then
resumes the run from its checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from sandbox.errors import UsageError
from sandbox.execution.jobs import Job, RunOutcome, execute_elsewhere
from sandbox.execution.workers import Executor, WorkersLost
from sandbox.extras import missing
from sandbox.registry.registry import ROOT
from sandbox.runs import provenance

ANSWER_SECONDS = 10.0
"""How long to wait for the scheduler to answer, and for its first worker."""
COUNT_SECONDS = 2.0
"""How long a count of the workers' threads holds."""


class Dask(Executor):
    """A running Dask cluster.

    Args:
        scheduler: its address: "tcp://host:8786".
        store: the store's folder, absolute.
        seconds: how long to wait for the scheduler's answer and for its first worker.

    Raises:
        UsageError: when Dask is not installed, the scheduler does not answer or has no workers, or
            a worker sees another store or has another version of the sandbox.
    """

    def __init__(self, scheduler: str, store: Path, seconds: float = ANSWER_SECONDS) -> None:
        self.scheduler = scheduler
        self._counted, self._count = -COUNT_SECONDS, 1
        self._client = _connected(scheduler, seconds)
        _silence()
        try:
            self._check(store)
        except UsageError:
            self._client.close()
            raise
        self._pool = self._client.get_executor(pure=False)

    def _check(self, store: Path) -> None:
        try:
            answers = self._client.run(worker_state, str(store))
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"The workers cannot import the sandbox ({error}). "
                f"Start them where PYTHONPATH names its folder: {ROOT}"
            ) from None
        for worker, (sources, sees_store) in answers.items():
            if sources != provenance.sources():
                raise UsageError(
                    f"The worker {worker} runs another version of the sandbox; "
                    f"start it from the same sources as {ROOT}."
                )
            if not sees_store:
                raise UsageError(
                    f"The worker {worker} does not see the store {store}; "
                    "it must be on a folder that all share."
                )

    def slots(self) -> int:
        """The threads of all workers; they may come and go."""
        if time.monotonic() - self._counted >= COUNT_SECONDS:
            with _lost_if_unreachable():
                self._count = max(1, sum(self._client.nthreads().values()))
            self._counted = time.monotonic()
        return self._count

    def submit(self, job: Job) -> Future[RunOutcome]:
        """Hand a job to the cluster."""
        with _lost_if_unreachable():
            future: Future[RunOutcome] = self._pool.submit(execute_elsewhere, job)
        return future

    def close(self) -> None:
        """Leave the cluster."""
        self._pool.shutdown(wait=False)
        self._client.close()


def worker_state(store: str) -> tuple[str, bool]:
    """A worker's sources, and whether it sees the store."""
    return provenance.sources(), Path(store).is_dir()


def _silence() -> None:
    """Silence Dask's log: it prints the traceback of a lost connection beside our error message."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _lost_if_unreachable() -> Iterator[None]:
    """Turn what Dask raises when the scheduler no longer answers into one error."""
    try:
        yield
    except (OSError, TimeoutError, RuntimeError, ValueError, CancelledError) as error:
        raise WorkersLost(f"{type(error).__name__}: {error}") from error


def _connected(address: str, seconds: float) -> Any:
    """A client of the scheduler."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise missing("--scheduler", "sweep", "Dask") from None
    try:  # a client would wait longer for a silent scheduler
        asyncio.run(asyncio.wait_for(_identity(address), seconds))
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"No Dask scheduler answers at {address} within {seconds:g} s "
            f"({type(error).__name__}). `dask scheduler` starts one; `--workers 2` needs none."
        ) from None
    client = distributed.Client(address, timeout=seconds, set_as_default=False)
    try:
        client.wait_for_workers(1, timeout=seconds)
    except TimeoutError:
        client.close()
        raise UsageError(
            f"The scheduler at {address} has no worker, and none came within {seconds:g} s. "
            f"`dask worker {address}` starts one."
        ) from None
    return client


async def _identity(address: str) -> Any:
    """The scheduler's description of itself."""
    from distributed.core import rpc

    async with rpc(address) as scheduler:  # type: ignore[no-untyped-call]
        return await scheduler.identity()
