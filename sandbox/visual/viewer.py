"""Shows an experiment in a window while it learns: episodes after 1, 2, 4, 8, … units and once more
at the end, or the single updates; the learning curve is below.

Watching draws from its own generator, so it changes nothing of what is learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np

from sandbox.errors import error_text
from sandbox.lab import Block, Frame
from sandbox.observer import ObservedRun, Observer
from sandbox.seeding import generator
from sandbox.text import words
from sandbox.visual.curve import LearningCurve, WithCurve
from sandbox.visual.window import FASTEST, KEYS, Window, WindowClosed

LAST_KEYS = (("r", "once more"), *KEYS[3:])
STEP_KEYS = (KEYS[0], ("n", "next update"), KEYS[2], ("f", "finish without steps"), *KEYS[3:])
FASTEST_STEPS = 1024.0
"""Fastest speed at which updates are shown."""
DRAWN = 30.0
"""Updates per second that are drawn, at least; at twice this rate and above some are left out."""


class Viewer(Observer):
    """Plays the frames of a lab's experiment between blocks of learning.

    Args:
        stay: whether the window stays open at the end of a finished run, until `stay` returns.
        steps: whether to show the updates of learning, one by one, instead of episodes.
    """

    name = "viewer"
    _run: ObservedRun
    _rng: np.random.Generator

    def __init__(self, stay: bool = False, steps: bool = False) -> None:
        self.window: Window | None = None
        """Opens with its first frame."""
        self.curve: LearningCurve | None = None
        self._next = 1
        self._column = self._stream = ""  # of the curve
        self._stays, self._steps = stay, steps
        self._updates: Updates | None = None

    def started(self, run: ObservedRun) -> None:
        """Begin the curve, with the metrics of a resumed run, and follow the updates of learning if
        they are asked for."""
        experiment = run.experiment
        self._run, self._rng = run, generator(run.context.seed, "viewer")
        self.window = Window(
            f"{run.record.lab} · {run.record.id}",
            fps=run.lab.fps * 3,
            save_to=run.folder.artifacts.folder,  # the run lists them at its end
            stop=lambda: bool(run.stop.reason),
        )
        if experiment.headline:
            self._column = experiment.headline[0]
            shown = words(self._column)
            self.curve = LearningCurve(experiment.unit, shown, experiment.headline_optimum)
        metrics = run.folder.metrics()
        for stream in metrics.streams if run.resumed_at else ():
            self._take(stream, metrics.columns(stream))
        if self._steps:
            updates = Updates(self, run, self.window)
            if experiment.watch_steps(run.record.lab, updates):
                self._updates = updates
                self.window.fastest, self.window.key_help = FASTEST_STEPS, STEP_KEYS
                self.window.commands = {"f": updates.leave}
            else:
                run.warn("This experiment has no single steps to watch: episodes are shown.")

    def block(self, run: ObservedRun, block: Block) -> None:
        """Add a block to the curve."""
        self._take(block.stream, block.columns)

    def _take(self, stream: str, columns: Mapping[str, Sequence[float] | np.ndarray]) -> None:
        """Add the first column of the headline to the curve, from the first stream that has it."""
        if self.curve is None or self._column not in columns or self._stream not in ("", stream):
            return
        x = next(iter(columns))
        self._stream, self.curve.x_name = stream, words(x)
        self.curve.add(columns[x], columns[self._column])

    def show(self, run: ObservedRun) -> None:
        """Show how the experiment behaves now, if it is time; a closed window ends the run."""
        experiment, updates = run.experiment, self._updates
        if updates and experiment.done:
            updates.leave()
        rare = experiment.done_units < self._next and not run.lab.single_frame
        early = rare or (updates and updates.watching)
        if not run.lab.offers("frames") or (early and not experiment.done):
            return
        while self._next <= experiment.done_units:
            self._next *= 2
        try:
            self._play()
        except WindowClosed:
            run.stop.request("interrupted")
        if experiment.done and not self._stays:
            self.close()

    def ended(self, run: ObservedRun) -> None:
        """Close the window, unless it stays."""
        if not self._stays or run.record.status != "finished":
            self.close()

    def with_curve(self, frame: Frame) -> Frame:
        """The frame above the curve, if the experiment has a headline."""
        return frame if self.curve is None else WithCurve(frame, self.curve)

    def _play(self, again: bool = False) -> None:
        assert self.window is not None
        lab, experiment = self._run.lab, self._run.experiment
        for frame in lab.frames(experiment, self._rng, history=again and lab.single_frame):
            self.window.show(self.with_curve(frame))

    def stay(self) -> None:
        """Keep the window of a finished run open until the person closes it."""
        window = self.window
        if window is None:
            return
        window.key_help, listed = LAST_KEYS, len(window.saved)
        with suppress(WindowClosed, KeyboardInterrupt):
            while True:
                window.note = "finished · r: again"
                if window.wait_key() == "r":
                    window.note = ""
                    self._play(again=True)
        self.close()
        self._run.folder.list_artifacts(path.name for path in window.saved[listed:])

    def close(self) -> None:
        """Close the window; may be called again."""
        if self.window is not None:
            self.window.close()


class Updates:
    """Shows the updates of learning in a viewer's window; see `sandbox.frames.StepView`.

    Args:
        viewer: whose frames have a curve.
        run: the run that learns.
        window: where updates are shown.
    """

    def __init__(self, viewer: Viewer, run: ObservedRun, window: Window) -> None:
        self._viewer, self._run, self._window = viewer, run, window
        self.watching = True
        self._unseen = 0  # updates since the last that was shown

    def due(self, last: bool) -> bool:
        """Whether the next update is shown: at high speeds only some are, and none once the run is
        to stop.

        Args:
            last: whether it is the last of its episode.
        """
        if self._run.stop.reason or not self._run.context.on_time():
            self.leave()
        self._unseen += 1
        window = self._window
        together = 1.0 if window.paused else window.fps * window.speed // DRAWN
        return self.watching and self._unseen >= together

    def show(self, frame: Frame) -> None:
        """Show the moment after an update; a closed window ends the run."""
        unseen, self._unseen = self._unseen, 0
        try:
            self._window.show(self._viewer.with_curve(frame), unseen)
        except WindowClosed:
            self._run.stop.request("interrupted")
            self.leave()
        except Exception as error:
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """Learn the rest without showing it."""
        self._run.warn(f"Steps are no longer shown. {error_text(error)}")
        self.leave()

    def leave(self) -> None:
        """Learn the rest without showing it, in a window as it was before."""
        self.watching, window = False, self._window
        window.key_help, window.commands = KEYS, {}
        window.speed, window.fastest = min(window.speed, 1.0), FASTEST

    def ended(self, unit: int, score: float) -> None:
        """Add a point to the curve."""
        if self._viewer.curve is not None:
            self._viewer.curve.add([unit], [score])
