"""Frames of learning itself: one for each update of a table that a window asks for.

The agent learns through `env.step`, with the same random numbers as on the model's arrays, so what
it learns stays the same to the last bit.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from agents.control.base import AgentExperiment
from agents.control.replay import Knowledge, Marks, pixels_of_env, span
from agents.control.views import grid_view
from agents.tabular.changes import Change, Update, applied
from agents.tabular.kernels import Step
from envs.aliases import Env
from envs.grid import ACTIONS, STEPS, TRAIL
from envs.render.overlay import RenderedFrame
from envs.render.snapshot import Snapshot
from sandbox.frames import Frame, StepView
from sandbox.text import number

MARKED = 200
"""Most cells that are marked, of those whose values changed."""


class StepFrames:
    """Sees every step of an experiment, and shows those that are asked for.

    Args:
        experiment: the experiment.
        title: of the frames.
        view: where they are shown.
        stage: the environment in which the agent learns; it renders itself, unless it is one of
            our grids.
    """

    def __init__(
        self,
        experiment: AgentExperiment,
        title: str,
        view: StepView,
        stage: Env,
    ) -> None:
        self._experiment, self._title, self._view = experiment, title, view
        self._stage = stage
        model, self._ours = experiment.model, stage.render_mode is None
        self._grid = None if self._ours or model is None else grid_view(stage, model)
        self._names = [str(action) for action in range(experiment.agent.actions)]
        if self._ours:
            self._names = list(ACTIONS)
        elif self._grid is not None:
            names = {(x, y): name for name, (y, x) in zip(ACTIONS[1:], STEPS[1:], strict=True)}
            points = self._grid.arrows.tolist()
            self._names = [names.get((x, y), self._names[a]) for a, (x, y) in enumerate(points)]
        self._trail: deque[int] = deque(maxlen=TRAIL)

    def __call__(self, update: Update, step: Step, total: float) -> None:
        """See `agents.tabular.stepping.StepWatch`."""
        agent = self._experiment.agent
        own, rng = agent.own(), agent.rng
        if step.time == 0:
            self._trail.clear()
        self._trail.append(step.state)
        if self._view.due(step.ended):
            change = applied(update, own, step, rng)
            try:
                frame = self._frame(change, step, total)
            except Exception as error:  # the environment does not draw itself
                self._view.failed(error)
            else:
                self._view.show(frame)
        else:
            update(own, step, rng)
        if step.ended:
            self._view.ended(self._episode, float(self._experiment.episode_scores(np.array(total))))
            if not self._view.watching:
                agent.watch = None

    @property
    def _episode(self) -> int:
        """The number of the present episode."""
        return self._experiment.done_units + 1

    def _frame(self, change: Change, step: Step, total: float) -> Frame:
        """The moment after an update."""
        experiment, agent = self._experiment, self._experiment.agent
        time = f"episode {number(self._episode)}"
        line = self._line(change, step)
        values, policy = agent.q.max(axis=1), agent.policy() > 0
        marked = change.states[:MARKED].tolist()
        if self._ours:
            layout = experiment.env.layout
            return Snapshot(
                layout=layout,
                agent=layout.position(step.next_state),
                trail=[layout.position(state) for state in self._trail],
                values=values,
                policy=policy,
                status=line,
                title=f"{self._title} · {time} · step {step.time + 1} · return {number(total, 4)}",
                marked=[layout.position(state) for state in marked],
            )
        known = Knowledge(
            time,
            f"ε {number(step.epsilon, 3)}",
            agent.act,
            True,
            values,
            policy,
            lambda state, _: agent.q[state].copy(),  # the frame may be drawn later
            limits=span(agent.q),
        )
        pixels = pixels_of_env(self._stage)
        drawn = Marks(self._grid, [known]).overlay(known, pixels, step.next_state, 0, marked)
        status = known.status(step.time + 1, total)
        ended = " · terminated" if step.terminated else " · truncated" * step.ended
        return RenderedFrame(pixels, f"{line}\n{status}{ended}", drawn)

    def _line(self, change: Change, step: Step) -> str:
        """What the rule did, in one line."""
        place = "s" if change.state == step.state else f"state {change.state}"
        name = f"{change.table}({place}, {self._names[change.action]})"
        values = f"{name} {number(change.before, 4)}"
        if change.after == change.before:
            return f"{values}, unchanged"
        parts = [f"{values} -> {number(change.after, 4)}"]
        if change.target is not None:
            parts += [f"target {number(change.target, 4)}", f"α {number(step.alpha, 3)}"]
        if change.others:
            parts.append(f"{number(change.others)} other{'s' * (change.others > 1)}")
        return " · ".join(parts)
