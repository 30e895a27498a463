"""One conformance check for all tabular agents, for use in tests."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agents.tabular.base import TabularAgent
from envs.config import MazeConfig
from envs.grid import MazeEnv
from sandbox.config.resolve import resolve
from sandbox.registry.registry import registry
from sandbox.testing.promises import fingerprint, require


def check_agent(
    agent: type[TabularAgent] | str,
    *,
    env: Mapping[str, Any] | None = None,
    episodes: int = 40,
) -> None:
    """Check a tabular agent in a small slippery maze.

    Args:
        agent: its class, or a registered name.
        env: options of the maze, over a layout of 3 x 5 cells in which moves slip.
        episodes: learned in each check, at least 4.

    Raises:
        NotConforming: when one seed gives two results, when learning a episodes and then b differs
            from learning a + b at once, when a saved agent differs from its loaded copy, or when
            learning on arrays and learning through `env.step` differ.
    """
    kind = registry().load("agent", agent) if isinstance(agent, str) else agent
    world = {"layout": "S..~/.#.O/...G", "slip": 0.1, "episode_length": 30, **(env or {})}
    layout = resolve(MazeConfig, [world], "the maze of check_agent")

    def learned(ties: str, *parts: int, through_step: bool = False) -> TabularAgent:
        maze = MazeEnv(config=layout)
        maze.np_random = np.random.default_rng(2)
        model, rng = maze.model, np.random.default_rng(1)
        config = resolve(kind.Config, [{"ties": ties}], f"agent '{kind.name}'")
        one: TabularAgent = kind(config, model.states, model.actions, rng, episodes=episodes)
        for part in parts:
            if through_step:
                one.learn_env(maze, part)
            else:
                one.learn_model(model, maze.np_random, part)
        return one

    def same(one: TabularAgent, other: TabularAgent, otherwise: str) -> None:
        first, second = one.state(), other.state()
        for name in first:
            equal = fingerprint(first[name]) == fingerprint(second[name])
            require(equal, f"agent '{kind.name}'{otherwise} ({name} differs)")

    few = episodes // 4
    for ties in ("first", "random"):
        whole = learned(ties, episodes)
        same(whole, learned(ties, episodes), " learns two things from one seed")
        parts = learned(ties, few, episodes - few)
        same(whole, parts, ": a episodes and then b are not a + b")
        stepped = learned(ties, episodes, through_step=True)
        same(whole, stepped, ": learning through env.step gives another table")
    with tempfile.TemporaryDirectory() as folder:
        whole = learned("random", episodes)
        whole.save(Path(folder) / "agent.npz")
        loaded = kind.load(Path(folder) / "agent.npz")
    same(whole, loaded, ": what was saved and loaded is another agent")
    require(
        [whole.act(state, explore=True) for state in range(whole.states)]
        == [loaded.act(state, explore=True) for state in range(loaded.states)],
        f"agent '{kind.name}': once loaded it acts differently from the same generator",
    )
