"""Settings with which an environment is learned well; each was tried with ten seeds (see docs/gym.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Q_LEARNING: dict[str, Any] = {
    "name": "q-learning",
    "policy": "epsilon-greedy",
    "epsilon_convention": "all",
    "discount": 0.99,
    "initial_value": 0.0,
}
"""What all of them begin with: ε-greedy as in the book, and no optimism."""

DEFAULT: dict[str, Any] = {
    **Q_LEARNING,
    "alpha": 0.5,
    "alpha_schedule": "exponential",
    "alpha_final": 0.01,
    "epsilon": 0.5,
    "epsilon_schedule": "linear",
    "epsilon_final": 0.05,
    "initial_value": 1.0,
}
"""A little optimism finds rare rewards; a step size that falls averages chance away."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {"agent": DEFAULT, "episodes": 20_000},
    "quick": {"agent": DEFAULT, "episodes": 500, "env": {"name": "FrozenLake-v1", "is_slippery": False}, "evaluation_episodes": 20},
    "cliff": {  # Sutton & Barto, 2nd ed., example 6.6
        "agent": {**Q_LEARNING, "discount": 1.0, "alpha": 0.5, "epsilon": 0.1, "epsilon_schedule": "constant"},
        "env": {"name": "CliffWalking-v1"},
        "episodes": 500,
    },
    "frozen-lake": {"agent": DEFAULT, "env": {"name": "FrozenLake-v1", "is_slippery": False}, "episodes": 2000},
    "frozen-lake-slippery": {
        "agent": {**Q_LEARNING, "alpha_schedule": "visits", "alpha_power": 0.6, "epsilon_final": 0.1},
        "env": {"name": "FrozenLake-v1"},
        "episodes": 20_000,
    },
    "taxi": {
        "agent": {**Q_LEARNING, "alpha": 0.5, "epsilon": 1.0, "epsilon_schedule": "linear", "epsilon_final": 0.01},
        "env": {"name": "Taxi-v4"},
        "episodes": 10_000,
    },
    "cartpole": {
        "agent": {
            **Q_LEARNING,
            "alpha_schedule": "visits",
            "alpha_power": 0.6,
            "epsilon": 0.01,
            "epsilon_schedule": "constant",
            "initial_value": 100.0,
        },
        "env": {"name": "CartPole-v1"},
        "discretiser": {"bins": [4, 4, 8, 8], "low": [-2.4, -2.0, -0.21, -2.0], "high": [2.4, 2.0, 0.21, 2.0]},
        "episodes": 2000,
    },
}
