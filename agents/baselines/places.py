"""Where an algorithm of Stable-Baselines3 learns: many environments stepped together, and another one in which it is evaluated.

Evaluating draws from generators of its own, so it changes nothing of what is learned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import DummyVecEnv

from agents.baselines.vec import GridVecEnv, Recorded
from agents.control.worlds import GreedyTrial, try_out
from agents.planning import evaluation
from agents.planning.evaluation import Evaluation
from envs import ids, tables
from envs.mdp import TabularMDP
from envs.vector import GridVectorEnv
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.seeding import generator

SEEDS = 2**31


class Place:
    """What an experiment needs of the place where it learns.

    Attributes:
        venv: the environments, recorded.
        env: one more, to look at.
        model: the exact model, where it is known: then the optimum can be had, and policies are evaluated without sampling.
        horizon: steps after which an episode is cut, >= 1.
        exact: whether the environments can be put down and taken up again in the midst of an episode.
    """

    venv: Recorded
    env: Any
    model: TabularMDP | None
    horizon: int
    exact: bool

    def observations(self) -> Any:
        """What is observed in each state of the model: [states, …]."""
        raise NotImplementedError

    def policy(self, agent: Any) -> np.ndarray:
        """The greedy policy on the model's states: float64 [states, actions]."""
        return np.eye(int(self.venv.action_space.n))[  # type: ignore[attr-defined]
            in_batches(agent.greedy, self.observations()).reshape(-1)
        ]

    def evaluate(self, agent: Any) -> Evaluation:
        """What the greedy policy earns, exactly on the model."""
        assert self.model is not None
        return evaluation.evaluate(self.model, self.policy(agent), self.horizon)

    def try_out(self, agent: Any) -> GreedyTrial | None:
        """Greedy episodes in the real environment, held against the model; None where the environment is its model, or has none."""
        return None

    def memory(self) -> dict[str, Any]:
        """Where the environments stand, as far as it can be kept."""
        return {"record": self.venv.memory()}

    def recall(self, memory: dict[str, Any]) -> Any:
        """Go on where `memory` was taken; where episodes cannot be taken up, the first observations of others, else None."""
        self.venv.recall(memory["record"], begun=True)
        return None


class GridPlace(Place):
    """A grid of ours, many at a time in one NumPy step.

    Args:
        name: of the environment in the registry.
        config: its options.
        count: how many.
        context: its generator "env" gives the seeds.
    """

    exact = True

    def __init__(self, name: str, config: Any, count: int, context: Context) -> None:
        self.env = registry().load("env", name)(config=config)
        self.grids = GridVectorEnv(count, autoreset_mode=AutoresetMode.SAME_STEP, config=config)
        self.model = self.grids.model
        self.horizon = self.model.horizon
        self.venv = Recorded(
            GridVecEnv(self.grids, int(context.rng("env").integers(SEEDS))), self.model.goal
        )

    def observations(self) -> Any:
        """See `Place.observations`."""
        return States(self.env)

    def memory(self) -> dict[str, Any]:
        """All of it."""
        return {**super().memory(), "grids": self.grids.memory()}

    def recall(self, memory: dict[str, Any]) -> None:
        """See `Place.recall`."""
        super().recall(memory)
        self.grids.recall(memory["grids"])


class GymPlace(Place):
    """Any Gymnasium environment, one after the other.

    Args:
        options: made by the class that `envs.ids.config_of` gave.
        count: how many.
        context: its generator "env" gives the seeds.
        episodes: how many an evaluation samples, where no model is known.
    """

    exact = False

    def __init__(self, options: Any, count: int, context: Context, episodes: int) -> None:
        self.env = ids.make(options)
        self.horizon = options.max_episode_steps
        self.model = (
            tables.read(ids.make(options), self.horizon).model if _countable(self.env) else None
        )
        self._rng, self._episodes = context.rng("env"), episodes
        self._seed = int(generator(context.seed, "evaluation").integers(SEEDS))
        self._known: tuple[Any, Evaluation] | None = None
        self.venv = Recorded(DummyVecEnv([lambda: ids.make(options)] * count))
        self.venv.seed(int(self._rng.integers(SEEDS)))

    def observations(self) -> Any:
        """See `Place.observations`."""
        assert self.model is not None
        return np.arange(self.model.states)

    def evaluate(self, agent: Any) -> Evaluation:
        """Exact on the model if there is one, else the mean over some episodes, begun alike at every evaluation."""
        if self.model is not None:
            return super().evaluate(agent)
        steps = agent.model.num_timesteps, agent.model._n_updates
        if self._known is None or self._known[0] != steps:
            results = np.array(
                [self._episode(agent, self._seed + number) for number in range(self._episodes)]
            )  # [episodes, 2]
            self._known = steps, evaluation.sampled(results[:, 0], results[:, 1], self.horizon)
        return self._known[1]

    def try_out(self, agent: Any) -> GreedyTrial | None:
        """See `Place.try_out`."""
        if self.model is None:
            return None
        return try_out(
            self.env, _OnStates(agent), self.horizon, self._episodes, self._seed, self.model
        )

    def _episode(self, agent: Any, seed: int) -> tuple[float, int]:
        """Return and length of one greedy episode."""
        observation, _ = self.env.reset(seed=seed % 2**32)
        total, steps, over = 0.0, 0, False
        while not over and steps < self.horizon:
            observation, reward, terminated, truncated, _ = self.env.step(agent.act(observation))
            total, steps, over = total + float(reward), steps + 1, bool(terminated or truncated)
        return total, steps

    def recall(self, memory: dict[str, Any]) -> Any:
        """Begin other episodes: what an environment of somebody else's holds cannot be kept."""
        self.venv.recall(memory["record"], begun=False)
        self.venv.seed(int(self._rng.integers(SEEDS)))


class _OnStates:
    """An agent with a network as `agents.control.worlds.try_out` asks it: it breaks no ties and counts no steps."""

    def __init__(self, agent: Any) -> None:
        self._agent = agent

    def act(self, state: int, rng: Any, step: int) -> int:
        """The greedy action in a state."""
        return int(self._agent.act(state))


class States:
    """What is observed in each state of a grid; images are drawn when they are needed."""

    def __init__(self, env: Any) -> None:
        self._env = env

    def __len__(self) -> int:
        return int(self._env.layout.cells.size)

    def __getitem__(self, part: slice) -> np.ndarray:
        observations: np.ndarray = self._env.observe(np.arange(len(self))[part])
        return observations


def in_batches(look: Any, observations: Any, size: int = 1024) -> np.ndarray:
    """`look` at all observations, some at a time, and its answers as one array."""
    return np.concatenate(
        [look(observations[begin : begin + size]) for begin in range(0, len(observations), size)]
    )


def _countable(env: Any) -> bool:
    return all(
        isinstance(space, spaces.Discrete) and space.start == 0
        for space in (env.observation_space, env.action_space)
    )
