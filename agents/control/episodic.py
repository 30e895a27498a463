"""Control whose episodes are judged by their return, as in most of Gymnasium.

Where the model is known, the greedy policy is evaluated exactly and compared with two optima: that
of a policy that counts the steps left, and that of the best stationary policy found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from agents.control.base import BEST_RETURN, AgentExperiment, best_returns
from agents.control.config import ControlConfig
from agents.control.experiment import ControlExperiment
from agents.control.worlds import GreedyTrial, TableWorld
from agents.planning.evaluation import Evaluation
from agents.planning.stationary import best_stationary
from envs.mdp import TabularMDP
from sandbox.lab import Context, Frame, Summary
from sandbox.score import Score
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from agents.tabular.base import Episodes

ENV_BLOCK_STEPS = 10_000
"""At most about as many steps through `env.step` make one block: some tenths of a second."""
FEWEST = 25
"""Episodes of a block through `env.step`: most end long before they are truncated."""
ROUNDING = 1e-12
DISPROVED = (
    "The environment does not do what its table of transitions (P) says: "
    "the score is sampled in the environment, and no optimum is known"
)


@lru_cache(maxsize=4)
def stationary_return(model: TabularMDP) -> float | None:
    """The expected return of the best stationary policy found; None where it takes too long."""
    best = best_returns(model)
    stationary = None if best is None else best_stationary(model, float(model.start @ best))
    return None if stationary is None else stationary[0]


class EpisodicScores(AgentExperiment):
    """Scores of experiments whose episodes are judged by their return.

    At the end, greedy episodes in the environment are compared with the model. Where they differ,
    the model is disproved: the score is sampled, and the optimum unknown.
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
    """What to do where the model is disproved, after a space."""
    _tried: tuple[int, GreedyTrial | None] = (-1, None)
    """Units done, and the greedy episodes that were played then."""

    @property
    def notes(self) -> Sequence[str]:
        """Those of the experiment, and whether the model is disproved."""
        notes, why = list(super().notes), self._disproved()
        return [*notes, f"{DISPROVED} ({why}).{self.remedy}"] if why else notes

    def _disproved(self) -> str:
        """The first step that the model did not predict, in words; "" where it predicted all."""
        trial = self._tried[1]
        return trial.difference if trial else ""

    def _try_out(self) -> GreedyTrial | None:
        return self.world.try_out(self.agent, self.evaluation_episodes)

    def _greedy(self) -> Evaluation:
        """What the greedy policy earns; sampled where the model is disproved."""
        if self.done and self._tried[0] != self.done_units:
            self._tried = self.done_units, self._try_out()
        trial = self._tried[1]
        return trial.played if trial and trial.difference else self.world.evaluate(self.agent)

    def optimum(self) -> float | None:
        """The best expected return of an episode; None where unknown, or the model is disproved."""
        return None if self._disproved() else super().optimum()

    def score(self) -> Score:
        """The greedy policy's expected return: exact where the model is known, else sampled."""
        greedy, optimum = self._greedy(), self.optimum()
        return Score(
            "greedy_return",
            greedy.expected_return,
            optimum,
            "" if optimum is None else BEST_RETURN.format(self.world.horizon),
            unit="return",
            standard_error=greedy.standard_error,
            episodes=greedy.episodes,
        )

    def summary(self) -> Summary:
        """The greedy policy's expected return, beside the best possible; lengths in steps."""
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

    def _episode_scores(self, return_: np.ndarray) -> np.ndarray:
        return return_

    def _evaluation_scores(
        self, greedy: Evaluation, optimum: float | None
    ) -> dict[str, float | None]:
        scores = {
            "greedy_return": greedy.expected_return,
            "greedy_length": greedy.expected_length,
            "regret": _regret(optimum, greedy.expected_return),
        }
        if greedy.episodes is None:
            return scores
        return scores | {
            "standard_error": greedy.standard_error,
            "evaluation_episodes": greedy.episodes,
        }


class EpisodicExperiment(EpisodicScores, ControlExperiment):
    """Learning of an agent with a table where episodes are judged by their return.

    Args:
        config: the lab's configuration, with `evaluation_episodes`.
        context: its generator "agent" draws actions and breaks ties.
        world: the environment or its model.
        notes: sentences that become warnings of the run.
        watched: whether to keep snapshots, and to evaluate the greedy policy where one is taken.
    """

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
        self._watched = watched
        self._notes = tuple(notes)

    @property
    def notes(self) -> Sequence[str]:
        """Those of the environment before those of the agent."""
        return (*self._notes, *super().notes)

    def counts(self) -> Summary:
        """Episodes and steps, and how they were learned."""
        return {
            "episodes": self.done_units,
            "env_steps": self.env_steps,
            "learned_through": "env.step" if self.world.steps_env else "model",
        }

    def stationary_optimum(self) -> float | None:
        """What the best stationary policy found earns, or None where it is unknown."""
        return None if self.model is None or self._disproved() else stationary_return(self.model)

    def _further_optima(self) -> Summary:
        return {"best_stationary": self.stationary_optimum()}

    def _try_out(self) -> GreedyTrial | None:
        """Real episodes; of each of many seeds one, until it disproves the model."""
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
        """Episodes as the environment draws them itself."""
        from agents.control import replay
        from envs.spaces import NumberedEnv

        known = replay.knowledge(self, rng, history, maps=False)
        numbering = self.env.numbering
        return replay.rendered_frames(self, known, rng, lambda env: NumberedEnv(env, numbering))

    def pictures(self, name: str, artifacts: Artifacts, metrics: Metrics) -> None:
        """Learning curve, maps where states lie on a grid; the agent, its table, its snapshots."""
        from agents.control import episodic_pictures

        episodic_pictures.save(self, name, artifacts, metrics)

    def seeds_curve(self, metrics: Metrics, name: str, seeds: int) -> Figure:
        """See `AgentExperiment.seeds_curve`."""
        from agents.control import episodic_pictures

        return episodic_pictures.seeds_curve(self, metrics, name, seeds)


def _regret(optimum: float | None, return_: float) -> float | None:
    """What a return lacks; 0 where two sums of the same numbers differ in the last digits."""
    if optimum is None:
        return None
    missing = optimum - return_
    return 0.0 if abs(missing) < ROUNDING * max(1.0, abs(optimum)) else missing
