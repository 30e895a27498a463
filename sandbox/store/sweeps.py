"""A sweep's own folder: `sweeps/ID/` in the store, beside the folders of the labs.

sweep.json says what was planned and where each trial's runs stand; what the runs did stands in their own folders alone. There is no
run.json here, so listings of runs do not see it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import filelock

from sandbox.errors import StoreError, UnknownNameError, UsageError
from sandbox.store import documents
from sandbox.store.files import Directory, is_name, write_whole
from sandbox.store.folder import LOCK, RunFolder
from sandbox.store.store import Store, matching, safe_label
from sandbox.text import to_json

FOLDER = "sweeps"
RANKING = "ranking.json"
"""What came out, beside sweep.json."""
FORMAT = 1
STATUSES = ("running", "finished", "interrupted", "failed", "lost")
"""What a sweep can be; `lost` is never written, as with runs."""


@dataclass
class Trial:
    """One configuration of a sweep, carried out once for each seed.

    Attributes:
        number: from 0.
        params: what sets it apart, by option: {"agent.alpha": 0.1}.
        settings: these and what else the search decided, as a layer of configuration.
        runs: the ids of its runs, one for each seed; decided before they begin.
        distributions: where Optuna drew each parameter from, as its own JSON; empty for grids.
        pruned: whether it was given up as hopeless.
    """

    number: int
    params: dict[str, Any]
    settings: dict[str, Any]
    runs: list[str]
    distributions: dict[str, str] = field(default_factory=dict)
    pruned: bool = False


@dataclass
class SweepRecord:
    """The content of sweep.json.

    Attributes:
        id: the name of the sweep's folder.
        lab, preset: as of its runs.
        layers: settings that all trials share, over the preset, weakest first.
        search: {"kind": "grid", "axes": {…}}, {"kind": "random", "trials": 50} or {"kind": "tpe", "trials": 50}.
        seed: the first of each trial's seeds; also seeds what the search draws.
        seeds: runs of each trial.
        objective: what is compared, a name in the runs' summaries; "" until the first run shows its result.
        direction: "maximize" or "minimize"; "" as long as `objective` is.
        prune: "", "median" or "halving".
        workers, scheduler: who carried it out last: 0 and "" for this process.
        how: what all its runs share beside their settings: threads, device, data, pictures, checkpoint_seconds.
        status: one of `STATUSES`.
        created, ended: ISO 8601 with offset.
        host, pid: where it runs or ran.
        command: the exact command line, or "".
        sources: SHA-256 of the sandbox's sources.
        error: why it failed, or "".
        trials: what was tried, in order; for `tpe` it grows.
    """

    id: str
    lab: str
    preset: str
    layers: list[dict[str, Any]]
    search: dict[str, Any]
    seed: int = 0
    seeds: int = 1
    objective: str = ""
    direction: str = ""
    prune: str = ""
    workers: int = 0
    scheduler: str = ""
    how: dict[str, Any] = field(default_factory=dict)
    status: str = "running"
    created: str = ""
    ended: str = ""
    host: str = ""
    pid: int = 0
    command: str = ""
    sources: str = ""
    error: str = ""
    trials: list[Trial] = field(default_factory=list)
    format: int = FORMAT


class SweepFolder:
    """Paths and life signs of one sweep.

    Args:
        path: the folder.
        store: the store that it stands in.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self.path, self.store = path, store
        self.record_path = path / "sweep.json"
        self.stop_path = path / "stop"
        """As long as this file is there, runs of this sweep stop after their block."""
        self.journal_path = path / "study.journal"
        """Optuna's notes while trials may be pruned; made anew whenever the sweep goes on."""

    @property
    def id(self) -> str:
        """The sweep's id: the folder's name."""
        return self.path.name

    def run(self, lab: str, run: str) -> RunFolder:
        """The folder of one of its runs, whether it was begun or not."""
        return RunFolder(self.store.root / lab / run)

    def read(self) -> SweepRecord:
        """The record, with status `lost` when it stands as running but nobody works on it.

        Raises:
            StoreError: when sweep.json is missing, damaged, or of a newer format.
        """
        try:
            document = documents.shown(documents.read(self.record_path))
            if document.get("format", 0) > FORMAT:
                raise StoreError(
                    f"{self.record_path} was written by a newer sandbox (format {document['format']}); update the sandbox."
                )
            record = documents.validated(SweepRecord, document)
            _check(record)
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"{self.record_path} is damaged ({error}). The sweep's runs are untouched."
            ) from error
        if (
            record.status == "running"
            and record.host == platform.node()
            and not RunFolder(self.path).alive(record)  # type: ignore[arg-type]
        ):
            record.status = "lost"
        return record

    def write(self, record: SweepRecord) -> None:
        """Replace sweep.json, whole or not at all.

        Raises:
            StoreError: when it cannot be written.
        """
        try:
            write_whole(
                self.record_path,
                to_json(asdict(record), 1).encode(),
            )
        except OSError as error:
            raise StoreError(f"Cannot write {self.record_path}: {error.strerror}.") from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be this sweep's one writer.

        Raises:
            UsageError: when another process is.
        """
        folder = Directory(self.path)
        lock = filelock.FileLock(folder.at(LOCK), timeout=1.0, mode=0o644)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise UsageError(
                f"A process works on sweep {self.id}; wait until it ends, or stop it."
            ) from None
        except OSError as error:
            raise StoreError(f"Cannot write to {self.path}: {error.strerror}.") from error
        try:
            folder.remove(self.stop_path.name)
            folder.remove_drafts()
            yield
        finally:
            lock.release()


def _check(record: SweepRecord) -> None:
    """Refuse what no sweep says of itself.

    Raises:
        ValueError: naming the field.
    """
    kinds = {"grid": "axes", "random": "trials", "tpe": "trials"}
    how: dict[str, Any] = {
        "threads": int,
        "device": str,
        "data": str,
        "pictures": bool,
        "checkpoint_seconds": (int, float),
    }
    runs = [run for trial in record.trials for run in trial.runs]
    wrong = {
        "status": record.status not in STATUSES,
        "direction": record.direction not in ("", "maximize", "minimize"),
        "prune": record.prune not in ("", "median", "halving"),
        "search": kinds.get(str(record.search.get("kind"))) not in record.search,
        "how": any(not isinstance(record.how.get(name), kind) for name, kind in how.items()),
        "lab or runs": not all(is_name(name) for name in (record.lab, *runs)),
        "seed, seeds or workers": record.seeds < 1 or record.seed < 0 or record.workers < 0,
        "trials": any(len(trial.runs) != record.seeds for trial in record.trials),
    }
    found = next((name for name, is_wrong in wrong.items() if is_wrong), "")
    if found:
        raise ValueError(f"`{found}` is not what it should be")


def create(store: Store, lab: str) -> SweepFolder:
    """A new, empty sweep folder.

    Raises:
        StoreError: when the store cannot be written.
    """
    return SweepFolder(store.make(FOLDER, lab), store)


def ranked_best(folder: Path) -> float | None:
    """The value of the best trial in a sweep's ranking.json; None if there is none."""
    with contextlib.suppress(StoreError, ValueError, LookupError, TypeError, OverflowError):
        value = documents.read(folder / RANKING)["ranking"][0]["value"]
        return None if value is None else float(value)
    return None


def all_of(store: Store) -> list[SweepFolder]:
    """Every sweep, oldest first."""
    paths = sorted(path.parent for path in store.root.glob(f"{FOLDER}/*/sweep.json"))
    return [SweepFolder(path, store) for path in paths]


def find(store: Store, name: str) -> SweepFolder | None:
    """The sweep that `name` means: an id, a unique beginning of one, or a folder; None when there is none.

    Raises:
        UsageError: when several begin so.
    """
    as_path = Path(name)
    if name.strip() and os.path.exists(as_path / "sweep.json"):
        path = as_path.resolve()
        return SweepFolder(path, Store(path.parent.parent))
    sweeps = {path.parent.name: path.parent for path in store.root.glob(f"{FOLDER}/*/sweep.json")}
    found = matching(name, sweeps)
    if len(found) > 1:
        some = ", ".join(found[:8])
        raise UsageError(f"'{name}' could be {len(found)} sweeps: {some}. Type more of the id.")
    return SweepFolder(sweeps[found[0]], store) if found else None


def found(store: Store, name: str) -> SweepFolder:
    """Like `find`, where there must be one.

    Raises:
        UnknownNameError: when there is none.
    """
    folder = find(store, name)
    if folder is None:
        known = [path.parent.name for path in store.root.glob(f"{FOLDER}/*/sweep.json")]
        where = os.path.join(str(store.root), FOLDER)
        raise UnknownNameError(
            "sweep", name, known if len(known) < 5 else [], f"They stand in {where}."
        )
    return folder


def run_id(sweep: str, label: str, number: int, seed: int) -> str:
    """The id of a sweep's run: the sweep's moment and mark, the run's label, the trial and the seed.

    Args:
        sweep: the sweep's id.
        label: the agent's name, or the preset's.
        number: of the trial.
        seed: of the run.
    """
    return f"{sweep[:15]}-{safe_label(label)}-{sweep.rpartition('-')[2]}-{number:04d}-s{seed}"


RUN = re.compile(r"(\d{8}-\d{6})-.*-([0-9a-f]{4})-\d{4,}-s\d+")
"""The id of a sweep's run; see `run_id`."""


def sweep_of(run: str, lab: str) -> str | None:
    """The id of the sweep that a run would belong to, by the run's id; None for a run of its own.

    Args:
        run: its id.
        lab: its lab.
    """
    found = RUN.fullmatch(run)
    return f"{found[1]}-{safe_label(lab)}-{found[2]}" if found else None
