"""The experiment in which an algorithm of Stable-Baselines3 learns, in blocks of rollouts.

Schedules cover the whole run, as in one call of `learn`; block boundaries depend only on the
configuration. While it learns, the global generators and the number of threads are set for the run;
they are restored afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import ConvertCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.utils import safe_mean

from agents.baselines import memory
from agents.baselines.worlds import GridVecWorld, GymVecWorld, VecWorld
from agents.control import replay
from agents.control.base import SNAPSHOT_BYTES, AgentExperiment
from agents.control.episodic import EpisodicScores
from agents.control.replay import Knowledge
from agents.control.worlds import GreedyTrial
from agents.snapshots import SNAPSHOTS, snapshot_times
from sandbox.errors import SandboxError, UsageError
from sandbox.lab import Block, Context, Frame, State, Summary
from sandbox.registry.registry import registry
from sandbox.seeding import GlobalGenerators
from sandbox.text import number

BLOCK_STEPS = 500
"""Smallest number of steps in a block (more if a rollout is longer): some tenths of a second."""
_ONE_AT_A_TIME = threading.RLock()
"""Runs in several threads of a process take turns: there is one set of global generators."""


def in_grid(name: str, config: Any, context: Context) -> BaselineExperiment:
    """The experiment in one of our grids.

    Args:
        name: the name of the environment in the registry.
        config: the config of the lab.
        context: the context of the run.
    """
    world = GridVecWorld(name, config.env, config.agent.options.n_envs, context)
    return BaselineExperiment(config, context, world)


def in_gym(name: str, config: Any, context: Context) -> EpisodicBaseline:
    """The experiment in any Gymnasium environment; see `in_grid`."""
    count, episodes = config.agent.options.n_envs, config.evaluation_episodes
    world = GymVecWorld(config.env.options, count, context, episodes)
    return EpisodicBaseline(config, context, world)


class PolicySnapshot(NamedTuple):
    """The agent's policy and values after some steps.

    Attributes:
        steps: environment steps so far.
        chances: action probabilities of the behaviour policy, float32 [states, actions].
        worth: its estimated state values, float32 [states], or None.
    """

    steps: int
    chances: np.ndarray
    worth: np.ndarray | None

    def knowledge(self, rng: np.random.Generator, greedy: bool, whole: bool) -> Knowledge:
        """The snapshot for a replay; `rng` draws exploring actions."""
        best = self.chances.argmax(axis=1)  # [states]
        chances = self.chances.astype(np.float64)  # [states, actions]
        chances /= chances.sum(axis=1, keepdims=True)
        actions = chances.shape[1]

        def act(state: int, step: int) -> int:
            return int(best[state]) if greedy else int(rng.choice(actions, p=chances[state]))

        time, mode = f"env step {number(self.steps)}", "greedy" if greedy else "exploring"
        values = None if self.worth is None else self.worth.astype(np.float64)
        return Knowledge(time, mode, act, whole, values, np.eye(actions, dtype=bool)[best])


class BaselineExperiment(AgentExperiment):
    """Learning in one environment.

    Args:
        config: has `agent` and `episodes`.
        context: provides seeds and the device.
        world: the environments, newly created.
    """

    unit = "env step"
    limit: int
    figures = "agents.baselines.pictures"
    world: VecWorld

    def __init__(self, config: Any, context: Context, world: VecWorld) -> None:
        super().__init__(config, world)
        options = config.agent.options
        planned = config.planned_episodes(world.horizon)
        self.limit = min(config.env_steps or options.total_timesteps, planned * world.horizon)
        self._notes = _notes(options, self.limit, bool(config.env_steps))
        self._device = context.device
        self._globals = GlobalGenerators(context.seed, ("python", "numpy", "torch"))
        with self._inside():
            seed = int(context.rng("agent").integers(2**31))
            self.agent = registry().load("agent", config.agent.name)(
                options, world.venv, seed, context.device
            )
            self._learner: Any = self.agent.model
            self._replays = isinstance(self._learner, OffPolicyAlgorithm)
            _, self._callback = self._learner._setup_learn(self.limit, ConvertCallback(None))
        self._due = [
            steps
            for episode in snapshot_times(planned)
            if (steps := episode * world.horizon) < self.limit
        ]
        self.episodes_done, self.evaluated, self.resumed = 0, 0, 0
        self.snapshots: list[PolicySnapshot] = []
        self._see()

    @property
    def notes(self) -> Sequence[str]:
        """Warnings about options whose effect may be unexpected."""
        return self._notes

    @property
    def env_steps(self) -> int:
        """Steps of all environments so far."""
        return int(self._learner.num_timesteps)

    @property
    def done_units(self) -> int:
        """The same as `env_steps`."""
        return self.env_steps

    @property
    def done(self) -> bool:
        """Whether all steps are done; the last rollout may exceed them."""
        return self.env_steps >= self.limit

    def advance(self) -> Sequence[Block]:
        """Collect and train; at steps where an evaluation is due, evaluate the policy that acted
        there."""
        if self._device not in ("auto", self._learner.device.type):
            raise UsageError(f"PyTorch finds no {self._device}: begin again with --device cpu.")
        begun, blocks = self.env_steps, list[Block]()
        with self._inside():
            while not self.done and self.env_steps - begun < BLOCK_STEPS:
                before = self.env_steps
                try:
                    with self._learning():
                        self._collect()
                    blocks += self._evaluate_due(before)
                    with self._learning():
                        self._train()
                except ValueError:
                    self._refuse_divergence()
                    raise
            self._refuse_divergence()
            if self.done:
                end = min(self.env_steps, self.config.env_steps or self.env_steps)
                blocks.append(self._evaluate([end]))
                self._see(end)
        ended = self.world.venv.take()
        learned = [self._learn_block(ended)] if ended else []
        return [*learned, *self._metrics(), *blocks]

    def state(self) -> State:
        """Algorithm, environments, counters, snapshots, and this experiment's global generators."""
        return {
            "learner": memory.capture(self._learner),
            "place": self.world.memory(),
            "globals": self._globals.state(),
            "episodes_done": self.episodes_done,
            "evaluated": self.evaluated,
            "resumed": self.resumed,
            "last": self._last,
            "snapshots": [snapshot._asdict() for snapshot in self.snapshots],
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned.

        If the environments cannot be restored, new episodes begin, and `resumed` counts these
        cases.
        """
        memory.recall(self._learner, state["learner"])
        self._globals.restore(state["globals"])
        begun = self.world.recall(state["place"])
        self.episodes_done, self.evaluated = state["episodes_done"], state["evaluated"]
        self.resumed = state["resumed"]
        self._last = np.array(state["last"])
        self.snapshots = [PolicySnapshot(**kept) for kept in state["snapshots"]]
        if not begun and 0 < self.env_steps < self.limit:
            self.resumed += 1
            self._begin_anew()

    def counts(self) -> Summary:
        """Numbers of episodes, steps and updates, and how often a resumed run had to begin new
        episodes."""
        counts: Summary = {
            "episodes": self.episodes_done,
            "env_steps": self.env_steps,
            **self.overshoot(),
            "updates": int(self._learner._n_updates),
        }
        return {**counts, "resumed": self.resumed} if self.resumed else counts

    def frames(self, name: str, rng: np.random.Generator, history: bool) -> Iterator[Frame]:
        """Episodes in the grid, drawn on its model."""
        known = [one.knowledge(rng, False, False) for one in self.snapshots if history]
        known.append(self.snapshots[-1].knowledge(rng, history or self.done, True))
        values = [one.worth for one in self.snapshots]
        return replay.grid_frames(self, known, values, rng, f"{name} · {self.config.agent.name}")

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """A context with the run's own global generators and one thread.

        Small networks are fastest with one thread, and sums are then the same on every machine.
        """
        with _ONE_AT_A_TIME, self._globals.active():
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                yield
            finally:
                torch.set_num_threads(threads)

    def _collect(self) -> None:
        """Collect a rollout, as the algorithm's `learn` does before it trains."""
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
        """Train on the collected rollout."""
        learner = self._learner
        if not self._replays:
            learner.train()
        elif learner.num_timesteps > learner.learning_starts:
            updates = learner.gradient_steps
            if updates < 0:
                updates = self._rollout.episode_timesteps
            if updates > 0:
                learner.train(batch_size=learner.batch_size, gradient_steps=updates)

    def _refuse_divergence(self) -> None:
        """Refuse weights whose squares are not finite; of some networks torch refuses them too."""
        for weights in self._learner.policy.parameters():
            if not weights.square().sum().isfinite():
                raise SandboxError(
                    f"Weights are no finite numbers after {number(self.env_steps)} env steps: "
                    "learning diverged. Try a smaller --agent.learning-rate."
                )

    def _evaluate_due(self, before: int) -> list[Block]:
        """The evaluations due at steps of the last rollout, which began after `before` steps; they
        evaluate the policy that acted in it.
        """
        blocks = []
        while self.evaluated < len(self._due) and self._due[self.evaluated] <= self.env_steps:
            steps = self._due[self.evaluated]
            blocks += [] if self.every else [self._evaluate([steps])]
            self._see(steps)
            self.evaluated += 1
        if self.every and (points := self._points(before, min(self.env_steps, self.limit - 1))):
            blocks.append(self._evaluate(points))
        return blocks

    def _evaluate(self, points: Sequence[int]) -> Block:
        return self._evaluation(self.episodes_done + len(self.world.venv.ended), points)

    def _learn_block(self, ended: Sequence[Any]) -> Block:
        steps, total, length, arrival, start = (
            np.array(column) for column in zip(*ended, strict=True)
        )  # [episodes]
        first = self.episodes_done + 1
        self.episodes_done += len(total)
        self._remember(total)
        columns = {
            "episode": np.arange(first, self.episodes_done + 1),
            "env_steps": steps,
            "return": total,
            "reward_per_step": total / self.world.horizon,
            "length": length,
            "steps_to_goal": arrival,
            "epsilon": np.array([self.agent.epsilon(step) for step in steps.tolist()]),
            "regret": self._regrets(total, start),
        }
        return Block("learn", columns)

    def _metrics(self) -> list[Block]:
        """The values that Stable-Baselines3 logged in this block, under its own names; none before
        the first training.
        """
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
            f"rollout/ep_{name}_mean": safe_mean([one[key] for one in episodes])
            for name, key in (("rew", "r"), ("len", "l"))
        }
        columns = {name: [value] for name, value in sorted({**logged, **means}.items())}
        return [Block("train", {"env_steps": [self.env_steps], **columns})]

    def _see(self, steps: int = 0) -> None:
        """Take a snapshot of the agent's policy in every state of the model, up to a limit of
        memory."""
        if self.model is None or len(self.snapshots) > SNAPSHOTS:
            return
        size = 4 * self.model.states * (self.model.actions + 1)
        if (len(self.snapshots) + 1) * size > SNAPSHOT_BYTES:
            return
        self.snapshots.append(self._snapshot(steps))

    def _snapshot(self, steps: int) -> PolicySnapshot:
        """The agent's present policy and values in every state of the model."""
        agent, world, worth = self.agent, self.world, None
        chances = world.of_states(agent.chances).astype(np.float32)  # [states, actions]
        if agent.worth(world.observe(np.arange(1))) is not None:
            worth = world.of_states(agent.worth).astype(np.float32)  # [states]
        return PolicySnapshot(steps, chances, worth)

    def _begin_anew(self) -> None:
        """Begin new episodes after those of the environments were lost."""
        learner = self._learner
        with self._inside():
            learner._last_obs = learner.env.reset()
            learner._last_episode_starts = np.ones(learner.n_envs, dtype=bool)
            if learner.get_vec_normalize_env() is not None:
                learner._last_original_obs = learner.get_vec_normalize_env().get_original_obs()


class EpisodicBaseline(EpisodicScores, BaselineExperiment):
    """Learning where the score of an episode is its return."""

    headline = ("return",)

    def _try_out(self) -> GreedyTrial | None:
        with self._inside():
            return super()._try_out()

    def frames(self, name: str, rng: np.random.Generator, history: bool) -> Iterator[Frame]:
        """A greedy episode, rendered by the environment, with values and greedy actions on the
        cells of a grid, or the actions' probabilities while exploring as bars."""
        time, agent, view = f"env step {number(self.env_steps)}", self.agent, self.view()
        known = Knowledge(time, "greedy", lambda seen, _: agent.act(seen), whole=True, weights="π")
        if view and self.snapshots:
            now = self._snapshot(self.env_steps).knowledge(rng, True, True)
            known = known._replace(values=now.values, policy=now.policy)
        elif isinstance(agent.model.action_space, spaces.Discrete):
            known = known._replace(weigh=lambda seen, _: agent.chances(np.asarray(seen)[None])[0])
        return replay.rendered_frames(replay.rendered_env(self), [known], rng, view)


def _notes(options: Any, steps: int, budget: bool) -> list[str]:
    """Warnings for a run of `steps` steps, which are those of `--env-steps` with `budget`."""
    notes, starts = [], options.value("learning_starts", 0)
    if starts >= steps:
        notes.append(f"agent.learning-starts {number(starts)} leaves no step to learn from.")
    given = "total_timesteps" in options.model_fields_set and not budget
    if given and options.total_timesteps > steps:
        notes.append(
            f"The lab's episodes end after {number(steps)} steps, before agent.total-timesteps "
            f"{number(options.total_timesteps)}; --episodes allows more."
        )
    rollout, batch = options.rollout, options.value("batch_size")
    if rollout and batch and rollout % batch:
        notes.append(
            f"A rollout of {rollout} steps is no multiple of agent.batch-size {batch}: "
            "its last batch is smaller."
        )
    return notes
