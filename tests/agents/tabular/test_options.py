"""Options of agents: each changes what an agent does, or is refused where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from envs.config import MazeConfig
from sandbox.errors import ConfigError
from sandbox.registry.registry import registry
from sandbox.runs.api import Request, resolved

AGENTS = [
    entry.name for entry in registry().entries("agent", outside=False) if entry.plugin == "control"
]
NUMBERS = {"alpha": 0.4, "discount": 0.8, "initial_value": 3.0}


@pytest.fixture(scope="module")
def slippery_maze():
    env = registry().load("env", "maze")(
        config=MazeConfig(layout="S..~/.#.O/...G", slip=0.1, episode_length=30)
    )
    return env.model


def learned(model, agent_class, **options):
    """Everything an agent remembers after 20 episodes of fixed chance."""
    agent = agent_class(
        agent_class.Config(**options),
        model.states,
        model.actions,
        np.random.default_rng(1),
        episodes=20,
    )
    agent.learn_model(model, np.random.default_rng(2), 20)
    return np.concatenate([agent.q.ravel(), agent.counts.ravel(), agent.memory.ravel()])


@pytest.mark.parametrize("option", NUMBERS)
@pytest.mark.parametrize("name", AGENTS)
def test_an_option_changes_what_is_learned_or_is_refused(slippery_maze, name, option):
    agent_class = registry().load("agent", name)
    more = (
        {"alpha_schedule": "constant"}
        if option == "alpha" and "alpha_schedule" not in agent_class.Config.without_effect
        else {}
    )
    if option in agent_class.Config.without_effect:
        with pytest.raises(ValidationError, match=f"{option.replace('_', '-')} has no effect"):
            agent_class.Config(**{option: NUMBERS[option]})
        return
    before, after = (
        learned(slippery_maze, agent_class, **more),
        learned(slippery_maze, agent_class, **{option: NUMBERS[option]}, **more),
    )
    assert before.shape != after.shape or not np.array_equal(before, after)


def test_an_alpha_that_visits_replace_is_refused():
    with pytest.raises(ConfigError, match="alpha has no effect while alpha_schedule is visits"):
        resolved(Request("maze", layers=[{"agent": {"name": "monte-carlo", "alpha": 0.5}}]))


def test_a_preset_s_step_size_does_not_follow_to_an_agent_without_one():
    layers = [{"agent": {"alpha": 0.5, "discount": 0.8}}, {"agent": "value-iteration"}]
    config = resolved(Request("maze", layers=layers))[2]
    assert config.agent.options.discount == 0.8


def test_an_option_without_effect_stands_in_no_help(say):
    out = say("run", "maze", "--agent", "value-iteration", "--help").out
    assert "--agent.tolerance" in out and "--agent.alpha" not in out
