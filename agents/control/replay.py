"""Replay of control experiments: frames of episodes played with the current agent or with its
snapshots.

Every episode is played on the model or in a separate environment, with a separate generator, so a
replay does not affect learning.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from agents.control.base import AgentExperiment, TableSnapshot
from agents.control.views import GridView
from envs import ids
from envs.aliases import Env
from envs.grid import TRAIL
from envs.mdp import TabularMDP
from envs.render import overlay
from envs.render.overlay import Overlay, RenderedFrame
from envs.render.palette import Scale
from envs.render.snapshot import Snapshot
from sandbox.errors import UsageError
from sandbox.text import number
from sandbox.visual.screen import display_kept

LONGEST, SHORT = 400, 60
"""Largest number of frames of an episode in a grid: of the last episode, and of each earlier
one."""
LONGEST_RENDERED, SHORT_RENDERED = 300, 40
"""The same for environments that render themselves."""
LINGER = 8
"""Frames shown after the goal is reached, where the agent stays."""


class Knowledge(NamedTuple):
    """Policy and values of an agent at one time, with which an episode can be played.

    Attributes:
        time: how much it had learned ("episode 1200").
        mode: how it acts ("greedy", "ε 0.01").
        act: chooses an action, from the observation and the number of steps before.
        whole: whether the whole episode is shown or only its beginning.
        values: state values, float [states]; None if unknown.
        policy: [states, actions], above 0 for greedy actions; required for grids.
        weigh: what it thinks of the actions, float [actions], from the observation and the number
            of steps before; None if unknown.
        weights: the name of that: action values "Q", or probabilities "π".
        limits: its lowest and highest value.
    """

    time: str
    mode: str
    act: Callable[[Any, int], Any]
    whole: bool
    values: np.ndarray | None = None
    policy: np.ndarray | None = None
    weigh: Callable[[Any, int], np.ndarray] | None = None
    weights: str = "Q"
    limits: Scale = (0.0, 1.0)

    def status(self, step: int, total: float) -> str:
        """The status line below a frame."""
        return f"{self.time} · step {step} · {self.mode} · return {number(total, 4)}"


def span(values: Sequence[np.ndarray] | np.ndarray) -> Scale:
    """The lowest and the highest value; 0 and 1 where there are none."""
    return (float(np.min(values)), float(np.max(values))) if len(values) else (0.0, 1.0)


def knowledge(
    experiment: AgentExperiment, rng: np.random.Generator, history: bool
) -> Iterator[Knowledge]:
    """The knowledge of a tabular agent: its exploring policy during learning, the greedy policy
    when it is done.

    Args:
        experiment: the agent's experiment.
        rng: draws exploring actions, and breaks ties.
        history: whether to return one `Knowledge` for each snapshot instead, the last one greedy.
    """
    agent = experiment.agent
    now = TableSnapshot(experiment.done_units, float(agent.epsilon()), agent.q)
    if not history:
        yield _known(experiment, now, rng, not experiment.done, True)
        return
    for kept in experiment.snapshots:
        yield _known(experiment, kept, rng, True, False)
    yield _known(experiment, experiment.snapshots[-1], rng, False, True)


def _known(
    experiment: AgentExperiment,
    then: TableSnapshot,
    rng: np.random.Generator,
    explore: bool,
    whole: bool,
) -> Knowledge:
    agent = copy.copy(experiment.agent)
    agent.q, agent.episodes_done = np.asarray(then.q, dtype=np.float64), then.episode
    counted = then.episode == experiment.done_units  # snapshots hold no per-step tables

    def act(state: int, step: int) -> int:
        return agent.act(state, explore=explore, rng=rng, step=step if counted else None)

    mode = f"ε {number(then.epsilon, 3)}" if explore else "greedy"
    return Knowledge(
        f"episode {number(then.episode)}",
        mode,
        act,
        whole,
        agent.q.max(axis=1),
        agent.policy() > 0,
        lambda state, step: (agent.table_at(step) if counted else agent.q)[state],
        limits=span(agent.q),
    )


def grid_frames(
    experiment: AgentExperiment,
    known: Iterable[Knowledge],
    values: Iterable[np.ndarray | None],
    rng: np.random.Generator,
    title: str,
) -> Iterator[Snapshot]:
    """Frames of episodes in a grid, played on its model.

    Args:
        experiment: in one of our grids.
        known: what the agent knew, for each episode.
        values: state values, each float [states]; the colour scale covers all of them.
        rng: draws starts and outcomes.
        title: the title above the frames.
    """
    free = experiment.env.layout.walkable.ravel()  # [states]
    shown = [one[free] for one in values if one is not None]
    scale = span(shown)
    for one in known:
        frames = _grid_episode(experiment, one, rng, title, scale)
        yield from islice(frames, LONGEST if one.whole else SHORT)


def _grid_episode(
    experiment: AgentExperiment,
    known: Knowledge,
    rng: np.random.Generator,
    title: str,
    scale: Scale,
) -> Iterator[Snapshot]:
    layout, model = experiment.env.layout, experiment.model
    assert model is not None
    trail: list[tuple[int, int]] = []
    lingered = 0
    for state, step, total in walk(model, known.act, rng):
        cell = layout.position(state)
        yield Snapshot(
            layout=layout,
            agent=cell,
            trail=tuple(trail[-TRAIL:]),
            values=known.values,
            policy=known.policy,
            value_range=scale,
            status=known.status(step, total),
            title=title,
        )
        trail.append(cell)
        lingered = lingered + 1 if model.goal[state] else 0
        if lingered > LINGER:
            return


def walk(
    model: TabularMDP, act: Callable[[int, int], int], rng: np.random.Generator
) -> Iterator[tuple[int, int, float]]:
    """One episode on a model: yields (state, steps so far, return so far), the start first.

    Args:
        model: the world.
        act: chooses an action, from the state and the number of steps before.
        rng: draws starts and outcomes.
    """
    state, step, total, ends = model.sample_start(rng), 0, 0.0, False
    yield state, step, total
    while not ends and (step < model.horizon or not model.horizon):
        action = act(state, step)
        state, reward, ends = model.transition(state, action, rng)
        step, total = step + 1, total + reward
        yield state, step, total


def rendered_env(experiment: AgentExperiment) -> Env:
    """A copy of an experiment's environment that renders itself, with its own observations.

    Args:
        experiment: an experiment in a Gymnasium environment.

    Raises:
        UsageError: when the environment cannot draw itself.
    """
    options: Any = experiment.config.env.options  # type: ignore[attr-defined]
    modes = (experiment.env.metadata or {}).get("render_modes", [])
    if "rgb_array" not in modes:
        raise UsageError(
            f"{options.id} draws no pictures of itself "
            f"(render modes: {', '.join(modes) or 'none'})."
        )
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")  # pygame warns if there is no audio device
    return ids.make(options, "rgb_array")


def rendered_frames(
    env: Env, known: Iterable[Knowledge], rng: np.random.Generator, view: GridView | None
) -> Iterator[RenderedFrame]:
    """Frames of episodes, rendered by the environment.

    Args:
        env: renders itself, and gives the agent's observations; it is closed.
        known: what the agent knew, for each episode.
        rng: draws the seeds of the episodes.
        view: the grid of the states, if they lie on one.
    """
    known = list(known)
    marks = Marks(view, known)
    try:
        for one in known:
            frames = _rendered_episode(env, one, rng, marks)
            yield from islice(frames, LONGEST_RENDERED if one.whole else SHORT_RENDERED)
    finally:
        with display_kept():
            env.close()


def pixels_of_env(env: Env) -> np.ndarray:
    """What the environment draws of itself, uint8 [rows, columns, 3]."""
    image: Any = env.render()
    return np.ascontiguousarray(image, dtype=np.uint8)


class Marks:
    """Draws what an agent knows on the pictures of an environment: on their cells where states lie
    on a grid that fills the picture, else the worth of the actions as bars below it.

    Args:
        view: the grid, or None.
        known: what is shown; scales cover all of it.
    """

    def __init__(self, view: GridView | None, known: Sequence[Knowledge]) -> None:
        self._view = view
        shown = [one.values[view.open] for one in known if view and one.values is not None]
        self._values = span(shown)
        lows, highs = zip(*(one.limits for one in known), strict=True)
        self._limits = min(lows), max(highs)

    def overlay(
        self,
        known: Knowledge,
        pixels: np.ndarray,
        observation: Any,
        step: int,
        marked: Sequence[int] = (),
    ) -> Overlay | None:
        """What is drawn on a picture.

        Args:
            known: what the agent knows.
            pixels: the picture, uint8 [height, width, 3].
            observation: the agent's, at this moment.
            step: number of steps before.
            marked: states whose cells get a frame.
        """
        view, values, policy = self._view, known.values, known.policy
        on_grid = view and overlay.cell_of(pixels, view.shape)
        if view and on_grid and values is not None and policy is not None:
            values = np.where(view.open, values, np.nan)
            return overlay.on_cells(view.shape, values, policy, view.arrows, self._values, marked)
        weights = () if known.weigh is None else known.weigh(observation, step)
        if not 0 < len(weights) <= overlay.MOST_BARS:
            return None
        return overlay.as_bars(weights, known.weights, self._limits)


def _rendered_episode(
    env: Env, known: Knowledge, rng: np.random.Generator, marks: Marks
) -> Iterator[RenderedFrame]:
    observation, _ = env.reset(seed=int(rng.integers(2**31)))
    step, total, over = 0, 0.0, False
    while True:
        pixels = pixels_of_env(env)
        drawn = marks.overlay(known, pixels, observation, step)
        yield RenderedFrame(pixels, known.status(step, total), drawn)
        if over:
            return
        observation, reward, terminated, truncated, _ = env.step(known.act(observation, step))
        step, total, over = step + 1, total + float(reward), bool(terminated or truncated)
