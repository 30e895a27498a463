"""Options in a comparison: those of a preset, of all agents, of a named agent, and of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sandbox import compare, compare_tasks
from sandbox.comparison.request import ComparisonRequest, compared_agents
from sandbox.errors import ConfigError, UsageError
from sandbox.runs.api import Request


def agents(lab, names, preset="default", layers=(), own=None):
    """The agents' options by label, and the remarks."""
    whole, remarks = compared_agents(
        ComparisonRequest(Request(lab, preset, layers), names, own or {})
    )
    return {one.label: one.config["agent"] for one in whole}, remarks


def test_what_a_preset_sets_for_named_agents_reaches_no_other():
    found, remarks = agents("gym", ["q-learning", "sarsa", "r-max"], "cliff")
    assert found["q-learning"]["epsilon"] == found["sarsa"]["epsilon"] == 0.1
    assert (found["r-max"]["policy"], found["r-max"]["epsilon"]) == ("greedy", 0.5)
    assert remarks == []


def test_options_without_a_name_go_to_all_that_have_them():
    layers = [{"agent": {"planning-steps": 3, "discount": 0.8}}]
    found, remarks = agents("maze", ["sarsa", "dyna-q"], layers=layers)
    assert found["sarsa"]["discount"] == found["dyna-q"]["discount"] == 0.8
    assert found["dyna-q"]["planning_steps"] == 3
    assert remarks == ["planning-steps = 3 was set for all agents that have it; not for sarsa."]


def test_options_beside_a_name_go_to_that_agent():
    layers = [{"agent": {"name": "q-learning", "alpha": 0.5}}, {"agent": {"discount": 0.8}}]
    found, remarks = agents("maze", ["sarsa", "q-learning", "again=q-learning"], layers=layers)
    assert [one["alpha"] for one in found.values()] == [0.25, 0.5, 0.5]
    assert [one["discount"] for one in found.values()] == [0.8, 0.8, 0.8] and remarks == []


def test_options_of_an_agent_that_is_not_compared_are_remarked_on():
    layers = [{"agent": {"name": "q-learning", "alpha": 0.5}}]
    found, remarks = agents("maze", ["sarsa"], layers=layers)
    assert found["sarsa"]["alpha"] == 0.25
    assert remarks == ["alpha: set for q-learning alone, which is not compared."]


def test_a_stronger_layer_overrides_a_weaker_one_with_and_without_a_name():
    named, unnamed = {"agent": {"name": "sarsa", "alpha": 0.5}}, {"agent": {"alpha": 0.75}}
    assert agents("maze", ["sarsa"], layers=[named, unnamed])[0]["sarsa"]["alpha"] == 0.75
    assert agents("maze", ["sarsa"], layers=[unnamed, named])[0]["sarsa"]["alpha"] == 0.5
    own = {"sarsa": {"alpha": "1"}}
    assert agents("maze", ["sarsa"], layers=[unnamed, named], own=own)[0]["sarsa"]["alpha"] == 1


def test_an_option_that_no_agent_has_is_refused():
    with pytest.raises(ConfigError, match="--agent.alhpa: none of the agents has this option"):
        agents("maze", ["sarsa"], layers=[{"agent": {"alhpa": 0.5}}])


def quick(**more):
    return {"seeds": 1, "episodes": 20, **more}


@pytest.mark.parametrize("agents", ["sarsa", np.array(["sarsa"]), iter(["sarsa"])])
def test_agents_in_python_are_one_or_several(store, agents):
    assert list(compare("empty-grid", agents, **quick()).runs) == ["sarsa"]


def test_a_path_in_python_is_an_agent_or_results_of_others(store, tmp_path):
    (tmp_path / "slow.toml").write_text('agent = {name = "sarsa", alpha = 0.01}')
    (tmp_path / "x.csv").write_text("agent,task,seed,env_steps,score\nfox,empty-grid,0,9,0.5\n")
    made = compare("empty-grid", tmp_path / "slow.toml", **quick(given=str(tmp_path / "x.csv")))
    assert {row["agent"] for row in made.table} == {"slow", "fox (given)"}
    again = compare("empty-grid", tmp_path / "slow.toml", **quick(given=tmp_path / "x.csv"))
    assert again.id == made.id and again.reused == 1


def test_one_task_in_python_is_a_task_and_agents_may_be_drawn_once(store):
    agents = (name for name in ("sarsa", "q-learning"))
    made = compare_tasks("empty-grid", agents, **quick())
    assert list(made.tasks) == ["empty-grid"] and list(made.runs) == ["sarsa", "q-learning"]


def test_an_unknown_observer_in_python_is_named_whole(store):
    with pytest.raises(UsageError, match="'bast'"):
        compare("empty-grid", ["sarsa"], **quick(track="bast"))


@pytest.mark.parametrize(
    "call", [compare, lambda task, *rest, **more: compare_tasks([task], *rest, **more)]
)
@pytest.mark.parametrize("config", [Path("x.toml"), "x.toml", [1], 3])
def test_a_configuration_in_python_that_is_no_mapping_is_refused(store, call, config):
    with pytest.raises(UsageError, match="config = .*should be settings by name"):
        call("empty-grid", ["sarsa"], config=config)
    assert not store.exists()
