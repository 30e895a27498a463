"""The lab's part of a run's page: a pad to draw a digit on, and what the network takes it for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from nicegui import ui
from PIL import Image, ImageDraw

from envs.datasets.images import CLASSES
from plugins.mnist.config import MnistConfig
from plugins.mnist.prediction import centred
from sandbox.web import charts, layout
from sandbox.web.parts.lab_part import LabPart, picture

if TYPE_CHECKING:
    from torch import nn

SIDE, PEN = 280, 24
"""Side of the pad and width of a stroke, pixels."""


class Pad:
    """A drawing, the image that the network gets, and the probabilities of the classes.

    Args:
        part: of the page; see `Lab.page`.
    """

    def __init__(self, part: LabPart) -> None:
        self._part = part
        self._model: nn.Module | None = None
        self._classes = CLASSES[part.run.config["dataset"]]
        with ui.row().classes("w-full items-start gap-6"):
            with ui.column():
                ui.label("Draw one with the mouse").classes("soft")
                self._pad = part.canvas(["mousedown", "mousemove"], self._stroke).classes("pad")
                ui.button("Clear", on_click=self._clear).props("outline dense no-caps")
            with ui.column():
                ui.label("The network gets").classes("soft")
                self._given = ui.image().classes("w-32").style("image-rendering: pixelated")
            self._chart = ui.echart({}).classes("chart flex-1")
        self._clear()

    def _clear(self) -> None:
        self._ink = Image.new("L", (SIDE, SIDE), 255)
        self._last: tuple[float, float] | None = None
        self._show([0.0] * len(self._classes))

    async def _stroke(self, here: tuple[float, float], pressed: bool) -> None:
        """Draw from the last place to this one while a button is pressed."""
        before, self._last = self._last, here if pressed else None
        if not pressed:
            return
        pen, (x, y) = ImageDraw.Draw(self._ink), here
        pen.line([before or here, here], 0, PEN + 1)
        pen.ellipse([x - PEN / 2, y - PEN / 2, x + PEN / 2, y + PEN / 2], 0)
        pixels = np.asarray(self._ink)
        self._pad.set_source(picture(pixels))
        answer = await self._part.latest(self._answer, pixels)
        if answer:
            self._show(answer[0], answer[1])

    def _answer(self, pixels: np.ndarray) -> tuple[list[float], np.ndarray]:
        """Probabilities of the classes, and the image that the network got."""
        from agents.supervised.saving import load_model
        from plugins.mnist.answers import probabilities
        from plugins.mnist.network import network

        folder = self._part.run.folder.artifacts.folder
        self._model = self._model or load_model(folder, "mnist", MnistConfig, network)
        image = centred(1 - pixels.astype(np.float32) / 255)
        return probabilities(self._model, image[None])[0].tolist(), image

    def _show(self, chances: list[float], image: np.ndarray | None = None) -> None:
        image = np.zeros((1, 1)) if image is None else image
        self._pad.set_source(picture(np.asarray(self._ink)))
        self._given.set_source(picture((255 * (1 - image)).astype(np.uint8)))
        layout.redraw(self._chart, charts.probabilities(self._classes, chances))
