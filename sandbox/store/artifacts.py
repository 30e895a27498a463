"""What a run made: figures, animations, tables, models.

Every artifact is written whole or not at all, and no name leads out of the run's folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from sandbox.errors import StoreError
from sandbox.store.files import plain, sha256, temporary_name, whole_file, write_whole
from sandbox.store.record import Artifact, is_artifact_name

if TYPE_CHECKING:
    import numpy as np


class Artifacts:
    """The `artifacts` folder of one run.

    Args:
        folder: made when the first artifact is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, tuple[tuple[int, int], Artifact]] = {}

    def path(self, name: str) -> Path:
        """Where the artifact `name` stands, or will stand; its parent folder is made.

        Raises:
            StoreError: when the name is empty, absolute, or leads out of the folder.
        """
        if not is_artifact_name(name):
            raise StoreError(f"'{name}' cannot name an artifact: use a relative name such as 'figures/curve.png'.")
        path = self.folder.joinpath(*PurePosixPath(name).parts)
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise StoreError(f"'{name}' cannot name an artifact: it leads out of the run's folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A binary file to write to, which takes its name when the block ends without an error."""
        return whole_file(self.path(name), sync=False)

    def write(self, name: str, content: bytes | str) -> None:
        """Write bytes, or text as UTF-8."""
        write_whole(self.path(name), content.encode() if isinstance(content, str) else content, sync=False)

    def write_json(self, name: str, document: Any) -> None:
        """Write plain values as indented JSON."""
        self.write(name, json.dumps(document, indent=2, ensure_ascii=False, default=plain) + "\n")

    def save_array(self, name: str, array: np.ndarray) -> None:
        """Write one array as .npy."""
        import numpy as np

        with self.open(name) as file:
            np.save(file, array, allow_pickle=False)

    def save_figure(self, name: str, figure: Any) -> None:
        """Write a matplotlib figure as PNG (or what the name's ending says)."""
        path = self.path(name)
        with whole_file(path, sync=False) as file:
            kind = path.suffix.lstrip(".").lower() or "png"
            quick = {"pil_kwargs": {"compress_level": 3}, "metadata": {"Software": None}} if kind == "png" else {}
            figure.savefig(file, format=kind, **quick)

    def save_animation(self, name: str, frames: Iterable[np.ndarray], fps: float) -> None:
        """Write frames, uint8 [height, width, 3], as a GIF that loops."""
        from sandbox.animation import write_gif

        with self.open(name) as file:
            write_gif(file, frames, fps)

    def scratch(self, name: str) -> Path:
        """A temporary path for libraries that insist on writing themselves; `keep` gives it its name."""
        return temporary_name(self.path(name))

    def keep(self, scratch: Path, name: str) -> None:
        """Give a scratch file its name."""
        scratch.replace(self.path(name))

    def names(self) -> list[str]:
        """The names of all artifacts, sorted."""
        if not self.folder.is_dir():
            return []
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink() and not path.name.endswith(".tmp"))
        return sorted(path.relative_to(self.folder).as_posix() for path in files)

    def listing(self) -> list[Artifact]:
        """All artifacts with size and SHA-256; a file is read again only when it changed."""
        return [self.measured(name) for name in self.names()]

    def measured(self, name: str) -> Artifact:
        """An artifact with size and SHA-256."""
        path = self.folder / name
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if name not in self._known or self._known[name][0] != stamp:
            self._known[name] = (stamp, Artifact(name, status.st_size, sha256(path)))
        return self._known[name][1]

    def remove_scratch(self) -> None:
        """Remove what a killed run left half written."""
        for path in self.folder.rglob(".*.tmp"):
            path.unlink(missing_ok=True)
