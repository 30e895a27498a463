"""How control labs are watched: episodes as frames, from what the agent knows now or knew before."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from agents.control.experiment import ControlExperiment, Snapshotted, walk
from envs.render import Snapshot
from sandbox.text import number

LONGEST = 400
"""Frames of an episode that is watched by itself: one that never arrives need not be seen to its end."""
LINGER = 8
"""Frames shown after the goal is reached: it stays there anyway."""
TRAIL = 8


def episode_now(
    experiment: ControlExperiment, rng: np.random.Generator, title: str
) -> Iterator[Snapshot]:
    """One episode as the agent behaves now: with its exploration while it learns, greedy once it is done."""
    now = Snapshotted(
        experiment.done_units,
        0.0 if experiment.done else float(experiment.agent.epsilon()),
        experiment.agent.q,
    )
    return islice(
        _episode(
            experiment,
            now,
            rng,
            title,
            explore=not experiment.done,
            scale=_scale(experiment, [now]),
        ),
        LONGEST,
    )


def episodes_then(
    experiment: ControlExperiment, rng: np.random.Generator, title: str, most: int = 60
) -> Iterator[Snapshot]:
    """How it learned: an episode for each snapshot, at most `most` frames of each, the last one greedy and whole."""
    scale = _scale(experiment, experiment.snapshots)
    for snapshot in experiment.snapshots:
        frames = _episode(experiment, snapshot, rng, title, explore=True, scale=scale)
        yield from islice(frames, most)
    yield from islice(
        _episode(experiment, experiment.snapshots[-1], rng, title, explore=False, scale=scale),
        LONGEST,
    )


def _episode(
    experiment: ControlExperiment,
    knowledge: Snapshotted,
    rng: np.random.Generator,
    title: str,
    explore: bool,
    scale: tuple[float, float],
) -> Iterator[Snapshot]:
    model, layout = experiment.model, experiment.env.layout
    agent = _as_it_was(experiment.agent, knowledge)
    values, policy = agent.q.max(axis=1), agent.policy()  # [states], [states, actions]
    columns = layout.cells.shape[1]
    trail: list[tuple[int, int]] = []
    lingered = 0
    counted = (
        knowledge.episode == experiment.done_units
    )  # an earlier snapshot keeps one table, not those of all steps

    def act(state: int, step: int) -> int:
        action: int = agent.act(state, explore=explore, rng=rng, step=step if counted else None)
        return action

    for state, step, total in walk(model, act, rng):
        cell = (state // columns, state % columns)
        yield Snapshot(
            layout=layout,
            agent=cell,
            trail=tuple(trail[-TRAIL:]),
            values=values,
            policy=policy > 0,
            value_range=scale,
            status=_status(knowledge, step, total, explore),
            title=title,
        )
        trail.append(cell)
        lingered = lingered + 1 if model.goal[state] else 0
        if lingered > LINGER:
            return


def _as_it_was(agent: Any, knowledge: Snapshotted) -> Any:
    """A second agent that knows what this one knew then; the first one is left alone."""
    then = copy.copy(agent)
    then.q, then.episodes_done = np.asarray(knowledge.q, dtype=np.float64), knowledge.episode
    return then


def _status(knowledge: Snapshotted, step: int, total: float, explore: bool) -> str:
    mode = f"ε {number(knowledge.epsilon, 3)}" if explore else "greedy"
    return f"episode {number(knowledge.episode)} · step {step} · {mode} · return {number(total, 4)}"


def _scale(experiment: ControlExperiment, snapshots: list[Any]) -> tuple[float, float]:
    """One colour scale for all frames: lowest and highest value of the cells that can be entered."""
    free = experiment.env.layout.walkable.ravel()  # [states]
    values = np.stack([np.asarray(snapshot.q).max(axis=1) for snapshot in snapshots])[:, free]
    return float(values.min()), float(values.max())
