"""What a comparison came to: a standing for each agent, and for each pair whether one is better and by how much.

Everything is a function of the runs' files: the generators that resample are named after what they are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from sandbox import aggregates, rank_test, reaching
from sandbox.aggregates import MIN_RUNS
from sandbox.errors import SandboxError
from sandbox.measured import Measured, measured, score_name, scores
from sandbox.runs import Run
from sandbox.seeding import generator
from sandbox.stats import Estimate

NAN = float("nan")
SCORE, SPEED = "final score", "steps to 95 %"
QUESTIONS = (SCORE, SPEED)


@dataclass(frozen=True)
class Standing:
    """One agent.

    Attributes:
        label: its name in the comparison.
        runs: its finished runs.
        wanted: how many there should be.
        iqm, mean, median: of the final scores; the interval is NaN where there are fewer than `MIN_RUNS` runs.
        gap: how much is missing to the optimum on average; None where nobody knows the optimum.
        reached: how many runs came near the optimum and stayed; None without optimum or evaluations.
        budget: env steps that every run of the comparison had; steps are cut there.
        steps: restricted mean of the steps to come near, or None.
        median_steps, median_seconds: None when half of the runs never came near.
    """

    label: str
    runs: list[Measured]
    wanted: int
    iqm: Estimate
    mean: Estimate
    median: Estimate
    gap: Estimate | None
    reached: int | None
    budget: float
    steps: Estimate | None
    median_steps: float | None
    median_seconds: float | None

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **{"agent": self.label, "runs": len(self.runs), "wanted": self.wanted},
            **{name: _plain(getattr(self, name)) for name in ("iqm", "mean", "median", "gap")},
            "reached_95": self.reached,
            "steps_to_95_restricted_mean": _plain(self.steps),
            "steps_to_95_median": self.median_steps,
            "seconds_to_95_median": self.median_seconds,
            "by_seed": [_of_run(one) for one in self.runs],
        }


@dataclass(frozen=True)
class Pair:
    """Two agents and one question.

    Attributes:
        question: `SCORE` or `SPEED`.
        one, other: labels.
        probability: that a run of `one` does better than a run of `other`, with its interval.
        p: two-sided, of the exact rank-sum test.
        corrected: p for all pairs and questions together (Holm).
        least: the smallest corrected p that so many runs can give, when no run of one overlaps with the other's.
    """

    question: str
    one: str
    other: str
    probability: Estimate
    p: float
    corrected: float
    least: float

    @property
    def verdict(self) -> str:
        """In words."""
        if self.corrected < rank_test.ALPHA:
            winner = self.one if self.probability.value > 0.5 else self.other
            return f"{winner} is {'better' if self.question == SCORE else 'faster'}"
        return "too few seeds to tell" if self.least >= rank_test.ALPHA else "no difference shown"

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **{"question": self.question, "one": self.one, "other": self.other, "probability_of_improvement": _plain(self.probability)},
            **{"p": self.p, "p_corrected": self.corrected, "verdict": self.verdict},
        }


@dataclass(frozen=True)
class Standings:
    """All agents and pairs.

    Attributes:
        score: what the final score is called.
        optimum: the best possible, where it is known and the same for all runs.
        agents: in the order they were given; those without a finished run are missing.
        pairs: for each question, every pair.
        warnings: what limits the answer.
    """

    score: str
    optimum: float | None
    agents: list[Standing]
    pairs: list[Pair]
    warnings: list[str] = field(default_factory=list)

    @property
    def ranked(self) -> list[Standing]:
        """Highest IQM first; among equal ones, who came near the optimum with fewer steps."""
        return sorted(self.agents, key=lambda one: (-round(one.iqm.value, 12), one.steps.value if one.steps else 0.0))

    def document(self) -> dict[str, Any]:
        """What all agents share, as plain values."""
        budget = self.agents[0].budget if self.agents else None
        return {"score": self.score, "optimum": self.optimum, "level": 0.95, "resamples": aggregates.RESAMPLES, "budget_steps": budget}


def standings(runs: Mapping[str, Sequence[Run]]) -> Standings:
    """What the runs came to.

    Args:
        runs: by label, whatever their status; only finished ones are measured, the others are counted.

    Raises:
        SandboxError: when no run is finished, or runs have different results.
    """
    warnings: list[str] = []
    found = {label: _finished(label, some, warnings) for label, some in runs.items()}
    names = {score_name(run.summary) for label, some in runs.items() for run in some if run.id in {one.run for one in found[label]}}
    everyone = [one for some in found.values() for one in some]
    if not everyone:
        raise SandboxError("No run of the comparison finished, so there is nothing to compare. `python -m sandbox list` shows why.")
    if len(names) > 1:
        raise SandboxError(f"The runs have different results ({', '.join(sorted(names))}), which cannot be compared.")
    curves = [one.curve for one in everyone if one.curve is not None]
    budget = min(curve.at[-1] for curve in curves) if len(curves) == len(everyone) else NAN
    agents = [_standing(label, some, len(runs[label]), float(budget)) for label, some in found.items() if some]
    optima = {one.optimum for one in everyone}
    made = Standings(names.pop(), optima.pop() if len(optima) == 1 else None, agents, _pairs(agents), warnings)
    _limits(made, everyone)
    return made


def _finished(label: str, runs: Sequence[Run], warnings: list[str]) -> list[Measured]:
    found: list[Measured] = []
    for run in runs:
        if run.status != "finished":
            continue
        try:
            found.append(measured(run))
        except SandboxError as error:
            warnings.append(f"{label}, seed {run.record.seed} is left out: {error} (run {run.id}).")
    lost = [run for run in runs if run.status != "finished"]
    if lost:
        names = ", ".join(f"seed {run.record.seed} {run.status}" for run in lost)
        warnings.append(
            f"{label}: {len(lost)} of {len(runs)} runs did not finish ({names}). Its figures are those of the others, and so perhaps too good."
        )
    return found


def _standing(label: str, runs: list[Measured], wanted: int, budget: float) -> Standing:
    table = scores(runs)
    optima = [one.optimum for one in runs]
    gap = None
    if None not in optima:
        lacking = np.maximum(np.array(optima, dtype=np.float64)[:, None] - table, 0.0)  # [runs, 1]
        gap = _estimate(lacking, aggregates.mean, f"{label} gap")
    near = [one.reached for one in runs]
    known = all(one is not None for one in near) and bool(near)
    times = [one.at if one else None for one in near]
    rng = generator(0, f"compare {label} steps") if len(runs) >= MIN_RUNS else None
    seconds = [one.seconds for one in runs]
    untimed = any(one.seconds is None and one.reached and one.reached.index is not None for one in runs)
    return Standing(
        label,
        runs,
        wanted,
        _estimate(table, aggregates.iqm, f"{label} iqm"),
        _estimate(table, aggregates.mean, f"{label} mean"),
        _estimate(table, aggregates.median, f"{label} median"),
        gap,
        sum(time is not None for time in times) if known else None,
        budget,
        reaching.restricted_mean(times, budget, rng) if known else None,
        reaching.median_time(times) if known else None,
        reaching.median_time(seconds) if known and not untimed else None,
    )


def _estimate(table: np.ndarray, statistic: aggregates.Statistic, name: str) -> Estimate:
    if len(table) < MIN_RUNS:
        return Estimate(float(statistic(table)), NAN, NAN)
    return aggregates.estimate(table, statistic, generator(0, f"compare {name}"))


def _pairs(agents: Sequence[Standing]) -> list[Pair]:
    made = []
    for question in QUESTIONS:
        tables = {one.label: _table(one, question) for one in agents}
        if any(table is None for table in tables.values()):
            continue
        for one, other in combinations(tables, 2):
            left, right = tables[one], tables[other]
            p = rank_test.rank_sum(left[:, 0], right[:, 0])  # type: ignore[index]
            least = rank_test.least_p(len(left), len(right))  # type: ignore[arg-type]
            made.append(Pair(question, one, other, _improvement(left, right, f"{question} {one} {other}"), p, NAN, least))  # type: ignore[arg-type]
    corrected = rank_test.holm([pair.p for pair in made])
    return [replace(pair, corrected=value, least=min(1.0, pair.least * len(made))) for pair, value in zip(made, corrected, strict=True)]


def _table(one: Standing, question: str) -> np.ndarray | None:
    """What higher is better of: [runs, 1]."""
    if question == SCORE:
        return scores(one.runs)
    if one.steps is None:
        return None
    times = [run.reached.at if run.reached else None for run in one.runs]
    return -reaching.restricted(times, one.budget)[:, None]


def _improvement(left: np.ndarray, right: np.ndarray, name: str) -> Estimate:
    if min(len(left), len(right)) < MIN_RUNS:
        return Estimate(aggregates.improvement(left, right), NAN, NAN)
    return aggregates.improvement_estimate(left, right, generator(0, f"compare {name}"))


def _limits(made: Standings, everyone: Sequence[Measured]) -> None:
    """Add what a careful reader would ask about."""
    fewest = min(len(one.runs) for one in made.agents)
    if fewest < MIN_RUNS:
        count = "1 seed has" if fewest == 1 else f"{fewest} seeds have"
        made.warnings.append(
            f"No intervals: {count} no spread from which they could be computed. Take at least {MIN_RUNS}, better 10 or more."
        )
    elif fewest < 10:
        made.warnings.append(f"{fewest} seeds are few: bootstrap intervals of so few are narrower than the 95 % they claim.")
    alike = [one.label for one in made.agents if len(one.runs) >= MIN_RUNS and aggregates.same(scores(one.runs)[:, 0])]
    if alike:
        made.warnings.append(
            f"{', '.join(alike)}: all seeds end with the same score, so the interval has no width. That is no proof that every seed does."
        )
    if len({one.host for one in everyone}) > 1:
        made.warnings.append("The runs were made on several machines: their seconds cannot be compared.")
    if len({str(sorted(one.versions.items())) for one in everyone}) > 1:
        made.warnings.append("The runs were made under different versions of libraries; run.json of each says which.")
    if everyone[0].optimum is None:
        made.warnings.append("The optimum is not known here: there is no optimality gap, and no share of it to be reached.")
    if any(one.curve is None for one in everyone):
        made.warnings.append("Not every run has evaluations with env steps: there are no learning curves, and no steps to 95 %.")


def _plain(value: Estimate | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"value": value.value, "interval": None if np.isnan(value.low) else [value.low, value.high]}


def _of_run(one: Measured) -> dict[str, Any]:
    reached = one.reached
    steps = None if reached is None else {"at": reached.at, "after": reached.after, "last": reached.last}
    return {"run": one.run, "seed": one.seed, "score": one.score, "steps_to_95": steps, "seconds_to_95": one.seconds}
