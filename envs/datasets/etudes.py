"""Etudes for two hands, composed by the program: melodies over four kinds of accompaniment.

A piece is a function of seed and number alone. It is written as a MIDI file and read like any
other, so that études pass through the same code as other data.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, cast

import numpy as np

from envs.datasets.midi import midi_bytes, read_piece
from envs.datasets.pieces import Line, Pieces, in_splits
from envs.datasets.rolls import LOWEST, Notes, roll_of
from sandbox.seeding import generator
from sandbox.tables import read_table

STEPS_PER_BEAT = 4
Note = tuple[int, int, int]
"""First step, the step behind the last, and key."""
STYLE = cast("dict[str, list[Any]]", read_table(__file__, "etudes.toml"))
"""Scales, progressions, basses, rhythms and movements."""


def compose(seed: int, number: int, bars: int = 16) -> np.ndarray:
    """One étude.

    Args:
        seed, number: identify the étude, each >= 0.
        bars: length, a multiple of 4; the last holds the closing chord.

    Returns:
        uint8 [steps, 2, 88], at four steps to a beat.
    """
    rng = generator(seed, f"etude {number}")
    tonic = 48 - LOWEST + number % 12 - (12 if number % 12 > 6 else 0)
    key = partial(_key, tonic, STYLE["minor" if number % 24 >= 12 else "major"])
    bass = _drawn(rng, "basses")
    beats = 3 if bass == "waltz" else 4
    chords = [chord for _ in range(-(-bars // 4)) for chord in _drawn(rng, "progressions")]
    plan = [*chords[: bars - 1], 0]
    right, left = list[Note](), list[Note]()  # start, end, key
    motif, degree = _motif(rng, beats), 7 + int(rng.integers(3)) * 2
    for bar, chord in enumerate(plan):
        start = bar * beats * STEPS_PER_BEAT
        if bar == bars - 1:
            right += [(start, start + 8, key(chord + step)) for step in (7, 9, 11)]
            left.append((start, start + 8, key(chord)))
            continue
        left += _accompaniment(bass, start, [key(chord + step) for step in (0, 2, 4)])
        if bar % 4 == 0 and rng.random() < 0.5:
            motif = _motif(rng, beats)
        if bar % 4 == 3 and rng.random() < 0.6:  # a run of the scale leads into the next line
            direction = 1 if degree < 10 else -1
            degrees = [degree + direction * step for step in range(beats * 2)]
            right += _eighths(start, map(key, degrees))
            degree = degrees[-1]
        else:
            degree = _melody(  # type: ignore[no-untyped-call]
                rng, right, start, motif, degree, chord, key
            )
    return roll_of([_as_notes(right), _as_notes(left)])


def etudes(seed: int, pieces: int, *, steps_per_beat: int) -> Pieces:
    """Études in splits: one in ten for validation, and one in ten for the test.

    Args:
        seed: of all études.
        pieces: how many, at least 3; the first 24 are in all major and minor keys.
        steps_per_beat: steps to a quarter note when they are read.
    """
    held_out = max(1, pieces // 10)
    # the held-out études, and with them their keys, are drawn at random
    order = generator(seed, "etudes").permutation(pieces).tolist()
    split_of = dict.fromkeys(order[:held_out], "test")
    split_of |= dict.fromkeys(order[held_out : 2 * held_out], "valid")
    groups, report = {"train": [], "valid": [], "test": []}, []  # type: ignore[var-annotated]
    for number in range(pieces):
        name, split = f"etude-{number:03d}.mid", split_of.get(number, "train")
        content = midi_bytes(compose(seed, number), steps_per_beat=STEPS_PER_BEAT, tempo=96)
        piece = read_piece(content, name, steps_per_beat)
        groups[split].append(piece)
        report.append(Line(name, split, piece.how, len(piece.roll)))
    return in_splits(groups, report, "etudes")


def _key(tonic: int, scale: list[int], degree: int) -> int:
    """The piano key of a scale degree: 0 is the tonic, 7 the tonic an octave higher."""
    return tonic + 12 * (degree // 7) + scale[degree % 7]


def _drawn(rng: np.random.Generator, name: str) -> Any:
    """One of the entries of `STYLE` under a name."""
    return STYLE[name][int(rng.integers(len(STYLE[name])))]


def _motif(rng: np.random.Generator, beats: int) -> list[int]:
    """Draw the durations of one bar's notes, in steps."""
    if beats == 3:
        return list(_drawn(rng, "waltzes"))
    halves = rng.integers(len(STYLE["halves"]), size=2)
    return [duration for half in halves for duration in STYLE["halves"][half]]


def _melody(rng, right, start, motif, degree, chord, key):  # type: ignore[no-untyped-def]
    """One bar of melody, stepwise from a note of the chord; returns where it ends."""
    for index, duration in enumerate(motif):
        if index == 0:  # the nearest note of the chord
            degree = min(
                (chord + octave + step for octave in (0, 7, 14) for step in (0, 2, 4)),
                key=lambda one: (abs(one - degree), one),
            )
        else:
            degree = int(np.clip(degree + rng.choice(STYLE["movements"]), 5, 18))
        right.append((start, start + duration, key(degree)))
        start += duration
    return degree


def _accompaniment(bass: str, start: int, chord: list[int]) -> list[Note]:
    """One bar of the left hand over a chord of three keys."""
    low, middle, high = chord
    if bass == "alberti":
        return _eighths(start, [low, high, middle, high] * 2)
    if bass == "arpeggio":
        return _eighths(start, [low, middle, high, low + 12, high, middle, low, high])
    if bass == "waltz":
        return [
            (start, start + 4, low),
            *((start + beat, start + beat + 4, key) for beat in (4, 8) for key in (middle, high)),
        ]
    return [(start + half, start + half + 8, key) for half in (0, 8) for key in chord]


def _eighths(start: int, keys: Iterable[int]) -> list[Note]:
    """Quavers one after the other."""
    return [(start + 2 * step, start + 2 * step + 2, key) for step, key in enumerate(keys)]


def _as_notes(notes: list[Note]) -> Notes:
    return Notes(*np.array(notes, dtype=np.int64).T)
