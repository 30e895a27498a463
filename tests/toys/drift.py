"""A plugin with environments whose rewards drift on from episode to episode, by a generator of
their own; nothing of that is seen. One can be saved, the other cannot."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium import spaces

from sandbox import hookimpl


@hookimpl
def sandbox_register(registry):
    for name in ("Drift", "Saved"):
        gymnasium.register(f"toys/{name}-v0", entry_point=f"drift:{name}", max_episode_steps=20)


class Drift(gymnasium.Env):
    """Two arms; the first is worth more and more, or less and less."""

    observation_space, action_space = spaces.Discrete(2), spaces.Discrete(2)

    def __init__(self):
        self.level, self.noise = 0.0, np.random.default_rng(0)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = int(self.np_random.integers(2))
        return self.seen, {}

    def step(self, action):
        self.level += float(self.noise.normal())
        self.seen = int(self.np_random.integers(2))
        return self.seen, self.level * int(action), bool(self.np_random.random() < 0.1), False, {}


class Saved(Drift):
    """The same, with a state."""

    def state_dict(self):
        return {
            "level": self.level,
            "seen": self.seen,
            "noise": self.noise.bit_generator.state,
        }

    def load_state_dict(self, state):
        self.level, self.seen = state["level"], state["seen"]
        self.noise.bit_generator.state = state["noise"]
