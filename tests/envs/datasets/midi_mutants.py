"""Mutated MIDI files through the reader: `python -m tests.envs.datasets.midi_mutants SEED COUNT
[FOLDER]`.

Each mutant is a function of seed and number, so one that ends the process can be made again: the
last line of standard error names it.
What is counted goes to standard output, as JSON; anything but a piece or `Unreadable` ends with a
traceback.
"""

from __future__ import annotations

import json
import re
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from envs.datasets.etudes import compose
from envs.datasets.midi import Unreadable, midi_bytes, read_piece
from envs.datasets.rolls import KEYS

ABSURD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LARGEST = 500e6
"""Bytes of memory that reading one file may take: two of its rolls at the most steps per beat, and
what counting notes takes."""


def flip(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """Some bits the other way round."""
    for _ in range(int(rng.integers(1, 20))):
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))


def overwrite(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """Some bytes are others."""
    for _ in range(int(rng.integers(1, 20))):
        content[int(rng.integers(len(content)))] = int(
            rng.choice([0, 0x7F, 0x80, 0xFF, int(rng.integers(256))])
        )


def truncate(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """The end is missing."""
    del content[int(rng.integers(len(content))) :]


def splice(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """A part of another file in the place of a part of this one."""
    begin, end = sorted(int(at) for at in rng.integers(len(content), size=2))
    first, last = sorted(int(at) for at in rng.integers(len(other), size=2))
    content[begin:end] = other[first:last]


def repeat(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """A part comes twice, or many times."""
    begin, end = sorted(int(at) for at in rng.integers(len(content), size=2))
    content[end:end] = content[begin : min(end, begin + 4000)] * int(rng.choice([1, 1, 1, 40]))


def cut(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """A part is missing in the middle."""
    begin = int(rng.integers(len(content)))
    del content[begin : begin + int(rng.integers(1, 200))]


def header(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """Length of the header, format, number of tracks or resolution are absurd."""
    field, size = [(4, 4), (8, 2), (10, 2), (12, 2), (12, 2)][int(rng.integers(5))]
    content[field : field + size] = (int(rng.choice(ABSURD)) % 256**size).to_bytes(size, "big")


def lengths(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """The length of a track is not what it says."""
    marks = [at for at in range(len(content) - 8) if content[at : at + 4] == b"MTrk"]
    if marks:
        at = int(rng.choice(marks)) + 4
        said = int.from_bytes(content[at : at + 4], "big")
        change = int(
            rng.choice([*ABSURD, said + 1, max(0, said - 1), said * 2, said // 2, max(0, said - 7)])
        )
        content[at : at + 4] = (change % 2**32).to_bytes(4, "big")


def tempo(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """Tempo, measure and key are absurd, or longer than they may be."""
    event = [
        b"\xff\x51\x03",
        b"\xff\x58\x04",
        b"\xff\x59\x02",
        b"\xff\x51",
        b"\xff\x58\x01",
        b"\xff\x20\x7f",
        b"\xff\x03\xff\xff\xff\x7f",
    ]
    at = 22 + int(rng.integers(40)) if len(content) > 70 else len(content)
    content[at:at] = (
        b"\x00"
        + event[int(rng.integers(len(event)))]
        + bytes(rng.choice([0, 1, 0x7F, 0xFF], size=int(rng.integers(6))).tolist())
    )


def ticks(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """Some waiting times are as long as they can be, or longer."""
    for _ in range(int(rng.choice([1, 2, 30]))):
        at = int(rng.integers(len(content)))
        content[at : at + int(rng.integers(0, 2))] = [
            b"\xff\xff\xff\x7f",
            b"\xff\xff\xff\xff\x7f",
            b"\x8f\xff\x7f",
            b"\xff" * 9,
        ][int(rng.integers(4))]


def events(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """Messages that go on for longer than the file does, without status, or with one that does not
    exist."""
    at = int(rng.integers(len(content)))
    kinds = [
        b"\x00\xf0\xff\xff\xff\x7f",
        b"\x00\xf7\x81\x00",
        b"\x00\xf4",
        b"\x00\xf9",
        b"\x00\xff\x7f\xff\xff\x7f",
        b"\x00\xff\x2f\x00",
        b"\x00\xe0",
    ]
    content[at:at] = kinds[int(rng.integers(len(kinds)))]


def rubbish(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """Nothing behind the headers is as it was."""
    content[22:] = rng.bytes(int(rng.integers(0, 3000)))


KINDS: tuple[Callable[[bytearray, np.random.Generator, bytes], None], ...] = (
    flip, overwrite, truncate, splice, repeat, cut, header, lengths, tempo, ticks, events, rubbish,
)  # fmt: skip


def repair(content: bytearray) -> None:
    """Make the length of each track what it is, so that a reader gets to what is inside."""
    marks = [at for at in range(len(content) - 8) if content[at : at + 4] == b"MTrk"]
    for at, behind in zip(marks, [*marks, len(content)][1:], strict=True):
        content[at + 4 : at + 8] = max(0, behind - at - 8).to_bytes(4, "big")


def originals(folder: Path | None) -> list[bytes]:
    """Files that we write, one that another program might have written, and some of a folder."""
    made = [midi_bytes(compose(9, number, 4), steps_per_beat=4) for number in range(4)]
    notes = b"".join(
        b"\x00\x90" + bytes([key, 64]) + b"\x60" + bytes([key, 0]) for key in range(30, 90)
    )  # running status, velocity 0
    track = (
        b"\x00\xff\x03\x05right"
        + notes
        + b"\x00\xf0\x03\x01\x02\xf7\x00\xc0\x00\x00\xb0\x40\x7f\x00\xff\x2f\x00"
    )
    made.append(
        b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk" + len(track).to_bytes(4, "big") + track
    )
    if folder is not None:
        made += [path.read_bytes() for path in sorted(folder.rglob("*.[mM][iI][dD]"))[::9]]
    return made


def mutant(files: list[bytes], seed: int, number: int) -> bytes:
    """One of endlessly many."""
    rng = np.random.default_rng([seed, number])
    content = bytearray(files[int(rng.integers(len(files)))])
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        if len(content) > 30:
            KINDS[int(rng.integers(len(KINDS)))](content, rng, files[int(rng.integers(len(files)))])
    if rng.random() < 0.6:
        repair(content)
    return bytes(content)


def main(seed: int, count: int, folder: Path | None) -> None:
    """Read so many mutants and say what became of them."""
    files = originals(folder)
    found: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        content = mutant(files, seed, number)
        sys.stderr.write(f"{number}\n")
        sys.stderr.flush()
        steps_per_beat = (4, 24)[number % 2]
        watched = number % 50 == 0
        if watched:
            tracemalloc.start()
        begun = time.perf_counter()
        try:
            piece = read_piece(content, "mutant", steps_per_beat)
            assert (
                piece.roll.dtype == np.uint8
                and piece.roll.shape[1:] == (2, KEYS)
                and piece.roll.max() <= 2
            )
            again = read_piece(content, "mutant", steps_per_beat)
            assert (again.roll == piece.roll).all(), "read twice, and not the same"
            found["pieces"] += 1
        except Unreadable as reason:
            assert str(reason) and "\n" not in str(reason)
            found[re.sub(r"[\d,]+", "N", str(reason))[:60]] += 1
        slowest = max(slowest, time.perf_counter() - begun)
        if watched:
            assert tracemalloc.get_traced_memory()[1] < LARGEST
            tracemalloc.stop()
    sys.stdout.write(json.dumps({"became": found, "slowest_seconds": slowest}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
