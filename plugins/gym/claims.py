"""What the textbook says of walking along a cliff: the agent that learns what its own exploring earns keeps away from the edge.

Sutton & Barto, 2nd ed., example 6.6: ε-greedy with ε = 0.1, no discount.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from plugins.gym.presets import PRESETS
from sandbox.config.resolve import merge, resolve
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.reproduction.claim import Claim
from sandbox.seeding import Generators

SAYS = "On the cliff SARSA learns the safe way and earns more while it explores; Q-learning learns the best way, along the edge"
EPISODES = 2000
"""So many, for the last 100 to be far from the beginning."""


@cache
def _summary(agent: str, seed: int) -> dict[str, Any]:
    """The summary of a run with the preset `cliff`, another agent, and a small step size."""
    lab = registry().lab("gym")
    config = resolve(
        lab.Config,
        [merge(PRESETS["cliff"], {"agent": {"name": agent, "alpha": 0.1}, "episodes": EPISODES})],
        "cliff",
    )
    experiment = lab.experiment(config, Context(seed, Generators(seed), None), watched=False)  # type: ignore[attr-defined, arg-type]
    while not experiment.done:
        experiment.advance()
    return experiment.summary()


def exploring(agent: str, seed: int) -> float:
    """Mean return of the last 100 episodes, exploring."""
    return float(_summary(agent, seed)["return_last_100"])


def greedy(agent: str, seed: int) -> float:
    """Expected return of the greedy policy."""
    return float(_summary(agent, seed)["greedy_return"])


def _claims() -> list[Claim]:
    common: dict[str, Any] = {"cost": 0.1, "min_seeds": 10}
    exploring_unit, greedy_unit = (
        f"return, mean of the last 100 of {EPISODES} episodes",
        "expected return of an episode, exact",
    )

    def gap(seed: int) -> float:
        return exploring("sarsa", seed) - exploring("q-learning", seed)

    return [
        Claim(
            "cliff",
            SAYS,
            None,
            "order",
            gap,
            part="SARSA earns more while exploring",
            unit=exploring_unit,
            **common,
        ),
        Claim(
            "cliff",
            SAYS,
            -21.0,
            "equal",
            lambda seed: exploring("sarsa", seed),
            margin=1.0,
            part="SARSA, exploring",
            unit=exploring_unit,
            own=True,
            **common,
        ),
        Claim(
            "cliff",
            SAYS,
            -51.0,
            "equal",
            lambda seed: exploring("q-learning", seed),
            margin=1.0,
            part="Q-learning, exploring",
            unit=exploring_unit,
            own=True,
            **common,
        ),
        Claim(
            "cliff",
            SAYS,
            -13.0,
            "equal",
            lambda seed: greedy("q-learning", seed),
            part="Q-learning, greedy",
            unit=greedy_unit,
            **common,
        ),
        Claim(
            "cliff",
            SAYS,
            -13.5,
            "at most",
            lambda seed: greedy("sarsa", seed),
            part="SARSA, greedy: keeps off the edge",
            unit=greedy_unit,
            own=True,
            **common,
        ),
    ]


CLAIMS = tuple(_claims())
