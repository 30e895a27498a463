"""One run's folder: who may write to it, and whether its writer is alive.

A run holds a file lock while it works and touches a heartbeat file. On one machine the lock tells whether the process lives; across
machines the heartbeat does.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import filelock

from sandbox.errors import StoreError
from sandbox.store.artifacts import Artifacts
from sandbox.store.files import write_whole
from sandbox.store.metrics import Metrics
from sandbox.store.record import RunRecord, with_artifacts

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

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
        self._lock_path = path / ".lock"

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
            return self._beats()
        if not self._lock_path.exists():
            return False
        try:
            return _is_locked(self._lock_path)
        except OSError:  # no right to look at the lock: a foreign store; the heartbeat is all there is
            return self._beats()

    def is_locked(self) -> bool:
        """Whether a process of this machine holds the folder, even before its first word."""
        with contextlib.suppress(OSError):
            return _is_locked(self._lock_path)
        return False

    @contextlib.contextmanager
    def writing(self, *, new: bool = False) -> Iterator[None]:
        """Be this run's one writer.

        Args:
            new: whether the run is only now being made, and has no record yet.

        Raises:
            StoreError: when another process is, when the run is gone, or when the folder cannot be written.
        """
        with self._locked():
            if not new and not self.record_path.exists():
                self._lock_path.unlink(missing_ok=True)
                raise StoreError(f"Run {self.id} is gone; somebody deleted it.")
            if new and self.record_path.exists():
                raise StoreError(f"Run {self.id} is there already; `python -m sandbox resume {self.id}` goes on with it.")
            stop = threading.Event()
            beat = threading.Thread(target=self._beat, args=(stop,), name="heartbeat", daemon=True)
            try:
                self.hold_reserve()
                self._heartbeat.touch()
                beat.start()
                yield
            except OSError as error:
                raise StoreError(f"Cannot write to {self.path}: {error.strerror or error}.") from error
            finally:
                stop.set()
                if beat.ident is not None:
                    beat.join()
                self.free_reserve()
                with contextlib.suppress(OSError):
                    self._heartbeat.unlink(missing_ok=True)

    def list_artifacts(self, names: Iterable[str]) -> None:
        """Write artifacts that were added later into run.json, with size and SHA-256.

        Nothing else there changes. A run at work lists them itself, at its end.

        Args:
            names: of files in `artifacts/`.

        Raises:
            StoreError: when run.json is missing, damaged, or cannot be written.
        """
        added = [self.artifacts.measured(name) for name in names]
        if not added or self.read().status == "running":
            return
        try:
            with self._locked():
                RunRecord.read(self.record_path)  # refuses a damaged one
                write_whole(self.record_path, with_artifacts(self.record_path.read_bytes(), added))
        except OSError as error:
            raise StoreError(f"Cannot write {self.record_path}: {error.strerror}.") from error

    def remove(self) -> None:
        """Delete the folder and all that is in it.

        Raises:
            StoreError: when a process works on it, or it cannot be removed.
        """
        with self._locked():
            try:
                grave = self.path.with_name(f".{self.id}.deleted")
                self.path.rename(grave)
                shutil.rmtree(grave)
            except OSError as error:
                raise StoreError(f"Cannot delete {self.path}: {error.strerror}.") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if not self.path.is_dir():
            raise StoreError(f"Run {self.id} is gone; somebody deleted it.")
        lock = filelock.FileLock(self._lock_path, timeout=1.0, mode=0o644)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise StoreError(f"A process works on run {self.id}; wait until it ends, or stop it.") from None
        except OSError as error:
            raise StoreError(f"Cannot write to {self.path}: {error.strerror}.") from error
        try:
            yield
        finally:
            lock.release()

    def hold_reserve(self) -> None:
        """Keep some bytes of the disk, for the last words."""
        self._reserve.write_bytes(b"\0" * RESERVE_BYTES)

    def free_reserve(self) -> None:
        """Give the reserved bytes back to the disk, so that the last words fit."""
        with contextlib.suppress(OSError):
            self._reserve.unlink(missing_ok=True)

    def _beats(self) -> bool:
        with contextlib.suppress(OSError):
            return time.time() - self._heartbeat.stat().st_mtime < SILENT_SECONDS
        return False

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(self._heartbeat)


def _is_locked(path: Path) -> bool:
    """Whether somebody holds the lock; asking does not look like holding to others who ask."""
    if fcntl is None:
        lock = filelock.FileLock(path, timeout=0.2)
        try:
            lock.acquire()
        except filelock.Timeout:
            return True
        lock.release()
        return False
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
