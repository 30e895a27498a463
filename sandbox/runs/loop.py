"""A run's life: build, restore, advance until done, summarise, make pictures.

Everything that must hold for every lab is here: generators, metrics, checkpoints, stopping, errors.
What a run computes is decided by its configuration and seed; nothing here that depends on time
reaches an experiment.
"""

from __future__ import annotations

import contextlib
import errno
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from numbers import Integral, Real

from sandbox.config.model import LabConfig
from sandbox.errors import (
    CheckpointError,
    OutOfTime,
    SandboxError,
    StoreError,
    UsageError,
    error_message,
    error_text,
)
from sandbox.lab import Context, Experiment, Lab
from sandbox.observer import Observer
from sandbox.runs import provenance
from sandbox.runs.observers import Observers, RunViewer
from sandbox.runs.stopping import StopRequest
from sandbox.runs.work import build, work_of
from sandbox.score import Score
from sandbox.seeding import generator
from sandbox.store import RunRecord, checkpoint
from sandbox.store.folder import METRICS, RunFolder
from sandbox.store.measurements import LEARNED, Measurements, time_totals, usable_checkpoints
from sandbox.text import Document, finite, now, number

GRACE_SECONDS = 1.0
"""A block that ends this late is not cut off; a longer one is, if its experiment can be."""


@dataclass
class Settings:
    """How to run; nothing here changes a byte of what a run computes.

    Attributes:
        checkpoint_seconds: time between checkpoints.
        max_time: seconds of work after which the run stops as `timed-out`, or None.
        pictures: whether to make pictures at the end.
        animation: whether they include the animation.
        observers: called at every block.
        viewer: shows the experiment between blocks, or None.
    """

    checkpoint_seconds: float = 30.0
    max_time: float | None = None
    pictures: bool = True
    animation: bool = True
    observers: list[Observer] = field(default_factory=list)
    viewer: RunViewer | None = None

    def __post_init__(self) -> None:
        for name in ("checkpoint_seconds", "max_time"):
            value = vars(self)[name]
            if value is None and name == "max_time":
                continue
            is_time = isinstance(value, Real) and not isinstance(value, bool)
            if not (is_time and value >= 0):
                raise UsageError(f"{name} = {value!r}: it should be a time in seconds, 0 or more.")


class Loop:
    """One run, from an empty or a half-filled folder to its final status.

    It is what observers get: see `sandbox.observer.ObservedRun`.

    Args:
        folder: the run's folder, locked by the caller.
        record: its record; the loop keeps it up to date on disk.
        lab: the lab.
        config: the validated configuration.
        context: the experiment's context.
        settings: how to run it.

    Attributes:
        record: while the run works, a copy for observers.
        work: the experiment with its generators.
        error: the error that ended the run, or None.
    """

    def __init__(
        self,
        folder: RunFolder,
        record: RunRecord,
        lab: Lab,
        config: LabConfig,
        context: Context,
        settings: Settings,
    ) -> None:
        self.folder, self.record, self.lab, self.config = folder, record, lab, config
        self.settings, self._record = settings, record
        self.context = replace(context, on_time=self._on_time)
        self.stop = StopRequest()
        self.resumed_at = 0
        self.learning_seconds = 0.0
        self.error: BaseException | None = None
        self._observers = Observers(self, record, settings.observers, settings.viewer)
        self.warn = self._observers.warn
        self.work = work_of(lab, self.context)
        self._measurements: Measurements | None = None
        self._start: float | None = None
        self._blocks = self._saved_blocks = 0

    @property
    def experiment(self) -> Experiment:
        """The experiment; it must have been built."""
        assert self.work.experiment is not None
        return self.work.experiment

    def run(self) -> None:
        """Run to the end; every ending sets a status and keeps the results so far."""
        self._start = time.monotonic()
        with self.stop.listening():
            try:
                self._prepare()
                self._restore()
                self._record.write(self.folder.record_path)
                opened = time.monotonic()
                self._observers.notify("started")
                self._start += time.monotonic() - opened  # a slow tracker takes no time of the work
                self._learn()
                if self._record.status == "running":
                    self._finish()
            except KeyboardInterrupt:
                self.stop.ignored = True
                self._record.status = "interrupted"
                self._close()
                self._end()
                raise
            except OutOfTime as error:
                self._record.status = "timed-out"
                self.warn(str(error))
            except BaseException as error:  # also SystemExit and other BaseExceptions
                self.stop.ignored = True
                self._fail(error)
            finally:
                self.stop.ignored = True
                self._close()
            self._end()
            self.stop.ignored = False
            if self._record.status == "finished" and self.settings.pictures:
                self._make_pictures()
        self.record = self._record

    def revisit(self, *, notify: bool) -> None:
        """Make the pictures of a finished run; its measurements are only read.

        Args:
            notify: whether observers hear of the run and its end; they may have missed some of it.

        Raises:
            CheckpointError: when its last checkpoint is missing or does not fit.
        """
        self._prepare()
        saved = next(usable_checkpoints(self.folder, self.warn), None)
        if saved is None or saved.marks[METRICS].size != self.folder.directory.size(METRICS):
            raise CheckpointError(
                f"Run {self._record.id} is finished, but its last checkpoint or its metrics are "
                "damaged: no pictures can be made."
            )
        self.work.restore(saved.number, saved.state)
        if notify:
            self.resumed_at = self._record.done_units
            self._observers.notify("started")
            self._observers.notify("ended")
            self._record.write(self.folder.record_path)
        if self.settings.pictures:
            self._make_pictures()

    # -- beginning

    def _prepare(self) -> None:
        """Build the experiment in its initial state."""
        self.folder.remove_scratch()
        message = self.lab.preparation()
        if message:
            self._observers.send("preparing", message)
        self._build()
        self._add_notes()
        self._record.unit, self._record.limit = self.experiment.unit, self.experiment.limit
        self._record.versions = self._record.versions or provenance.versions()

    def _build(self) -> None:
        seeds = self._record.seeds
        self.work.build(lambda context: build(self.lab, self.config, context, seeds))

    def _restore(self) -> None:
        """Restore the newest usable checkpoint; without one, start from scratch."""
        for saved in usable_checkpoints(self.folder, self.warn):
            try:
                self.work.restore(saved.number, saved.state)
            except CheckpointError as error:
                self.warn(f"{error} The one before it is used.")
                self.work.begin_anew()
                self._build()
                continue
            marks = saved.marks
            self.learning_seconds = saved.seconds
            self._blocks = self._saved_blocks = saved.number
            break
        else:
            marks = {}
            self._saved_blocks = -1
            if checkpoint.numbers(self.folder.checkpoints):
                self.warn("No checkpoint can be used, so the run starts from scratch.")
        checkpoint.forget_after(self.folder.checkpoints, self._blocks)
        self._measurements = Measurements(self.folder, marks)
        self.resumed_at = self.experiment.done_units

    # -- the work

    def _learn(self) -> None:
        begin = saved = time.monotonic()
        limit = self.settings.max_time
        while not self.experiment.done:
            if self.stop.reason:
                self._record.status = self.stop.reason
                break
            self._advance()
            now = time.monotonic()
            late = limit is not None and (now - begin >= limit or not self._on_time())
            if late and not self.experiment.done:
                self._record.status = "timed-out"
                break
            if now - saved >= self.settings.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()

    def _advance(self) -> None:
        experiment = self.experiment
        before, spent = experiment.learned_seconds, experiment.spent
        blocks, seconds = self.work.advance()
        learned = seconds if before is None else (experiment.learned_seconds or 0.0) - before
        self.learning_seconds += learned
        self._blocks += 1
        assert self._measurements is not None
        units = experiment.done_units
        times = {"block": self._blocks, "units": units, "seconds": seconds, "at": time.time()}
        if spent:
            now = {LEARNED: learned, **experiment.spent}
            times |= {name: total - spent.get(name, 0.0) for name, total in now.items()}
        self._measurements.write(blocks, times)
        self._record.done_units = units
        for block in blocks:
            self._observers.notify("block", block)
        self._observers.show()

    def _on_time(self) -> bool:
        """Whether a long block may continue: up to GRACE_SECONDS beyond `max_time`."""
        limit = self.settings.max_time
        return (
            limit is None
            or self._start is None
            or time.monotonic() - self._start < limit + GRACE_SECONDS
        )

    def save(self) -> None:
        """Write a checkpoint, unless nothing happened since the last."""
        if self._blocks == self._saved_blocks:
            return
        assert self._measurements is not None
        files = self._measurements.sync()
        state = self.work.state() | files | {"learning_seconds": self.learning_seconds}
        checkpoint.save(self.folder.checkpoints, self._blocks, state)
        self._saved_blocks = self._blocks

    # -- the end

    def _finish(self) -> None:
        self._record.summary = self.work.summary()
        self._record.summary[LEARNED] = round(self.learning_seconds, 6)
        self._record.summary |= time_totals(self.folder.directory, self.experiment.spent)
        steps = self.experiment.env_steps
        if steps and self.learning_seconds > 0:
            self._record.summary["steps_per_second"] = round(steps / self.learning_seconds, 1)
        self._record.score = self._score()
        self._add_notes()
        self._record.status = "finished"

    def _score(self) -> Document:
        """The score as it is kept in run.json; empty where the experiment declares none."""
        score = self.experiment.score()
        if score is None:
            return {}
        if not isinstance(score, Score):
            raise UsageError(
                f"`score` of {type(self.experiment).__name__} must return a sandbox.Score, not "
                f"{type(score).__name__}."
            )
        if score.above_optimum():
            error = score.standard_error
            sampled = "" if error is None else f", {number(error, 2)} its standard error"
            self.warn(
                f"{score.name} {number(score.value, 6)} is above the best possible "
                f"{number(score.optimum, 6)}{sampled}: the optimum, or the score, is wrong here."
            )
        return dict(finite(vars(score)))

    def _add_notes(self) -> None:
        """Turn the notes of the experiment into warnings, each once."""
        for note in self.experiment.notes:
            if note not in self._record.warnings:
                self.warn(note)

    def _fail(self, error: BaseException) -> None:
        """Record the error, and save as much of the work as possible."""
        self.error = error
        self._record.status = "failed"
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            self._record.error = (
                f"The disk is full ({self.folder.path}). What was saved before is intact: free "
                f"some space, then `python -m sandbox resume {self._record.id}`."
            )
        elif isinstance(error, SandboxError):
            self._record.error = error_message(error)
        else:
            self._record.error = "".join(traceback.format_exception(error))

    def _close(self) -> None:
        """Close the files of measurements; run.json keeps their sizes and SHA-256."""
        if self._measurements is not None:
            self._record.files |= self._measurements.close()

    def _end(self) -> None:
        """Call the observers, then write the final status, even if they raised.

        If the process is killed in between, the run can be resumed; it then ends a second time.
        """
        self._record.ended = now()
        restored = self._measurements is not None  # it was built, too
        if restored and isinstance(done := self.experiment.done_units, Integral):
            self._record.done_units = done
        try:
            with contextlib.suppress(OSError, StoreError):
                self._record.artifacts = self.folder.artifacts.listing()
            self._observers.notify("ended")
        finally:
            self._write_record()

    def _write_record(self) -> None:
        """Write run.json; on a full disk, in the space reserved for it."""
        self.folder.free_reserve()
        try:
            self._record.artifacts = self.folder.artifacts.listing()
            self._record.write(self.folder.record_path)
        except OSError as error:
            raise self.folder.cannot_write(error) from error

    # -- pictures

    def _make_pictures(self) -> None:
        """Make pictures and animation; a failure becomes a warning."""
        with contextlib.suppress(OSError):
            self.folder.hold_reserve()
        artifacts, metrics = self.folder.artifacts, self.folder.metrics()
        complete = self._try(
            "The pictures", lambda: self.lab.pictures(self.experiment, artifacts, metrics)
        )
        if self.lab.offers("frames"):
            animated = self.settings.animation and self._try("The animation", self._animate)
            complete = complete and animated
        self._record.pictured = complete
        self._write_record()

    def _animate(self) -> None:
        lab, rng = self.lab, generator(self.context.seed, "animation")
        frames = lab.frames(self.experiment, rng, history=lab.single_frame)
        pixels = (frame.draw() for frame in frames)
        self.folder.artifacts.save_animation(lab.animation, pixels, fps=lab.fps)

    def _try(self, what: str, make: Callable[[], None]) -> bool:
        try:
            make()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.warn(f"{what} could not be made: {error_text(error)}")
            if not isinstance(error, (SandboxError, OSError)):
                self._record.warnings.append("".join(traceback.format_exception(error, limit=-6)))
            return False
        return True
