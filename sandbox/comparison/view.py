"""A comparison without its files: its runs, table, pairs and figures, which the report shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.comparison.given import NOTHING, Given
from sandbox.comparison.request import ComparedAgent
from sandbox.comparison.results import ComparisonResults, results_of
from sandbox.comparison.until_decided import UntilDecided
from sandbox.runs.view import Run
from sandbox.text import Document


@dataclass
class Compared:
    """Agents side by side.

    Attributes:
        id: the comparison's id; equal requests for runs have equal ids.
        lab, preset: those of the runs.
        agents: the agents.
        seeds: the seeds of each agent; where seeds were added, of the one with most.
        runs: runs by label, one for each seed, in order, with any status.
        reused: how many runs were already in the store.
        remarks: warnings about the request.
        folder: the folder of page and document.
        command: the command line, or "".
        sources: SHA-256 of the sources that the runs were computed with.
        given: results of others, shown beside the runs.
        until: how seeds were added until pairs were decided; None for a fixed number of seeds.
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
    until: UntilDecided | None = None

    @cached_property
    def results(self) -> ComparisonResults:
        """The results, computed from the runs."""
        return results_of(self.runs, self.given, self.until)

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
