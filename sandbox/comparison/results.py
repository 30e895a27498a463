"""What a comparison came to: a standing for each agent, and for each pair whether one is better and by how much.

Everything is a function of the runs' files: the generators that resample are named after what they are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from sandbox import text
from sandbox.comparison.run_scores import RunScores, errors, measured, scores
from sandbox.errors import SandboxError
from sandbox.runs.view import Run
from sandbox.seeding import generator
from sandbox.stats import Estimate, aggregates, significance, time_to_threshold
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.stats.time_to_threshold import Arrival, MedianTime

NAN = float("nan")
SCORE, SPEED = "final score", "steps to 95 %"
QUESTIONS = (SCORE, SPEED)
FEW = "too few seeds"
"""How the verdict begins where no verdict is possible."""
UNEQUAL = 0.05
"""Env steps that differ by more than this share are said to differ."""


@dataclass(frozen=True)
class Standing:
    """One agent.

    Attributes:
        label: its name in the comparison.
        runs: its finished runs.
        wanted: how many there should be.
        iqm, mean, median: of the final scores; the interval is NaN where there are fewer than `MIN_RUNS` runs.
        gap: how much is missing to the optimum on average; None where nobody knows the optimum.
        env_steps: median of the steps that the runs learned; None where nobody counted.
        arrived: how many runs came near the optimum and stayed; None without optimum or evaluations.
        error: standard error of the mean of the scores, where they were sampled and have no interval; None otherwise.
        steps: median env steps to come near; None where `arrived` is.
        before: env steps at the evaluation before the one that the median counts; None where there is no median.
        seconds, seconds_before: the same in seconds, reached where `steps` are; None also where nobody took the time.
    """

    label: str
    runs: list[RunScores]
    wanted: int
    iqm: Estimate
    mean: Estimate
    median: Estimate
    error: float | None
    gap: Estimate | None
    env_steps: float | None
    arrived: int | None
    steps: MedianTime | None
    before: float | None
    seconds: MedianTime | None
    seconds_before: float | None

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **{"agent": self.label, "runs": len(self.runs), "wanted": self.wanted},
            **{name: _plain(getattr(self, name), self.error) for name in ("iqm", "mean", "median")},
            "gap": None if self.gap is None else _plain(self.gap),
            "env_steps": self.env_steps,
            "reached_95": self.arrived,
            "steps_to_95": _plain_time(self.steps, self.before),
            "seconds_to_95": _plain_time(self.seconds, self.seconds_before),
            "by_seed": [_of_run(one) for one in self.runs],
        }


@dataclass(frozen=True)
class Pair:
    """Two agents and one question.

    Attributes:
        question: `SCORE` or `SPEED`.
        one, other: labels.
        probability: that a run of `one` does better than a run of `other`, with its interval.
        p: two-sided, of an exact permutation test; None where nothing can be compared.
        corrected: p for all pairs and questions together (Holm).
        least: the smallest corrected p that so many runs can give, when no run of one overlaps with the other's.
        needed: with how many seeds of each a verdict is possible.
    """

    question: str
    one: str
    other: str
    probability: Estimate
    p: float | None
    corrected: float | None
    least: float
    needed: int

    @property
    def winner(self) -> str:
        """The label of the one that is shown to be better or faster; "" for neither."""
        if self.corrected is None or self.corrected >= significance.ALPHA:
            return ""
        return self.one if self.probability.value > 0.5 else self.other

    @property
    def verdict(self) -> str:
        """In words."""
        if self.winner:
            return f"{self.winner} is {'better' if self.question == SCORE else 'faster'}"
        if self.p is None:
            return "cannot be compared"
        return (
            f"{FEW}, {self.needed} of each may tell"
            if self.least >= significance.ALPHA
            else "no difference shown"
        )

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **{
                "question": self.question,
                "one": self.one,
                "other": self.other,
                "probability_of_improvement": _plain(self.probability),
            },
            **{"p": self.p, "p_corrected": self.corrected, "verdict": self.verdict},
        }


@dataclass(frozen=True)
class Standings:
    """All agents and pairs.

    Attributes:
        score: what the final score is called.
        optimum: the best possible, where it is known and the same for all runs.
        optimum_is: which optimum is meant.
        higher_is_better: whether more of the score is better.
        agents: in the order they were given; those without a finished run are missing.
        pairs: for each question, every pair.
        warnings: what limits the answer.
    """

    score: str
    optimum: float | None
    optimum_is: str
    higher_is_better: bool
    agents: list[Standing]
    pairs: list[Pair]
    warnings: list[str] = field(default_factory=list)

    @property
    def ranked(self) -> list[Standing]:
        """Best IQM first; among equal ones, who came near the optimum with fewer steps."""
        sign = -1.0 if self.higher_is_better else 1.0
        return sorted(
            self.agents,
            key=lambda one: (
                round(sign * one.iqm.value, 12),
                one.steps.median if one.steps else 0.0,
            ),
        )

    def document(self) -> dict[str, Any]:
        """What all agents share, as plain values."""
        shared = {
            "score": self.score,
            "optimum": self.optimum,
            "optimum_is": self.optimum_is,
            "higher_is_better": self.higher_is_better,
        }
        return {**shared, "level": 0.95, "resamples": aggregates.RESAMPLES}


def standings(runs: Mapping[str, Sequence[Run]]) -> Standings:
    """What the runs came to.

    Args:
        runs: by label, whatever their status; only finished ones are measured, the others are counted.

    Raises:
        SandboxError: when no run is finished, or runs have different results.
    """
    warnings: list[str] = []
    found = {label: _finished(label, some, warnings) for label, some in runs.items()}
    everyone = [one for some in found.values() for one in some]
    if not everyone:
        raise SandboxError(
            "No run of the comparison finished, so there is nothing to compare. `python -m sandbox list` shows why."
        )
    names = {one.score.name for one in everyone}
    if len(names) > 1:
        raise SandboxError(
            f"The runs have different scores ({', '.join(sorted(names))}), which cannot be compared."
        )
    agents = [_standing(label, some, len(runs[label])) for label, some in found.items() if some]
    score, optima = everyone[0].score, {one.score.optimum for one in everyone}
    optimum = optima.pop() if len(optima) == 1 else None
    made = Standings(
        score.name,
        optimum,
        score.optimum_is,
        score.higher_is_better,
        agents,
        _pairs(agents),
        warnings,
    )
    _limits(made, everyone)
    return made


def _finished(label: str, runs: Sequence[Run], warnings: list[str]) -> list[RunScores]:
    found: list[RunScores] = []
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


def _standing(label: str, runs: list[RunScores], wanted: int) -> Standing:
    table, noise = scores(runs), errors(runs)
    optima = [one.score.optimum for one in runs]
    gap = None
    if None not in optima:
        sign = 1.0 if runs[0].score.higher_is_better else -1.0
        lacking = np.maximum(
            sign * (np.array(optima, dtype=np.float64)[:, None] - table), 0.0
        )  # [runs, 1]
        gap = _estimate(lacking, aggregates.mean, f"{label} gap")
    learned = [one.env_steps for one in runs if one.env_steps is not None]
    steps, seconds = _arrivals(runs, "steps"), _arrivals(runs, "seconds")
    median = _median(steps)
    before = [one.after for one in steps or () if median is not None and one.at == median.median]
    seconds_median, seconds_before = (
        (None, None) if steps is None or seconds is None else _seconds(steps, seconds)
    )
    return Standing(
        label,
        runs,
        wanted,
        _estimate(table, aggregates.iqm, f"{label} iqm", noise),
        _estimate(table, aggregates.mean, f"{label} mean", noise),
        _estimate(table, aggregates.median, f"{label} median", noise),
        _error(runs),
        gap,
        float(np.median(learned)) if len(learned) == len(runs) else None,
        None if steps is None else sum(one.at is not None for one in steps),
        median,
        min(before, default=None),
        seconds_median,
        seconds_before,
    )


def _error(runs: Sequence[RunScores]) -> float | None:
    """The standard error of the mean of scores that were sampled; None where they are exact or have an interval.

    So few runs have one score for all: interquartile mean, mean and median are the same.
    """
    found = [one.score.standard_error for one in runs if one.score.standard_error is not None]
    return float(np.linalg.norm(found)) / len(runs) if found and len(runs) < MIN_RUNS else None


def _arrivals(runs: Sequence[RunScores], axis: str) -> list[Arrival] | None:
    """When each run came near the optimum, on the axis "steps" or "seconds"; None unless it is known of all."""
    found = [one.steps if axis == "steps" else one.seconds for one in runs]
    known = [one for one in found if one is not None]
    return known if len(known) == len(runs) else None


def _median(arrivals: Sequence[Arrival] | None) -> MedianTime | None:
    """The median time, its interval open at both ends where there are fewer than `MIN_RUNS` runs."""
    if arrivals is None:
        return None
    found = time_to_threshold.median_time(arrivals)
    return found if len(arrivals) >= MIN_RUNS else found._replace(low=NAN, high=NAN)


def _seconds(
    steps: Sequence[Arrival], seconds: Sequence[Arrival]
) -> tuple[MedianTime | None, float | None]:
    """The median in seconds, and the evaluation before it: reached with as many arrivals as in steps, and not where steps are not.

    In seconds alone a run that ends early would be censored early: a quick learner that never arrives would leave those that do alone.

    Args:
        steps, seconds: of each run, in the same order.
    """
    found, half = _median(seconds), _half(steps)
    if found is None or not half:
        return None if found is None else found._replace(median=float("inf")), None
    at, before = sorted((one.at, one.after) for one in seconds if one.at is not None)[half - 1]
    if np.isnan(found.low):
        return MedianTime(at, NAN, NAN), before
    return MedianTime(at, min(found.low, at), max(found.high, at)), before


def _half(arrivals: Sequence[Arrival]) -> int:
    """With how many arrivals the Kaplan-Meier curve falls to a half; 0 where it does not."""
    left, count = 1.0, 0
    ordered = sorted((one.end if one.at is None else one.at, one.at is None) for one in arrivals)
    for place, (_, censored) in enumerate(ordered):
        if not censored:
            left, count = left * (1 - 1 / (len(ordered) - place)), count + 1
            if left <= 0.5 + 1e-12:
                return count
    return 0


def _estimate(
    table: np.ndarray, statistic: aggregates.Statistic, name: str, noise: np.ndarray | None = None
) -> Estimate:
    if len(table) < MIN_RUNS:
        return Estimate(float(statistic(table)), NAN, NAN)
    return aggregates.estimate(table, statistic, generator(0, f"compare {name}"), errors=noise)


def _pairs(agents: Sequence[Standing]) -> list[Pair]:
    made = []
    for question in QUESTIONS:
        if question == SPEED and any(one.steps is None for one in agents):
            continue
        for one, other in combinations(agents, 2):
            least = significance.least_p(len(one.runs), len(other.runs))
            name = f"{question} {one.label} {other.label}"
            p, probability = (_by_score if question == SCORE else _by_steps)(one, other, name)
            made.append(Pair(question, one.label, other.label, probability, p, None, least, 0))
    tested = [pair for pair in made if pair.p is not None]
    corrected = dict(
        zip(
            map(id, tested),
            significance.holm([pair.p for pair in tested if pair.p is not None]),
            strict=True,
        )
    )
    needed = significance.seeds_needed(len(tested)) if tested else 0
    return [
        replace(
            pair,
            corrected=corrected.get(id(pair)),
            least=min(1.0, pair.least * max(1, len(tested))),
            needed=needed,
        )
        for pair in made
    ]


def _by_score(one: Standing, other: Standing, name: str) -> tuple[float, Estimate]:
    """p of "both score alike", and the probability that a run of the first scores better."""
    sign = 1.0 if one.runs[0].score.higher_is_better else -1.0
    left, right = sign * scores(one.runs), sign * scores(other.runs)
    p = significance.rank_sum(left[:, 0], right[:, 0])
    if min(len(left), len(right)) < MIN_RUNS:
        return p, Estimate(aggregates.improvement(left, right), NAN, NAN)
    return p, aggregates.improvement_estimate(left, right, generator(0, f"compare {name}"))


def _by_steps(one: Standing, other: Standing, name: str) -> tuple[float | None, Estimate]:
    """p of "both take equally long", and the probability that a run of the first comes near the optimum sooner."""
    left, right = (
        [run.steps for run in standing.runs if run.steps is not None] for standing in (one, other)
    )
    end = time_to_threshold.followed_up(left, right)
    won = time_to_threshold.sooner(
        time_to_threshold.cut(left, end), time_to_threshold.cut(right, end)
    )  # [runs, runs]
    p = time_to_threshold.log_rank_p(left, right)
    if min(won.shape) < MIN_RUNS:
        return p, Estimate(float(won.mean()), NAN, NAN)
    return p, aggregates.wins_estimate(won, generator(0, f"compare {name}"))


def _limits(made: Standings, everyone: Sequence[RunScores]) -> None:
    """Add what a careful reader would ask about."""
    fewest = min(len(one.runs) for one in made.agents)
    if fewest < MIN_RUNS:
        count = "1 seed has" if fewest == 1 else f"{fewest} seeds have"
        few = [one.label for one in made.agents if len(one.runs) < MIN_RUNS]
        whose = "" if len(few) == len(made.agents) else f" for {', '.join(few)}"
        made.warnings.append(
            f"No intervals{whose}: {count} no spread from which they could be computed. Take at least {MIN_RUNS}, better 10 or more."
        )
    elif fewest < 10:
        made.warnings.append(
            f"{fewest} seeds are few: bootstrap intervals of so few are narrower than the 95 % they claim."
        )
    counted = [one.env_steps for one in made.agents if one.env_steps is not None]
    if counted and max(counted) > (1 + UNEQUAL) * min(counted):
        told = ", ".join(
            f"{one.label} {figure(one.env_steps)}"
            for one in made.agents
            if one.env_steps is not None
        )
        made.warnings.append(
            f"The agents learned for different numbers of env steps ({told}), so their final scores are not those of equal efforts."
        )
    sampled = max((one.score.episodes or 0 for one in everyone), default=0)
    if sampled:
        made.warnings.append(
            f"Scores are means of {sampled} sampled episodes; {_errors_told(made.agents)}."
        )
    alike = [
        one.label
        for one in made.agents
        if len(one.runs) >= MIN_RUNS and aggregates.same(scores(one.runs)[:, 0])
    ]
    if alike:
        made.warnings.append(
            f"{', '.join(alike)}: all seeds end with the same score, so the interval has no width. That is no proof that every seed does."
        )
    if len({one.host for one in everyone}) > 1:
        made.warnings.append(
            "The runs were made on several machines: their seconds cannot be compared."
        )
    if _differ([one.versions for one in everyone]):
        made.warnings.append(
            "The runs were made under different versions of libraries; run.json of each says which."
        )
    if everyone[0].score.optimum is None:
        made.warnings.append(
            "The optimum is not known here: there is no optimality gap, and no share of it to be reached."
        )
    if any(one.curve is None for one in everyone):
        made.warnings.append(
            "Not every run has evaluations with env steps: there are no learning curves, and no steps to 95 %."
        )


def _errors_told(agents: Sequence[Standing]) -> str:
    """Where the standard errors of sampled scores stand."""
    within = "the intervals contain their standard errors"
    beside = "± is the standard error of that sampling alone"
    if all(len(one.runs) >= MIN_RUNS for one in agents):
        return within
    return (
        beside
        if all(len(one.runs) < MIN_RUNS for one in agents)
        else f"{within}; where there is none, {beside}"
    )


def _differ(versions: Sequence[Mapping[str, str]]) -> bool:
    """Whether one library has two versions; that a run lists more libraries than another is no difference."""
    return any(
        len({one[name] for one in versions if name in one}) > 1
        for name in {name for one in versions for name in one}
    )


def figure(value: float, digits: int = 4) -> str:
    """A number for people: counts whole, else so many significant digits."""
    whole = float(value).is_integer() and abs(value) >= 1
    return text.number(int(value) if whole else value, digits)


def _plain(value: Estimate, error: float | None = None) -> dict[str, Any]:
    """An estimate; the standard error stands where there is no interval."""
    sampled = {} if error is None else {"standard_error": error}
    return {
        "value": value.value,
        "interval": None if np.isnan(value.low) else [value.low, value.high],
        **sampled,
    }


def _plain_time(time: MedianTime | None, before: float | None) -> dict[str, Any] | None:
    """A median time; null stands for "not reached", and for an open upper end."""
    if time is None:
        return None
    median, high = (value if np.isfinite(value) else None for value in (time.median, time.high))
    interval = None if np.isnan(time.low) else [time.low, high]
    return {
        "median": median,
        "interval": interval,
        **({} if before is None else {"evaluated_before": before}),
    }


def _of_run(one: RunScores) -> dict[str, Any]:
    judged = {
        "score": one.score.value,
        "standard_error": one.score.standard_error,
        "env_steps": one.env_steps,
    }
    arrivals = {
        f"{name}_to_95": _plain_arrival(found)
        for name, found in (("steps", one.steps), ("seconds", one.seconds))
    }
    return {"run": one.run, "seed": one.seed, **judged, **arrivals}


def _plain_arrival(found: Arrival | None) -> dict[str, Any] | None:
    return None if found is None else {"at": found.at, "after": found.after, "end": found.end}
