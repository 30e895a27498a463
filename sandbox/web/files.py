"""Files that the page serves: listed artifacts of runs, and pages of groups of runs.

Nothing else is reachable: a name must be one that run.json lists, it is opened without following a
link, and only pictures and sounds are shown; the rest is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import quote

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from sandbox.errors import SandboxError
from sandbox.store.files import Directory, is_name
from sandbox.web.export import run_page
from sandbox.web.facts import MEDIA
from sandbox.web.service import Service

PIECE = 1 << 16
"""Bytes that are sent at a time."""
SEALED = "sandbox; default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
"""The policy of a file from a store: it may run nothing and load nothing."""
GROUPS = ("sweeps", "comparisons", "reproductions")


def register(app: FastAPI, service: Service) -> None:
    """Add the addresses of files to an application."""

    @app.get("/files/{lab}/{run}/{name:path}")
    def artifact(lab: str, run: str, name: str) -> StreamingResponse:
        """An artifact that run.json lists."""
        try:
            folder = service.folder(f"{lab}/{run}")
            if name not in {one.name for one in folder.read().artifacts}:
                raise HTTPException(404)
            file = folder.directory.open(f"{folder.artifacts.folder.name}/{name}")
        except (SandboxError, OSError):
            raise HTTPException(404) from None
        return _answer(file, MEDIA.get(Path(name).suffix, ""), Path(name).name)

    @app.get("/export/{lab}/{run}")
    def export(lab: str, run: str) -> StreamingResponse:
        """A run as one page in one file."""
        try:
            content = run_page(service.run(f"{lab}/{run}")).encode()
        except (SandboxError, OSError):
            raise HTTPException(404) from None
        headers = {"content-disposition": _attachment(f"{run}.html")}
        return StreamingResponse(iter([content]), media_type="text/html", headers=headers)

    @app.get("/runs/{room}/{group}/{name}")
    def page(room: str, group: str, name: str) -> StreamingResponse:
        """A page of a sweep, a comparison or a reproduction."""
        known = room in GROUPS and Path(name).suffix in (".html", ".json", ".csv")
        if not (known and is_name(group) and is_name(name)):
            raise HTTPException(404)
        try:
            file = Directory(service.store.root / room).open(f"{group}/{name}")
        except (SandboxError, OSError):
            raise HTTPException(404) from None
        return _answer(file, "text/html" if name.endswith(".html") else "", name)


def _answer(file: IO[bytes], kind: str, name: str) -> StreamingResponse:
    """A file of a kind that browsers show; of no kind, it is downloaded under its name."""
    headers = {"content-security-policy": SEALED, "cache-control": "no-cache"}
    if not kind:
        kind, headers["content-disposition"] = "application/octet-stream", _attachment(name)
    return StreamingResponse(_pieces(file), media_type=kind, headers=headers)


def _attachment(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name)}"


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, PIECE), b"")
