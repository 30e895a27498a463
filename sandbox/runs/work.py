"""An experiment and its random generators, which are built, advanced, saved and restored together.

The run loop and the conformance kit both work through this module, so that what a lab's tests see
is what a run does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np

from sandbox.config.model import LabConfig
from sandbox.errors import CheckpointError, UsageError, error_text
from sandbox.lab import Block, Context, Experiment, Lab, State, Summary
from sandbox.seeding import Generators, GlobalGenerators
from sandbox.text import to_json

NUMBERS = "biufc"
"""Kinds of arrays that hold numbers, as NumPy calls them."""


class NotAnExperiment(UsageError):
    """A lab built something other than an experiment, or `advance` returned something invalid."""


class Work:
    """One experiment at work.

    Args:
        context: the experiment's context.
        global_generators: which global generators ("python", "numpy", "torch") are replaced by the
            run's own while the experiment is built and advanced.

    Attributes:
        experiment: the experiment; None before `build`.
    """

    def __init__(self, context: Context, global_generators: Sequence[str]) -> None:
        self.context = context
        self.experiment: Experiment | None = None
        self._globals = GlobalGenerators(context.seed, tuple(global_generators))

    def begin_anew(self) -> None:
        """Reset every generator, before another `build`."""
        self.context = replace(self.context, generators=Generators(self.context.seed))
        self._globals = GlobalGenerators(self.context.seed, self._globals.names)

    def build(self, make: Callable[[Context], Experiment]) -> Experiment:
        """Build the experiment in its initial state.

        Raises:
            NotAnExperiment: when it lacks an attribute or method of an experiment.
            ValueError: when its limit is no count.
        """
        try:
            with self._globals.active():
                experiment = make(self.context)
        except TypeError as error:
            if "abstract class" not in str(error):
                raise
            raise NotAnExperiment(f"{error} (see sandbox.Experiment).") from error
        if not isinstance(experiment, Experiment):
            name = type(experiment).__name__
            raise NotAnExperiment(
                f"`build` returned a {name}, which is not an experiment. Derive its class from "
                f"sandbox.Experiment: class {name}(Experiment).",
            )
        _refuse_impossible_count("limit", experiment.limit or 0)
        self.experiment = experiment
        return experiment

    def advance(self) -> tuple[Sequence[Block], float]:
        """Do the next piece of work; returns its blocks and its duration in seconds.

        Raises:
            NotAnExperiment: when the experiment returns something other than blocks.
            ValueError: when what it has done is no count.
        """
        assert self.experiment is not None
        with self._globals.active():
            before = time.perf_counter()
            blocks = self.experiment.advance()
            seconds = time.perf_counter() - before
        listed = isinstance(blocks, (list, tuple))
        if not listed or not all(isinstance(block, Block) for block in blocks):
            wrong = f"not {type(blocks).__name__}: [Block('learn', {{'step': [1]}})]"
            raise NotAnExperiment(f"`advance` must return a list of sandbox.Block, {wrong}.")
        _refuse_impossible_count("done_units", self.experiment.done_units)
        return blocks, seconds

    def summary(self) -> Summary:
        """The experiment's summary as values that JSON supports; NaN becomes None.

        Raises:
            UsageError: when it holds a value that JSON does not support.
        """
        assert self.experiment is not None
        try:
            return dict(json.loads(to_json(self.experiment.summary())).items())
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(
                f"`summary` must return a dict of numbers, strings, booleans and None: {error}."
            ) from error

    def state(self) -> State:
        """What `restore` needs to continue bit for bit."""
        assert self.experiment is not None
        return {
            "experiment": self.experiment.state(),
            "generators": self.context.generators.state(),
            "globals": self._globals.state(),
        }

    def _fresh_state(self) -> State:
        """The experiment's initial state; empty if it has no state before its first block."""
        assert self.experiment is not None
        try:
            return self.experiment.state()
        except Exception:
            return {}

    def restore(self, number: int, state: State) -> None:
        """Bring the freshly built experiment and its generators to where they were at a checkpoint.

        Args:
            number: the checkpoint's number, for the error message.
            state: what `state` returned.

        Raises:
            CheckpointError: when the state does not fit.
        """
        assert self.experiment is not None
        try:
            _refuse_misfit(self._fresh_state(), state["experiment"], "experiment")
            _refuse_misfit(self.context.generators.state(), state["generators"], "generators")
            self.experiment.restore(state["experiment"])
            self.context.generators.restore(state["generators"])
            self._globals.restore(state["globals"])
            with self._globals.active():
                pass  # fails now if a library rejects the restored state
            _refuse_impossible_count("done_units", self.experiment.done_units)
            _refuse_impossible_count("env_steps", self.experiment.env_steps or 0)
        except Exception as error:  # a lab may raise anything for a state of another lab
            raise CheckpointError(
                f"Checkpoint {number:06d} does not fit this lab: {error_text(error)}",
            ) from error


def work_of(lab: Lab, context: Context) -> Work:
    """The work of a lab's experiment, not built yet."""
    return Work(context, lab.global_generators)


def build(lab: Lab, config: LabConfig, context: Context, seeds: int = 1) -> Experiment:
    """A fresh experiment of a lab; with many seeds, of `context.seed` and those that follow it.

    Raises:
        UsageError: when the lab cannot learn many seeds together.
    """
    if seeds == 1:
        return lab.build(config, context)
    if not lab.offers("build_many"):
        raise UsageError("This lab learns one seed at a time. Run it once for each --seed.")
    numbers = range(context.seed, context.seed + seeds)
    contexts = [replace(context, seed=seed, generators=Generators(seed)) for seed in numbers]
    return lab.build_many([config] * seeds, contexts)


def _refuse_misfit(fresh: Any, kept: Any, name: str) -> None:
    """Refuse a state that no fresh experiment can reach; the lab's code might accept it and then
    fail at every attempt to continue.

    Some changes are allowed: an empty value or None may become anything, lists may grow, arrays may
    change their shape, and numbers may change their value.

    Args:
        fresh: the state of the experiment at its beginning, or a part of it.
        kept: the same part of a checkpoint.
        name: the name of the part, for the error message.

    Raises:
        ValueError: when a number, a boolean, an array or a dictionary has become another kind of
            value, or when an entry of a dictionary is missing.
    """
    expected, actual = _kind(fresh), _kind(kept)
    both_arrays = expected == actual == "array"
    if both_arrays and (fresh.dtype.kind in NUMBERS) != (kept.dtype.kind in NUMBERS):
        actual = f"array of {kept.dtype}"
    fits = {
        "number": ("number", "array"),
        "list": ("list", "array", "None"),
        "None": (),
        "text": (),
    }.get(expected, (expected,))
    if fits and actual not in fits and not (isinstance(fresh, dict) and not fresh):
        raise ValueError(f"{name} should be of kind {expected}, not {actual}")
    if isinstance(fresh, dict):
        for key, value in fresh.items():
            if key not in kept:
                raise ValueError(f"{name} has no {key!r}")
            _refuse_misfit(value, kept[key], f"{name}[{key!r}]")
    elif expected == actual == "list" and len(fresh) == len(kept):
        for number, (one, other) in enumerate(zip(fresh, kept, strict=True)):
            _refuse_misfit(one, other, f"{name}[{number}]")


def _kind(value: object) -> str:
    """The kind of a part of a state; a NumPy scalar counts as the Python value that it holds."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return "None"
    if isinstance(value, bool):
        return "truth value"
    kinds: dict[str, Any] = {
        "number": (int, float, complex),
        "dictionary": dict,
        "list": (list, tuple),
        "array": np.ndarray,
        "text": (str, bytes),
    }
    return next(
        (name for name, types in kinds.items() if isinstance(value, types)), type(value).__name__
    )


def _refuse_impossible_count(name: str, count: object) -> None:
    """Raise ValueError unless `count` is an integer in [0, 2^63)."""
    if isinstance(count, bool) or not isinstance(count, Integral) or not 0 <= int(count) < 2**63:
        raise ValueError(f"{name} = {count!r} is not a count: an int, 0 or more")
