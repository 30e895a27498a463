"""The one run loop: build, restore, advance until done, summary, pictures.

Everything that must hold for every lab is here: generators, metrics, checkpoints, stopping, errors. What a run computes is decided by
its configuration and seed; nothing in this file that depends on time reaches an experiment.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import json
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from sandbox.errors import CheckpointError, OutOfTime, SandboxError, StoreError, UsageError
from sandbox.lab import Block, Context, Experiment, State
from sandbox.runs import provenance
from sandbox.runs.stopping import StopRequest
from sandbox.runs.work import build, said, told, work_of
from sandbox.score import Score
from sandbox.seeding import generator
from sandbox.store import checkpoint
from sandbox.store.folder import METRICS, TIMES, RunFolder
from sandbox.store.metrics import BackgroundWriter, Mark, Metrics, block_line, marks
from sandbox.store.record import RunRecord
from sandbox.text import finite, number, to_json

LATE_SECONDS = 1.0
"""So long after its time a block may end; a longer one is put down in the middle, if its experiment can do that."""
LONGEST_SECONDS = 1e11
"""Three thousand years: no run has learned for so long."""


class Found(NamedTuple):
    """A checkpoint, and what it holds beside the state of the work."""

    number: int
    state: State
    metrics: Mark
    """How far metrics.jsonl was written; without a SHA-256 in checkpoints of an older format."""
    times: Mark
    """The same of times.jsonl."""
    seconds: float
    """Of learning until then."""

    @classmethod
    def read(cls, number: int, state: State) -> Found:
        """What the loop wrote into a checkpoint.

        Raises:
            CheckpointError: when it is something else.
        """
        files: list[Any] = [
            Mark(state.get(name, -1), state.get(f"{name}_sha256", ""))
            for name in ("metrics", "times")
        ]
        seconds: Any = state.get("learning_seconds")
        numbers = all(
            type(mark.size) is int and mark.size >= 0 and isinstance(mark.sha256, str)
            for mark in files
        )
        spent = (
            isinstance(seconds, (int, float))
            and not isinstance(seconds, bool)
            and 0 <= seconds < LONGEST_SECONDS
        )
        if not numbers or not spent:
            raise CheckpointError(
                f"Checkpoint {number:06d} is none of a run's: lengths of its files or its seconds are missing."
            )
        return cls(number, state, files[0], files[1], float(seconds))


def _plain_summary(summary: Any) -> dict[str, Any]:
    """The summary as it will stand in run.json.

    Raises:
        UsageError: when it holds something that JSON does not know.
    """
    try:
        return dict(json.loads(to_json(summary)).items())
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"`summary` must return a dict of numbers, strings, booleans and None: {error}."
        ) from error


@dataclass
class Settings:
    """How a run is carried out; nothing here changes a byte of what it computes.

    Attributes:
        checkpoint_seconds: time between checkpoints.
        max_time: seconds of work after which the run stops as `timed-out`, or None.
        pictures: whether to make pictures at the end.
        animation: whether they include the animation.
        observers: told of every block.
        viewer: shows the experiment between blocks, or None.
    """

    checkpoint_seconds: float = 30.0
    max_time: float | None = None
    pictures: bool = True
    animation: bool = True
    observers: list[Any] = field(default_factory=list)
    viewer: Any = None

    def __post_init__(self) -> None:
        for name, value in (
            ("checkpoint_seconds", self.checkpoint_seconds),
            ("max_time", self.max_time),
        ):
            if value is not None and not value >= 0:
                raise UsageError(f"{name} = {value}: it should be a time in seconds, 0 or more.")


class Loop:
    """One run, from an empty or a half-filled folder to its last status.

    Args:
        folder: the run's folder, locked by the caller.
        record: its record; the loop keeps it up to date on disk.
        lab: the lab.
        config: the validated configuration.
        context: what the experiment gets.
        settings: how to carry it out.

    Attributes:
        record: while it runs, a copy for observers, of what the run writes: what they change in it changes no run.json.
    """

    def __init__(
        self,
        folder: RunFolder,
        record: RunRecord,
        lab: Any,
        config: Any,
        context: Context,
        settings: Settings,
    ) -> None:
        self.folder, self.record, self.lab, self.config, self.context, self.settings = (
            folder,
            record,
            lab,
            config,
            context,
            settings,
        )
        self._record = self._untouched = record
        self.context = replace(context, on_time=self._on_time)
        self.stop = StopRequest()
        self._begun: float | None = None
        self.resumed_at = 0
        self.learning_seconds = 0.0
        self.error: BaseException | None = None
        self._blocks = 0
        self._saved_blocks = -1
        self._work = work_of(lab, self.context)
        self._metrics: BackgroundWriter | None = None
        self._times: BackgroundWriter | None = None

    @property
    def experiment(self) -> Experiment | None:
        """The experiment; None before it is built."""
        return self._work.experiment

    def run(self) -> RunRecord:
        """Carry the run to its end; every ending has a status, and none loses what was there."""
        self._begun = time.monotonic()
        with self.stop.listening():
            try:
                self._prepare()
                self._restore()
                self._record.write(self.folder.record_path)
                self._tell("started")
                self._learn()
                if self._record.status == "running":
                    self._finish()
            except KeyboardInterrupt:
                self.stop.deaf = True
                self._record.status = "interrupted"
                self._close()
                self._end()
                raise
            except OutOfTime as error:
                self._record.status = "timed-out"
                self.warn(str(error))
            except (
                BaseException
            ) as error:  # also SystemExit, and what a library derives from BaseException
                self.stop.deaf = True
                self._fail(error)
            finally:
                self.stop.deaf = True
                self._close()
            self._end()
            self.stop.deaf = False
            if self._record.status == "finished" and self.settings.pictures:
                self.make_pictures()
        self.record = self._record
        return self._record

    def revisit(self, *, tell: bool = False) -> None:
        """Make the pictures of a finished run: what it measured is only read.

        Args:
            tell: whether the observers are told of the run and its end; they may have missed something of it.

        Raises:
            CheckpointError: when its end is not there any more.
        """
        self._prepare()
        found = next(self._whole_checkpoints(), None)
        if found is None or found.metrics.size != self.folder.directory.size(METRICS):
            raise CheckpointError(
                f"Run {self._record.id} is finished, but its last checkpoint or its metrics are damaged: no pictures can be made."
            )
        self._work.restore(found.number, found.state)
        if tell:
            self.resumed_at = self._record.done_units
            self._tell("started")
            self._tell("ended")
            self._record.write(self.folder.record_path)
        if self.settings.pictures:
            self.make_pictures()

    # -- beginning

    def _prepare(self) -> None:
        """Make the experiment, as it is at the beginning."""
        self.folder.remove_scratch()
        self._announce()
        made = self._build()
        self._pass_on_notes(made)
        self._record.unit, self._record.limit = made.unit, made.limit
        self._record.versions = self._record.versions or provenance.versions()

    def _build(self) -> Experiment:
        seeds = self._record.seeds
        return self._work.build(lambda context: build(self.lab, self.config, context, seeds))

    def _restore(self) -> None:
        """Take up the newest checkpoint that is whole, fits, and vouches for the metrics that are there; else begin at the beginning."""
        taken, metrics, times = 0, 0, 0
        for found in self._whole_checkpoints():
            try:
                self._work.restore(found.number, found.state)
            except CheckpointError as error:
                self.warn(f"{error} The one before it is used.")
                self._work.begin_anew()
                self._build()
                continue
            taken, metrics, times = found.number, found.metrics.size, found.times.size
            self.learning_seconds = found.seconds
            self._blocks = self._saved_blocks = taken
            break
        if not taken and checkpoint.numbers(self.folder.checkpoints):
            self.warn("No checkpoint can be used, so the run begins anew.")
        checkpoint.forget_after(self.folder.checkpoints, taken)
        self._metrics = BackgroundWriter(self.folder.metrics_path, metrics)
        self._times = BackgroundWriter(self.folder.times_path, times)
        assert self.experiment is not None
        self.resumed_at = self.experiment.done_units

    def _whole_checkpoints(self) -> Iterator[Found]:
        """Checkpoints that are whole and whose metrics and times are still what they were, the last one first."""
        for place, state in checkpoint.newest_first(self.folder.checkpoints, self.warn):
            try:
                found = Found.read(place, state)
            except CheckpointError as error:
                self.warn(f"{error} The one before it is used.")
                continue
            damaged = next(
                (
                    name
                    for name, mark in ((METRICS, found.metrics), (TIMES, found.times))
                    if not self._is_there(name, mark)
                ),
                "",
            )
            if damaged:
                self.warn(
                    f"{damaged} is not what it was at checkpoint {place:06d}; an earlier checkpoint is used, or the beginning."
                )
                continue
            yield found

    def _is_there(self, name: str, mark: Mark) -> bool:
        """Whether a file begins with what a checkpoint saw; one written before checkpoints had digests vouches for the length alone."""
        if not mark.sha256 or not mark.size:
            return self.folder.directory.size(name) >= mark.size
        with contextlib.suppress(FileNotFoundError), self.folder.directory.open(name) as file:
            return marks(file, [mark.size]) == [mark]
        return False

    def _close(self) -> None:
        """Close the files of measurements; run.json will vouch for them."""
        for name, writer in ((METRICS, self._metrics), (TIMES, self._times)):
            if writer is not None:
                writer.close()
                self._record.files[name] = writer.mark._asdict()

    # -- the work

    def _on_time(self) -> bool:
        """Whether a long block may go on: what ends within LATE_SECONDS of the time that was set is not put down."""
        longest = self.settings.max_time
        return (
            longest is None
            or self._begun is None
            or time.monotonic() - self._begun < longest + LATE_SECONDS
        )

    def _learn(self) -> None:
        experiment = self.experiment
        assert experiment is not None
        begun = saved = time.monotonic()
        while not experiment.done:
            if self.stop.reason:
                self._record.status = self.stop.reason
                break
            self._advance(experiment)
            longest = self.settings.max_time
            if (
                longest is not None
                and (time.monotonic() - begun >= longest or not self._on_time())
                and not experiment.done
            ):
                self._record.status = "timed-out"
                break
            if time.monotonic() - saved >= self.settings.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()

    def _advance(self, experiment: Experiment) -> None:
        before = experiment.learned_seconds
        blocks, seconds = self._work.advance()
        after = experiment.learned_seconds
        self.learning_seconds += seconds if before is None or after is None else after - before
        self._blocks += 1
        self._write(blocks, seconds)
        self._record.done_units = experiment.done_units
        for block in blocks:
            self._tell("block", block)
        if self.settings.viewer:
            self._show()

    def _show(self) -> None:
        try:
            self.settings.viewer.show(self)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.settings.viewer = None
            self.warn(f"The viewer failed and was dropped; the run goes on. {told(error)}")

    def _write(self, blocks: Sequence[Block], seconds: float) -> None:
        assert self._metrics is not None and self._times is not None
        for block in blocks:
            self._metrics.write(block_line(block.stream, block.columns))
        self._times.write(
            {
                "block": self._blocks,
                "units": self.experiment.done_units,  # type: ignore[union-attr]
                "seconds": seconds,
                "at": time.time(),
            }
        )

    def save(self) -> None:
        """Write a checkpoint, unless nothing happened since the last."""
        assert self.experiment is not None and self._metrics is not None and self._times is not None
        if self._blocks == self._saved_blocks:
            return
        metrics, times = self._metrics.sync(), self._times.sync()
        state = {
            **self._work.state(),
            "metrics": metrics.size,
            "metrics_sha256": metrics.sha256,
            "times": times.size,
            "times_sha256": times.sha256,
            "learning_seconds": self.learning_seconds,
        }
        checkpoint.save(self.folder.checkpoints, self._blocks, state)
        self._saved_blocks = self._blocks

    # -- the end

    def _finish(self) -> None:
        assert self.experiment is not None
        self._record.summary = {**_plain_summary(self.experiment.summary()), **self._speed()}
        self._record.score = self._score(self.experiment)
        self._pass_on_notes(self.experiment)
        self._record.status = "finished"

    def _score(self, experiment: Experiment) -> dict[str, Any]:
        """What the run is judged by, as it will stand in run.json; empty where the experiment does not say."""
        score = experiment.score()
        if score is None:
            return {}
        if not isinstance(score, Score):
            raise UsageError(
                f"`score` of {type(experiment).__name__} must return a sandbox.Score, not {type(score).__name__}."
            )
        if score.above_optimum():
            error = (
                ""
                if score.standard_error is None
                else f", {number(score.standard_error, 2)} its standard error"
            )
            self.warn(
                f"{score.name} {number(score.value, 6)} is above the best possible {number(score.optimum, 6)}{error}: the optimum, or the score, is wrong here."
            )
        return dict(finite(vars(score)))

    def _pass_on_notes(self, experiment: Experiment) -> None:
        """What the experiment has found out becomes warnings, each once."""
        for note in experiment.notes:
            if note not in self._record.warnings:
                self.warn(note)

    def _speed(self) -> dict[str, float]:
        speed = {"learning_seconds": round(self.learning_seconds, 6)}
        steps = self.experiment.env_steps if self.experiment else None
        if steps and self.learning_seconds > 0:
            speed["steps_per_second"] = round(steps / self.learning_seconds, 1)
        return speed

    def make_pictures(self) -> None:
        """Pictures and animation of the experiment as it stands; what fails is written down and fails nothing."""
        with contextlib.suppress(OSError):
            self.folder.hold_reserve()
        metrics = Metrics(self.folder.metrics_path)
        made = self._try_picture(
            "The pictures",
            lambda: self.lab.pictures(self.experiment, self.folder.artifacts, metrics),
        )
        if self.lab.offers("frames"):
            made = (
                self.settings.animation
                and self._try_picture("The animation", self._animate)
                and made
            )
        self._record.pictured = made
        self._write_record()

    def _animate(self) -> None:
        frames = self.lab.frames(self.experiment, generator(self.context.seed, "animation"))
        pixels = (frame.draw() for frame in frames)
        self.folder.artifacts.save_animation("episode.gif", pixels, fps=self.lab.fps)

    def _try_picture(self, what: str, make: Callable[[], None]) -> bool:
        try:
            make()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.warn(f"{what} could not be made: {told(error)}")
            if not isinstance(error, (SandboxError, OSError)):
                self._record.warnings.append("".join(traceback.format_exception(error, limit=-6)))
            return False
        return True

    def _fail(self, error: BaseException) -> None:
        """Keep the error, and as much of the work as can be kept."""
        self.error = error
        self._record.status = "failed"
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        self._record.error = (
            f"The disk is full ({self.folder.path}). What was saved before is intact: free some space, then `python -m sandbox resume {self._record.id}`."
            if full
            else said(error)
            if isinstance(error, SandboxError)
            else "".join(traceback.format_exception(error))
        )

    def _end(self) -> None:
        """Tell the observers how it ended; then write the final status, whatever became of them.

        A process that is killed while they work leaves a run that goes on, and ends once more.
        """
        self._record.ended = datetime.now().astimezone().isoformat()
        self._record.done_units = (
            self.experiment.done_units if self.experiment is not None else self._record.done_units
        )
        try:
            with contextlib.suppress(OSError, StoreError):
                self._record.artifacts = self.folder.artifacts.listing()
            self._tell("ended")
        finally:
            self._write_record()

    def _write_record(self) -> None:
        """Write run.json; on a full disk, in the space kept free for it."""
        self.folder.free_reserve()
        try:
            self._record.artifacts = self.folder.artifacts.listing()
            self._record.write(self.folder.record_path)
        except OSError as error:
            if not self.folder.path.is_dir():
                raise self.folder.cannot_write(error) from error
            raise StoreError(
                f"Cannot write {self.folder.record_path}: {error.strerror}. The run's other files are intact."
            ) from error

    # -- telling others

    def _announce(self) -> None:
        """Tell who can show it what will take seconds before the work begins."""
        message = self.lab.preparation()
        if message:
            self._mention("preparing", message)

    def warn(self, message: str) -> None:
        """Something went wrong that does not end the run."""
        self._record.warnings.append(message)
        self._mention("warned", message)

    def _mention(self, what: str, message: str) -> None:
        """Pass a message on to the observers that take such; who cannot bear it is not told."""
        for observer in list(self.settings.observers):
            try:
                getattr(observer, what)(message)
            except KeyboardInterrupt:
                raise
            except BaseException:
                continue

    def _tell(self, what: str, *details: Any) -> None:
        for observer in list(self.settings.observers):
            self.record = self._record_to_show(what)
            try:
                getattr(observer, what)(self, *details)
            except KeyboardInterrupt:
                raise
            except (
                BaseException
            ) as error:  # also SystemExit, and what a library derives from BaseException
                self.settings.observers[:] = [
                    other for other in self.settings.observers if other is not observer
                ]
                self.warn(
                    f"Observer '{_name_of(observer)}' failed in `{what}` and was dropped; the run goes on. {told(error)}"
                )

    def _record_to_show(self, what: str) -> RunRecord:
        """A copy of the record; a cheap one at a block, where no more than the units and the warnings are new."""
        if what != "block":
            self._untouched = copy.deepcopy(self._record)
            return copy.deepcopy(self._record)
        shown = copy.copy(self._untouched)
        shown.done_units, shown.warnings = self._record.done_units, list(self._record.warnings)
        return shown


def _name_of(observer: Any) -> str:
    """What an observer calls itself, or its class where it cannot say."""
    try:
        return str(observer.name or type(observer).__name__)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return type(observer).__name__
