"""What a lab's own part of a run's page may use."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import numpy as np
from nicegui import run as threads
from nicegui import ui
from nicegui.events import GenericEventArguments

from sandbox.errors import SandboxError, error_message
from sandbox.runs.view import Run
from sandbox.store import checkpoint
from sandbox.visual import html
from sandbox.web import layout

P = ParamSpec("P")
R = TypeVar("R")
Place = tuple[float, float]
"""Across and down in a picture, pixels."""
MOUSE, MOUSE_SECONDS = ["image_x", "image_y", "buttons"], 0.04
"""What the browser tells of the mouse, and the shortest time between two events."""
SECONDS = 1.0
"""Between two looks for a new checkpoint of a run that learns."""


class LabPart:
    """What a lab's part of a run's page may use.

    Args:
        run: the run.

    Attributes:
        run: the run as it was when the page was opened, when its status changed last, or when what
            follows it was called last.
        hidden: the layers of frames that are switched off; see `layers`.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.hidden: frozenset[str] = frozenset()
        self._asked, self._working = 0, asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether it works on something; see `latest`."""
        return self._working.locked()

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

    def follow(self, refresh: Callable[[], Awaitable[object]]) -> ui.switch:
        """A switch, on at first and visible while the run learns, that shows what it has learned.

        Args:
            refresh: called at once, and as long as the switch is on after each checkpoint of the
                run, at its end and when its pictures are there; reads `run` again.
        """
        seen: object = None

        def newest() -> list[int]:
            with contextlib.suppress(SandboxError, OSError):
                return checkpoint.numbers(self.run.folder.checkpoints)[-1:]
            return []

        async def look() -> None:
            nonlocal seen
            running = self.run.status == "running"
            now = self.run.record.pictured, await layout.in_thread(newest) if running else None
            switch.set_visibility(running)
            switch.set_text("follow" if now[1] else "follow, from the first checkpoint")
            if switch.value and now != seen and now[1] != []:
                self.run = Run(self.run.folder)
                await refresh()
            seen = now if switch.value else None

        switch = ui.switch(value=True)
        ui.timer(SECONDS, look)
        return switch

    def layers(self, changed: Callable[[], Awaitable[object]]) -> None:
        """A switch for each layer of the lab's frames.

        Args:
            changed: called when `hidden` has changed.
        """

        async def switched() -> None:
            self.hidden = frozenset(layer for layer, one in switches.items() if not one.value)
            await changed()

        switches = {
            layer: ui.switch(name, value=layer not in self.hidden, on_change=switched)
            for layer, name in self.run.lab.layers.items()
        }

    def canvas(
        self,
        events: list[str],
        moved: Callable[[Place, bool], Awaitable[None]],
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
        image.props('role="img" aria-label="picture that follows the mouse"')
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
