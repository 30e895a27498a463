"""Check of tabular agents."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.config.resolve import resolve
from sandbox.registry.registry import registry
from sandbox.testing.promises import require


def check_agent(agent: Any, *, env: Mapping[str, Any] | None = None, episodes: int = 40) -> None:
    """Check a tabular agent in a small slippery maze.

    Args:
        agent: its class, or a registered name.
        env: options of the maze, over a layout of 3 x 5 cells in which moves slip.
        episodes: learned in each check, at least 4.

    Raises:
        NotConforming: when one seed gives two results, when learning a episodes and then b is not learning a + b, when a saved agent is
            another one, or when the compiled path and the one through `env.step` differ.
    """
    agent = registry().load("agent", agent) if isinstance(agent, str) else agent
    name = getattr(agent, "name", agent.__name__)
    grid = registry().load("env", "maze")
    world = {"layout": "S..~/.#.O/...G", "slip": 0.1, "episode_length": 30, **(env or {})}

    def fresh(**changed: Any) -> tuple[Any, Any]:
        made = grid(config=resolve(grid.Config, [world], "the maze of check_agent"))
        made.np_random = np.random.default_rng(2)
        config = resolve(agent.Config, [changed], f"agent '{name}'")
        return agent(
            config,
            made.model.states,
            made.model.actions,
            np.random.default_rng(1),
            episodes=episodes,
        ), made

    def learned(parts: Sequence[int], compiled: bool = True, **changed: Any) -> Any:
        one, made = fresh(**changed)
        for part in parts:
            if compiled:
                one.learn_model(made.model, made.np_random, part)
            else:
                one.learn_env(made, part)
        return one

    both: list[dict[str, Any]] = [{"ties": "first"}, {"ties": "random"}]
    for ties in both if "ties" in agent.Config.model_fields else [{}]:
        whole = learned([episodes], **ties)
        _same_agent(
            whole, learned([episodes], **ties), f"agent '{name}' learns two things from one seed"
        )
        _same_agent(
            whole,
            learned([episodes // 4, episodes - episodes // 4], **ties),
            f"agent '{name}': a episodes and then b are not a + b",
        )
        _same_agent(
            whole,
            learned([episodes], compiled=False, **ties),
            f"agent '{name}': learning through env.step gives another table",
        )
    with tempfile.TemporaryDirectory() as folder:
        whole = learned([episodes])
        path = Path(folder) / "agent.npz"
        whole.save(path)
        loaded = agent.load(path)
        _same_agent(whole, loaded, f"agent '{name}': what was saved and loaded is another agent")
        acted = [
            [one.act(state, explore=True) for state in range(one.states)] for one in (whole, loaded)
        ]
        require(
            acted[0] == acted[1],
            f"agent '{name}': once loaded it acts differently from the same generator",
        )


def _same_agent(one: Any, other: Any, says: str) -> None:
    first, second = one.state(), other.state()
    for name, value in first.items():
        same = (
            np.array_equal(value, second[name], equal_nan=True)
            if isinstance(value, np.ndarray)
            else value == second[name]
        )
        require(bool(same), f"{says} ({name} differs)")
