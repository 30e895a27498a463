"""What one finished run measured: its score, its evaluations, and when it reached the optimum.

The score is the one that the run's experiment declared (`sandbox.Score`). Its evaluations are the
stream "evaluate": the column of the score's name against `env_steps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sandbox.errors import SandboxError, StoreError
from sandbox.runs.view import Run
from sandbox.score import Score
from sandbox.stats import time_to_threshold
from sandbox.stats.time_to_threshold import Arrival, ScoreCurve
from sandbox.store.measurements import LEARNED, time_lines
from sandbox.text import Document, unit_columns

SHARE = 0.95
"""Of the optimum; a run that stays above has reached it."""
STREAM, LEARN, STEPS, REGRET = "evaluate", "learn", "env_steps", "regret"
OVERSHOOT, CPU = "overshoot", "learning_cpu_seconds"
"""Figures of the summary: env steps beyond those wanted, and CPU seconds of learning."""
MOST_PLACES = 2000
"""Of a curve over episodes."""


@dataclass(frozen=True)
class RunScores:
    """One finished run.

    Attributes:
        run: its id.
        seed: its seed.
        score: its final score.
        curve: its evaluations, or None if it has no evaluations with env steps.
        env_steps: total env steps of learning, or None where they were not counted.
        steps: when it reached 95 % of the optimum and stayed, in env steps; None without optimum or
            curve.
        seconds: the same in seconds of work, evaluation included; None without times.
        host: where it ran.
        versions: versions of Python and libraries.
        clock: its evaluations against seconds of learning alone; None where they were not measured.
        regret: its cumulative regret while learning against env steps; None where that is unknown,
            or seconds were not measured.
        summary: the figures of its summary.
    """

    run: str
    seed: int
    score: Score
    curve: ScoreCurve | None
    env_steps: float | None
    steps: Arrival | None
    seconds: Arrival | None
    host: str
    versions: Mapping[str, str]
    clock: ScoreCurve | None = None
    regret: ScoreCurve | None = None
    summary: Document = field(default_factory=dict)


def measured(run: Run) -> RunScores:
    """The scores of a finished run.

    Raises:
        SandboxError: when it has no score, or its evaluations cannot be read.
    """
    record, score = run.record, run.score
    if score is None:
        raise SandboxError("it has no score that is a finite number")
    units = unit_columns(record.unit)
    columns = run.folder.metrics().columns(STREAM, [score.name, STEPS, *units])
    done = next((columns[one] for one in units if one in columns), None)
    curve = clock = steps = seconds = None
    if score.name in columns and STEPS in columns:
        curve = time_to_threshold.curve(columns[STEPS], columns[score.name])
        axis = None if done is None else _seconds_until(run, done)
        if axis is not None:
            clock = ScoreCurve(axis, curve.score)
        if score.optimum is not None:
            level = time_to_threshold.threshold(score.optimum, SHARE, score.higher_is_better)
            steps = time_to_threshold.arrival(curve, level, score.higher_is_better)
            seconds = None if axis is None else time_to_threshold.arrival_at(steps.evaluation, axis)
    total = record.summary.get(STEPS)
    if curve is not None and OVERSHOOT not in record.summary:
        total = float(curve.at[-1])
    return RunScores(
        run.id,
        record.seed,
        score,
        curve,
        float(total) if isinstance(total, (int, float)) else None,
        steps,
        seconds,
        record.host,
        record.versions,
        clock,
        _cumulative_regret(run),
        record.summary,
    )


def _cumulative_regret(run: Run) -> ScoreCurve | None:
    """The sum over episodes of the best possible expected return minus the return, after each
    episode, at most `MOST_PLACES` of them; None where it is unknown."""
    columns = run.folder.metrics().columns(LEARN, [STEPS, REGRET])
    if columns.keys() != {STEPS, REGRET} or not np.isfinite(columns[REGRET]).all():
        return None
    last = len(columns[STEPS]) - 1
    kept = np.unique(np.linspace(0, last, MOST_PLACES).astype(np.int64))
    return time_to_threshold.curve(columns[STEPS][kept], np.cumsum(columns[REGRET])[kept])


def _seconds_until(run: Run, units: np.ndarray) -> np.ndarray | None:
    """Seconds until each number of units was done, of learning alone where they were measured, else
    of work: float [units]; None without times."""
    try:
        blocks = time_lines(run.folder.directory)
        done = np.array([block["units"] for block in blocks], dtype=np.float64)
        seconds = np.cumsum([float(block.get(LEARNED, block["seconds"])) for block in blocks])
        place = np.searchsorted(done, units)
        return None if (place >= len(done)).any() else seconds[place]
    except (OSError, StoreError, ValueError, KeyError, TypeError):
        return None


def scores(runs: Sequence[RunScores]) -> np.ndarray:
    """The final scores: float64 [runs, 1 task]."""
    return np.array([[one.score.value] for one in runs])


def errors(runs: Sequence[RunScores]) -> np.ndarray:
    """The standard errors of sampled scores, 0 of exact ones: float64 [runs, 1 task]."""
    return np.array([[one.score.standard_error or 0.0] for one in runs])
