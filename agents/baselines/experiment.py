"""The experiment in which an algorithm of Stable-Baselines3 learns: set up once, then blocks of collecting and training.

Schedules run over all of it, as in one call of `learn`; block boundaries depend on the configuration alone. Global generators and the
number of threads are the run's own inside, and as they were outside.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import ConvertCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from agents.baselines import memory, showing
from agents.baselines.places import GridPlace, GymPlace, Place, in_batches
from agents.baselines.showing import LastKnown
from agents.control.episodic import DISPROVED, episodic_score, evaluated, evaluation_error
from agents.control.experiment import (
    BEST_RETURN,
    LAST,
    SNAPSHOT_BYTES,
    best_returns,
    snapshot_episodes,
)
from agents.control.worlds import GreedyTrial
from agents.planning.solvers import Evaluation
from sandbox.lab import Block, Context, Experiment, State, Summary
from sandbox.registry.registry import registry
from sandbox.score import Score
from sandbox.seeding import GlobalGenerators
from sandbox.text import number

BLOCK_STEPS = 500
"""So many steps at least make one block, if no rollout is longer: some tenths of a second."""
SNAPSHOTS = 30
_ONE_AT_A_TIME = threading.RLock()
"""Runs in several threads of a process take turns: there is one set of global generators."""


def in_grid(name: str, config: Any, context: Context) -> BaselineExperiment:
    """An experiment in one of our grids.

    Args:
        name: the environment's, in the registry.
        config: the lab's.
        context: the run's.
    """
    return BaselineExperiment(
        config, context, GridPlace(name, config.env, config.agent.options.n_envs, context)
    )


def in_gym(config: Any, context: Context) -> BaselineExperiment:
    """An experiment in any Gymnasium environment, judged by the return of its episodes; see `in_grid`."""
    place = GymPlace(
        config.env.options, config.agent.options.n_envs, context, config.evaluation_episodes
    )
    return EpisodicBaseline(config, context, place)


class BaselineExperiment(Experiment):
    """Learning in one place.

    Args:
        config: has `agent` and `episodes`.
        context: gives seeds, and the device.
        place: the environments, freshly made.
    """

    limit: int
    learned_seconds: float
    unit = "env step"
    headline: tuple[str, ...] = ("reward_per_step",)

    def __init__(self, config: Any, context: Context, place: Place) -> None:
        self.config, self.place = config, place
        self.env, self.model = place.env, place.model
        options = config.agent.options
        self.limit = min(options.total_timesteps, config.episodes * place.horizon)
        self.notes: list[str] = _notes(options, config.episodes * place.horizon, place.exact)
        self._globals = GlobalGenerators(context.seed, ("python", "numpy", "torch"))
        with self._inside():
            seed = int(context.rng("agent").integers(2**31))
            self.agent = registry().load("agent", config.agent.name)(
                options, place.venv, seed, context.device
            )
            self._learner: Any = self.agent.model
            self._replays = isinstance(self._learner, OffPolicyAlgorithm)
            _, self._callback = self._learner._setup_learn(self.limit, ConvertCallback(None))
        self.best = None if self.model is None else best_returns(self.model)  # [states] or None
        self._due = [
            steps
            for episode in snapshot_episodes(config.episodes)
            if (steps := episode * place.horizon) < self.limit
        ]
        self.learned_seconds = 0.0
        self.episodes_done, self.evaluated, self.resumed = 0, 0, 0
        self._last = np.empty(0)  # scores of the last episodes
        self.snapshots: list[LastKnown] = []
        self._see()

    @property
    def env_steps(self) -> int:
        """Steps of all environments so far."""
        return int(self._learner.num_timesteps)

    @property
    def done_units(self) -> int:
        """As `env_steps`."""
        return self.env_steps

    @property
    def done(self) -> bool:
        """Whether all steps are done; the last rollout may go beyond."""
        return self.env_steps >= self.limit

    def advance(self) -> Sequence[Block]:
        """Collect and train, some times; evaluate the policies that acted at the steps where that is due."""
        begun, blocks = self.env_steps, list[Block]()
        with self._inside():
            while not self.done and self.env_steps - begun < BLOCK_STEPS:
                started = time.perf_counter()
                self._collect()
                self.learned_seconds += time.perf_counter() - started
                blocks += self._evaluate_due()
                started = time.perf_counter()
                self._train()
                self.learned_seconds += time.perf_counter() - started
            if self.done:
                blocks.append(self._evaluate(self.env_steps))
        ended = self.place.venv.take()
        learned = [self._learn_block(ended)] if ended else []
        return [*learned, *self._metrics(), *blocks]

    def state(self) -> State:
        """Algorithm, environments, counters and snapshots; and the global generators, which are this experiment's own."""
        return {
            "learner": memory.capture(self._learner),
            "place": self.place.memory(),
            "globals": self._globals.state(),
            "episodes_done": self.episodes_done,
            "evaluated": self.evaluated,
            "resumed": self.resumed,
            "last": self._last,
            "snapshots": [snapshot.state() for snapshot in self.snapshots],
        }

    def restore(self, state: State) -> None:
        """Take up what `state` returned; where environments cannot be taken up, other episodes begin, and `resumed` counts it."""
        memory.recall(self._learner, state["learner"])
        self._globals.restore(state["globals"])
        self.place.recall(state["place"])
        self.episodes_done, self.evaluated, self.resumed = (
            state["episodes_done"],
            state["evaluated"],
            state["resumed"],
        )
        self._last = np.array(state["last"])
        self.snapshots = [LastKnown(**kept) for kept in state["snapshots"]]
        if not self.place.exact and 0 < self.env_steps < self.limit:
            self.resumed += 1
            self._begin_anew()

    def score(self) -> Score:
        """The greedy policy's expected reward per step of an episode, exact."""
        horizon, optimum = self.place.horizon, self.optimum()
        value = self.place.evaluate(self.agent).reward_per_step
        best = None if optimum is None else optimum / horizon
        return Score(
            "reward_per_step",
            value,
            best,
            f"{BEST_RETURN.format(horizon)}, by {horizon} steps",
            unit="reward per step",
        )

    def summary(self) -> Summary:
        """The greedy policy's scores beside the best possible; returns in units of reward, lengths in steps."""
        greedy, optimum = self.place.evaluate(self.agent), self.optimum()
        steps = greedy.steps_to_goal
        return {
            "reward_per_step": greedy.reward_per_step,
            "greedy_return": greedy.expected_return,
            "steps_to_goal": int(steps)
            if steps is not None and float(steps).is_integer()
            else steps,
            "optimum": None if optimum is None else optimum / self.place.horizon,
            "optimal_return": optimum,
            "regret": None if optimum is None else optimum - greedy.expected_return,
            f"reward_per_step_last_{LAST}": float(self._last.mean()) if len(self._last) else None,
            **self._counted(),
        }

    def optimum(self) -> float | None:
        """The best expected return of an episode, or None when nobody knows it."""
        return (
            None if self.best is None or self.model is None else float(self.model.start @ self.best)
        )

    def frames(self, rng: np.random.Generator, title: str, history: bool) -> Iterator[Any]:
        """An episode in one of our grids; see `agents.baselines.showing`."""
        return showing.frames(self, rng, title, history)

    def pictures(self, title: str, artifacts: Any, metrics: Any) -> None:
        """Everything that is drawn and kept of it; see `agents.baselines.pictures`."""
        from agents.baselines import pictures

        pictures.save(self, title, artifacts, metrics)

    def _counted(self) -> Summary:
        counted: Summary = {
            "episodes": self.episodes_done,
            "env_steps": self.env_steps,
            "updates": int(self._learner._n_updates),
        }
        return counted | ({"resumed": self.resumed} if self.resumed else {})

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """The run's own global generators, and one thread: networks this small are quickest so, and sums come out alike everywhere."""
        with _ONE_AT_A_TIME, self._globals.active():
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                yield
            finally:
                torch.set_num_threads(threads)

    def _collect(self) -> None:
        """Play as the policy stands now: what `learn` of the algorithm does before it trains."""
        learner = self._learner
        if self._replays:
            self._rollout: Any = learner.collect_rollouts(
                learner.env,
                train_freq=learner.train_freq,
                action_noise=learner.action_noise,
                callback=self._callback,
                learning_starts=learner.learning_starts,
                replay_buffer=learner.replay_buffer,
                log_interval=None,
            )
            return
        learner.collect_rollouts(
            learner.env, self._callback, learner.rollout_buffer, n_rollout_steps=learner.n_steps
        )
        learner._update_current_progress_remaining(learner.num_timesteps, self.limit)

    def _train(self) -> None:
        """Learn from what was collected."""
        learner = self._learner
        if not self._replays:
            learner.train()
        elif learner.num_timesteps > learner.learning_starts:
            updates = (
                learner.gradient_steps
                if learner.gradient_steps >= 0
                else self._rollout.episode_timesteps
            )
            if updates > 0:
                learner.train(batch_size=learner.batch_size, gradient_steps=updates)

    def _evaluate_due(self) -> list[Block]:
        """Evaluations at steps that the last rollout passed; its policy is the one that acted there."""
        blocks = []
        while self.evaluated < len(self._due) and self._due[self.evaluated] <= self.env_steps:
            blocks.append(self._evaluate(self._due[self.evaluated]))
            self.evaluated += 1
        return blocks

    def _evaluate(self, steps: int) -> Block:
        greedy, optimum = self.place.evaluate(self.agent), self.optimum()
        self._see(steps)
        regret = float("nan") if optimum is None else optimum - greedy.expected_return
        return Block(
            "evaluate",
            {
                "episode": [self.episodes_done + len(self.place.venv.ended)],
                "env_steps": [steps],
                **self._scores(greedy, regret),
            },
        )

    def _scores(self, greedy: Any, regret: float) -> dict[str, list[float]]:
        return {
            "greedy_return": [greedy.expected_return],
            "reward_per_step": [greedy.reward_per_step],
            "steps_to_goal": [
                float("nan") if greedy.steps_to_goal is None else greedy.steps_to_goal
            ],
            "regret": [regret],
        }

    def _learn_block(self, ended: Sequence[Any]) -> Block:
        steps, total, length, arrival, start = (
            np.array(column) for column in zip(*ended, strict=True)
        )  # [episodes]
        self.episodes_done += len(total)
        self._last = np.concatenate([self._last, self._score(total, length)])[-LAST:]
        columns = {
            "episode": np.arange(self.episodes_done - len(total) + 1, self.episodes_done + 1),
            "env_steps": steps,
            "return": total,
            "reward_per_step": total / self.place.horizon,
            "length": length,
            "steps_to_goal": arrival,
            "epsilon": np.full(len(total), self.agent.epsilon()),
            "regret": np.full(len(total), np.nan)
            if self.best is None or (start < 0).any()
            else self.best[start] - total,
        }
        return Block("learn", columns)

    def _score(self, total: np.ndarray, length: np.ndarray) -> np.ndarray:
        """By what an episode is judged: [episodes]."""
        score: np.ndarray = total / self.place.horizon
        return score

    def _metrics(self) -> list[Block]:
        """What Stable-Baselines3 logged in this block, under its own names; nothing before it trains."""
        logged = {
            name: float(value)
            for name, value in self._learner.logger.name_to_value.items()
            if isinstance(value, (int, float, np.generic))
        }
        self._learner.logger.name_to_value.clear()
        if not any(name.startswith("train/") for name in logged):
            return []
        episodes = self._learner.ep_info_buffer
        means = {
            f"rollout/ep_{name}_mean": float(np.mean([one[key] for one in episodes]))
            if episodes
            else float("nan")
            for name, key in (("rew", "r"), ("len", "l"))
        }
        return [
            Block(
                "train",
                {
                    "env_steps": [self.env_steps],
                    **{name: [value] for name, value in sorted({**logged, **means}.items())},
                },
            )
        ]

    def _see(self, steps: int = 0) -> None:
        """Keep what the agent does in every state of a model, while there is room: to be watched, and drawn."""
        if self.model is None or len(self.snapshots) > SNAPSHOTS:
            return
        size = 4 * self.model.states * (self.model.actions + 1)
        if (len(self.snapshots) + 1) * size > SNAPSHOT_BYTES:
            return
        observations = self.place.observations()
        chances = in_batches(self.agent.chances, observations).astype(
            np.float32
        )  # [states, actions]
        worth = (
            None
            if self.agent.worth(observations[:1]) is None
            else in_batches(self.agent.worth, observations).astype(np.float32)
        )
        self.snapshots.append(LastKnown(steps, chances, worth))

    def _begin_anew(self) -> None:
        """Begin other episodes after the environments were lost."""
        learner = self._learner
        with self._inside():
            learner._last_obs = learner.env.reset()
            learner._last_episode_starts = np.ones(learner.n_envs, dtype=bool)
            if learner.get_vec_normalize_env() is not None:
                learner._last_original_obs = learner.get_vec_normalize_env().get_original_obs()


class EpisodicBaseline(BaselineExperiment):
    """Learning where an episode is judged by its return."""

    headline = ("return",)
    _tried: tuple[int, GreedyTrial | None] = (-1, None)
    """Steps learned, and what was tried out then."""

    def score(self) -> Score:
        """The greedy policy's expected return: exact where the model is known and the environment obeys it, else sampled."""
        return episodic_score(self._greedy(), self.optimum(), self.place.horizon)

    def optimum(self) -> float | None:
        """The best expected return of an episode, or None where nobody knows it, or the model is disproved."""
        trial = self._tried[1]
        return None if trial and trial.difference else super().optimum()

    def _greedy(self) -> Evaluation:
        """What the greedy policy earns; sampled in the environment where that does not obey its model."""
        if self.done and self._tried[0] != self.done_units:
            with self._inside():
                self._tried = self.done_units, self.place.try_out(self.agent)
        trial = self._tried[1]
        if trial is None or not trial.difference:
            return self.place.evaluate(self.agent)
        note = f"{DISPROVED} ({trial.difference})."
        self.notes = [*(one for one in self.notes if one != note), note]
        return trial.played

    def summary(self) -> Summary:
        """The greedy policy's return beside the best possible, where that is known; lengths in steps."""
        greedy, optimum = self._greedy(), self.optimum()
        return {
            "greedy_return": greedy.expected_return,
            "optimal_return": optimum,
            "regret": None if optimum is None else optimum - greedy.expected_return,
            "greedy_length": greedy.expected_length,
            f"return_last_{LAST}": float(self._last.mean()) if len(self._last) else None,
            "episode_limit": self.place.horizon,
            **self._counted(),
            **evaluated(greedy),
        }

    def _scores(self, greedy: Any, regret: float) -> dict[str, list[float]]:
        scores = {
            "greedy_return": [greedy.expected_return],
            "greedy_length": [greedy.expected_length],
            "regret": [regret],
        }
        return scores | evaluation_error(greedy)

    def _score(self, total: np.ndarray, length: np.ndarray) -> np.ndarray:
        return total


def _notes(options: Any, steps: int, exact: bool) -> list[str]:
    """What whoever runs this should know."""
    notes = []
    if "total_timesteps" in options.model_fields_set and options.total_timesteps > steps:
        notes.append(
            f"The lab's episodes end after {number(steps)} steps, before agent.total-timesteps {number(options.total_timesteps)}; --episodes allows more."
        )
    rollout, batch = options.rollout, getattr(options, "batch_size", None)
    if rollout and batch and rollout % batch:
        notes.append(
            f"A rollout of {rollout} steps is no multiple of agent.batch-size {batch}: its last batch is smaller."
        )
    return notes
