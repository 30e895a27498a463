"""How an algorithm of Stable-Baselines3 is watched: episodes as frames, from what it does now or did before.

Every episode is played on a model or in an environment of the viewer's own, with a generator of its own: what learns does not notice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from agents.control.experiment import walk
from agents.control.replay import LINGER, LONGEST, TRAIL
from envs.render import Snapshot
from sandbox.lab import State
from sandbox.text import number


class LastKnown:
    """What the agent did after some steps.

    Args:
        steps: of the environments.
        chances: probabilities of its actions while learning, float32 [states, actions].
        worth: what it thought each state is worth, float32 [states], or None.
    """

    def __init__(self, steps: int, chances: np.ndarray, worth: np.ndarray | None) -> None:
        self.steps, self.chances, self.worth = steps, chances, worth

    def state(self) -> State:
        """As arrays and plain values."""
        return {"steps": self.steps, "chances": self.chances, "worth": self.worth}


def frames(
    experiment: Any, rng: np.random.Generator, title: str, history: bool
) -> Iterator[Snapshot]:
    """An episode in a grid as the agent behaves now; with `history`, one for each snapshot, the last one greedy.

    Args:
        experiment: in one of our grids.
        rng: draws what chance there is in the episodes.
        title: above the picture.
        history: whether to replay how it learned.
    """
    scale = _scale(experiment)
    if history:
        for known in experiment.snapshots:
            yield from islice(_episode(experiment, known, rng, title, scale, greedy=False), 60)
    last = experiment.snapshots[-1]
    yield from islice(
        _episode(experiment, last, rng, title, scale, greedy=history or experiment.done), LONGEST
    )


def _episode(
    experiment: Any,
    known: LastKnown,
    rng: np.random.Generator,
    title: str,
    scale: tuple[float, float],
    greedy: bool,
) -> Iterator[Snapshot]:
    """One episode of what the agent did then."""
    assert experiment.model is not None
    layout, model, columns = (
        experiment.env.layout,
        experiment.model,
        experiment.env.layout.cells.shape[1],
    )
    best = known.chances.argmax(axis=1)  # [states]
    chances = known.chances.astype(np.float64)  # [states, actions]
    chances /= chances.sum(axis=1, keepdims=True)

    def act(state: int, step: int) -> int:
        return int(best[state]) if greedy else int(rng.choice(model.actions, p=chances[state]))

    trail: list[tuple[int, int]] = []
    lingered = 0
    values = None if known.worth is None else np.asarray(known.worth, dtype=np.float64)
    for state, step, total in walk(model, act, rng):
        cell = (state // columns, state % columns)
        mode = "greedy" if greedy else "exploring"
        yield Snapshot(
            layout=layout,
            agent=cell,
            trail=tuple(trail[-TRAIL:]),
            values=values,
            policy=np.eye(model.actions, dtype=bool)[best],
            value_range=scale,
            status=f"env step {number(known.steps)} · step {step} · {mode} · return {number(total, 4)}",
            title=title,
        )
        trail.append(cell)
        lingered = lingered + 1 if model.goal[state] else 0
        if lingered > LINGER:
            return


def _scale(experiment: Any) -> tuple[float, float]:
    """One colour scale for all frames: lowest and highest value of the cells that can be entered."""
    free = experiment.env.layout.walkable.ravel()  # [states]
    known = [
        snapshot.worth[free] for snapshot in experiment.snapshots if snapshot.worth is not None
    ]
    return (float(np.min(known)), float(np.max(known))) if known else (0.0, 1.0)
