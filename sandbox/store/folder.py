"""One run's folder: who may write to it, and whether its writer is alive.

A run holds a file lock while it works and touches a heartbeat file. On one machine the lock tells whether the process lives; across
machines the heartbeat does.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from sandbox.errors import StoreError
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics
from sandbox.store.record import RunRecord

HEARTBEAT_SECONDS = 5.0
SILENT_SECONDS = 60.0
"""A run on another machine counts as lost when its heartbeat is older than this."""
RESERVE_BYTES = 64 * 1024
"""Kept free on the disk by a file, so that on a full disk there is room to say so."""


class RunFolder:
    """Paths and life signs of one run.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_path = path / "run.json"
        self.metrics_path = path / "metrics.jsonl"
        self.times_path = path / "times.jsonl"
        self.checkpoints = path / "checkpoints"
        self.artifacts = Artifacts(path / "artifacts")
        self._reserve = path / ".reserve"
        self._heartbeat = path / "heartbeat"

    @property
    def id(self) -> str:
        """The run's id: the folder's name."""
        return self.path.name

    def read(self) -> RunRecord:
        """The run's record, with status `lost` when it stands as running but nobody works on it.

        Raises:
            StoreError: when run.json is missing or damaged.
        """
        return self.with_life(RunRecord.read(self.record_path))

    def with_life(self, record: RunRecord) -> RunRecord:
        """The record, its status corrected to `lost` when it stands as running but nobody works on it."""
        if record.status == "running" and not self.alive(record):
            record.status = "lost"
        return record

    def metrics(self) -> Metrics:
        """What the run measured."""
        return Metrics(self.metrics_path)

    def alive(self, record: RunRecord) -> bool:
        """Whether a process works on this run now."""
        if record.host != platform.node():
            with contextlib.suppress(OSError):
                return time.time() - self._heartbeat.stat().st_mtime < SILENT_SECONDS
            return False
        lock_path = self.path / ".lock"
        if not lock_path.exists():
            return False
        lock = filelock.FileLock(lock_path, timeout=0, mode=0o644)
        try:
            lock.acquire()
        except filelock.Timeout:
            return True
        except OSError:  # no right to lock it: a foreign store; the heartbeat is all there is
            with contextlib.suppress(OSError):
                return time.time() - self._heartbeat.stat().st_mtime < SILENT_SECONDS
            return False
        lock.release()
        return False

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be this run's one writer.

        Raises:
            StoreError: when another process is.
        """
        lock = filelock.FileLock(self.path / ".lock", timeout=1.0, mode=0o644)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise StoreError(f"Run {self.id} is being written by another process; wait until it ends, or stop it.") from None
        except OSError as error:
            raise StoreError(f"Cannot write to {self.path}: {error.strerror}.") from error
        stop = threading.Event()
        beat = threading.Thread(target=self._beat, args=(stop,), name="heartbeat", daemon=True)
        try:
            self._reserve.write_bytes(b"\0" * RESERVE_BYTES)
            self._heartbeat.touch()
            beat.start()
            yield
        finally:
            stop.set()
            if beat.ident is not None:
                beat.join()
            self.free_reserve()
            self._heartbeat.unlink(missing_ok=True)
            lock.release()

    def free_reserve(self) -> None:
        """Give the reserved bytes back to the disk, so that the last words fit."""
        with contextlib.suppress(OSError):
            self._reserve.unlink(missing_ok=True)

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(self._heartbeat)
