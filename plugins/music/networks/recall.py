"""What followed the earlier passages of a piece that resemble its last steps, and its key.

Pieces repeat themselves, over distances that the state of an LSTM does not bridge. The passage
before step s resembles the one before step t by

    m(t, s) = J(t - 1, s - 1) · (1 + m(t - 1, s - 1)),

where J(a, b) is the share of the keys sounding in step a or b that sound in both (Jaccard, 1901):
in an exact repeat, m is the number of steps since it began. The earlier steps vote for their keys
with the weight m³.

The key of a piece shows in how much each pitch class has sounded, the last steps most: in step t

    p(t) = DECAY · p(t - 1) + number of keys of the pitch class that sound in step t - 1.

Nothing here is learned, and step t itself is not read.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from envs.datasets.rolls import SILENT

RECALLED = 2
"""Channels of each key: its votes, and its votes times the trust in the best passage."""
LEAST = 0.3
"""Resemblance from which a passage votes."""
DECAY = 0.99
"""Of the pitch classes' weights from step to step: after 69 steps a half."""
CLEAR = 6.0
"""A pitch class with the share 1 / CLEAR or more is fully present; of seven, each has 1/7."""
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


def tonality(sounds: np.ndarray, presence: np.ndarray, begin: int) -> np.ndarray:
    """How much the pitch class of each key has sounded, in the steps from `begin` on.

    Args:
        sounds: bool [steps, hands, keys].
        presence: float64 [12]: p of step begin - 1, and p of the last step afterwards; 0 at first.
        begin: 0 <= begin <= steps.

    Returns:
        uint8 [steps - begin, hands, keys]: 255 times CLEAR times a share of all p, at most 255.
    """
    steps, hands, keys = sounds.shape
    classes = np.arange(keys) % 12
    out = np.zeros((steps - begin, keys), np.uint8)
    for step in range(begin, steps):
        if step:
            sounding = sounds[step - 1].sum(axis=0)  # [keys]
            presence[:] = DECAY * presence + np.bincount(classes, sounding, minlength=12)[:12]
        share = presence / max(presence.sum(), 1e-9)
        out[step - begin] = np.rint(255 * np.minimum(1.0, CLEAR * share))[classes]
    return np.repeat(out[:, None], hands, axis=1)


class Hearing(NamedTuple):
    """What a model hears beside the sounds; each is a channel of each hand, or two."""

    recall: bool = False
    tonality: bool = False

    @property
    def channels(self) -> int:
        """For each hand."""
        return RECALLED * self.recall + self.tonality


class Memory:
    """What is heard beside the sounds while a piece grows.

    Args:
        piece: float32 [steps, hands · (1 + channels), keys], the hands first; the caller writes
            the sounds of step after step.
        hearing: what is heard.
    """

    def __init__(self, piece: np.ndarray, hearing: Hearing) -> None:
        self._piece, self._hearing, self._end = piece, hearing, 0
        self._resembles, self._presence = np.zeros(len(piece)), np.zeros(12)

    def fill(self, end: int) -> None:
        """Write what is heard in the steps before `end`, whose own sounds are not read."""
        piece, begin, self._end = self._piece, self._end, end
        hands = piece.shape[1] // (1 + self._hearing.channels)
        sounds = piece[:end, :hands] > 0
        parts = []
        if self._hearing.recall:
            recalled = recall(sounds.reshape(end, -1), self._resembles, begin)
            parts.append(recalled.reshape(end - begin, -1, piece.shape[2]))
        if self._hearing.tonality:
            parts.append(tonality(sounds, self._presence, begin))
        piece[begin:end, hands:] = np.concatenate(parts, axis=1).astype(np.float32) / 255


def with_hearing(roll: np.ndarray, hearing: Hearing) -> np.ndarray:
    """A roll, and behind it what is heard in each step: the votes of all hands, then the rest.

    Args:
        roll: uint8 [steps, hands, keys].
        hearing: what is heard.

    Returns:
        uint8 [steps, hands · (1 + channels), keys].
    """
    steps, hands, keys = roll.shape
    piece = np.zeros((steps, hands * (1 + hearing.channels), keys), np.float32)
    piece[:, :hands] = roll != SILENT
    Memory(piece, hearing).fill(steps)
    heard = np.rint(255 * piece[:, hands:]).astype(np.uint8)
    return np.concatenate([roll, heard], axis=1)
