"""What every tabular agent learns with seed 0, as digests kept in fixtures/tables.json: a change of
form must not change a byte.

`python -m tests.agents.tabular.test_tables` writes the file anew; a difference belongs in the
changelog.
"""

from __future__ import annotations

import hashlib
import json
import re

import numpy as np
import pytest

from sandbox.config.resolve import resolve
from sandbox.registry.registry import registry
from tests.agents import conftest as worlds
from tests.conftest import ROOT

KEPT = ROOT / "tests" / "fixtures" / "tables.json"
TABULAR = [entry.name for entry in registry().entries("agent") if not entry.name.startswith("sb3-")]
WORLDS = {
    "random": (worlds.random_model(1), 300),
    "maze": (worlds.report_maze(), 40),
    "slippery maze": (worlds.report_maze(0.1), 40),
}
SETTINGS = {
    "default": {},
    "epsilon-greedy": {"policy": "epsilon-greedy", "discount": 0.8},
    "first ties": {"policy": "epsilon-greedy", "discount": 0.8, "ties": "first"},
}
OTHERWISE = {
    "n-step-tree-backup": {"target": "behaviour"},
    "sarsa-lambda": {"traces": "dutch"},
    "q-lambda": {"traces": "accumulating"},
    "monte-carlo": {"visits": "first", "bootstrap": False, "alpha_schedule": "constant"},
    "off-policy-monte-carlo": {"bootstrap": False},
    "dyna-q": {"believes": "last"},
    "dyna-q-plus": {"planning_steps": 3},
    "maxmin-q-learning": {"tables": 4},
    "r-max": {"known": 2},
}
"""Branches of a rule that its defaults leave out; taken with the last of the settings."""
EXPLICIT = {"ucb-vi": {"bonus": 0.01, "horizon": 30, "value_range": None}}
"""Options that are given rather than left to their defaults, which may change, or take long."""


def learned(name: str, world: str, settings: str) -> str:
    """SHA-256 of the table, the agent's own memory and its counts, in 16 hexadecimal digits."""
    kind = registry().load("agent", name)
    model, episodes = WORLDS[world]
    options = {
        option: value
        for option, value in SETTINGS[settings].items()
        if option not in kind.Config.without_effect
    }
    if settings == "first ties":
        options |= OTHERWISE.get(name, {})
    config = resolve(kind.Config, [{**options, **EXPLICIT.get(name, {})}], name)
    agent = kind(config, *model.next_state.shape[:2], np.random.default_rng(0), episodes=episodes)
    agent.learn_model(model, np.random.default_rng(1), episodes)
    digest = hashlib.sha256()
    for array in (agent.q, agent.memory, agent.rows, agent.counts, agent.visits):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def all_learned(name: str) -> dict[str, str]:
    return {
        f"{world}, {settings}": learned(name, world, settings)
        for world in WORLDS
        for settings in SETTINGS
    }


@pytest.mark.parametrize("name", TABULAR)
def test_an_agent_learns_the_same_table_as_before(name):
    assert all_learned(name) == json.loads(KEPT.read_text(encoding="utf-8"))[name]


def test_the_page_compares_every_digest_that_is_kept():
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    count = sum(map(len, kept.values()))
    page = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
    assert f"{count} digests" in page and f"each of the {len(kept)} agents" in page
    assert set(re.findall(r"\d+ of (\d+) the same", page)) == {str(count)}


if __name__ == "__main__":
    KEPT.write_text(
        json.dumps({name: all_learned(name) for name in TABULAR}, indent=1) + "\n", encoding="utf-8"
    )
