"""One run: its curves as it learns, its score, settings, pictures and sounds."""

from __future__ import annotations

from urllib.parse import quote

from nicegui import ui

from sandbox.errors import SandboxError, UnknownNameError
from sandbox.text import words
from sandbox.web import charts, layout
from sandbox.web.curves import Curves
from sandbox.web.facts import facts, music
from sandbox.web.parts import cards
from sandbox.web.parts.roll import PianoRoll
from sandbox.web.service import Service

SECONDS = 0.5
"""Between two looks at the run."""


async def show(service: Service, path: str) -> None:
    """The page.

    Args:
        service: the store.
        path: LAB/ID.
    """
    with layout.frame(path.partition("/")[2], "Runs"):
        try:
            RunPage(service, path)
        except UnknownNameError as error:
            layout.problem(error)
        except (SandboxError, OSError) as error:
            layout.problem(error)
            _delete_button(service, path)


class RunPage:
    """The page of a run, which follows it until it is deleted.

    Args:
        service: the store.
        path: LAB/ID.

    Raises:
        SandboxError: when the run cannot be read.
    """

    def __init__(self, service: Service, path: str) -> None:
        self._service, self._path = service, path
        self._run = service.run(path)
        self._charts: dict[tuple[str, str], ui.echart] = {}
        self._drawn = -1
        self._draw_head()
        with layout.bar():
            layout.heading("Curves", 2)
            ui.space()
            self._smoothing = layout.smoothing(self._redraw)
        self._curves_area = ui.element("div").classes("charts")
        self._single_area = ui.element("div").classes("charts")
        self._parts = cards.draw(self._run)
        self._draw_rest()
        self._timer = ui.timer(SECONDS, self._follow)

    async def _follow(self) -> None:
        """Draw what has changed since the last look."""
        try:
            run = self._service.run(self._path)
            record = await layout.in_thread(lambda: run.record)
            curves = await layout.in_thread(self._service.curves, run.folder, record)
        except (SandboxError, OSError):  # it was deleted
            ui.notify("The run is gone.")
            self._timer.cancel()
            return
        if record != self._run.record:
            self._run = run
            self._draw_head.refresh()
            self._draw_rest.refresh()
            for part in self._parts:
                part.run = run
        self._progress.set_value(min(1.0, curves.done / (record.limit or 1)))
        self._done.set_text(record.progress(int(curves.done)))
        if curves.read_bytes != self._drawn:
            self._draw_curves(curves)

    async def _redraw(self) -> None:
        run = self._run
        self._draw_curves(await layout.in_thread(self._service.curves, run.folder, run.record))

    def _draw_curves(self, curves: Curves) -> None:
        """A chart of each curve with several points, and a table of those with a single one."""
        self._drawn = curves.read_bytes
        wanted = curves.drawn(self._run.record.score.get("name"))
        self._single_area.clear()
        if single := curves.single_values():
            with self._single_area, layout.card("Single values"):
                layout.plain_table(["", "stream", self._run.record.unit, "value"], single)
        if wanted != list(self._charts):
            self._curves_area.clear()
            with self._curves_area:
                self._charts = {place: _chart(*place) for place in wanted}
        for (stream, name), chart in self._charts.items():
            layout.redraw(chart, self._options(curves, stream, name))

    def _options(self, curves: Curves, stream: str, name: str) -> charts.Options:
        """A curve, smoothed over its own values where it is long."""
        line, label = curves.line(stream, name), words(name)
        score = self._run.record.score
        optimum = score.get("optimum") if score.get("name") == name else None
        shown = curves.line(stream, name, float(self._smoothing.value))
        faint = {label: line} if len(shown.x) != len(line.x) and not line.band else {}
        return charts.curves({label: shown}, self._run.record.unit, optimum=optimum, faint=faint)

    @ui.refreshable_method
    def _draw_head(self) -> None:
        run, record = self._run, self._run.record
        with layout.bar():
            layout.heading(record.title)
            layout.badge(record.status)
            ui.space()
            if record.status == "running":
                layout.button(
                    "Stop", "stop", lambda: layout.attempt(self._service.stop, self._path)
                )
            elif record.status != "finished":
                layout.button("Resume", "play_arrow", lambda: resume(self._service, run.id))
            file = f"/export/{quote(self._path)}"
            layout.button("Save as HTML", "download", lambda: ui.navigate.to(file))
            _delete_button(self._service, self._path)
        layout.soft(record.id)
        with layout.bar():
            self._progress = ui.linear_progress(show_value=False).classes("flex-1")
            self._progress.set_visibility(bool(record.limit) and record.status != "finished")
            self._done = layout.soft("")
        layout.template("run_score.html", score=run.score)
        if record.command:
            layout.copyable(record.command)

    @ui.refreshable_method
    def _draw_rest(self) -> None:
        below = f"/files/{quote(self._path)}/"
        addresses = {one.name: below + quote(one.name) for one in self._run.record.artifacts}
        shown = facts(self._run, addresses)
        for name, hands in music(self._run):
            stem, sounds = name.removesuffix("mid"), shown["sounds"]
            own = next((sound for sound in sounds if sound[0].startswith(stem)), ("", ""))
            shown["sounds"] = [sound for sound in sounds if sound != own]
            with layout.card(name):
                PianoRoll(own[1], hands)
        layout.template("run_facts.html", linked=True, **shown)


def resume(service: Service, run_id: str) -> None:
    """Resume a run as a process of its own; if it is refused, a notice says why."""
    with layout.notices():
        started = service.start(["resume", run_id])
        ui.notify(f"Resuming {run_id}")

        def look() -> None:
            if started.process.poll() is not None:
                timer.cancel()
                if started.process.returncode:
                    layout.complain(started.complaint()[-2000:])

        timer = ui.timer(SECONDS, look)


def _chart(stream: str, name: str) -> ui.echart:
    with layout.card():
        with ui.row().classes("items-baseline gap-2"):
            layout.heading(words(name), 2)
            layout.soft(stream)
        return ui.echart({}).classes("chart")


def _delete_button(service: Service, path: str) -> None:
    async def delete() -> None:
        question = f"Delete run {path} and all of its files?"
        if await layout.confirmed(question, "Delete") and await layout.attempt(
            service.delete, path
        ):
            ui.navigate.to("/")

    layout.button("Delete", "delete", delete)
