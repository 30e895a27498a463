"""Optuna, as sweeps use it: drawing trials, pruning, importance of parameters.

A study is not stored: it is rebuilt from sweep.json and from the runs whenever a sweep is resumed.
Each draw has its own sampler, seeded by the sweep's seed and the trial's number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sandbox.extras import missing
from sandbox.seeding import seed_sequence
from sandbox.text import is_number

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import JournalStorage
    from optuna.trial import Trial

PRUNERS = ("median", "halving")
NAME = "sweep"


def load_optuna(what: str) -> ModuleType:
    """Import Optuna and silence its log below warnings.

    Raises:
        UsageError: when it is not installed, with the command that installs it.
    """
    try:
        import optuna
    except ImportError:
        raise missing(what, "sweep", "Optuna") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def sampler(kind: str, seed: int, number: int, *, parallel: bool = False) -> BaseSampler:
    """The sampler that draws one trial.

    Args:
        kind: "random" or "tpe".
        seed: the sweep's.
        number: the trial's.
        parallel: whether other trials may be running.
    """
    optuna = load_optuna(f"--{kind}")
    own = int(seed_sequence(seed, f"sweep trial {number}").generate_state(1)[0])
    if kind == "random":
        return optuna.samplers.RandomSampler(seed=own)
    return optuna.samplers.TPESampler(seed=own, constant_liar=parallel)


def pruner(kind: str) -> BasePruner:
    """Optuna's pruner: "median", "halving", or "" for none."""
    pruners = load_optuna("--prune").pruners
    if kind == "halving":
        return pruners.SuccessiveHalvingPruner()
    return pruners.MedianPruner() if kind else pruners.NopPruner()


class Study:
    """The trials of one sweep, as Optuna sees them; numbers are those of the sweep.

    Args:
        direction: "maximize" or "minimize".
        prune: a pruner's name, or "".
        journal: file through which runs in other processes ask the pruner; None for none.
    """

    def __init__(self, direction: str, prune: str, journal: Path | None) -> None:
        self._optuna = load_optuna("--prune" if prune else "--tpe")
        if journal is not None:
            journal.unlink(missing_ok=True)
        storage = None if journal is None else _journal(journal)
        self._study = self._optuna.create_study(
            study_name=NAME, direction=direction, pruner=pruner(prune), storage=storage
        )

    def ask(self, sampler: BaseSampler) -> Trial:
        """A new trial, whose parameters `sampler` draws."""
        self._study.sampler = sampler
        return self._study.ask()

    def add(
        self,
        params: Mapping[str, Any],
        distributions: Mapping[str, str],
        reported: Mapping[int, float],
    ) -> None:
        """Add the next trial.

        Args:
            params: its parameters.
            distributions: distributions of the drawn parameters, as Optuna's JSON; empty for a
                grid.
            reported: values that it reported so far, by units of work.
        """
        from optuna.distributions import json_to_distribution

        trial = self._optuna.trial.create_trial(
            state=self._optuna.trial.TrialState.RUNNING,
            params={name: params[name] for name in distributions},
            distributions={name: json_to_distribution(one) for name, one in distributions.items()},
            intermediate_values=dict(reported),
        )
        self._study.add_trial(trial)

    def tell(self, number: int, value: float | None, *, pruned: bool = False) -> None:
        """Tell Optuna how a trial ended: its value, None when it failed."""
        states = self._optuna.trial.TrialState
        state = states.PRUNED if pruned else states.FAIL if value is None else None
        self._study.tell(number, None if pruned else value, state=state)


@dataclass
class TrialPruner:
    """Asks Optuna's pruner, from whichever process a run is in, whether its trial is hopeless.

    Attributes:
        journal: the study's file.
        number: the trial's number.
        kind: the pruner's name.
        column: a column of an evaluation stream; its last value is reported.
    """

    journal: str
    number: int
    kind: str
    column: str

    @cached_property
    def _trial(self) -> Trial:
        optuna = load_optuna("--prune")
        storage = _journal(Path(self.journal))
        study = optuna.load_study(study_name=NAME, storage=storage, pruner=pruner(self.kind))
        return optuna.trial.Trial(study, study.get_trials(deepcopy=False)[self.number]._trial_id)

    @cached_property
    def _reported(self) -> set[int]:
        """The steps at which values were reported, also by another process before."""
        return set(self._trial.study.get_trials(deepcopy=False)[self.number].intermediate_values)

    def hopeless(self, value: float, step: int) -> bool:
        """Report the objective after `step` units of work, once; returns whether to prune the
        trial.
        """
        if step not in self._reported:
            self._reported.add(step)
            self._trial.report(value, step)
        return bool(self._trial.should_prune())


def importances(params: Sequence[Mapping[str, Any]], values: Sequence[float]) -> dict[str, float]:
    """How much of the objective's variance each parameter explains.

    fANOVA (Hutter, Hoos and Leyton-Brown 2014), as Optuna implements it. Parameters that some
    trials lack are left out.

    Args:
        params: the parameters of the finished trials.
        values: their objectives, finite.

    Returns:
        Shares that add up to 1, largest first; empty with too few trials.
    """
    optuna = load_optuna("The importance of parameters")
    columns = {
        name: [_plain(one[name]) for one in params]
        for name in (params[0] if params else {})
        if all(name in one for one in params)
    }
    columns = {name: column for name, column in columns.items() if len(set(map(repr, column))) > 1}
    if len(params) < 4 or not columns or len(set(values)) < 2:
        return {}
    distributions = {name: _span(optuna, column) for name, column in columns.items()}
    study = optuna.create_study(direction="maximize")
    for *drawn, value in zip(*columns.values(), values, strict=True):
        trial = optuna.trial.create_trial(
            params=dict(zip(columns, drawn, strict=True)), distributions=distributions, value=value
        )
        study.add_trial(trial)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in shares.items()}


def _span(optuna: ModuleType, values: Sequence[Any]) -> BaseDistribution:
    """A distribution that covers the values."""
    if all(map(is_number, values)):
        low, high = float(min(values)), float(max(values))
        return optuna.distributions.FloatDistribution(low, high, log=low > 0 and high / low >= 20)
    return optuna.distributions.CategoricalDistribution(sorted(set(values), key=repr))


def _plain(value: object) -> bool | float | str | None:
    """Convert a value to one that Optuna accepts: lists become text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def _journal(path: Path) -> JournalStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path)))
