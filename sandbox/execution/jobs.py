"""One run as a job that is sent to a worker, and how the worker executes it.

The name of a run's folder is decided before the run begins. So a job that is submitted twice,
because its worker died or was thought dead, never starts twice: the second attempt finds the
folder, waits until the first worker is gone, and resumes from the checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

from sandbox.errors import RunFailed, SandboxError, StoreError, UsageError
from sandbox.lab import Block, Lab
from sandbox.observer import ObservedRun, Observer
from sandbox.registry.registry import registry
from sandbox.runs import api, provenance
from sandbox.runs.loop import Settings
from sandbox.runs.request import Request
from sandbox.runs.stopping import StopRequest
from sandbox.store import RunFolder, RunRecord, Store
from sandbox.text import Document

LOOK_SECONDS = 0.25
"""Time between two looks for a reason to stop, and between two looks at a busy folder."""
STREAMS = ("evaluate", "validate", "test")
"""Streams whose values are reported to a pruner; those of learning are too noisy."""
_EXCLUSIVE = threading.Lock()
"""Held by runs of labs that cannot share a process with another run."""


class Pruner(Protocol):
    """Decides whether a run is hopeless; it is sent to the worker with the job."""

    column: str
    """Of an evaluation stream, whose last value is reported."""

    def hopeless(self, value: float, step: int) -> bool:
        """Report a value after `step` units of work; returns whether to prune the run."""
        ...


@dataclass(frozen=True)
class Job:
    """A run to execute.

    Attributes:
        request: what to run; has an id.
        store: the store's folder, absolute.
        settings: how to execute it; without observers and viewer if it is sent to another process.
        stop_file: while this file exists, runs stop after their block; "" for none.
        again: whether to retry a run that failed.
        allow_changed: whether to resume a run that began under other versions.
        pruner: decides whether the run is hopeless, or None.
        plugins: files of plugins given with -p, each with the SHA-256 that was loaded.
        sources: SHA-256 of the sources that the worker must have.
    """

    request: Request
    store: str
    settings: Settings = field(default_factory=Settings)
    stop_file: str = ""
    again: bool = False
    allow_changed: bool = False
    pruner: Pruner | None = None
    plugins: dict[str, str] = field(default_factory=lambda: registry().files)
    sources: str = field(default_factory=provenance.sources)


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        run: its id.
        status: its status.
        summary, score: as in its record; empty unless it finished.
        error: one line, or "".
        pruned: whether it was given up as hopeless.
        reported: whether it reported values to the pruner.
    """

    run: str
    status: str
    summary: Document = field(default_factory=dict)
    score: Document = field(default_factory=dict)
    error: str = ""
    pruned: bool = False
    reported: bool = False

    @classmethod
    def of(cls, record: RunRecord) -> Self:
        """The outcome of a run that ended before."""
        return cls(record.id, record.status, record.summary, record.score, record.reason)


class Watcher(Observer):
    """An observer that stops a run on request, or when the pruner stops it.

    Args:
        stopped: whether the run should stop.
        pruner: the run's pruner, or None.

    Attributes:
        pruned: whether the pruner gave it up.
        reported: whether any value was reported to the pruner.
    """

    name = "sweep"

    def __init__(self, stopped: Callable[[], bool], pruner: Pruner | None) -> None:
        self.stopped, self._pruner = stopped, pruner
        self._last_look = 0.0
        self.pruned = self.reported = False

    def started(self, run: ObservedRun) -> None:
        """Stop at once if the request to stop came before the run began."""
        self._look(run.stop)

    def block(self, run: ObservedRun, block: Block) -> None:
        """Look for a reason to stop."""
        self._look(run.stop)
        pruner = self._pruner
        if pruner and block.stream in STREAMS and len(block.columns.get(pruner.column, ())):
            self.reported = True
            value = float(block.columns[pruner.column][-1])
            if pruner.hopeless(value, run.experiment.done_units) and not run.experiment.done:
                self.pruned = True
                run.stop.request("interrupted")

    def _look(self, stop: StopRequest) -> None:
        if time.monotonic() - self._last_look >= LOOK_SECONDS:
            self._last_look = time.monotonic()
            if self.stopped():
                stop.request("interrupted")


def execute(job: Job, stopped: Callable[[], bool] = lambda: False) -> RunOutcome:
    """Execute a run to its end, from its last checkpoint if it has one.

    Args:
        job: the run.
        stopped: asked repeatedly; once it returns True, the run stops after its block.

    Returns:
        The outcome, even if the run failed.

    Raises:
        SandboxError: when the run cannot even be tried: other sources, no such lab, a store that
            cannot be written.
    """
    for file, digest in job.plugins.items():
        registry().add_file(Path(file), digest)
    if job.sources != provenance.sources():
        raise UsageError(
            "A worker runs another version of the sandbox than this process; "
            "start workers from the same sources."
        )
    watcher = Watcher(lambda: stopped() or os.path.exists(job.stop_file), job.pruner)
    settings = replace(job.settings, observers=[*job.settings.observers, watcher])
    folder = RunFolder(Path(job.store) / job.request.lab / job.request.id)
    shared = shares_a_process(registry().lab(job.request.lab))
    with contextlib.nullcontext() if shared else _EXCLUSIVE:
        errors = 0
        while True:
            try:
                run = _attempt(job, folder, settings)
            except RunFailed as failed:
                run = failed.run
            except (StoreError, UsageError) as error:
                errors += not _busy(folder)
                if errors and (isinstance(error, UsageError) or errors > 2):
                    raise
                run = None
            if run is not None:
                pruned = watcher.pruned and run.status == "interrupted"
                outcome = RunOutcome.of(run.record)
                return replace(outcome, pruned=pruned, reported=watcher.reported)
            if watcher.stopped():
                return RunOutcome(folder.id, "interrupted")
            time.sleep(LOOK_SECONDS)  # another worker has it, or died too recently to be noticed


def execute_elsewhere(job: Job, stopped: Callable[[], bool] = lambda: False) -> RunOutcome:
    """`execute` in a worker process: what a plugin prints goes to standard error.

    Raises:
        SandboxError: or UsageError, but no other subclass, so that it can be pickled.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return execute(job, stopped)
    except SandboxError as error:
        kind = UsageError if isinstance(error, UsageError) else SandboxError
        raise kind(str(error)) from error


def _attempt(job: Job, folder: RunFolder, settings: Settings) -> api.Run | None:
    """The run after one attempt; None while another process works on it."""
    if not folder.record_path.exists():
        return api.start(job.request, Store(job.store), settings)
    status = folder.read().status
    if status == "running":
        return None
    if status == "failed" and not job.again:
        return api.Run(folder)
    return api.proceed(folder, settings, allow_changed=job.allow_changed, track=job.request.track)


def _busy(folder: RunFolder) -> bool:
    """Whether another process begins or executes a run."""
    try:
        return folder.read().status == "running"
    except StoreError:
        return folder.alive()


def shares_a_process(lab: Lab) -> bool:
    """Whether runs of this lab may work in several threads of one process.

    Labs that learn many configurations together promise that: compiled learning without the
    interpreter's lock, and no global generators.
    """
    return lab.offers("build_many") and not lab.global_generators
