"""Shows an experiment in a window while it learns: after 1, 2, 4, 8, … units, and once more at the
end, with the learning curve below.

Watching draws from its own generator, so it changes nothing of what is learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sandbox.errors import UsageError
from sandbox.observer import ObservedRun, Observer
from sandbox.seeding import generator
from sandbox.visual import window
from sandbox.visual.curve import ShownCurve, WithCurve
from sandbox.visual.window import Window, WindowClosed

if TYPE_CHECKING:
    from sandbox.lab import Block, Frame

KEYS = (("r", "once more"), *window.KEYS[3:])


class Viewer(Observer):
    """Plays the frames of a lab's experiment between blocks of learning.

    Args:
        stay: whether the window stays open at the end of a finished run, until `stay` returns.
    """

    name = "viewer"

    def __init__(self, stay: bool = False) -> None:
        self._window: Window | None = None
        self._next = 1
        self._rng: np.random.Generator | None = None
        self._stays = stay
        self._run: ObservedRun | None = None
        self._stream, self._names = "", ("", "")
        self._points: list[np.ndarray] = []  # each [2, points]
        self._curve: ShownCurve | None = None

    def started(self, run: ObservedRun) -> None:
        """Take the earlier part of a resumed run's curve from its metrics."""
        metrics = run.folder.metrics()
        for stream in metrics.streams if run.resumed_at else ():
            self._take(run, stream, metrics.columns(stream))

    def block(self, run: ObservedRun, block: Block) -> None:
        """Add a block to the curve."""
        self._take(run, block.stream, block.columns)

    def _take(
        self, run: ObservedRun, stream: str, columns: Mapping[str, Sequence[float] | np.ndarray]
    ) -> None:
        """Add the first column of the headline to the curve, from the first stream that has it."""
        wanted = next(iter(run.experiment.headline or ()), "")
        if wanted not in columns or self._stream not in ("", stream):
            return
        x = next(iter(columns))
        self._stream, self._names = stream, (x.replace("_", " "), wanted.replace("_", " "))
        self._points.append(np.array([columns[x], columns[wanted]], dtype=np.float64))
        self._curve = None

    def show(self, run: ObservedRun) -> None:
        """Show how the experiment behaves now, if it is time; a closed window ends the run."""
        experiment = run.experiment
        if not run.lab.offers("frames") or (
            experiment.done_units < self._next and not experiment.done
        ):
            return
        while self._next <= experiment.done_units:
            self._next *= 2
        try:
            self._play(run)
        except WindowClosed:
            run.stop.request("interrupted")
            self.close()
        except UsageError:  # the display is gone; learning continues without it
            self.close()
            raise
        if run.stop.reason or (experiment.done and not self._stays):
            self.close()

    def _play(self, run: ObservedRun) -> None:
        if self._window is None:
            self._window = Window(
                f"{run.record.lab} · {run.record.id}",
                fps=run.lab.fps * 3,
                save_to=run.folder.artifacts.folder,  # the run lists them at its end
                stop=lambda: bool(run.stop.reason),
            )
        self._rng = self._rng or generator(run.context.seed, "viewer")
        self._run = run
        for frame in run.lab.frames(run.experiment, self._rng):
            self._window.show(self._with_curve(run, frame))
            if run.stop.reason:
                return

    def _with_curve(self, run: ObservedRun, frame: Frame) -> Frame:
        """The frame above the curve, if there is one."""
        if not self._points:
            return frame
        if self._curve is None:
            self._points = [np.concatenate(self._points, axis=1)]
            x, y = self._points[0]
            self._curve = ShownCurve(x, y, self._names, run.experiment.headline_optimum)
        return WithCurve(frame, self._curve)

    def stay(self) -> None:
        """Keep the window of a finished run open until the person closes it."""
        run, shown = self._run, self._window
        if run is None or shown is None:
            return
        shown.key_help, listed = KEYS, len(shown.saved)
        try:
            while True:
                shown.note = "finished · r: again"
                if shown.wait_key() == "r":
                    shown.note = ""
                    self._play(run)
        except (WindowClosed, KeyboardInterrupt, UsageError):
            pass
        finally:
            self.close()
            run.folder.list_artifacts(path.name for path in shown.saved[listed:])

    def close(self) -> None:
        """Close the window; may be called again."""
        if self._window is not None:
            self._window.close()
            self._window = None
