"""Worlds for the agents' tests, made of arrays alone: nothing here is shared with the environments
under envs/."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest

from agents.tabular.kernels import Step

PLAIN_STEP = Step(0, 0, 0, 0.0, 0, 0, False, False, 0.5, 0.9, 0.0, True)


def make_step(**fields: Any) -> Step:
    """A step of an episode, from those of its fields that matter."""
    return PLAIN_STEP._replace(**fields)


REPORT_WALLS = {
    *(
        (0, 1),
        (0, 7),
        (1, 3),
        (1, 5),
        (1, 6),
        (1, 7),
        (1, 8),
        (2, 1),
        (2, 2),
        (2, 5),
        (3, 0),
        (3, 1),
        (3, 4),
        (3, 7),
        (3, 8),
    ),
    *(
        (4, 3),
        (4, 6),
        (4, 8),
        (5, 1),
        (5, 2),
        (5, 3),
        (5, 4),
        (5, 6),
        (6, 1),
        (6, 6),
        (6, 8),
        (6, 9),
        (7, 3),
        (7, 4),
        (7, 5),
    ),
    *((7, 6), (8, 1), (8, 2), (8, 3), (8, 5), (8, 8), (9, 5), (9, 7), (9, 8)),
}
MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))


def make_model(
    next_state: Any,
    reward: Any,
    probability: Any = None,
    terminated: Any = None,
    start: Sequence[int] = (0,),
    goal: Sequence[int] = (),
    horizon: int = 0,
    always_draw: bool = False,
) -> SimpleNamespace:
    """A model from nested lists [states][actions][outcomes]; the last axis may be left out where
    there is one outcome."""

    def outcomes(value: Any, dtype: type) -> np.ndarray:
        array = np.array(value, dtype=dtype)
        return np.ascontiguousarray(array if array.ndim == 3 else array[:, :, None])

    following = outcomes(next_state, np.int64)
    p = np.ones(following.shape) if probability is None else outcomes(probability, np.float64)
    cumulative = p.cumsum(axis=2)
    cumulative[:, :, -1] = 1.0
    starts = np.cumsum(np.full(len(start), 1 / len(start)))
    starts[-1] = 1.0
    return SimpleNamespace(
        states=len(following),
        actions=following.shape[1],
        start=np.bincount(start, np.diff(starts, prepend=0.0), len(following)),
        next_state=following,
        probability=p,
        cumulative=cumulative,
        reward=outcomes(reward, np.float64),
        terminated=np.zeros(following.shape, dtype=bool)
        if terminated is None
        else outcomes(terminated, np.bool_),
        start_states=np.array(start, dtype=np.int64),
        start_cumulative=starts,
        goal=np.isin(np.arange(len(following)), goal),
        horizon=horizon,
        always_draw=always_draw,
    )


def random_model(
    seed: int, states: int = 6, actions: int = 3, outcomes: int = 2, **options: Any
) -> SimpleNamespace:
    """Random transitions, a tenth of which terminate."""
    rng = np.random.default_rng(seed)
    shape = (states, actions, outcomes)
    p = rng.random(shape) + 0.05
    return make_model(
        rng.integers(states, size=shape),
        rng.normal(size=shape).round(2),
        p / p.sum(axis=2, keepdims=True),
        options.pop("terminated", rng.random(shape) < 0.1),
        **{"start": (0, 2, 5), "goal": (3,), "horizon": 12, **options},
    )


def report_maze(slip: float = 0.0) -> SimpleNamespace:
    """REPORTS, G3; with `slip`, a move goes to the left of its direction with that probability."""
    turned = (0, 4, 3, 1, 2)

    def moved(row: int, column: int, action: int) -> tuple[int, float]:
        to = (row + MOVES[action][0], column + MOVES[action][1])
        if action == 0:
            return row * 10 + column, float((row, column) == (0, 0))
        if to in REPORT_WALLS or not (0 <= to[0] < 10 and 0 <= to[1] < 10):
            return row * 10 + column, -1.0
        return to[0] * 10 + to[1], 0.0

    cells = [(row, column) for row in range(10) for column in range(10)]
    outcomes = [
        [[moved(*cell, kept) for kept in (action, turned[action])] for action in range(5)]
        for cell in cells
    ]
    if not slip:
        outcomes = [[row[:1] for row in cell] for cell in outcomes]
    following = [[[outcome[0] for outcome in row] for row in cell] for cell in outcomes]
    reward = [[[outcome[1] for outcome in row] for row in cell] for cell in outcomes]
    p = np.broadcast_to([1 - slip, slip] if slip else [1.0], np.shape(reward))
    return make_model(following, reward, p, start=(99,), goal=(0,), horizon=168)


class ModelEnv(gymnasium.Env[int, int]):
    """A model as an environment, written for reading: the reference that the compiled loop must
    agree with."""

    def __init__(self, model: Any, first: int = 0) -> None:
        self.model, self.first = model, first
        states, actions, _ = model.next_state.shape
        self.observation_space: Any = gymnasium.spaces.Discrete(states, start=first)
        self.action_space: Any = gymnasium.spaces.Discrete(actions, start=first)

    def _draw(self, cumulative: np.ndarray, certain: bool) -> int:
        if certain and not self.model.always_draw:
            return 0
        return int((self.np_random.random() < cumulative).argmax())

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        self.state = int(
            self.model.start_states[
                self._draw(self.model.start_cumulative, len(self.model.start_states) == 1)
            ]
        )
        return self.state + self.first, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        cumulative = self.model.cumulative[self.state, action - self.first]
        at = (self.state, action - self.first, self._draw(cumulative, cumulative[0] >= 1.0))
        self.state = int(self.model.next_state[at])
        self.steps += 1
        return (
            self.state + self.first,
            float(self.model.reward[at]),
            bool(self.model.terminated[at]),
            self.steps == self.model.horizon,
            {},
        )


@pytest.fixture
def worlds() -> SimpleNamespace:
    """The helpers above; a fixture, because test modules are no package."""
    helpers: list[Callable[..., Any]] = [make_model, make_step, random_model, report_maze, ModelEnv]
    return SimpleNamespace(**{helper.__name__: helper for helper in helpers})
