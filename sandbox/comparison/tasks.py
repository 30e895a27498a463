"""`compare --tasks`: agents x seeds on several tasks, each of them an ordinary comparison.

All runs of all tasks go through one scheduler. A run that a comparison on one task made is reused,
and the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from sandbox.comparison import report
from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.api import Comparison, compare_agents, comparison_id, plan
from sandbox.comparison.planned import PlannedRun, Progress, built, completed
from sandbox.comparison.request import FILES, ComparisonRequest
from sandbox.comparison.results import ComparisonResults
from sandbox.comparison.task_results import TaskScale, scale_of, tasks_results
from sandbox.config.model import Layer
from sandbox.config.resolve import choice_kind_of, read_file
from sandbox.errors import ConfigError, SandboxError, UnknownNameError, UsageError
from sandbox.execution.scheduler import Workers
from sandbox.input_files import StrPath
from sandbox.registry.registry import registry
from sandbox.runs.loop import Settings
from sandbox.runs.request import Request
from sandbox.runs.view import Run
from sandbox.score import Score
from sandbox.store.comparisons import FOLDER
from sandbox.store.store import Store, safe_label
from sandbox.text import Document, is_number

NO_TASKS = "--tasks: name at least one, such as `--tasks maze empty-grid`"


class ComparedTask(NamedTuple):
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


def task_of(word: str) -> ComparedTask:
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
    return ComparedTask(label or (f"{lab}:{part}" if part else lab), lab, preset, layer)


@dataclass(repr=False)
class TasksComparison(Comparison):
    """Agents side by side on several tasks, with a page and a document in the store.

    Attributes:
        lab: the labels of the tasks.
        agents: none; the comparisons on single tasks have them.
        runs: by label, all seeds on the first task, then on the others.
        tasks: the comparison on each task, by its label.
        scales: which scores become 0 and 1, by the task's label.
    """

    tasks: dict[str, Comparison] = field(default_factory=dict)
    scales: dict[str, TaskScale] = field(default_factory=dict)

    @cached_property
    def results(self) -> ComparisonResults:
        """The results over all tasks."""
        on_tasks = {task: one.results for task, one in self.tasks.items()}
        return tasks_results(on_tasks, self.scales, len(self.seeds))

    @property
    def figures(self) -> dict[str, Any]:
        """Matplotlib figures by name: aggregates, performance_profile, improvement."""
        from sandbox.comparison import plots

        return plots.task_figures(self.results)

    def cells(self, one: AgentResult) -> dict[str, str]:
        """See `Comparison.cells`."""
        return report.tasks_cells(one)

    def _exported(self) -> dict[str, bytes]:
        files = report.exported(self, self.tasks, self.cells, self.scales)
        for number, (task, one) in enumerate(self.tasks.items(), 1):
            folder = f"{number}-{safe_label(task)}"
            files |= {f"{folder}/{name}": content for name, content in one._exported().items()}
        return files

    def _page(self, folder: Path) -> str:
        return report.tasks_page(self, self.tasks, self.scales, folder)

    def document(self) -> Document:
        """The whole comparison as one JSON document."""
        tasks = {
            task: {"comparison": one.id, **self.scales[task].document()}
            for task, one in self.tasks.items()
        }
        return {**super().document(), "tasks": tasks}

    def _repr_html_(self) -> str:
        return report.inline(self, self.cells, "tasks_inline.html")

    def _member(self, run: Run) -> Document:
        return {**super()._member(run), "lab": run.record.lab}


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
    store: StrPath | None = None,
    output: StrPath | None = None,
    track: Sequence[str] = (),
    workers: int = 0,
    scheduler: str = "",
    progress: Progress | None = None,
    threads: int | None = None,
    device: str = "cpu",
    **options: Any,
) -> TasksComparison:
    """Compare agents on several tasks: each learns each of them with every seed.

    Args:
        tasks: LAB, LAB:ENVIRONMENT ("gym:Taxi-v4"), LAB:PRESET ("gym:cliff"), or .toml and .json
            files with `lab` and its settings; LABEL=… names a task.
        agents, seeds, seed: as in `compare`.
        preset: of all tasks that name none.
        config, agent_options: settings as in `compare`, for all tasks.
        optimum: the score that becomes 1, by a task's label, where the optimum is unknown, such as
            `{"gym:cartpole": 500}`, or where it is another.
        fresh, pictures, store, track, workers, scheduler, progress, threads, device: as in
            `compare`.
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
    layers = [config or {}, options]
    request = Request("", preset, layers, seed, seeds, threads=threads, device=device, track=track)
    return compare_on_tasks(
        ComparisonRequest(request, agents, agent_options or {}, (), tasks, optimum or {}),
        Store.lasting(store),
        Settings(pictures=pictures),
        Workers(workers, scheduler),
        fresh=fresh,
        output=output,
        progress=progress,
    )


def compare_on_tasks(
    wanted: ComparisonRequest,
    store: Store,
    settings: Settings,
    workers: Workers,
    *,
    fresh: bool,
    output: StrPath | None,
    progress: Progress | None,
) -> TasksComparison:
    """Make a comparison over tasks; see `compare_tasks`."""
    problems: dict[str, list[str]] = {}
    requests, planned, scales = _planned(wanted, problems)
    every = [one for runs in planned.values() for one in runs]
    show = progress or (lambda _: None)
    runs, reused = completed(every, store, settings, workers, fresh, show, _once(problems))
    by_mark = {one.fingerprint: run for one, run in zip(every, runs, strict=True)}

    def found(planned: Sequence[PlannedRun], *_: object) -> tuple[list[Run], set[str]]:
        marks = [one.fingerprint for one in planned]
        return [by_mark[mark] for mark in marks], reused.intersection(marks)

    tasks = {
        task: compare_agents(one, store, settings, complete=found) for task, one in requests.items()
    }
    parts = [f"{task}={one.id}={scales[task].best}" for task, one in tasks.items()]
    name = comparison_id("tasks", parts)
    by_label: dict[str, list[Run]] = {}
    for one in tasks.values():
        for label, some in one.runs.items():
            by_label.setdefault(label, []).extend(some)
    comparison = TasksComparison(
        name,
        ", ".join(tasks),
        wanted.request.preset,
        [],
        one.seeds,
        by_label,
        len(reused),
        [],
        store.root / FOLDER / name if output is None else Path(output).absolute(),
        wanted.request.command,
        one.sources,
        tasks=tasks,
        scales=scales,
    )
    comparison.write()
    return comparison


def _planned(
    wanted: ComparisonRequest, problems: dict[str, list[str]]
) -> tuple[dict[str, ComparisonRequest], dict[str, list[PlannedRun]], dict[str, TaskScale]]:
    """The request, the runs and the scale of each task by its label; what is wrong with a task is
    added to `problems`."""
    requests, planned = dict[str, ComparisonRequest](), dict[str, list[PlannedRun]]()
    scales: dict[str, TaskScale] = {}
    optima = {label: best for label, best in wanted.optima.items() if is_number(best)}
    for word in wanted.tasks:
        try:
            task = task_of(word)
            if task.label in {*planned, *problems}:
                raise UsageError("it stands twice in --tasks; give one a LABEL=")
            request = replace(
                wanted.request,
                lab=task.lab,
                preset=task.preset or wanted.request.preset,
                layers=[task.layer, *wanted.request.layers],
            )
            requests[task.label] = replace(wanted, request=request, tasks=(), optima={})
            _, _, runs = plan(requests[task.label])
            if any(runs[0].fingerprint == others[0].fingerprint for others in planned.values()):
                raise UsageError("another of --tasks is the same task")
            planned[task.label] = [replace(one, task=task.label) for one in runs]
            scales[task.label] = scale_of(task.label, _random_score(runs), optima.get(task.label))
        except ConfigError as error:
            problems[word] = error.problems
        except SandboxError as error:
            problems[word] = [str(error)]
    for label, best in wanted.optima.items():
        if label not in {*planned, *problems} or label not in optima:
            problems[f"--optimum {label}={best}"] = [
                f"expected a number for a task: {', '.join(planned)}"
            ]
    if not wanted.tasks:
        problems[""] = [NO_TASKS]
    if wanted.until:
        problems["--until-decided"] = ["it is for one task; compare several with --seeds"]
    if wanted.given:
        problems["--given"] = ["results of others are for one task; compare it without --tasks"]
    return requests, planned, scales


def _random_score(planned: Sequence[PlannedRun]) -> Score | None:
    """The score of random actions, from the first agent's experiment that can be built.

    Raises:
        UsageError: when no experiment can be built.
    """
    for request in {one.label: one.request for one in planned}.values():
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
