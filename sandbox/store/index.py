"""index.sqlite: a cache of all run.json, so that listing ten thousand runs reads only what changed.

Delete it, or fill it with garbage, and the next reader rebuilds it from the folders. Runs never write to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.errors import StoreError
from sandbox.store.fingerprint import fingerprint
from sandbox.store.folder import RECORD, RunFolder
from sandbox.store.record import RunRecord

VERSION = 4
SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    path TEXT PRIMARY KEY, stamp INTEGER NOT NULL, id TEXT NOT NULL, lab TEXT NOT NULL, agent TEXT, preset TEXT, seed INTEGER, seeds INTEGER, status TEXT NOT NULL,
    created TEXT NOT NULL, ended TEXT NOT NULL, summary TEXT NOT NULL, problem TEXT NOT NULL, fingerprint TEXT NOT NULL, sources TEXT NOT NULL,
    score TEXT NOT NULL
)"""
BY_FINGERPRINT = "CREATE INDEX IF NOT EXISTS by_fingerprint ON runs (fingerprint)"
COLUMNS = (
    "path, id, lab, agent, preset, seed, seeds, status, created, ended, summary, problem, score"
)
OLDEST_FIRST = "ORDER BY substr(id, 1, 15), created, id"
BUSY_SECONDS = 1.0
"""So long another process may hold the index; then the folders are read without it."""
ROOMS = ("sweeps", "comparisons", "reproductions", "plays")
"""Folders of a store that hold no runs."""
YOUNG_SECONDS = 5.0
"""So long after its folder was made, a run may have no run.json yet."""
RUN_ID = re.compile(r"\d{8}-\d{6}-.+")
"""What a folder without a run.json must be called to be a run."""
AT_ONCE = 500
"""So many values are asked for in one question; SQLite allows 999 everywhere."""


_BROKEN = (
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_SCHEMA,
)


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
    agent: str | None
    preset: str
    seed: int
    seeds: int
    status: str
    created: str
    ended: str
    summary: dict[str, Any]
    problem: str = ""
    score: dict[str, Any] = field(default_factory=dict)


class Index:
    """The index of one store.

    Args:
        in_memory: keep it nowhere.
        root: the store's folder. Where SQLite cannot work there (read-only, a network file system), the user's cache folder is used.
    """

    def __init__(self, root: Path, *, in_memory: bool = False) -> None:
        self.root = root
        self.is_busy = False
        self._database = (
            _prepared(sqlite3.connect(":memory:", isolation_level=None))
            if in_memory
            else self._open()
        )

    @staticmethod
    def discard(root: Path) -> None:
        """Remove the index, wherever it is kept; the next reader makes it anew."""
        for place in (_beside, _in_cache):
            with contextlib.suppress(OSError, RuntimeError):
                _remove(place(root))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def refreshed(self) -> list[Row]:
        """All rows, oldest first, after reading what changed in the folders since the last time."""
        self.refresh()
        rows = self._database.execute(f"SELECT {COLUMNS} FROM runs {OLDEST_FIRST}")
        return [self._alive(_as_row(row)) for row in rows]

    def matching(self, wanted: Mapping[str, str]) -> dict[str, list[Row]]:
        """Runs that computed, or were to compute, what is wanted, oldest first: fingerprint -> rows. Call `refresh` before.

        Args:
            wanted: fingerprint -> SHA-256 of the sources that it must have been computed with.
        """
        found: dict[str, list[Row]] = {}
        names = list(wanted)
        for first in range(0, len(names), AT_ONCE):
            some = names[first : first + AT_ONCE]
            marks = ",".join("?" * len(some))
            question = f"SELECT fingerprint, sources, {COLUMNS} FROM runs WHERE fingerprint IN ({marks}) {OLDEST_FIRST}"
            for name, sources, *columns in self._database.execute(question, some):
                if sources == wanted[name]:
                    found.setdefault(name, []).append(self._alive(_as_row(columns)))
        return found

    def refresh(self) -> None:
        """Read what changed in the folders since the last time."""
        seen = dict(run_folders(self.root))
        with self._exclusive():
            known = dict(self._database.execute("SELECT path, stamp FROM runs"))
            gone = [(path,) for path in known if path not in seen]
            changed = [(path, stamp) for path, stamp in seen.items() if known.get(path) != stamp]
            self._database.executemany("DELETE FROM runs WHERE path = ?", gone)
            self._database.executemany(
                "INSERT OR REPLACE INTO runs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (self._row(path, stamp) for path, stamp in changed),
            )

    def _row(self, path: str, stamp: int) -> tuple[Any, ...]:
        try:
            record = RunRecord.read(self.root / path / "run.json")
            return (
                *(
                    path,
                    stamp,
                    path.rpartition("/")[2],  # a copy stands under another name than its original
                    record.lab,
                    record.agent,
                    record.preset,
                    record.seed,
                    record.seeds,
                    record.status,
                    record.created,
                    record.ended,
                ),
                *(
                    json.dumps(record.summary),
                    "",
                    fingerprint(record),
                    record.sources,
                    json.dumps(record.score),
                ),
            )
        except StoreError as error:
            lab, _, name = path.partition("/")
            return (
                path,
                stamp,
                name,
                lab,
                None,
                "",
                0,
                1,
                "damaged",
                "",
                "",
                "{}",
                str(error),
                "",
                "",
                "{}",
            )

    def _alive(self, row: Row) -> Row:
        if row.status != "running":
            return row
        with contextlib.suppress(StoreError):
            record = RunFolder(self.root / row.path).read()
            return Row(**{**vars(row), "status": record.status})
        return row

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        """The database beside the runs, else in the cache folder, else in memory."""
        for place in (_beside, _in_cache) if self.root.is_dir() else ():
            try:
                return _connected(place(self.root))
            except sqlite3.Error as error:
                self.is_busy = self.is_busy or is_busy(error)
            except (OSError, RuntimeError):
                continue
        return _prepared(sqlite3.connect(":memory:", isolation_level=None))


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process held the index, so that nothing is wrong with it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def run_folders(root: Path) -> Iterator[tuple[str, int]]:
    """Path (relative to the store) and change stamp of every run.

    A folder that has a run's name and no run.json is a run that died as it began: its stamp is -1. One that is locked, or
    younger than YOUNG_SECONDS, is only beginning, and left out.
    """
    for lab in _subfolders(root):
        for run in _subfolders(lab.path):
            try:
                status = os.stat(os.path.join(run.path, RECORD), follow_symlinks=False)
                yield (
                    f"{lab.name}/{run.name}",
                    hash((status.st_mtime_ns, status.st_size, status.st_ino)) & 0x7FFFFFFFFFFFFFFF,
                )
            except FileNotFoundError:
                if lab.name not in ROOMS and _died(Path(run.path)):
                    yield f"{lab.name}/{run.name}", -1
            except OSError:
                continue


def _died(folder: Path) -> bool:
    """Whether a folder without a run.json is what is left of a run that died as it began."""
    with contextlib.suppress(OSError):
        old = time.time() - folder.stat().st_mtime > YOUNG_SECONDS
        return bool(old and RUN_ID.fullmatch(folder.name)) and not RunFolder(folder).is_locked()
    return False


def _as_row(columns: Sequence[Any]) -> Row:
    path, run, lab, agent, preset, seed, seeds, status, created, ended, summary, problem, score = (
        columns
    )
    return Row(
        path,
        run,
        lab,
        agent,
        preset,
        seed,
        seeds,
        status,
        created,
        ended,
        json.loads(summary),
        problem,
        json.loads(score),
    )


def _connected(path: Path) -> sqlite3.Connection:
    """A working database at `path`; one that is garbage or of another version is replaced."""
    try:
        return _prepared(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None))
    except sqlite3.DatabaseError as error:
        if (
            error.sqlite_errorcode not in _BROKEN
        ):  # locked, read-only, a file system without locks: not the file's fault
            raise
        _remove(path)
        return _prepared(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None))


def _prepared(database: sqlite3.Connection) -> sqlite3.Connection:
    try:
        database.execute("PRAGMA synchronous = OFF")  # a cache: after a power cut it is rebuilt
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise _other_version()
        database.execute("BEGIN IMMEDIATE")
        database.execute(SCHEMA)
        database.execute(BY_FINGERPRINT)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
        database.execute(
            f"SELECT {COLUMNS}, stamp, fingerprint, sources FROM runs LIMIT 1"
        ).fetchall()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _other_version() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("the index is of another version")
    error.sqlite_errorcode = sqlite3.SQLITE_SCHEMA
    return error


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _beside(root: Path) -> Path:
    return root / "index.sqlite"


def _in_cache(root: Path) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sandbox"
    base.mkdir(parents=True, exist_ok=True)
    return base / f"index-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.sqlite"


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
