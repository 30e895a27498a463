"""All access to what is below a folder of the store: open, create, rename, remove.

Nothing below such a folder is ever followed through a link: a run that was copied from elsewhere
can hold links to anything. Files are complete or absent: written under a temporary name, synced,
renamed into place.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from sandbox.errors import LinkError, StoreError
from sandbox.store import open_folder
from sandbox.store.open_folder import FILE, FOLDER, OpenFolder, no_file

DRAFT = ".tmp"
"""Ends the name of a file that is being written."""


class Directory:
    """A folder of the store, and what may be done below it.

    Names are relative, with `/` between their parts, and never lead out of the folder.

    Args:
        path: the folder. Links on the way to it are followed: where a store is, is the
            user's choice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def at(self, name: str) -> Path:
        """The path of a name, for messages and for libraries that insist on one; refuses links on
        the way.

        Raises:
            LinkError: when the name, or a folder on the way to it, is a link.
        """
        place = self.path
        for part in _parts(name):
            place = place / part
            if place.is_symlink():
                raise LinkError(place)
        return place

    def status(self, name: str) -> os.stat_result | None:
        """The status of a name (of a link, not of its target); None if the name does not exist."""
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            self._parent(name) as (folder, last),
        ):
            return folder.status(last)
        return None

    def exists(self, name: str) -> bool:
        """Whether a name is taken."""
        return self.status(name) is not None

    def size(self, name: str) -> int:
        """Bytes of a file; 0 where it is missing.

        Raises:
            StoreError: when it is not a file.
        """
        status = self.status(name)
        if status is None:
            return 0
        self._refuse_other(name, status)
        return status.st_size

    def open(self, name: str) -> IO[bytes]:
        """A file to read.

        Raises:
            FileNotFoundError: when it is missing.
            LinkError: when it, or a folder on the way to it, is a link.
            StoreError: when it is not a file: a folder, a pipe, a device.
        """
        return os.fdopen(self.descriptor(name, os.O_RDONLY), "rb")

    def descriptor(self, name: str, flags: int) -> int:
        """A file as an open descriptor; errors as in `open`.

        Args:
            name: the file's name.
            flags: as in `os.open`.
        """
        if flags == os.O_RDONLY and "/" not in name:  # nothing on the way could be a link
            descriptor = OpenFolder(self.path, None).open(_parts(name)[0], flags | FILE)
        else:
            with self._parent(name) as (folder, last):
                descriptor = folder.open(last, flags | FILE)
        try:
            self._refuse_other(name, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def read(self, name: str, most: int | None = None) -> bytes:
        """The content of a file; errors as in `open`.

        Args:
            name: the file's name.
            most: bytes that it may have.

        Raises:
            StoreError: also when the file is larger.
        """
        with self.open(name) as file:
            if most is None:
                return file.read()
            size = os.fstat(file.fileno()).st_size  # reading `most` would allocate `most` bytes
            content = file.read(min(size, most) + 1)
        if max(len(content), size) > most:
            raise StoreError(
                f"{self.path / name} has more than {most} bytes, far more than such a file can "
                "have."
            )
        return content

    def digest(self, name: str) -> str:
        """The SHA-256 of a file's content, hexadecimal; errors as in `open`."""
        with self.open(name) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]

    @contextlib.contextmanager
    def writing(self, name: str, *, sync: bool = True) -> Iterator[IO[bytes]]:
        """A file to write, which gets its name when the block ends without an error.

        Args:
            name: the file's name; a link of that name is replaced, not followed.
            sync: whether to wait until the bytes are on the disk.

        Raises:
            StoreError: when a folder of that name is in the way.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE
        with self._parent(name) as (folder, last):
            draft = temporary_name(last)
            try:
                with os.fdopen(folder.open(draft, flags), "wb") as file:
                    yield file
                    file.flush()
                    if sync:
                        os.fsync(file.fileno())
                try:
                    folder.replace(draft, last)
                except OSError:
                    if stat.S_ISDIR(folder.mode(last)):
                        raise StoreError(
                            f"{self.path / name} is a folder, where a file is to be written. Move "
                            "it away, or remove it."
                        ) from None
                    raise
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(folder.at(draft), dir_fd=folder.descriptor)
                raise
            if sync:
                folder.sync()

    def write(self, name: str, content: bytes, *, sync: bool = True) -> None:
        """Write a file, whole or not at all."""
        with self.writing(name, sync=sync) as file:
            file.write(content)

    def touch(self, name: str) -> None:
        """Create an empty file, or set an existing one's modification time to now; errors as in
        `open`.
        """
        descriptor = self.descriptor(name, os.O_WRONLY | os.O_CREAT)
        try:
            os.utime(descriptor if os.utime in os.supports_fd else self.path / name)
        finally:
            os.close(descriptor)

    def make(self, name: str) -> None:
        """Create a folder and its missing parents; this directory itself must exist."""
        place = Directory(self.path)
        for part in _parts(name):
            with place._parent(part) as (folder, last):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(folder.at(last), 0o755, dir_fd=folder.descriptor)
                status = folder.status(last)
            if stat.S_ISLNK(status.st_mode):
                raise LinkError(place.path / part)
            if not stat.S_ISDIR(status.st_mode):
                raise StoreError(f"{place.path / part} is in the way of a folder of that name.")
            place = Directory(place.path / part)

    def names(self, name: str = "") -> list[str]:
        """The names in a folder, sorted; none where it is missing.

        Raises:
            LinkError: when it, or a folder on the way to it, is a link.
        """
        try:
            with self._folder(name) as folder:
                return sorted(
                    os.listdir(folder.path if folder.descriptor is None else folder.descriptor)
                )
        except FileNotFoundError:
            return []

    def files(self, name: str = "") -> Iterator[str]:
        """All files in a folder and those below it, by name.

        Raises:
            LinkError: when one of them is a link.
            StoreError: when one is neither file nor folder.
        """
        for one, status in self._walk(name):
            self._refuse_other(one, status)
            yield one

    def odd(self) -> Iterator[str]:
        """The names of everything below that is neither file nor folder: links, pipes, devices."""
        return (one for one, status in self._walk("") if not stat.S_ISREG(status.st_mode))

    def _walk(self, name: str) -> Iterator[tuple[str, os.stat_result]]:
        """Everything below that is not a folder, sorted, with its status."""
        for one in self.names(name):
            inner = f"{name}/{one}" if name else one
            status = self.status(inner)
            if status is not None and stat.S_ISDIR(status.st_mode):
                yield from self._walk(inner)
            elif status is not None:
                yield inner, status

    def rename(self, old: str, new: str) -> None:
        """Give something another name in the same folder; a file of that name is replaced."""
        with self._parent(old) as (folder, last):
            folder.replace(last, _parts(new)[-1])

    def remove(self, name: str) -> None:
        """Remove a file, a link, or a folder with all that is in it; a missing one is no error."""
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (folder, last):
            if not stat.S_ISDIR(folder.status(last).st_mode):
                os.unlink(folder.at(last), dir_fd=folder.descriptor)
                return
            for inner in self.names(name):
                self.remove(f"{name}/{inner}")
            os.rmdir(folder.at(last), dir_fd=folder.descriptor)

    def remove_drafts(self, name: str = "", ending: str = DRAFT) -> None:
        """Remove incomplete files of killed writers in a folder, but not below it; or what else is
        hidden and has this ending.

        The caller is the only writer.
        """
        for one in self.names(name):
            if one.startswith(".") and one.endswith(ending):
                with contextlib.suppress(OSError):
                    self.remove(f"{name}/{one}" if name else one)

    def sync(self, name: str = "") -> None:
        """Make the names in a folder durable, where the system can."""
        with self._folder(name) as folder:
            folder.sync()

    @contextlib.contextmanager
    def _parent(self, name: str) -> Iterator[tuple[OpenFolder, str]]:
        """The open folder of a name, and the last part of the name."""
        *before, last = _parts(name)
        with self._folder("/".join(before)) as folder:
            yield folder, last

    @contextlib.contextmanager
    def _folder(self, name: str) -> Iterator[OpenFolder]:
        if not open_folder.DESCRIPTORS:
            place = self.at(name) if name else self.path
            if not place.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place))
            yield OpenFolder(place, None)
            return
        place, descriptor = self.path, os.open(self.path, FOLDER)
        try:
            for part in _parts(name) if name else ():
                inner = OpenFolder(place, descriptor).open(part, FOLDER | os.O_NOFOLLOW)
                os.close(descriptor)
                place, descriptor = place / part, inner
            yield OpenFolder(place, descriptor)
        finally:
            os.close(descriptor)

    def _refuse_other(self, name: str, status: os.stat_result) -> None:
        if stat.S_ISLNK(status.st_mode):
            raise LinkError(self.path / name)
        if not stat.S_ISREG(status.st_mode):
            raise no_file(self.path / name)


def is_name(text: str) -> bool:
    """Whether a text is the name of one file or folder, which leads nowhere else."""
    return text not in ("", ".", "..") and not any(character in text for character in "/\\\0:")


def _parts(name: str) -> Sequence[str]:
    """The parts of a name.

    Raises:
        StoreError: when it is empty, absolute, or leads out.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise StoreError(f"'{name}' cannot be a name in a run's folder.")
    return parts


def door(path: Path) -> tuple[Directory, str]:
    """The parent folder of a path, which is trusted, and the last part of the path."""
    return Directory(path.parent), path.name


def temporary_name(name: str) -> str:
    """A name beside another that no other process uses."""
    before, slash, last = name.rpartition("/")
    return f"{before}{slash}.{last[:100]}.{os.getpid()}-{secrets.token_hex(3)}{DRAFT}"


def whole_file(path: Path, *, sync: bool = True) -> AbstractContextManager[IO[bytes]]:
    """`Directory.writing` for a file outside of runs: where a user asks for it."""
    return Directory(path.parent).writing(path.name, sync=sync)


def write_whole(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file outside of runs, whole or not at all."""
    Directory(path.parent).write(path.name, content, sync=sync)
