"""Observer: follows runs while they learn, and changes nothing of what they compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sandbox.config.model import LabConfig
    from sandbox.lab import Block, Context, Experiment, Lab
    from sandbox.runs.stopping import StopRequest
    from sandbox.store import RunFolder, RunRecord


class ObservedRun(Protocol):
    """The run as an observer sees it. An observer reads everything and changes nothing.

    Attributes:
        record: a copy of what run.json will say: `record.id`, `record.lab`, `record.config`,
            `record.unit`, `record.status` …
        folder: the run's folder; `folder.metrics()` are the metrics so far.
        lab: the lab.
        config: the validated configuration.
        context: the experiment's context.
        stop: `stop.request("interrupted")` ends the run after this block.
        resumed_at: units that were done when the run began or was resumed.
        learning_seconds: seconds spent learning so far.
    """

    record: RunRecord
    folder: RunFolder
    lab: Lab
    config: LabConfig
    context: Context
    stop: StopRequest
    resumed_at: int
    learning_seconds: float

    @property
    def experiment(self) -> Experiment:
        """The experiment at work."""
        ...

    @property
    def warn(self) -> Callable[[str], None]:
        """Adds a warning to the run."""
        ...


class Observer:
    """Follows runs. An observer that raises is reported once and dropped; the run continues.

    Every method does nothing unless a subclass says otherwise.

    Attributes:
        name: the name in reports; "" means the registered name.

    Example:
        >>> from sandbox import Observer
        >>> class Count(Observer):  # registered by a plugin, or in `sandbox.runs.loop.Settings`
        ...     blocks = 0
        ...     def block(self, run, block):
        ...         self.blocks += 1
        >>> Count().blocks
        0
    """

    name: str = ""

    def started(self, run: ObservedRun) -> None:
        """The run begins, or is resumed: then `run.resumed_at` units are already done."""

    def block(self, run: ObservedRun, block: Block) -> None:
        """A block was written.

        Args:
            run: the run, to be read only.
            block: its new columns.
        """

    def ended(self, run: ObservedRun) -> None:
        """The run has its final status."""

    def preparing(self, message: str) -> None:
        """Something takes seconds before the first block."""

    def warned(self, message: str) -> None:
        """The run has a new warning."""
