"""A comparison: its runs, its table, its pairs and its figures; and its page and document."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.comparison.given import NOTHING, Given
from sandbox.comparison.request import ComparedAgent
from sandbox.comparison.results import ComparisonResults, results_of
from sandbox.config.model import option_name, show_value
from sandbox.errors import SandboxError, StoreError
from sandbox.runs.view import Run
from sandbox.store import documents
from sandbox.store.comparisons import DOCUMENT, PAGE
from sandbox.store.files import Directory, write_whole
from sandbox.text import Document, to_json


class Published(ABC):
    """A comparison with a page and a document in its folder.

    Attributes:
        folder: the folder of page and document.
    """

    folder: Path

    @abstractmethod
    def document(self) -> Document:
        """The whole comparison as one JSON document."""

    @abstractmethod
    def page(self, folder: Path | None = None) -> str:
        """The page; `folder` is where it will be, for its links, if not in the comparison's."""

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The page, one self-contained file; also written to `path` if one is given."""
        page = self.page(None if path is None else Path(path).parent)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def write(self, files: Mapping[str, bytes] | None = None) -> None:
        """Write page and document into the folder, unless the same document is there already.

        Args:
            files: further files, by name.

        Raises:
            SandboxError: when that cannot be done.
        """
        page = self.folder / PAGE
        document = to_json(self.document())
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, content in (files or {}).items():
                write_whole(self.folder / name, content, sync=False)
            if page.exists() and self._written() == document.encode():
                return  # the page shows nothing that is not in the document
            write_whole(page, self.to_html().encode(), sync=False)
            # The document is written last: if it is current, so is the page.
            write_whole(self.folder / DOCUMENT, document.encode(), sync=False)
        except OSError as error:
            raise SandboxError(
                f"Cannot write to {self.folder}: {error.strerror}. "
                "Choose another folder with --output."
            ) from error

    def _written(self) -> bytes:
        """The document in the folder; empty when it is missing or cannot be read."""
        try:
            return Directory(self.folder).read(DOCUMENT, documents.MOST_BYTES)
        except (OSError, StoreError):
            return b""


@dataclass
class Compared:
    """Agents side by side.

    Attributes:
        id: the comparison's id; equal requests for runs have equal ids.
        lab, preset: those of the runs.
        agents: the agents.
        seeds: the seeds of each agent.
        runs: runs by label, one for each seed, in order, with any status.
        reused: how many runs were already in the store.
        remarks: warnings about the request.
        folder: the folder of page and document.
        command: the command line, or "".
        given: results of others, shown beside the runs.
    """

    id: str
    lab: str
    preset: str
    agents: list[ComparedAgent]
    seeds: list[int]
    runs: dict[str, list[Run]]
    reused: int
    remarks: list[str]
    folder: Path
    command: str = ""
    sources: str = ""
    given: Given = NOTHING

    @cached_property
    def results(self) -> ComparisonResults:
        """The results, computed from the runs."""
        return results_of(self.runs, self.given)

    @property
    def table(self) -> list[Document]:
        """One row for each agent, best first: plain values; an interval is [low, high]."""
        return [one.document() for one in self.results.ranked]

    @property
    def pairs(self) -> list[Document]:
        """One row for each pair and question: probability of improvement, p-value, verdict."""
        return [pair.document() for pair in self.results.pairs]

    @property
    def warnings(self) -> list[str]:
        """What limits the answer: failed runs, few seeds, mixed versions."""
        return [*self.remarks, *self.results.warnings]

    @property
    def figures(self) -> dict[str, Any]:
        """Matplotlib figures by name: learning_curves, scores, performance_profile."""
        from sandbox.comparison import plots as comparison_plots

        return comparison_plots.figures(self.results)


def shown_options(one: ComparedAgent) -> str:
    """The options of an agent that are not its defaults, as on the command line; "" for none."""
    return ", ".join(
        f"{option_name(name)} {show_value(value)}" for name, value in one.given.items()
    )
