"""Comparisons in the store: `comparisons/ID/` holds a page and a document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.store.described import DescribedFolder
from sandbox.store.store import Store
from sandbox.text import Document

FOLDER, PAGE, DOCUMENT = "comparisons", "index.html", "comparison.json"
COMPARED = re.compile(r"-[0-9a-f]{8}$")
"""The end of ids of runs that a comparison began; ids of other runs have four digits there."""


@dataclass(frozen=True)
class Member:
    """A run of a comparison, as its document names it."""

    run: str
    seed: int = 0
    status: str = ""
    lab: str = ""
    """"" for the lab of the comparison."""


@dataclass(frozen=True)
class ComparisonSummary:
    """What is shown of a comparison's document, whichever version wrote it."""

    lab: str
    runs: dict[str, list[Member]]
    agents: list[Document] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    command: str = ""
    finding: str = ""
    score: str = ""
    optimum: float | None = None


class ComparisonFolder(DescribedFolder):
    """One comparison."""

    room, document = FOLDER, DOCUMENT
    remedy = "The runs are untouched; the same `compare` writes it again."

    def read(self) -> Document:
        """The comparison's document.

        Raises:
            StoreError: when it is missing or damaged.
        """
        document, _ = self._read(ComparisonSummary)
        return document

    def members(self) -> list[str]:
        """The runs of all agents."""
        document = self.read()
        lab, labels = document["lab"], document["runs"].values()
        return [f"{one.get('lab') or lab}/{one['run']}" for label in labels for one in label]


def folders(store: Store) -> list[ComparisonFolder]:
    """All comparisons, in the order in which they were written."""
    every = ComparisonFolder.all_of(store)
    return sorted(every, key=lambda one: one.document_path.stat().st_mtime_ns)
