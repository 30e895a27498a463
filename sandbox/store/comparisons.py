"""Comparisons in the store: `comparisons/ID/` holds a page and a document.

What the runs did stands in their own folders. There is no run.json here, so listings of runs do not
see it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.errors import StoreError, UsageError
from sandbox.store import documents
from sandbox.store.store import Store, matching

FOLDER, PAGE, DOCUMENT = "comparisons", "index.html", "comparison.json"
MADE = re.compile(r"-[0-9a-f]{8}$")
"""How the ids of runs end that a comparison began; a run of its own has four signs there."""


@dataclass(frozen=True)
class Member:
    """A run of a comparison, as its document names it."""

    run: str
    seed: int = 0
    status: str = ""


@dataclass(frozen=True)
class ComparisonSummary:
    """What is shown of a comparison's document, whichever version wrote it."""

    lab: str
    runs: dict[str, list[Member]]
    agents: list[dict[str, Any]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    command: str = ""
    finding: str = ""
    score: str = ""
    optimum: float | None = None


@dataclass(frozen=True)
class ComparisonFolder:
    """One comparison.

    Attributes:
        path: its folder.
    """

    path: Path

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.name

    def read(self) -> dict[str, Any]:
        """Its document.

        Raises:
            StoreError: when it is missing or damaged.
        """
        path = self.path / DOCUMENT
        try:
            document = documents.shown(documents.read(path))
            documents.validated(ComparisonSummary, document)
        except (ValueError, TypeError) as error:
            remedy = "The runs are untouched; the same `compare` writes it anew."
            raise StoreError(f"{path} is damaged ({error}). {remedy}") from error
        return document


def folders(store: Store) -> list[ComparisonFolder]:
    """All comparisons, in the order in which they were written."""
    documents = list(store.root.glob(f"{FOLDER}/*/{DOCUMENT}"))
    documents.sort(key=lambda path: path.stat().st_mtime_ns)
    return [ComparisonFolder(path.parent) for path in documents]


def find(store: Store, name: str) -> ComparisonFolder | None:
    """The comparison that `name` means: an id, a unique beginning of one, or a folder; else None.

    Raises:
        UsageError: when several begin so.
    """
    if name.strip() and os.path.exists(Path(name) / DOCUMENT):
        return ComparisonFolder(Path(name).resolve())
    known = {folder.id: folder for folder in folders(store)}
    found = matching(name, known)
    if len(found) > 1:
        some = f"{len(found)} comparisons: {', '.join(found[:8])}"
        raise UsageError(f"'{name}' could be {some}. Type more of the id.")
    return known[found[0]] if found else None
