"""`compare`: agents x seeds on one lab, each an ordinary run; finished runs are reused.

The statistics are computed from the runs' own files for each comparison; only the page
and its document are kept, in `comparisons/ID/` of the store. The same comparison has the same id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from sandbox.comparison import MARGIN, MAX_SEEDS
from sandbox.comparison import report as comparison_report
from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.given import read_given
from sandbox.comparison.planned import PlannedRun, Progress, completed, planned_runs
from sandbox.comparison.request import ComparedAgent, ComparisonRequest, compared_agents
from sandbox.comparison.results import results_of
from sandbox.comparison.until_decided import seed_plan
from sandbox.comparison.view import Compared
from sandbox.config.model import Layer
from sandbox.errors import ConfigError, SandboxError, StoreError, UsageError
from sandbox.execution.scheduler import THIS_PROCESS, Workers
from sandbox.input_files import StrPath
from sandbox.runs.loop import Settings
from sandbox.runs.paper import write_export
from sandbox.runs.request import Request
from sandbox.runs.view import Run
from sandbox.store import Store, documents
from sandbox.store.comparisons import DOCUMENT, FOLDER, PAGE
from sandbox.store.files import Directory, write_whole
from sandbox.text import Document, flat, to_json


class Comparison(Compared):
    """Agents side by side, with a page and a document in the store."""

    def to_html(self, path: StrPath | None = None) -> str:
        """The page, one self-contained file; also written to `path` if one is given."""
        page = self._page(self.folder if path is None else Path(path).parent)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def cells(self, one: AgentResult) -> dict[str, str]:
        """An agent's row of the table, plain text by column."""
        return comparison_report.cells(self, one)

    def export(self, folder: StrPath) -> None:
        """Write figures (PDF, SVG), their data (CSV), tables (CSV, LaTeX) and a text on the method
        for a paper.

        Args:
            folder: empty, new, or that of an earlier export.

        Raises:
            UsageError: when a file would be replaced that no export made, or that was changed.
        """
        write_export(Path(folder), self._exported())

    def _exported(self) -> dict[str, bytes]:
        return comparison_report.exported(self, {self.lab: self}, self.cells)

    def _page(self, folder: Path) -> str:
        return comparison_report.page(self, folder)

    def document(self) -> Document:
        """The whole comparison as one JSON document."""
        return {
            "comparison": self.id,
            "folder": str(self.folder.resolve()),
            "lab": self.lab,
            "preset": self.preset,
            "seeds": self.seeds,
            "command": self.command,
            "sources": self.sources,
            "reused": self.reused,
            "finding": comparison_report.finding(self),
            **self.results.document(),
            "agents": self.table,
            "pairs": self.pairs,
            "configs": {one.label: one.config for one in self.agents},
            "runs": {
                label: [self._member(run) for run in runs] for label, runs in self.runs.items()
            },
            "warnings": self.warnings,
            **({"given": [about for _, about in self.given.files]} if self.given.files else {}),
        }

    def _member(self, run: Run) -> Document:
        return {"run": run.id, "seed": run.record.seed, "status": run.status}

    def write(self) -> None:
        """Write page and document into the folder, unless the same document is there already.

        Raises:
            SandboxError: when that cannot be done.
        """
        page = self.folder / PAGE
        document = to_json(self.document()).encode()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for content, about in self.given.files:
                write_whole(self.folder / about["file"], content, sync=False)
            if page.exists() and self._written() == document:
                return  # the page shows nothing that is not in the document
            write_whole(page, self.to_html().encode(), sync=False)
            # The document is written last: if it is current, so is the page.
            write_whole(self.folder / DOCUMENT, document, sync=False)
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

    def __repr__(self) -> str:
        return (
            f"<Comparison {self.id}: {', '.join(self.runs)} on {self.lab}, {len(self.seeds)} seeds>"
        )

    def _repr_html_(self) -> str:
        """Table and figures for a notebook."""
        return comparison_report.inline(self, self.cells)


def compare(
    lab: str,
    agents: Sequence[str],
    *,
    seeds: int = 10,
    seed: int = 0,
    preset: str = "default",
    config: Layer | None = None,
    agent_options: Mapping[str, Layer] | None = None,
    fresh: bool = False,
    pictures: bool = False,
    store: StrPath | None = None,
    output: StrPath | None = None,
    track: Sequence[str] = (),
    workers: int = 0,
    scheduler: str = "",
    given: Sequence[str | Path] = (),
    until_decided: bool = False,
    margin: float = MARGIN,
    max_seeds: int = MAX_SEEDS,
    progress: Progress | None = None,
    threads: int | None = None,
    device: str = "cpu",
    **options: Any,
) -> Comparison:
    """Compare agents on a lab: each learns with every seed.

    Args:
        lab, preset: its name ("maze"), and one of its presets.
        agents: names, LABEL=NAME for an agent under several settings, NAME:stock for the settings
            of Stable-Baselines3, or .toml and .json files with an agent's settings.
        seeds, seed: number of seeds, >= 1 (intervals need 3), and the first of them, >= 0.
        config: settings of all agents, nested; options under "agent" are for those that have them.
        agent_options: options of single agents: `{"sarsa": {"alpha": 0.1}}`.
        fresh, pictures: whether to reuse no finished run, and whether new runs make pictures.
        store: folder of runs; None takes SANDBOX_STORE, else `runs` here.
        output: folder of page and document; None takes `comparisons/ID` in the store.
        track: names of observers of every new run.
        workers, scheduler: processes to start for new runs, or a Dask cluster's address.
        given: CSV files with results of others, shown beside the runs and marked as given.
        until_decided: whether to add `seeds` seeds at a time until the final scores of every pair
            are shown to be different, or equal within the margin.
        margin, max_seeds: with `until_decided`, the margin as a share of the optimum, in (0, 1),
            and the most seeds of an agent, >= `seeds`.
        progress: called at the beginning and after each run.
        threads, device: of each run; see `sandbox.runs.request.Request`.
        **options: single settings of the lab, over `config`: `episodes=100`.

    Returns:
        The comparison; page and document are written.

    Raises:
        UsageError: with everything that is wrong; nothing was started then.
        Interrupted: Ctrl-C; the same call finishes it.

    Example:
        >>> from sandbox import compare
        >>> len(compare("empty-grid", ["sarsa", "q-learning"], seeds=3, episodes=300).table)
        2
    """
    layers = [config or {}, options]
    request = Request(lab, preset, layers, seed, seeds, threads=threads, device=device, track=track)
    until = seed_plan(until_decided, request, margin, max_seeds)
    return compare_agents(
        ComparisonRequest(request, agents, agent_options or {}, given, until=until),
        Store.lasting(store),
        Settings(pictures=pictures),
        Workers(workers, scheduler),
        fresh=fresh,
        output=output,
        progress=progress,
    )


def compare_agents(
    wanted: ComparisonRequest,
    store: Store,
    settings: Settings,
    workers: Workers = THIS_PROCESS,
    *,
    fresh: bool = False,
    output: StrPath | None = None,
    progress: Progress | None = None,
    complete: Callable[..., tuple[list[Run], set[str]]] = completed,
) -> Comparison:
    """Make a comparison; see `compare`.

    Args:
        wanted: the request.
        store: where the runs go.
        settings: how new runs are executed.
        workers: which processes execute them.
        fresh, output, progress: as in `compare`.
        complete: makes or finds the planned runs.
    """
    agents, remarks, planned = plan(wanted)
    until, first = wanted.until, wanted.request.seed
    counts = until.counts if until else [wanted.request.seeds]
    lab = planned[0].request.lab
    given = read_given(wanted.given, flat(agents[0].config).get("env.name", lab))
    parts = [one.label + one.fingerprint + one.sources for one in planned]
    parts += [about["sha256"] for _, about in given.files]
    name = comparison_id(lab, parts + ([f"until decided {until.margin} {counts}"] if until else []))
    runs: dict[str, list[Run]] = {one.label: [] for one in agents}
    active, reused, show = list(runs), set[str](), progress or (lambda _: None)
    for before, count in pairwise([0, *counts]):
        group = [
            one
            for one in planned
            if one.label in active and before <= one.request.seed - first < count
        ]
        made, found = complete(group, store, settings, workers, fresh, show)
        reused |= found
        for one, run in zip(group, made, strict=True):
            runs[one.label].append(run)
        looks = until and results_of(runs, given, until).looks
        active = looks.undecided if looks else []
        if not active:
            break
    remarks += [
        f"Agents marked as given are results of others from {about['source']} (SHA-256 "
        f"{about['sha256'][:12]}…), not measured here. Whether they were measured on this task and "
        "scored like the runs is not checked."
        for _, about in given.files
    ]
    comparison = Comparison(
        name,
        lab,
        wanted.request.preset,
        agents,
        list(range(first, first + max(map(len, runs.values())))),
        runs,
        len(reused),
        remarks + _warnings_of(runs),
        store.root / FOLDER / name if output is None else Path(output).absolute(),
        wanted.request.command,
        planned[0].sources,
        given,
        until,
    )
    comparison.write()
    return comparison


def plan(wanted: ComparisonRequest) -> tuple[list[ComparedAgent], list[str], list[PlannedRun]]:
    """The agents, remarks on the request, and the runs that it needs.

    Raises:
        UsageError: with everything that is wrong.
    """
    agents, remarks = _checked(wanted)
    most = wanted.until.counts[-1] if wanted.until else wanted.request.seeds
    planned = planned_runs(replace(wanted.request, seeds=most), agents)
    if len({one.fingerprint for one in planned}) < len(planned):
        raise UsageError(
            "Two of the agents have the same settings, so they would be the same runs. "
            "Change an option of one with --set."
        )
    return agents, remarks, planned


def comparison_id(beginning: str, parts: Sequence[str]) -> str:
    """An id that follows what is compared: the same request has the same."""
    return f"{beginning}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:10]}"


def _warnings_of(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """The runs' own warnings, once for each agent."""
    return [
        f"{label}: {warning}"
        for label, some in runs.items()
        for warning in dict.fromkeys(warning for run in some for warning in run.record.warnings)
        if not warning.startswith("Traceback")
    ]


def _checked(wanted: ComparisonRequest) -> tuple[list[ComparedAgent], list[str]]:
    """The agents and remarks; wrong numbers of seeds are reported together with wrong agents."""
    wrong = wanted.request.wrong_numbers()
    wrong += wanted.until.wrong_numbers() if wanted.until else []
    try:
        checked = compared_agents(wanted)
    except ConfigError as error:
        wrong += error.problems
    if wrong:
        raise ConfigError(f"comparison on lab '{wanted.request.lab}'", wrong)
    return checked
