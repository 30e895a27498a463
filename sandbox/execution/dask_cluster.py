"""Runs on Dask workers: processes started here, or a cluster that is there already and shares the store's folder.

Dask hands a run out again when its worker dies; `sandbox.execution.workers.carry` then goes on from the run's checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from sandbox.errors import UsageError
from sandbox.execution.workers import Job, RunOutcome, WorkersLost, carry_for_another
from sandbox.extras import missing
from sandbox.registry.registry import ROOT
from sandbox.runs import provenance

ANSWER_SECONDS = 10.0
"""A scheduler that does not answer, or has no worker, within this time is given up."""
COUNT_SECONDS = 2.0


class Dask:
    """A Dask cluster.

    Args:
        workers: how many processes to start here, one thread each; 0 when `scheduler` is given.
        scheduler: address of a running one: "tcp://host:8786".
        seconds: how long to wait for its answer and for its first worker.

    Raises:
        UsageError: when Dask is not installed, or the scheduler does not answer or has no workers.
    """

    def __init__(
        self, workers: int = 0, scheduler: str = "", seconds: float = ANSWER_SECONDS
    ) -> None:
        distributed = load_distributed("--scheduler" if scheduler else "--workers")
        self._cluster: Any = None
        self._counted = -COUNT_SECONDS
        self._count = max(1, workers)
        if scheduler:
            self._client = _connected(distributed, scheduler, seconds)
        else:
            with _deaf_children():
                self._cluster = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,
                )
            self._client = distributed.Client(self._cluster, set_as_default=False)
        _silence()
        self._pool = self._client.get_executor(pure=False)

    def check(self, store: Path) -> None:
        """Refuse workers that see another store or have another version of the sandbox, before anything is handed out.

        Raises:
            UsageError: naming the workers and what to do.
        """
        try:
            answers = self._client.run(greeting, str(store))
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"The workers cannot import the sandbox ({error}). Start them where PYTHONPATH names its folder: {ROOT}"
            ) from None
        own = provenance.sources()
        for worker, (sources, sees) in answers.items():
            if sources != own:
                raise UsageError(
                    f"The worker {worker} runs another version of the sandbox; start it from the same sources as {ROOT}."
                )
            if not sees:
                raise UsageError(
                    f"The worker {worker} does not see the store {store}; it must be on a folder that all share."
                )

    def slots(self) -> int:
        """The threads of all workers; they may come and go."""
        if time.monotonic() - self._counted >= COUNT_SECONDS:
            with _reached():
                self._count, self._counted = (
                    max(1, sum(self._client.nthreads().values())),
                    time.monotonic(),
                )
        return self._count

    def submit(self, job: Job) -> Future[RunOutcome]:
        """Hand a job to the cluster."""
        with _reached():
            future: Future[RunOutcome] = self._pool.submit(carry_for_another, job)
        return future

    def stop(self) -> None:
        """Runs stop by the job's stop file, wherever they are."""

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._pool.shutdown(wait=False)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _silence() -> None:
    """Dask logs a lost connection with its traceback; whoever waits for the runs is told in a sentence."""
    for name in [
        one for one in logging.root.manager.loggerDict if one.split(".")[0] == "distributed"
    ]:
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    """What Dask raises when the scheduler does not answer any more, as one error."""
    try:
        yield
    except (OSError, TimeoutError, RuntimeError, ValueError, CancelledError) as error:
        raise WorkersLost(f"{type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started inside do not hear Ctrl-C, which a terminal sends to all: the sweep tells its workers itself to save and stop."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def greeting(store: str) -> tuple[str, bool]:
    """What a worker says of itself: its sources, and whether it sees the store."""
    return provenance.sources(), Path(store).is_dir()


def load_distributed(what: str) -> Any:
    """The library.

    Raises:
        UsageError: when it is not installed, with the line that brings it.
    """
    try:
        import distributed
    except ImportError:
        raise missing(what, "sweep", "Dask") from None
    return distributed


def _connected(distributed: Any, address: str, seconds: float) -> Any:
    try:
        asyncio.run(
            asyncio.wait_for(_identity(address), seconds)
        )  # before there is a client, which would wait on for a mute one
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"No Dask scheduler answers at {address} within {seconds:g} s ({type(error).__name__}). "
            f"`dask scheduler` starts one; `--workers 2` needs none."
        ) from None
    client = distributed.Client(address, timeout=seconds, set_as_default=False)
    try:
        client.wait_for_workers(1, timeout=seconds)
    except TimeoutError:
        client.close()
        raise UsageError(
            f"The scheduler at {address} has no worker, and none came within {seconds:g} s. `dask worker {address}` starts one."
        ) from None
    return client


async def _identity(address: str) -> Any:
    """What the scheduler says of itself."""
    from distributed.core import rpc

    async with rpc(address) as scheduler:  # type: ignore[no-untyped-call]
        return await scheduler.identity()
