"""A corridor with a wind that blows back: an environment with an exact table, so that learning is compiled and the optimum known."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium import spaces

# -- hook


class ExamplePlugin(gymnasium.Env):
    """Walk from the left end to the right: 0 stays, 1 moves on. Each step costs 1, and the wind may blow one cell back.

    Args:
        length: cells of the corridor, at least 2.
        wind: how likely it blows in a step, in [0, 1).
        render_mode: "rgb_array", or None.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, length: int = 8, wind: float = 0.1, render_mode: str | None = None):
        self.length, self.wind, self.render_mode = length, wind, render_mode
        self.observation_space, self.action_space = spaces.Discrete(length), spaces.Discrete(2)
        self.state = 0
        self.P = {
            state: {action: self._outcomes(state, action) for action in (0, 1)} for state in range(length)
        }  # {state: {action: [(probability, next state, reward, terminated), …]}}

    def _outcomes(self, state, action):
        ahead, back = min(state + action, self.length - 1), max(state + action - 1, 0)
        return [(1 - self.wind, ahead, -1.0, ahead == self.length - 1), (self.wind, back, -1.0, False)]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 0
        return self.state, {}

    def step(self, action):
        outcomes = self.P[self.state][int(action)]
        chance = np.cumsum([probability for probability, *_ in outcomes])
        drawn = int(np.searchsorted(chance, self.np_random.random(), side="right"))
        _, self.state, reward, terminated = outcomes[min(drawn, len(outcomes) - 1)]
        return self.state, reward, terminated, False, {}

    def render(self):
        if self.render_mode is None:
            return None
        picture = np.full((24, 24 * self.length, 3), 245, dtype=np.uint8)  # [height, width, 3]
        picture[:, -24:] = (0, 158, 115)
        picture[4:20, 24 * self.state + 4 : 24 * self.state + 20] = (0, 114, 178)
        return picture
