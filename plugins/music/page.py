"""The lab's part of a run's page: the model continues the run's piece from a bar."""

from __future__ import annotations

from dataclasses import replace

from nicegui import ui

from sandbox.seeding import generator
from sandbox.visual import html
from sandbox.web.facts import Notes, notes
from sandbox.web.parts.lab_part import LabPart
from sandbox.web.parts.roll import PianoRoll

BEATS, ADDED = 4, 16
"""Beats of a bar, and beats that are added."""


class Improviser:
    """Continues the piece among the run's artifacts from a bar, each time with other draws.

    Args:
        part: of the page; see `Lab.page`.
    """

    def __init__(self, part: LabPart) -> None:
        self._part, self._tries = part, 0
        with ui.row().classes("w-full items-center gap-4"):
            self._bar = ui.number("from bar", value=3, min=2, max=99, precision=0).props("dense")
            ui.label("temperature")
            self._heat = ui.slider(min=0.2, max=2.0, step=0.1, value=1.0).classes("w-40")
            self._heat.props('label-always aria-label="temperature"')
            ui.button("Continue", on_click=self._continue).props("outline dense no-caps")
        self._roll = PianoRoll("", {})

    async def _continue(self) -> None:
        self._tries += 1
        bar, heat = max(2, int(self._bar.value or 2)), float(self._heat.value)
        made = await self._part.latest(self._made, bar, heat, self._tries)
        if made:
            self._roll.play(*made)

    def _made(self, bar: int, temperature: float, tries: int) -> tuple[str, Notes]:
        """Sound and notes of the bars before, and of what the model adds."""
        from agents.supervised.saving import model_of
        from envs.datasets.midi import read_piece
        from plugins.music.generate import default_draw
        from plugins.music.playing import Continuation, seed_of

        run = self._part.run
        kept, steps, model = run.folder.artifacts, run.config["steps_per_beat"], model_of(run)
        roll = read_piece(kept.read("continuation.mid"), "continuation.mid", steps).roll
        seed = seed_of(roll, model.hands, (bar - 1) * BEATS * steps)
        how, rng = replace(default_draw(model), temperature=temperature), generator(tries, "page")
        made = Continuation(model, seed, ADDED * steps, how, rng, steps)
        return html.data_uri(made.wav(), "audio/wav"), notes(made.midi())
