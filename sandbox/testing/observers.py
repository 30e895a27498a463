"""Check of observers: an observed run computes the same as one without observers."""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandbox.config.model import Layer, dump
from sandbox.errors import RunFailed
from sandbox.lab import Block
from sandbox.observer import ObservedRun, Observer
from sandbox.registry.registry import registry
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.runs.recompute import DURATIONS, StopAfter
from sandbox.store import Store, checkpoint, verify
from sandbox.testing.promises import NotConforming, fingerprint, global_states, require
from sandbox.text import Document


def check_observer(
    observer: str | Callable[[], Observer],
    *,
    lab: str = "maze",
    preset: str = "quick",
    config: Layer | None = None,
) -> None:
    """Check an observer: it raises nothing, and a run has the same bytes with and without it.

    The run is stopped half way and resumed with a second observer, as `resume` does.

    Args:
        observer: its class, or another callable without arguments that returns one, or a registered
            name, also "NAME=TEXT" as `--track` takes it.
        lab, preset: what is run.
        config: settings over the preset's.

    Raises:
        NotConforming: when a method is missing or raises, when something is printed on standard
            output, when a block, the configuration or the experiment is changed, or when the run
            ends with other bytes.
    """
    make, name = _observer_of(observer)
    with tempfile.TemporaryDirectory() as folder:
        request = api.Request(lab, preset, [config or {}])
        alone = api.start(request, Store(Path(folder) / "alone"), Settings(pictures=False))
        try:
            half = sum(1 for _ in alone.metrics.blocks()) // 2
            run = _watched(make, name, request, Store(Path(folder) / "watched"), half)
        except RunFailed as error:
            raise NotConforming(f"{name} made the run fail: {error}") from error
        require(run.status == "finished", f"{name} made the run end as {run.status}")
        damaged = verify.check(run.folder)["problems"]
        require(not damaged, f"{name} damaged the run: {' '.join(damaged)}")
        computed = _computed(run)
        for what, value in _computed(alone).items():
            require(computed[what] == value, f"the run has other {what} when {name} watches it")


def _watched(
    make: Callable[[], Observer],
    name: str,
    request: api.Request,
    store: Store,
    stop_after: int,
) -> api.Run:
    """The run, stopped after some blocks and resumed with a second observer."""
    watching, halfway = _Watching(make(), name), StopAfter(stop_after, math.inf)
    run = api.start(request, store, Settings(pictures=False, observers=[watching, halfway]))
    watching.verdict()
    if halfway.stopped and run.status == "interrupted":
        watching = _Watching(make(), name)
        run = api.proceed(run.folder, Settings(pictures=False, observers=[watching]))
        watching.verdict()
    return run


def _observer_of(observer: str | Callable[[], Observer]) -> tuple[Callable[[], Observer], str]:
    """A function that creates the observer, and its name."""
    if not isinstance(observer, str):
        return observer, getattr(observer, "__name__", type(observer).__name__)
    name, _, target = observer.partition("=")
    kind = registry().load("observer", name)
    return partial(kind, target) if target else kind, f"observer '{name}'"


def _computed(run: api.Run) -> Document:
    """What a run computed, durations aside."""
    state = next(checkpoint.newest_first(run.folder.checkpoints, lambda _: None))[1]
    parts = {name: state[name] for name in ("experiment", "generators", "globals")}
    return {
        "metrics": run.folder.metrics_path.read_bytes(),
        "weights or tables at its end": fingerprint(parts),
        "scores": {name: value for name, value in run.summary.items() if name not in DURATIONS},
        "settings": run.config,
    }


class _Watching(Observer):
    """Passes everything on to an observer, and keeps the first thing that it does wrong."""

    name = "check_observer"

    def __init__(self, observer: Observer, name: str) -> None:
        self._observer, self._name, self._wrong = observer, name, ""
        if not isinstance(observer, Observer):
            raise NotConforming(f"{name} is not derived from sandbox.Observer.")

    def verdict(self) -> None:
        """Raise what was done wrong, if anything was."""
        require(not self._wrong, f"{self._name}{self._wrong}")

    def started(self, run: ObservedRun) -> None:
        """Pass it on, and a message of each kind."""
        self._tell("started", run, None, run)
        for method in ("preparing", "warned"):
            self._tell(method, run, None, "a message")

    def block(self, run: ObservedRun, block: Block) -> None:
        """Pass it on."""
        self._tell("block", run, block, run, block)

    def ended(self, run: ObservedRun) -> None:
        """Pass it on."""
        self._tell("ended", run, None, run)

    def _tell(self, method: str, run: ObservedRun, block: Block | None, *details: object) -> None:
        if self._wrong:
            return
        before, output = self._seen(run, block), io.StringIO()
        try:
            with contextlib.redirect_stdout(output):
                getattr(self._observer, method)(*details)
        except (Exception, SystemExit) as error:
            self._wrong = f" raised in `{method}`: {type(error).__name__}: {error}"
            return
        changed = [what for what, value in self._seen(run, block).items() if value != before[what]]
        if changed:
            self._wrong = f" changed {changed[0]} in `{method}`; it belongs to the run"
        elif output.getvalue():
            printed = f" printed {output.getvalue()[:80]!r} in `{method}`"
            self._wrong = f"{printed} on standard output, which belongs to `--json`"

    def _seen(self, run: ObservedRun, block: Block | None) -> Document:
        """All that an observer could change, as bytes."""
        record = {name: value for name, value in vars(run.record).items() if name != "warnings"}
        return {
            "the block's columns": b"" if block is None else fingerprint(block.columns),
            "the configuration": fingerprint(dump(run.config)),
            "the record": fingerprint(record),
            "the experiment": fingerprint(run.experiment.state()),
            "the generators": fingerprint(run.context.generators.state()),
            "the global generators": global_states(),
        }
