"""Settings with which Stable-Baselines3 learns the maze; each was tried with several seeds (see docs/baselines.md).

The way is 42 moves long and nothing on it is rewarded, so only what hopes for the best finds it: DQN and QR-DQN begin with the highest
value that there can be, as the tabular agents do.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sandbox.config.model import LabConfig, with_defaults
from sandbox.config.resolve import registered_config

OPTIMISTIC: dict[str, Any] = {
    "total_timesteps": 60_000,
    "n_envs": 4,
    "net_arch": "linear",
    "initial_value": 10.0,
    "optimizer": "sgd",
    "learning_rate": 4.0,
    "gamma": 0.9,
    "buffer_size": 50_000,
    "batch_size": 32,
    "train_freq": 4,
    "gradient_steps": 4,
    "target_update_interval": 50,
    "learning_starts": 200,
    "exploration_initial_eps": 0.1,
    "exploration_final_eps": 0.01,
    "exploration_fraction": 0.3,
}
ON_POLICY: dict[str, Any] = {"total_timesteps": 200_000, "n_envs": 16, "gamma": 0.98}
DEFAULTS: dict[str, dict[str, Any]] = {
    "sb3-dqn": OPTIMISTIC,
    "sb3-ppo": {
        **ON_POLICY,
        "n_steps": 168,
        "batch_size": 448,
        "n_epochs": 5,
        "ent_coef": 0.05,
        "learning_rate": 1e-3,
    },
    "sb3-a2c": {**ON_POLICY, "n_steps": 8, "ent_coef": 0.05},
}


@cache
def config_of(kind: str, name: str) -> type[LabConfig]:
    """The options of an agent, with the maze's defaults where it has some; as `sandbox.config.model.Choice` looks it up."""
    own = registered_config(kind, name)
    return with_defaults(own, DEFAULTS[name]) if name in DEFAULTS else own
