"""What a lab's own part of a run's page may use."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import numpy as np
from nicegui import run as threads
from nicegui import ui
from nicegui.events import GenericEventArguments

from sandbox.errors import error_message
from sandbox.runs.view import Run
from sandbox.visual import html
from sandbox.web import layout

P = ParamSpec("P")
R = TypeVar("R")
MOUSE, MOUSE_SECONDS = ["image_x", "image_y", "buttons"], 0.04
"""What the browser tells of the mouse, and the shortest time between two events."""


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
                of quick events only some.
            cross: whether lines show the place.
        """

        async def handle(event: GenericEventArguments) -> None:
            x, y, buttons = (event.args[name] for name in MOUSE)
            await moved((float(x), float(y)), bool(buttons))

        image = ui.interactive_image(events=events, cross=cross).classes("frame")
        image.on("mouse", handle, MOUSE, throttle=MOUSE_SECONDS)
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
