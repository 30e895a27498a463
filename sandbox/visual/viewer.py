"""Shows an experiment in a window while it learns: after 1, 2, 4, 8, … units, and once more at the
end.

Watching draws from its own generator, so it changes nothing of what is learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.errors import UsageError
from sandbox.observer import ObservedRun
from sandbox.seeding import generator
from sandbox.visual.window import Window, WindowClosed

if TYPE_CHECKING:
    import numpy as np


class Viewer:
    """Plays the frames of a lab's experiment between blocks of learning."""

    def __init__(self) -> None:
        self._window: Window | None = None
        self._next = 1
        self._rng: np.random.Generator | None = None

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
        if experiment.done or run.stop.reason:
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
        for frame in run.lab.frames(run.experiment, self._rng):
            self._window.show(frame)
            if run.stop.reason:
                return

    def close(self) -> None:
        """Close the window; may be called again."""
        if self._window is not None:
            self._window.close()
            self._window = None
