"""Whether a run's folder still holds what was written."""

from __future__ import annotations

from sandbox.errors import CheckpointError, LinkError, StoreError
from sandbox.store import checkpoint
from sandbox.store.folder import METRICS, TIMES, RunFolder
from sandbox.store.measurements import SavedState
from sandbox.store.metrics import Mark, Metrics
from sandbox.store.record import Artifact, RunRecord
from sandbox.text import Document

OLDER = "no digest: an older format"
"""Note on a run whose format has no digests in run.json, metrics and checkpoints."""
CHANGED = "run.json is not what was written (its SHA-256 differs)."


def check(folder: RunFolder) -> Document:
    """Read everything a run wrote; if the run is active, only the files that no longer change.

    Returns:
        `status`, `problems` (a sentence each, empty when all is well), `notes`, and how many
        `artifacts`, `checkpoints` and `blocks` were read.
    """
    problems: list[str] = []
    try:
        problems += [str(LinkError(folder.path / name)) for name in folder.directory.odd()]
    except OSError as error:
        problems.append(str(error))
    notes: list[str] = []
    record: RunRecord | None = None
    try:
        record = folder.read()
        if record.intact is None:
            notes.append(OLDER)
        elif not record.intact:
            problems.append(CHANGED)
    except StoreError as error:
        problems.append(str(error))
    status = record.status if record else "damaged"
    artifacts = record.artifacts if record else []
    blocks = checkpoints = 0
    if status != "running":
        blocks = _check_metrics(folder, problems)
        checkpoints = _check_checkpoints(folder, record, problems)
        problems += changed_files(folder, record)
        for artifact in artifacts:
            _check_artifact(folder, artifact, problems)
    return {
        "status": status,
        "problems": list(dict.fromkeys(problems)),
        "notes": notes,
        "artifacts": len(artifacts),
        "checkpoints": checkpoints,
        "blocks": blocks,
    }


def damage(folder: RunFolder, record: RunRecord) -> str:
    """The first damage of a finished run other than to its artifacts; or ""."""
    problems: list[str] = []
    _check_checkpoints(folder, record, problems)
    problems += changed_files(folder, record)
    return next(iter(problems), "")


def _check_metrics(folder: RunFolder, problems: list[str]) -> int:
    blocks = 0
    try:
        for document in Metrics(folder.metrics_path, problems.append).blocks():
            lengths = {len(column) for name, column in document.items() if name != "stream"}
            if len(lengths) > 1:
                problems.append(f"{METRICS}: block {blocks + 1} has columns of different lengths.")
            blocks += 1
    except (OSError, StoreError) as error:
        problems.append(f"{METRICS} cannot be read: {error}")
    return blocks


def _check_checkpoints(folder: RunFolder, record: RunRecord | None, problems: list[str]) -> int:
    """Check that checkpoints are whole, and that the measurements begin with what they saw."""
    try:
        numbers = checkpoint.numbers(folder.checkpoints)
    except (OSError, StoreError) as error:
        problems.append(str(error))
        return 0
    finished = record is not None and record.status == "finished"
    last: SavedState | None = None
    for number in numbers:
        try:
            state = checkpoint.load(folder.checkpoints / f"{number:06d}")
            last = SavedState.of(number, state)
        except (CheckpointError, OSError) as error:
            problems.append(str(error))
            continue
        damaged = last.damaged_files(folder)
        problems += [f"{name} is not what it was at checkpoint {number:06d}." for name in damaged]
    if finished and last is not None and METRICS not in last.damaged_files(folder):
        size, saved = folder.directory.size(METRICS), last.marks[METRICS].size
        if size != saved:
            problems.append(f"{METRICS} has {size} bytes, but had {saved} at the last checkpoint.")
    if finished and not numbers:
        problems.append("the run is finished, but has no checkpoint.")
    return len(numbers)


def changed_files(folder: RunFolder, record: RunRecord | None) -> list[str]:
    """A sentence for each file of measurements that is not what it was when the run ended."""
    return [
        f"{name} is not what was written (its SHA-256 differs)."
        for name, mark in (record.files.items() if record else ())
        if name in (METRICS, TIMES)
        and not (
            folder.begins_with(name, Mark(**mark)) and folder.directory.size(name) == mark["size"]
        )
    ]


def _check_artifact(folder: RunFolder, artifact: Artifact, problems: list[str]) -> None:
    try:
        if folder.artifacts.measured(artifact.name) != artifact:
            problems.append(
                f"artifact {artifact.name} is not what was written (its SHA-256 differs)."
            )
    except FileNotFoundError:
        problems.append(f"artifact {artifact.name} is missing.")
    except (OSError, StoreError) as error:
        problems.append(f"artifact {artifact.name} cannot be read: {error}")
