"""Rewards that an algorithm of Stable-Baselines3 learns from, where they differ from the true ones:
a bonus for pairs of state and action that were tried rarely, and penalties with a limit.

Scores, curves and summaries always have the true rewards, which `agents.baselines.vec.Recorded`
records below this wrapper.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper


class LearnedRewards(VecEnvWrapper):
    """Replaces a reward r of a step from state s with action a by max(r, floor) + β / √N(s, a).

    N(s, a) is how often the pair was tried in all sub-environments, this step included;
    sub-environments that try a pair in the same step get the same bonus. The bonus is that of
    MBIE-EB (Strehl and Littman 2008, "An analysis of model-based interval estimation for Markov
    decision processes"), added to the reward as in Bellemare et al. 2016, "Unifying count-based
    exploration and intrinsic motivation"; both count in one environment.

    Args:
        venv: the environments; with a bonus, their states and actions must be Discrete.
        bonus: β, 0 or more; 0 counts nothing.
        floor: the lowest reward that is learned from; None has no limit.
    """

    def __init__(self, venv: VecEnv, bonus: float, floor: float | None) -> None:
        super().__init__(venv)
        self._bonus, self._floor = bonus, -np.inf if floor is None else floor
        seen, actions = venv.observation_space, venv.action_space
        shape = (int(seen.n), int(actions.n)) if bonus else (0, 0)  # type: ignore[attr-defined]
        self.visits = np.zeros(shape, dtype=np.int64)  # [states, actions]
        self.states = np.zeros(venv.num_envs, dtype=np.int64)  # [envs]
        self._actions = self.states

    def reset(self) -> Any:
        """Begin all episodes."""
        return self._see(self.venv.reset())

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions, int [envs], for `step_wait`."""
        self._actions = actions
        self.venv.step_async(actions)

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step all sub-environments; rewards are float32 [envs]."""
        observations, rewards, dones, infos = self.venv.step_wait()
        rewards = np.maximum(rewards, self._floor)
        if self._bonus:
            tried = self.states, self._actions
            np.add.at(self.visits, tried, 1)
            rewards = rewards + self._bonus / np.sqrt(self.visits[tried])
        return self._see(observations), rewards.astype(np.float32), dones, infos

    def memory(self) -> dict[str, np.ndarray]:
        """The counts, and the states from which the next step is taken, for `recall`."""
        return {"visits": self.visits.copy(), "states": self.states.copy()}

    def recall(self, memory: dict[str, np.ndarray]) -> None:
        """Restore what `memory` returned."""
        self.visits, self.states = np.array(memory["visits"]), np.array(memory["states"])

    def _see(self, observations: Any) -> Any:
        if self._bonus:
            self.states = np.array(observations, dtype=np.int64)
        return observations
