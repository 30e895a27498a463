"""Computes a run again from its record and compares: metrics, summary, score and artifacts.

It works in a scratch folder; the run's own folder is only read.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypedDict

from sandbox.errors import RunFailed, UsageError
from sandbox.lab import Block
from sandbox.observer import ObservedRun, Observer
from sandbox.runs.api import proceed
from sandbox.runs.loop import Settings
from sandbox.runs.request import Request
from sandbox.runs.signature import changes, sign
from sandbox.runs.view import rebuilt
from sandbox.store import RunRecord
from sandbox.store.folder import METRICS, RunFolder
from sandbox.store.verify import check
from sandbox.text import Document, flat

DURATIONS = (
    "learning_seconds",
    "steps_per_second",
    "learning_cpu_seconds",
    "evaluation_seconds",
)
"""Figures of a summary that differ each time."""
MISSING = "missing"
"""The value of something that one of the two runs does not have."""


class Recomputed(TypedDict):
    """What was found when a run was computed again.

    Attributes:
        run, folder: the run.
        same: whether everything that was compared has the same bytes, and all files are whole.
        complete: whether all of a finished run was computed, so that summary, score and artifacts
            were compared too.
        unit, done_units, blocks: how much was computed.
        differences: a dictionary each, with its "part" ("metrics", "record", "summary", "score",
            "artifacts", "error"), where in it, and the values "run" and "recomputed"; of the
            metrics the first, with "block" and "row" counted from 1.
        not_compared: artifacts that are not computed: data that the run kept, and files that other
            commands added.
        problems: those that `check` finds.
        changed: libraries, sources and processor that are not the recorded ones.
        warnings: new ones.
        device, resumed: as recorded; they may explain a difference.
    """

    run: str
    folder: str
    same: bool
    complete: bool
    unit: str
    done_units: int
    blocks: int
    differences: list[Document]
    not_compared: list[str]
    problems: list[str]
    changed: list[str]
    warnings: list[str]
    device: str
    resumed: int


class StopAfter(Observer):
    """Stops a run after some blocks or units.

    Args:
        most, units: blocks and units; it stops as soon as one of them is reached.

    Attributes:
        blocks: how many there were.
        stopped: whether the run was asked to stop.
    """

    def __init__(self, most: float, units: float) -> None:
        self._most, self._units = most, units
        self.blocks, self.stopped = 0, False

    def block(self, run: ObservedRun, block: Block) -> None:
        """Count a block."""
        self.blocks += 1
        over = self.blocks >= self._most or run.experiment.done_units >= self._units
        if over and not run.experiment.done:
            self.stopped = True
            run.stop.request("interrupted")


def recompute(
    folder: RunFolder,
    units: int | None = None,
    data: Path | None = None,
    observers: Sequence[Observer] = (),
) -> Recomputed:
    """Compute a run again in a scratch folder, and compare.

    A run that is not finished is computed as far as its metrics go.

    Args:
        folder: the run's folder, which is only read.
        units: compute only so many units, and compare the metrics up to there; None for all.
        data: folder of data files, where it is not the recorded one.
        observers: called at every block.

    Raises:
        UsageError: when the run is running, has no metrics, or its lab, libraries or data are
            missing.
        StoreError: when the run cannot be read.
        KeyboardInterrupt: on Ctrl-C.
    """
    record = folder.read()
    whole = record.status == "finished"
    last = math.inf if whole else sum(1 for _ in folder.metrics().blocks())
    if record.status == "running" or not last:
        raise UsageError(f"Run {folder.id} is running, or has no metrics that could be compared.")
    Request("", seed=record.seed, seeds=record.seeds, threads=record.threads).check_numbers()
    stop = StopAfter(last, units or math.inf)
    with tempfile.TemporaryDirectory() as scratch:
        copy = RunFolder(Path(scratch) / folder.id)
        again = replace(record, data=str(data or record.data))
        made = _computed_again(folder, again, copy, [stop, *observers])
        if made.status == "interrupted" and not stop.stopped:
            raise KeyboardInterrupt
        complete = whole and made.status == "finished"
        differences = [*_in_metrics(folder, copy, complete), *_in_records(record, made, complete)]
    computed = {one.name for one in made.artifacts}
    kept = [one.name for one in record.artifacts] if complete else []
    problems = check(folder)["problems"]
    return {
        "run": folder.id,
        "folder": str(folder.path.resolve()),
        "same": not (differences or problems),
        "complete": complete,
        "unit": record.unit,
        "done_units": made.done_units,
        "blocks": stop.blocks,
        "differences": differences,
        "not_compared": [name for name in kept if name not in computed],
        "problems": problems,
        "changed": changes(record),
        "warnings": [one for one in made.warnings if one not in record.warnings],
        "device": record.device,
        "resumed": record.resumed,
    }


def _computed_again(
    folder: RunFolder, record: RunRecord, copy: RunFolder, observers: list[Observer]
) -> RunRecord:
    """The record of a run with the same configuration and seed, computed in another folder.

    If files of data are not here, it gets what the run kept of them among its artifacts. Their time
    is 0, which tells a file that was given from a computed one.
    """
    settings = Settings(math.inf, pictures=record.status == "finished", observers=observers)
    place = Path(record.data) if record.data else None
    _, config = rebuilt(record)
    copy.path.mkdir()
    try:
        config.check_available(place)
    except UsageError:
        config.check_available(place, folder.artifacts.folder)
        for name in folder.artifacts.names():
            copy.artifacts.write(name, folder.artifacts.read(name))
            os.utime(copy.artifacts.path(name), (0, 0))
    record.status, record.versions = "interrupted", {}
    sign(record)
    record.write(copy.record_path)
    try:
        made = proceed(copy, settings).record
    except RunFailed as failed:
        made = failed.run.record
    path = copy.artifacts.path
    made.artifacts = [one for one in made.artifacts if path(one.name).stat().st_mtime]
    return made


def _in_metrics(folder: RunFolder, copy: RunFolder, complete: bool) -> list[Document]:
    """The first difference in the metrics, if there is one; unless `complete`, of what both
    have.
    """
    none: tuple[Document, Any] = {}, MISSING
    for one, other in zip_longest(_cells(folder), _cells(copy), fillvalue=none):
        if repr(one) != repr(other) and (complete or (one[0] and other[0])):
            place = other[0] or one[0]
            value = one[1] if place == one[0] else MISSING
            return [_difference("metrics", place, value, other[1])]
    kept, computed = (each.directory.digest(METRICS) for each in (folder, copy))
    if complete and kept != computed:
        return [_difference("metrics", {}, kept, computed)]
    return []


def _cells(folder: RunFolder) -> Iterator[tuple[Document, Any]]:
    """The values of metrics.jsonl, each with its place; blocks and rows are counted from 1."""
    for block, columns in enumerate(folder.metrics().blocks(), 1):
        for column, values in columns.items():
            for row, value in enumerate(values if isinstance(values, list) else [values], 1):
                place = {"block": block, "stream": columns["stream"], "column": column, "row": row}
                yield place, value


def _in_records(record: RunRecord, made: RunRecord, complete: bool) -> Iterator[Document]:
    """The differences in what the runs ended with, and the error that a run had only now."""
    if made.status == "failed":
        yield _difference("error", {}, record.reason, made.reason)
    if not complete:
        return
    made = replace(
        made,
        score=made.score if record.score else {},  # older formats have none
        pictured=made.pictured and record.pictured,
    )
    one, other = map(_results, (record, made))
    for key in one | other:
        part, _, name = key.partition(".")
        value, recomputed = one.get(key, MISSING), other.get(key, MISSING)
        if part == "artifacts" and (
            key not in other or (key not in one and not record.pictured)
        ):  # nothing to compare with: that run makes no pictures, or not all
            continue
        if repr(value) != repr(recomputed):
            yield _difference(part, {"name": name}, value, recomputed)


def _difference(part: str, place: Document, value: Any, recomputed: Any) -> Document:
    return {"part": part, **place, "run": value, "recomputed": recomputed}


def _results(record: RunRecord) -> Document:
    """What a finished run ends with: "part.name" -> value."""
    summary = {name: value for name, value in record.summary.items() if name not in DURATIONS}
    artifacts = {one.name: one.sha256 for one in record.artifacts}
    ends = {"done_units": record.done_units, "pictured": record.pictured}
    return flat({"record": ends, "summary": summary, "score": record.score, "artifacts": artifacts})
