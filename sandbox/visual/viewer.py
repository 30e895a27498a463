"""Shows an experiment in a window while it learns: after 1, 2, 4, 8, … units, and once more at the end.

Watching draws from a generator of its own, so it changes nothing of what is learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import UsageError
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

    def show(self, loop: Any) -> None:
        """Show how the experiment behaves now, if it is time; a closed window ends the run cleanly."""
        experiment = loop.experiment
        if not loop.lab.offers("frames") or (
            experiment.done_units < self._next and not experiment.done
        ):
            return
        while self._next <= experiment.done_units:
            self._next *= 2
        if self._rng is None:
            self._rng = generator(loop.context.seed, "viewer")
        try:
            self._play(loop)
        except WindowClosed:
            loop.stop.request("interrupted")
            self.close()
        except UsageError as error:  # the screen went away; learning goes on without it
            loop.warn(str(error))
            loop.settings.viewer = None
            self.close()
        if experiment.done or loop.stop.reason:
            self.close()

    def _play(self, loop: Any) -> None:
        if self._window is None:
            self._window = Window(
                f"{loop.record.lab} · {loop.record.id}",
                fps=loop.lab.fps * 3,
                save_to=loop.folder.artifacts.folder,  # the run lists them at its end
                stop=lambda: bool(loop.stop.reason),
            )
        for frame in loop.lab.frames(loop.experiment, self._rng):
            self._window.show(frame)
            if loop.stop.reason:
                return

    def close(self) -> None:
        """Close the window; may be called again."""
        if self._window is not None:
            self._window.close()
            self._window = None
