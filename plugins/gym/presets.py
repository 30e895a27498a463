"""Settings with which an environment is learned well by Q-learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXPLORING: dict[str, Any] = {
    "name": "q-learning",
    "policy": "epsilon-greedy",
    "epsilon_convention": "all",
    "initial_value": 0.0,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {"agent": {**EXPLORING, "discount": 0.99}},
}
