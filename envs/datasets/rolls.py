"""Piano rolls counted in beats: the state of every piano key in every step.

A roll is uint8 [steps, hands, 88], the right hand first, and holds SILENT, HELD or STRUCK. A held
key was struck or held in the step before, so repeated and long notes differ, and roll ->
notes -> roll is the identity (except for silence after the last note).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LOWEST, HIGHEST = 21, 108
"""MIDI pitches of the piano's first and last key."""
KEYS = HIGHEST - LOWEST + 1
SILENT, HELD, STRUCK = 0, 1, 2
TOUCH = 1 / 8
"""A note that overlaps a step by less than this share does not count there: notes in recorded files
are a few ticks off the grid."""


class Notes(NamedTuple):
    """Notes of one hand, as arrays [notes].

    Attributes:
        start, end: in steps, whole numbers, end > start.
        key: 0 (the piano's lowest) to 87.
    """

    start: np.ndarray
    end: np.ndarray
    key: np.ndarray


def steps_of(
    start: np.ndarray, end: np.ndarray, ticks_per_step: float
) -> tuple[np.ndarray, np.ndarray]:
    """The steps that notes cover: those in which they sound, at least one.

    Args:
        start, end: in ticks, int64 [notes].
        ticks_per_step: > 0.

    Returns:
        First step, and the step after the last: int64 [notes] each.
    """
    first = np.floor(start / ticks_per_step + TOUCH).astype(np.int64)
    behind = np.ceil(end / ticks_per_step - TOUCH).astype(np.int64)
    return first, np.maximum(behind, first + 1)


def roll_of(hands: list[Notes]) -> np.ndarray:
    """The roll of notes, one `Notes` for each hand.

    Args:
        hands: notes of each hand; a later note of the same key ends the earlier one.

    Returns:
        uint8 [steps, hands, 88].
    """
    steps = max((int(notes.end.max()) for notes in hands if len(notes.end)), default=0)
    roll = np.zeros((steps, len(hands), KEYS), dtype=np.uint8)
    for hand, notes in enumerate(hands):
        change = np.zeros((steps + 1, KEYS), dtype=np.int16)
        np.add.at(change, (notes.start, notes.key), 1)
        np.add.at(change, (notes.end, notes.key), -1)
        roll[:, hand] = np.cumsum(change[:-1], axis=0, dtype=np.int16) > 0  # HELD
        roll[notes.start, hand, notes.key] = STRUCK
    return roll


def notes_of(roll: np.ndarray) -> list[Notes]:
    """The notes of each hand, sorted by start, then by key: the inverse of `roll_of`."""
    hands = []
    for hand in range(roll.shape[1]):
        keys = np.zeros((roll.shape[0] + 1, KEYS), dtype=np.uint8)
        keys[:-1] = roll[:, hand]
        key, start = np.nonzero(keys.T == STRUCK)
        over = np.flatnonzero(
            keys.T.ravel() != HELD
        )  # a note lasts until its key is silent or struck again
        end = over[np.searchsorted(over, key * len(keys) + start, side="right")] - key * len(keys)
        order = np.lexsort((key, start))
        hands.append(Notes(start[order], end[order], key[order]))
    return hands


def joined(roll: np.ndarray) -> np.ndarray:
    """All hands on one track: uint8 [steps, 1, 88]; a key struck by one hand is struck."""
    return roll.max(axis=1, keepdims=True)


def shifts_within(roll: np.ndarray, low: int, high: int) -> tuple[int, int]:
    """Largest shifts within `low` <= 0 and `high` >= 0 that keep all notes on the piano."""
    used = np.flatnonzero(roll.any(axis=(0, 1)))
    if not len(used):
        return 0, 0
    return max(low, -int(used[0])), min(high, KEYS - 1 - int(used[-1]))


def transposed(roll: np.ndarray, semitones: int) -> np.ndarray:
    """A copy of the roll, transposed by `semitones`; see `shifts_within`."""
    moved = np.zeros_like(roll)
    if semitones >= 0:
        moved[..., semitones:] = roll[..., : KEYS - semitones]
    else:
        moved[..., :semitones] = roll[..., -semitones:]
    return moved


def held_from_sounding(keys: np.ndarray, struck: np.ndarray | None = None) -> np.ndarray:
    """A roll from sounding keys: struck if silent in the step before or if in `struck`, else held.

    Args:
        keys: bool [steps, hands, 88].
        struck: bool [steps, hands, 88], or None.
    """
    before = np.zeros_like(keys)
    before[1:] = keys[:-1]
    roll = keys.astype(np.uint8)
    roll[keys & ~before] = STRUCK
    if struck is not None:
        roll[keys & struck] = STRUCK
    return roll
