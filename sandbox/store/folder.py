"""The folder of one run: its lock, and whether the process that writes to it is alive.

A run holds a file lock while it works and touches a heartbeat file. On one machine the lock tells
whether the process lives; across machines the heartbeat does.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import filelock

from sandbox.errors import LinkError, SandboxError, StoreError
from sandbox.store.artifacts import Artifacts
from sandbox.store.files import Directory
from sandbox.store.metrics import Mark, Metrics, marks
from sandbox.store.record import RunRecord, with_artifacts

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

GRAVE = ".deleted"
"""Ends the name of a folder that is being deleted."""
HEARTBEAT_SECONDS = 5.0
SILENT_SECONDS = 60.0
"""A run on another machine counts as lost when its heartbeat is older than this."""
RESERVE_BYTES = 64 * 1024
"""Kept free on the disk by a file, so that on a full disk there is room to say so."""
RECORD, METRICS, TIMES = "run.json", "metrics.jsonl", "times.jsonl"
LOCK, HEARTBEAT, RESERVE = ".lock", "heartbeat", ".reserve"


class RunFolder:
    """Paths of one run, its lock and its heartbeat.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directory = Directory(path)
        self.record_path = path / RECORD
        self.metrics_path = path / METRICS
        self.checkpoints = path / "checkpoints"
        self.artifacts = Artifacts(path / "artifacts")

    @property
    def id(self) -> str:
        """The run's id: the folder's name."""
        return self.path.name

    def read(self) -> RunRecord:
        """The run's record, with status `lost` when it says running but no process works on it.

        Raises:
            StoreError: when run.json is missing or damaged.
        """
        return self.with_life(RunRecord.read(self.record_path))

    def with_life(self, record: RunRecord) -> RunRecord:
        """The record; status `running` becomes `lost` when no process executes the run."""
        if record.status == "running" and not self.alive(record.host):
            record.status = "lost"
        return record

    def metrics(self) -> Metrics:
        """What the run measured."""
        return Metrics(self.metrics_path)

    def begins_with(self, name: str, mark: Mark) -> bool:
        """Whether a file begins with the content of a mark; a mark without SHA-256 checks only the
        size.
        """
        try:
            if not mark.sha256 or not mark.size:
                return self.directory.size(name) >= mark.size
            with self.directory.open(name) as file:
                return marks(file, [mark.size]) == [mark]
        except (OSError, StoreError):
            return False

    def alive(self, host: str = "") -> bool:
        """Whether a process of that machine (of this one, where it has no name) works here now,
        even before it has written anything.
        """
        if host in ("", platform.node()):
            with contextlib.suppress(OSError, StoreError):  # another user's lock cannot be read
                return self._is_locked()
        return self._beats()

    def _is_locked(self) -> bool:
        try:
            descriptor = self.directory.descriptor(LOCK, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return _held(descriptor, self.path / LOCK)
        finally:
            os.close(descriptor)

    def remove_scratch(self) -> None:
        """Remove incomplete files of killed writers."""
        self.directory.remove_drafts()
        self.directory.remove_drafts(self.checkpoints.name)
        self.artifacts.remove_scratch()

    @contextlib.contextmanager
    def writing(self, *, new: bool = False) -> Iterator[None]:
        """Lock the folder and be the only writer of this run.

        Args:
            new: whether the run is being created, and has no record yet.

        Raises:
            LinkError: naming the first link, or whatever else is neither file nor folder.
            StoreError: when another process holds the lock, when the run is gone, or when the
                folder cannot be written, or its measurements not be read.
        """
        with self._locked():
            for name in self.directory.odd():
                raise LinkError(self.path / name)
            if not new and not self.directory.exists(RECORD):
                self.directory.remove(LOCK)
                raise StoreError(f"Run {self.id} is gone; it was deleted.")
            if new and self.directory.exists(RECORD):
                raise StoreError(
                    f"Run {self.id} exists already; `python -m sandbox resume {self.id}` "
                    "continues it."
                )
            try:
                for name in filter(self.directory.exists, (METRICS, TIMES)):
                    self.directory.open(name).close()
                self.hold_reserve()
                with beating(self.directory):
                    yield
            except OSError as error:
                raise self.cannot_write(error) from error
            finally:
                self.free_reserve()

    def list_artifacts(self, names: Iterable[str]) -> None:
        """Write artifacts that were added later into run.json, with size and SHA-256.

        Nothing else there changes. A run that is still active lists them itself, at its end.

        Args:
            names: names of files in `artifacts/`.

        Raises:
            StoreError: when run.json is missing, damaged, or cannot be written.
        """
        added = [self.artifacts.measured(name) for name in names]
        if not added or self.read().status == "running":
            return
        try:
            with self._locked():
                self.refuse_changed()
                self.directory.write(RECORD, with_artifacts(self.directory.read(RECORD), added))
        except OSError as error:
            raise self.cannot_write(error) from error

    def refuse_changed(self) -> None:
        """Refuse a run whose run.json was changed since it was written: a new digest would hide
        the change.

        Raises:
            StoreError: when it is missing, damaged or changed.
        """
        if RunRecord.read(self.record_path).intact is False:
            raise StoreError(
                f"run.json of run {self.id} is not what was written (its SHA-256 differs), so "
                "nothing is added to the run."
            )

    def remove(self) -> None:
        """Delete the folder and all that is in it; if it is a link, delete only the link.

        Raises:
            StoreError: when a process works on it, or it cannot be removed.
        """
        place = self.path
        try:
            if place.is_symlink():
                place.unlink()
                return
            with self._locked():
                place = place.rename(place.with_name(f".{self.id}{GRAVE}"))
                Directory(place.parent).remove(place.name)
        except OSError as error:
            raise StoreError(f"Cannot delete {place}: {error.strerror}.") from error

    def cannot_write(self, error: OSError) -> StoreError:
        """The error of a folder that cannot be written, or no longer exists."""
        if not self.path.is_dir():
            return StoreError(
                f"Run {self.id}: its folder is gone; {self.path} was moved or deleted."
            )
        name = f" ({error.filename})" if error.filename else ""
        return StoreError(f"Cannot write to {self.path}: {error.strerror or error}{name}.")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if not self.path.is_dir():
            raise StoreError(f"Run {self.id} is gone; it was deleted.")
        busy = StoreError(f"A process works on run {self.id}; wait until it ends, or stop it.")
        with locked(self.directory, busy):
            yield

    def hold_reserve(self) -> None:
        """Reserve some bytes of the disk for the final status."""
        self.directory.write(RESERVE, b"\0" * RESERVE_BYTES, sync=False)

    def free_reserve(self) -> None:
        """Give the reserved bytes back to the disk, so that the final status fits."""
        with contextlib.suppress(OSError):
            self.directory.remove(RESERVE)

    def _beats(self) -> bool:
        with contextlib.suppress(OSError, StoreError):
            status = self.directory.status(HEARTBEAT)
            return status is not None and time.time() - status.st_mtime < SILENT_SECONDS
        return False


@contextlib.contextmanager
def locked(folder: Directory, busy: SandboxError) -> Iterator[None]:
    """Be the only writer of a folder, without the incomplete files of killed ones.

    Args:
        folder: the folder, which must be there.
        busy: raised when another process holds its lock.

    Raises:
        StoreError: when it cannot be written.
    """
    lock = filelock.FileLock(folder.at(LOCK), timeout=1.0, mode=0o644)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise busy from None
    except OSError as error:
        raise StoreError(f"Cannot write to {folder.path}: {error.strerror or error}.") from error
    try:
        folder.remove_drafts()
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def beating(folder: Directory) -> Iterator[None]:
    """Touch the heartbeat of a folder for as long as its only writer works."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError, StoreError):
                folder.touch(HEARTBEAT)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    folder.touch(HEARTBEAT)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        with contextlib.suppress(OSError):
            folder.remove(HEARTBEAT)


def _held(descriptor: int, path: Path) -> bool:
    """Whether a process holds the lock. It uses a shared lock, so that other readers
    are not mistaken for the writer.
    """
    if fcntl is None:
        lock = filelock.FileLock(path, timeout=0.2)
        try:
            lock.acquire()
        except filelock.Timeout:
            return True
        lock.release()
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def remove_graves(lab: Path) -> None:
    """Remove the remains of runs whose deletion was interrupted.

    Args:
        lab: the folder that held the runs.
    """
    with contextlib.suppress(OSError, StoreError):
        Directory(lab).remove_drafts(ending=GRAVE)
