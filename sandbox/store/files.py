"""The one door to what stands below a folder of the store: open, create, rename, remove.

Nothing below such a folder is ever followed through a link: a run that was copied from elsewhere can hold links to anything. Files
are whole or not there: written under a temporary name, synced, renamed into place.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from sandbox.errors import LinkError, StoreError

DRAFT = ".tmp"
"""Ends the name of a file that is being written."""
DESCRIPTORS = (
    os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
)
"""Whether the system can open a name relative to an open folder without following links; elsewhere every part is looked at first."""
_FILE = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


class Directory:
    """A folder of the store, and what may be done below it.

    Names are relative, with `/` between their parts, and never lead out of the folder.

    Args:
        path: the folder. Links on the way to it are followed: where a store stands is the user's own business.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def at(self, name: str) -> Path:
        """The path of a name, for messages and for libraries that insist on one; refuses links on the way.

        Raises:
            LinkError: when the name, or a folder on the way to it, is a link.
        """
        place = self.path
        for part in _parts(name):
            place = place / part
            if place.is_symlink():
                raise LinkError(place)
        return place

    def below(self, name: str) -> Directory:
        """A folder below this one, whether it is there or not."""
        return Directory(self.at(name))

    def status(self, name: str) -> os.stat_result | None:
        """What stands under a name, a link as a link; None for nothing."""
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            self._parent(name) as (folder, last),
        ):
            return _stat(folder, last)
        return None

    def exists(self, name: str) -> bool:
        """Whether something stands under a name."""
        return self.status(name) is not None

    def size(self, name: str) -> int:
        """Bytes of a file; 0 where it is missing.

        Raises:
            StoreError: when it is no file.
        """
        found = self.status(name)
        if found is None:
            return 0
        self._refuse_other(name, found)
        return found.st_size

    def open(self, name: str) -> IO[bytes]:
        """A file to read.

        Raises:
            FileNotFoundError: when it is missing.
            LinkError: when it, or a folder on the way to it, is a link.
            StoreError: when it is no file: a folder, a pipe, a device.
        """
        return os.fdopen(self.descriptor(name, os.O_RDONLY), "rb")

    def descriptor(self, name: str, flags: int) -> int:
        """A file as an open descriptor; errors as of `open`.

        Args:
            name: of the file.
            flags: as of `os.open`.
        """
        with self._parent(name) as (folder, last):
            descriptor = _open(folder, last, flags | _FILE, self.path / name)
        try:
            self._refuse_other(name, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def read(self, name: str, most: int | None = None) -> bytes:
        """The content of a file; errors as of `open`.

        Args:
            name: of the file.
            most: bytes that it may have.

        Raises:
            StoreError: also when it is larger.
        """
        with self.open(name) as file:
            if most is None:
                return file.read()
            size = os.fstat(file.fileno()).st_size  # not `most`, which would be set aside
            content = file.read(min(size, most) + 1)
        if max(len(content), size) > most:
            raise StoreError(
                f"{self.path / name} has more than {most} bytes, far more than such a file can have."
            )
        return content

    def digest(self, name: str) -> str:
        """The SHA-256 of a file's content, hexadecimal; errors as of `open`."""
        with self.open(name) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a buffered reader

    @contextlib.contextmanager
    def writing(self, name: str, *, sync: bool = True) -> Iterator[IO[bytes]]:
        """A file to write that takes its name only when the block ends without an error; what stood there stays until then.

        Args:
            name: of the file; a link of that name is replaced, not followed.
            sync: whether to wait until the bytes are on the disk.

        Raises:
            StoreError: when a folder of that name is in the way.
        """
        scratch = temporary_name(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE
        with self._parent(name) as (folder, last):
            draft = scratch.rpartition("/")[2]
            try:
                with os.fdopen(_open(folder, draft, flags, self.path / scratch), "wb") as file:
                    yield file
                    file.flush()
                    if sync:
                        os.fsync(file.fileno())
                try:
                    _replace(folder, draft, last)
                except OSError:
                    if _is_folder(folder, last):
                        raise StoreError(
                            f"{self.path / name} is a folder, where a file is to be written. Move it away, or remove it."
                        ) from None
                    raise
            except BaseException:
                with contextlib.suppress(OSError):
                    _unlink(folder, draft)
                raise
            if sync:
                _sync(folder)

    def write(self, name: str, content: bytes, *, sync: bool = True) -> None:
        """Write a file, whole or not at all."""
        with self.writing(name, sync=sync) as file:
            file.write(content)

    def touch(self, name: str) -> None:
        """Make an empty file, or give one the time of now; errors as of `open`."""
        descriptor = self.descriptor(name, os.O_WRONLY | os.O_CREAT)
        try:
            os.utime(descriptor if os.utime in os.supports_fd else self.path / name)
        finally:
            os.close(descriptor)

    def make(self, name: str) -> None:
        """Make a folder and those on the way to it; the folder itself must be there."""
        place = Directory(self.path)
        for part in _parts(name):
            with place._parent(part) as (folder, last):
                with contextlib.suppress(FileExistsError):
                    _mkdir(folder, last)
                found = _stat(folder, last)
            if stat.S_ISLNK(found.st_mode):
                raise LinkError(place.path / part)
            if not stat.S_ISDIR(found.st_mode):
                raise StoreError(f"{place.path / part} is in the way of a folder of that name.")
            place = Directory(place.path / part)

    def names(self, name: str = "") -> list[str]:
        """The names in a folder, sorted; none where it is missing.

        Raises:
            LinkError: when it, or a folder on the way to it, is a link.
        """
        try:
            with self._folder(name) as folder:
                return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []

    def files(self, name: str = "") -> Iterator[str]:
        """All files in a folder and those below it, by name.

        Raises:
            LinkError: when one of them is a link.
            StoreError: when one is neither file nor folder.
        """
        for one in self.names(name):
            inner = f"{name}/{one}" if name else one
            found = self.status(inner)
            if found is not None and stat.S_ISDIR(found.st_mode):
                yield from self.files(inner)
            elif found is not None:
                self._refuse_other(inner, found)
                yield inner

    def odd(self, name: str = "") -> Iterator[str]:
        """The names of everything below that is neither file nor folder: links, pipes, devices."""
        for one in self.names(name):
            inner = f"{name}/{one}" if name else one
            found = self.status(inner)
            if found is not None and stat.S_ISDIR(found.st_mode):
                yield from self.odd(inner)
            elif found is not None and not stat.S_ISREG(found.st_mode):
                yield inner

    def rename(self, old: str, new: str) -> None:
        """Give something another name in the same folder; a file of that name is replaced."""
        with self._parent(old) as (folder, last):
            _replace(folder, last, _parts(new)[-1])

    def remove(self, name: str) -> None:
        """Remove a file, a link, or a folder with all that is in it; nothing is said where there is none."""
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (folder, last):
            if not stat.S_ISDIR(_stat(folder, last).st_mode):
                _unlink(folder, last)
                return
            for inner in self.names(name):
                self.remove(f"{name}/{inner}")
            _rmdir(folder, last)

    def remove_drafts(self) -> None:
        """Remove the files that killed writers left half written, in this folder alone. The caller is its one writer."""
        for name in self.names():
            if name.startswith(".") and name.endswith(DRAFT):
                with contextlib.suppress(OSError):
                    self.remove(name)

    def sync(self, name: str = "") -> None:
        """Make the names in a folder durable, where the system can."""
        with self._folder(name) as folder:
            _sync(folder)

    @contextlib.contextmanager
    def _parent(self, name: str) -> Iterator[tuple[Any, str]]:
        """The open folder that a name stands in (a descriptor, or a path where there are none), and the last part of the name."""
        *before, last = _parts(name)
        with self._folder("/".join(before)) as folder:
            yield folder, last

    @contextlib.contextmanager
    def _folder(self, name: str) -> Iterator[Any]:
        if not DESCRIPTORS:
            place = self.at(name) if name else self.path
            if not place.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place))
            yield place
            return
        descriptor = os.open(self.path, _FOLDER)
        try:
            place = self.path
            for part in _parts(name) if name else ():
                place = place / part
                inner = _open(descriptor, part, _FOLDER | os.O_NOFOLLOW, place)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _refuse_other(self, name: str, found: os.stat_result) -> None:
        if stat.S_ISLNK(found.st_mode):
            raise LinkError(self.path / name)
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(
                f"{self.path / name} is no file. Remove it; nothing that is kept here has this form."
            )

    def __repr__(self) -> str:
        return f"Directory({str(self.path)!r})"


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


def _open(folder: Any, name: str, flags: int, place: Path) -> int:
    """Open a name in a folder, which is a descriptor or, on systems without them, a path."""
    try:
        if isinstance(folder, int):
            return os.open(name, flags, 0o644, dir_fd=folder)
        if (folder / name).is_symlink():
            raise LinkError(place)
        descriptor = os.open(folder / name, flags, 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(folder, name):
            raise LinkError(place) from None
        if error.errno in (
            errno.ENXIO,
            errno.EISDIR,
        ):  # a pipe nobody writes to, a socket; a folder to be written
            raise StoreError(
                f"{place} is no file. Remove it; nothing that is kept here has this form."
            ) from None
        raise
    if (folder / name).is_symlink() or not os.path.samestat(
        os.fstat(descriptor), os.lstat(folder / name)
    ):
        os.close(descriptor)  # it was exchanged in between
        raise LinkError(place)
    return descriptor


def _is_link(folder: Any, name: str) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISLNK(_stat(folder, name).st_mode)
    return False


def _stat(folder: Any, name: str) -> os.stat_result:
    return (
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        if isinstance(folder, int)
        else os.lstat(folder / name)
    )


def _is_folder(folder: Any, name: str) -> bool:
    try:
        return stat.S_ISDIR(_stat(folder, name).st_mode)
    except FileNotFoundError:
        return False


def _replace(folder: Any, old: str, new: str) -> None:
    if isinstance(folder, int):
        os.replace(old, new, src_dir_fd=folder, dst_dir_fd=folder)
    else:
        os.replace(folder / old, folder / new)


def _unlink(folder: Any, name: str) -> None:
    if isinstance(folder, int):
        os.unlink(name, dir_fd=folder)
    else:
        os.unlink(folder / name)


def _mkdir(folder: Any, name: str) -> None:
    if isinstance(folder, int):
        os.mkdir(name, 0o755, dir_fd=folder)
    else:
        os.mkdir(folder / name, 0o755)


def _rmdir(folder: Any, name: str) -> None:
    if isinstance(folder, int):
        os.rmdir(name, dir_fd=folder)
    else:
        os.rmdir(folder / name)


def _sync(folder: Any) -> None:
    """Make the names in a folder durable; where the system cannot do that (Windows), nothing."""
    if isinstance(folder, int):
        with contextlib.suppress(OSError):
            os.fsync(folder)


def door(path: Path) -> tuple[Directory, str]:
    """The folder that a path stands in, and its name there: for files and folders directly below a folder that is trusted."""
    return Directory(path.parent), path.name


def temporary_name(name: str) -> str:
    """A name beside another that no other process uses."""
    before, slash, last = name.rpartition("/")
    return f"{before}{slash}.{last[:100]}.{os.getpid()}-{secrets.token_hex(3)}{DRAFT}"


@contextlib.contextmanager
def whole_file(path: Path, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """`Directory.writing` for a file outside of runs: where a user asks for it."""
    with Directory(path.parent).writing(path.name, sync=sync) as file:
        yield file


def write_whole(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file outside of runs, whole or not at all."""
    Directory(path.parent).write(path.name, content, sync=sync)
