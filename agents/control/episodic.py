"""Control experiments scored by the return of an episode, as usual in Gymnasium.

Where the model is known, the greedy policy is evaluated exactly and compared with two optima: that
of the best policy that depends on the steps left, and that of the best stationary policy found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from agents.control.base import BEST_RETURN, AgentExperiment, best_returns
from agents.control.config import ControlConfig
from agents.control.experiment import ControlExperiment
from agents.control.views import GridView, grid_view
from agents.control.worlds import GreedyTrial, TableWorld
from agents.planning.evaluation import Evaluation
from agents.planning.stationary import best_stationary
from agents.tabular.base import Episodes
from envs.aliases import Env
from envs.mdp import TabularMDP
from sandbox.errors import UsageError
from sandbox.lab import Context, Frame, Summary
from sandbox.score import Score

ENV_BLOCK_STEPS = 10_000
"""Approximate largest number of steps through `env.step` in a block: some tenths of a second."""
FEWEST = 25
"""Fewest episodes in a block through `env.step`, because most end long before truncation."""
ROUNDING = 1e-12
DISPROVED = (
    "The environment does not do what its table of transitions (P) says: "
    "the score is sampled in the environment, and no optimum is known"
)


@lru_cache(maxsize=4)
def stationary_return(model: TabularMDP) -> float | None:
    """The expected return of the best stationary policy found; None if computing it would take too
    long."""
    best = best_returns(model)
    return None if best is None else best_stationary(model, float(model.start @ best))


class EpisodicScores(AgentExperiment):
    """The scores of experiments in which an episode is scored by its return.

    At the end, greedy episodes in the environment are compared with the model. If they differ, the
    model is wrong: then the score is sampled, and the optimum is unknown.
    """

    headline: Sequence[str] = ("return", "epsilon")
    banded: Sequence[str] = (
        "return",
        "regret",
        "greedy_return",
        "length",
        "env_steps",
        "greedy_length",
    )
    recent_score = "return"
    remedy = ""
    """Advice for the case that the environment contradicts the model, with a leading space."""
    _tried: tuple[int, GreedyTrial | None] = (-1, None)
    """The number of units done at the last trial, and its greedy episodes."""

    @property
    def notes(self) -> Sequence[str]:
        """The experiment's notes, and a warning if the environment contradicts the model."""
        notes, why = list(super().notes), self._disproved()
        return [*notes, f"{DISPROVED} ({why}).{self.remedy}"] if why else notes

    def _disproved(self) -> str:
        """A description of the first step that the model did not predict; "" if it predicted
        all."""
        trial = self._tried[1]
        return trial.difference if trial else ""

    def _try_out(self) -> GreedyTrial | None:
        return self.world.try_out(self.agent, self.evaluation_episodes)

    def _greedy(self) -> Evaluation:
        """The evaluation of the greedy policy; sampled if the environment contradicts the model."""
        if self.done and self._tried[0] != self.done_units:
            self._tried = self.done_units, self._try_out()
        trial = self._tried[1]
        return trial.played if trial and trial.difference else self.world.evaluate(self.agent)

    def optimum(self) -> float | None:
        """The best expected return of an episode; None if it is unknown or the environment
        contradicts the model."""
        return None if self._disproved() else super().optimum()

    def score(self) -> Score:
        """The greedy policy's expected return: exact where the model is known, else sampled."""
        return self._score_of(self._greedy())

    def _score_of(self, policy: Evaluation) -> Score:
        optimum = self.optimum()
        return Score(
            "greedy_return",
            policy.expected_return,
            optimum,
            "" if optimum is None else BEST_RETURN.format(self.world.horizon),
            unit="return",
            standard_error=policy.standard_error,
            episodes=policy.episodes,
        )

    def summary(self) -> Summary:
        """The greedy policy's expected return and the best possible one; lengths in steps."""
        greedy = self._greedy()
        how: Summary = {"evaluated": "exactly"}
        if greedy.episodes is not None:
            how = {
                "evaluated": "by sampling",
                "evaluation_episodes": greedy.episodes,
                "standard_error": greedy.standard_error,
            }
        optimum = self.optimum()
        return {
            "greedy_return": greedy.expected_return,
            "optimal_return": optimum,
            **self._further_optima(),
            "regret": _regret(optimum, greedy.expected_return),
            "greedy_length": greedy.expected_length,
            **self._recent(),
            "episode_limit": self.world.horizon,
            **self.counts(),
            **how,
        }

    def _further_optima(self) -> Summary:
        return {}

    def view(self) -> GridView | None:
        """The grid on which the states lie, or None."""
        return None if self.model is None else grid_view(self.env, self.model)

    def episode_scores(self, return_: np.ndarray) -> np.ndarray:
        """The returns themselves."""
        return return_

    def _evaluation_scores(self, greedy: Evaluation) -> dict[str, float | None]:
        scores = {
            "greedy_return": greedy.expected_return,
            "greedy_length": greedy.expected_length,
            "regret": _regret(self.optimum(), greedy.expected_return),
        }
        if greedy.episodes is None:
            return scores
        return scores | {
            "standard_error": greedy.standard_error,
            "evaluation_episodes": greedy.episodes,
        }


class EpisodicExperiment(EpisodicScores, ControlExperiment):
    """A tabular agent that learns where episodes are scored by their return.

    Args:
        config: the lab's configuration, with `evaluation_episodes`.
        context: its generator "agent" draws actions and breaks ties.
        world: the environment or its model.
        notes: warnings of the run, as sentences.
        watched: whether to take snapshots, and to evaluate the greedy policy at each of them.
    """

    figures = "agents.control.episodic_pictures"

    def __init__(
        self,
        config: ControlConfig,
        context: Context,
        world: TableWorld,
        notes: Sequence[str] = (),
        watched: bool = True,
    ) -> None:
        super().__init__(config, context, world, watched)
        if world.steps_env:
            self._block_episodes = max(FEWEST, ENV_BLOCK_STEPS // world.horizon)
        else:
            self.remedy = " --no-use-model learns through env.step."
        if config.env_steps is not None:
            self.banded = (*self.banded, "epsilon")  # it follows the steps, which differ
        self._watched = watched
        self._notes = tuple(notes)

    @property
    def notes(self) -> Sequence[str]:
        """The environment's notes, then the agent's."""
        return (*self._notes, *super().notes)

    def counts(self) -> Summary:
        """Numbers of episodes and steps, and whether they were learned on the model."""
        return {
            "episodes": self.done_units,
            "env_steps": self.env_steps,
            **self.overshoot(),
            "learned_through": "env.step" if self.world.steps_env else "model",
        }

    def stationary_optimum(self) -> float | None:
        """The expected return of the best stationary policy found, or None if it is unknown."""
        return None if self.model is None or self._disproved() else stationary_return(self.model)

    def _further_optima(self) -> Summary:
        return {"best_stationary": self.stationary_optimum()}

    def _try_out(self) -> GreedyTrial | None:
        """Episodes in the real environment; each of many seeds plays only one, unless that
        contradicts the model."""
        if not self._watched:
            trial = self.world.try_out(self.agent, 1)
            if trial is None or not trial.difference:
                return trial
        return super()._try_out()

    def _learn_columns(self, learned: Episodes) -> dict[str, np.ndarray]:
        return {
            "length": learned.length,
            "epsilon": learned.epsilon,
            "regret": self._regrets(learned.return_, learned.start),
        }

    def frames(self, name: str, rng: np.random.Generator, history: bool) -> Iterator[Frame]:
        """Episodes rendered by the environment, with values and greedy actions on the cells of a
        grid, or action values as bars."""
        from agents.control import replay

        known = replay.knowledge(self, rng, history)
        return replay.rendered_frames(self.rendered(), known, rng, self.view())

    def rendered(self) -> Env:
        """A copy of the environment that renders itself.

        Raises:
            UsageError: when the environment cannot draw itself.
        """
        from agents.control import replay
        from envs.spaces import NumberedEnv

        return NumberedEnv(replay.rendered_env(self), self.env.numbering)

    def stage(self) -> Env | None:
        """See `ControlExperiment.stage`; None if the environment cannot draw itself."""
        try:
            return self.rendered()
        except UsageError:
            return None


def _regret(optimum: float | None, return_: float) -> float | None:
    if optimum is None:
        return None
    missing = optimum - return_
    return 0.0 if abs(missing) < ROUNDING * max(1.0, abs(optimum)) else missing
