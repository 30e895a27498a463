"""Sweeps, comparisons and reproductions of a store, and the page of one sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import quote

from nicegui import ui

from sandbox.config.model import option_name, show_value
from sandbox.errors import SandboxError, UnknownNameError
from sandbox.reproduction import report as reproductions
from sandbox.store import comparisons, documents
from sandbox.store.sweeps import SweepFolder, ranked_best
from sandbox.sweeps import report
from sandbox.sweeps.results import Result
from sandbox.sweeps.view import Sweep
from sandbox.text import is_number, number, plural, words
from sandbox.web import charts, layout
from sandbox.web.service import Service


async def show(service: Service) -> None:
    """All groups of runs."""
    tables = await layout.in_thread(_tables, service)
    with layout.frame("Sweeps and comparisons", "Sweeps and comparisons"):
        layout.heading("Sweeps and comparisons")
        for title, columns, rows, hint in tables:
            with layout.card(title):
                if rows:
                    layout.plain_table(columns, rows)
                else:
                    layout.soft("None yet. This makes one:")
                    layout.copyable(f"python -m sandbox {hint}")


def _tables(service: Service) -> list[tuple[str, list[str], list[list[Any]], str]]:
    """Title, columns and rows of each table, and a command that makes a first row."""
    store = service.store
    pages = sorted(store.root.glob(f"reproductions/*/{reproductions.PAGE}"))
    return [
        (
            "Sweeps",
            ["sweep", "lab", "trials", "status", "objective", "best"],
            [_sweep_row(folder) for folder in reversed(SweepFolder.all_of(store))],
            "sweep maze --grid agent.alpha=0.1,0.5 --seeds 3",
        ),
        (
            "Comparisons",
            ["comparison", "lab", "finding"],
            [_comparison_row(folder) for folder in reversed(comparisons.folders(store))],
            "compare maze --agents sarsa q-learning",
        ),
        (
            "Reproductions",
            ["reproduction", "labs", "finding"],
            [_reproduction_row(page) for page in reversed(pages)],
            "reproduce maze --quick",
        ),
    ]


def _link(page: Path) -> tuple[str, str]:
    """The name and the address of a page that is a file in the store."""
    room, group, name = page.parts[-3:]
    return group, f"/runs/{room}/{quote(group)}/{name}"


def _sweep_row(folder: SweepFolder) -> list[Any]:
    link = folder.id, f"/sweeps/{quote(folder.id)}"
    try:
        record = folder.read()
    except SandboxError as error:
        return [folder.id, "", "", "damaged", str(error), ""]
    best = number(ranked_best(folder.path))
    count = len(record.trials)
    return [link, record.lab, count, record.status, words(record.objective), best]


def _comparison_row(folder: comparisons.ComparisonFolder) -> list[Any]:
    try:
        document = folder.read()
    except SandboxError as error:
        return [folder.id, "", str(error)]
    finding = document.get("finding") or ", ".join(document["runs"])
    return [_link(folder.path / comparisons.PAGE), document["lab"], finding]


def _reproduction_row(page: Path) -> list[Any]:
    try:
        document = documents.read(page.with_name(reproductions.DOCUMENT))
        claims = document["claims"]
        figures = sum(len(one["figures"]) for one in claims)
        finding = reproductions.tally_of((str(one["verdict"]) for one in claims), figures)
        return [_link(page), ", ".join(document["labs"]), finding]
    except (SandboxError, ValueError, LookupError, TypeError):  # only its page is there
        return [_link(page), "", ""]


async def show_sweep(service: Service, name: str) -> None:
    """One sweep: its trials as lines through their settings, a heat map, the ranking."""
    with layout.frame(name, "Sweeps and comparisons"):
        try:
            sweep = await layout.in_thread(_read, service, name)
        except (SandboxError, OSError) as error:
            layout.problem(error)
            return
        _draw(sweep)


def _read(service: Service, name: str) -> Sweep:
    """A sweep with the results of its runs.

    Raises:
        UnknownNameError: when no group has that id.
    """
    folders = {folder.id: folder for folder in SweepFolder.all_of(service.store)}
    if name not in folders:
        raise UnknownNameError("sweep", name, folders)
    sweep = Sweep(folders[name])
    assert sweep.ranking is not None  # computed here, in a thread
    return sweep


def _draw(sweep: Sweep) -> None:
    record, done = sweep.record, sorted(sweep.finished, key=lambda one: one.number)
    goal = words(record.objective) or "objective"
    names = {name: option_name(name) for name in sweep.columns}
    with layout.bar():
        layout.heading(f"Sweep of {record.lab}")
        layout.badge(record.status)
        ui.space()
        if (sweep.path / report.PAGE).exists():
            ui.link("The report", _link(sweep.path / report.PAGE)[1]).classes("link")
    layout.soft(f"{sweep.id}: {len(done)} of {plural(len(sweep.ranking), 'trial')} finished")
    if record.command:
        layout.copyable(record.command)
    if done and names:
        with layout.card("Every trial is a line"):
            settings = {
                shown: [one.params.get(name) for one in done] for name, shown in names.items()
            }
            values = [one.value or 0.0 for one in done]
            chart = ui.echart(charts.parallel(settings, values, goal)).classes("chart tall")
            chart.style(f"min-width: {6 * len(names)}rem")
    if len(names) > 1:
        _heat(done, names, goal)
    with layout.card("Ranking"):
        columns = ["rank", *names.values(), goal, "status", ""]
        layout.plain_table(columns, list(_ranking(sweep)))


def _heat(done: Sequence[Result], names: Mapping[str, str], goal: str) -> None:
    """Mean scores over two settings, which can be chosen.

    Args:
        done: finished trials.
        names: of the settings, and how they are shown.
        goal: the score's name.
    """

    def options() -> charts.Options:
        chosen = [str(picker.value) for picker in pickers]
        cells: dict[tuple[Any, Any], list[float]] = {}
        for one in done:
            x, y = (_place(one.params.get(name)) for name in chosen)
            cells.setdefault((x, y), []).append(one.value or 0.0)
        means = {place: fmean(values) for place, values in cells.items()}
        return charts.heat_map([names[name] for name in chosen], means, goal)

    def redraw() -> None:
        layout.redraw(chart, options())

    with layout.card():
        with layout.bar():
            layout.heading(f"Mean {goal} over two settings", 2)
            ui.space()
            pickers = [
                ui.select(dict(names), value=name, on_change=redraw).props("dense outlined")
                for name in list(names)[:2]
            ]
        chart = ui.echart(options()).classes("chart tall")


def _place(value: Any) -> Any:
    """A setting on an axis of a heat map: a number, or its text."""
    return value if is_number(value) else show_value(value)


def _ranking(sweep: Sweep) -> Iterator[list[Any]]:
    lab = sweep.record.lab
    for place, one in sweep.with_ranks[: report.SHOWN]:
        runs = "runs", layout.compare_address([f"{lab}/{name}" for name in one.runs])
        params = [
            report.cell(one.params[name]) if name in one.params else "" for name in sweep.columns
        ]
        yield [place, *params, "" if one.value is None else one.text, one.status, runs]
