"""What one finished run measured: its score, its evaluations, and when it reached the optimum.

The score is the one that the run's experiment declared (`sandbox.Score`). Its evaluations are the
stream "evaluate": the column of the score's name against `env_steps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from sandbox.errors import SandboxError, StoreError
from sandbox.runs.view import Run
from sandbox.score import Score
from sandbox.stats import time_to_threshold
from sandbox.stats.time_to_threshold import Arrival, ScoreCurve
from sandbox.store.folder import TIMES

SHARE = 0.95
"""Of the optimum; a run that stays above has reached it."""
STREAM, STEPS = "evaluate", "env_steps"


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


def measured(run: Run) -> RunScores:
    """The scores of a finished run.

    Raises:
        SandboxError: when it has no score, or its evaluations cannot be read.
    """
    record, score = run.record, run.score
    if score is None:
        raise SandboxError("it has no score that is a finite number")
    unit = record.unit.replace(" ", "_")
    units = (unit, f"{unit}s")  # "episode", "env_steps"
    columns = run.folder.metrics().columns(STREAM, [score.name, STEPS, *units])
    done = next((columns[one] for one in units if one in columns), None)
    curve = steps = seconds = None
    if score.name in columns and STEPS in columns:
        curve = time_to_threshold.curve(columns[STEPS], columns[score.name])
        if score.optimum is not None:
            level = time_to_threshold.threshold(score.optimum, SHARE, score.higher_is_better)
            steps = time_to_threshold.arrival(curve, level, score.higher_is_better)
            axis = None if done is None else _seconds_until(run, done)
            seconds = None if axis is None else time_to_threshold.arrival_at(steps.evaluation, axis)
    total = float(curve.at[-1]) if curve is not None else record.summary.get(STEPS)
    env_steps = float(total) if isinstance(total, (int, float)) else None
    return RunScores(
        run.id, record.seed, score, curve, env_steps, steps, seconds, record.host, record.versions
    )


def _seconds_until(run: Run, units: np.ndarray) -> np.ndarray | None:
    """Seconds of work until each number of units was done: float [units]; None without times."""
    try:
        blocks = [orjson.loads(line) for line in run.folder.directory.read(TIMES).splitlines()]
        done = np.array([block["units"] for block in blocks], dtype=np.float64)
        seconds = np.cumsum([float(block["seconds"]) for block in blocks])
        place = np.searchsorted(done, units)
        return None if (place >= len(done)).any() else seconds[place]
    except (OSError, StoreError, ValueError, KeyError, TypeError):
        return None


def scores(runs: Sequence[RunScores]) -> np.ndarray:
    """The final scores: float64 [runs, 1 task]."""
    return np.array([[one.score.value] for one in runs])


def errors(runs: Sequence[RunScores]) -> np.ndarray | None:
    """The standard errors of sampled scores, float64 [runs, 1 task]; None where all are exact."""
    every = np.array([[one.score.standard_error or 0.0] for one in runs])
    return every if every.any() else None
