"""The results of a comparison: each agent's, each pair's, and what limits the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sandbox import text
from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.given import NOTHING, Given, given_agents
from sandbox.comparison.pairs import Pair, pairs_of
from sandbox.comparison.run_scores import RunScores, measured, scores
from sandbox.comparison.until_decided import Looks, UntilDecided
from sandbox.errors import SandboxError
from sandbox.runs.view import Run
from sandbox.stats import aggregates
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.text import Document

UNEQUAL = 0.05
"""The share by which env steps differ at least where the agents' efforts count as unequal."""


@dataclass(frozen=True)
class ComparisonResults:
    """All agents and pairs.

    Attributes:
        score: the name of the final score.
        optimum: the best possible, where it is known and the same for all runs.
        optimum_is: which optimum is meant.
        higher_is_better: whether more of the score is better.
        agents: in the order they were given, without those that have no finished run.
        warnings: what limits the answer.
        looks: what was decided after each group of seeds; None for a fixed number of seeds.
    """

    score: str
    optimum: float | None
    optimum_is: str
    higher_is_better: bool
    agents: list[AgentResult]
    warnings: list[str] = field(default_factory=list)
    looks: Looks | None = None

    @cached_property
    def pairs(self) -> list[Pair]:
        """For each question, every pair."""
        return pairs_of(self.agents) if self.looks is None else self.looks.pairs

    @property
    def ranked(self) -> list[AgentResult]:
        """Best IQM first; among equal ones, the fewest env steps to 95 % of the optimum."""
        sign = -1.0 if self.higher_is_better else 1.0
        return sorted(
            self.agents,
            key=lambda one: (
                round(sign * one.iqm.value, 12),
                one.steps.median if one.steps else 0.0,
            ),
        )

    @property
    def timed(self) -> bool:
        """Whether every measured run kept its seconds of learning, as with `--env-steps`."""
        return all(one.spent or one.given for one in self.agents)

    def document(self) -> Document:
        """What all agents share, as plain values."""
        return {
            "score": self.score,
            "optimum": self.optimum,
            "optimum_is": self.optimum_is,
            "higher_is_better": self.higher_is_better,
            "level": 0.95,
            "resamples": aggregates.RESAMPLES,
            **({"until_decided": self.looks.document()} if self.looks else {}),
        }


def results_of(
    runs: Mapping[str, Sequence[Run]], given: Given, until: UntilDecided | None
) -> ComparisonResults:
    """The results of some runs, and those of others beside them.

    Args:
        runs: by label, whatever their status; only finished ones are measured.
        given: results of others.
        until: how seeds were added until pairs were decided; None for a fixed number of seeds.

    Raises:
        SandboxError: when no run is finished, or scores have different names or directions.
    """
    warnings: list[str] = []
    finished = {label: _finished(label, some, warnings) for label, some in runs.items()}
    if not any(finished.values()):
        raise SandboxError(
            "No run of the comparison finished, so there is nothing to compare. "
            "`python -m sandbox list` shows why."
        )
    agents = [
        AgentResult(label, some, len(runs[label])) for label, some in finished.items() if some
    ]
    return results_from(agents, warnings, given, until)


def results_from(
    agents: list[AgentResult],
    warnings: Sequence[str] = (),
    given: Given = NOTHING,
    until: UntilDecided | None = None,
) -> ComparisonResults:
    """The results of agents with finished runs.

    Args:
        agents: at least one.
        warnings: earlier warnings, which come first.
        given, until: as in `results_of`.

    Raises:
        SandboxError: when runs have different scores.
    """
    judged = [run.score for agent in agents for run in agent.runs]
    names = sorted({score.name for score in judged})
    if len(names) > 1:
        raise SandboxError(
            f"The runs have different scores ({', '.join(names)}), which cannot be compared."
        )
    optima = {score.optimum for score in judged}
    shared = replace(judged[0], optimum=optima.pop() if len(optima) == 1 else None)
    agents = agents + given_agents(given, shared)
    looks = None if until is None else Looks(until, agents, shared.optimum)
    said = [] if looks is None else looks.sentences()
    return ComparisonResults(
        shared.name,
        shared.optimum,
        shared.optimum_is,
        shared.higher_is_better,
        agents,
        [*said, *warnings, *_limits(agents)],
        looks,
    )


def _finished(label: str, runs: Sequence[Run], warnings: list[str]) -> list[RunScores]:
    finished: list[RunScores] = []
    lost = []
    for run in runs:
        if run.status != "finished":
            lost.append(f"seed {run.record.seed} {run.status}")
            continue
        try:
            finished.append(measured(run))
        except SandboxError as error:
            warnings.append(f"{label}, seed {run.record.seed} is left out: {error} (run {run.id}).")
    if lost:
        warnings.append(
            f"{label}: {len(lost)} of {len(runs)} runs did not finish ({', '.join(lost)}). "
            "Its figures are those of the others, and so perhaps too good."
        )
    return finished


def _limits(agents: Sequence[AgentResult]) -> list[str]:
    """What limits the answer, a sentence for each limit."""
    own = [one for one in agents if not one.given]
    everyone = [run for agent in own for run in agent.runs]
    limits = few_seeds(agents)
    counted = {one.label: one.env_steps for one in agents if one.env_steps is not None}
    if counted and max(counted.values()) > (1 + UNEQUAL) * min(counted.values()):
        each = ", ".join(f"{label} {figure(steps)}" for label, steps in counted.items())
        limits.append(
            f"The agents learned for different numbers of env steps ({each}), "
            "so their final scores are not those of equal efforts."
        )
    sampled = max((one.score.episodes or 0 for one in everyone), default=0)
    if sampled:
        limits.append(f"Scores are means of {sampled} sampled episodes; {_about_errors(own)}.")
    alike = [
        one.label
        for one in agents
        if len(one.runs) >= MIN_RUNS and aggregates.same(scores(one.runs)[:, 0])
    ]
    versions = {version for run in everyone for version in run.versions.items()}
    sentences = {
        f"{', '.join(alike)}: all seeds end with the same score, so the interval has no width. "
        "That is no proof that every seed does.": bool(alike),
        "The runs were executed on several machines: their seconds cannot be compared.": len(
            {one.host for one in everyone}
        )
        > 1,
        "The runs used different versions of libraries; run.json of each has them.": len(versions)
        > len(dict(versions)),
        "The optimum is not known here: there is no optimality gap, and no share of it to be "
        "reached.": everyone[0].score.optimum is None,
        "Not every run has evaluations with env steps: there are no learning curves, and no steps "
        "to 95 %.": any(one.curve is None for one in everyone),
    }
    return limits + [sentence for sentence, holds in sentences.items() if holds]


def few_seeds(agents: Sequence[AgentResult]) -> list[str]:
    """What few seeds mean for the intervals, a sentence or none."""
    fewest = min(len(one.runs) for one in agents)
    few = [one.label for one in agents if len(one.runs) < MIN_RUNS]
    if few:
        count = "1 seed has" if fewest == 1 else f"{fewest} seeds have"
        whose = "" if len(few) == len(agents) else f" for {', '.join(few)}"
        return [
            f"No intervals{whose}: {count} no spread from which they could be computed. "
            f"Take at least {MIN_RUNS}, better 10 or more."
        ]
    if fewest < 10:
        return [
            f"{fewest} seeds are few: bootstrap intervals of so few are narrower than the 95 % "
            "they claim."
        ]
    return []


def _about_errors(agents: Sequence[AgentResult]) -> str:
    """Where the standard errors of sampled scores are shown."""
    within = "the intervals contain their standard errors"
    beside = "± is the standard error of that sampling alone"
    enough = {len(one.runs) >= MIN_RUNS for one in agents}
    if len(enough) > 1:
        return f"{within}; without an interval, {beside}"
    return within if enough.pop() else beside


def figure(value: float, digits: int = 4) -> str:
    """A number as text: counts in full, other numbers with `digits` significant digits."""
    whole = float(value).is_integer() and abs(value) >= 1
    return text.number(int(value) if whole else value, digits)
