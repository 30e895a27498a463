"""Shared by all checks: the error of a broken promise, and fingerprints of states."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import rich.style  # noqa: F401 - draws from Python's generator when it is first imported

from sandbox.seeding import GlobalGenerators
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
    """Fingerprints of the global generators, by the names that a lab may give in
    `global_generators`.
    """
    states = GlobalGenerators(0, ("python", "numpy", "torch")).read()
    return {name: fingerprint(state) for name, state in states.items()}
