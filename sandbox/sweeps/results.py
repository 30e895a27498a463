"""The results of a sweep: its trials ranked by the objective, each the mean over its seeds.

They are computed from the runs' own records whenever they are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from sandbox.errors import StoreError, UnknownNameError
from sandbox.store.sweeps import SweepFolder, SweepRecord, Trial
from sandbox.text import Document, is_number, sampled


@dataclass(frozen=True)
class Result:
    """One trial with the results of its runs.

    Attributes:
        number: the trial's number.
        params: the parameters that distinguish it from other trials.
        status: "finished" when all its runs are, else "pruned", "failed", or "waiting".
        value: mean of the objective over seeds; None unless every seed finished with a value.
        spread: standard deviation over seeds; None for fewer than two.
        low, high: the smallest and the largest objective of a seed; None if no seed has one.
        runs: ids, in the order of their seeds.
        statuses: the statuses of these runs; "waiting" for a run that was not begun.
    """

    number: int
    params: Document
    status: str
    value: float | None
    spread: float | None
    low: float | None
    high: float | None
    runs: list[str]
    statuses: list[str]

    @property
    def text(self) -> str:
        """The objective with its spread over seeds, or why it has no value."""
        if self.value is None:
            return "no finite value" if self.status == "finished" else self.status
        return sampled(self.value, self.spread)


def ranked(results: Sequence[Result], direction: str) -> list[Result]:
    """Finished trials from best to worst, then the others; ties keep the order of their numbers."""
    sign = -1.0 if direction == "maximize" else 1.0
    return sorted(
        results, key=lambda one: (one.value is None, sign * (one.value or 0.0), one.number)
    )


def result_of(folder: SweepFolder, record: SweepRecord, trial: Trial) -> Result:
    """A trial with what its runs' own records say."""
    statuses, values = [], []
    for run in (folder.run(record.lab, name) for name in trial.runs):
        status, summary = "waiting", Document()
        if run.record_path.exists():
            try:
                one = run.read()
                status, summary = one.status, one.summary
            except StoreError:
                status = "damaged"
        statuses.append(status)
        if (value := figure(summary, record.objective)) is not None:
            values.append(value)
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
    if set(statuses) == {"finished"}:
        return "finished"
    return "failed" if {"failed", "damaged"} & set(statuses) else "waiting"


def figure(summary: Document, objective: str) -> float | None:
    """The objective of one run; None if it is missing or not finite."""
    value = summary.get(objective)
    return float(value) if is_number(value) else None


def checked_objective(objective: str, summary: Document) -> str:
    """The objective, if a finished run has it; for "" the first figure of its summary.

    Raises:
        UnknownNameError: naming the figures of the summary.
    """
    figures = [name for name, value in summary.items() if value is None or is_number(value)]
    if not objective and figures:
        return next((name for name in figures if summary[name] is not None), figures[0])
    if objective not in figures:
        hint = "`--objective summary.NAME` says what is compared."
        raise UnknownNameError("figure in the summary", objective, figures, hint)
    return objective
