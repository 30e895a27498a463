"""Vectorised environments for Stable-Baselines3, reset automatically, with a record of every
finished episode.

Recording does not affect learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from envs.aliases import Info
from envs.vector import GridVectorEnv
from sandbox.lab import State


class GridVecEnv(VecEnv):
    """Many of our grids in one NumPy step, in Stable-Baselines3's interface.

    Args:
        env: must have the autoreset mode SAME_STEP, which Stable-Baselines3 expects.
        seed: seed of the first sub-environment; the others get the following numbers.
    """

    def __init__(self, env: GridVectorEnv, seed: int) -> None:
        assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self.grids = env
        self._seed: int | None = seed
        self._actions = np.zeros(env.num_envs, dtype=np.int64)  # [envs]

    def reset(self) -> np.ndarray:
        """Begin episodes; the first call also seeds the generators."""
        observations, _ = self.grids.reset(seed=self._seed)
        self._seed = None
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions, int [envs], for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Info]]:
        """Execute the actions; returns observations, rewards float32 [envs], dones bool [envs] and
        infos.
        """
        observations, rewards, terminated, truncated, infos = self.grids.step(self._actions)
        dones = terminated | truncated
        details: list[Info] = [{} for _ in range(self.num_envs)]
        if infos:
            for number in np.flatnonzero(dones).tolist():
                details[number] = {
                    "terminal_observation": np.asarray(infos["final_obs"][number]),
                    "TimeLimit.truncated": bool(truncated[number] and not terminated[number]),
                }
        return observations, rewards.astype(np.float32), dones, details

    def close(self) -> None:
        """Does nothing: there are no resources to release."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the sub-environments, equal in all of them."""
        value = None if attr_name == "render_mode" else getattr(self.grids, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: object, indices: VecEnvIndices = None) -> None:
        """Refused: attributes of a grid cannot be changed during learning."""
        raise AttributeError(f"{attr_name} of a grid cannot be set.")

    def env_method(
        self, method_name: str, *arguments: object, indices: VecEnvIndices = None, **options: object
    ) -> list[Any]:
        """Refused: the sub-environments share one model and have no methods of their own."""
        raise AttributeError(f"The grids have no method {method_name} of their own.")

    def env_is_wrapped(self, wrapper_class: object, indices: VecEnvIndices = None) -> list[bool]:
        """Always False: the sub-environments have no wrappers."""
        return [False for _ in self._get_indices(indices)]


class Ended(NamedTuple):
    """An episode that ended while learning."""

    env_steps: int  # of all sub-environments together, when it ended
    return_: float
    length: int
    steps_to_goal: float  # NaN when it never reached a goal
    start: int  # the first state; -1 if states have no numbers


class Recorded(VecEnvWrapper):
    """Records finished episodes and, of grids, the states visited.

    Args:
        venv: the environments to record.
    """

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self._grids = venv.grids if isinstance(venv, GridVecEnv) else None
        states = 0 if self._grids is None else self._grids.model.states
        self.visits = np.zeros(states, dtype=np.int64)  # [states]
        self.ended: list[Ended] = []
        self.steps = 0
        self._total = np.zeros(venv.num_envs)  # [envs], return so far
        self._length = np.zeros(venv.num_envs, dtype=np.int64)  # [envs]
        self._arrival = np.full(
            venv.num_envs, np.nan
        )  # [envs], steps until it first reached a goal
        self._start = np.full(venv.num_envs, -1)  # [envs], state

    def reset(self) -> Any:
        """Begin all episodes."""
        observations = self.venv.reset()
        self._begin(np.arange(self.num_envs))
        return observations

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[Info]]:
        """Step all sub-environments and record the step."""
        observations, rewards, dones, infos = self.venv.step_wait()
        self.steps += self.num_envs
        self._total += rewards
        self._length += 1
        if self._grids is not None:
            self._stand(self._grids)
        if dones.any():
            self._end(np.flatnonzero(dones), infos)
        return observations, rewards, dones, infos

    def take(self) -> list[Ended]:
        """The episodes that ended since the last call."""
        ended, self.ended = self.ended, []
        return ended

    def memory(self) -> State:
        """The record of unfinished episodes, for `recall`."""
        return {
            name: getattr(self, name).copy()
            for name in ("visits", "_total", "_length", "_arrival", "_start")
        } | {"steps": self.steps}

    def recall(self, memory: State, begun: bool) -> None:
        """Restore what `memory` returned; with `begun` the same episodes continue, else new
        episodes have begun.
        """
        self.visits, self.steps = np.array(memory["visits"]), int(memory["steps"])
        for name in ("_total", "_length", "_arrival", "_start") if begun else ():
            setattr(self, name, np.array(memory[name]))

    def _stand(self, grids: GridVectorEnv) -> None:
        """Count a visit to the states that the last step led to."""
        np.add.at(self.visits, grids.arrived, 1)
        arrived = grids.model.goal[grids.arrived]
        if arrived.any():
            first = arrived & np.isnan(self._arrival)
            self._arrival[first] = self._length[first]

    def _begin(self, which: np.ndarray) -> None:
        """Reset the records of the sub-environments with these indices, int64 [some]."""
        self._total[which], self._length[which], self._arrival[which] = 0.0, 0, np.nan
        if self._grids is not None:
            starts = self._grids.states[which]
            self._start[which] = starts
            np.add.at(self.visits, starts, 1)
            self._arrival[which] = np.where(self._grids.model.goal[starts], 0.0, np.nan)

    def _end(self, which: np.ndarray, infos: Sequence[Info]) -> None:
        """Record the episodes that ended, also in `infos`, which Stable-Baselines3's own statistics
        read."""
        for number in which.tolist():
            total, length = float(self._total[number]), int(self._length[number])
            self.ended.append(
                Ended(
                    self.steps,
                    total,
                    length,
                    float(self._arrival[number]),
                    int(self._start[number]),
                )
            )
            infos[number]["episode"] = {"r": total, "l": length, "t": 0.0}
        self._begin(which)
