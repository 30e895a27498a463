"""The grid labs' part of a run's page: action values of a cell, walls to paint, a walk by keys.

What is painted changes nothing of the run: it is solved exactly and shown beside it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from nicegui import ui
from nicegui.events import KeyEventArguments

from agents.control.experiment import ControlExperiment
from agents.planning.solvers import value_iteration
from envs import layouts
from envs.grid import ACTIONS, build_model
from envs.layouts import Layout
from envs.mdp import TabularMDP
from envs.render.snapshot import Snapshot, cell_at
from sandbox.errors import UsageError
from sandbox.seeding import generator
from sandbox.text import number
from sandbox.web.parts.lab_part import LabPart, picture

VALUES = "action values"
PAINTS = {"wall": layouts.WALL, "sand": layouts.SAND, "floor": layouts.FLOOR}
SWEEPS, MOST_CELLS = 20_000, 10_000
"""Most sweeps of the solver, and the cells of the largest grid that is solved on the page."""


class GridBoard:
    """The grid of a run with what its agent learned, or changed and solved.

    Args:
        part: of the page; see `Lab.page`.
    """

    def __init__(self, part: LabPart) -> None:
        self._part, self._rng = part, generator(0, "page")
        self._now: Snapshot | None = None
        with ui.row().classes("w-full items-center gap-4"):
            self._tool = ui.toggle([VALUES, *PAINTS], value=VALUES).props("no-caps")
            self._walks = ui.switch("walk with the arrow keys")
        self._image = part.canvas(["mousedown"], self._press)
        ui.keyboard(self._key, repeating=True)
        ui.timer(0, self._begin, once=True)

    async def _begin(self) -> None:
        self._now = await self._part.latest(self._learned)
        await self._show()

    def _learned(self) -> Snapshot:
        experiment = self._part.run.experiment
        if not isinstance(experiment, ControlExperiment):
            raise UsageError("Only one agent with a table, in a grid, has a board to try.")
        self._env, self._discount = experiment.env, experiment.agent.config.discount
        layout, model = experiment.env.layout, experiment.env.model
        return self._snapshot(layout, model, experiment.agent.q, "learned")

    def _snapshot(self, layout: Layout, model: TabularMDP, q: np.ndarray, what: str) -> Snapshot:
        self._model, self._q = model, q
        self._state, self._return = layout.state(layout.start), 0.0
        policy = np.isclose(q, q.max(axis=1, keepdims=True))
        return Snapshot(layout, layout.start, values=q.max(axis=1), policy=policy, title=what)

    async def _show(self) -> None:
        if self._now is not None:
            await self._part.show(self._image, lambda now: picture(now.draw()), self._now)

    async def _press(self, place: tuple[float, float], pressed: bool) -> None:
        """Tell the action values of a cell, or paint it."""
        now = self._now
        cell = None if now is None else cell_at(now.layout, place)
        if now is None or cell is None:
            return
        if self._tool.value == VALUES:
            q = map(number, self._q[now.layout.state(cell)].tolist())
            told = map(" ".join, zip(ACTIONS, q, strict=True))
            self._now = replace(now, marked=[cell], status=" · ".join([f"Q{cell}", *told]))
        else:
            self._now = await self._part.latest(self._solved, now.layout, cell) or now
        await self._show()

    def _solved(self, layout: Layout, cell: tuple[int, int]) -> Snapshot:
        """The optimum of the grid with one cell painted."""
        if layout.cells.size > MOST_CELLS:
            raise UsageError(f"Grids of more than {number(MOST_CELLS)} cells are not solved here.")
        cells = layout.cells.copy()
        cells[cell] = PAINTS[str(self._tool.value)]
        layout = layouts.place(cells, layout.start, layout.goals)
        model = build_model(layout, self._env.config)
        best = value_iteration(model, self._discount, max_sweeps=SWEEPS)
        return self._snapshot(layout, model, best.q, f"the optimum, discount {self._discount:g}")

    async def _key(self, event: KeyEventArguments) -> None:
        """One step of the walk."""
        action = event.key.name.lower().removeprefix("arrow")
        if not self._walks.value or self._now is None or not event.action.keydown:
            return
        if action in ACTIONS:
            move = ACTIONS.index(action)
            outcome = self._model.sample_outcome(self._state, move, self._rng)
            self._state, reward, over = self._model.transition(self._state, move, outcome)
            self._return += reward
            layout, status = self._now.layout, f"return {number(self._return)}"
            here = layout.position(self._state)
            if over:  # the next step is the first of another episode
                status += " · terminated"
                self._state, self._return = layout.state(layout.start), 0.0
            self._now = replace(self._now, agent=here, marked=(), status=status)
            await self._show()
