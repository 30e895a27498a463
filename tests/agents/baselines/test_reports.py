"""What the help, the curves and the notes say of agents of Stable-Baselines3 is true, and options
that cannot work are refused with a remedy."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

import torch

from agents.baselines.known import KNOWN
from agents.baselines.saved import load_agent
from sandbox.config.resolve import resolve
from sandbox.errors import ConfigError, SandboxError, UsageError
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.seeding import Generators

pytestmark = pytest.mark.extras
CORRIDOR = {"layout": "S..G", "episode_length": 7}


def built(lab, agent, env, device="cpu", **options):
    layer = {"agent": {"name": agent, "settings": "stock", **options}, "env": env}
    made = registry().lab(lab)
    context = Context(0, Generators(0), None, device=device)
    return made.build(resolve(made.Config, [layer], lab), context)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_no_sentence_of_the_help_ends_in_its_middle(name):
    fields = registry().load("agent", name).Config.model_fields
    for option, field in fields.items():
        told = field.description
        assert told.count("(") == told.count(")"), option
        assert " see " not in told, option
    assert "learning rate" in fields["learning_rate"].description
    if "gradient_steps" in fields:
        assert "-1" in fields["gradient_steps"].description


@pytest.mark.parametrize("agent", ["sb3-dqn", "sb3-qrdqn"])
def test_the_exploration_rate_of_an_episode_is_that_of_its_end(agent):
    """1 in the steps before learning starts, whatever the schedule says."""
    options = {"total_timesteps": 1000, "learning_starts": 150, "buffer_size": 1000}
    options |= {"exploration_initial_eps": 0.5, "exploration_fraction": 1.0, "n_envs": 2}
    experiment = built("maze", agent, CORRIDOR, **options)
    assert experiment.agent.chances(np.arange(4)) == pytest.approx(0.2, abs=1e-5)
    learner, rates = experiment.agent.model, {}
    on_step = learner._on_step

    def kept():
        on_step()
        rates[learner.num_timesteps] = learner.exploration_rate

    learner._on_step = kept
    blocks = []
    while not experiment.done:
        blocks += [block for block in experiment.advance() if block.stream == "learn"]
    steps, told = (
        np.concatenate([block.columns[name] for block in blocks])
        for name in ("env_steps", "epsilon")
    )
    assert told.tolist() == [1.0 if step < 150 else rates[step] for step in steps]
    assert len(set(told)) > 50


def test_a_loaded_agent_explores_as_the_saved_one(tmp_path):
    options = {"total_timesteps": 1000, "learning_starts": 50, "buffer_size": 1000}
    experiment = built("maze", "sb3-dqn", CORRIDOR, exploration_fraction=1.0, **options)
    for _ in range(2):
        saved = experiment.agent
        saved.save(tmp_path)
        loaded = load_agent(tmp_path)
        assert loaded.epsilon() == saved.epsilon() > 0.4
        assert (loaded.chances(np.arange(4)) == saved.chances(np.arange(4))).all()
        experiment.advance()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("agent", ["sb3-ppo", "sb3-a2c", "sb3-dqn"])
def test_learning_that_diverges_says_so_with_a_remedy(agent):
    """Policies of no numbers would be refused by torch, and values of no numbers by nobody."""
    fast = {"total_timesteps": 4000, "learning_rate": 1e30, "reward_floor": None}
    fast |= {"buffer_size": 1000} if agent == "sb3-dqn" else {}
    experiment = built("maze", agent, CORRIDOR, **fast)
    with pytest.raises(SandboxError, match=r"learning diverged.*smaller --agent\.learning-rate"):
        while not experiment.done:
            experiment.advance()


@pytest.mark.skipif(torch.cuda.is_available(), reason="it is there")
def test_a_device_that_is_not_there_is_refused():
    """Stable-Baselines3 would learn on the CPU, and the run's record would have another device.
    What was learned on one can be opened on a machine without it."""
    experiment = built("maze", "sb3-a2c", CORRIDOR, device="cuda")
    assert experiment.agent.act(0) in range(5)
    with pytest.raises(UsageError, match="no cuda: begin again with --device cpu"):
        experiment.advance()
    built("maze", "sb3-a2c", CORRIDOR, device="auto").advance()


def test_a_buffer_that_memory_does_not_hold_is_refused():
    with pytest.raises(UsageError, match="refuses these options of 'sb3-dqn': Unable to allocate"):
        built("maze", "sb3-dqn", CORRIDOR, buffer_size=10**15)


@pytest.mark.parametrize(
    ("agent", "options", "says"),
    [
        (
            "sb3-sac",
            {"ent_coef": -1},
            "agent.ent-coef = -1: it should be at least 0, or auto",
        ),
        ("sb3-tqc", {"ent_coef": "auto_1"}, "auto_1 is neither a number nor auto"),
        ("sb3-sac", {"target_entropy": "x"}, "x is neither a number nor auto"),
    ],
)
def test_numbers_that_an_algorithm_cannot_learn_with_are_refused(agent, options, says):
    with pytest.raises(ConfigError, match=says):
        resolve(registry().load("agent", agent).Config, [options], agent)


def test_a_target_of_entropy_may_be_negative():
    kind = registry().load("agent", "sb3-sac").Config
    assert resolve(kind, [{"target_entropy": -3, "ent_coef": 0}], "").target_entropy == -3


def test_observations_that_an_algorithm_has_no_network_for_are_refused_at_once():
    actions = spaces.Box(-1, 1, (2,))
    pixels = spaces.Box(0, 255, (64, 64, 3), np.uint8)
    named = spaces.Dict({"a": actions})
    crossq = registry().load("agent", "sb3-crossq").Config
    assert "sb3-crossq has no MultiInputPolicy" in crossq().misfit(named, actions)
    assert "sb3-crossq has no CnnPolicy" in crossq().misfit(pixels, actions)
    assert not crossq(policy="MlpPolicy").misfit(pixels, actions)
    assert not crossq().misfit(actions, actions)
    sac = registry().load("agent", "sb3-sac").Config
    assert "agent.n-steps takes no" in sac(n_steps=3).misfit(named, actions)
    assert not sac(n_steps=3).misfit(pixels, actions) and not sac().misfit(named, actions)
    ppo = registry().load("agent", "sb3-ppo").Config
    assert not ppo().misfit(named, actions)


def test_a_run_that_ends_before_learning_starts_says_so():
    options = {"learning_starts": 300, "buffer_size": 1000}
    says = "agent.learning-starts 300 leaves no step to learn from."
    for steps, notes in ((300, [says]), (301, [])):
        experiment = built("maze", "sb3-dqn", CORRIDOR, total_timesteps=steps, **options)
        assert experiment.notes == notes
