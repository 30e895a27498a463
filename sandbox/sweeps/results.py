"""What came out of a sweep: its trials ranked by the objective, each the mean over its seeds.

It is computed from the runs' own records whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from sandbox.errors import StoreError, UnknownNameError
from sandbox.store.sweeps import SweepFolder, SweepRecord, Trial
from sandbox.text import is_number


@dataclass(frozen=True)
class Result:
    """One trial with what its runs came to.

    Attributes:
        number: of the trial.
        params: what sets it apart.
        status: "finished" when all its runs are, else "pruned", "failed", or "waiting".
        value: mean of the objective over finished seeds; None unless the trial finished with a figure for each.
        spread: standard deviation over seeds; None for less than two.
        low, high: the worst and best figure of a seed, by size; None without.
        runs: ids, in the order of their seeds.
        statuses: theirs; "waiting" for a run that was not begun.
    """

    number: int
    params: dict[str, Any]
    status: str
    value: float | None
    spread: float | None
    low: float | None
    high: float | None
    runs: list[str]
    statuses: list[str]


def ranking(folder: SweepFolder, record: SweepRecord) -> list[Result]:
    """All trials: finished ones from best to worst, the others behind them in their order."""

    def told(run: str) -> tuple[str, Mapping[str, Any]]:
        run_folder = folder.run(record.lab, run)
        if not run_folder.record_path.exists():
            return "waiting", {}
        try:
            one = run_folder.read()
        except StoreError:
            return "damaged", {}
        return one.status, one.summary

    return ranked(
        [result(trial, told, record.objective) for trial in record.trials], record.direction
    )


def ranked(results: Sequence[Result], direction: str) -> list[Result]:
    """Finished trials from best to worst, then the others; ties stay in the order of their numbers."""
    sign = -1.0 if direction == "maximize" else 1.0
    return sorted(
        results,
        key=lambda one: (
            one.value is None,
            0.0 if one.value is None else sign * one.value,
            one.number,
        ),
    )


def result(
    trial: Trial, told: Callable[[str], tuple[str, Mapping[str, Any]]], objective: str
) -> Result:
    """A trial's result.

    Args:
        trial: the trial.
        told: gives a run's status and summary.
        objective: the name in the summary, or "".
    """
    answers = [told(run) for run in trial.runs]
    statuses = [status for status, _ in answers]
    values = [value for _, summary in answers if (value := figure(summary, objective)) is not None]
    status = _status(trial, statuses)
    whole = status == "finished" and len(values) == len(trial.runs)
    return Result(
        trial.number,
        trial.params,
        status,
        fmean(values) if whole else None,
        stdev(values) if whole and len(values) > 1 else None,
        min(values, default=None),
        max(values, default=None),
        trial.runs,
        statuses,
    )


def _status(trial: Trial, statuses: Sequence[str]) -> str:
    if trial.pruned:
        return "pruned"
    if all(status == "finished" for status in statuses):
        return "finished"
    return "failed" if any(status in ("failed", "damaged") for status in statuses) else "waiting"


def figure(summary: Mapping[str, Any], objective: str) -> float | None:
    """The objective of one run; None where it has none, or none that is finite."""
    value = summary.get(objective)
    return float(value) if is_number(value) else None


def checked_objective(objective: str, summary: Mapping[str, Any]) -> str:
    """The objective, if a finished run has it; for "" the first figure of its summary.

    Raises:
        UnknownNameError: naming those that there are.
    """
    figures = [
        name
        for name, value in summary.items()
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
    ]
    if not objective and figures:
        return next((name for name in figures if summary[name] is not None), figures[0])
    if objective not in figures:
        raise UnknownNameError(
            "figure in the summary",
            objective,
            figures,
            "`--objective summary.NAME` says what is compared.",
        )
    return objective


def document(
    folder: SweepFolder,
    record: SweepRecord,
    results: Sequence[Result],
    importance: Mapping[str, float],
) -> dict[str, Any]:
    """A sweep and its ranking as one JSON document."""
    best = results[0] if results and results[0].value is not None else None
    return {
        **{
            "sweep": record.id,
            "folder": str(folder.path.resolve()),
            "status": record.status,
            "lab": record.lab,
            "preset": record.preset,
        },
        **{"search": record.search, "seed": record.seed, "seeds": record.seeds},
        **{
            "objective": f"summary.{record.objective}" if record.objective else None,
            "direction": record.direction or None,
        },
        "best": None if best is None else best.number,
        "importance": dict(importance),
        "ranking": [vars(one) for one in results],
        **({"error": record.error} if record.error else {}),
    }
