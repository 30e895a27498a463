"""The lab's part of a run's page: a pad to draw a digit on, what the network takes it for, and what
the neurons look for that it excites most."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from nicegui import ui
from PIL import Image, ImageDraw

from envs.datasets.images import CLASSES
from plugins.mnist.neurons import STRONGEST, Reaction, reaction, receptive_fields
from plugins.mnist.prediction import centred
from sandbox.text import number
from sandbox.web import charts, layout
from sandbox.web.parts.lab_part import LabPart, Place, picture

if TYPE_CHECKING:
    from torch import nn

SIDE, PEN = 280, 24
"""Side of the pad and width of a stroke, pixels."""
CRISP = "image-rendering: pixelated"
NEURONS = (
    "What neurons look for: weights of the neurons in the first hidden layer that this drawing "
    "excites most. Ink on red raises a neuron's activation, ink on blue lowers it; the darkest are "
    "its largest weights. Below: its activation, and the class whose score would fall most without "
    "it."
)


class Pad:
    """A drawing, the image that the network gets, the probabilities of the classes, and receptive
    fields.

    Args:
        part: of the page; see `Lab.page`.
    """

    def __init__(self, part: LabPart) -> None:
        self._part = part
        self._model: nn.Sequential | None = None
        self._classes = CLASSES[part.run.config["dataset"]]
        with ui.row().classes("w-full items-start gap-6"):
            with ui.column():
                layout.soft("Draw one with the mouse")
                self._pad = part.canvas(["mousedown", "mousemove"], self._stroke).classes("pad")
                ui.button("Clear", on_click=self._clear).props("outline dense no-caps")
            with ui.column():
                layout.soft("The network gets")
                self._given = ui.image().classes("w-32").style(CRISP)
                self._given.props('alt="the digit as the network gets it"')
            self._chart = ui.echart({}).classes("chart flex-1")
        with ui.column().classes("w-full mt-3") as self._neurons:
            layout.soft(NEURONS)
            with ui.row().classes("gap-1"):
                self._cells = [_cell() for _ in range(STRONGEST)]
        self._clear()

    def _clear(self) -> None:
        self._ink = Image.new("L", (SIDE, SIDE), 255)
        self._last: Place | None = None
        self._pad.set_source(picture(np.asarray(self._ink)))
        self._given.set_source(picture(np.full((1, 1), 255, np.uint8)))
        layout.redraw(self._chart, charts.probabilities(self._classes, [0.0] * len(self._classes)))
        self._neurons.set_visibility(False)

    async def _stroke(self, here: Place, pressed: bool) -> None:
        """Draw from the last place to this one while a button is pressed."""
        before, self._last = self._last, here if pressed else None
        if not pressed:
            return
        ink, (x, y) = self._ink, here
        pen = ImageDraw.Draw(ink)
        pen.line([before or here, here], 0, PEN + 1)
        pen.ellipse([x - PEN / 2, y - PEN / 2, x + PEN / 2, y + PEN / 2], 0)
        pixels = np.asarray(ink)
        self._pad.set_source(picture(pixels))
        answer = await self._part.latest(self._answer, pixels)
        if answer and ink is self._ink:  # not cleared meanwhile
            self._show(*answer)

    def _answer(self, pixels: np.ndarray) -> tuple[np.ndarray, Reaction, np.ndarray]:
        """The image that the network got, its reaction, and the receptive fields that belong to
        it: uint8 [neurons, 28, 28, 3]."""
        from agents.supervised.saving import model_of
        from plugins.mnist.frames import COLOURS, shades

        if self._model is None:
            model = model_of(self._part.run)
            fields = receptive_fields(model, 1)
            most = np.abs(fields).max(axis=(1, 2), keepdims=True)
            self._model, self._colours = model, COLOURS[shades(fields, most)]
        image = centred(1 - pixels.astype(np.float32) / 255)
        found = reaction(self._model, image)
        return image, found, self._colours[found.neurons]

    def _show(self, image: np.ndarray, found: Reaction, fields: np.ndarray) -> None:
        self._given.set_source(picture((255 * (1 - image)).astype(np.uint8)))
        chances = found.probabilities.tolist()
        layout.redraw(self._chart, charts.probabilities(self._classes, chances))
        self._neurons.set_visibility(True)
        rows = zip(*map(np.ndarray.tolist, found[1:]), fields, strict=True)
        for (cell, shown, words), row in zip_longest(self._cells, rows):
            cell.set_visibility(row is not None)
            if row is not None:
                neuron, activation, favoured, field = row
                shown.set_source(picture(field))
                name = self._classes[favoured]
                words.set_text(f"neuron {neuron}\n{number(activation, 3)} · for {name}")


def _cell() -> tuple[ui.element, ui.image, ui.label]:
    """A place for a receptive field, and for the words below it."""
    with ui.column().classes("gap-1 w-[5.25rem]") as cell:
        shown = ui.image().classes("w-full").style(CRISP).props('alt="receptive field"')
        return cell, shown, layout.soft("").classes("whitespace-pre-line")
