"""How cost grows with a random maze of 10, 100 and 1000 cells a side.

Measured are the model, its memory, its optimum, and learning in it.
"""

from __future__ import annotations

import time
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from agents.planning import solvers as planning
from agents.tabular.rules.one_step import QLearning
from benchmarks.measure import Figure, in_turns, seconds
from envs.config import MazeConfig
from envs.grid import build_model

if TYPE_CHECKING:
    from envs.mdp import TabularMDP

SIDES = (10, 100, 1000)
DISCOUNT = 0.9


def megabytes(model: TabularMDP) -> float:
    """Memory of all arrays of a model."""
    held = (getattr(model, field.name) for field in fields(model))
    return sum(each.nbytes for each in held if isinstance(each, np.ndarray)) / 1e6


def learning_rate(model: TabularMDP, steps: int) -> float:
    """Compiled Q-learning's steps per second, over at least one episode."""
    episodes = max(1, steps // model.horizon)
    config = QLearning.Config(policy="epsilon-greedy", epsilon_schedule="exponential")
    agent = QLearning(
        config, model.states, model.actions, np.random.default_rng(0), episodes=episodes + 1
    )
    agent.learn_model(model, np.random.default_rng(1), 1)
    begun = time.perf_counter()
    learned = agent.learn_model(model, np.random.default_rng(1), episodes)
    return float(learned.length.sum()) / (time.perf_counter() - begun)


def grown(side: int, steps: int) -> list[Figure]:
    """The figures of one size; the largest is solved only once."""
    config = MazeConfig(layout="random", size=side)
    layout, rounds = config.build_layout(), 1 if side >= 1000 else 3
    model = build_model(layout, config)
    solution = planning.value_iteration(model, DISCOUNT)
    (building,) = in_turns([lambda: seconds(lambda: build_model(layout, config))], 3)
    (solving,) = in_turns(
        [lambda: seconds(lambda: planning.value_iteration(model, DISCOUNT))], rounds
    )
    (learning,) = in_turns([lambda: learning_rate(model, steps)], 3)
    name = f"{side} x {side} cells"
    each = 1e9 * solving / solution.sweeps / model.states
    swept = f"{solution.sweeps} sweeps, {each:.1f} ns for each state and sweep"
    return [
        Figure(
            f"{name}: building the model",
            building,
            "s",
            note=f"{1e9 * building / model.states:,.0f} ns for each state",
        ),
        Figure(
            f"{name}: memory of the model",
            megabytes(model),
            "MB",
            note=f"{1e6 * megabytes(model) / model.states:.0f} bytes each",
        ),
        Figure(
            f"{name}: value iteration",
            solving,
            "s",
            note=swept if solution.converged else f"not converged in {swept}",
        ),
        Figure(
            f"{name}: q-learning", learning, "steps/s", note=f"episodes of {model.horizon:,} steps"
        ),
    ]


def measure(quick: bool) -> list[Figure]:
    """All sizes, smallest first."""
    return [
        figure
        for side in SIDES[: 2 if quick else None]
        for figure in grown(side, 1_000_000 if quick else 10_000_000)
    ]
