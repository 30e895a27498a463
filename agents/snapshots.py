"""Snapshots: what a model looked like while it learned, kept by its experiment.

A snapshot is a function of the weights alone. Taking one draws none of the run's random numbers and
changes no weight, so what is learned is the same with and without snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from sandbox.errors import SandboxError

SNAPSHOTS = 30
"""Largest number of snapshots of a run."""
SNAPSHOT_BYTES = 16_000_000
"""Largest size of all snapshots of a model together; beyond it every second one is dropped."""

View = Mapping[str, np.ndarray | float]
"""What is shown of a model: figures and arrays by name, the same shapes at every time."""
Look = Callable[[], View | None]
"""Looks at the present model; None shows nothing."""


def snapshot_times(last: int, at_most: int = SNAPSHOTS) -> list[int]:
    """The times at which a snapshot is taken: geometrically spaced from 1 to the last, ascending.

    Args:
        last: units or steps of the run, >= 1.
        at_most: how many snapshots.
    """
    spaced = np.geomspace(1, last, max(2, at_most))
    return sorted({round(float(value)) for value in spaced} | {1, last})


Snapshot = dict[str, np.ndarray]
"""A view as it is kept, with its epoch."""


class Snapshots:
    """The snapshots of one experiment.

    They do not keep the experiment: a cycle of references would keep its model and data in memory
    long after its last use.

    Args:
        epochs: of the whole training, >= 1.
        steps: of an epoch, >= 1.
        spacing: in steps; snapshots are only taken after multiples of it.

    Attributes:
        kept: the snapshots, oldest first; each has its epoch, which may be a fraction.
    """

    def __init__(self, epochs: int, steps: int = 1, spacing: int = 1) -> None:
        self._steps = steps
        times = snapshot_times(max(1, epochs * steps // spacing))
        self._due = {0, *(spacing * time for time in times)}
        self.kept: list[Snapshot] = []

    def reached(self, step: int, view: Look) -> None:
        """Take a snapshot if one is due.

        Args:
            step: how many steps were learned, over all epochs.
            view: looks at the present model.
        """
        if step not in self._due:
            return
        self.kept += _taken(step / self._steps, view)
        while len(self.kept) > 2 and (
            sum(array.nbytes for one in self.kept for array in one.values()) > SNAPSHOT_BYTES
        ):
            del self.kept[1::2]

    def shown(self, epoch: float, view: Look, history: bool) -> list[Snapshot]:
        """The present model, and with `history` the snapshots before it.

        Args:
            epoch: of the present model.
            view: looks at the present model.
            history: whether the snapshots are wanted.

        Raises:
            SandboxError: when they are of another shape than the model, or hold no finite numbers.
        """
        now = _taken(epoch, view)
        every = [*self.kept, *now] if history and now else now
        if not all(_fits(one, now[0]) for one in every):
            raise SandboxError(
                "The kept snapshots are not of this model. `python -m sandbox watch RUN --final` "
                "shows what it has learned."
            )
        return every

    def state(self) -> Snapshot:
        """All snapshots, stacked by name; empty before the first."""
        return {
            name: np.stack([one[name] for one in self.kept])
            for name in (self.kept[0] if self.kept else ())
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned.

        Raises:
            ValueError: when the arrays are of different lengths.
        """
        rows = zip(*state.values(), strict=True)
        self.kept = [dict(zip(state, map(np.asarray, row), strict=True)) for row in rows]


def _taken(epoch: float, view: Look) -> list[Snapshot]:
    with np.errstate(all="ignore"):  # of a model that diverges
        now = view()
    if now is None:
        return []
    return [{name: np.asarray(value) for name, value in {"epoch": float(epoch), **now}.items()}]


def _fits(one: Snapshot, now: Snapshot) -> bool:
    kinds, known = ({name: (a.shape, a.dtype) for name, a in some.items()} for some in (one, now))
    return kinds == known and all(np.isfinite(a).all() for a in one.values() if a.shape)
