"""Whether a run's folder still holds what was written."""

from __future__ import annotations

from typing import Any

from sandbox import checkpoint
from sandbox.errors import CheckpointError, StoreError
from sandbox.store.files import sha256
from sandbox.store.folder import RunFolder
from sandbox.store.metrics import Metrics
from sandbox.store.record import Artifact, RunRecord


def check(folder: RunFolder) -> dict[str, Any]:
    """Read everything a run wrote; of a run at work, only what no longer changes.

    Returns:
        `status`, `problems` (a sentence each, empty when all is well), and how many `artifacts`, `checkpoints` and `blocks` were read.
    """
    problems: list[str] = []
    record: RunRecord | None = None
    try:
        record = folder.read()
    except StoreError as error:
        problems.append(str(error))
    status = record.status if record else "damaged"
    blocks = checkpoints = 0
    if status != "running":
        blocks = _check_metrics(folder, problems)
        checkpoints = _check_checkpoints(folder, status, problems)
        for artifact in record.artifacts if record else []:
            _check_artifact(folder, artifact, problems)
    artifacts = len(record.artifacts) if record else 0
    return {"status": status, "problems": problems, "artifacts": artifacts, "checkpoints": checkpoints, "blocks": blocks}


def _check_metrics(folder: RunFolder, problems: list[str]) -> int:
    blocks = 0
    for document in Metrics(folder.metrics_path, problems.append).blocks():
        lengths = {len(column) for name, column in document.items() if name != "stream"}
        if len(lengths) > 1:
            problems.append(f"{folder.metrics_path.name}: block {blocks + 1} has columns of different lengths.")
        blocks += 1
    return blocks


def _check_checkpoints(folder: RunFolder, status: str, problems: list[str]) -> int:
    """Whether checkpoints are whole, and the metrics as long as the last one says."""
    size = folder.metrics_path.stat().st_size if folder.metrics_path.exists() else 0
    seen = None
    numbers = checkpoint.numbers(folder.checkpoints)
    for number in numbers:
        try:
            seen = checkpoint.load(folder.checkpoints / f"{number:06d}").get("metrics", 0)
        except CheckpointError as error:
            problems.append(str(error))
    if seen is not None and (size < seen or (status == "finished" and size != seen)):
        problems.append(f"{folder.metrics_path.name} has {size} bytes, but had {seen} at the last checkpoint.")
    if status == "finished" and not numbers:
        problems.append("the run is finished, but has no checkpoint.")
    return len(numbers)


def _check_artifact(folder: RunFolder, artifact: Artifact, problems: list[str]) -> None:
    path = folder.artifacts.folder / artifact.name
    if not path.is_file():
        problems.append(f"artifact {artifact.name} is missing.")
    elif path.stat().st_size != artifact.size or sha256(path) != artifact.sha256:
        problems.append(f"artifact {artifact.name} is not what was written (its SHA-256 differs).")
