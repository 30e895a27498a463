"""Executors: they execute jobs in this process, in its threads, or in processes started here.

`sandbox.execution.dask_cluster` has one more, a Dask cluster. Whichever it is, a run has the same
bytes, and a worker that is killed loses nothing: the job resumes from the run's checkpoint.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TypeAlias

from sandbox.errors import SandboxError, UsageError
from sandbox.execution.jobs import Job, RunOutcome, execute, execute_elsewhere

ATTEMPTS = 4
"""Worker processes that may die, one after the other, over one job."""


class WorkersLost(SandboxError):
    """No worker is left to execute jobs; runs that ended are kept."""


class Executor:
    """Executes jobs, each with a future of `concurrent.futures`.

    `slots` and `submit` raise WorkersLost when no worker is left.
    """

    scheduler = ""
    """Address of the Dask scheduler that hands jobs to workers, or ""."""

    def slots(self) -> int:
        """How many jobs work at the same time."""
        return 1

    def submit(self, job: Job) -> Future[RunOutcome]:
        """Execute a job, now or soon."""
        raise NotImplementedError

    def stop(self) -> None:
        """Let active runs finish their block and save; runs elsewhere see the job's stop file."""

    def close(self) -> None:
        """Release the workers; called once, after all jobs are done or given up."""


class Here(Executor):
    """This process, one run after the other; Ctrl-C reaches the run itself."""

    def submit(self, job: Job) -> Future[RunOutcome]:
        """Execute the job now."""
        future: Future[RunOutcome] = Future()
        try:
            future.set_result(execute(job))
        except SandboxError as error:
            future.set_exception(error)
        return future


class Threads(Executor):
    """Threads of this process: they share its compiled code, and no process is started for a run.

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
        """Execute the job as soon as a thread is free."""
        return self._pool.submit(self._execute, job)

    def stop(self) -> None:
        """Let active runs finish their block and save."""
        self._stopping.set()

    def close(self) -> None:
        """Wait for the active runs: each finishes its block."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def _execute(self, job: Job) -> RunOutcome:
        return execute(job, self._stopping.is_set)


class Processes(Threads):
    """Worker processes, one for each thread of `Threads`; a thread restarts a process that dies.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._workers = [Worker() for _ in range(count)]
        for worker in self._workers:
            self._idle.put(worker)

    def close(self) -> None:
        """End the processes; an active run can be resumed from its checkpoint."""
        self._stopping.set()
        for worker in self._workers:
            worker.stop()
        super().close()

    def _execute(self, job: Job) -> RunOutcome:
        worker = self._idle.get()
        try:
            for _ in range(ATTEMPTS):
                with contextlib.suppress(EOFError, OSError):  # it died
                    return worker.execute(job)
                if self._stopping.is_set():
                    break
                worker.start()  # and resumes the run from its checkpoint
            return RunOutcome(job.request.id, "lost", error="all workers that executed it died")
        finally:
            self._idle.put(worker)


class Worker:
    """A process that executes one job after another; it ends with this process."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start a process, also after the one before died."""
        context = multiprocessing.get_context("spawn")
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(other_end,), daemon=True)
        self._process.start()
        other_end.close()
        self._ready = False

    def execute(self, job: Job) -> RunOutcome:
        """Execute a job.

        Raises:
            EOFError, OSError: when the process died.
            UsageError: when the process had an error before it could take a job.
            Exception: what the job raised.
        """
        self._wait_until_ready()
        self._pipe.send(job)
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, RunOutcome)
        return answer

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        try:
            self._pipe.recv()
        except EOFError:
            self._process.join()
            if self._process.exitcode == 1:  # an error; a signal would be negative
                raise UsageError(
                    "A worker process could not start; its error stands above. Python imports a "
                    "script in every worker: put what starts workers under `if __name__ == "
                    '"__main__":`, or leave `workers` out.'
                ) from None
            raise
        self._ready = True

    def stop(self) -> None:
        """End the process at once."""
        self._process.terminate()
        self._process.join()


WorkerEnd: TypeAlias = "Connection[RunOutcome | Exception | None, Job]"
"""The worker's end of the pipe: it says once that it is ready, then gives outcomes for jobs."""


def _serve(pipe: WorkerEnd) -> None:
    """The worker process: execute jobs in a thread, which receives no signals."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes
    thread = threading.Thread(target=_execute_jobs, args=(pipe,))
    thread.start()
    thread.join()


def _execute_jobs(pipe: WorkerEnd) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    with contextlib.suppress(EOFError, OSError):  # the parent has ended
        pipe.send(None)  # ready
        while True:
            job = pipe.recv()
            answer: RunOutcome | Exception
            try:
                answer = execute_elsewhere(job, lambda: not parent.is_alive())
            except SandboxError as error:
                answer = error
            except Exception as error:  # perhaps one that cannot be pickled
                answer = RuntimeError(f"{type(error).__name__}: {error}")
            pipe.send(answer)
