"""The lab's part of a run's page: the plane of the codes, and the image at the mouse."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from nicegui import ui

from envs.datasets.images import CLASSES
from envs.render.chart import Chart
from sandbox.web.parts.lab_part import LabPart, Place, picture

if TYPE_CHECKING:
    from torch import nn


class CodePlane:
    """The codes of the test images in their plane; of each place in it, the decoded image.

    Args:
        part: of the page; see `Lab.page`.
    """

    def __init__(self, part: LabPart) -> None:
        self._part = part
        self._chart: Chart | None = None
        with ui.row().classes("w-full items-start gap-6"):
            self._plane = part.canvas(["mousemove", "click"], self._move, cross=True)
            with ui.column():
                ui.label("The code under the mouse, decoded").classes("soft")
                self._image = ui.image().classes("w-56").style("image-rendering: pixelated")
                self._image.props('alt="the decoded image"')
        ui.timer(0, lambda: part.show(self._plane, self._read), once=True)

    def _array(self, name: str) -> np.ndarray:
        content = self._part.run.folder.artifacts.read(name)
        array: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
        return array

    def _read(self) -> str:
        """The plane as a picture; model, centre and directions are kept."""
        from agents.supervised.saving import model_of
        from plugins.autoencoder.figures import code_space, plane

        self._model: nn.Module = model_of(self._part.run)
        codes, labels = self._array("codes.npy"), self._array("code_classes.npy")
        _, self._centre, self._axes = plane(codes)
        classes = CLASSES[self._part.run.config["dataset"]]
        self._chart = Chart(code_space(codes, labels, classes))
        return picture(self._chart.pixels)

    async def _move(self, place: Place, pressed: bool) -> None:
        if self._chart is not None:
            await self._part.show(self._image, self._decoded, self._chart.units(place))

    def _decoded(self, place: tuple[float, float]) -> str:
        from plugins.autoencoder.codes import decode

        code = self._centre + np.array(place) @ self._axes
        return picture((255 * (1 - decode(self._model, code[None])[0])).astype(np.uint8))
