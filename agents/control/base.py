"""The base of the control labs' experiments: scores of an agent, the same for all agents.

The score is that of the greedy policy: here its reward per step in episodes of fixed length; for
episodes that terminate see `agents.control.episodic`.

`--env-steps` goes from the configuration to the experiment: its class asks `planned_episodes` for
the length of schedules, `spacing` for the steps between evaluations, and ends when its `env_steps`
reach the number. Many seeds learn in one experiment each, so each ends as it would alone.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import numpy as np

from agents.control.config import ControlConfig
from agents.control.worlds import World
from agents.planning import solvers as planning
from agents.planning.evaluation import Evaluation
from envs.mdp import TabularMDP
from sandbox.lab import Block, Experiment, Frame, State, Summary
from sandbox.score import Score
from sandbox.store import Artifacts, Metrics

LAST = 100
"""Reports state means over this many last episodes."""
BEST_RETURN = "the highest expected return of an episode of {} steps, undiscounted"
OPTIMUM_WORK = 10**10
"""Largest number of elementary steps for the exact optimum; above it regret is "none"."""
LOW, HIGH = 2.5, 97.5
"""Percentiles over seeds that bound the bands."""
POINTS, FEWER_POINTS = 20, 5
"""Evaluations of a run with `--env-steps`: at most 5 % of the steps apart where they are exact and
take at most a tenth of the time of learning, else a fifth."""
POINT_STEPS, OUTCOME_STEPS = 250, 0.05
"""Env steps that a compiled agent learns in the time of an exact evaluation: some for each, and
some for each outcome that it follows. `benchmarks.evaluating` measures the result."""
SNAPSHOT_BYTES = 64_000_000
"""Largest size of the snapshots of a run together; very large grids keep fewer."""


def spacing(config: ControlConfig, model: TabularMDP | None, horizon: int) -> int:
    """Env steps between two evaluations: a function of the task and the budget alone, so equal for
    all agents; 0 for evaluations at the snapshots.

    Args:
        config: the lab's configuration.
        model: the exact model, on which evaluations are exact, or None.
        horizon: steps after which an episode is truncated.
    """
    if config.eval_every or not config.env_steps:
        return config.eval_every or 0
    points = FEWER_POINTS
    if model is not None:
        outcomes = model.next_state.shape[2]
        certain = outcomes == len(model.start_states) == 1  # then one state is followed, not all
        reached = 1 if certain else model.states * outcomes
        work = POINT_STEPS + OUTCOME_STEPS * horizon * reached
        points = POINTS if 10 * POINTS * work <= config.env_steps else FEWER_POINTS
    return -(-config.env_steps // points)


@lru_cache(maxsize=1)
def best_returns(model: TabularMDP) -> np.ndarray | None:
    """The best possible undiscounted return of an episode from each state.

    Cached, because seeds that learn together share one model and its optimum.

    Args:
        model: the environment's model.

    Returns:
        float64 [states]; None where it would take too long to compute.
    """
    work = model.next_state.size * model.horizon
    return planning.finite_horizon(model, model.horizon).value if work <= OPTIMUM_WORK else None


class TableSnapshot(NamedTuple):
    """The Q-table of an agent after some episode."""

    episode: int
    epsilon: float
    q: np.ndarray  # float32 [states, actions]


def snapshot_columns(snapshots: Sequence[TableSnapshot]) -> State:
    """Snapshots as lists "episode" and "epsilon", and "q", float32 [snapshots, states, actions]."""
    episode, epsilon, q = zip(*snapshots, strict=True)
    return {"episode": list(episode), "epsilon": list(epsilon), "q": np.stack(q)}


class ShownExperiment(Experiment):
    """An experiment that makes its own pictures and animations.

    Attributes:
        config: the lab's configuration, with agent and environment.
    """

    config: ControlConfig
    figures: ClassVar[str]
    """The module that draws its pictures with the functions `save`, and for many seeds
    `seeds_curve`; imported when there is something to draw."""

    def pictures(self, name: str, artifacts: Artifacts, metrics: Metrics) -> None:
        """Write the pictures and files of a finished run.

        Args:
            name: the name of the environment, for titles.
            artifacts: where the files go.
            metrics: the metrics of the run.
        """
        import_module(self.figures).save(self, name, artifacts, metrics)

    def frames(self, name: str, rng: np.random.Generator, history: bool) -> Iterator[Frame]:
        """Frames of an episode with the current agent, or with `history` of one episode for each
        snapshot.

        Args:
            name: the name of the environment, for titles.
            rng: draws all random numbers; the experiment's generators are not used.
            history: whether to replay all snapshots.
        """
        return iter(())


class AgentExperiment(ShownExperiment):
    """One agent that learns in one environment.

    Args:
        config: the lab's configuration.
        world: where it learns and is evaluated.

    Attributes:
        agent: the learning agent; set by the subclass.
        snapshots: states of the agent during learning, oldest first.
        best: the best possible return from each state, float64 [states], or None if unknown.
        every: env steps between two evaluations; 0: they take place at the snapshots.
        banded: metric columns that differ between seeds, and are shown as bands over seeds.
    """

    limit: int | None
    learned_seconds: float
    agent: Any
    snapshots: Sequence[Any]
    headline: Sequence[str] = ("reward_per_step",)
    banded: Sequence[str] = (
        "return",
        "reward_per_step",
        "steps_to_goal",
        "regret",
        "greedy_return",
    )
    recent_score = "reward_per_step"
    """The score of single episodes."""

    def __init__(self, config: ControlConfig, world: World[Any]) -> None:
        self.config, self.world = config, world
        self.env, self.model = world.env, world.model
        self.best = None if self.model is None else best_returns(self.model)
        self.every = spacing(config, world.model, world.horizon)
        self.learned_seconds = self._cpu_seconds = self._evaluation_seconds = 0.0
        self._last = np.empty(0)  # scores of the last episodes

    def optimum(self) -> float | None:
        """The best expected return of an episode, or None where it is unknown."""
        if self.best is None or self.model is None:
            return None
        return float(self.model.start @ self.best)

    @property
    def headline_optimum(self) -> float | None:
        """The best possible score of an episode, or None where it is unknown."""
        optimum = self.optimum()
        return None if optimum is None else float(self.episode_scores(np.array(optimum)))

    def score(self) -> Score:
        """The greedy policy's expected reward per step of an episode, exact."""
        return self._score_of(self.world.evaluate(self.agent))

    def random_score(self) -> Score:
        """See `Experiment.random_score`."""
        return self._score_of(self.world.evaluate_random())

    def _score_of(self, policy: Evaluation) -> Score:
        horizon, optimum = self.world.horizon, self.optimum()
        return Score(
            "reward_per_step",
            policy.reward_per_step,
            None if optimum is None else optimum / horizon,
            f"{BEST_RETURN.format(horizon)}, divided by {horizon} steps",
            unit="reward per step",
        )

    def summary(self) -> Summary:
        """The greedy policy's scores and the best possible ones.

        Returns:
            Returns in units of reward, lengths in steps.
        """
        greedy, optimum = self.world.evaluate(self.agent), self.optimum()
        steps = greedy.steps_to_goal
        return {
            "reward_per_step": greedy.reward_per_step,
            "greedy_return": greedy.expected_return,
            "steps_to_goal": int(steps) if steps and float(steps).is_integer() else steps,
            "optimum": None if optimum is None else optimum / self.world.horizon,
            "optimal_return": optimum,
            "regret": None if optimum is None else optimum - greedy.expected_return,
            **self._recent(),
            **self.counts(),
        }

    @abstractmethod
    def counts(self) -> Summary:
        """Counts of episodes and steps so far, for the summary."""

    @property
    def spent(self) -> Mapping[str, float]:
        """See `Experiment.spent`; empty without `--env-steps` and `--eval-every`."""
        if not (self.config.env_steps or self.config.eval_every):
            return {}
        return {
            "learning_cpu_seconds": self._cpu_seconds,
            "evaluation_seconds": self._evaluation_seconds,
        }

    def overshoot(self) -> Summary:
        """Steps beyond `--env-steps`, in the episode or rollout that reached them; {} without."""
        wanted = self.config.env_steps
        return {} if wanted is None else {"overshoot": max(0, (self.env_steps or 0) - wanted)}

    @contextmanager
    def _learning(self) -> Iterator[None]:
        """Counts the seconds inside as seconds of learning."""
        wall, cpu = time.perf_counter(), time.thread_time()
        yield
        self.learned_seconds += time.perf_counter() - wall
        self._cpu_seconds += time.thread_time() - cpu

    def _points(self, before: int, end: int) -> list[int]:
        """Env steps after `before`, up to `end`, at which an evaluation is due."""
        return list(range((before // self.every + 1) * self.every, end + 1, self.every))

    @property
    def evaluation_episodes(self) -> int:
        """Number of episodes that an evaluation samples when it is not exact."""
        return self.config.evaluation_episodes  # type: ignore[attr-defined]

    def stationary_optimum(self) -> float | None:
        """The expected return of the best stationary policy; None if it is unknown."""
        return None

    def _recent(self) -> Summary:
        """The mean score of the last episodes."""
        mean = float(self._last.mean()) if len(self._last) else None
        return {f"{self.recent_score}_last_{LAST}": mean}

    def _remember(self, return_: np.ndarray) -> None:
        """Keep the scores of the last episodes; `return_` is float [episodes]."""
        self._last = np.concatenate([self._last, self.episode_scores(return_)])[-LAST:]

    def episode_scores(self, return_: np.ndarray) -> np.ndarray:
        """The scores of episodes with these returns, float [episodes]."""
        return return_ / self.world.horizon

    def _regrets(self, return_: np.ndarray, start: np.ndarray) -> np.ndarray:
        """The regret of episodes, the best possible return minus theirs: float [episodes], NaN if
        unknown. With `--env-steps`, unknown starts have the expectation over starts."""
        best: Any = self.optimum() if self.spent else None
        if self.best is not None and (start >= 0).all():
            best = self.best[start]
        return np.full(len(return_), np.nan) if best is None else np.subtract(best, return_)

    def _evaluation(self, episode: int, points: Sequence[int]) -> Block:
        """An evaluation of the greedy policy, which counts at some numbers of env steps.

        Args:
            episode: the number of episodes so far.
            points: the numbers of env steps, a row for each.
        """
        begun = time.perf_counter()
        scores = self._evaluation_scores(self.world.evaluate(self.agent))
        self._evaluation_seconds += time.perf_counter() - begun
        rows = {
            name: [float("nan") if value is None else value] * len(points)
            for name, value in {"episode": episode, "env_steps": 0, **scores}.items()
        }
        return Block("evaluate", {**rows, "env_steps": list(points)})

    def _evaluation_scores(self, greedy: Evaluation) -> dict[str, float | None]:
        optimum = self.optimum()
        return {
            "greedy_return": greedy.expected_return,
            "reward_per_step": greedy.reward_per_step,
            "steps_to_goal": greedy.steps_to_goal,
            "regret": None if optimum is None else optimum - greedy.expected_return,
        }
