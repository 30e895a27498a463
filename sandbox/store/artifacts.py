"""Artifacts of a run: figures, animations, tables, models.

Every artifact is written whole or not at all, and always inside the run's folder.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from sandbox.errors import StoreError
from sandbox.store.files import DRAFT, door, temporary_name
from sandbox.store.record import Artifact, is_artifact_name
from sandbox.text import to_json

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure


class Artifacts:
    """The `artifacts` folder of one run.

    Args:
        folder: created when the first artifact is written; the run's own folder must be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run, self._name = door(folder)
        self._known: dict[str, tuple[tuple[int, int], Artifact]] = {}

    def path(self, name: str) -> Path:
        """The path of the artifact `name`, for libraries that need a path; its parent folder is
        created.

        Raises:
            StoreError: when the name is empty, absolute, or leads out of the folder, or a link is
                in the way.
        """
        return self._run.at(self._made(name))

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A binary file to write to, which takes its name when the block ends without an error."""
        return self._run.writing(self._made(name), sync=False)

    def read(self, name: str) -> bytes:
        """The content of an artifact.

        Raises:
            FileNotFoundError: when it is missing.
            StoreError: when it is a link, or not a file.
        """
        return self._run.read(self._inside(name))

    def write(self, name: str, content: bytes | str) -> None:
        """Write bytes, or text as UTF-8."""
        self._run.write(
            self._made(name), content.encode() if isinstance(content, str) else content, sync=False
        )

    def _inside(self, name: str) -> str:
        """The artifact's name in the run's folder."""
        if not is_artifact_name(name):
            raise StoreError(
                f"'{name}' cannot name an artifact: use a relative name such as "
                "'figures/curve.png'."
            )
        return "/".join([self._name, *PurePosixPath(name).parts])

    def _made(self, name: str) -> str:
        """The same, with its parent folders created."""
        inside = self._inside(name)
        self._run.make(inside.rpartition("/")[0])
        return inside

    def write_json(self, name: str, document: object) -> None:
        """Write plain values as indented JSON."""
        self.write(name, to_json(document))

    def write_csv(self, name: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """Write a table as comma-separated text, row by row, so that a large one takes no memory.

        Args:
            name: of the artifact.
            header: names of the columns.
            rows: as many values each.
        """
        with self.open(name) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            csv.writer(text, lineterminator="\n").writerows(itertools.chain([header], rows))
            text.detach()  # flushes, and leaves the file open

    def save_array(self, name: str, array: np.ndarray) -> None:
        """Write one array as .npy."""
        import numpy as np

        with self.open(name) as file:
            np.save(file, array, allow_pickle=False)

    def save_figure(self, name: str, figure: Figure) -> None:
        """Write a matplotlib figure as PNG (or what the name's ending says)."""
        with self.open(name) as file:
            kind = PurePosixPath(name).suffix.lstrip(".").lower() or "png"
            if kind == "png":  # compressed quickly
                options = {"compress_level": 3}
                figure.savefig(file, pil_kwargs=options, metadata={"Software": None})
            else:
                figure.savefig(file, format=kind)

    def save_animation(self, name: str, frames: Iterable[np.ndarray], fps: float) -> None:
        """Write frames, uint8 [height, width, 3], as a GIF that loops."""
        from sandbox.visual.animation import write_gif

        with self.open(name) as file:
            write_gif(file, frames, fps)

    def scratch(self, name: str) -> Path:
        """A temporary path for libraries that open the file themselves; `keep` gives it its final
        name.
        """
        return self._run.at(temporary_name(self._made(name)))

    def keep(self, scratch: Path, name: str) -> None:
        """Give a scratch file its final name."""
        inside = self._made(name)
        self._run.rename(f"{inside.rpartition('/')[0]}/{scratch.name}", inside)

    def names(self) -> list[str]:
        """The names of all artifacts, sorted.

        Raises:
            LinkError: when one of them is a link.
        """
        files = (name.removeprefix(f"{self._name}/") for name in self._run.files(self._name))
        return sorted(name for name in files if not name.endswith(DRAFT))

    def listing(self) -> list[Artifact]:
        """All artifacts with size and SHA-256; a file is read again only when it changed."""
        return [self.measured(name) for name in self.names()]

    def measured(self, name: str) -> Artifact:
        """One artifact with size and SHA-256."""
        inside = self._inside(name)
        status = self._run.status(inside)
        if status is None:
            raise FileNotFoundError(f"artifact {name} is missing")
        stamp = (status.st_mtime_ns, status.st_size)
        if name not in self._known or self._known[name][0] != stamp:
            self._known[name] = (stamp, Artifact(name, status.st_size, self._run.digest(inside)))
        return self._known[name][1]

    def remove_scratch(self) -> None:
        """Remove files that a killed run left incomplete."""
        for name in self._run.files(self._name):
            last = name.rpartition("/")[2]
            if last.startswith(".") and last.endswith(DRAFT):
                self._run.remove(name)
