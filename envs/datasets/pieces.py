"""A folder of MIDI files as pieces in three splits, with a report on each file.

No piece is in two splits, and adding a file does not move another: unless subfolders define the
splits, a hash of the seed and of the file's name selects the split of a piece.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.datasets.midi import MAX_BYTES, Piece, Unreadable, read_piece
from sandbox.errors import UsageError

SPLITS = ("train", "valid", "test")
ENDINGS = (".mid", ".midi")
WHERE = "piano-midi.de offers pieces with a track for each hand (Bernd Krueger, CC BY-SA)"


class Line(NamedTuple):
    """How a file was read: split ("" if skipped), how it was read or why not, number of steps."""

    name: str
    split: str
    how: str
    steps: int = 0


@dataclass(frozen=True)
class Pieces:
    """Pieces in splits.

    Attributes:
        splits: "train", "valid" and "test", none of them empty.
        report: a line for each file, in the order of their names.
        notes: remarks for readers of the results ("no piece fell into the split 'test'").
        source: of the pieces, in a few words.
    """

    splits: Mapping[str, tuple[Piece, ...]]
    report: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""

    @property
    def skipped(self) -> int:
        """Number of files that could not be read as pieces."""
        return sum(not line.split for line in self.report)

    def digest(self) -> str:
        """A hash of every step in every split, which a resumed run compares."""
        digest = hashlib.sha256()
        for split, pieces in self.splits.items():
            for piece in pieces:
                digest.update(f"{split} {piece.name} {piece.roll.shape}\n".encode())
                digest.update(np.ascontiguousarray(piece.roll).tobytes())
        return digest.hexdigest()

    def table(self) -> str:
        """The report as a table of tab-separated values."""
        counted = ", ".join(f"{len(pieces)} {split}" for split, pieces in self.splits.items())
        lines = [
            f"# {self.source}: {counted}; {self.skipped} of {len(self.report)} files skipped",
            "file\tsplit\tsteps\thow it was read",
        ]
        lines += [
            f"{line.name}\t{line.split or 'SKIPPED'}\t{line.steps}\t{line.how}"
            for line in self.report
        ]
        return "\n".join(lines) + "\n"


def midi_files(folder: Path) -> Iterator[Path]:
    """All MIDI files below a folder, in the order of their names; hidden ones are ignored."""
    names = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS and path.is_file()
    )
    for name in names:
        if not any(part.startswith(".") for part in name.parts):
            yield folder / name


def find_pieces(folder: Path) -> None:
    """Check that a folder or its subfolders contain a MIDI file, without reading any.

    Raises:
        UsageError: when the folder has no MIDI file.
    """
    if next(midi_files(folder), None) is None:
        raise UsageError(_nothing_in(folder, []))


def split_of(name: str, seed: int, valid: float, test: float) -> str:
    """The split of a piece, from the seed and the name of its file alone.

    Args:
        name: of the file, without folders.
        seed: >= 0.
        valid, test: expected shares of the pieces.
    """
    number = (
        int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "big") / 2**64
    )  # in [0, 1)
    return "test" if number < test else "valid" if number < test + valid else "train"


def read_folder(
    folder: Path, *, steps_per_beat: int, seed: int, valid: float = 0.1, test: float = 0.1
) -> Pieces:
    """The pieces of a folder.

    Args:
        folder: searched with all its subfolders. If it has subfolders `train`, `valid` and
            `test`, these are the splits.
        steps_per_beat: steps to a quarter note.
        seed: of the split, where subfolders do not define it.
        valid, test: shares of the pieces that are held out, where subfolders do not define them.

    Raises:
        UsageError: when no file in it can be read as a piece.
    """
    found = [split for split in SPLITS if (folder / split).is_dir()]
    given = len(found) == len(SPLITS)
    groups: dict[str, list[Piece]] = {split: [] for split in SPLITS}
    report: list[Line] = []
    seen: dict[bytes, str] = {}
    for path in midi_files(folder):
        name = path.relative_to(folder).as_posix()
        split = (
            path.relative_to(folder).parts[0] if given else split_of(path.name, seed, valid, test)
        )
        if split not in SPLITS:
            report.append(Line(name, "", "in none of the folders train, valid, test"))
            continue
        try:
            content = _content(path)
            first = seen.setdefault(hashlib.sha256(content).digest(), name)
            if first != name and content:  # both could be in different splits
                raise Unreadable(f"the same file as {first}")
            piece = read_piece(content, name, steps_per_beat)
        except Unreadable as reason:
            report.append(Line(name, "", str(reason)))
            continue
        groups[split].append(piece)
        report.append(Line(name, split, piece.how, len(piece.roll)))
    if not any(groups.values()):
        raise UsageError(_nothing_in(folder, report))
    pieces = in_splits(groups, report, str(folder.name))
    if given or not found:
        return pieces
    note = (
        f"The folder has {' and '.join(found)}, but not all of {', '.join(SPLITS)}: a hash of each "
        "file's name chooses its split, whatever its folder."
    )
    return replace(pieces, notes=(note, *pieces.notes))


def in_splits(groups: Mapping[str, Iterable[Piece]], report: Iterable[Line], source: str) -> Pieces:
    """Pieces with no empty split; if pieces must be in two splits for that, a note names them."""
    splits = {split: tuple(groups[split]) for split in SPLITS}
    everything = tuple(piece for split in SPLITS for piece in splits[split])
    notes = []
    if not splits["train"]:
        splits["train"] = everything
        notes.append(
            "No piece fell into the split 'train': all pieces are learned from, also those that "
            "test."
        )
    for split in ("valid", "test"):
        if not splits[split]:
            splits[split] = splits["train"]
            notes.append(
                f"No piece fell into the split '{split}': training pieces replace it, "
                "so its figures flatter."
            )
    return Pieces(splits, tuple(report), tuple(notes), source)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error


def _nothing_in(folder: Path, report: list[Line]) -> str:
    if not report:
        return (
            f"There is no MIDI file (.mid, .midi) in {folder} or below it: give another folder "
            "with "
            "--data DIR, or learn the études that the program composes with "
            f"`python -m sandbox run music --dataset etudes`; {WHERE}."
        )
    first = "; ".join(f"{line.name}: {line.how}" for line in report[:3])
    more = "; …" if len(report) > 3 else ""
    return (
        f"None of the {len(report)} MIDI files in {folder} is a piano piece ({first}{more}). "
        f"{WHERE}."
    )
