"""Windows for truncated back-propagation: pieces follow one another in parallel lanes.

A lane that comes to the end of its piece takes the next of an endless shuffled queue, transposed
by a random number of semitones. The queue holds every piece once before any comes again, so an
epoch is as many steps as the pieces have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.datasets.rolls import shifts_within, transposed
from sandbox.lab import State


class LaneWindow(NamedTuple):
    """One window of all lanes.

    Attributes:
        roll: uint8 [lanes, history + steps, hands, 88]; silence before and after a piece.
        inside: bool [lanes, steps]: which steps belong to a piece.
        position: int64 [lanes]: number of the first step in its piece; 0 where a piece begins.
    """

    roll: np.ndarray
    inside: np.ndarray
    position: np.ndarray


class Lanes:
    """Parallel lanes of pieces.

    Args:
        rolls: uint8 [steps, hands, 88] each, with at least one step.
        count: number of lanes.
        steps: length of a window.
        history: steps before the window that are included.
        transpose: semitones down (<= 0) and up (>= 0) within which pieces are transposed.
        rng: shuffles the pieces and draws the transpositions.
    """

    def __init__(
        self,
        rolls: Sequence[np.ndarray],
        count: int,
        steps: int,
        history: int,
        transpose: tuple[int, int],
        rng: np.random.Generator,
    ) -> None:
        self.rolls, self.steps, self.history, self.rng = rolls, steps, history, rng
        self.shifts = [shifts_within(roll, *transpose) for roll in rolls]
        self.queue: list[int] = []
        self.piece = np.zeros(count, dtype=np.int64)
        self.shift = np.zeros(count, dtype=np.int64)
        self.position = np.zeros(count, dtype=np.int64)
        for lane in range(count):
            self._begin(lane)

    @property
    def frames(self) -> int:
        """Steps of all pieces together."""
        return sum(len(roll) for roll in self.rolls)

    def next(self) -> LaneWindow:
        """The next window of every lane."""
        hands, keys = self.rolls[0].shape[1:]
        lanes = len(self.piece)
        roll = np.zeros((lanes, self.history + self.steps, hands, keys), dtype=np.uint8)
        inside = np.zeros((lanes, self.steps), dtype=bool)
        position = self.position.copy()
        for lane in range(lanes):
            whole, begin = self.rolls[self.piece[lane]], int(position[lane])
            first, behind = max(0, begin - self.history), min(len(whole), begin + self.steps)
            offset = first - (begin - self.history)
            roll[lane, offset : offset + behind - first] = transposed(
                whole[first:behind], int(self.shift[lane])
            )
            inside[lane, : behind - begin] = True
            self.position[lane] = behind
            if behind == len(whole):
                self._begin(lane)
        return LaneWindow(roll, inside, position)

    def _begin(self, lane: int) -> None:
        """The next piece of the queue."""
        if not self.queue:
            self.queue = self.rng.permutation(len(self.rolls)).tolist()
        piece = self.queue.pop()
        low, high = self.shifts[piece]
        self.piece[lane], self.position[lane] = piece, 0
        self.shift[lane] = self.rng.integers(low, high + 1)

    def state(self) -> State:
        """The position of every lane."""
        return {
            "queue": list(self.queue),
            "piece": self.piece.copy(),
            "shift": self.shift.copy(),
            "position": self.position.copy(),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned; the caller restores the generator."""
        self.queue = [int(piece) for piece in state["queue"]]
        names = ("piece", "shift", "position")
        self.piece, self.shift, self.position = (np.array(state[name]) for name in names)


def whole_pieces(rolls: Sequence[np.ndarray], history: int, most: int) -> list[LaneWindow]:
    """Batches of whole pieces, sorted by length, for exact evaluation.

    Args:
        rolls: uint8 [steps, hands, 88] each.
        history: steps of silence before each.
        most: steps in one batch, padding included (one piece may be longer).
    """
    batches: list[list[np.ndarray]] = []
    for roll in sorted(rolls, key=len):
        if batches and (len(batches[-1]) + 1) * len(roll) <= most:
            batches[-1].append(roll)
        else:
            batches.append([roll])
    return [_together(batch, history) for batch in batches]


def _together(rolls: Sequence[np.ndarray], history: int) -> LaneWindow:
    longest = max(len(roll) for roll in rolls)
    roll = np.zeros((len(rolls), history + longest, *rolls[0].shape[1:]), dtype=np.uint8)
    inside = np.zeros((len(rolls), longest), dtype=bool)
    for lane, one in enumerate(rolls):
        roll[lane, history : history + len(one)] = one
        inside[lane, : len(one)] = True
    return LaneWindow(roll, inside, np.zeros(len(rolls), dtype=np.int64))
