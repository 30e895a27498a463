"""One run: its curves as it learns, its score, settings, pictures and sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from nicegui import ui

from sandbox.errors import SandboxError
from sandbox.store.record import RunRecord
from sandbox.text import number, words
from sandbox.web import charts, layout
from sandbox.web.curves import Curves
from sandbox.web.facts import SOUNDS, facts, notes, pictures
from sandbox.web.service import Service

MOST_BYTES = 1_000_000
"""Of a MIDI file that is drawn."""
SECONDS = 0.5
"""Between two looks at the run."""


async def show(service: Service, path: str) -> None:
    """The page.

    Args:
        service: the store.
        path: LAB/ID.
    """
    name = path.partition("/")[2]
    with layout.frame(name, "Runs"):
        try:
            page = RunPage(service, path)
            await page.begin()
        except (SandboxError, OSError) as error:
            layout.problem(str(error))
            with ui.row():
                _delete_button(service, path)


class RunPage:
    """The page of a run, which follows it until it ends.

    Args:
        service: the store.
        path: LAB/ID.
    """

    def __init__(self, service: Service, path: str) -> None:
        self._service, self._path = service, path
        self._folder = service.folder(path)
        self._record = self._folder.read()
        self._charts: dict[tuple[str, str], ui.echart] = {}
        self._drawn = -1

    async def begin(self) -> None:
        """Draw what is there, and follow the rest."""
        self._head = ui.column().classes("w-full gap-2")
        with ui.row().classes("items-center w-full gap-4"):
            layout.heading("Curves", 2)
            ui.space()
            layout.soft("smoothing")
            self._smoothing = ui.slider(min=0, max=0.2, step=0.01, value=layout.SMOOTHING)
            self._smoothing.classes("w-40").props('aria-label="smoothing"')
            self._smoothing.on_value_change(self._redraw)
        self._curves_area = ui.element("div").classes("charts")
        self._rest = ui.column().classes("w-full gap-4")
        self._draw_head()
        self._draw_rest()
        await self._follow()
        self._timer = ui.timer(SECONDS, self._follow)

    async def _follow(self) -> None:
        """Draw what has changed since the last look."""
        try:
            record = await layout.in_thread(self._folder.read)
            curves = await layout.in_thread(self._service.curves, self._folder, record)
        except (SandboxError, OSError):  # it was deleted
            ui.notify("The run is gone.")
            self._timer.cancel()
            return
        if record != self._record:
            self._record = record
            self._draw_head()
            self._draw_rest()
        self._progress.set_value(min(1.0, curves.done / (record.limit or 1)))
        self._done.set_text(_done(record, curves))
        if curves.read_bytes != self._drawn:
            self._draw_curves(curves)

    async def _redraw(self) -> None:
        self._draw_curves(await layout.in_thread(self._service.curves, self._folder, self._record))

    def _draw_curves(self, curves: Curves) -> None:
        self._drawn = curves.read_bytes
        score = self._record.score.get("name")
        every = [(stream, name) for stream, names in curves.names.items() for name in names]
        wanted = sorted(every, key=lambda one: one[1] != score)
        if wanted != list(self._charts):
            self._lay_out(wanted)
        for (stream, name), chart in self._charts.items():
            chart.options.clear()
            chart.options.update(self._options(curves, stream, name))
            chart.update()

    def _lay_out(self, wanted: list[tuple[str, str]]) -> None:
        self._charts.clear()
        self._curves_area.clear()
        with self._curves_area:
            for stream, name in wanted:
                with ui.element("div").classes("card"):
                    with ui.row().classes("items-baseline gap-2"):
                        layout.heading(words(name), 2)
                        layout.soft(stream)
                    self._charts[stream, name] = ui.echart({}).classes("chart")

    def _options(self, curves: Curves, stream: str, name: str) -> dict[str, Any]:
        """A curve, smoothed over its own values where it is long."""
        line, label = curves.line(stream, name), words(name)
        score = self._record.score
        optimum = score.get("optimum") if score.get("name") == name else None
        shown = curves.line(stream, name, float(self._smoothing.value))
        faint = {label: line} if len(shown.x) != len(line.x) and line.low is None else {}
        return charts.curves({label: shown}, self._record.unit, optimum=optimum, faint=faint)

    def _draw_head(self) -> None:
        record, told = self._record, facts(self._service.run(self._path))
        self._head.clear()
        with self._head:
            with ui.row().classes("items-center w-full gap-3"):
                layout.heading(told["title"])
                ui.label(record.status).classes(f"badge {told['tone']}")
                ui.space()
                self._actions()
            layout.soft(record.id)
            with ui.row().classes("items-center w-full gap-3 no-wrap"):
                self._progress = ui.linear_progress(show_value=False).classes("flex-1")
                self._progress.set_visibility(bool(record.limit) and record.status != "finished")
                self._done = layout.soft("")
            if told["score"]:
                with ui.row().classes("w-full gap-4"):
                    _figure(words(told["score"].name), told["value"])
                    if told["score"].optimum is not None:
                        _figure("best possible", number(told["score"].optimum))
                        _figure("gap to it", told["regret"])
            if record.command:
                layout.copyable(record.command)

    def _actions(self) -> None:
        record = self._record
        flat = "outline dense no-caps"
        if record.status == "running":
            ui.button("Stop", icon="stop", on_click=self._stop).props(flat)
        elif record.status != "finished":
            ui.button("Resume", icon="play_arrow", on_click=self._resume).props(flat)
        file = f"/export/{quote(self._path)}"
        save = ui.button("Save as HTML", icon="download", on_click=lambda: ui.navigate.to(file))
        save.props(flat)
        _delete_button(self._service, self._path)

    async def _stop(self) -> None:
        await layout.attempt(self._service.stop, self._path)

    async def _resume(self) -> None:
        words = ["resume", self._record.id]
        started = await layout.attempt(self._service.start, words)
        ui.notify("Resuming")

        def complain() -> None:
            if started.process.poll() is not None:
                timer.cancel()
                if started.process.returncode:
                    ui.notify(
                        started.complaint()[-2000:], type="negative", timeout=0, close_button="OK"
                    )

        timer = ui.timer(0.5, complain)

    def _draw_rest(self) -> None:
        record = self._record
        self._rest.clear()
        address = f"/files/{quote(self._path)}/"
        with self._rest:
            layout.template("run_facts.html", **facts(self._service.run(self._path)))
            if names := pictures(record):
                layout.heading("Pictures", 2)
                with ui.element("div").classes("pictures"):
                    for name in names:
                        with ui.element("figure").classes("card"):
                            ui.element("img").props["src"] = address + quote(name)
                            layout.soft(name)
            sounds = [one.name for one in record.artifacts if Path(one.name).suffix in SOUNDS]
            for name in sounds:
                with ui.row().classes("card items-center"):
                    ui.audio(address + quote(name))
                    layout.soft(name)
            for one in record.artifacts:
                if one.name.endswith(".mid") and one.size < MOST_BYTES:
                    self._draw_music(one.name)
            if record.artifacts:
                layout.heading("Files", 2)
                rows = [
                    [(one.name, address + quote(one.name)), number(one.size)]
                    for one in record.artifacts
                ]
                with ui.element("div").classes("card"):
                    layout.plain_table(["file", "bytes"], rows)

    def _draw_music(self, name: str) -> None:
        try:
            hands = notes(self._folder.artifacts.read(name))
        except (SandboxError, OSError):
            return
        if hands:
            with ui.element("div").classes("card"):
                layout.heading(name, 2)
                ui.echart(charts.piano_roll(hands)).classes("chart")


def _figure(name: str, value: str) -> None:
    with ui.element("div").classes("card").style("width: auto; min-width: 10rem"):
        layout.soft(name)
        ui.label(value).classes("figure")


def _done(record: RunRecord, curves: Curves) -> str:
    of = f" of {number(record.limit)}" if record.limit else ""
    return f"{words(record.unit)} {number(int(curves.done))}{of}"


def _delete_button(service: Service, path: str) -> None:
    async def delete() -> None:
        if await layout.confirmed(f"Delete run {path} and all of its files?", "Delete"):
            await layout.attempt(service.delete, path)
            ui.navigate.to("/")

    ui.button("Delete", icon="delete", on_click=delete).props("outline dense no-caps")
