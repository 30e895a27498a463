"""What one agent of a comparison reached: a function of the files of its finished runs.

Each generator for resampling is named after its purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sandbox.comparison.run_scores import CPU, OVERSHOOT, RunScores, errors, scores
from sandbox.seeding import generator
from sandbox.stats import aggregates, time_to_threshold
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.stats.intervals import Estimate
from sandbox.stats.time_to_threshold import Arrival, MedianTime
from sandbox.store.measurements import LEARNED
from sandbox.text import Document

NAN = float("nan")


@dataclass(frozen=True)
class AgentResult:
    """One agent; its intervals are NaN where it has fewer than `MIN_RUNS` runs.

    Attributes:
        label: its name in the comparison.
        runs: its finished runs, at least one.
        wanted: number of runs that the comparison requested.
        given: whether its scores are results of others, not measured here.
    """

    label: str
    runs: list[RunScores]
    wanted: int
    given: bool = False

    @cached_property
    def scores(self) -> np.ndarray:
        """The final scores: float64 [runs, tasks]."""
        return scores(self.runs)

    @cached_property
    def errors(self) -> np.ndarray:
        """Standard errors of sampled scores, 0 of exact ones: float64 [runs, tasks]."""
        return errors(self.runs)

    @property
    def oriented(self) -> np.ndarray:
        """The scores, with the sign changed where less is better: float64 [runs, tasks]."""
        return self.scores if self.runs[0].score.higher_is_better else -self.scores

    def _estimate(
        self, name: str, statistic: aggregates.Statistic, table: np.ndarray | None = None
    ) -> Estimate:
        """A statistic of the scores, or of another table, float [runs, tasks]."""
        noise = self.errors if table is None and self.errors.any() else None
        table = self.scores if table is None else table
        if len(table) < MIN_RUNS:
            return Estimate(float(statistic(table)), NAN, NAN)
        random = generator(0, f"compare {self.label} {name}")
        level = aggregates.level_for(table)
        return aggregates.estimate(table, statistic, random, level, errors=noise)

    @cached_property
    def iqm(self) -> Estimate:
        """Interquartile mean of the final scores."""
        return self._estimate("iqm", aggregates.iqm)

    @cached_property
    def mean(self) -> Estimate:
        """Mean of the final scores."""
        return self._estimate("mean", aggregates.mean)

    @cached_property
    def median(self) -> Estimate:
        """Median of the final scores."""
        return self._estimate("median", aggregates.median)

    @cached_property
    def error(self) -> float | None:
        """Standard error of the mean of sampled scores that have no interval; else None.

        With fewer than `MIN_RUNS` runs, the interquartile mean, mean and median are equal, so one
        standard error serves for all three.
        """
        every = [one.score.standard_error for one in self.runs]
        known = [error for error in every if error is not None]
        if not known or len(every) >= MIN_RUNS:
            return None
        return float(np.linalg.norm(known)) / len(every)

    @cached_property
    def gap(self) -> Estimate | None:
        """Mean distance to the optimum; None where the optimum is unknown."""
        optima = [one.score.optimum for one in self.runs]
        if None in optima:
            return None
        sign = 1.0 if self.runs[0].score.higher_is_better else -1.0
        optimum = np.array(optima, dtype=np.float64)[:, None]  # [runs, 1]
        distance = np.maximum(sign * (optimum - self.scores), 0.0)
        return self._estimate("gap", aggregates.mean, distance)

    @cached_property
    def env_steps(self) -> float | None:
        """Median of the env steps that the runs learned; None where they were not counted."""
        counted = [one.env_steps for one in self.runs if one.env_steps is not None]
        return float(np.median(counted)) if len(counted) == len(self.runs) else None

    @cached_property
    def _in_steps(self) -> list[Arrival] | None:
        return _of_all([one.steps for one in self.runs])

    @property
    def arrived(self) -> int | None:
        """Number of runs that reached 95 % of the optimum and stayed; None without optimum or
        curve.
        """
        arrivals = self._in_steps
        return None if arrivals is None else sum(one.at is not None for one in arrivals)

    @cached_property
    def steps(self) -> MedianTime | None:
        """Median env steps until 95 % of the optimum; None where `arrived` is None."""
        return _median(self._in_steps)

    @property
    def before(self) -> float | None:
        """Env steps at the evaluation before the median time; None without median."""
        steps, arrivals = self.steps, self._in_steps or ()
        before = [one.after for one in arrivals if steps is not None and one.at == steps.median]
        return min(before, default=None)

    @cached_property
    def seconds(self) -> tuple[MedianTime | None, float | None]:
        """The median time in seconds, finite where `steps` is, and the seconds at the evaluation
        before it; None also without recorded times.

        It counts as many arrivals as the median in env steps. Counted in seconds alone, a run that
        ends early would be censored early: a fast run that never arrives would drop out and leave
        only the others.
        """
        steps, seconds = self._in_steps, _of_all([one.seconds for one in self.runs])
        median = _median(seconds)
        if steps is None or seconds is None or median is None:
            return None, None
        half = _half(steps)
        if not half:
            return median._replace(median=float("inf")), None
        at, before = sorted((one.at, one.after) for one in seconds if one.at is not None)[half - 1]
        if np.isnan(median.low):
            return MedianTime(at, NAN, NAN), before
        return MedianTime(at, min(median.low, at), max(median.high, at)), before

    @cached_property
    def spent(self) -> Document:
        """Medians of the seconds of learning, evaluation not counted, and of the env steps
        beyond those wanted; empty where a run did not measure them."""
        if not all(CPU in run.summary for run in self.runs):
            return {}
        return {
            name: float(np.median([run.summary.get(name, 0.0) for run in self.runs]))
            for name in (LEARNED, CPU, OVERSHOOT)
        }

    def aggregates(self) -> Document:
        """The figures over all its runs, as plain values."""
        means = {"iqm": self.iqm, "mean": self.mean, "median": self.median}
        return {
            "agent": self.label,
            "runs": len(self.runs),
            "wanted": self.wanted,
            **{name: plain(estimate, self.error) for name, estimate in means.items()},
            "gap": None if self.gap is None else plain(self.gap),
        }

    def document(self) -> Document:
        """Plain values."""
        return {
            **self.aggregates(),
            "env_steps": self.env_steps,
            "reached_95": self.arrived,
            "steps_to_95": _plain_time(self.steps, self.before),
            "seconds_to_95": _plain_time(*self.seconds),
            "by_seed": [_of_run(one) for one in self.runs],
            **self.spent,
            **({"given": True} if self.given else {}),
        }


def _of_all(arrivals: Sequence[Arrival | None]) -> list[Arrival] | None:
    """The arrivals, if they are known for all runs; else None."""
    known = [one for one in arrivals if one is not None]
    return known if len(known) == len(arrivals) else None


def _median(arrivals: Sequence[Arrival] | None) -> MedianTime | None:
    if arrivals is None:
        return None
    median = time_to_threshold.median_time(arrivals)
    return median if len(arrivals) >= MIN_RUNS else median._replace(low=NAN, high=NAN)


def _half(arrivals: Sequence[Arrival]) -> int:
    """The number of arrivals at which the Kaplan-Meier curve falls to 1/2; 0 where it does not."""
    left, count = 1.0, 0
    ordered = sorted((one.end if one.at is None else one.at, one.at is None) for one in arrivals)
    for place, (_, censored) in enumerate(ordered):
        if not censored:
            left, count = left * (1 - 1 / (len(ordered) - place)), count + 1
            if left <= 0.5 + 1e-12:
                return count
    return 0


def plain(value: Estimate, error: float | None = None) -> Document:
    """An estimate as plain values, with a standard error where it has one."""
    interval = None if np.isnan(value.low) else [value.low, value.high]
    sampled = {} if error is None else {"standard_error": error}
    return {"value": value.value, "interval": interval, **sampled}


def _plain_time(time: MedianTime | None, before: float | None) -> Document | None:
    """A median time; None means "not reached", or an open upper end."""
    if time is None:
        return None
    median, high = (value if np.isfinite(value) else None for value in (time.median, time.high))
    interval = None if np.isnan(time.low) else [time.low, high]
    evaluated = {} if before is None else {"evaluated_before": before}
    return {"median": median, "interval": interval, **evaluated}


def _of_run(one: RunScores) -> Document:
    return {
        "run": one.run,
        "seed": one.seed,
        "score": one.score.value,
        "standard_error": one.score.standard_error,
        "env_steps": one.env_steps,
        "steps_to_95": _plain_arrival(one.steps),
        "seconds_to_95": _plain_arrival(one.seconds),
    }


def _plain_arrival(arrival: Arrival | None) -> Document | None:
    return arrival and {"at": arrival.at, "after": arrival.after, "end": arrival.end}
