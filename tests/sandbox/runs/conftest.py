"""Runs of the toy lab, and records that were changed with their digests."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.runs.view import Run
from sandbox.store import RunRecord, Store


def walked(store: Any, settings: Settings | None = None, **options: Any) -> Run:
    """A run of the toy lab, of six blocks."""
    request = api.Request("walk", layers=[{"steps": 60, **options}], seed=3)
    return api.start(request, Store(store), settings or Settings())


@pytest.fixture
def finished(store, walk):
    """A finished run of six blocks."""
    return walked(store)


def rewrite(made: Run, **changes: Any) -> None:
    """Change the record as a forger does who writes the digest anew."""
    record = RunRecord.read(made.folder.record_path)
    for name, value in changes.items():
        setattr(record, name, value)
    record.write(made.folder.record_path)
