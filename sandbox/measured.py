"""What one finished run says of its agent: its score, the optimum, its evaluations, and when it came near the optimum.

The score is the first entry of the run's summary, as in listings; higher is better. Its evaluations are the stream "evaluate": the column of
the same name against `env_steps`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from sandbox import reaching
from sandbox.errors import SandboxError
from sandbox.reaching import Curve, Reached
from sandbox.runs import Run

SHARE = 0.95
"""Of the optimum; a run that stays above is near it."""
STREAM, STEPS = "evaluate", "env_steps"


@dataclass(frozen=True)
class Measured:
    """One finished run.

    Attributes:
        run: its id.
        seed: its seed.
        score: of the greedy policy at the end.
        optimum: the best possible score, or None where nobody knows.
        curve: its evaluations, or None where it has none with env steps.
        reached: when it came near the optimum and stayed; None without optimum or curve.
        seconds: of work until then, evaluating and compiling included; None when it was not reached, or nobody took the time.
        host: where it ran.
        versions: of Python and libraries.
    """

    run: str
    seed: int
    score: float
    optimum: float | None
    curve: Curve | None
    reached: Reached | None
    seconds: float | None
    host: str
    versions: Mapping[str, str]


def score_name(summary: Mapping[str, Any]) -> str:
    """The name of a run's result.

    Raises:
        SandboxError: when it is no number.
    """
    name, value = next(iter(summary.items()), ("", None))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SandboxError(f"its result `{name}` is {value!r}, no number" if name else "it has no result")
    return name


def optimum_of(summary: Mapping[str, Any]) -> float | None:
    """The best possible value of a run's result, where its summary says it: "optimal_return" beside "greedy_return", else "optimum"."""
    name = f"optimal_{score_name(summary).removeprefix('greedy_')}"
    value = summary.get(name, summary.get("optimum"))
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None  # type: ignore[arg-type]


def measured(run: Run) -> Measured:
    """What a finished run says.

    Raises:
        SandboxError: when its result is no number, or its evaluations cannot be read.
    """
    record = run.record
    name = score_name(record.summary)
    optimum = optimum_of(record.summary)
    units = (record.unit.replace(" ", "_"), f"{record.unit.replace(' ', '_')}s")  # "episode", "env_steps"
    columns = run.folder.metrics().columns(STREAM, [name, STEPS, *units])
    unit = next((one for one in units if one in columns), "")
    curve = reaching.curve(columns[STEPS], columns[name]) if name in columns and STEPS in columns else None
    reached = reaching.reached(curve, reaching.threshold(optimum, SHARE)) if curve is not None and optimum is not None else None
    seconds = None
    if reached is not None and reached.index is not None and unit in columns:
        seconds = seconds_until(run, float(columns[unit][reached.index]))
    return Measured(run.id, record.seed, float(record.summary[name]), optimum, curve, reached, seconds, record.host, record.versions)


def seconds_until(run: Run, units: float) -> float | None:
    """Seconds of work until so many units were done, from times.jsonl; None when that is not there."""
    total = 0.0
    try:
        for line in run.folder.times_path.read_bytes().splitlines():
            block = orjson.loads(line)
            total += block["seconds"]
            if block["units"] >= units:
                return total
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def scores(runs: list[Measured]) -> np.ndarray:
    """The final scores: float64 [runs, 1 task]."""
    return np.array([[one.score] for one in runs])
