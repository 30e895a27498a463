"""The addresses of the page, and what each shows."""

from __future__ import annotations

from nicegui import app, ui

from sandbox.web import compare_page, files, groups_page, new_page, run_page, runs_page
from sandbox.web.compare_page import View
from sandbox.web.curves import SMOOTHING
from sandbox.web.service import Service

PATIENCE = 60.0
"""Seconds that a page may take: the first one may wait until a large store is read."""


def register(service: Service) -> None:
    """Add all pages of a store to NiceGUI's application.

    Args:
        service: the store that they show.
    """
    files.register(app, service)

    @ui.page("/", response_timeout=PATIENCE)
    async def runs(group: str = "", view: str = "") -> None:
        await runs_page.show(service, group, view)

    @ui.page("/runs/{lab}/{run}", response_timeout=PATIENCE)
    async def one_run(lab: str, run: str) -> None:
        await run_page.show(service, f"{lab}/{run}")

    @ui.page("/compare", response_timeout=PATIENCE)
    async def compared(
        runs: str = "", curve: str = "", bands: bool = True, smoothing: float = SMOOTHING
    ) -> None:
        await compare_page.show(service, runs.split(","), View(curve, bands, smoothing))

    @ui.page("/groups", response_timeout=PATIENCE)
    async def groups() -> None:
        await groups_page.show(service)

    @ui.page("/sweeps/{name}", response_timeout=PATIENCE)
    async def sweep(name: str) -> None:
        await groups_page.show_sweep(service, name)

    @ui.page("/new", response_timeout=PATIENCE)
    async def new(lab: str = "") -> None:
        await new_page.show(service, lab)
