"""What followed the earlier passages of a piece that resemble its last steps.

Pieces repeat themselves, over distances that the state of an LSTM does not bridge. The passage
before step s resembles the one before step t by

    m(t, s) = J(t - 1, s - 1) · (1 + m(t - 1, s - 1)),

where J(a, b) is the share of the keys sounding in step a or b that sound in both (Jaccard, 1901):
in an exact repeat, m is the number of steps since it began. The earlier steps vote for their keys
with the weight m³. Nothing here is learned, and step t itself is not read.
"""

from __future__ import annotations

import numba
import numpy as np

from envs.datasets.rolls import SILENT

RECALLED = 2
"""Channels of each key: its votes, and its votes times the trust in the best passage."""
LEAST = 0.3
"""Resemblance from which a passage votes."""
TRUSTS = 9
"""Levels of trust; level i means a resemblance of 2^i - 1."""


@numba.njit(cache=True)  # type: ignore[misc]
def recall(sounds, resembles, begin):  # type: ignore[no-untyped-def]
    """What is recalled in the steps from `begin` on; in step t it depends on earlier sounds alone.

    Args:
        sounds: bool [steps, keys].
        resembles: float64 [steps or more]: m(begin - 1, ·), and m(steps - 1, ·) afterwards; 0 at
            first.
        begin: 0 <= begin <= steps.

    Returns:
        uint8 [steps - begin, RECALLED, keys]: 255 times a share of the votes, and that times
        log2(1 + m) / 8, where m is the largest resemblance, at most 255.
    """
    end, keys = sounds.shape
    out = np.empty((end - begin, RECALLED, keys), np.uint8)
    count = np.zeros(end, np.int64)
    for step in range(end):
        count[step] = sounds[step].sum()
    votes = np.empty(keys)
    for step in range(begin, end):
        votes[:] = 0.0
        total = best = 0.0
        for then in range(step - 1, 0, -1):
            both = 0
            if count[then - 1] and count[step - 1]:
                for key in range(keys):
                    both += sounds[then - 1, key] & sounds[step - 1, key]
            either = count[then - 1] + count[step - 1] - both
            m = (both / either if either else 1.0) * (1.0 + resembles[then - 1])
            resembles[then] = m
            best = max(best, m)
            if m > LEAST:
                total += m * m * m
                for key in range(keys):
                    votes[key] += m * m * m * sounds[then, key]
        trust = np.log2(1.0 + min(best, 255.0)) / (TRUSTS - 1)
        for key in range(keys):
            share = votes[key] / total if total else 0.0
            out[step - begin, 0, key] = np.uint8(round(255 * share))
            out[step - begin, 1, key] = np.uint8(round(255 * share * trust))
    return out


class Memory:
    """What is recalled while a piece grows.

    Args:
        piece: float32 [steps, hands · (1 + RECALLED), keys], the hands first; the caller writes
            the sounds of step after step.
    """

    def __init__(self, piece: np.ndarray) -> None:
        self._piece, self._resembles, self._end = piece, np.zeros(len(piece)), 0

    def fill(self, end: int) -> None:
        """Write what is recalled in the steps before `end`, whose own sounds are not read."""
        piece, begin, self._end = self._piece, self._end, end
        hands = piece.shape[1] // (1 + RECALLED)
        sounds = (piece[:end, :hands] > 0).reshape(end, -1)
        filled = piece[begin:end, hands:]
        recalled = recall(sounds, self._resembles, begin)
        filled[:] = recalled.reshape(filled.shape).astype(np.float32) / 255


def with_recall(roll: np.ndarray) -> np.ndarray:
    """A roll, and behind it what is recalled in each step: the votes of all hands, then the rest.

    Args:
        roll: uint8 [steps, hands, keys].

    Returns:
        uint8 [steps, hands · (1 + RECALLED), keys].
    """
    sounds = (roll != SILENT).reshape(len(roll), -1)
    recalled = recall(sounds, np.zeros(len(roll)), 0)
    return np.concatenate([roll, recalled.reshape(len(roll), -1, roll.shape[2])], axis=1)
