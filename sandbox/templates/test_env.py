"""The environment keeps what every environment promises, and its optimum is what arithmetic says."""

import pytest
from example_module import ExamplePlugin

import sandbox
from sandbox.testing import check_env


def test_the_environment_conforms():
    check_env(ExamplePlugin)


def test_without_wind_the_best_way_costs_a_step_a_cell(tmp_path):
    env = {"name": "example-plugin/Corridor-v0", "length": 5, "wind": 0.0}
    run = sandbox.run("gym", env=env, agent="q-learning", episodes=500, store=tmp_path, pictures=False)
    assert run.summary["optimal_return"] == -4
    assert run.summary["greedy_return"] == pytest.approx(-4)
