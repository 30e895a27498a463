"""A tracker's thread and its bounded queue: the run hands over what happened and goes on at once.

Nothing here waits for a tracker while a run learns. What does not fit into the queue is left out and counted; an error ends the tracker and
is raised once, where the run's loop reports it and drops the tracker.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sandbox.errors import SandboxError
from sandbox.extras import need
from sandbox.lab import Block
from sandbox.text import flat

WAITING = 1000
"""So many blocks may wait."""
ROWS = 500
"""So many rows of a block are passed on at most; of longer ones the means of as many stretches."""
PATIENCE = 5.0
"""Seconds that the end of a run waits for a tracker that makes no headway."""


@dataclass(frozen=True)
class Points:
    """Part of what a block holds, ready to be passed on.

    Attributes:
        stream: its stream.
        step: int64 [rows], in the run's unit.
        columns: float64 [rows] each; NaN for "none".
    """

    stream: str
    step: np.ndarray
    columns: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Beginning:
    """What a tracker is told of a run before anything else.

    Attributes:
        id, lab: of the run.
        folder: where it stands.
        unit: what steps count.
        resumed_at: units done before; 0 for a run at its beginning.
        resumed: how often it was taken up again.
        created: ISO 8601.
        facts: seed, agent, preset, versions …: plain values.
        config: the configuration with dotted names: plain values.
    """

    id: str
    lab: str
    folder: str
    unit: str
    resumed_at: int
    resumed: int
    created: str
    facts: Mapping[str, Any]
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        status: its status.
        step: units done.
        summary: its scores that are numbers; empty unless it finished.
    """

    status: str
    step: int
    summary: Mapping[str, float]


class Tracker:
    """Base of the trackers: an observer whose work happens in a thread. A tracker implements `open`, `points` and `close`.

    Args:
        target: what stood behind "=" on the command line, or "".

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
        self.left_out = 0
        self._queue: queue.Queue[Beginning | Points | Ending] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._told = False
        self._done = 0
        self._thread: threading.Thread | None = None

    # -- in the tracker's thread

    def open(self, beginning: Beginning) -> None:
        """The run begins, or goes on."""
        raise NotImplementedError

    def points(self, points: Points) -> None:
        """Something was measured."""
        raise NotImplementedError

    def idle(self) -> None:
        """Nothing more waits just now: a good moment to send what was gathered."""

    def close(self, ending: Ending) -> None:
        """The run has ended."""
        raise NotImplementedError

    # -- in the run's thread

    def started(self, run: Any) -> None:
        """Hand over what the run is."""
        record = run.record
        facts = {"seed": record.seed, "seeds": record.seeds, "agent": record.agent, "preset": record.preset, "sources": record.sources[:12]}
        self._queue.put_nowait(
            Beginning(
                *(record.id, record.lab, str(run.folder.path), record.unit, int(run.resumed_at), record.resumed, record.created),
                facts,
                flat(record.config),
            )
        )
        self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        self._thread.start()

    def block(self, run: Any, block: Block) -> None:
        """Hand over what was measured; when too much waits already, leave it out."""
        self._raise()
        points = points_of(block, run.record.unit, int(run.experiment.done_units))
        if points is None:
            return
        try:
            self._queue.put_nowait(points)
        except queue.Full:
            self.left_out += 1

    def ended(self, run: Any) -> None:
        """Hand over how it ended, and wait for what is on its way, as long as there is headway."""
        record = run.record
        numbers = {name: float(value) for name, value in record.summary.items() if _is_number(value)}
        ending = Ending(record.status, record.done_units, numbers if record.status == "finished" else {})
        self._drain(ending)
        self._raise()
        if self.left_out:
            raise SandboxError(
                f"{self.left_out} blocks were left out, since {self.name} was slower than the run; metrics.jsonl has them all."
            )

    def _drain(self, ending: Ending) -> None:
        thread, seen, since, handed = self._thread, -1, time.monotonic(), False
        while thread is not None and thread.is_alive():
            if not handed:
                try:
                    self._queue.put(ending, timeout=0.05)
                    handed = True
                except queue.Full:
                    pass
            thread.join(0.05)
            if self._done != seen:
                seen, since = self._done, time.monotonic()
            elif time.monotonic() - since > PATIENCE:
                raise SandboxError(f"{self.name} did not answer for {PATIENCE:g} s; what it was not told stands in the run's folder.")

    def _raise(self) -> None:
        if self._error is not None and not self._told:
            self._told = True
            error = self._error
            text = str(error).strip().splitlines()
            raise SandboxError(f"{self.name} is out of reach ({type(error).__name__}: {text[0] if text else ''})") from error

    def _work(self) -> None:
        try:
            while True:
                message = self._queue.get()
                if isinstance(message, Beginning):
                    self.open(message)
                elif isinstance(message, Points):
                    self.points(message)
                else:
                    self.close(message)
                    return
                if self._queue.empty():
                    self.idle()
                self._done += 1
        except BaseException as error:
            self._error = error


def points_of(block: Block, unit: str, done: int) -> Points | None:
    """What of a block can be drawn against steps; None when nothing can.

    Args:
        block: as the experiment gave it; its arrays are copied.
        unit: of the run; the column of that name says where each row belongs.
        done: units done at its end, where there is no such column: then only the last row has a place.
    """
    numeric = {name: _numbers(values) for name, values in block.columns.items()}
    columns = {name: values for name, values in numeric.items() if values is not None}
    name = next((one for one in (unit.replace(" ", "_"), f"{unit.replace(' ', '_')}s") if one in columns), None)
    if name is None:
        step, columns = np.array([float(done)]), {column: values[-1:] for column, values in columns.items()}
    else:
        step = columns.pop(name)
    if not len(step) or not columns or not all(len(values) for values in columns.values()):
        return None
    if len(step) > ROWS:
        ends = np.linspace(0, len(step), ROWS + 1).round().astype(np.int64)
        step = step[ends[1:] - 1]
        columns = {column: _means(values, ends) for column, values in columns.items()}
    return Points(block.stream, step.astype(np.int64), columns)


def _means(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The mean of each stretch, "none" left aside: float64 [rows] -> [stretches]."""
    known = np.isfinite(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), ends[:-1])
    counts = np.add.reduceat(known.astype(np.float64), ends[:-1])
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def _numbers(values: Any) -> np.ndarray | None:
    try:
        array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.ndim == 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))
