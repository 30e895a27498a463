"""The run store: folders are the truth, everything else can be rebuilt from them."""

from sandbox.store.artifacts import Artifacts
from sandbox.store.folder import RunFolder
from sandbox.store.metrics import Metrics
from sandbox.store.record import Artifact, RunRecord
from sandbox.store.store import Store

__all__ = ["Artifact", "Artifacts", "Metrics", "RunFolder", "RunRecord", "Store"]
