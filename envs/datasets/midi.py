"""From the bytes of a MIDI file to the two hands of a piano piece, and back.

Time is counted in beats, from the file's ticks and resolution alone: tempo changes have no effect.
For any bytes, the result is a piece or an `Unreadable` that gives the reason; no other error is
raised.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from envs.datasets.rolls import HIGHEST, LOWEST, Notes, notes_of, roll_of, steps_of
from sandbox.extras import missing
from sandbox.text import number, plural

MAX_BYTES = 16_000_000
MAX_BEATS = 10_000
"""Longest piece that is read: at 120 beats a minute, 83 minutes."""
MIDDLE_C = 60 - LOWEST
PITCHES = np.arange(LOWEST, HIGHEST + 1)
RESOLUTION = 480
"""Ticks per beat of files that we write."""
VELOCITY = {"right": 84, "left": 68, "": 78}
"""Note velocities in files that we write: the melody is a little louder than its accompaniment."""

SIDE = {
    "right": re.compile(
        r"(?<![bpwy])right|\br\.?\s?h\b|rechts|droite|destra|derecha|(?<!s)upper", re.IGNORECASE
    ),
    "left": re.compile(
        r"left|\bl\.?\s?h\b|links|gauche|sinistra|izquierda|(?<![fls])lower|pedal", re.IGNORECASE
    ),
}
"""Words in track names that identify the hand, but not in "bright", "upright", "copyright",
"Wright", "supper", "flower", "follower" and "slower"."""


class Unreadable(Exception):
    """The file cannot be read as a piece; the message gives the reason in a few words."""


class Track(NamedTuple):
    """One track: its name, and for each note start, end (ticks) and pitch, int64 [notes, 3]."""

    name: str
    notes: np.ndarray


@dataclass(frozen=True)
class Piece:
    """A piano piece.

    Attributes:
        name: of its file, relative to the folder that was read.
        roll: uint8 [steps, 2, 88], right hand first; see `envs.datasets.rolls`.
        how: how tracks were assigned to hands, and how many notes outside the piano's range were
            left out, in a few words.
    """

    name: str
    roll: np.ndarray
    how: str


def read_piece(content: bytes, name: str, steps_per_beat: int) -> Piece:
    """The piece in a MIDI file.

    Args:
        content: the file's bytes, whatever they are.
        name: of the piece.
        steps_per_beat: steps to a quarter note, >= 1.

    Raises:
        Unreadable: when the file cannot be read as a piece.
        UsageError: when the library that reads MIDI is not installed.
    """
    tracks, ticks_per_beat = _tracks(content)
    counted = sum(len(track.notes) for track in tracks)
    if not counted:
        raise Unreadable("no notes (percussion is left out)")
    tracks = [_part(track, np.isin(track.notes[:, 2], PITCHES)) for track in tracks]
    tracks = [track for track in tracks if len(track.notes)]
    if not tracks:
        raise Unreadable("all notes are outside the piano's range")
    notes = np.concatenate([track.notes for track in tracks])  # [notes, 3]
    if notes[:, 0].min() < 0:
        raise Unreadable("notes before the beginning: absurd tick values")
    beats = int(notes[:, :2].max()) / ticks_per_beat
    if beats > MAX_BEATS:
        raise Unreadable(f"{number(round(beats))} beats long, more than {number(MAX_BEATS)}")
    hands, how = assign_hands(tracks)
    if len(notes) < counted:
        how += f"; {counted - len(notes)} notes outside the piano's range left out"
    ticks_per_step = ticks_per_beat / steps_per_beat
    return Piece(name, roll_of([_notes(part, ticks_per_step) for part in hands]), how)


def _tracks(content: bytes) -> tuple[list[Track], int]:
    """The tracks with their notes, and the file's ticks per quarter note."""
    try:
        import symusic
    except ImportError as error:
        raise missing("Reading MIDI files", "music", "symusic") from error
    if not content:
        raise Unreadable("empty")
    if len(content) > MAX_BYTES:
        raise Unreadable(f"{len(content) / 1e6:.0f} MB, more than {MAX_BYTES / 1e6:.0f}")
    if content[:4] != b"MThd":
        raise Unreadable("not a MIDI file")
    if len(content) >= 14 and content[12] & 0x80:
        raise Unreadable("time in SMPTE frames, not in beats")
    try:
        score: Any = symusic.Score.from_midi(content)
        ticks_per_beat = int(score.ticks_per_quarter)
        tracks = [_track(track) for track in score.tracks if not track.is_drum]
    except MemoryError:
        raise
    except Exception as error:
        raise Unreadable(f"damaged: {_short(error)}") from error
    if ticks_per_beat <= 0:
        raise Unreadable(f"{ticks_per_beat} ticks per beat")
    return tracks, ticks_per_beat


def _track(track: Any) -> Track:
    notes = track.notes.numpy()
    start, duration, pitch = (
        np.asarray(notes[name], dtype=np.int64) for name in ("time", "duration", "pitch")
    )
    return Track(str(track.name), np.column_stack([start, start + duration, pitch]))


def _short(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{words[:80]}…" if len(words) > 80 else words or type(error).__name__


def _part(track: Track, inside: np.ndarray) -> Track:
    """The track with only the notes in the mask `inside`."""
    return track._replace(notes=track.notes[inside])


def _notes(tracks: Sequence[Track], ticks_per_step: float) -> Notes:
    """All notes of one hand, in steps."""
    start, end, pitch = np.concatenate([track.notes for track in tracks]).T
    first, behind = steps_of(start, end, ticks_per_step)
    return Notes(first, behind, pitch - LOWEST)


# -- assigning tracks to hands


def assign_hands(tracks: Sequence[Track]) -> tuple[list[list[Track]], str]:
    """The tracks of the right and of the left hand, and how they were assigned.

    Names decide ("Piano right", "LH", "linke Hand: links"); all tracks of one hand are merged. A
    track whose name names no hand goes to the hand whose register is nearer. If no name does,
    order and register decide; a single track is split at middle C.

    Args:
        tracks: with at least one note each.
    """
    sides = [
        next((side for side, words in SIDE.items() if words.search(track.name)), "")
        for track in tracks
    ]
    if any(sides):
        return _by_name(tracks, sides)
    if len(tracks) == 1:
        high = tracks[0].notes[:, 2] - LOWEST >= MIDDLE_C
        hands = [[_part(tracks[0], high)], [_part(tracks[0], ~high)]]
        return hands, "1 track, split at middle C"
    heights = [_height([track]) for track in tracks]
    if len(tracks) == 2:
        if heights[0] >= heights[1]:
            return [[tracks[0]], [tracks[1]]], "2 tracks without names: first is right"
        return [[tracks[1]], [tracks[0]]], "2 tracks without names: higher is right"
    middle = (min(heights) + max(heights)) / 2
    right_ones = [track for track, height in zip(tracks, heights, strict=True) if height > middle]
    left_ones = [track for track, height in zip(tracks, heights, strict=True) if height <= middle]
    if not right_ones:  # all tracks have the same mean pitch
        right_ones, left_ones = list(tracks[:1]), list(tracks[1:])
    return [right_ones, left_ones], f"{len(tracks)} tracks without names, by register"


def _by_name(tracks: Sequence[Track], sides: list[str]) -> tuple[list[list[Track]], str]:
    hands: dict[str, list[Track]] = {
        side: [track for track, said in zip(tracks, sides, strict=True) if said == side]
        for side in SIDE
    }
    heights = {side: _height(part) for side, part in hands.items() if part}
    placed = []
    for track, said in zip(tracks, sides, strict=True):
        if said:
            continue
        height = _height([track])
        if len(heights) == 2:
            side = min(heights, key=lambda one: abs(heights[one] - height))
        else:
            known, limit = next(iter(heights.items()))
            side = "right" if height > limit or (known == "right" and height == limit) else "left"
        hands[side].append(track)
        placed.append(f"'{' '.join(track.name.split())}' {side}")
    how = "by name"
    if len(tracks) != 2 or placed:
        how += f", {plural(len(tracks), 'track')}"
    if placed:
        how += f"; by register {', '.join(placed)}"
    silence = Track("", np.zeros((0, 3), dtype=np.int64))
    return [part or [silence] for part in hands.values()], how


def _height(tracks: Sequence[Track]) -> float:
    """Mean pitch."""
    return float(np.concatenate([track.notes for track in tracks])[:, 2].mean())


# -- writing MIDI


def pretty_midi_of(roll: np.ndarray, *, steps_per_beat: int, tempo: float = 100.0) -> Any:
    """A roll as a `pretty_midi.PrettyMIDI`: a track for each hand, named; tempo and resolution set.

    Args:
        roll: uint8 [steps, hands, 88]; with two hands, right first.
        steps_per_beat: steps to a quarter note; a divisor of 480, so that every step is a whole
            number of ticks.
        tempo: beats per minute, > 0.

    Raises:
        UsageError: when pretty_midi is not installed.
    """
    pretty_midi = import_pretty_midi()
    score = pretty_midi.PrettyMIDI(resolution=RESOLUTION, initial_tempo=tempo)
    ticks = RESOLUTION // steps_per_beat
    names = ("right", "left") if roll.shape[1] == 2 else ("",)
    score.tick_to_time(
        roll.shape[0] * ticks
    )  # builds pretty_midi's table of times once, rather than extending it for every note
    for name, notes in zip(names, notes_of(roll), strict=True):
        instrument = pretty_midi.Instrument(program=0, name=f"Piano {name}".strip())
        instrument.notes = [
            pretty_midi.Note(
                VELOCITY[name] + (0 if start % steps_per_beat else 6),  # louder on the beat
                key + LOWEST,
                float(score.tick_to_time(start * ticks)),
                float(score.tick_to_time(end * ticks)),
            )
            for start, end, key in np.column_stack(notes).tolist()
        ]
        score.instruments.append(instrument)
    return score


def midi_bytes(roll: np.ndarray, *, steps_per_beat: int, tempo: float = 100.0) -> bytes:
    """A roll as the bytes of a MIDI file; see `pretty_midi_of`."""
    file = io.BytesIO()
    pretty_midi_of(roll, steps_per_beat=steps_per_beat, tempo=tempo).write(file)
    return file.getvalue()


def import_pretty_midi() -> Any:
    """The module pretty_midi.

    Raises:
        UsageError: when it is not installed.
    """
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports the deprecated pkg_resources
            import pretty_midi
    except ImportError as error:
        raise missing("Writing MIDI files", "music", "pretty_midi") from error
    return pretty_midi
