"""A folder that is held open, so that a name in it is never followed through a link.

Where the system has no descriptors of folders (Windows), every name is checked before it is opened
and compared afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from sandbox.errors import LinkError, StoreError

DESCRIPTORS = os.open in os.supports_dir_fd and {"O_NOFOLLOW", "O_DIRECTORY"} <= vars(os).keys()
"""Whether the system can open a name in an open folder without following links (not Windows)."""


def _flags(*names: str) -> int:
    return sum(vars(os).get(name, 0) for name in names)  # 0 where the system has no such flag


FILE = _flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
FOLDER = _flags("O_DIRECTORY", "O_CLOEXEC")


class OpenFolder(NamedTuple):
    """A folder that is open, or only its path: for reading a single name, or where the system has
    no descriptors of folders.

    Attributes:
        path: the folder's path.
        descriptor: descriptor of the open folder, or None; without one, only its path is kept.
    """

    path: Path
    descriptor: int | None

    def at(self, name: str) -> str | Path:
        """A name in the folder, for functions of `os` that get `dir_fd=self.descriptor` too."""
        return self.path / name if self.descriptor is None else name

    def status(self, name: str) -> os.stat_result:
        """The status of a name (of a link, not of its target)."""
        return os.stat(self.at(name), dir_fd=self.descriptor, follow_symlinks=False)

    def mode(self, name: str) -> int:
        """The mode of a name; 0 if the name does not exist."""
        with contextlib.suppress(OSError):
            return self.status(name).st_mode
        return 0

    def open(self, name: str, flags: int) -> int:
        """Open a name without following a link.

        Raises:
            LinkError: when it is a link.
            StoreError: when it is not a file.
        """
        checked = self.descriptor is None and not DESCRIPTORS
        if checked and stat.S_ISLNK(self.mode(name)):
            raise LinkError(self.path / name)
        try:
            descriptor = os.open(self.at(name), flags, 0o644, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR) and stat.S_ISLNK(self.mode(name)):
                raise LinkError(self.path / name) from None
            if error.errno in (errno.ENXIO, errno.EISDIR):  # a pipe, a socket, a folder
                raise no_file(self.path / name) from None
            raise
        if checked and not os.path.samestat(os.fstat(descriptor), self.status(name)):
            os.close(descriptor)  # it was replaced in the meantime
            raise LinkError(self.path / name)
        return descriptor

    def replace(self, old: str, new: str) -> None:
        """Give something another name; a file of that name is replaced."""
        fd = self.descriptor
        os.replace(self.at(old), self.at(new), src_dir_fd=fd, dst_dir_fd=fd)

    def sync(self) -> None:
        """Make the names in the folder durable, where the system can."""
        if self.descriptor is not None:
            with contextlib.suppress(OSError):
                os.fsync(self.descriptor)


def no_file(place: Path) -> StoreError:
    """The error of a folder, pipe or device where a file should be."""
    return StoreError(f"{place} is no file. Remove it; nothing that is kept here has this form.")
