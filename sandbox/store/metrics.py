"""metrics.jsonl: the measurements of a run, one block per line, in order.

The file is only ever appended to, except that a resumed run first cuts it back to what its
checkpoint had seen.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import orjson

from sandbox.errors import StoreError, UnknownNameError
from sandbox.store.files import door
from sandbox.text import Document, printable

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame

Columns = dict[str, "np.ndarray"]
"""Columns of a stream by name."""
PIECE = 1 << 20
"""Bytes that are hashed at a time."""


class Mark(NamedTuple):
    """How far a file was written, and the digest of its content up to there."""

    size: int
    """Bytes."""
    sha256: str
    """Of those bytes, hexadecimal."""


def marks(file: IO[bytes], sizes: Sequence[int]) -> list[Mark]:
    """Marks of the first `size` bytes of a file for each size, in one pass; sizes beyond its end
    are left out.

    Args:
        file: open to read, at its beginning.
        sizes: bytes, rising.
    """
    result: list[Mark] = []
    digest, done = hashlib.sha256(), 0
    for size in sizes:
        while done < size:
            piece = file.read(min(PIECE, size - done))
            if not piece:
                return result
            digest.update(piece)
            done += len(piece)
        result.append(Mark(size, digest.hexdigest()))
    return result


class LineWriter:
    """Appends JSON lines to a file; a line that could not be written whole is removed again.

    Args:
        path: created when missing.
        offset: the file is cut back to this many bytes first; None keeps all.
    """

    def __init__(self, path: Path, offset: int | None = None) -> None:
        self.path = path
        folder, name = door(path)
        self._descriptor = folder.descriptor(name, os.O_RDWR | os.O_CREAT)
        if os.fstat(self._descriptor).st_nlink > 1:  # a hard link: never change the other file
            os.close(self._descriptor)
            folder.write(name, folder.read(name))
            self._descriptor = folder.descriptor(name, os.O_RDWR)
        size = os.fstat(self._descriptor).st_size
        if offset is not None and offset > size:
            os.close(self._descriptor)
            raise StoreError(
                f"{path} has {size} bytes; the checkpoint was made when it had {offset}. The file "
                "was cut; an earlier checkpoint may still fit."
            )
        self.offset = size if offset is None else offset
        os.ftruncate(self._descriptor, self.offset)
        self._digest = hashlib.sha256()
        for begin in range(0, self.offset, PIECE):  # which leaves the descriptor at the end
            self._digest.update(os.read(self._descriptor, min(PIECE, self.offset - begin)))

    @property
    def mark(self) -> Mark:
        """How far it is written."""
        return Mark(self.offset, self._digest.hexdigest())

    def write(self, document: Mapping[str, Any]) -> None:
        """Append one line.

        Raises:
            OSError: when it cannot be written; the file ends with the last whole line then.
        """
        line = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
        written = 0
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:] if written else line)
        except OSError:
            os.ftruncate(self._descriptor, self.offset)
            os.lseek(self._descriptor, self.offset, os.SEEK_SET)
            raise
        self.offset += written
        self._digest.update(line)

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class BackgroundWriter(LineWriter):
    """A LineWriter with its own thread: while compiled code computes without the GIL, lines are
    encoded and written beside it.

    Args:
        path: created when missing.
        offset: the file is cut back to this many bytes first.
    """

    AHEAD = 64
    """Lines that may wait; a faster writer has to wait for the disk."""
    FLUSH = 32_000_000
    """After so many bytes they are brought to the disk at once, so that a checkpoint has little
    left to wait for.
    """

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(path, offset)
        self._lines: queue.Queue[Mapping[str, Any] | None] = queue.Queue(self.AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="metrics", daemon=True)
        self._thread.start()

    def write(self, document: Mapping[str, Any]) -> None:
        """Append one line, soon; its arrays must not change afterwards.

        Raises:
            OSError: when an earlier line could not be written. The file ends with the last whole
                line before it then.
        """
        self._raise()
        self._lines.put(document)

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        self._lines.join()
        self._raise()
        super().sync()

    def close(self) -> None:
        """Write what waits and close the file; may be called again."""
        if self._thread.is_alive():
            self._lines.put(None)
            self._thread.join()
        super().close()

    def _work(self) -> None:
        flushed = self.offset
        while True:
            document = self._lines.get()
            try:
                if document is None:
                    return
                if self._error is None:
                    super().write(document)
                    if self.offset - flushed > self.FLUSH:
                        super().sync()
                        flushed = self.offset
            except BaseException as error:
                self._error = error
            finally:
                self._lines.task_done()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


def block_line(stream: str, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> Document:
    """A block as the JSON document of one line.

    Raises:
        ValueError: when a column is not a list or an array, when they are not equally long, or one
            is named "stream".
    """
    for name, column in columns.items():
        if isinstance(column, str) or not isinstance(column, Sized):
            raise ValueError(
                f"column '{name}' of stream '{stream}' is {column!r}, not a list or an array"
            )
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns of a block in stream '{stream}' differ in length: {lengths}")
    if "stream" in columns:
        raise ValueError("a column cannot be named 'stream'")
    return {"stream": stream} | {name: _contiguous(column) for name, column in columns.items()}


def _contiguous(column: Sequence[Any] | np.ndarray) -> np.ndarray | list[Any]:
    import numpy as np

    if isinstance(column, np.ndarray):
        return np.array(column, order="C")  # a copy: it is written while the experiment continues
    return [value.item() if isinstance(value, np.generic) else value for value in column]


def _ignore(_: str) -> None:
    """Report nothing; metrics with a lambda could not be pickled."""


class Metrics:
    """What a run measured, by stream.

    Args:
        path: the path of metrics.jsonl.
        report: called with a sentence for each line that cannot be read.
    """

    def __init__(self, path: Path, report: Callable[[str], None] = _ignore) -> None:
        self.path = path
        self._report = report
        self._columns: dict[str, Columns] | None = None

    @property
    def streams(self) -> list[str]:
        """The names of the streams, in the order of their first block."""
        return list(self._read())

    def columns(self, stream: str, names: Sequence[str] | None = None) -> Columns:
        """The columns of one stream; a missing value ("none") is NaN. Empty when there is no such
        stream.

        Args:
            stream: its name.
            names: only these columns, which saves time and memory where there are millions of rows;
                None gives all.
        """
        if self._columns is None and names is not None:
            return _joined(self.blocks(stream), set(names)).get(stream, {})
        return self._read().get(stream, {})

    def __iter__(self) -> Iterator[str]:
        """All columns, as "stream/column"."""
        return (f"{stream}/{column}" for stream, names in self._read().items() for column in names)

    def __contains__(self, name: object) -> bool:
        """Whether `[name]` is a column."""
        return isinstance(name, str) and len(self._found(name)) == 1

    def __getitem__(self, name: str) -> np.ndarray:
        """One column by "stream/column", or by its name alone when only one stream has it.

        Raises:
            KeyError: when no column has that name, or several do; all or the nearest are named.
        """
        found = self._found(name)
        if len(found) > 1:
            raise KeyError(f"Several streams have a column '{name}': {', '.join(found)}.")
        if not found:
            known = {one if "/" in name else one.partition("/")[2] for one in self}
            raise KeyError(str(UnknownNameError("column", name, known)))
        return found.popitem()[1]

    def _found(self, name: str) -> dict[str, np.ndarray]:
        return {
            f"{stream}/{column}": values
            for stream, columns in self._read().items()
            for column, values in columns.items()
            if name in (column, f"{stream}/{column}")
        }

    def frame(self, stream: str) -> DataFrame:
        """One stream as a pandas DataFrame (pandas must be installed)."""
        import pandas

        return pandas.DataFrame(self.columns(stream))

    def blocks(self, stream: str | None = None) -> Iterator[Document]:
        """The lines one by one, or those of one stream; a last line that was cut off, and damaged
        ones, are reported and skipped.
        """
        return (block for _, block in self.since(0, stream))

    def since(self, begin: int, stream: str | None = None) -> Iterator[tuple[int, Document]]:
        """The lines behind the first `begin` bytes, as in `blocks`; nothing before is read.

        Args:
            begin: bytes; the end of a line.
            stream: only this one.

        Yields:
            The end of a line, in bytes, and its block.
        """
        beginning = b"" if stream is None else orjson.dumps({"stream": stream})[:-1]
        folder, name = door(self.path)
        try:
            file = folder.open(name)
        except FileNotFoundError:
            return
        with file:
            end = file.seek(begin)
            for number, line in enumerate(file, 1):
                end += len(line)
                if not line.endswith(b"\n"):
                    self._report(
                        f"{self.path.name}: line {number} is cut off; the run was stopped while "
                        "writing it. It is passed over."
                    )
                    return
                if not line.startswith(beginning):
                    continue
                document = _block(line)
                if document is None:
                    self._report(f"{self.path.name}: line {number} is damaged and passed over.")
                else:
                    yield end, document

    def _read(self) -> dict[str, Columns]:
        if self._columns is None:
            self._columns = _joined(self.blocks(), None)
        return self._columns


def _block(line: bytes) -> Document | None:
    """A line as a block; None when it is damaged."""
    try:
        document = {
            printable(name): printable(value) if isinstance(value, str) else value
            for name, value in orjson.loads(line).items()
        }
    except (orjson.JSONDecodeError, AttributeError):
        return None
    sound = all(
        isinstance(value, str if name == "stream" else list) for name, value in document.items()
    )
    return document if sound and "stream" in document else None


def _joined(blocks: Iterable[Document], names: set[str] | None) -> dict[str, Columns]:
    """The columns of every stream, with blocks concatenated; `names` None means all columns.

    A block with a column that is not one-dimensional is damaged and skipped.
    """
    import numpy as np

    parts: dict[str, dict[str, list[np.ndarray]]] = {}
    for block in blocks:
        columns = parts.setdefault(block.pop("stream"), {})
        arrays = {
            name: array_of(values)
            for name, values in block.items()
            if names is None or name in names
        }
        if all(column.ndim == 1 for column in arrays.values()):
            for name, column in arrays.items():
                columns.setdefault(name, []).append(column)
    return {
        stream: {name: np.concatenate(pieces) for name, pieces in columns.items()}
        for stream, columns in parts.items()
    }


def array_of(values: list[Any]) -> np.ndarray:
    """The values of a column; a nested list gives an array with more than one dimension."""
    import numpy as np

    try:
        array = np.array(values)
    except ValueError:  # lists of unequal lengths
        return np.empty((0, 0))
    if array.dtype != object:
        return array
    numbers = all(value is None or isinstance(value, (int, float)) for value in values)
    return (
        np.array(values, dtype=np.float64)
        if numbers
        else np.array(["" if value is None else str(value) for value in values])
    )
