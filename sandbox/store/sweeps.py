"""A sweep's own folder: `sweeps/ID/` in the store, beside the folders of the labs.

sweep.json is the plan, with the ids of each trial's runs; the results are in the runs' folders.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sandbox.errors import StoreError, UsageError
from sandbox.store import documents
from sandbox.store.described import DescribedFolder
from sandbox.store.files import Directory, is_name, write_whole
from sandbox.store.folder import RunFolder, beating, locked
from sandbox.store.store import Store, safe_label
from sandbox.text import Document, to_json

RANKING = "ranking.json"
"""The results, beside sweep.json."""
FORMAT = 1
STATUSES = ("running", "finished", "interrupted", "failed", "lost")


@dataclass
class Trial:
    """One configuration of a sweep, executed once for each seed.

    Attributes:
        number: from 0.
        params: the parameters that distinguish it from other trials, by option: {"agent.alpha":
            0.1}.
        settings: these and everything else that the search decided, as a layer of configuration.
        runs: the ids of its runs, one for each seed; decided before they begin.
        distributions: where Optuna drew each parameter from, as its own JSON; empty for grids.
        pruned: whether it was given up as hopeless.
    """

    number: int
    params: Document
    settings: Document
    runs: list[str]
    distributions: dict[str, str] = field(default_factory=dict)
    pruned: bool = False


@dataclass(frozen=True)
class HowRun:
    """How all runs of a sweep are executed; see `sandbox.runs.request.Request`."""

    threads: int = 1
    device: str = "cpu"
    data: str = ""
    pictures: bool = False
    checkpoint_seconds: float = 30.0


@dataclass
class SweepRecord:
    """The content of sweep.json.

    Attributes:
        id: the name of the sweep's folder.
        lab, preset: those of its runs.
        layers: settings that all trials share, over the preset, weakest first.
        search: {"kind": "grid", "axes": {…}}, or {"kind": "random", "trials": 50}, or the same
            with "tpe".
        seed: the first of each trial's seeds; also seeds what the search draws.
        seeds: runs of each trial.
        objective: what is compared, a name in the runs' summaries; "" until the first run ended.
        direction: "maximize" or "minimize"; "" while `objective` is "".
        prune: "", "median" or "halving".
        workers, scheduler: those of the last execution; 0 and "" if its process executed the runs
            itself.
        how: how all its runs are executed.
        status: as for runs; `lost` is never written.
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
    layers: list[Document]
    search: Document
    seed: int = 0
    seeds: int = 1
    objective: str = ""
    direction: str = ""
    prune: str = ""
    workers: int = 0
    scheduler: str = ""
    how: HowRun = field(default_factory=HowRun)
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


class SweepFolder(DescribedFolder):
    """Paths of one sweep, and whether a process works on it.

    Args:
        path: the folder.

    Attributes:
        store: the store that has it.
        stop_path: while this file exists, runs of this sweep stop after their block.
        journal_path: Optuna's journal while trials may be pruned; rewritten whenever the sweep
            is resumed.
    """

    room, document, newest = "sweeps", "sweep.json", FORMAT
    remedy = "The sweep's runs are untouched."

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.store = Store(path.parent.parent)
        self.stop_path = path / "stop"
        self.journal_path = path / "study.journal"

    def run(self, lab: str, run: str) -> RunFolder:
        """The folder of one of its runs, whether it was begun or not."""
        return RunFolder(self.store.root / lab / run)

    def read(self) -> SweepRecord:
        """The record, with status `lost` when it says `running` but no process works on it.

        Raises:
            StoreError: when sweep.json is missing, damaged, or of a newer format.
        """
        _, record = self._read(SweepRecord, _check)
        if record.status == "running" and not RunFolder(self.path).alive(record.host):
            record.status = "lost"
        return record

    def members(self) -> list[str]:
        """The runs of all trials."""
        record = self.read()
        return [f"{record.lab}/{run}" for trial in record.trials for run in trial.runs]

    def write(self, record: SweepRecord) -> None:
        """Replace sweep.json, whole or not at all.

        Raises:
            StoreError: when it cannot be written.
        """
        try:
            write_whole(self.document_path, to_json(asdict(record), 1).encode())
        except OSError as error:
            raise StoreError(f"Cannot write {self.document_path}: {error.strerror}.") from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the sweep's lock for writing.

        Raises:
            UsageError: when another process does.
        """
        folder = Directory(self.path)
        busy = UsageError(f"A process works on sweep {self.id}; wait until it ends, or stop it.")
        with locked(folder, busy), beating(folder):
            folder.remove(self.stop_path.name)
            yield


def _check(record: SweepRecord) -> None:
    """Refuse a record that no sweep can have written.

    Raises:
        ValueError: naming the field.
    """
    kinds = {"grid": "axes", "random": "trials", "tpe": "trials"}
    runs = [run for trial in record.trials for run in trial.runs]
    wrong = {
        "status": record.status not in STATUSES,
        "direction": record.direction not in ("", "maximize", "minimize"),
        "prune": record.prune not in ("", "median", "halving"),
        "search": kinds.get(str(record.search.get("kind"))) not in record.search,
        "lab or runs": not all(is_name(name) for name in (record.lab, *runs)),
        "seed, seeds or workers": record.seeds < 1 or record.seed < 0 or record.workers < 0,
        "trials": any(len(trial.runs) != record.seeds for trial in record.trials),
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            raise ValueError(f"`{name}` is not as a sweep writes it")


def ranked_best(folder: Path) -> float | None:
    """The value of the best trial in a sweep's ranking.json; None if it has no value."""
    with contextlib.suppress(StoreError, ValueError, LookupError, TypeError, OverflowError):
        value = documents.read(folder / RANKING)["ranking"][0]["value"]
        return None if value is None else float(value)
    return None


def run_id(sweep: str, label: str, number: int, seed: int) -> str:
    """The id of a sweep's run: the sweep's time and mark, the run's label, the trial and the seed.

    Args:
        sweep: the sweep's id.
        label: the agent's name, or the preset's.
        number: the trial's number.
        seed: the run's seed.
    """
    return f"{sweep[:15]}-{safe_label(label)}-{sweep.rpartition('-')[2]}-{number:04d}-s{seed}"


RUN = re.compile(r"(\d{8}-\d{6})-.*-([0-9a-f]{4})-\d{4,}-s\d+")
"""The id of a sweep's run; see `run_id`."""


def sweep_of(run: str, lab: str) -> str | None:
    """The id of the sweep that a run would belong to, by the run's id; None for a single run.

    Args:
        run: its id.
        lab: its lab.
    """
    parts = RUN.fullmatch(run)
    return f"{parts[1]}-{safe_label(lab)}-{parts[2]}" if parts else None
