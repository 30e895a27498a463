"""Control where an episode is a task of its own, as in most of Gymnasium: what counts is its return, not the reward per step.

Where the model is known, the greedy policy is evaluated exactly and stands beside two optima: that of a policy that counts the steps left,
and that of the best policy found that does not, which is all that a table of states can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from agents.control.config import ControlConfig
from agents.control.experiment import BEST_RETURN, LAST, ControlExperiment, best_returns
from agents.control.worlds import EnvWorld, GreedyTrial, World
from agents.planning.evaluation import Evaluation
from agents.planning.stationary import best_stationary
from envs.mdp import TabularMDP
from sandbox.lab import Block, Context, Summary
from sandbox.score import Score

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
    banded = ("return", "regret", "greedy_return", "length", "env_steps", "greedy_length")

    def __init__(
        self,
        config: ControlConfig,
        context: Context,
        world: World,
        notes: Sequence[str] = (),
        watched: bool = True,
    ) -> None:
        super().__init__(config, context, world, watched)
        if isinstance(world, EnvWorld):
            self._block_episodes = max(FEWEST, ENV_BLOCK_STEPS // world.horizon)
        self._watched = watched
        self._notes = tuple(notes)
        self._tried: tuple[int, GreedyTrial | None] = (
            -1,
            None,
        )  # episodes learned, and what was tried out then

    @property
    def notes(self) -> Sequence[str]:
        """What whoever runs this should know, a table of transitions that turned out to be wrong included."""
        trial = self._tried[1]
        if trial is None or not trial.difference:
            return (*self._notes, *super().notes)
        remedy = (
            "" if isinstance(self.world, EnvWorld) else " --no-use-model learns through env.step."
        )
        return (*self._notes, f"{DISPROVED} ({trial.difference}).{remedy}")

    def score(self) -> Score:
        """The greedy policy's expected return: exact where the model is known and the environment obeys it, else sampled."""
        return episodic_score(self._greedy(), self.optimum(), self.world.horizon)

    def summary(self) -> Summary:
        """The greedy policy's expected return, beside the best possible; lengths in steps."""
        greedy = self._greedy()
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
            **evaluated(greedy),
        }

    def optimum(self) -> float | None:
        """The best expected return of an episode, or None where nobody knows it, or the model is disproved."""
        return None if self._disproved() else super().optimum()

    def stationary_optimum(self) -> float | None:
        """What the best policy found that does not count steps earns, or None where nobody knows."""
        return None if self.model is None or self._disproved() else stationary_return(self.model)

    def _greedy(self) -> Evaluation:
        """What the greedy policy earns; sampled in the environment where that does not obey its model."""
        trial = self._trial()
        return trial.played if trial and trial.difference else self.world.evaluate(self.agent)

    def _disproved(self) -> bool:
        trial = self._tried[1]
        return trial is not None and bool(trial.difference)

    def _trial(self) -> GreedyTrial | None:
        """Real episodes, once learning is done; of seeds that learn together one each, until one disproves the model."""
        if self.done and self._tried[0] != self.done_units:
            episodes: int = self.config.evaluation_episodes  # type: ignore[attr-defined]
            trial = self.world.try_out(self.agent, episodes if self._watched else 1)
            if trial and trial.difference and not self._watched:
                trial = self.world.try_out(self.agent, episodes)
            self._tried = self.done_units, trial
        return self._tried[1]

    def _learn_block(self, learned: Any) -> Block:
        steps = self.env_steps + np.cumsum(learned.length)
        self.env_steps = int(steps[-1])
        self._last = np.concatenate([self._last, learned.return_])[-LAST:]
        regret = (
            np.full(len(steps), np.nan)
            if self.best is None
            else self.best[learned.start] - learned.return_
        )
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
                "regret": [
                    float("nan") if optimum is None else _regret(optimum, greedy.expected_return)
                ],
                **evaluation_error(greedy),
            },
        )


DISPROVED = "The environment does not do what its table of transitions (P) says: the score is sampled in the environment, and no optimum is known"


def episodic_score(greedy: Evaluation, optimum: float | None, horizon: int) -> Score:
    """The return of an episode as a score, exact or sampled."""
    best = "" if optimum is None else BEST_RETURN.format(horizon)
    error, episodes = greedy.standard_error, greedy.episodes
    return Score(
        "greedy_return",
        greedy.expected_return,
        optimum,
        best,
        unit="return",
        standard_error=error,
        episodes=episodes,
    )


def evaluated(greedy: Evaluation) -> Summary:
    """How the greedy policy was evaluated, for a summary."""
    if greedy.episodes is None:
        return {"evaluated": "exactly"}
    return {
        "evaluated": "by sampling",
        "evaluation_episodes": greedy.episodes,
        "standard_error": greedy.standard_error,
    }


def evaluation_error(greedy: Evaluation) -> dict[str, list[float]]:
    """Columns of a sampled evaluation for the stream "evaluate"; none where it is exact."""
    if greedy.episodes is None or greedy.standard_error is None:
        return {}
    return {"standard_error": [greedy.standard_error], "evaluation_episodes": [greedy.episodes]}


def _regret(optimum: float, return_: float) -> float:
    """What is missing to the best possible; 0 where two ways of adding up the same differ in the last digits."""
    missing = optimum - return_
    return 0.0 if abs(missing) < ROUNDING * max(1.0, abs(optimum)) else missing
