"""Settings with which Stable-Baselines3 learns the empty grid; each was tried with several seeds (see docs/baselines.md)."""

from __future__ import annotations

from functools import cache
from typing import Any

from sandbox.config.model import LabConfig, with_defaults
from sandbox.config.resolve import registered_config

VALUES: dict[str, Any] = {
    "total_timesteps": 30_000,
    "n_envs": 4,
    "net_arch": "linear",
    "initial_value": 10.0,
    "optimizer": "sgd",
    "learning_rate": 4.0,
    "gamma": 0.9,
    "buffer_size": 50_000,
    "batch_size": 32,
    "gradient_steps": 4,
    "target_update_interval": 50,
    "learning_starts": 200,
    "exploration_initial_eps": 0.1,
    "exploration_final_eps": 0.01,
    "exploration_fraction": 0.3,
}
"""No hidden layer, and the highest value that there can be at the start, as tabular agents have it; see the maze's."""
ON_POLICY: dict[str, Any] = {
    "total_timesteps": 75_000,
    "n_envs": 16,
    "net_arch": (64,),
    "gamma": 0.9,
    "ent_coef": 0.03,
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "sb3-dqn": VALUES,
    "sb3-ppo": {
        **ON_POLICY,
        "n_steps": 50,
        "batch_size": 200,
        "n_epochs": 4,
        "learning_rate": 1e-3,
    },
    "sb3-a2c": {**ON_POLICY, "n_steps": 10, "learning_rate": 2e-3},
}


@cache
def config_of(kind: str, name: str) -> type[LabConfig]:
    """The options of an agent, with the empty grid's defaults where it has some; as `sandbox.config.model.Choice` looks it up."""
    own = registered_config(kind, name)
    return with_defaults(own, DEFAULTS[name]) if name in DEFAULTS else own
