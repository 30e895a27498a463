"""`compare`: agents x seeds on one lab, each an ordinary run; finished runs are reused.

The statistics are computed from the runs' own files for each comparison; only the page
and its document are kept, in `comparisons/ID/` of the store. The same comparison has the same id.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sandbox.comparison import report as comparison_report
from sandbox.comparison.given import Given, read_given
from sandbox.comparison.planned import PlannedRun, Progress, completed, planned_runs
from sandbox.comparison.request import ComparedAgent, ComparisonRequest, compared_agents
from sandbox.comparison.view import Compared, Published
from sandbox.config.model import Layer
from sandbox.errors import ConfigError, UsageError
from sandbox.execution.scheduler import THIS_PROCESS, Workers
from sandbox.runs.loop import Settings
from sandbox.runs.request import Request
from sandbox.runs.view import Run
from sandbox.store.comparisons import FOLDER
from sandbox.store.store import Store
from sandbox.text import Document, flat


class Comparison(Compared, Published):
    """Agents side by side, with a page and a document in the store."""

    def page(self, folder: Path | None = None) -> str:
        """See `Published.page`."""
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
                label: [
                    {"run": run.id, "seed": run.record.seed, "status": run.status} for run in runs
                ]
                for label, runs in self.runs.items()
            },
            "warnings": self.warnings,
            **({"given": [about for _, about in self.given.files]} if self.given.files else {}),
        }

    def __repr__(self) -> str:
        return (
            f"<Comparison {self.id}: {', '.join(self.runs)} on {self.lab}, {len(self.seeds)} seeds>"
        )

    def _repr_html_(self) -> str:
        """Table and figures for a notebook."""
        return comparison_report.inline(self)


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
    store: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    track: Sequence[str] = (),
    workers: int = 0,
    scheduler: str = "",
    given: Sequence[str | Path] = (),
    progress: Progress | None = None,
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
        progress: called at the beginning and after each run.
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
    request = Request(lab, preset, [config or {}, options], seed, seeds, track=track)
    return compare_agents(
        ComparisonRequest(request, agents, agent_options or {}, given),
        Store(store),
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
    output: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Make a comparison; see `compare`.

    Args:
        wanted: the request.
        store: where the runs go.
        settings: how new runs are executed.
        workers: which processes execute them.
        fresh, output, progress: as in `compare`.
    """
    plan = comparison_plan(wanted)
    show = progress or (lambda _: None)
    runs, reused = completed(plan.runs, store, settings, workers, fresh, show)
    return carried_out(plan, runs, len(reused), store, output)


class Plan(NamedTuple):
    """A comparison of which nothing has run.

    Attributes:
        wanted: the request.
        id: the comparison's id.
        agents: the agents.
        runs: the runs that it needs, agent by agent.
        remarks: warnings about the request.
        given: results of others.
    """

    wanted: ComparisonRequest
    id: str
    agents: list[ComparedAgent]
    runs: list[PlannedRun]
    remarks: list[str]
    given: Given


def comparison_plan(wanted: ComparisonRequest) -> Plan:
    """The plan of a comparison.

    Raises:
        UsageError: with everything that is wrong.
    """
    agents, remarks = _checked(wanted)
    planned = planned_runs(wanted.request, agents)
    if len({one.fingerprint for one in planned}) < len(planned):
        raise UsageError(
            "Two of the agents have the same settings, so they would be the same runs. "
            "Change an option of one with --set."
        )
    lab = planned[0].request.lab
    given = read_given(wanted.given, flat(agents[0].config).get("env.name", lab))
    parts = [one.label + one.fingerprint + one.sources for one in planned]
    content = "|".join(parts + [about["sha256"] for _, about in given.files])
    name = f"{lab}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"
    return Plan(wanted, name, agents, planned, remarks, given)


def carried_out(
    plan: Plan,
    runs: Sequence[Run],
    reused: int,
    store: Store,
    output: str | os.PathLike[str] | None = None,
) -> Comparison:
    """The comparison whose planned runs have ended; its page and document are written.

    Args:
        plan: the plan.
        runs: its runs, in its order.
        reused: how many of them were in the store before.
        store: holds the runs.
        output: as in `compare`.
    """
    by_label: dict[str, list[Run]] = {one.label: [] for one in plan.agents}
    for one, run in zip(plan.runs, runs, strict=True):
        by_label[one.label].append(run)
    of_others = [
        f"Agents marked as given are results of others from {about['source']} (SHA-256 "
        f"{about['sha256'][:12]}…), not measured here. Whether they were measured on this task and "
        "scored like the runs is not checked."
        for _, about in plan.given.files
    ]
    comparison = Comparison(
        plan.id,
        plan.runs[0].request.lab,
        plan.wanted.request.preset,
        plan.agents,
        [one.request.seed for one in plan.runs if one.label == plan.agents[0].label],
        by_label,
        reused,
        plan.remarks + of_others + _warnings_of(by_label),
        store.root / FOLDER / plan.id if output is None else Path(output),
        plan.wanted.request.command,
        plan.runs[0].sources,
        plan.given,
    )
    comparison.write({about["file"]: content for content, about in plan.given.files})
    return comparison


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
    try:
        checked = compared_agents(wanted)
    except ConfigError as error:
        wrong += error.problems
    if wrong:
        raise ConfigError(f"comparison on lab '{wanted.request.lab}'", wrong)
    return checked
