"""A run of a grid lab that learns again, update by update, from its own configuration and seed.

It learns what the run learned, to the last bit, and touches none of its files.
"""

from __future__ import annotations

import numpy as np

from agents.control.experiment import ControlExperiment
from envs.render.snapshot import Snapshot
from sandbox.errors import UsageError
from sandbox.frames import Frame
from sandbox.runs.view import Run

MOST_NUMBERS = 2_000_000
"""Action values in the updates of an episode that are kept; of more, only the last update."""

Moment = tuple[Snapshot, np.ndarray]
"""The board after an update, and the action values, float [states, actions]."""


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
            raise UsageError("This run does not learn in single updates of one table.")
        self.experiment = fresh
        self._moments: list[Moment] = []

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
            learned = experiment.world.learn(experiment.agent, 1)
            experiment.env_steps += int(learned.length.sum())
        shown = self._moments[-1 if whole else 0]
        del self._moments[: None if whole else 1]
        return shown

    def due(self) -> bool:
        """Every update is."""
        return True

    def show(self, frame: Frame) -> None:
        """Keep an update; in place of the last, if there are too many."""
        assert isinstance(frame, Snapshot)  # of our grids
        q = self.experiment.agent.q.copy()
        self._moments[MOST_NUMBERS // q.size :] = [(frame, q)]

    def ended(self, unit: int, score: float) -> None:
        """The next moment belongs to another episode."""
