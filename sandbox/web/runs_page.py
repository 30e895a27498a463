"""All runs as one table: filtered, sorted, grouped, chosen; the view lives in the address.

The table's columns and its first order are in the template runs_table.json.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from sandbox.text import Document, number, plural
from sandbox.visual import html
from sandbox.web import layout
from sandbox.web.run_page import resume
from sandbox.web.service import Service

FIRST = 300
"""So many of the newest runs are shown at once; the others follow."""
SECONDS = 1.0
"""Between two looks at the store."""
GROUPINGS = {"": "nothing", "lab": "lab", "agent": "agent", "group": "sweep or comparison"}
RESUMABLE = ("interrupted", "timed-out", "failed", "lost")
STATE = ("filter", "sort", "rowSelection")
"""What of the table's state is kept in the address."""


async def show(service: Service, group: str, view: str) -> None:
    """The page.

    Args:
        service: the store.
        group: what runs are grouped by, a key of `GROUPINGS`.
        view: the table's state as JSON.
    """
    rows = await layout.in_thread(service.table, 0 if group or view else FIRST)
    with layout.frame("Runs", "Runs"):
        if not rows and not service.hidden():
            _welcome(service)
        elif group in GROUPINGS and group:
            _toolbar(group)
            _grouped(rows, group)
        else:
            RunTable(service, rows, _state(view))


def _welcome(service: Service) -> None:
    with layout.card("No runs yet"):
        layout.soft(f"The store {service.store.root.resolve()} is empty.")
        ui.button("New run", on_click=lambda: ui.navigate.to("/new"))


def _state(view: str) -> Document:
    """The table's state that an address holds; empty for another text."""
    try:
        state = layout.clean(json.loads(view or "{}"))
    except (ValueError, RecursionError):
        return {}
    return {name: state[name] for name in STATE if isinstance(state, dict) and name in state}


def _toolbar(group: str) -> ui.row:
    with layout.bar() as bar:
        layout.heading("Runs")
        ui.space()
        ui.select(
            GROUPINGS,
            value=group,
            label="group by",
            on_change=lambda event: ui.navigate.to(_address(event.value, {})),
        ).props("dense outlined").classes("w-52")
    return bar


def _address(group: str, state: Mapping[str, Any]) -> str:
    known = {"group": group, "view": json.dumps(state) if state else ""}
    return "/?" + urlencode({name: value for name, value in known.items() if value})


def _grouped(rows: Sequence[Mapping[str, Any]], column: str) -> None:
    """One line for each value of a column; it leads to its runs."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(str(row[column]), []).append(row)
    lines = []
    for name, some in groups.items():
        statuses = Counter(row["status"] for row in some).most_common()
        scores = [row["score"] for row in some if row["score"] is not None]
        ends = [number(min(scores)), number(max(scores))] if scores else []
        span = " to ".join(dict.fromkeys(ends))  # one value where both are the same
        kind = {"filterType": "text", "type": "equals" if name else "blank", "filter": name}
        address = _address("", {"filter": {"filterModel": {column: kind}}})
        counts = ", ".join(f"{count} {status}" for status, count in statuses)
        lines.append([(name or "none", address), len(some), counts, span, some[0]["created"]])
    with layout.card():
        columns = [GROUPINGS[column], "runs", "status", "scores", "last begun"]
        layout.plain_table(columns, lines)


class RunTable:
    """The table, which follows the store while it is shown.

    Args:
        service: the store.
        rows: as `Service.table` gives them.
        state: filter, order and selection to begin with.
    """

    def __init__(self, service: Service, rows: list[Document], state: Document) -> None:
        self._service, self._known = service, {row["id"]: row for row in rows}
        with _toolbar(""):
            search = ui.input(placeholder="search", on_change=self._search)
            search.props('dense outlined clearable debounce=200 aria-label="search"')
        with layout.bar():
            self._chosen = layout.soft("")
            self._buttons = {
                layout.button("Compare", "show_chart", self._compare): (),
                layout.button("Stop", "stop", self._stop): ("running",),
                layout.button("Resume", "play_arrow", self._resume): RESUMABLE,
                layout.button("Hide", "visibility_off", self._hide): (),
                layout.button("Delete", "delete", self._delete): (),
            }
            ui.space()
            self._unhide = ui.button(on_click=self._show_hidden).props("flat dense no-caps")
        options = json.loads(html.render("runs_table.json")) | {"rowData": rows}
        if state:
            options["initialState"] = state
        self._columns = {column["field"] for column in options["columnDefs"]}
        self._grid = ui.aggrid(options, auto_size_columns=False).classes("runs")
        self._selection = [str(one) for one in state.get("rowSelection", [])]
        self._show_chosen()
        self._grid.on("cellClicked", self._open, ["colId", "rowId"])
        for event in ("filterChanged", "sortChanged", "selectionChanged"):
            self._grid.on(event, self._changed, [], throttle=0.3, leading_events=False)
        ui.timer(SECONDS, self._follow)

    def _search(self, event: Any) -> None:
        """Show only rows with the words in them."""
        self._grid.run_grid_method("setGridOption", "quickFilterText", event.value or "")

    def _open(self, event: Any) -> None:
        if event.args["colId"] in self._columns and event.args["rowId"] in self._known:
            ui.navigate.to(layout.run_address(event.args["rowId"]))

    async def _changed(self) -> None:
        """Keep the table's state in the address."""
        state = await self._grid.run_grid_method("getState", timeout=5)
        kept = {name: state[name] for name in STATE if state.get(name)}
        chosen = kept.get("rowSelection", [])
        self._selection = chosen if isinstance(chosen, list) else []
        self._show_chosen()
        ui.navigate.history.replace(_address("", kept))

    def _show_chosen(self) -> None:
        chosen = f"{plural(len(self._selection), 'run')} chosen"
        self._chosen.set_text(chosen if self._selection else plural(len(self._known), "run"))
        for button, statuses in self._buttons.items():
            button.set_enabled(bool(self._with(statuses)))
        hidden = len(self._service.hidden())
        self._unhide.set_text(f"Show {plural(hidden, 'hidden run')}")
        self._unhide.set_visibility(hidden > 0)

    async def _follow(self) -> None:
        table = await layout.in_thread(self._service.table)
        rows = {row["id"]: row for row in table}
        added = [row for name, row in rows.items() if name not in self._known]
        changed = [row for name, row in rows.items() if self._known.get(name, row) != row]
        gone = [{"id": name} for name in self._known if name not in rows]
        self._known = rows
        if added or changed or gone:
            self._grid.run_grid_method(
                "applyTransaction",
                {"add": added, "update": changed, "remove": gone, "addIndex": 0},
            )
            self._selection = [name for name in self._selection if name in rows]
            self._show_chosen()

    def _compare(self) -> None:
        ui.navigate.to(layout.compare_address(self._selection))

    def _with(self, statuses: Sequence[str]) -> list[str]:
        """Paths of the chosen runs with one of some statuses; () means all statuses."""
        return [
            path
            for path in self._selection
            if path in self._known and (not statuses or self._known[path]["status"] in statuses)
        ]

    async def _stop(self) -> None:
        for path in self._with(("running",)):
            await layout.attempt(self._service.stop, path)

    def _resume(self) -> None:
        for path in self._with(RESUMABLE):
            resume(self._service, self._known[path]["run"])

    async def _hide(self) -> None:
        await layout.attempt(self._service.hide, self._selection)
        await self._follow()

    async def _show_hidden(self) -> None:
        await layout.attempt(self._service.reveal)
        await self._follow()

    async def _delete(self) -> None:
        paths = list(self._selection)
        question = f"Delete {plural(len(paths), 'run')} and all files of them?"
        if await layout.confirmed(question, "Delete"):
            for path in paths:
                await layout.attempt(self._service.delete, path)
            await self._follow()
