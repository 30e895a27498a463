"""What decides a run's numbers, as one hash: lab, configuration, seed, device and data.

How a run is carried out (rendering, store, workers, checkpoints, pictures, observers) is no part of it, so a run that was made in another
way is found again. The sources it used stand beside it, in the record.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.store.record import RunRecord


def fingerprint(record: RunRecord) -> str:
    """SHA-256, hexadecimal, over the parts of a record that decide what the run computes."""
    parts = [
        record.lab,
        record.config,
        record.seed,
        record.seeds,
        record.full_metrics,
        record.device,
        record.data,
    ]
    return hashlib.sha256(
        json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()
