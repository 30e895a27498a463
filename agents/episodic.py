"""Control where an episode is a task of its own, as in most of Gymnasium: what counts is its return, not the reward per step.

Where the model is known, the greedy policy is evaluated exactly and stands beside two optima: that of a policy that counts the steps left,
and that of the best policy found that does not, which is all that a table of states can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from agents.control import LAST, ControlExperiment, best_returns
from agents.control_config import ControlConfig
from agents.stationary import best_stationary
from agents.worlds import EnvWorld, World
from envs.mdp import TabularMDP
from sandbox.lab import Block, Context, Summary

ENV_BLOCK_STEPS = 10_000
"""At most about as many steps through `env.step` make one block: some tenths of a second."""
FEWEST = 25
"""Episodes of a block through `env.step`: most end long before they are cut."""

ROUNDING = 1e-12


@lru_cache(maxsize=4)
def stationary_return(model: TabularMDP) -> float | None:
    """The expected return of the best stationary policy found; None where the search would take too long."""
    best = best_returns(model)
    found = None if best is None else best_stationary(model, float(model.start @ best))
    return None if found is None else found[0]


class EpisodicExperiment(ControlExperiment):
    """Learning in one world whose episodes are judged by their return.

    Args:
        config: has `agent` and `episodes`.
        context: gives the generator "agent".
        world: the environment or its model.
        notes: what whoever runs this should know.
        watched: whether to keep snapshots, and to evaluate the greedy policy where one is taken.
    """

    headline = ("return", "epsilon")
    score, best_score = "greedy_return", "optimal_return"
    banded = ("return", "regret", "greedy_return", "length", "env_steps", "greedy_length")

    def __init__(self, config: ControlConfig, context: Context, world: World, notes: Sequence[str] = (), watched: bool = True) -> None:
        super().__init__(config, context, world, watched)
        if isinstance(world, EnvWorld):
            self._block_episodes = max(FEWEST, ENV_BLOCK_STEPS // world.horizon)
        self.notes = tuple(notes)

    def summary(self) -> Summary:
        """The greedy policy's expected return, beside the best possible; lengths in steps."""
        greedy = self.world.evaluate(self.agent)
        optimum = self.optimum()
        return {
            "greedy_return": greedy.expected_return,
            "optimal_return": optimum,
            "best_stationary": self.stationary_optimum(),
            "regret": None if optimum is None else _regret(optimum, greedy.expected_return),
            "greedy_length": greedy.expected_length,
            f"return_last_{LAST}": float(self._last.mean()) if len(self._last) else None,
            "episode_limit": self.world.horizon,
            "episodes": self.done_units,
            "env_steps": self.env_steps,
            "learned_through": "env.step" if isinstance(self.world, EnvWorld) else "model",
            "evaluated": "by sampling" if self.model is None else "exactly",
        }

    def stationary_optimum(self) -> float | None:
        """What the best policy found that does not count steps earns, or None where nobody knows."""
        return None if self.model is None else stationary_return(self.model)

    def _learn_block(self, learned: Any) -> Block:
        steps = self.env_steps + np.cumsum(learned.length)
        self.env_steps = int(steps[-1])
        self._last = np.concatenate([self._last, learned.return_])[-LAST:]
        regret = np.full(len(steps), np.nan) if self.best is None else self.best[learned.start] - learned.return_
        return Block(
            "learn",
            {
                "episode": learned.episode,
                "env_steps": steps,
                "return": learned.return_,
                "length": learned.length,
                "epsilon": learned.epsilon,
                "regret": regret,
            },
        )

    def _evaluate_block(self) -> Block:
        greedy = self.world.evaluate(self.agent)
        optimum = self.optimum()
        return Block(
            "evaluate",
            {
                "episode": [self.done_units],
                "env_steps": [self.env_steps],
                "greedy_return": [greedy.expected_return],
                "greedy_length": [greedy.expected_length],
                "regret": [float("nan") if optimum is None else _regret(optimum, greedy.expected_return)],
            },
        )


def _regret(optimum: float, return_: float) -> float:
    """What is missing to the best possible; 0 where two ways of adding up the same differ in the last digits."""
    missing = optimum - return_
    return 0.0 if abs(missing) < ROUNDING * max(1.0, abs(optimum)) else missing
