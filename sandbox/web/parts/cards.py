"""The cards of a run's page that run a lab's code: its own part, and its frames with a slider.

It runs when a button is pressed, not because a page is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def draw(run: Run) -> Sequence[LabPart]:
    """The lab's own part, and its frames; nothing where there are none. An error becomes a card.

    Returns:
        What they show, whose `run` is to be replaced when it has changed.
    """
    parts = LabPart(run), LabPart(run)
    with layout.shown():
        lab = run.lab
        if lab.offers("page"):
            with layout.card("Try it"):
                layout.button("Open", "touch_app", lambda: _open(lab, parts[0], area))
                _waiting(parts[0])
                area = ui.column().classes("w-full mt-3")
        if lab.offers("frames"):
            with layout.card("How it learned"):
                Player(parts[1])
    return parts


def _waiting(part: LabPart) -> None:
    """A sign in the card's corner while a part works on something that takes time."""
    ui.spinner().classes("waiting").bind_visibility_from(part, "busy")


def _open(lab: Lab, part: LabPart, area: ui.element) -> None:
    """Draw the lab's part; again, if it is there."""
    area.clear()
    with area, layout.shown():
        lab.page(part)


def thinned(frames: Iterable[Frame], most: int = MOST_FRAMES) -> list[Frame]:
    """Frames at equal distances and the last, so that the whole of a long animation is seen.

    Args:
        frames: all frames.
        most: how many are kept, at least 2.
    """
    kept: list[Frame] = []
    last, apart = None, 1
    for place, last in enumerate(frames):
        if place % apart == 0:
            kept.append(last)
        if len(kept) == most:
            del kept[1::2]
            apart *= 2
    return kept if last is None or last is kept[-1] else [*kept, last]


class Player:
    """The frames of a lab, with a slider; they are made when they are asked for.

    Args:
        part: of the page.
    """

    def __init__(self, part: LabPart) -> None:
        self._part = part
        self._frames: list[Frame] = []
        self._place = 0
        with layout.bar():
            layout.button("Watch", "movie", self._load)
            _waiting(part)
            with ui.row().classes("items-center flex-1 gap-3") as self._controls:
                layout.button("Play, pause", "play_arrow", self._toggle)
                self._slider = ui.slider(min=0, max=1, value=0, on_change=self._show)
                self._slider.classes("flex-1").props('aria-label="moment"')
                part.layers(self._show)
                self._follow = part.follow(self._grow)
        self._image = ui.image().classes("frame mt-3")
        self._image.props('no-spinner no-transition fit=contain alt="what was learned by then"')
        self._timer = ui.timer(1 / part.run.lab.fps, self._step, active=False)
        self._controls.set_visibility(False)
        self._image.bind_visibility_from(self._controls)

    async def _load(self) -> None:
        if not await self._read():
            ui.notify("There is nothing to watch yet.")
            return
        if self._image.is_deleted:  # the page was closed meanwhile
            return
        self._controls.set_visibility(True)
        self._place = 0
        self._slider.set_value(0)
        self._timer.activate()
        await self._show()

    async def _read(self) -> list[Frame]:
        """The frames of the run as it is now; none if there are none, or no others."""

        def read() -> list[Frame]:
            run = Run(self._part.run.folder)
            return thinned(run.lab.frames(run.experiment, generator(0, "watch"), history=True))

        frames = await self._part.latest(read)
        if frames:
            self._frames = frames
            self._slider.props["max"] = len(frames) - 1
        return frames or []

    async def _grow(self) -> None:
        """Add what the run has learned since they were asked for, after the last of them."""
        seen = len(self._frames) - 1
        if self._frames and await self._read():
            self._timer.active = self._timer.active or self._place >= seen
            await self._show()

    def _toggle(self) -> None:
        self._timer.active = not self._timer.active

    def _step(self) -> None:
        place = self._slider.value + 1
        if place >= len(self._frames):
            self._timer.deactivate()
        else:
            self._slider.set_value(place)

    async def _show(self) -> None:
        place, before = int(self._slider.value), self._place
        self._place = place
        if place < before:
            self._follow.set_value(False)
        frame = self._frames[min(place, len(self._frames) - 1)]
        await self._part.show(self._image, lambda: picture(frame.draw(self._part.hidden)))
