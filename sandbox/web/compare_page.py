"""Chosen runs together: one chart, the options that differ, and the scores."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from nicegui import run, ui

from sandbox.config.model import shown_settings
from sandbox.errors import SandboxError
from sandbox.runs.view import Run
from sandbox.text import number, plural, words
from sandbox.web import charts, layout
from sandbox.web.curves import SMOOTHING, Curves, ThinnedLine, band_of
from sandbox.web.service import FOLLOWED, Service

SECONDS = 1.0
"""Between two looks at the runs."""
SEEDS = 2
"""From so many runs that differ in the seed alone, a band is drawn instead."""


class View(NamedTuple):
    """What is shown of the runs; the address keeps it.

    Attributes:
        curve: "STREAM/COLUMN"; empty, or one that no run has, shows the score.
        bands: whether runs that differ in the seed alone are one line with a band.
        smoothing: share of a curve that is averaged over.
    """

    curve: str = ""
    bands: bool = True
    smoothing: float = SMOOTHING


async def show(service: Service, paths: Sequence[str], view: View) -> None:
    """The page.

    Args:
        service: the store.
        paths: LAB/ID of each run.
        view: what is shown of them at first.
    """
    chosen = list(dict.fromkeys(paths))
    with layout.frame("Compare", "Runs"):
        page = ComparePage(service, chosen, view)
        page.lay_out()
        reading = asyncio.ensure_future(run.io_bound(page.read))
        await ui.context.client.connected()  # the browser loads what it needs meanwhile
        await reading
        if len(chosen) > FOLLOWED:
            layout.soft(f"These are the first {FOLLOWED} of {len(chosen)} runs.")
        if page.runs:
            page.draw()
            ui.timer(SECONDS, page.follow)
        else:
            with layout.card():
                ui.label("None of these runs is in the store.")


class ComparePage:
    """Runs side by side, followed while they learn.

    Args:
        service: the store.
        paths: LAB/ID of each run; only the first `FOLLOWED`, and of them those that can be read,
            are shown.
        view: what is shown of them at first.
    """

    def __init__(self, service: Service, paths: Sequence[str], view: View) -> None:
        self._service, self._paths, self._view = service, paths, view
        self._unread = paths[:FOLLOWED]
        self.runs: dict[str, Run] = {}
        self._curves: dict[str, Curves] = {}
        self._sizes: list[int] = []
        self._statuses: list[str] = []

    def read(self) -> None:
        """Read the runs, at first all, later those that were still learning or not read whole."""
        unread = []
        for path in self._unread:
            with contextlib.suppress(SandboxError, OSError):
                one = self._service.run(path)
                curves = self._service.curves(one.folder, one.record)
                self.runs[path], self._curves[path] = one, curves
                if one.status == "running" or curves.behind:
                    unread.append(path)
        self._unread = unread

    def lay_out(self) -> None:
        """Places for what is drawn once the runs are read."""
        self._head = layout.bar()
        with layout.card():
            self._chart = ui.echart({}).classes("chart tall")

    def draw(self) -> None:
        """The page, without its curves."""
        with self._head:
            layout.heading(f"{plural(len(self.runs), 'run')} compared")
            ui.space()
            self._column = ui.select([], label="curve", on_change=self.follow)
            self._column.props("dense outlined").classes("w-64")
            self._bands = ui.switch("seeds as bands", value=self._view.bands, on_change=self.follow)
            self._smoothing = layout.smoothing(self.follow, self._view.smoothing)
        with layout.card("What differs"):
            self._table()

    def _choose_column(self) -> None:
        """Offer the existing curves; at first the one of the score is chosen."""
        names = {
            f"{stream}/{name}": f"{stream}: {words(name)}"
            for curves in self._curves.values()
            for stream, some in curves.names.items()
            for name in some
        }
        if names.keys() - self._column.options:
            score = next(iter(self.runs.values())).record.score.get("name")
            judged = [name for name in names if name.partition("/")[2] == score]
            first = min(judged or names, key=lambda name: not name.startswith("evaluate/"))
            if self._view.curve in names:
                first = self._view.curve
            self._column.set_options(names, value=self._column.value or first)

    def differing(self) -> dict[str, dict[str, str]]:
        """The settings that differ: option -> path of the run -> value."""
        every = {path: _settings(one) for path, one in self.runs.items()}
        names = list(dict.fromkeys(name for values in every.values() for name in values))
        columns = {
            name: {path: values.get(name, "") for path, values in every.items()} for name in names
        }
        return {name: by for name, by in columns.items() if len(set(by.values())) > 1}

    def labels(self, *, seeds: bool) -> dict[str, list[str]]:
        """What a line is called -> the paths of its runs.

        A setting that tells no more runs apart than those before it is left out, as the options of
        an agent are where the agents differ.

        Args:
            seeds: whether runs that differ in the seed alone are one line.
        """
        differing = self.differing()
        if seeds:
            differing.pop("seed", None)
        settings: dict[str, tuple[str, ...]] = dict.fromkeys(self.runs, ())
        names: list[str] = []
        for name, by in differing.items():
            more = {path: (*values, by[path]) for path, values in settings.items()}
            if len(set(more.values())) > len(set(settings.values())):
                settings = more
                names.append(name)
        lines: dict[str, list[str]] = {}
        for path, one in self.runs.items():
            parts = [
                f"{name} {value}"
                for name, value in zip(names, settings[path], strict=True)
                if value
            ]
            label = ", ".join(parts) or (one.record.agent or one.record.lab)
            lines.setdefault(label, []).append(path)
        if seeds:
            return lines
        return {
            label if len(paths) == 1 else f"{label} ({self.runs[path].id})": [path]
            for label, paths in lines.items()
            for path in paths
        }

    async def follow(self) -> None:
        """Draw again what has changed."""
        if self._unread:
            await run.io_bound(self.read)
        self._choose_column()
        statuses = [one.status for one in self.runs.values()]
        if statuses != self._statuses:
            self._statuses = statuses
            self._table.refresh()
        sizes = [curves.read_bytes for curves in self._curves.values()]
        view = View(self._column.value or "", self._bands.value, float(self._smoothing.value))
        if view.curve and (view, sizes) != (self._view, self._sizes):
            if view != self._view:
                address = layout.compare_address(self._paths, **view._asdict())
                ui.navigate.history.replace(address)
            self._view, self._sizes = view, sizes
            layout.redraw(self._chart, await layout.in_thread(self._options))

    def _options(self) -> charts.Options:
        """The chart of the view."""
        stream, _, name = self._view.curve.partition("/")
        units = sorted({one.record.unit for one in self.runs.values()})
        shared = self._shared_unit(stream, units) if len(units) > 1 else ""

        def line(path: str) -> ThinnedLine:
            return self._curves[path].line(stream, name, self._view.smoothing, shared)

        lines = {
            label: line(paths[0]) if len(paths) < SEEDS else band_of(map(line, paths))
            for label, paths in self.labels(seeds=self._view.bands).items()
        }
        optima = {
            one.record.score.get("optimum")
            for one in self.runs.values()
            if one.record.score.get("name") == name
        }
        optimum = optima.pop() if len(optima) == 1 else None
        return charts.curves(lines, shared or " or ".join(units), optimum=optimum)

    def _shared_unit(self, stream: str, units: Sequence[str]) -> str:
        """The first of some units of which every run with the stream has a column; "" for none."""
        known = [curves for curves in self._curves.values() if stream in curves.names]
        return next((one for one in units if all(of.axis(stream, one) for of in known)), "")

    @ui.refreshable_method
    def _table(self) -> None:
        differing = self.differing()
        rows = []
        for path, one in self.runs.items():
            judged = one.score
            cells = [number(judged.value), number(judged.optimum)] if judged else ["", ""]
            values = [by[path] for by in differing.values()]
            rows.append([(one.id, layout.run_address(path)), *values, one.status, *cells])
        best = {words(one.score.name) for one in self.runs.values() if one.score}
        columns = ["run", *differing, "status", " or ".join(sorted(best)) or "score", "optimum"]
        layout.plain_table(columns, rows)


def _settings(one: Run) -> dict[str, str]:
    """The settings of a run by option, with lab and seed."""
    record = one.record
    seed = {"seed": f"{record.seed}" if record.seeds == 1 else f"{record.seed}…({record.seeds})"}
    return {"lab": record.lab, **shown_settings(record.config), **seed}
