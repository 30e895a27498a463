"""Whether a run's folder still holds what was written."""

from __future__ import annotations

from typing import Any

from sandbox import checkpoint
from sandbox.errors import CheckpointError, StoreError
from sandbox.store.files import sha256
from sandbox.store.folder import RunFolder
from sandbox.store.metrics import Metrics
from sandbox.store.record import RunRecord


def check(folder: RunFolder) -> dict[str, Any]:
    """Read everything a run wrote.

    Returns:
        `status`, `problems` (a sentence each, empty when all is well), and how many `artifacts`, `checkpoints` and `blocks` were read.
    """
    problems: list[str] = []
    try:
        record: RunRecord | None = folder.read()
    except StoreError as error:
        record = None
        problems.append(str(error))
    blocks = _check_metrics(folder, problems)
    checkpoints = checkpoint.numbers(folder.checkpoints)
    for number in checkpoints:
        try:
            checkpoint.load(folder.checkpoints / f"{number:06d}")
        except CheckpointError as error:
            problems.append(str(error))
    artifacts = record.artifacts if record else []
    for artifact in artifacts:
        path = folder.artifacts.folder / artifact.name
        if not path.is_file():
            problems.append(f"artifact {artifact.name} is missing.")
        elif path.stat().st_size != artifact.size or sha256(path) != artifact.sha256:
            problems.append(f"artifact {artifact.name} is not what was written (its SHA-256 differs).")
    status = record.status if record else "damaged"
    return {"status": status, "problems": problems, "artifacts": len(artifacts), "checkpoints": len(checkpoints), "blocks": blocks}


def _check_metrics(folder: RunFolder, problems: list[str]) -> int:
    blocks = 0
    for document in Metrics(folder.metrics_path, problems.append).blocks():
        lengths = {len(column) for name, column in document.items() if name != "stream"}
        if len(lengths) > 1:
            problems.append(f"{folder.metrics_path.name}: block {blocks + 1} has columns of different lengths.")
        blocks += 1
    return blocks
