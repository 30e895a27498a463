"""Optuna, as sweeps use it: drawing trials, giving up hopeless ones, saying which parameter mattered.

A study here is never the truth: it is made anew from sweep.json and from what the runs measured whenever a sweep goes on. Each draw has
a sampler of its own, seeded by the sweep's seed and the trial's number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.extras import missing
from sandbox.seeding import seed_sequence

PRUNERS = ("median", "halving")
NAME = "sweep"


def load_optuna(what: str) -> Any:
    """The library, quiet.

    Raises:
        UsageError: when it is not installed, with the line that brings it.
    """
    try:
        import optuna
    except ImportError:
        raise missing(what, "sweep", "Optuna") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def sampler(kind: str, seed: int, number: int, *, parallel: bool = False) -> Any:
    """The sampler that draws one trial.

    Args:
        kind: "random" or "tpe".
        seed: the sweep's.
        number: the trial's.
        parallel: whether other trials may be under way.
    """
    optuna = load_optuna(f"--{kind}")
    own = int(seed_sequence(seed, f"sweep trial {number}").generate_state(1)[0])
    if kind == "random":
        return optuna.samplers.RandomSampler(seed=own)
    return optuna.samplers.TPESampler(seed=own, constant_liar=parallel)


def pruner(kind: str) -> Any:
    """Optuna's pruner: "median", "halving", or "" for none."""
    optuna = load_optuna("--prune")
    made: Mapping[str, Any] = {
        "": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "halving": optuna.pruners.SuccessiveHalvingPruner,
    }
    return made[kind]()


class Study:
    """The trials of one sweep, as Optuna sees them; numbers are those of the sweep.

    Args:
        direction: "maximize" or "minimize".
        prune: a pruner's name, or "".
        journal: file through which runs in other processes ask whether to go on; None where none does.
    """

    def __init__(self, direction: str, prune: str = "", journal: Path | None = None) -> None:
        self._optuna = load_optuna("--prune" if prune else "--tpe")
        if journal is not None:
            journal.unlink(missing_ok=True)
        storage = None if journal is None else _journal(journal)
        self._study = self._optuna.create_study(
            study_name=NAME, direction=direction, pruner=pruner(prune), storage=storage
        )

    def ask(self, sampler: Any) -> Any:
        """A new trial, whose parameters `sampler` draws."""
        self._study.sampler = sampler
        return self._study.ask()

    def add(
        self,
        params: Mapping[str, Any],
        distributions: Mapping[str, str],
        reported: Mapping[int, float] | None = None,
    ) -> None:
        """Take up the next trial with the parameters it has, and what it reported so far; without distributions, as one of a grid."""
        from optuna.distributions import json_to_distribution

        known = {name: json_to_distribution(text) for name, text in distributions.items()}
        trial = self._optuna.trial.create_trial(
            state=self._optuna.trial.TrialState.RUNNING,
            params={name: params[name] for name in known},
            distributions=known,
            intermediate_values=dict(reported or {}),
        )
        self._study.add_trial(trial)

    def tell(self, number: int, value: float | None, *, pruned: bool = False) -> None:
        """Say how a trial ended: its value; None when it failed."""
        states = self._optuna.trial.TrialState
        if pruned:
            self._study.tell(number, state=states.PRUNED)
        elif value is None:
            self._study.tell(number, state=states.FAIL)
        else:
            self._study.tell(number, value)

    def __len__(self) -> int:
        return len(self._study.get_trials(deepcopy=False))


@dataclass
class TrialPruner:
    """Asks Optuna's pruner, from whichever process a run is in, whether its trial is hopeless.

    Attributes:
        journal: the study's file.
        number: of the trial.
        kind: the pruner's name.
        column: of an evaluation stream, whose last value is reported.
    """

    journal: str
    number: int
    kind: str
    column: str

    @cached_property
    def _trial(self) -> Any:
        optuna = load_optuna("--prune")
        storage = _journal(Path(self.journal))
        study = optuna.load_study(study_name=NAME, storage=storage, pruner=pruner(self.kind))
        return optuna.trial.Trial(study, study.get_trials(deepcopy=False)[self.number]._trial_id)

    @cached_property
    def _reported(self) -> set[int]:
        """The steps at which values were reported, also by another process before."""
        return set(self._trial.study.get_trials(deepcopy=False)[self.number].intermediate_values)

    def hopeless(self, value: float, step: int) -> bool:
        """Report the objective after `step` units of work, once; whether to give the trial up."""
        if step not in self._reported:
            self._reported.add(step)
            self._trial.report(value, step)
        return bool(self._trial.should_prune())


def importances(params: Sequence[Mapping[str, Any]], values: Sequence[float]) -> dict[str, float]:
    """How much of the objective's variance each parameter explains: fANOVA (Hutter, Hoos and Leyton-Brown 2014), as Optuna has it.

    Args:
        params: of the finished trials.
        values: their objectives, finite.

    Returns:
        Shares that add up to 1, largest first; empty where there is too little to say. Parameters that not every trial has are left out.
    """
    optuna = load_optuna("The importance of parameters")
    names = [name for name in params[0] if all(name in one for one in params)] if params else []
    names = [name for name in names if len({repr(one[name]) for one in params}) > 1]
    if len(params) < 4 or not names or len(set(values)) < 2:
        return {}
    distributions = {name: _span(optuna, [_plain(one[name]) for one in params]) for name in names}
    study = optuna.create_study(direction="maximize")
    for one, value in zip(params, values, strict=True):
        drawn = {name: _plain(one[name]) for name in names}
        study.add_trial(
            optuna.trial.create_trial(params=drawn, distributions=distributions, value=value)
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return {
        name: float(share)
        for name, share in optuna.importance.get_param_importances(
            study, evaluator=evaluator
        ).items()
    }


def _span(optuna: Any, values: Sequence[Any]) -> Any:
    """The range in which values lie."""
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        low, high = float(min(values)), float(max(values))
        return optuna.distributions.FloatDistribution(low, high, log=low > 0 and high / low >= 20)
    return optuna.distributions.CategoricalDistribution(sorted(set(values), key=repr))


def _plain(value: Any) -> Any:
    """A value that Optuna takes: lists become text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def _journal(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path)))
