"""The grid labs' part of a run's page: what it learned so far, action values of a cell, walls to
paint, a walk by keys, and learning again, update by update.

Nothing of it changes the run: what is painted is solved exactly and shown beside it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from nicegui import ui
from nicegui.events import KeyEventArguments

from agents.control.experiment import ControlExperiment
from agents.pages.update_board import UpdateBoard
from agents.pages.update_replay import Moment
from agents.planning.solvers import value_iteration
from envs import layouts
from envs.grid import ACTIONS, build_model
from envs.layouts import Layout, Position
from envs.mdp import TabularMDP
from envs.render.snapshot import Snapshot, cell_at
from sandbox.errors import UsageError
from sandbox.seeding import generator
from sandbox.text import number
from sandbox.web.parts.lab_part import Place

VALUES = "action values"
PAINTS = {"wall": layouts.WALL, "sand": layouts.SAND, "floor": layouts.FLOOR}
SWEEPS, MOST_CELLS = 20_000, 10_000
"""Most sweeps of the solver, and the cells of the largest grid that is solved on the page."""


class GridBoard(UpdateBoard):
    """The grid of a run with what its agent learned, or changed and solved.

    Args:
        part: of the page; see `Lab.page`.
    """

    _now: Snapshot | None = None
    _cell: Position | None = None

    def _tools(self) -> None:
        self._rng = generator(0, "page")
        with ui.row().classes("w-full items-center gap-4"):
            self._tool = ui.toggle([VALUES, *PAINTS], value=VALUES).props("no-caps")
            self._walks = ui.switch("walk with the arrow keys", on_change=self._stay)
        with ui.row().classes("w-full items-center gap-4"):
            self._slider = ui.slider(min=0, max=0, on_change=self._choose).classes("w-64")
            self._slider.props('aria-label="snapshot"')
            self._part.layers(self._show)
            self._follow = self._part.follow(self._renew)

    async def _renew(self) -> None:
        """Show the newest of the tables that the run keeps."""
        tables = await self._part.latest(self._learned)
        if tables:
            self._tables = tables
            self._slider.props["max"] = len(tables) - 1
            self._slider.set_value(len(tables) - 1)
            await self._choose()

    def _learned(self) -> list[tuple[str, np.ndarray]]:
        """The tables of the run, each with its time."""
        experiment = self._part.run.experiment
        if not isinstance(experiment, ControlExperiment):
            raise UsageError("Only one agent with a table, in a grid, has a board to try.")
        self._take(experiment)
        now = experiment.done_units, experiment.agent.q
        kept = [(one.episode, one.q) for one in experiment.snapshots if one.episode < now[0]]
        return [(f"episode {number(episode)}", q) for episode, q in (*kept, now)]

    def _take(self, experiment: ControlExperiment) -> None:
        self._env, self._discount = experiment.env, experiment.agent.config.discount

    async def _choose(self) -> None:
        """Show the table that the slider stands for."""
        if self._slider.value < self._slider.props["max"]:
            self._stay()
        self._now = self._snapshot(
            self._env.layout, self._env.model, *self._tables[int(self._slider.value)]
        )
        await self._show()

    def _stay(self) -> None:
        """What is shown is not replaced by what the run learns."""
        self._follow.set_value(False)

    def _snapshot(self, layout: Layout, model: TabularMDP, what: str, q: np.ndarray) -> Snapshot:
        self._begin_walk(layout, model, q)
        policy = np.isclose(q, q.max(axis=1, keepdims=True))
        return self._with_values(
            Snapshot(layout, layout.start, values=q.max(axis=1), policy=policy, title=what)
        )

    def _begin_walk(self, layout: Layout, model: TabularMDP, q: np.ndarray) -> None:
        """What clicks tell, and where the walk starts."""
        self._model, self._q = model, q
        self._state, self._return = layout.state(layout.start), 0.0

    def _with_values(self, now: Snapshot) -> Snapshot:
        """With the action values of the cell that was clicked on."""
        if self._cell is None:
            return now
        q = map(number, self._q[now.layout.state(self._cell)].tolist())
        texts = map(" ".join, zip(ACTIONS, q, strict=True))
        status = " · ".join([f"Q{self._cell}", *texts])
        return replace(now, marked=[self._cell], status=status)

    def _learned_again(self, moment: Moment) -> None:
        self._stay()
        self._cell, (now, q) = None, moment
        assert self._replay and isinstance(now, Snapshot)  # of our grids
        self._take(self._replay.experiment)
        self._now = now
        self._begin_walk(now.layout, self._env.model, q)

    async def _press(self, place: Place, pressed: bool) -> None:
        """Tell the action values of a cell, or paint it."""
        now = self._now
        cell = None if now is None else cell_at(now.layout, place)
        if now is None or cell is None:
            return
        if self._tool.value == VALUES:
            self._cell = cell
            self._now = self._with_values(now)
        else:
            self._stay()
            self._now = await self._part.latest(self._solved, now.layout, cell) or now
        await self._show()

    def _solved(self, layout: Layout, cell: Position) -> Snapshot:
        """The optimum of the grid with one cell painted."""
        if layout.cells.size > MOST_CELLS:
            raise UsageError(f"Grids of more than {number(MOST_CELLS)} cells are not solved here.")
        cells = layout.cells.copy()
        cells[cell] = PAINTS[str(self._tool.value)]
        layout = layouts.place(cells, layout.start, layout.goals)
        model = build_model(layout, self._env.config)
        best = value_iteration(model, self._discount, max_sweeps=SWEEPS)
        return self._snapshot(layout, model, f"the optimum, discount {self._discount:g}", best.q)

    async def _key(self, event: KeyEventArguments) -> None:
        """One step of the walk, or learn again."""
        action = event.key.name.lower().removeprefix("arrow")
        if not (self._walks.value and self._now and event.action.keydown and action in ACTIONS):
            await super()._key(event)
            return
        move = ACTIONS.index(action)
        self._state, reward, over = self._model.transition(self._state, move, self._rng)
        self._return += reward
        layout, status = self._now.layout, f"return {number(self._return)}"
        here = layout.position(self._state)
        if over:  # the next step is the first of another episode
            status += " · terminated"
            self._state, self._return = layout.state(layout.start), 0.0
        self._now = replace(self._now, agent=here, marked=(), status=status)
        await self._show()
