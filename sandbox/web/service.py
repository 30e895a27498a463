"""What the pages of one server share: the rows of the store, curves being followed, processes."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from sandbox.errors import StoreError, UnknownNameError, UsageError
from sandbox.registry.registry import registry
from sandbox.runs.owners import members_of, owners_of
from sandbox.runs.view import Run
from sandbox.score import score_of
from sandbox.store import documents
from sandbox.store.comparisons import ComparisonFolder
from sandbox.store.files import is_name, write_whole
from sandbox.store.folder import RunFolder
from sandbox.store.listing import NOT_LABS, Listing, Row, newest
from sandbox.store.record import RunRecord
from sandbox.store.store import Store
from sandbox.text import Document, to_json, words
from sandbox.web.curves import Curves

FRESH = 0.8
"""Seconds; rows that are not older are not read again."""
FOLLOWED = 300
"""So many runs' curves are kept; those that were not asked for longest are dropped."""
HIDDEN = "hidden.json"
"""In the store: the ids of runs that the page does not list."""


class Started(NamedTuple):
    """A process that was started from the page."""

    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    since: str
    """The beginning of the ids of runs that it can have made."""

    def complaint(self) -> str:
        """What it wrote to standard error."""
        self.errors.seek(0)
        return self.errors.read(100_000).decode(errors="replace").strip()


class Service:
    """A store, as the pages see it; its methods may be called from any thread.

    Args:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._listing = Listing(store.root)
        self._lock = threading.Lock()
        self._read, self._rows = float("-inf"), list[Row]()
        self._owners: dict[str, tuple[str, str]] = {}
        self._owned: tuple[list[Any], list[str]] = [], []
        self._cells: dict[str, tuple[Row, Document]] = {}
        self._curves: OrderedDict[Path, tuple[threading.Lock, Curves]] = OrderedDict()
        self._started: list[Started] = []

    def rows(self) -> list[Row]:
        """All runs, oldest first."""
        with self._lock:
            if time.monotonic() - self._read > FRESH:
                self._rows = self._listing.rows()
                self._read = time.monotonic()
            return self._rows

    def table(self, most: int = 0) -> list[Document]:
        """The rows as the table shows them, newest first, without hidden ones.

        Args:
            most: only so many of the newest, where the store was not read before, which takes no
                time in a large one; 0 gives all.
        """
        first = most > 0 and not self._rows
        rows = newest(self.store.root, most) if first else self.rows()
        hidden = self.hidden()
        owners, known = self._owners_of(rows), self._cells
        cells = {
            row.path: known[row.path]
            if row.path in known and known[row.path][0] is row and row.status != "running"
            else (row, self._cells_of(row, owners))
            for row in reversed(rows)
        }
        self._cells = known | cells if first else cells
        return [shown for row, shown in cells.values() if row.id not in hidden]

    def _owners_of(self, rows: Sequence[Row]) -> Mapping[str, tuple[str, str]]:
        runs = [(row.id, row.lab) for row in rows]
        with self._lock:
            owned = runs, [folder.id for folder in ComparisonFolder.all_of(self.store)]
            if owned != self._owned:
                self._owners = owners_of(self.store, runs, members_of(self.store, runs))
                self._owned, self._cells = owned, {}
            return self._owners

    def _cells_of(self, row: Row, owners: Mapping[str, tuple[str, str]]) -> Document:
        judged = score_of(row.score, row.summary)
        kind, group = owners.get(row.id, ("", ""))
        return {
            "id": row.path,
            "run": row.id,
            "lab": row.lab,
            "agent": row.agent or "",
            "preset": row.preset,
            "seed": row.seed,
            "seeds": row.seeds,
            "status": row.status,
            "progress": self.progress(row) if row.status == "running" else "",
            "score": judged and float(f"{judged.value:.6g}"),
            "optimum": judged and judged.optimum and float(f"{judged.optimum:.6g}"),
            "measure": words(judged.name) if judged else "",
            "created": row.created[:19].replace("T", " "),
            "group": f"{kind} {group}".strip(),
        }

    def progress(self, row: Row) -> str:
        """How far a run is, in percent; "" where that is not known."""
        with contextlib.suppress(StoreError, OSError):
            record = RunRecord.read(self.store.root / row.path / "run.json", digest=False)
            curves = self.curves(RunFolder(self.store.root / row.path), record)
            return f"{100 * curves.done / record.limit:.0f} %" if record.limit else ""
        return ""

    def folder(self, path: str) -> RunFolder:
        """A run by its path LAB/ID in the store.

        Raises:
            UnknownNameError: when there is no such run.
        """
        lab, _, run = path.partition("/")
        place = self.store.root / lab / run
        if not (is_name(lab) and is_name(run)) or lab in NOT_LABS or not place.is_dir():
            raise UnknownNameError("run", path, [], "The runs' page lists all.")
        return RunFolder(place)

    def curves(self, folder: RunFolder, record: RunRecord) -> Curves:
        """The curves of a run, with what was appended since they were asked for last."""
        with self._lock:
            fresh = threading.Lock(), Curves(folder, record.unit)
            lock, curves = self._curves.pop(folder.path, fresh)
            self._curves[folder.path] = lock, curves
            while len(self._curves) > FOLLOWED:
                self._curves.popitem(last=False)
        with lock:
            curves.follow(record.resumed)
        return curves

    def hidden(self) -> set[str]:
        """The ids of hidden runs."""
        with contextlib.suppress(StoreError, ValueError, TypeError):
            return set(map(str, documents.read(self.store.root / HIDDEN).get("hidden", [])))
        return set()

    def hide(self, names: Iterable[str]) -> None:
        """Leave runs, by path or id, out of the table."""
        self._write_hidden(self.hidden() | {name.rpartition("/")[2] for name in names})

    def reveal(self) -> None:
        """List all runs again."""
        self._write_hidden(set())

    def _write_hidden(self, ids: set[str]) -> None:
        write_whole(self.store.root / HIDDEN, to_json({"hidden": sorted(ids)}).encode())

    def delete(self, path: str) -> None:
        """Delete a run; see `Store.delete`."""
        self.store.delete(self.folder(path))
        self._read = float("-inf")

    def stop(self, path: str) -> None:
        """Ask the process of a run to save it and stop, as Ctrl-C does.

        Raises:
            UsageError: when it is not running on this machine.
        """
        folder = self.folder(path)
        record = folder.read()
        if record.status != "running" or record.host != platform.node() or record.pid < 2:
            raise UsageError(f"Run {folder.id} is not running on this machine.")
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGTERM)

    def start(self, command: Sequence[str]) -> Started:
        """Start a command of the sandbox as a process of its own, which outlives this one.

        Args:
            command: the words after `python -m sandbox`, without the store.
        """
        files = [word for file in registry().files for word in ("-p", file)]
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        root = str(self.store.root.resolve())
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *command, "--store", root, *files],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        self._started = [one for one in self._started if one.process.poll() is None]
        started = Started(process, errors, time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
        self._started.append(started)
        return started

    def made_by(self, started: Started) -> str:
        """The path of the run that a process has begun; "" before there is one."""
        self._read = float("-inf")
        for row in reversed(self.rows()):
            if row.id[:15] < started.since:
                return ""
            with contextlib.suppress(StoreError):
                record = RunRecord.read(self.store.root / row.path / "run.json", digest=False)
                if record.pid == started.process.pid:
                    return row.path
        return ""

    def run(self, path: str) -> Run:
        """A run as it is now."""
        return Run(self.folder(path))
