"""The environments in which an algorithm of Stable-Baselines3 learns and is evaluated.

Evaluation draws from separate generators, so it does not affect learning.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import DummyVecEnv

from agents.baselines.agent import BaselineAgent
from agents.baselines.config import is_tuple
from agents.baselines.vec import GridVecEnv, Recorded
from agents.control.worlds import GreedyTrial, SampledWorld, World, play, try_out
from agents.planning.evaluation import Evaluation
from envs import ids, states, tables
from envs.aliases import Env
from envs.config import GridConfig
from envs.spaces import TupleAsArray
from envs.vector import GridVectorEnv
from sandbox.lab import Context, State
from sandbox.registry.registry import registry
from sandbox.seeding import generator

SEEDS = 2**31
BATCH = 1024
"""Number of states that are observed at once."""


class VecWorld(World[BaselineAgent]):
    """Vectorised environments for learning, and a separate one for evaluation.

    Attributes:
        venv: the environments, wrapped in `Recorded`.
    """

    venv: Recorded

    @abstractmethod
    def observe(self, states: np.ndarray) -> np.ndarray:
        """The observations of some states of the model, int64 [some]: [some, …]."""

    def of_states(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """The results of a function for the observations of all states of the model, computed in
        batches: [states, …].

        Args:
            function: from observations to an array with as many rows.
        """
        assert self.model is not None
        states = np.arange(self.model.states)
        starts = range(0, len(states), BATCH)
        parts = [function(self.observe(states[start : start + BATCH])) for start in starts]
        return np.concatenate(parts)

    def policy(self, agent: BaselineAgent) -> np.ndarray:
        """See `World.policy`."""
        greedy = self.of_states(agent.greedy).reshape(-1)  # [states]
        return np.eye(int(self.venv.action_space.n))[greedy]  # type: ignore[attr-defined]


class GridVecWorld(VecWorld):
    """One of our grids, vectorised in NumPy.

    Args:
        name: the name of the environment in the registry.
        config: its options.
        count: how many.
        context: its generator "env" gives the seeds.
    """

    def __init__(self, name: str, config: GridConfig, count: int, context: Context) -> None:
        self.env = registry().load("env", name)(config=config)
        self.grids = GridVectorEnv(count, autoreset_mode=AutoresetMode.SAME_STEP, config=config)
        self.model = self.grids.model
        self.horizon = self.model.horizon
        self.venv = Recorded(GridVecEnv(self.grids, int(context.rng("env").integers(SEEDS))))

    def observe(self, states: np.ndarray) -> np.ndarray:
        """See `VecWorld.observe`; images are drawn here."""
        observations: np.ndarray = self.env.observe(states)
        return observations

    def memory(self) -> State:
        """The complete state of the environments."""
        return {"record": self.venv.memory(), "grids": self.grids.memory()}

    def recall(self, memory: State) -> bool:
        """See `World.recall`."""
        self.venv.recall(memory["record"], begun=True)
        self.grids.recall(memory["grids"])
        return True


class GymVecWorld(VecWorld, SampledWorld[BaselineAgent]):
    """Any Gymnasium environment; sub-environments are stepped one after the other.

    Args:
        options: an instance of the class that `envs.ids.config_of` returned.
        count: how many.
        context: its generator "env" gives the seeds.
        episodes: how many episodes an evaluation samples if no model is known.
    """

    def __init__(
        self, options: ids.GymnasiumConfig, count: int, context: Context, episodes: int
    ) -> None:
        self.env = _as_array(ids.make(options))
        self.horizon, self.model = options.max_episode_steps, None
        if _countable(self.env):
            self.model = tables.read(ids.make(options), self.horizon).model
        if self.model is not None:
            self.horizon = self.model.horizon
        self._rng, self._episodes = context.rng("env"), episodes
        self._seed = int(generator(context.seed, "evaluation").integers(SEEDS))
        many = DummyVecEnv([lambda: _as_array(ids.make(options))] * count)
        self._many, self.venv = many.envs, Recorded(many)
        self.venv.seed(int(self._rng.integers(SEEDS)))

    def observe(self, states: np.ndarray) -> np.ndarray:
        """See `VecWorld.observe`."""
        return states

    def learned(self, agent: BaselineAgent) -> object:
        """See `SampledWorld.learned`."""
        return agent.model.num_timesteps, agent.model._n_updates

    def sample(self, agent: BaselineAgent) -> Evaluation:
        """See `SampledWorld.sample`."""
        self._begin_trial(self.env, self._many[0])
        seeds = (seed % 2**32 for seed in range(self._seed, self._seed + self._episodes))
        return play(self.env, agent.act, self.horizon, seeds)

    def try_out(self, agent: BaselineAgent, episodes: int) -> GreedyTrial | None:
        """See `World.try_out`."""
        if self.model is None:
            return None
        self._begin_trial(self.env, self._many[0])
        return try_out(
            self.env,
            lambda state, **_: agent.act(state),
            self.horizon,
            episodes,
            self._seed,
            self.model,
        )

    def memory(self) -> State:
        """The record, and the states of all environments that have learned, if they have any."""
        kept = [states.state_dict(env) for env in self._many]
        envs = {"envs": kept} if self.venv.steps and all(kept) else {}
        return {"record": self.venv.memory(), **envs}

    def recall(self, memory: State) -> bool:
        """See `World.recall`; environments whose states were not saved get new seeds."""
        kept = memory.get("envs")
        self.venv.recall(memory["record"], begun=kept is not None)
        if kept is None:
            self.venv.seed(int(self._rng.integers(SEEDS)))
            return False
        for env, state in zip(self._many, kept, strict=True):
            states.load_state_dict(env, state)
        return True


def _as_array(env: Env) -> Env:
    return TupleAsArray(env) if is_tuple(env.observation_space) else env


def _countable(env: Env) -> bool:
    return all(
        isinstance(space, spaces.Discrete) and space.start == 0
        for space in (env.observation_space, env.action_space)
    )
