"""`compare --tasks`: agents x seeds on several tasks, each of them an ordinary comparison.

All runs of all tasks go through one scheduler. A run that a comparison on one task made is reused,
and the other way round.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.comparison import report
from sandbox.comparison.api import Comparison, Plan, carried_out, comparison_plan
from sandbox.comparison.planned import Progress, built, completed
from sandbox.comparison.request import FILES, ComparisonRequest
from sandbox.comparison.results import ComparisonResults
from sandbox.comparison.task_results import Scale, scale_of, tasks_results
from sandbox.comparison.view import Published
from sandbox.config.model import Layer
from sandbox.config.resolve import choice_kind_of, read_file
from sandbox.errors import ConfigError, SandboxError, UnknownNameError, UsageError, nearest
from sandbox.execution.scheduler import THIS_PROCESS, Workers
from sandbox.registry.registry import registry
from sandbox.runs.loop import Settings
from sandbox.runs.request import Request
from sandbox.score import Score
from sandbox.store.comparisons import FOLDER
from sandbox.store.store import Store
from sandbox.text import Document, is_number


@dataclass(frozen=True)
class Task:
    """A lab with settings.

    Attributes:
        label: its name in the comparison.
        lab: the lab's name.
        preset: one of the lab's presets; "" for the one of all tasks.
        layer: settings over the preset.
    """

    label: str
    lab: str
    preset: str
    layer: Document


def task_of(word: str) -> Task:
    """The task that a word of --tasks means.

    Args:
        word: LAB, LAB:ENVIRONMENT, LAB:PRESET, or a configuration file with `lab = "…"`; after
            LABEL= under that name.

    Raises:
        UsageError: when it means none.
    """
    label, _, what = word.rpartition("=")
    layer: Document = {}
    preset = ""
    if what.endswith(FILES):
        layer = dict(read_file(Path(what)))
        label = label or Path(what).stem
        what, preset = str(layer.pop("lab", "")), str(layer.pop("preset", ""))
        if not what:
            raise UsageError(f'{word} names no lab: it needs lab = "…" in its first lines.')
    name, _, part = what.partition(":")
    lab = registry().find("lab", name).name
    if part:
        known = registry().lab(lab)
        if part in known.presets:
            preset = part
        elif choice_kind_of(known.Config, "env") is None:
            raise UnknownNameError("preset", part, known.presets, f"They belong to lab '{lab}'.")
        else:
            layer = {"env": {"name": part}}
    return Task(label or (f"{lab}:{part}" if part else lab), lab, preset, layer)


@dataclass(frozen=True)
class TasksRequest:
    """What is compared on which tasks.

    Attributes:
        shared: the request on each task, but for what the task itself sets: its lab is not used.
        tasks: words of --tasks; see `task_of`.
        optima: which score becomes 1, by the task's label; else the optimum.
        commands: the command line that compares on one task alone, by the task's label.
    """

    shared: ComparisonRequest
    tasks: Sequence[str]
    optima: Mapping[str, float]
    commands: Mapping[str, str]

    def on(self, task: Task) -> ComparisonRequest:
        """The request on one task."""
        whole = self.shared.request
        request = replace(
            whole,
            lab=task.lab,
            preset=task.preset or whole.preset,
            layers=[task.layer, *whole.layers],
            command=self.commands.get(task.label, ""),
        )
        return replace(self.shared, request=request)


@dataclass
class TasksComparison(Published):
    """Agents side by side on several tasks, with a page and a document in the store.

    Attributes:
        id: equal requests for runs have equal ids.
        tasks: the comparison on each task, by its label.
        scales: which scores become 0 and 1, by the task's label.
        folder: the folder of page and document.
        command: the command line, or "".
    """

    id: str
    tasks: dict[str, Comparison]
    scales: dict[str, Scale]
    folder: Path
    command: str = ""

    @cached_property
    def results(self) -> ComparisonResults:
        """The results over all tasks."""
        on_tasks = {task: one.results for task, one in self.tasks.items()}
        return tasks_results(on_tasks, self.scales, len(self.seeds))

    @property
    def seeds(self) -> list[int]:
        """The seeds of each agent on each task."""
        return next(iter(self.tasks.values())).seeds

    @property
    def table(self) -> list[Document]:
        """One row for each agent, best first: plain values; an interval is [low, high]."""
        return [one.document() for one in self.results.ranked]

    @property
    def pairs(self) -> list[Document]:
        """One row for each pair: probability of improvement, p-value, verdict."""
        return [pair.document() for pair in self.results.pairs]

    @property
    def warnings(self) -> list[str]:
        """What limits the answer over tasks; those of single tasks have their own."""
        return self.results.warnings

    @property
    def figures(self) -> dict[str, Any]:
        """Matplotlib figures by name: aggregates, performance_profile, improvement."""
        from sandbox.comparison import plots

        return plots.task_figures(self.results)

    def page(self, folder: Path | None = None) -> str:
        """See `Published.page`."""
        return report.tasks_page(self, folder)

    def document(self) -> Document:
        """The whole comparison as one JSON document."""
        runs: Document = {}
        for comparison in self.tasks.values():
            for label, some in comparison.runs.items():
                runs.setdefault(label, []).extend(
                    {
                        "run": run.id,
                        "lab": comparison.lab,
                        "seed": run.record.seed,
                        "status": run.status,
                    }
                    for run in some
                )
        return {
            "comparison": self.id,
            "folder": str(self.folder.resolve()),
            "lab": ", ".join(self.tasks),
            "seeds": self.seeds,
            "command": self.command,
            "finding": report.finding(self),
            **self.results.document(),
            "agents": self.table,
            "pairs": self.pairs,
            "tasks": {
                task: {"comparison": one.id, **self.scales[task].document()}
                for task, one in self.tasks.items()
            },
            "runs": runs,
            "warnings": self.warnings,
        }

    def __repr__(self) -> str:
        return f"<TasksComparison {self.id}: {', '.join(self.tasks)}, {len(self.seeds)} seeds>"


def compare_tasks(
    tasks: Sequence[str],
    agents: Sequence[str],
    *,
    seeds: int = 10,
    seed: int = 0,
    preset: str = "default",
    config: Layer | None = None,
    agent_options: Mapping[str, Layer] | None = None,
    optimum: Mapping[str, float] | None = None,
    fresh: bool = False,
    pictures: bool = False,
    store: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    track: Sequence[str] = (),
    workers: int = 0,
    scheduler: str = "",
    progress: Progress | None = None,
    **options: Any,
) -> TasksComparison:
    """Compare agents on several tasks: each learns each of them with every seed.

    Args:
        tasks: LAB, LAB:ENVIRONMENT ("gym:Taxi-v4"), LAB:PRESET ("gym:cliff"), or .toml and .json
            files with `lab` and its settings; LABEL=… names a task.
        agents, seeds, seed: as in `compare`.
        preset: of all tasks that name none.
        config, agent_options: settings as in `compare`, for all tasks.
        optimum: the score that becomes 1, by a task's label, where the optimum is unknown or
            another score is meant: `{"gym:cartpole": 500}`.
        fresh, pictures, store, track, workers, scheduler, progress: as in `compare`.
        output: folder of page and document; those of single tasks stay in the store.
        **options: single settings that all labs have, over `config`: `episodes=100`.

    Returns:
        The comparison; page and document are written, those of each task too.

    Raises:
        UsageError: with everything that is wrong on any task; nothing was started then.
        Interrupted: Ctrl-C; the same call finishes it.

    Example:
        >>> from sandbox import compare_tasks
        >>> made = compare_tasks(["maze", "empty-grid"], ["sarsa"], seeds=3, episodes=100)
        >>> made.results.optimum, list(made.tasks)
        (1.0, ['maze', 'empty-grid'])
    """
    request = Request("", preset, [config or {}, options], seed, seeds, track=track)
    shared = ComparisonRequest(request, agents, agent_options or {})
    return compare_on_tasks(
        TasksRequest(shared, tasks, optimum or {}, {}),
        Store(store),
        Settings(pictures=pictures),
        Workers(workers, scheduler),
        fresh=fresh,
        output=output,
        progress=progress,
    )


def compare_on_tasks(
    wanted: TasksRequest,
    store: Store,
    settings: Settings,
    workers: Workers = THIS_PROCESS,
    *,
    fresh: bool = False,
    output: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> TasksComparison:
    """Make a comparison over tasks; see `compare_tasks`."""
    problems: dict[str, list[str]] = {}
    plans, scales = _plans(wanted, problems), dict[str, Scale]()
    for task, plan in plans.items():
        try:
            scales[task] = scale_of(task, _random_score(plan), wanted.optima.get(task))
        except SandboxError as error:
            problems[task] = [f"it cannot be normalised: {error}"]
    planned = [replace(one, task=task) for task, plan in plans.items() for one in plan.runs]
    show = progress or (lambda _: None)
    runs, reused = completed(planned, store, settings, workers, fresh, show, _once(problems))
    made: dict[str, Comparison] = {}
    ended = iter(runs)
    for task, plan in plans.items():
        there = len(reused.intersection(one.fingerprint for one in plan.runs))
        made[task] = carried_out(plan, [next(ended) for _ in plan.runs], there, store)
    content = "|".join(f"{task}={plan.id}={scales[task].best}" for task, plan in plans.items())
    name = f"tasks-{hashlib.sha256(content.encode()).hexdigest()[:10]}"
    folder = store.root / FOLDER / name if output is None else Path(output)
    comparison = TasksComparison(name, made, scales, folder, wanted.shared.request.command)
    comparison.write()
    return comparison


def _plans(wanted: TasksRequest, problems: dict[str, list[str]]) -> dict[str, Plan]:
    """The plan of each task by its label; what is wrong with a task is added to `problems`."""
    plans: dict[str, Plan] = {}
    if not wanted.tasks:
        problems[""] = ["--tasks: name at least one, such as `--tasks maze empty-grid`"]
    for word in wanted.tasks:
        try:
            task = task_of(word)
            if task.label in plans or task.label in problems:
                raise UsageError("it stands twice in --tasks; give one a LABEL=")
            plan = comparison_plan(wanted.on(task))
            first = {one.runs[0].fingerprint: label for label, one in plans.items()}
            if (same := first.get(plan.runs[0].fingerprint)) is not None:
                raise UsageError(f"it is the same task as '{same}'")
            plans[task.label] = plan
        except ConfigError as error:
            problems[word] = error.problems
        except SandboxError as error:
            problems[word] = [str(error)]
    labels = [*plans, *problems]
    for label, best in wanted.optima.items():
        if label not in labels:
            close = nearest(label, labels)
            near = f" Did you mean '{close}'?" if close else ""
            problems[f"--optimum {label}"] = [f"no task of --tasks has this name.{near}"]
        elif not is_number(best):
            problems[f"--optimum {label}"] = [f"{best} is no finite number"]
    return plans


def _random_score(plan: Plan) -> Score | None:
    """The score of random actions, from the first agent's experiment that can be built.

    Raises:
        UsageError: when there is none.
    """
    for request in {one.label: one.request for one in plan.runs}.values():
        try:
            experiment = built(request)
        except Exception:  # reported with the agents that do not fit
            continue
        return experiment.random_score()
    raise UsageError("none of its agents fits")


def _once(problems: Mapping[str, Sequence[str]]) -> list[str]:
    """Each problem once, after the tasks that have it."""
    whose: dict[str, list[str]] = {}
    for task, some in problems.items():
        for problem in some:
            whose.setdefault(problem, []).append(task)
    return [
        f"{', '.join(tasks)}: {problem}" if any(tasks) else problem
        for problem, tasks in whose.items()
    ]
