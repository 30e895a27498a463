"""M1: what the random search draws, in the report's ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAST, MOST = 50, 600
"""Of the first hidden layer; the second has at least as many as `LEAST` and at most as many as the first."""


def space() -> dict[str, Any]:
    """Distributions for scikit-learn's ParameterSampler."""
    from scipy.stats import loguniform, randint, uniform

    return {
        "first": randint(LEAST, MOST + 1),
        "share": uniform(0, 1),
        "optimizer": ["adam", "adam", "adam", "adam", "rmsprop"],
        "dropout": uniform(0, 0.5),
        "learning_rate": loguniform(1e-4, 1e-1),
        "weight_decay": loguniform(1e-6, 1e-2),
    }


def settings(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one candidate."""
    first = int(drawn["first"])
    hidden = (first, LEAST + round(float(drawn["share"]) * (first - LEAST)))
    numbers = {name: float(drawn[name]) for name in ("dropout", "learning_rate", "weight_decay")}
    return {"hidden": hidden, "optimizer": str(drawn["optimizer"]), **numbers}
