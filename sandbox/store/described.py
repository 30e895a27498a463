"""Folders of the store that one JSON document describes: sweeps, comparisons, reproductions.

The runs are in their own folders. There is no run.json here, so listings of runs do not see it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self, TypeVar

from sandbox.errors import StoreError, UsageError
from sandbox.store import documents
from sandbox.store.store import Store, matching
from sandbox.text import Document

Record = TypeVar("Record")


class DescribedFolder:
    """A folder ROOM/ID in a store.

    Args:
        path: the folder.

    Attributes:
        room: the folder's parent folder in the store.
        document: the name of its document.
        remedy: what to do when the document is damaged.
        newest: the newest format that this program reads.
    """

    room: ClassVar[str]
    document: ClassVar[str]
    remedy: ClassVar[str]
    newest: ClassVar[int] = 1

    def __init__(self, path: Path) -> None:
        self.path = path
        self.document_path = path / self.document

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.name

    def _read(
        self, kind: type[Record], check: Callable[[Record], None] = lambda record: None
    ) -> tuple[Document, Record]:
        """The document, and the same as a dataclass.

        Args:
            kind: the dataclass.
            check: raises ValueError for a record that is wrong.

        Raises:
            StoreError: when it is missing, damaged, or of a newer format.
        """
        try:
            document = documents.shown(documents.read(self.document_path))
            if document.get("format", 0) > self.newest:
                raise StoreError(
                    f"{self.document_path} was written by a newer sandbox "
                    f"(format {document['format']}); update the sandbox."
                )
            record = documents.validated(kind, document)
            check(record)
            return document, record
        except (ValueError, TypeError) as error:
            raise StoreError(f"{self.document_path} is damaged ({error}). {self.remedy}") from error

    def members(self) -> list[str]:
        """Its runs, each as LAB/ID, which need not be there; a reproduction keeps none."""
        return []

    @classmethod
    def all_of(cls, store: Store) -> list[Self]:
        """All folders of this kind, ordered by id."""
        documents = store.root.glob(f"{cls.room}/*/{cls.document}")
        return [cls(path.parent) for path in sorted(documents)]

    @classmethod
    def find(cls, store: Store, name: str) -> Self | None:
        """The folder that `name` means: an id, a unique beginning of one, or a folder; else None.

        Raises:
            UsageError: when several ids begin with it.
        """
        if name.strip() and os.path.exists(Path(name) / cls.document):
            return cls(Path(name).resolve())
        known = {one.id: one for one in cls.all_of(store)}
        ids = matching(name, known)
        if len(ids) > 1:
            some = f"{len(ids)} {cls.room}: {', '.join(ids[:8])}"
            raise UsageError(f"'{name}' could be {some}. Type more of the id.")
        return known[ids[0]] if ids else None


class ReproductionFolder(DescribedFolder):
    """One reproduction."""

    room, document = "reproductions", "reproduce.json"
    remedy = "The same `reproduce` writes it again."
