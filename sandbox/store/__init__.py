"""Runs on disk, and everything that reads or writes them."""

from sandbox.store.artifacts import Artifacts
from sandbox.store.folder import RunFolder
from sandbox.store.metrics import Metrics
from sandbox.store.record import Artifact, RunRecord
from sandbox.store.store import Store

__all__ = ["Artifact", "Artifacts", "Metrics", "RunFolder", "RunRecord", "Store"]
