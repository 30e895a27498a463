"""All runs of a store in a few fields each, read from their folders on every call.

A damaged run is a row with its problem; it never hides another run.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import os
import re
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.errors import StoreError
from sandbox.store.folder import RECORD, RunFolder
from sandbox.store.record import RunRecord
from sandbox.text import Document

NOT_LABS = ("sweeps", "comparisons", "reproductions", "plays")
"""Folders of a store that hold no runs."""
STARTING_SECONDS = 5.0
"""A run may have no run.json for so long after its folder was created."""
RUN_ID = re.compile(r"\d{8}-\d{6}-.+")
"""The name that a folder without a run.json must have to be listed as a run."""
OLD_INDEX = b"path TEXT PRIMARY KEY, stamp INTEGER NOT NULL"
"""Part of the SQLite index that was kept until November 2026."""


Stamp = tuple[int, int, int]
"""Of a record's file: the time of its last change, its size and its inode."""


@dataclass(frozen=True)
class Row:
    """One run in a listing; the fields are those of the run's record.

    Attributes:
        path: the run's folder, relative to the store.
        problem: why run.json cannot be read, or "".
    """

    path: str
    id: str
    lab: str
    agent: str | None = None
    preset: str = ""
    seed: int = 0
    seeds: int = 1
    status: str = "damaged"
    created: str = ""
    ended: str = ""
    summary: Document = field(default_factory=dict)
    problem: str = ""
    score: Document = field(default_factory=dict)


def rows(root: Path) -> list[Row]:
    """One row for each run, oldest first.

    Args:
        root: the store's folder.
    """
    return _oldest_first(_row_and_record(root, path)[0] for path in run_folders(root))


def newest(root: Path, count: int) -> list[Row]:
    """The runs that were begun last, as many as `count`, oldest first; the others are not read."""
    last = heapq.nlargest(count, run_folders(root), key=lambda path: begun(path.partition("/")[2]))
    return _oldest_first([_row_and_record(root, path)[0] for path in last])


class Listing:
    """The rows of a store, asked for again and again: only changed run.json files are read.

    Args:
        root: the store's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[Stamp, Row]] = {}

    def rows(self) -> list[Row]:
        """The same as `rows` of this module."""
        known: dict[str, tuple[Stamp, Row]] = {}
        for path in run_folders(self._root):
            stamp = self._stamp(path)
            if path in self._known and self._known[path][0] == stamp != UNKNOWN:
                known[path] = self._known[path]
                continue
            row = _row_and_record(self._root, path)[0]
            known[path] = (UNKNOWN if row.status in ("running", "damaged") else stamp), row
        self._known = known
        return _oldest_first([row for _, row in known.values()])

    def _stamp(self, path: str) -> Stamp:
        """What changes with run.json."""
        try:
            status = os.stat(os.path.join(self._root, path, RECORD), follow_symlinks=False)
        except OSError:
            return UNKNOWN
        return status.st_mtime_ns, status.st_size, status.st_ino


UNKNOWN = (0, 0, 0)
"""In place of a stamp: the run is read at every call."""


def matching(root: Path, wanted: Mapping[str, str], seeds: Container[int]) -> dict[str, list[Row]]:
    """Runs, finished or not, with the wanted fingerprints and sources.

    Args:
        root: the store's folder.
        wanted: fingerprint -> SHA-256 of the sources that the run must have been computed with.
        seeds: seeds of the wanted runs; for a record with another seed, no fingerprint is computed.

    Returns:
        fingerprint -> rows, oldest first; fingerprints without a run are missing.
    """
    sources = set(wanted.values())
    matches: dict[str, list[Row]] = {}
    for path in run_folders(root) if wanted else ():
        row, record = _row_and_record(root, path)
        if record is not None and record.seed in seeds and record.sources in sources:
            name = record.fingerprint
            if wanted.get(name) == record.sources:
                matches.setdefault(name, []).append(row)
    return {name: _oldest_first(some) for name, some in matches.items()}


def run_folders(root: Path) -> Iterator[str]:
    """The path of every run, relative to the store.

    A folder with a run's name but no run.json is a run that died as it began. One that is locked,
    or younger than STARTING_SECONDS, is only beginning, and left out.
    """
    for lab in _subfolders(root):
        for run in _subfolders(lab.path):
            try:
                os.stat(os.path.join(run.path, RECORD), follow_symlinks=False)
            except FileNotFoundError:
                if lab.name in NOT_LABS or not _died(Path(run.path)):
                    continue
            except OSError:  # of a run that may not be read; another folder is none
                if lab.name in NOT_LABS or not begun(run.name):
                    continue
            yield f"{lab.name}/{run.name}"


def remove_old_index(root: Path) -> None:
    """Remove the index of runs that earlier versions kept beside them, or in the user's cache."""
    digest = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    for path in (root / "index.sqlite", caches / f"sandbox/index-{digest}.sqlite"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            if OLD_INDEX in file.read(8192):
                path.unlink()


def _row_and_record(root: Path, path: str) -> tuple[Row, RunRecord | None]:
    lab, _, name = path.partition("/")
    folder = root / path
    try:
        record = RunRecord.read(folder / RECORD, digest=False)
        if record.status == "running":
            record = RunFolder(folder).with_life(record)
    except StoreError as error:
        return Row(path, name, lab, problem=str(error)), None
    row = Row(
        path,
        name,  # a copied run has another name than its original
        record.lab,
        record.agent,
        record.preset,
        record.seed,
        record.seeds,
        record.status,
        record.created,
        record.ended,
        record.summary,
        score=record.score,
    )
    return row, record


def _oldest_first(some: Iterable[Row]) -> list[Row]:
    return sorted(some, key=lambda row: (begun(row.id)[:15], row.created, row.id))


def begun(name: str) -> str:
    """The id of a run, which begins with when it was begun; "" where a copy has another name."""
    return name if RUN_ID.fullmatch(name) else ""


def _died(folder: Path) -> bool:
    """Whether a folder without a run.json is what is left of a run that died as it began."""
    with contextlib.suppress(OSError):
        old = time.time() - folder.stat().st_mtime > STARTING_SECONDS
        return bool(old and RUN_ID.fullmatch(folder.name)) and not RunFolder(folder).alive()
    return False


def _subfolders(path: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [
                entry for entry in entries if not entry.name.startswith(".") and _is_folder(entry)
            ]
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
