"""Piano rolls in MATLAB files: the published form of the benchmarks of Boulanger-Lewandowski et al.
(2012), Piano-midi.de, Nottingham, MuseData and JSB chorales.

A file has the variables traindata, validdata and testdata: each a cell array of pieces, a piece a
matrix [steps, 88] that is 1 where a key sounds. A step is an eighth note. Onsets are not in it, so
a repeated note is one long note. The file is data alone: reading it runs no code.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from envs.datasets.midi import MIDDLE_C, Piece
from envs.datasets.pieces import SPLITS, Line, Pieces, in_splits
from envs.datasets.rolls import KEYS, held_from_sounding
from sandbox.errors import UsageError, reason_of

MATLAB = ".mat"
"""Ending of such files."""
MOST_BYTES, MOST_INFLATED = 64_000_000, 512_000_000
"""Of a file, and of its variables when they are decompressed."""
HEADER, COMPRESSED = 128, 15
"""Bytes before the first variable of a MATLAB 5 file, ending with the byte order, and the type of a
compressed variable."""


def read_matrices(path: Path) -> Pieces:
    """The pieces of a MATLAB file, in its own splits.

    Args:
        path: of the file.

    Raises:
        UsageError: when it is not such a file; the message says what is expected.
    """
    import scipy.io

    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        _check_size(content)
        names = [f"{split}data" for split in SPLITS]
        tables = scipy.io.loadmat(io.BytesIO(content), variable_names=names)
        groups = {split: list(_pieces(split, tables[f"{split}data"])) for split in SPLITS}
        if not any(groups.values()):
            raise ValueError("no pieces")
    except Exception as error:  # SciPy raises errors of many kinds at damaged files
        raise UsageError(
            f"{path} cannot be read as piano rolls ({type(error).__name__}: "
            f"{reason_of(error)}). Expected is a MATLAB 5 file with the cell arrays traindata, "
            "validdata and testdata of matrices [steps, 88], as published with the benchmarks of "
            "Boulanger-Lewandowski et al. (2012)."
        ) from error
    report = [
        Line(piece.name, split, piece.how, len(piece.roll))
        for split, pieces in groups.items()
        for piece in pieces
    ]
    return in_splits(groups, report, path.name)


def _check_size(content: bytes) -> None:
    """Refuse a file that is too large, before anything is made of it."""
    if len(content) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes")
    place, left = HEADER, MOST_INFLATED
    order = ">u4" if content[:HEADER].endswith(b"MI") else "<u4"
    while place + 8 <= len(content):
        kind, length = np.frombuffer(content, order, 2, place).tolist()
        if kind == COMPRESSED:
            inflater = zlib.decompressobj()
            left -= len(inflater.decompress(content[place + 8 : place + 8 + length], left + 1))
            if left < 0:
                raise ValueError(f"more than {MOST_INFLATED:,} bytes when decompressed")
        place += 8 + length


def _pieces(split: str, cells: Any) -> Iterator[Piece]:
    """The pieces of a cell array, the right hand from middle C upwards."""
    for number, cell in enumerate(np.asarray(cells, dtype=object).ravel()):
        keys = np.asarray(cell)
        if keys.ndim != 2 or keys.shape[1] != KEYS or not len(keys):
            raise ValueError(f"{split}data[{number}] has the shape {list(keys.shape)}")
        if not np.isin(keys, (0, 1)).all():
            raise ValueError(f"{split}data[{number}] has values other than 0 and 1")
        high = np.arange(KEYS) >= MIDDLE_C
        sounding = np.stack([(keys == 1) & high, (keys == 1) & ~high], axis=1)  # [steps, 2, 88]
        roll = held_from_sounding(sounding)
        yield Piece(f"{split}{number:04}", roll, "a matrix, split at middle C")
