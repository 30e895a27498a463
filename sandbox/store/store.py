"""The store: a folder of runs, each in the folder of its lab.

Runs are found by id, by a unique beginning of one, by folder, or as `last`. There is no index: the
folders are the only source.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sandbox.errors import StoreError, UnknownNameError, UsageError, reason_of
from sandbox.input_files import StrPath
from sandbox.store import listing
from sandbox.store.folder import RunFolder, remove_graves
from sandbox.store.listing import Row, begun, run_folders
from sandbox.store.record import RunRecord

DEFAULT = "runs"


class Store:
    """All runs below one folder.

    Args:
        root: the folder; None, or an empty text, takes the environment variable SANDBOX_STORE, else
            `runs` here.
            Created with the first run.
    """

    def __init__(self, root: StrPath | None = None) -> None:
        self.root = Path(root or os.environ.get("SANDBOX_STORE") or DEFAULT)
        try:
            os.stat(self.root)
        except FileNotFoundError:
            pass  # the first run creates it
        except (OSError, ValueError) as error:
            raise UsageError(
                f"There can be no store at {str(self.root)!r}: {reason_of(error)}. --store DIR "
                "names another folder."
            ) from None

    @classmethod
    def lasting(cls, root: StrPath | None) -> Store:
        """The store that `root` means, also after the process changes its folder."""
        store = cls(root)
        store.root = store.root.absolute()
        return store

    def make(self, room: str, label: str, name: str = "") -> Path:
        """Create the folder ROOM/ID.

        Args:
            room: a lab's name, or "sweeps", "reproductions", "plays".
            label: part of the id: of a run, the agent's name, or the preset's.
            name: the id, when it was chosen before; its folder may exist already, as long as no run
                was begun in it.

        Raises:
            StoreError: when the store cannot be written.
        """
        while True:
            now, end = datetime.now(UTC), secrets.token_hex(2)
            path = self.root / room / (name or f"{now:%Y%m%d-%H%M%S}-{safe_label(label)}-{end}")
            try:
                path.mkdir(parents=True, exist_ok=bool(name))
                return path
            except FileExistsError:
                if not path.is_dir():
                    file = next((one for one in path.parents if one.is_file()), path)
                    raise StoreError(
                        f"Cannot make {path}: {file} is a file. Choose another store with --store."
                    ) from None
            except OSError as error:
                raise self._not_writable(error) from error

    def make_root(self) -> None:
        """Create the store's own folder, if it is missing.

        Raises:
            StoreError: when it cannot be created.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._not_writable(error) from error

    def _not_writable(self, error: OSError) -> StoreError:
        return StoreError(
            f"Cannot write to the store {self.root.resolve()}: {error.strerror}. Choose another "
            "with --store DIR or the variable SANDBOX_STORE."
        )

    def folders(self) -> list[RunFolder]:
        """Every run folder, oldest first, including runs that died before they had a run.json."""
        return [RunFolder(path) for path in sorted(self._ids(), key=lambda path: path.name)]

    def find(self, name: str) -> RunFolder:
        """The run that `name` means: `last`, an id, a unique beginning of one, or a folder.

        Raises:
            UnknownNameError: when no run has that name.
            UsageError: when several ids begin with it; all are named.
        """
        return self.find_each([name])[0]

    def find_each(self, names: Iterable[str]) -> list[RunFolder]:
        """The runs that names mean; see `find`. The store's folders are listed once."""
        runs = {path.name: path for path in self._ids()}
        return [self._find(name, runs) for name in names]

    def _find(self, name: str, runs: Mapping[str, Path]) -> RunFolder:
        if not name.strip():
            raise UsageError("A run has a name: an id, the beginning of one, a folder, or `last`.")
        path = Path(name)
        is_run = os.path.exists(path / "run.json")
        if is_run and (os.sep in name or "/" in name or name in (".", "..")):
            return RunFolder(path.resolve())
        if name == "last":
            if not runs:
                raise UsageError(
                    f"There are no runs in {self.root.resolve()} yet. `python -m sandbox run maze` "
                    "makes one."
                )
            return RunFolder(_newest(list(runs.values())))
        matches = matching(name, runs)
        if not matches and len(name) >= 3:
            matches = sorted(run for run in runs if run.endswith(name))
        if len(matches) > 1:
            some = f"{', '.join(matches[:8])}{' …' if len(matches) > 8 else ''}"
            raise UsageError(f"'{name}' could be {len(matches)} runs: {some}. Type more of the id.")
        if matches:
            return RunFolder(runs[matches[0]])
        if is_run:
            return RunFolder(path.resolve())
        hint, known = "`python -m sandbox list` shows all.", runs if len(runs) < 5 else []
        for kind in ("sweep", "comparison"):
            if name in (path.name for path in self.root.glob(f"{kind}s/*")):
                hint, known = f"It is a {kind}: `python -m sandbox show {name}` shows it", []
                hint += f", `resume {name}` continues it." if kind == "sweep" else "."
        raise UnknownNameError("run", name, known, hint)

    def rows(self) -> list[Row]:
        """One row for each run, oldest first."""
        listing.remove_old_index(self.root)
        return listing.rows(self.root)

    def delete(self, folder: RunFolder) -> None:
        """Delete a run and all its files.

        Raises:
            StoreError: when a process works on it, when it is not in this store, or when it
                cannot be removed.
        """
        self.check_deletable(folder)
        remove_graves(
            folder.path.parent
        )  # one may have the run's name, if the run is a restored copy
        folder.remove()

    def check_deletable(self, folder: RunFolder) -> None:
        """Refuse what `delete` refuses; nothing is removed."""
        if os.path.realpath(folder.path.parent.parent) != os.path.realpath(self.root):
            raise StoreError(
                f"{folder.path} is no run of the store {self.root.resolve()}; name its store with "
                "--store."
            )
        with contextlib.suppress(StoreError):
            if folder.read().status == "running":
                raise UsageError(f"Run {folder.id} is running; stop it first.")

    def _ids(self) -> list[Path]:
        return [self.root / path for path in run_folders(self.root)]


def matching(name: str, ids: Collection[str]) -> list[str]:
    """The id that equals the name, else all ids that begin with it, sorted."""
    if name in ids:
        return [name]
    return sorted(one for one in ids if name.strip() and one.startswith(name))


def safe_label(label: str) -> str:
    """The label with `-` for all that a file's name should not contain."""
    return re.sub(r"[^\w.-]", "-", label)


def _newest(paths: list[Path]) -> Path:
    """The run begun last, by the second in its id; runs of one second are compared by record."""
    second = max(begun(path.name)[:15] for path in paths)
    latest = [path for path in paths if begun(path.name)[:15] == second]
    return max(latest, key=lambda path: (_created(path), path.name))


def _created(path: Path) -> str:
    with contextlib.suppress(StoreError):
        return RunRecord.read(path / "run.json").created
    return ""
