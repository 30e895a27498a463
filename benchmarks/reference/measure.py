"""Measures the tables of reference results; the store keeps the runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.reference.page import markdown
from benchmarks.reference.tasks import (
    DEFAULTS,
    TUNED,
    TUNING_SEEDS,
    Task,
    group_name,
    group_of,
    tuning,
)
from sandbox import Run, compare
from sandbox.comparison.api import Comparison
from sandbox.execution.scheduler import Workers
from sandbox.runs import provenance
from sandbox.runs.loop import Settings
from sandbox.store.store import Store
from sandbox.store.sweeps import SweepFolder
from sandbox.sweeps.api import begin, resume_sweep
from sandbox.sweeps.results import Result
from sandbox.sweeps.view import Sweep
from sandbox.text import number, to_json, words

INDEX = "reference.json"
"""In the store: the sweep of each task, agent and version of the sources."""


def tuned(task: Task, agent: str, seeds: int, store: Store, workers: int) -> dict[str, Any]:
    """The best settings of an agent in its grid: its option -> value.

    A sweep that the store has is used again, or resumed.
    """
    wanted, index = tuning(task, agent, seeds), store.root / INDEX
    layers = list(wanted.request.layers)
    key = to_json([task.title, layers, wanted.search, seeds, provenance.sources()])
    known = json.loads(index.read_text()) if index.exists() else {}
    if key in known and (folder := SweepFolder.find(store, known[key])) is not None:
        made = resume_sweep(folder, workers=workers)
    else:
        made = begin(wanted, store, Settings(pictures=False), Workers(workers))
        index.write_text(to_json({**known, key: made.id}))
    params = _chosen(made).params
    return {name.removeprefix("agent.").replace("-", "_"): params[name] for name in params}


def _chosen(made: Sweep) -> Result:
    """The trial with the best score; of those that share it, the one with the least regret."""
    finished = made.finished
    equal = [one for one in finished if one.value == finished[0].value]
    return min(equal, key=lambda one: sum(map(_regret, made.runs(one))))


def _regret(run: Run) -> float:
    """What a run lost while it learned; 0 where no optimum is known."""
    streams = run.metrics
    return sum(streams["learn/regret"]) if "learn/regret" in list(streams) else 0.0


def rows(made: Comparison, speeds: bool = False) -> Iterator[list[str]]:
    """The head of the table, then a row for each agent, best first.

    Args:
        made: the comparison.
        speeds: whether to add env steps per second of learning.
    """
    yield [*HEAD, SPEED] if speeds else [*HEAD]
    for one in made.results.ranked:
        result = one.document()
        gap, time = result["gap"], result["steps_to_95"]
        steps = time and time["median"]
        row = [
            f"`{one.label}`",
            f"{number(result['iqm']['value'])} {interval(result['iqm']['interval'])}",
            "" if gap is None else number(gap["value"]),
            "" if time is None else f"{result['reached_95']} of {result['runs']}",
            "" if steps is None else f"{steps:,.0f}",
        ]
        if speeds:
            ends = [run.summary for run in made.runs[one.label] if run.summary]
            per_second = [end["env_steps"] / end["learning_seconds"] for end in ends]
            row.append(number(round(median(per_second) / 1000, 1)))
        yield row


HEAD = ("agent", "IQM, 95 % interval", "gap", "reach 95 %", "env steps to it")
SPEED = "1000 steps/s"


def interval(ends: Sequence[float] | None) -> str:
    """An interval in brackets; empty without one."""
    return f"[{number(ends[0])}, {number(ends[1])}]" if ends else ""


@dataclass(frozen=True)
class Measure:
    """How tables are made.

    Attributes:
        store: where the runs go.
        workers: processes that learn.
        groups: agents -> number of seeds.
        kinds: of tables: DEFAULTS, TUNED or both.
        speeds: whether a table has a column of speeds.
    """

    store: Store
    workers: int
    groups: Mapping[Sequence[str], int]
    kinds: Sequence[str] = (DEFAULTS, TUNED)
    speeds: bool = False

    def tables(self, task: Task) -> Iterator[tuple[str, str]]:
        """The tables of a task: what is compared, and its part of the page."""
        for kind in self.kinds:
            for agents, seeds in self.groups.items():
                own: dict[str, dict[str, Any]] = {}
                if kind == TUNED:
                    trials = min(TUNING_SEEDS[group_of(agents)], seeds)
                    how = (trials, self.store, self.workers)
                    own = {agent: tuned(task, agent, *how) for agent in agents}
                yield f"{kind}, {group_name(agents)}", self._table(task, agents, seeds, own)

    def _table(
        self, task: Task, agents: Sequence[str], seeds: int, own: Mapping[str, Mapping[str, Any]]
    ) -> str:
        made = compare(
            task.lab,
            agents,
            seeds=seeds,
            config={**task.options, "env_steps": task.env_steps},
            agent_options=own,
            store=self.store.root,
            workers=self.workers,
        )
        known = made.results.optimum
        best = "" if known is None else f" The optimum is {number(known)}."
        return "\n\n".join(
            [
                f"{task.env_steps:,} env steps, {words(made.results.score)}, {seeds} seeds.{best}",
                f"    {task.command(agents, seeds, own)}",
                markdown(rows(made, self.speeds)),
            ]
        )
