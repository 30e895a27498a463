"""A sweep in the store: its record, its ranking and its best configuration."""

from __future__ import annotations

import contextlib
from collections import Counter
from functools import cached_property
from pathlib import Path

from sandbox.errors import UsageError
from sandbox.runs import api
from sandbox.store.sweeps import SweepFolder, SweepRecord
from sandbox.sweeps.results import Result, ranked, result_of
from sandbox.text import Document, plural, ranks, words


class Sweep:
    """A sweep in the store.

    Args:
        folder: its folder.
    """

    def __init__(self, folder: SweepFolder) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        """The sweep's id."""
        return self.folder.id

    @property
    def path(self) -> Path:
        """The sweep's folder."""
        return self.folder.path

    @cached_property
    def record(self) -> SweepRecord:
        """The content of sweep.json."""
        return self.folder.read()

    @property
    def status(self) -> str:
        """running, finished, interrupted, failed or lost."""
        return self.record.status

    @cached_property
    def ranking(self) -> list[Result]:
        """All trials: finished ones from best to worst, then the others."""
        record = self.record
        results = [result_of(self.folder, record, trial) for trial in record.trials]
        return ranked(results, record.direction)

    @property
    def with_ranks(self) -> list[tuple[str, Result]]:
        """All trials in the same order, each with its rank."""
        return list(zip(ranks(one.value for one in self.ranking), self.ranking, strict=True))

    @property
    def best(self) -> Result | None:
        """The best trial; None before one is finished."""
        return next(iter(self.finished), None)

    @property
    def finished(self) -> list[Result]:
        """Trials with a value, best first."""
        return [one for one in self.ranking if one.value is not None]

    @property
    def columns(self) -> list[str]:
        """The options that any trial sets, in the order of their first occurrence."""
        return list(dict.fromkeys(name for one in self.ranking for name in one.params))

    @property
    def described(self) -> str:
        """In one phrase, what was tried and what is compared."""
        record, kinds = (
            self.record,
            {"grid": "a grid of", "random": "random search,", "tpe": "TPE,"},
        )
        seeds = f"{record.seeds} seeds each" if record.seeds > 1 else "one seed each"
        aim = f"; {words(record.objective)} to {record.direction}" if record.objective else ""
        count = plural(len(record.trials), "configuration")
        return f"{kinds[record.search['kind']]} {count}, {seeds}{aim}"

    @property
    def value_heading(self) -> str:
        """The objective, and what ± means here, because in other tables it is a standard error."""
        several = any(one.spread is not None for one in self.ranking)
        spread = " (mean ± standard deviation)" if several else ""
        return f"{words(self.record.objective) or 'objective'}{spread}"

    @property
    def best_config(self) -> Document:
        """The whole configuration of the best trial, as `run --config` takes it.

        Raises:
            UsageError: when no trial is finished.
        """
        if self.best is None:
            raise UsageError(f"Sweep {self.id} has no finished trial yet.")
        return self.runs(self.best)[0].config

    def runs(self, result: Result) -> list[api.Run]:
        """The runs of a trial that were begun, in the order of their seeds."""
        begun = [self.folder.run(self.record.lab, run) for run in result.runs]
        return [api.Run(folder) for folder in begun if folder.record_path.exists()]

    @property
    def failures(self) -> dict[str, int]:
        """The reasons why runs failed, each with the number of runs that it ended."""
        results = [result for result in self.ranking if "failed" in result.statuses]
        records = [run.record for result in results for run in self.runs(result)]
        reasons = Counter(record.reason for record in records if record.status == "failed")
        return dict(reasons.most_common())

    @cached_property
    def importance(self) -> dict[str, float]:
        """Shares of the objective's variance that each parameter explains; empty without Optuna or
        with too few trials."""
        from sandbox.sweeps.study import importances

        finished = sorted(self.finished, key=lambda one: one.number)
        with contextlib.suppress(UsageError):
            values = [one.value for one in finished if one.value is not None]
            return importances([one.params for one in finished], values)
        return {}

    def document(self) -> Document:
        """The sweep as one JSON document."""
        record, best = self.record, self.best
        whole = {
            "sweep": record.id,
            "folder": str(self.path.resolve()),
            "status": record.status,
            "lab": record.lab,
            "preset": record.preset,
            "search": record.search,
            "seed": record.seed,
            "seeds": record.seeds,
            "objective": f"summary.{record.objective}" if record.objective else None,
            "direction": record.direction or None,
            "best": None if best is None else best.number,
            "importance": self.importance,
            "ranking": [vars(one) for one in self.ranking],
        }
        optional = {"error": record.error, "failures": self.failures}
        return whole | {name: value for name, value in optional.items() if value}

    def __repr__(self) -> str:
        return f"<Sweep {self.id}: {self.record.lab}, {self.status}>"
