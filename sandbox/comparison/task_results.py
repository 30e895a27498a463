"""The results of a comparison over several tasks, from those on each of them.

A score is normalised by its task: 0 is that of uniformly random actions, 1 the optimum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sandbox import text
from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.results import ComparisonResults, few_seeds
from sandbox.comparison.run_scores import RunScores, errors, scores
from sandbox.errors import SandboxError
from sandbox.score import Score
from sandbox.stats import aggregates
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.stats.intervals import Estimate
from sandbox.stats.time_to_threshold import Arrival
from sandbox.text import Document

NORMALISED = "normalised_score"
"""The name of the score of several tasks."""
DOUBT = 5.0
"""Standard errors by which the optimum exceeds a sampled score of random actions at least."""


class TaskScale(NamedTuple):
    """Which scores of a task become 0 and 1.

    Attributes:
        random: the score of uniformly random actions, which becomes 0.
        best: the score that becomes 1.
        best_is: which score that is.
    """

    random: Score
    best: float
    best_is: str

    @property
    def span(self) -> float:
        """From the score of random actions to the best one; below 0 where less is better."""
        return self.best - self.random.value

    def normalised(self, value: Estimate) -> Estimate:
        """An estimate of scores in units of this scale."""
        middle, *ends = ((one - self.random.value) / self.span for one in value)
        return Estimate(middle, min(ends), max(ends))

    def document(self) -> Document:
        """Plain values."""
        return {
            "random": vars(self.random),
            "optimum": self.best,
            "optimum_is": self.best_is,
        }


def scale_of(task: str, random: Score | None, given: float | None) -> TaskScale:
    """The scale of a task.

    Args:
        task: its label.
        random: the score of random actions, with the optimum where it is known; None: unknown.
        given: the score that becomes 1, if it was given.

    Raises:
        SandboxError: when the task has no scale.
    """
    if random is None:
        raise SandboxError(
            "the score of random actions is unknown: its experiments define no random_score. "
            "Compare its agents alone, without --tasks"
        )
    best = random.optimum if given is None else given
    if best is None:
        raise SandboxError(
            f"the optimum is unknown. Say which score becomes 1 (`--optimum {task}=SCORE`), or "
            "compare its agents alone, without --tasks"
        )
    sign = 1.0 if random.higher_is_better else -1.0
    if sign * (best - random.value) <= max(
        1e-9 * max(1.0, abs(best)), DOUBT * (random.standard_error or 0.0)
    ):
        raise SandboxError(
            f"random actions score {random.text}, which is not worse than the optimum "
            f"{text.number(best)}, so 0 and 1 would be the same. Take a task that can be learned"
            + (", or a better --optimum" if given is not None else "")
        )
    return TaskScale(random, best, random.optimum_is if given is None else "given with --optimum")


@dataclass(frozen=True)
class TasksResult(AgentResult):
    """One agent on several tasks.

    Attributes:
        runs: its finished runs on the first task; those on the others have the same seeds.
        on_tasks: its runs on each task, in the order of seeds.
        scales: of each task.
    """

    on_tasks: Sequence[Sequence[RunScores]] = ()
    scales: Sequence[TaskScale] = ()

    @cached_property
    def scores(self) -> np.ndarray:
        """The normalised final scores: float64 [runs, tasks]."""
        return np.hstack(
            [
                (scores(runs) - scale.random.value) / scale.span
                for runs, scale in zip(self.on_tasks, self.scales, strict=True)
            ]
        )

    @cached_property
    def errors(self) -> np.ndarray:
        """Standard errors of sampled scores, normalised; 0 of exact ones: float64 [runs, tasks]."""
        return np.hstack(
            [
                errors(runs) / abs(scale.span)
                for runs, scale in zip(self.on_tasks, self.scales, strict=True)
            ]
        )

    @property
    def oriented(self) -> np.ndarray:
        """The scores; more of a normalised one is better."""
        return self.scores

    @cached_property
    def median(self) -> Estimate:
        """Median over tasks of the mean scores."""
        return self._estimate("median", aggregates.median_of_tasks)

    @cached_property
    def gap(self) -> Estimate:
        """Optimality gap, as rliable's: mean of max(0, 1 - score)."""
        return self._estimate("gap", aggregates.mean, np.maximum(1 - self.scores, 0.0))

    @cached_property
    def error(self) -> None:
        """None: without an interval, no error of sampling is shown."""
        return

    @cached_property
    def env_steps(self) -> None:
        """None: tasks differ in their env steps."""
        return

    @cached_property
    def _in_steps(self) -> list[Arrival] | None:
        return None

    def document(self) -> Document:
        """Plain values."""
        return {
            **self.aggregates(),
            "normalised": [
                {"seed": run.seed, "scores": row.tolist()}
                for run, row in zip(self.runs, self.scores, strict=True)
            ],
        }


def tasks_results(
    on_tasks: Mapping[str, ComparisonResults], scales: Mapping[str, TaskScale], wanted: int
) -> ComparisonResults:
    """The results over several tasks.

    An agent counts with the seeds that it finished on every task.

    Args:
        on_tasks: the results on each task, by the task's label.
        scales: of each task.
        wanted: number of seeds that were requested.

    Raises:
        SandboxError: when no task can be normalised, or no agent finished a seed on all tasks.
    """
    doubted = [
        task
        for task, results in on_tasks.items()
        if results.optimum is None and scales[task].random.optimum is not None
    ]
    warnings = [
        f"{task} is left out: its runs contradict the model from which its optimum and the score "
        "of random actions are computed. Its own page has their scores."
        for task in doubted
    ]
    kept = {
        task: {one.label: {run.seed: run for run in one.runs} for one in results.agents}
        for task, results in on_tasks.items()
        if task not in doubted
    }
    chosen = [scales[task] for task in kept]
    agents: list[AgentResult] = []
    for label in dict.fromkeys(label for runs in kept.values() for label in runs):
        by_seed = [runs.get(label, {}) for runs in kept.values()]
        seeds = sorted(set(by_seed[0]).intersection(*by_seed))
        if len(seeds) < wanted:
            warnings.append(
                f"{label} finished {text.plural(len(seeds), 'seed')} of {wanted} on every task; "
                + ("its figures are those of these seeds." if seeds else "it is left out.")
            )
        if seeds:
            columns = [[runs[seed] for seed in seeds] for runs in by_seed]
            agents.append(TasksResult(label, columns[0], wanted, on_tasks=columns, scales=chosen))
    if not agents:
        raise SandboxError(" ".join([*warnings, "There is nothing to compare over tasks."]))
    return ComparisonResults(
        NORMALISED,
        1.0,
        "the optimum of each task; 0 is the score of random actions",
        True,
        agents,
        [*warnings, *few_seeds(agents), *_limits(agents, scales)],
    )


def _limits(agents: Sequence[AgentResult], scales: Mapping[str, TaskScale]) -> list[str]:
    limits = []
    alike = [
        one.label for one in agents if len(one.runs) >= MIN_RUNS and not np.ptp(one.scores, 0).any()
    ]
    if alike:
        limits.append(
            f"{', '.join(alike)}: all seeds end with the same score on each task, so the intervals "
            "have no width. That is no proof that every seed does."
        )
    limits += [
        f"{task}: the score of random actions, {scale.random.text}, is a mean of "
        f"{scale.random.episodes} sampled episodes. The intervals leave out its standard error."
        for task, scale in scales.items()
        if scale.random.episodes is not None
    ]
    return limits
