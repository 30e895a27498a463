"""A part of a run's page that learns the run again, update by update: for any agent with a table.

Nothing of it changes the run.
"""

from __future__ import annotations

from nicegui import ui
from nicegui.events import KeyEventArguments

from agents.pages.update_replay import Moment, UpdateReplay
from sandbox.errors import UsageError
from sandbox.frames import Frame
from sandbox.web import layout
from sandbox.web.parts.lab_part import LabPart, Place, picture

KEYS = {"n": False, "e": True}
"""Learn an update, or the rest of an episode."""


class UpdateBoard:
    """The picture of an environment, with what is learned there drawn on it or below it.

    Args:
        part: of the page; see `Lab.page`.
    """

    _now: Frame | None = None
    _replay: UpdateReplay | None = None

    def __init__(self, part: LabPart) -> None:
        self._part = part
        with ui.column().classes("w-full") as self._area:
            self._tools()
            with ui.row().classes("w-full items-center gap-4"):
                layout.soft("Learn again from the beginning")
                layout.button("Update", "skip_next", lambda: self._learn(False))
                layout.button("Episode", "fast_forward", lambda: self._learn(True))
            self._image = part.canvas(["mousedown"], self._press)
            ui.keyboard(self._key, repeating=True)

    def _tools(self) -> None:
        """What stands above the buttons."""
        with ui.row().classes("w-full items-center gap-4"):
            self._part.layers(self._show)
        ui.timer(0, self._begin, once=True)

    async def _begin(self) -> None:
        """Show the first update, or the reason why there is no update."""
        why_not = await self._part.latest(self._prepare)
        if why_not:
            self._area.clear()
            with self._area:
                layout.soft(why_not)
        elif self._replay:
            await self._learn(False)

    def _prepare(self) -> str:
        try:
            self._replay = UpdateReplay(self._part.run)
        except UsageError as error:
            return str(error)
        return ""

    async def _learn(self, whole: bool) -> None:
        """Show the next update of the repeated run, or the last one of its episode."""
        moment = await self._part.latest(self._next, whole)
        if moment:
            self._learned_again(moment)
            await self._show()

    def _next(self, whole: bool) -> Moment:
        self._replay = self._replay or UpdateReplay(self._part.run)
        return self._replay.next(whole)

    def _learned_again(self, moment: Moment) -> None:
        self._now = moment[0]

    async def _show(self) -> None:
        if self._now is not None:
            hidden = self._part.hidden
            await self._part.show(self._image, lambda now: picture(now.draw(hidden)), self._now)

    async def _press(self, place: Place, pressed: bool) -> None:
        """The mouse was pressed on the picture."""

    async def _key(self, event: KeyEventArguments) -> None:
        key = event.key.name.lower()
        if event.action.keydown and key in KEYS:
            await self._learn(KEYS[key])
