"""Base of the trackers: one thread that sends in order, and the points that are sent.

A tracker is opened before the run learns; from then on the run only passes points on, and waits
once more at its end, for a limited time. Points that were not sent by then are still in
metrics.jsonl: a resume sends them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from sandbox.errors import SandboxError
from sandbox.extras import need
from sandbox.lab import Block
from sandbox.observer import ObservedRun, Observer
from sandbox.store.record import RunRecord
from sandbox.text import Document, is_number, unit_columns

WAITING = 200
"""So many blocks may wait to be sent; what comes while they wait is sent at the end, read from
metrics.jsonl.
"""
ROWS = 500
"""So many rows of a block are sent at most; of longer ones the means of as many stretches."""
LIMIT = 60.0
"""Seconds that a run waits at its beginning until the tracker is open, and at its end for what is
on its way.
"""


class TrackedPoints(NamedTuple):
    """The part of a block that is sent."""

    stream: str
    step: np.ndarray
    """int64 [rows], in the run's unit."""
    columns: Mapping[str, np.ndarray]
    """float64 [rows] each; NaN for "none"."""


class Tracker(Observer):
    """Base of the trackers: an observer that works in its own thread.

    A tracker implements `open`, `points`, `flush` and `close`.

    Args:
        target: the text after "=" on the command line, or "".

    Raises:
        UsageError: when its library is not installed.
    """

    name = "tracker"
    library = ""
    """The module it needs."""

    def __init__(self, target: str = "") -> None:
        if self.library:
            need(f"--track {self.name}", "trackers", self.library)
        self.target = target
        self._pool: ThreadPoolExecutor | None = None
        self._handed = 0  # points, counted from the beginning of metrics.jsonl
        self._behind = False
        self._pending: deque[Future[None]] = deque()
        self._given_up = threading.Event()

    # -- what a tracker implements; called in its thread

    def open(self, run: ObservedRun) -> None:
        """The run begins or is resumed, or is finished and some of its points may be missing."""
        raise NotImplementedError

    def points(self, points: TrackedPoints) -> None:
        """Something was measured: after a resume also all that was measured before, in the same
        order as then.
        """
        raise NotImplementedError

    def flush(self) -> None:
        """The queue is empty: a good moment to send what was gathered."""

    def close(self, run: ObservedRun, scores: Mapping[str, float]) -> None:
        """The run has ended, with these scores; they are empty unless it finished."""
        raise NotImplementedError

    # -- the observer; called in the run's thread

    def started(self, run: ObservedRun) -> None:
        """Open the tracker, up to a limit of time; then send what a resumed run measured before.

        Even if this wait is interrupted, the thread completes `open` before the process ends: a
        database is never left half prepared.
        """
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=self.name)
        self._submit(self.open, run)
        try:
            self._wait(time.monotonic() + LIMIT)
        except TimeoutError:
            self._give_up()
            raise SandboxError(
                f"{self.name} has not answered within {LIMIT:g} s; {self._remedy(run)}"
            ) from None
        for points in history(run):
            self._hand(points)

    def block(self, run: ObservedRun, block: Block) -> None:
        """Hand over what was measured; never wait for it."""
        self._settle()
        points = points_of(block, run.record.unit, int(run.experiment.done_units))
        if points is not None:
            self._hand(points)

    def ended(self, run: ObservedRun) -> None:
        """Send what is missing, then how it ended, and wait for all of it, up to a limit."""
        if self._pool is None:  # the run failed before it began
            return
        deadline = time.monotonic() + LIMIT
        try:
            if self._behind:
                for points in islice(history(run), self._handed, None):
                    self._wait(deadline, WAITING)
                    self._submit(self._send, points)
            summary = run.record.summary if run.record.status == "finished" else {}
            scores = {name: float(value) for name, value in summary.items() if is_number(value)}
            self._submit(self.close, run, scores)
            self._wait(deadline)
        except TimeoutError:
            raise SandboxError(
                f"{self.name} has not taken everything within {LIMIT:g} s; {self._remedy(run)}"
            ) from None
        finally:
            self._give_up()

    def _remedy(self, run: ObservedRun) -> str:
        name = f"{self.name}={self.target}" if self.target else self.name
        again = f"python -m sandbox resume {run.record.id} --track {name}"
        return f"the run's folder has it all, and `{again}` sends what is missing."

    # -- its thread

    def _hand(self, points: TrackedPoints) -> None:
        self._behind = self._behind or len(self._pending) >= WAITING
        if not self._behind:
            self._submit(self._send, points)
            self._handed += 1

    def _send(self, points: TrackedPoints) -> None:
        self.points(points)
        if len(self._pending) <= 1:
            self.flush()

    def _submit(self, task: Callable[..., None], *details: object) -> None:
        assert self._pool is not None
        self._pending.append(self._pool.submit(self._unless_given_up, task, *details))

    def _unless_given_up(self, task: Callable[..., None], *details: object) -> None:
        if not self._given_up.is_set():
            task(*details)

    def _settle(self) -> None:
        """Drop completed tasks; raise the error of a failed one."""
        while self._pending and self._pending[0].done():
            error = self._pending.popleft().exception()
            if error is not None:
                self._give_up()
                first = (str(error).strip().splitlines() or [""])[0]
                raise SandboxError(
                    f"{self.name} is out of reach ({type(error).__name__}: {first})"
                ) from error

    def _wait(self, deadline: float, fewer: int = 1) -> None:
        """Wait until fewer than `fewer` tasks are pending; by default, until all are done.

        Raises:
            TimeoutError: when the deadline passes first.
        """
        while len(self._pending) >= fewer:
            if not wait([self._pending[0]], max(0.0, deadline - time.monotonic())).done:
                raise TimeoutError
            self._settle()

    def _give_up(self) -> None:
        """Finish the request in progress and drop all later ones."""
        assert self._pool is not None
        self._given_up.set()
        self._pool.shutdown(wait=False)


def facts_of(record: RunRecord) -> Document:
    """Facts about a run beside its configuration: plain values."""
    facts = {
        "seed": record.seed,
        "seeds": record.seeds,
        "agent": record.agent,
        "preset": record.preset,
        "sources": record.sources[:12],
    }
    return {name: value for name, value in facts.items() if value is not None}


def history(run: ObservedRun) -> Iterator[TrackedPoints]:
    """What the run has measured until now, read from its metrics.jsonl, in the form it was first
    sent.

    Args:
        run: as an observer gets it; its metrics file already holds everything to be read.
    """
    for columns in run.folder.metrics().blocks():
        block = Block(columns.pop("stream"), columns)
        points = points_of(block, run.record.unit, run.record.done_units)
        if points is not None:
            yield points


def points_of(block: Block, unit: str, done: int) -> TrackedPoints | None:
    """The columns of a block that can be plotted against steps; None without any.

    Args:
        block: a block of the experiment; its arrays are copied.
        unit: the run's unit; the column of that name holds the step of each row.
        done: units done at the end of the block. Without a column named after the unit, only the
            last row has a step: this one.
    """
    columns = {
        name: numbers
        for name, values in block.columns.items()
        if (numbers := _numbers(values)) is not None
    }
    name = next((one for one in unit_columns(unit) if one in columns), None)
    if name is None:
        step = np.array([float(done)])
        columns = {column: values[-1:] for column, values in columns.items()}
    else:
        step = columns.pop(name)
    if not len(step) or not columns or not all(len(values) for values in columns.values()):
        return None
    if len(step) > ROWS:
        ends = np.linspace(0, len(step), ROWS + 1).round().astype(np.int64)
        step = step[ends[1:] - 1]
        columns = {column: _means(values, ends) for column, values in columns.items()}
    return TrackedPoints(block.stream, step.astype(np.int64), columns)


def _means(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The mean of each segment, ignoring NaN: float64 [rows] -> [segments]."""
    known = np.isfinite(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), ends[:-1])
    counts = np.add.reduceat(known.astype(np.float64), ends[:-1])
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def _numbers(values: Iterable[Any]) -> np.ndarray | None:
    try:
        array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.ndim == 1 else None
