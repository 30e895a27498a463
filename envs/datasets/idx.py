"""IDX files, plain or gzipped, as arrays: a file has exactly the bytes that its header states.

The format: two zero bytes, the type (8: unsigned byte), the number of dimensions, each dimension as
a big-endian 32-bit number, the data.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import zlib
from pathlib import Path

import numpy as np

from sandbox.errors import UsageError
from sandbox.input_files import read_bytes
from sandbox.text import number

REMEDY = "Replace the file by the original."

LARGEST = 256 * 2**20
"""Largest accepted file in bytes, also unpacked; those of MNIST have 47 million."""


def read_idx(
    path: Path, shape: tuple[int, ...], *, content_md5: str = "", archive_md5: str = ""
) -> np.ndarray:
    """The bytes of an IDX file as an array: uint8, of `shape`.

    Args:
        path: the file; a name that ends in .gz is unpacked.
        shape: the dimensions that the file must have.
        content_md5: of the unpacked file, or "" if unknown.
        archive_md5: of the gzipped file, or "" if unknown.

    Raises:
        UsageError: when magic number, dimensions, size or checksum are wrong.
    """
    packed = read_bytes(path, LARGEST)
    content = _unpacked(path, packed) if path.suffix == ".gz" else packed
    magic = bytes([0, 0, 8, len(shape)])
    if content[:4] != magic:
        raise UsageError(
            f"{path} is no IDX file of {len(shape)} dimensions: it begins with "
            f"{content[:4].hex(' ')}, not {magic.hex(' ')}. {REMEDY}"
        )
    header = 4 + 4 * len(shape)
    dimensions = (
        tuple(np.frombuffer(content[4:header], ">u4").tolist()) if len(content) >= header else ()
    )
    if dimensions != shape:
        raise UsageError(
            f"{path} announces {' x '.join(map(str, dimensions)) or 'nothing'}; expected "
            f"{' x '.join(map(str, shape))}. {REMEDY}"
        )
    if len(content) != header + math.prod(shape):
        raise UsageError(
            f"{path} has {number(len(content))} bytes; its header promises "
            f"{number(header + math.prod(shape))}. {REMEDY}"
        )
    for expected, got in (
        (content_md5, content),
        (archive_md5 if path.suffix == ".gz" else "", packed),
    ):
        if expected and hashlib.md5(got, usedforsecurity=False).hexdigest() != expected:
            raise UsageError(f"{path} is not the original: its MD5 sum is not {expected}. {REMEDY}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _unpacked(path: Path, packed: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise OSError(f"it unpacks to more than {LARGEST // 2**20} MiB")
        return content
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} is no whole gzip file: {error}. {REMEDY}") from error
