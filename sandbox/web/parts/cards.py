"""The cards of a run's page that run a lab's code: its own part, and its frames with a slider.

It runs when a button is pressed, not because a page is looked at.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from nicegui import ui

from sandbox.runs.view import Run
from sandbox.seeding import generator
from sandbox.web import layout
from sandbox.web.parts.lab_part import LabPart, picture

if TYPE_CHECKING:
    from sandbox.lab import Frame, Lab

MOST_FRAMES = 500
"""Frames that a page keeps."""


def draw(run: Run) -> None:
    """The lab's own part, and its frames; nothing where there are none. An error becomes a card."""
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
