"""Measures of the textbook's findings on CliffWalking, which the table claims.toml lists."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from sandbox.config.resolve import resolve
from sandbox.lab import Context, Summary
from sandbox.registry.registry import registry
from sandbox.reproduction.table import read_claims
from sandbox.seeding import Generators

if TYPE_CHECKING:
    from agents.control.lab import ControlLab

EPISODES = 2000
"""Episodes per run, so many that the last 100 are long after the start of learning."""


@cache
def _summary(agent: str, seed: int) -> Summary:
    """The summary of a run with the preset `cliff`, another agent, and a small step size."""
    lab = cast("ControlLab", registry().lab("gym"))
    changes = {"agent": {"name": agent, "alpha": 0.1}, "episodes": EPISODES}
    config = resolve(lab.Config, [lab.presets["cliff"], changes], "cliff")
    context = Context(seed, Generators(seed), None)  # type: ignore[arg-type]
    experiment = lab.experiment(config, context, watched=False)
    while not experiment.done:
        experiment.advance()
    return experiment.summary()


def exploring(agent: str, seed: int) -> float:
    """Mean return of the last 100 episodes, with exploration.

    Args:
        agent: its name.
        seed: of the run.
    """
    return float(_summary(agent, seed)["return_last_100"])


def greedy(agent: str, seed: int) -> float:
    """Expected return of the greedy policy.

    Args:
        agent: its name.
        seed: of the run.
    """
    return float(_summary(agent, seed)["greedy_return"])


def exploring_gap(seed: int) -> float:
    """Mean return with exploration of SARSA minus that of Q-learning."""
    return exploring("sarsa", seed) - exploring("q-learning", seed)


CLAIMS = read_claims("plugins.gym", globals())
