"""What the reference results compare: tasks, agents, and the settings that are tried for them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.config.model import option_name, show_value
from sandbox.config.resolve import registered_config
from sandbox.runs.request import Request
from sandbox.sweeps.api import SweepRequest
from sandbox.text import flat

TABULAR = (
    "sarsa",
    "expected-sarsa",
    "double-expected-sarsa",
    "q-learning",
    "double-q-learning",
    "maxmin-q-learning",
    "weighted-q-learning",
    "speedy-q-learning",
    "r-learning",
    "n-step-sarsa",
    "n-step-tree-backup",
    "sarsa-lambda",
    "q-lambda",
    "monte-carlo",
    "off-policy-monte-carlo",
    "dyna-q",
    "dyna-q-plus",
    "prioritized-sweeping",
    "r-max",
    "ucb-vi",
)
NETWORKS = ("sb3-dqn", "sb3-qrdqn", "sb3-ppo", "sb3-a2c", "sb3-trpo")
DEFAULTS, TUNED = "With the lab's defaults", "With the best of 12 settings each"
SEEDS = {TABULAR: 20, NETWORKS: 10}
TUNING_SEEDS = {TABULAR: 3, NETWORKS: 1}
FIRST_TUNING_SEED = 1000
"""Seeds of the trials begin here, those of the tables with 0."""
VISITS: dict[str, Sequence[Any]] = {
    "agent.alpha-schedule": ["visits"],
    "agent.alpha-power": [0.5, 0.8, 1.0],
    "agent.epsilon": [0.1, 0.5],
    "agent.initial-value": [0.0, "none"],
}
"""The grid of agents whose step size falls with the visits of a pair."""
GRIDS: dict[str, dict[str, Sequence[Any]]] = {
    "alpha": {
        "agent.alpha": [0.1, 0.3, 1.0],
        "agent.epsilon": [0.1, 0.5],
        "agent.initial-value": [0.0, "none"],
    },
    "learning_rate": {
        "agent.learning-rate": [0.0001, 0.0005, 0.002],
        "agent.count-bonus": [0.0, 0.3],
        "agent.gamma": [0.95, 0.99],
    },
    "known": {"agent.known": [1, 2, 5, 10, 20, 40], "agent.discount": [0.95, 0.99]},
    "bonus": {"agent.bonus": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1], "agent.outcomes": [4, 8]},
    "r-learning": {
        "agent.alpha": [0.1, 0.3, 1.0],
        "agent.epsilon": [0.1, 0.5],
        "agent.initial-value": [0.0, 10.0],
    },
    "speedy-q-learning": VISITS,
    "monte-carlo": VISITS,
    "off-policy-monte-carlo": {
        "agent.epsilon": [0.05, 0.1, 0.2, 0.3, 0.5, 0.8],
        "agent.initial-value": [0.0, "none"],
    },
}
"""By the option that an agent must have, or by its name, 12 configurations; the last that fits is
taken."""


@dataclass(frozen=True)
class Task:
    """Where agents are compared.

    Attributes:
        title: of its tables.
        lab, options: the lab and its options.
        env_steps: of learning.
        axes: replace those of the networks' grid.
    """

    title: str
    lab: str
    env_steps: int
    options: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def command(
        self, agents: Sequence[str], seeds: int, own: Mapping[str, Mapping[str, Any]]
    ) -> str:
        """The command that makes a table.

        Args:
            agents, seeds: of the comparison.
            own: options of single agents.
        """
        words = ["python -m sandbox compare", self.lab, "--agents", *agents]
        words += ["--seeds", str(seeds), "--env-steps", str(self.env_steps)]
        for name, value in flat(dict(self.options)).items():
            words += [f"--{option_name(name.removesuffix('.name'))}", show_value(value)]
        for agent, options in own.items():
            for name, value in options.items():
                words += ["--set", f"{agent}.{option_name(name)}={show_value(value)}"]
        return " ".join([words[0], *map(shlex.quote, words[1:])])


def gym(name: str, env_steps: int, **options: Any) -> Task:
    """A task of Gymnasium."""
    words = "".join(f", {option} {show_value(value)}" for option, value in options.items())
    return Task(name + words, "gym", env_steps, {"env": {"name": name, **options}})


TASKS = (
    Task("Maze", "maze", 300_000),
    Task("Empty grid", "empty-grid", 100_000),
    Task("Cliff", "maze", 100_000, {"env": {"layout": "cliff"}}),
    Task("Holes, slip 0.1", "maze", 200_000, {"env": {"layout": "holes", "slip": 0.1}}),
    gym("FrozenLake-v1", 100_000, is_slippery=False),
    gym("FrozenLake-v1", 300_000),
    gym("FrozenLake-v1", 200_000, map_name="8x8", is_slippery=False),
    gym("FrozenLake-v1", 500_000, map_name="8x8"),
    gym("CliffWalking-v1", 100_000),
    gym("Taxi-v4", 300_000),
    Task(
        "Blackjack-v1",
        "gym",
        50_000,
        {"env": {"name": "Blackjack-v1"}, "evaluation_episodes": 1000},
        {"agent.count-bonus": [0.0], "agent.gamma": [0.9, 0.95, 0.99, 1.0]},
    ),
)


def group_of(agents: Sequence[str]) -> tuple[str, ...]:
    """The group that some agents belong to."""
    return NETWORKS if agents[0] in NETWORKS else TABULAR


def group_name(agents: Sequence[str]) -> str:
    """What a table calls its agents."""
    return "agents of Stable-Baselines3" if group_of(agents) is NETWORKS else "tabular agents"


def axes(agent: str) -> dict[str, Sequence[Any]]:
    """The grid of settings that are tried for an agent."""
    known = {*registered_config("agent", agent).model_fields, agent}
    return [grid for name, grid in GRIDS.items() if name in known][-1]


def tuning(task: Task, agent: str, seeds: int) -> SweepRequest:
    """The sweep over the settings of an agent."""
    layers: list[Any] = [{**task.options, "agent": agent, "env_steps": task.env_steps}]
    request = Request(task.lab, "default", layers, FIRST_TUNING_SEED, seeds, threads=1)
    own = task.axes if agent in NETWORKS else {}
    return SweepRequest(request, grid={**axes(agent), **own})
