"""Tuned and stock settings: the lab's own defaults, and those of Stable-Baselines3."""

from __future__ import annotations

import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from agents.baselines.known import KNOWN
from sandbox import compare, load, resume, run
from sandbox.config.resolve import resolve
from sandbox.errors import ConfigError
from sandbox.registry.registry import registry

pytestmark = pytest.mark.extras

DISCRETE = [name for name, known in KNOWN.items() if "Discrete" in known.actions]


def options_of(lab, agent, **options):
    config = resolve(registry().lab(lab).Config, [{"agent": {"name": agent, **options}}], lab)
    return config.agent.options


@pytest.mark.parametrize("agent", DISCRETE)
@pytest.mark.parametrize("lab", ["maze", "empty-grid", "gym"])
def test_stock_settings_are_those_of_the_library(lab, agent):
    """All but the number of steps; options that are given hold."""
    library = registry().load("agent", agent).Config().model_dump()
    steps = options_of(lab, agent).total_timesteps if lab != "gym" else library["total_timesteps"]
    if lab == "gym":
        layers = [{"agent": {"name": agent, "settings": "stock"}, "env": "FrozenLake-v1"}]
        stock = resolve(registry().lab(lab).Config, layers, lab).agent.options
    else:
        stock = options_of(lab, agent, settings="stock")
        given = options_of(lab, agent, settings="stock", gamma=0.5, n_envs=3)
        assert given.model_dump() == {**stock.model_dump(), "gamma": 0.5, "n_envs": 3}
    assert stock.model_dump() == {**library, "settings": "stock", "total_timesteps": steps}


def test_stock_and_tuned_are_compared_under_their_own_labels(store):
    few = {"agent": {"total_timesteps": 200, "buffer_size": 300}}
    made = compare("maze", ["sb3-dqn", "sb3-dqn:stock"], seeds=1, config=few)
    tuned, stock = (made.runs[label][0] for label in ("sb3-dqn", "sb3-dqn:stock"))
    assert tuned.config["agent"]["optimizer"] == "sgd" and tuned.config["agent"]["n_envs"] == 4
    assert stock.config["agent"]["settings"] == "stock"
    assert stock.config["agent"]["optimizer"] == "default"
    page = (made.folder / "index.html").read_text(encoding="utf-8")
    assert "<td>sb3-dqn, optimistic linear DQN</td>" in page and "<td>sb3-dqn</td>" in page
    assert load(stock.id).experiment.config.agent.options.settings == "stock"


@pytest.mark.parametrize(
    ("word", "says"),
    [("sarsa:stock", "agent.settings"), ("sb3-dqn:stok", "it should be 'tuned' or 'stock'")],
)
def test_settings_that_an_agent_does_not_have_are_refused(store, word, says):
    with pytest.raises(ConfigError, match=says):
        compare("maze", [word], seeds=1)
    assert not store.exists()


def test_a_run_with_stock_settings_resumes(store):
    agent = {"name": "sb3-ppo", "settings": "stock", "total_timesteps": 5000}
    whole = run("maze", agent=agent, pictures=False)
    assert whole.config["agent"]["n_steps"] == 2048 and whole.config["agent"]["count_bonus"] == 0
    stopped = run("maze", agent=agent, pictures=False, max_time=0.0)
    again = resume(stopped.id)
    assert again.status == "finished"
    expected = whole.folder.metrics_path.read_bytes()
    assert again.folder.metrics_path.read_bytes() == expected
