"""Calls the observers and the viewer of a run; the run continues even if they fail."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal, Protocol

from sandbox.errors import PluginError, SandboxError, error_text
from sandbox.lab import Block
from sandbox.observer import ObservedRun, Observer
from sandbox.registry.registry import registry
from sandbox.store import RunRecord


class RunViewer(Protocol):
    """Shows a run between two blocks."""

    def show(self, run: ObservedRun) -> None:
        """Show how the experiment behaves now."""

    def stay(self) -> None:
        """Return when the person has seen enough of the finished run."""


class Observers:
    """The observers of one run.

    Args:
        run: passed on to them; its `record` becomes a copy, so that no change reaches run.json.
        record: the run's own record, which gets the warnings.
        observers: called in this order; one that raises is removed.
        viewer: called after each block, or None; it may be an observer too.
    """

    def __init__(
        self,
        run: ObservedRun,
        record: RunRecord,
        observers: list[Observer],
        viewer: RunViewer | None,
    ) -> None:
        self._run, self._record, self._observers, self._viewer = run, record, observers, viewer
        if isinstance(viewer, Observer):
            self._observers = [*observers, viewer]
        self._snapshot = record

    def warn(self, message: str) -> None:
        """Add a warning to the run's record: a problem that does not end the run."""
        self._record.warnings.append(message)
        self.send("warned", message)

    def send(self, event: Literal["preparing", "warned"], message: str) -> None:
        """Pass a message on to every observer."""
        for observer in list(self._observers):
            try:
                getattr(observer, event)(message)
            except KeyboardInterrupt:
                raise
            except BaseException:
                continue  # it is dropped, with a warning, at its next event

    def notify(self, event: Literal["started", "block", "ended"], *details: Block) -> None:
        """Call a method of every observer; one that raises is dropped, with a warning."""
        for observer in list(self._observers):
            self._run.record = self._record_copy(event)
            try:
                getattr(observer, event)(self._run, *details)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # also SystemExit and other BaseExceptions
                self._observers[:] = [one for one in self._observers if one is not observer]
                self.warn(
                    f"Observer '{_name_of(observer)}' failed in `{event}` and was dropped; the run "
                    f"continues. {error_text(error)}"
                )

    def show(self) -> None:
        """Let the viewer show the experiment; a viewer that fails is dropped."""
        if self._viewer is None:
            return
        try:
            self._viewer.show(self._run)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._viewer = None
            self.warn(f"The viewer failed and was dropped; the run continues. {error_text(error)}")

    def _record_copy(self, event: str) -> RunRecord:
        """A copy of the record; a shallow one at a block, where only units and warnings change."""
        if event != "block":
            self._snapshot = copy.deepcopy(self._record)
            return copy.deepcopy(self._record)
        shown = copy.copy(self._snapshot)
        shown.done_units, shown.warnings = self._record.done_units, list(self._record.warnings)
        return shown


def _name_of(observer: Observer) -> str:
    """An observer's name, or its class where the name cannot be read."""
    try:
        return str(observer.name or type(observer).__name__)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return type(observer).__name__


def observers_for(names: Sequence[str]) -> tuple[list[Observer], list[str]]:
    """The observers that were asked for, and those that follow every run.

    Args:
        names: names of the requested observers; "NAME=TEXT" passes a text to the observer's class.

    Returns:
        The observers, and a warning for each that cannot be created and is left out.

    Raises:
        UsageError: when one that was asked for is unknown, or a library that it needs is missing.
    """
    asked = {
        registry().find("observer", name): target
        for name, _, target in (name.partition("=") for name in names)
    }
    always = [entry for entry in registry().entries("observer") if entry.always]
    observers: list[Observer] = []
    warnings: list[str] = []
    for entry in dict.fromkeys([*asked, *always]):
        target = asked.get(entry, "")
        try:
            kind = registry().load("observer", entry.name)
            observer = kind(target) if target else kind()
            if not isinstance(observer, Observer):
                name = type(observer).__name__
                raise PluginError(f"Derive it from sandbox.Observer: class {name}(Observer).")
            observer.name = observer.name or entry.name
            observers.append(observer)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also SystemExit: no observer may end a run
            if isinstance(error, SandboxError) and entry in asked:
                raise
            warnings.append(
                f"Observer '{entry.name}' cannot be made and is left out; the run continues. "
                f"{error_text(error)}"
            )
    return observers, warnings
