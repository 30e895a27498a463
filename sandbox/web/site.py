"""The addresses of the page, and what each shows."""

from __future__ import annotations

from nicegui import app, ui

from sandbox.store.store import Store
from sandbox.web import compare_page, files, groups_page, new_page, run_page, runs_page
from sandbox.web.service import Service


def register(store: Store) -> Service:
    """Add all pages of a store to NiceGUI's application.

    Args:
        store: the store that they show.
    """
    service = Service(store)
    files.register(app, service)

    @ui.page("/")
    async def runs(group: str = "", view: str = "") -> None:
        await runs_page.show(service, group, view)

    @ui.page("/runs/{lab}/{run}")
    async def one_run(lab: str, run: str) -> None:
        await run_page.show(service, f"{lab}/{run}")

    @ui.page("/compare")
    async def compared(runs: str = "") -> None:
        await compare_page.show(service, runs.split(","))

    @ui.page("/groups")
    async def groups() -> None:
        await groups_page.show(service)

    @ui.page("/sweeps/{name}")
    async def sweep(name: str) -> None:
        await groups_page.show_sweep(service, name)

    @ui.page("/new")
    async def new(lab: str = "") -> None:
        await new_page.show(service, lab)

    return service
