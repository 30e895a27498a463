"""What a window shows: frames, and the updates of learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class Frame(Protocol):
    """One picture of an animation, drawn when it is needed."""

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """Pixels, uint8 [height, width, 3], without the layers named in `hidden`."""
        ...


class StepView(Protocol):
    """Shows updates of learning, one by one.

    Attributes:
        watching: whether more of them will be shown.
    """

    watching: bool

    def due(self, last: bool) -> bool:
        """Whether the next update is to be shown; asked before each.

        Args:
            last: whether it is the last of its episode.
        """
        ...

    def show(self, frame: Frame) -> None:
        """Show the moment after an update; returns when it is time for the next."""

    def failed(self, error: Exception) -> None:
        """The moment could not be drawn; the update is done all the same."""

    def ended(self, unit: int, score: float) -> None:
        """A unit of learning is done.

        Args:
            unit: its number.
            score: the first column of the headline.
        """
