"""Writes runs into one archive, with what others need to check them: the sources of plugins that
came from a file, a list of requirements, and a page that says how.

The same runs give the same bytes on every machine: names are sorted, dates and modes fixed, and
nothing is compressed, since compressed bytes depend on the version of zlib. Files are read as
everything in the store is: no link is followed.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import IO
from zipfile import ZipFile, ZipInfo

from sandbox.errors import StoreError, UsageError
from sandbox.runs.provenance import LIBRARIES
from sandbox.runs.signature import changes, plugin_files
from sandbox.runs.view import rebuilt
from sandbox.store.described import DescribedFolder
from sandbox.store.files import Directory, whole_file
from sandbox.store.folder import METRICS, RECORD, TIMES, RunFolder
from sandbox.store.measurements import usable_checkpoints
from sandbox.store.record import is_artifact_name
from sandbox.text import plural
from sandbox.visual import html

VERSION = re.compile(r"[\w.!+-]{1,50}", re.ASCII)
"""What a version looks like: a record could hold anything."""
TEMPLATES = {"README.md": "export.md", "requirements.txt": "requirements.txt"}
DESCRIBED = (".json", ".html", ".png", ".csv")
"""Files of sweeps, comparisons and reproductions that are exported."""
MODE = 0o100644 << 16
"""Of every file, as a zip file keeps it: its owner may write, everybody may read."""
UNIX = 3
"""The system whose modes the archive states, wherever it was written."""

Members = dict[str, Callable[[], IO[bytes]]]
"""The files of an archive: name -> opens it."""


def export(path: Path, exported: RunFolder | DescribedFolder) -> list[str]:
    """Write a run, or a sweep, comparison or reproduction with its runs, into an archive.

    Args:
        path: the archive.
        exported: what it is to hold. Unpacked, a run is a run's folder, and anything else a store.

    Returns:
        A sentence on runs that are missing, and for each way in which code or libraries are others
        now than those of a run.

    Raises:
        UsageError: when a run is running, or a plugin that it uses is not loaded.
        StoreError: when something is damaged, is a link, or has a name that leads elsewhere.
        OSError: when something cannot be read or written.
    """
    members: Members = {}
    notes: list[str] = []
    if isinstance(exported, RunFolder):
        group, folders = "", {"": exported}
    else:
        group, here = exported.room, Directory(exported.path)
        store = Directory(exported.path.parent.parent)
        runs = exported.members()
        there = [run for run in runs if store.exists(f"{run}/{RECORD}")]
        folders = {f"{run}/": RunFolder(store.at(run)) for run in there}
        if missing := len(runs) - len(there):
            notes.append(
                f"{missing} of {plural(len(runs), 'run')} not exported: not in {store.path}."
            )
        names = [name for name in here.names() if name.endswith(DESCRIBED)]
        members = _opened(here, names, f"{group}/{exported.id}/")
    records = {}
    plugins: set[Path] = set()
    for place, folder in folders.items():
        record = records[place] = folder.read()
        if record.status == "running":
            raise UsageError(f"Run {folder.id} is running; wait until it ends, or stop it.")
        rebuilt(record)  # refuses a run whose plugin is not loaded
        members |= _opened(folder.directory, _files(folder), place)
        plugins |= plugin_files(record)
        notes += [f"Run {folder.id} was computed with other code: {one}" for one in changes(record)]
    for source in plugins:
        members |= _opened(Directory(source.parent), [source.name], "plugin/")
    for file, template in TEMPLATES.items():
        text = html.render(
            template,
            name=exported.id,
            group=group,
            records=records,
            plugins=sorted(source.name for source in plugins),
            libraries=LIBRARIES.values(),
            version=VERSION.fullmatch,
        )
        members[file] = partial(io.BytesIO, text.encode())
    _write(path, exported.id, members)
    return notes


def _files(folder: RunFolder) -> Iterable[str]:
    """What others need of a run: its record, metrics, artifacts, and last whole checkpoint."""
    yield from (name for name in (RECORD, METRICS, TIMES) if folder.directory.exists(name))
    yield from (f"{folder.artifacts.folder.name}/{name}" for name in folder.artifacts.names())
    for saved in usable_checkpoints(folder, lambda _: None):
        yield from folder.directory.files(f"{folder.checkpoints.name}/{saved.number:06d}")
        break


def _opened(folder: Directory, names: Iterable[str], place: str) -> Members:
    return {f"{place}{name}": partial(folder.open, name) for name in names}


def _write(path: Path, name: str, members: Members) -> None:
    with whole_file(path) as file, ZipFile(file, "w") as archive:
        for inner in sorted(members):
            info = ZipInfo(f"{name}/{inner}")  # of 1980-01-01
            if not is_artifact_name(info.filename):
                raise StoreError(f"'{inner}' cannot be unpacked everywhere. Rename the file.")
            info.external_attr, info.create_system = MODE, UNIX
            with members[inner]() as content:
                info.file_size = content.seek(0, io.SEEK_END)
                content.seek(0)
                with archive.open(info, "w") as target:
                    shutil.copyfileobj(content, target)
