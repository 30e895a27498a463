"""A1: what the random search draws, in the report's ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = ("dropout", "learning_rate", "weight_decay")


def space() -> dict[str, Any]:
    """Distributions for scikit-learn's ParameterSampler."""
    from scipy.stats import loguniform, uniform

    return {
        "dropout": uniform(0, 0.5),
        "learning_rate": loguniform(1e-4, 1e-1),
        "weight_decay": loguniform(1e-6, 1e-2),
    }


def settings(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one candidate."""
    return {name: float(drawn[name]) for name in NAMES}
