"""Shared by all checks: the error of a broken promise, and fingerprints of states."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping

import numpy as np
import rich.style  # noqa: F401 - draws from Python's generator when it is first imported

from sandbox.text import Document


class NotConforming(AssertionError):
    """A promise that does not hold."""


def require(holds: bool, says: str) -> None:
    """Raise NotConforming, unless a promise holds.

    Args:
        holds: whether it does.
        says: what was promised and what happened, a sentence without its full stop.
    """
    if not holds:
        raise NotConforming(f"{says}.")


def fingerprint(value: object) -> bytes:
    """Bytes that differ when a state does: nested dicts and lists of arrays and plain values."""
    if isinstance(value, Mapping):
        parts = (f"{name}:".encode() + fingerprint(part) for name, part in value.items())
        return b"{%b}" % b",".join(parts)
    if isinstance(value, (list, tuple)):
        return b"[%b]" % b",".join(map(fingerprint, value))
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}".encode() + value.tobytes()
    return repr(value).encode()


def global_states() -> Document:
    """What the global generators hold, by the names that a lab may give in `global_generators`."""
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - looked at, not drawn from
    states = {
        "python": random.getstate(),
        "numpy": (numpy_state["state"]["key"].tobytes(), numpy_state["state"]["pos"]),
    }
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return states
