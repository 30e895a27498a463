"""Files named on the command line. Reading one always ends, even of /dev/zero."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

StrPath = str | os.PathLike[str]
"""A path, as the functions of the standard library take it."""
LARGEST = 64 * 2**20
"""Bytes that a file of settings, points or cells may have."""


def listed(values: Iterable[Any] | StrPath) -> list[Any]:
    """Values as a list; a text, a path or a number alone is one of them.

    Example:
        >>> listed("sarsa"), listed(("sarsa", "random"))
        (['sarsa'], ['sarsa', 'random'])
    """
    if isinstance(values, (str, os.PathLike)) or not isinstance(values, Iterable):
        return [values]
    return list(values)


def read_bytes(path: str | Path, most: int = LARGEST) -> bytes:
    """The content of a file.

    Raises:
        OSError: when it cannot be read, or has more than `most` bytes.
    """
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"It has more than {most // 2**20} MiB", str(path))
    return content


def read_text(path: str | Path) -> str:
    """The content of a UTF-8 text file, without a byte order mark, its lines ended by a line feed.

    Raises:
        OSError: as in `read_bytes`.
        UnicodeDecodeError: when it is not such text.
    """
    return read_bytes(path).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
