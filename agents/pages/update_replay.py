"""A run of an agent with a table that learns again, update by update, from its own configuration
and seed.

It learns what the run learned, to the last bit, and touches none of its files.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np

from agents.control.experiment import ControlExperiment
from envs.render.overlay import RenderedFrame
from sandbox.errors import UsageError
from sandbox.frames import Frame
from sandbox.runs.view import Run

MOST_NUMBERS = 2_000_000
"""Numbers of 8 bytes in the updates of an episode that are kept: action values and pictures. Of
more, only the last update."""

Moment = tuple[Frame, np.ndarray]
"""The picture after an update, and the action values, float [states, actions]."""


class CompressedFrame(NamedTuple):
    """A frame rendered by an environment, in some hundredths of its memory.

    Attributes:
        compressed: its pixels.
        frame: the frame, with an array in their shape that takes no memory.
    """

    compressed: bytes
    frame: RenderedFrame

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """See `RenderedFrame.draw`."""
        pixels = np.frombuffer(zlib.decompress(self.compressed), np.uint8)
        return self.frame._replace(pixels=pixels.reshape(self.frame.pixels.shape)).draw(hidden)


class UpdateReplay:
    """Learns a run again; see `sandbox.frames.StepView`.

    Args:
        run: the run.

    Attributes:
        experiment: the experiment that learns.

    Raises:
        UsageError: when it does not learn in single updates.
    """

    watching = True

    def __init__(self, run: Run) -> None:
        fresh = run.fresh().experiment
        if not isinstance(fresh, ControlExperiment) or not fresh.watch_steps(run.record.lab, self):
            raise UsageError(
                "This run does not learn in single updates of one table, or its environment draws "
                "no pictures of itself: there are no updates to show."
            )
        self.experiment = fresh
        self._moments: list[Moment] = []
        self._whole, self._room = False, MOST_NUMBERS

    def next(self, whole: bool) -> Moment:
        """The next update, or the last of the present episode.

        Args:
            whole: whether the last is meant.

        Raises:
            UsageError: when all is learned.
        """
        experiment = self.experiment
        if not self._moments:
            if experiment.done:
                raise UsageError("All is learned: the run ends here.")
            self._whole, self._room = whole, MOST_NUMBERS
            learned = experiment.world.learn(experiment.agent, 1)
            experiment.env_steps += int(learned.length.sum())
        shown = self._moments[-1 if whole else 0]
        del self._moments[: None if whole else 1]
        return shown

    def due(self, last: bool) -> bool:
        """The last update of an episode is, and all others for which there is room, unless the last
        was asked for."""
        return last or (self._room > 0 and not self._whole)

    def failed(self, error: Exception) -> None:
        """Raise it: there is nothing to show."""
        raise error

    def show(self, frame: Frame) -> None:
        """Keep an update."""
        q = self.experiment.agent.q.copy()
        if isinstance(frame, RenderedFrame):
            compressed = zlib.compress(frame.pixels.data, 1)
            empty = np.broadcast_to(np.uint8(0), frame.pixels.shape)
            frame = CompressedFrame(compressed, frame._replace(pixels=empty))
            self._room -= len(compressed) // 8
        self._room -= q.size
        self._moments.append((frame, q))

    def ended(self, unit: int, score: float) -> None:
        """The next moment belongs to another episode."""
