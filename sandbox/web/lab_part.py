"""What a lab's own part of a run's page may use, and the part that every lab with frames has."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
from nicegui import run as threads
from nicegui import ui
from nicegui.events import GenericEventArguments

from sandbox.errors import error_message
from sandbox.runs.view import Run
from sandbox.seeding import generator
from sandbox.visual import html
from sandbox.web import layout

if TYPE_CHECKING:
    from sandbox.lab import Frame, Lab

P = ParamSpec("P")
R = TypeVar("R")
MOUSE, MOUSE_SECONDS = ["image_x", "image_y", "buttons"], 0.04
"""What the browser tells of the mouse, and the shortest time between two events."""
MOST_FRAMES = 500
"""Frames that a page keeps."""


class LabPart:
    """What a lab's part of a run's page may use.

    Args:
        run: the run, as it was when the page was opened.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._asked, self._working = 0, asyncio.Lock()

    async def latest(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        """The result of work that takes time, done in another thread, one at a time.

        Args:
            work: a function that draws nothing on the page.
            args, kwargs: its arguments.

        Returns:
            None after an error, which becomes a notice, and where it was asked for again meanwhile.
        """
        self._asked += 1
        mine = self._asked
        async with self._working:
            if mine != self._asked:
                return None
            try:
                return await threads.io_bound(work, *args, **kwargs)
            except Exception as error:  # whatever a damaged run makes of a lab's code
                layout.complain(error_message(error))
            return None

    async def show(
        self,
        image: ui.image | ui.interactive_image,
        work: Callable[P, str],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Show the picture that work makes, see `picture`, unless there was an error."""
        drawn = await self.latest(work, *args, **kwargs)
        if drawn:
            image.set_source(drawn)

    def canvas(
        self,
        events: list[str],
        moved: Callable[[tuple[float, float], bool], Awaitable[None]],
        *,
        cross: bool = False,
    ) -> ui.interactive_image:
        """A picture that tells where the mouse is.

        Args:
            events: "mousedown", "mousemove", "click" …
            moved: called with the place in pixels of the picture, and whether a button is pressed;
                of quick events only some are told.
            cross: whether lines show the place.
        """

        async def told(event: GenericEventArguments) -> None:
            x, y, buttons = (event.args[name] for name in MOUSE)
            await moved((float(x), float(y)), bool(buttons))

        image = ui.interactive_image(events=events, cross=cross).classes("frame")
        image.on("mouse", told, MOUSE, throttle=MOUSE_SECONDS)
        return image


def picture(pixels: np.ndarray) -> str:
    """A picture as an address that holds it.

    Args:
        pixels: uint8 [height, width, 3], or [height, width] for grey.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=1)
    return html.data_uri(file.getvalue(), "image/png")


def draw(run: Run) -> None:
    """The lab's own part, and its frames; nothing where there are none. An error becomes a card.

    A lab's code runs when a button is pressed, not because a page is looked at.
    """
    with layout.shown():
        lab, part = run.lab, LabPart(run)
        if lab.offers("page"):
            with layout.card("Try it") as card:
                layout.button("Open", "touch_app", lambda: _open(lab, part, card))
        if lab.offers("frames"):
            with layout.card("How it learned"):
                Player(LabPart(run))


def _open(lab: Lab, part: LabPart, card: ui.element) -> None:
    card.clear()
    with card:
        layout.heading("Try it", 2)
        with layout.shown():
            lab.page(part)


class Player:
    """The frames of a lab, with a slider; they are made when they are asked for.

    Args:
        part: of the page.
    """

    def __init__(self, part: LabPart) -> None:
        self._part = part
        self._frames: list[Frame] = []
        with layout.bar():
            layout.button("Watch", "movie", self._load)
            self._play = layout.button("Play, pause", "play_arrow", self._toggle)
            self._slider = ui.slider(min=0, max=1, value=0, on_change=self._show).classes("flex-1")
            self._slider.props('aria-label="moment"')
        self._image = ui.image().classes("frame").props("no-spinner no-transition fit=contain")
        self._timer = ui.timer(1 / part.run.lab.fps, self._step, active=False)
        for element in (self._play, self._slider, self._image):
            element.set_visibility(False)

    async def _load(self) -> None:
        self._frames = await self._part.latest(self._read) or []
        if not self._frames:
            ui.notify("There is nothing to watch yet.")
            return
        self._slider.props["max"] = len(self._frames) - 1
        for element in (self._play, self._slider, self._image):
            element.set_visibility(True)
        self._slider.set_value(0)
        self._timer.activate()
        await self._show()

    def _read(self) -> list[Frame]:
        run = Run(self._part.run.folder)  # as it is now
        frames = run.lab.frames(run.experiment, generator(0, "watch"), history=True)
        return list(islice(frames, MOST_FRAMES))

    def _toggle(self) -> None:
        self._timer.active = not self._timer.active

    def _step(self) -> None:
        place = self._slider.value + 1
        if place >= len(self._frames):
            self._timer.deactivate()
        else:
            self._slider.set_value(place)

    async def _show(self) -> None:
        frame = self._frames[int(self._slider.value)]
        await self._part.show(self._image, lambda: picture(frame.draw()))
