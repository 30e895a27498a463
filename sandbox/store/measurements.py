"""metrics.jsonl and times.jsonl of an active run, kept consistent with its checkpoints.

A checkpoint keeps the size and SHA-256 of both files, so a resumed run cuts them back to exactly
what the checkpoint has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from sandbox.errors import CheckpointError
from sandbox.lab import Block, State
from sandbox.store import checkpoint
from sandbox.store.files import Directory
from sandbox.store.folder import METRICS, TIMES, RunFolder
from sandbox.store.metrics import BackgroundWriter, Mark, block_line
from sandbox.text import Document

FILES = (METRICS, TIMES)
LEARNED = "learning_seconds"
"""In the summary, and in a line of times.jsonl where an experiment measures more than that."""
MAX_SECONDS = 1e11
"""Three thousand years: no run has learned for so long."""


class Measurements:
    """Writes the two files of measurements of one run.

    Args:
        folder: the run's folder.
        marks: how much of each file is kept; a file without a mark begins empty.
    """

    def __init__(self, folder: RunFolder, marks: Mapping[str, Mark]) -> None:
        self._writers = {
            name: BackgroundWriter(folder.path / name, marks[name].size if name in marks else 0)
            for name in FILES
        }

    def write(self, blocks: Sequence[Block], times: Mapping[str, float]) -> None:
        """Append blocks to the metrics, and one line to the times."""
        for block in blocks:
            self._writers[METRICS].write(block_line(block.stream, block.columns))
        self._writers[TIMES].write(times)

    def sync(self) -> State:
        """Wait until everything is on the disk; returns what a checkpoint keeps of the files."""
        state: State = {}
        for name, writer in self._writers.items():
            writer.sync()
            size, sha256 = writer.mark
            state |= {_key(name): size, f"{_key(name)}_sha256": sha256}
        return state

    def close(self) -> dict[str, Document]:
        """Close the files; returns their sizes and SHA-256 by name."""
        for writer in self._writers.values():
            writer.close()
        return {name: writer.mark._asdict() for name, writer in self._writers.items()}


class SavedState(NamedTuple):
    """A checkpoint of a run.

    Attributes:
        number: the checkpoint's number.
        state: the state of the work, and everything else that the checkpoint holds.
        marks: how far each file of measurements was written; older formats have no SHA-256.
        seconds: seconds of learning up to the checkpoint.
    """

    number: int
    state: State
    marks: dict[str, Mark]
    seconds: float

    @classmethod
    def of(cls, number: int, state: State) -> SavedState:
        """The content of a checkpoint.

        Raises:
            CheckpointError: when it was not written by a run.
        """
        marks = {
            name: Mark(state.get(_key(name), -1), state.get(f"{_key(name)}_sha256", ""))
            for name in FILES
        }
        seconds = state.get("learning_seconds", -1)
        valid_marks = all(
            type(size) is int and size >= 0 and isinstance(sha256, str)
            for size, sha256 in marks.values()
        )
        valid = valid_marks and type(seconds) in (int, float) and 0 <= seconds < MAX_SECONDS
        if not valid:
            raise CheckpointError(
                f"Checkpoint {number:06d} is not one of a run: sizes of its files or its "
                "seconds are missing."
            )
        return cls(number, state, marks, float(seconds))

    def damaged_files(self, folder: RunFolder) -> list[str]:
        """The files of measurements that no longer begin with what the checkpoint has seen."""
        return [name for name, mark in self.marks.items() if not folder.begins_with(name, mark)]


def usable_checkpoints(folder: RunFolder, warn: Callable[[str], None]) -> Iterator[SavedState]:
    """Checkpoints that are whole and fit the files of measurements, the last one first.

    Args:
        folder: the run's folder.
        warn: called with a sentence for each checkpoint that is skipped.
    """
    for number, state in checkpoint.newest_first(folder.checkpoints, warn):
        try:
            saved = SavedState.of(number, state)
        except CheckpointError as error:
            warn(f"{error} The one before it is used.")
            continue
        damaged = saved.damaged_files(folder)
        if damaged:
            warn(
                f"{damaged[0]} is not what it was at checkpoint {number:06d}; an earlier "
                "checkpoint is used, or the beginning."
            )
            continue
        yield saved


def time_lines(directory: Directory) -> list[dict[str, float]]:
    """The lines of times.jsonl: what each block took.

    Args:
        directory: the run's folder.

    Raises:
        OSError, StoreError, ValueError: when they cannot be read.
    """
    return [orjson.loads(line) for line in directory.read(TIMES).splitlines()]


def time_totals(directory: Directory, names: Collection[str]) -> dict[str, float]:
    """The sums of some durations over all blocks, in seconds; arguments and errors as in
    `time_lines`."""
    lines = time_lines(directory) if names else []
    return {name: round(sum(line[name] for line in lines), 6) for name in names}


def _key(name: str) -> str:
    return name.removesuffix(".jsonl")
