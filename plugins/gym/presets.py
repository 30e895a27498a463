"""Settings with which an environment is learned well; each was tried with ten seeds (see docs/gym.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ONE_STEP = [
    "q-learning",
    "sarsa",
    "expected-sarsa",
    "double-q-learning",
    "double-expected-sarsa",
    "maxmin-q-learning",
    "weighted-q-learning",
]
OFF_POLICY = [
    "q-learning",
    "expected-sarsa",
    "double-q-learning",
    "double-expected-sarsa",
    "maxmin-q-learning",
    "weighted-q-learning",
    "r-learning",
    "n-step-tree-backup",
    "q-lambda",
]
"""Agents that presets were tried with; the others keep the lab's defaults.

Agents that learn the value of what they do forget their way through Taxi with these step sizes.
"""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {"episodes": 20_000},
    "quick": {
        "episodes": 500,
        "env": {"name": "FrozenLake-v1", "is_slippery": False},
        "evaluation_episodes": 20,
    },
    "cliff": {  # Sutton & Barto, 2nd ed., example 6.6
        "agent": {
            "name": ONE_STEP,
            "discount": 1.0,
            "alpha": 0.5,
            "alpha_schedule": "constant",
            "epsilon": 0.1,
            "epsilon_schedule": "constant",
            "epsilon_final": 0.001,
            "initial_value": 0.0,
        },
        "env": {"name": "CliffWalking-v1"},
        "episodes": 500,
    },
    "frozen-lake": {"env": {"name": "FrozenLake-v1", "is_slippery": False}, "episodes": 2000},
    "frozen-lake-slippery": {
        "agent": {
            "name": ["q-learning", "monte-carlo"],
            "alpha_schedule": "visits",
            "alpha_power": 0.6,
            "epsilon": 0.8,
            "epsilon_schedule": "exponential",
            "epsilon_final": 0.1,
            "initial_value": 0.0,
        },
        "env": {"name": "FrozenLake-v1"},
        "episodes": 20_000,
    },
    "taxi": {
        "agent": {
            "name": OFF_POLICY,
            "alpha": 0.5,
            "alpha_schedule": "constant",
            "epsilon": 1.0,
            "epsilon_final": 0.01,
            "initial_value": 0.0,
        },
        "env": {"name": "Taxi-v4"},
        "episodes": 10_000,
    },
    "cartpole": {  # with rewards of 1 and a discount of 0.99 a start at 100 is optimistic
        "agent": {
            "alpha_schedule": "visits",
            "alpha_power": 0.6,
            "epsilon": 0.01,
            "epsilon_schedule": "constant",
            "epsilon_final": 0.001,
            "initial_value": 100.0,
        },
        "env": {"name": "CartPole-v1"},
        "discretiser": {
            "bins": [4, 4, 8, 8],
            "low": [-2.4, -2.0, -0.21, -2.0],
            "high": [2.4, 2.0, 0.21, 2.0],
        },
        "episodes": 2000,
    },
}
