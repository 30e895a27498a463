"""The lab's part of a run's page: points to drag, and the polynomial that fits them."""

from __future__ import annotations

import numpy as np
import pygame
from nicegui import ui

from envs.render.chart import Chart, ChartFrame
from plugins.intro import polynomial
from plugins.intro.experiment import IntroExperiment
from sandbox.text import number
from sandbox.visual import plots
from sandbox.web.parts.lab_part import LabPart, Place, picture

ROOM = 0.4
"""Share of the range of y that is left free above and below the points."""


class DraggedPoints:
    """The run's training points, which can be dragged, and the least-squares fit of an order.

    Args:
        part: of the page; see `Lab.page`.
    """

    def __init__(self, part: LabPart) -> None:
        self._part = part
        self._chart: Chart | None = None
        self._picked: int | None = None
        with ui.row().classes("w-full items-center gap-4"):
            ui.label("order of the polynomial")
            self._order = ui.slider(min=0, max=9, value=2, on_change=self._show).classes("w-64")
            self._order.props('label-always markers snap aria-label="order of the polynomial"')
        self._image = part.canvas(["mousedown", "mousemove"], self._drag)
        ui.timer(0, self._begin, once=True)

    async def _begin(self) -> None:
        experiment = await self._part.latest(lambda: self._part.run.experiment)
        if isinstance(experiment, IntroExperiment):
            self._test = experiment.test
            self._points = np.array(experiment.train)  # [2, points]
            self._chart = _chart(self._points)
            await self._show()

    async def _drag(self, place: Place, pressed: bool) -> None:
        """Move the point that was nearest when the button was pressed."""
        if self._chart is None or not pressed:
            self._picked = None
            return
        if self._picked is None:
            away = np.square(self._chart.places(*self._points) - place).sum(axis=1)
            self._picked = int(away.argmin())
        self._points[:, self._picked] = self._chart.units(place)
        await self._show()

    async def _show(self) -> None:
        if self._chart is not None:
            points, order = self._points.copy(), int(self._order.value)
            await self._part.show(self._image, self._drawn, self._chart, points, order)

    def _drawn(self, chart: Chart, points: np.ndarray, order: int) -> str:
        """The fit as a picture."""
        fit = polynomial.least_squares(points[0], points[1], order)
        left, right = (chart.units((edge, 0))[0] for edge in (chart.box().left, chart.box().right))
        x = np.linspace(left, right, 300)

        def mark(canvas: pygame.Surface) -> None:
            chart.line(chart.places(x, polynomial.evaluate(fit, x)), canvas)
            chart.dots(chart.places(*points), [plots.BLUE] * points.shape[1], (), canvas)

        train, test = (
            number(polynomial.mean_squared_error(fit, *some), 3) for some in (points, self._test)
        )
        status = f"order {order} · training MSE {train} · test MSE {test} (y²)"
        return picture(ChartFrame(chart, status, mark).draw())


def _chart(points: np.ndarray) -> Chart:
    (left, low), (right, high) = points.min(axis=1), points.max(axis=1)
    wide, room = 0.05 * (right - left), ROOM * max(high - low, 1e-9)
    title = "Drag a point: the fit follows"
    with plots.single(xlabel="x", ylabel="y", title=title) as (figure, axes):
        axes.set(xlim=(left - wide, right + wide), ylim=(low - room, high + room))
    return Chart(figure)
