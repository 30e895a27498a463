"""A piece: its sound, and its notes with a line at what is heard."""

from __future__ import annotations

from nicegui import ui
from nicegui.events import GenericEventArguments

from sandbox.web import charts, layout
from sandbox.web.facts import Notes

TIME_UPDATE = "event => emit(event.target.currentTime)"
"""What the browser tells of a sound that plays: the place, in seconds."""


class PianoRoll:
    """The notes of a piece below its sound; while it plays, a line moves over them.

    Args:
        sound: the address of the sound; "" for none.
        hands: the notes.
    """

    def __init__(self, sound: str, hands: Notes) -> None:
        self._sound = ui.audio(sound).classes("w-full")
        self._sound.on("timeupdate", self._move, js_handler=TIME_UPDATE)
        self._sound.set_visibility(bool(sound))
        self._chart = ui.echart(charts.piano_roll(hands)).classes("chart")
        self._chart.set_visibility(bool(hands))

    def _move(self, event: GenericEventArguments) -> None:
        self._chart.run_chart_method("setOption", charts.cursor(float(event.args)))

    def play(self, sound: str, hands: Notes) -> None:
        """Play another piece.

        Args:
            sound: its address.
            hands: its notes.
        """
        for element in (self._sound, self._chart):
            element.set_visibility(True)
        self._sound.set_source(sound)
        self._sound.play()
        layout.redraw(self._chart, charts.piano_roll(hands))
