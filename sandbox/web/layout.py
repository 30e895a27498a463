"""The frame of every page, and the small pieces that pages share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlencode

from nicegui import run, ui

from sandbox.errors import SandboxError
from sandbox.visual import html
from sandbox.web.curves import MOST_SMOOTHING, SMOOTHING
from sandbox.web.facts import TONES

P = ParamSpec("P")
R = TypeVar("R")
PAGES = {"Runs": "/", "Sweeps and comparisons": "/groups", "New run": "/new"}


@contextlib.contextmanager
def frame(title: str, here: str = "") -> Iterator[None]:
    """A page with the navigation above it.

    Args:
        title: in the browser's tab.
        here: the name in `PAGES` that is marked.
    """
    ui.page_title(f"{title} · sandbox")
    ui.add_css(html.render("web.css"))
    ui.colors(primary="#0072B2", negative="#B34700")
    with ui.header(elevated=False).classes("items-center gap-1 px-5 py-2"):
        ui.link("The sandbox", "/").classes("brand")
        for name, address in PAGES.items():
            ui.link(name, address).classes("here" if name == here else "")
    with ui.column().classes("page"):
        yield


def heading(text: str, level: int = 1) -> None:
    """A title of a page (1) or of a part of it (2)."""
    with ui.element(f"h{level}").classes("title" if level == 1 else "part"):
        ui.label(text)


@contextlib.contextmanager
def card(title: str = "") -> Iterator[ui.element]:
    """A part of a page in a frame of its own, with a title above it unless it is ""."""
    with ui.element("div").classes("card") as element:
        if title:
            heading(title, 2)
        yield element


def bar() -> ui.row:
    """Things beside each other, as wide as the page."""
    return ui.row().classes("items-center w-full gap-3")


def button(text: str, icon: str, work: Callable[[], Any]) -> ui.button:
    """A button with a picture, which does some work."""
    return ui.button(text, icon=icon, on_click=work).props("outline dense no-caps")


def smoothing(changed: Callable[[], Any], value: float = SMOOTHING) -> ui.slider:
    """A slider: the share of a curve that is averaged over, with what follows a change of it."""
    soft("smoothing")
    value = value if 0.0 <= value <= MOST_SMOOTHING else SMOOTHING
    slider = ui.slider(min=0, max=MOST_SMOOTHING, step=0.01, value=value, on_change=changed)
    return slider.classes("w-36").props('aria-label="smoothing"')


def redraw(chart: ui.echart, options: Mapping[str, Any]) -> None:
    """Give a chart other options."""
    chart.options.clear()
    chart.options.update(options)
    chart.update()


def badge(status: str) -> None:
    """A run's or a sweep's status in its colour."""
    ui.label(status).classes(f"badge {TONES.get(status, 'mute')}")


def soft(text: str) -> ui.label:
    """A line of less importance."""
    return ui.label(text).classes("soft")


def template(name: str, **values: Any) -> ui.html:
    """A filled template; its values are escaped."""
    return ui.html(html.render(name, **values), sanitize=False).classes("w-full")


def problem(error: Exception) -> None:
    """What cannot be shown, and why."""
    with card():
        ui.label(str(error))


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Any error ends the block, and is shown in its place: a damaged run may raise anything."""
    try:
        yield
    except Exception as error:
        problem(error)


def copyable(text: str) -> None:
    """A command with a button that copies it."""
    with bar().classes("no-wrap"):
        ui.label(text).classes("command")
        ui.button(icon="content_copy", on_click=lambda: _copy(text)).props(
            'flat round dense aria-label="Copy"'
        )


def _copy(text: str) -> None:
    ui.clipboard.write(text)
    ui.notify("Copied", timeout=1000)


def run_address(path: str) -> str:
    """The address of a run by its path LAB/ID."""
    return f"/runs/{quote(path)}"


def compare_address(paths: Sequence[str], **view: str | float) -> str:
    """The address of the page that compares runs.

    Args:
        paths: LAB/ID of each run.
        **view: what is shown of them, as the page takes it: "curve", "bands", "smoothing".
    """
    return "/compare?" + urlencode({"runs": ",".join(paths), **view})


async def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result, not None, of work that reads files, done in another thread.

    Raises:
        CancelledError: when the server ends meanwhile.
    """
    result = await run.io_bound(work, *args, **kwargs)
    if result is None:
        raise asyncio.CancelledError
    return result


@contextlib.contextmanager
def notices() -> Iterator[None]:
    """An error that a person can fix ends the block and becomes a notice."""
    try:
        yield
    except (SandboxError, OSError) as error:
        complain(str(error))


async def attempt(work: Callable[..., None], *arguments: Any) -> bool:
    """Whether work in another thread succeeds; else there is a notice."""
    with notices():
        await run.io_bound(work, *arguments)
        return True
    return False


def complain(text: str) -> None:
    """A notice of an error, which stays until it is closed."""
    ui.notify(text, type="negative", multi_line=True, close_button="OK", timeout=0)


async def confirmed(question: str, action: str) -> bool:
    """Whether the user agrees.

    Args:
        question: what is asked.
        action: on the button that agrees.
    """
    with ui.dialog() as dialog, ui.card():
        ui.label(question)
        with ui.row().classes("w-full justify-end"):
            ui.button("Cancel", on_click=lambda: dialog.submit(False)).props("flat")
            ui.button(action, on_click=lambda: dialog.submit(True)).props("color=negative")
    answer = bool(await dialog)
    dialog.delete()
    return answer


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A small table; a cell is text, or (text, address)."""
    template("plain_table.html", columns=columns, rows=rows)


def clean(value: Any) -> Any:
    """A document from an address with only such keys as tables have.

    NiceGUI would run the value of a key that begins with a colon as JavaScript.
    """
    if isinstance(value, Mapping):
        return {key: clean(one) for key, one in value.items() if str(key).isidentifier()}
    if isinstance(value, list):
        return [clean(one) for one in value]
    return value
