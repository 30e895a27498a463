"""Runs of Stable-Baselines3's agents in Gymnasium's environments are resumed to the last bit where
the state of the environment is known; where it is not, new episodes begin, and the summary says
so."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

import gymnasium
from gymnasium import spaces
from stable_baselines3.common.monitor import Monitor

from agents.baselines.config import unseen
from agents.baselines.known import KNOWN
from agents.baselines.saved import load_agent
from benchmarks import kills
from envs import states
from sandbox import resume, run
from sandbox.config.resolve import resolve
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.seeding import Generators
from sandbox.testing import check_experiment
from sandbox.testing.promises import NotConforming, fingerprint

pytestmark = pytest.mark.extras

FEW = {"total_timesteps": 1100, "net_arch": "8", "n_envs": 2}
SMALL = {
    name: {
        **FEW,
        **({"n_steps": 50, "batch_size": 50} if name in ("sb3-ppo", "sb3-trpo") else {}),
        **({"normalize": "both"} if name in ("sb3-ppo", "sb3-a2c") else {}),
        **(
            {}
            if name in ("sb3-ppo", "sb3-trpo", "sb3-a2c")
            else {"learning_starts": 100, "buffer_size": 600, "train_freq": 4, "batch_size": 8}
        ),
    }
    for name in KNOWN
}


def in_gym(agent, env):
    """Builds the experiment of an agent in an environment, for a context."""
    lab = registry().lab("gym")
    layers = [{"agent": {"name": agent, **SMALL[agent]}, "env": env, "evaluation_episodes": 2}]
    config = resolve(lab.Config, layers, "gym")
    return lambda context: lab.build(config, context)


@pytest.mark.parametrize("agent", sorted(KNOWN))
def test_every_agent_goes_on_in_the_middle_of_episodes_to_the_last_bit(agent):
    discrete = "Discrete" in KNOWN[agent].actions
    env = {"name": "CartPole-v1"} if discrete else {"name": "Pendulum-v1", "max_episode_steps": 70}
    check_experiment(in_gym(agent, env), blocks=1)


def test_observations_that_are_tuples_of_numbers_are_learned_from(store):
    """Stable-Baselines3 itself takes no tuples."""
    check_experiment(in_gym("sb3-dqn", "Blackjack-v1"), blocks=1)
    options = {"agent": {"name": "sb3-a2c", **SMALL["sb3-a2c"], "normalize": "none"}}
    learned = run("gym", config={"env": "Blackjack-v1", "evaluation_episodes": 2, **options})
    hand = (14, 10, 0)
    chances = learned.agent.chances(np.array([hand]))
    loaded = load_agent(learned.path / "artifacts")
    assert loaded.observation_space == spaces.MultiDiscrete([32, 11, 2])
    assert np.allclose(loaded.chances(np.array([hand])), chances)
    assert loaded.act(hand) == learned.agent.act(hand) == chances.argmax()


def test_other_tuples_are_refused():
    numbers = spaces.Discrete(3)
    assert not unseen(spaces.Tuple([numbers, numbers]))
    for other in (spaces.Box(0, 1), spaces.Discrete(3, start=1), spaces.Tuple([numbers])):
        assert "a Tuple of Discrete; here they are Tuple" in unseen(spaces.Tuple([numbers, other]))


def test_what_an_environment_keeps_between_episodes_goes_on_too(drift):
    """Evaluations included: each begins in the same state."""
    check_experiment(in_gym("sb3-dqn", "toys/Saved-v0"), blocks=1)
    with pytest.raises(NotConforming):
        check_experiment(in_gym("sb3-dqn", "toys/Drift-v0"), blocks=1)


@pytest.mark.parametrize(("env", "resumed"), [("toys/Saved-v0", None), ("toys/Drift-v0", 1)])
def test_the_summary_says_how_often_episodes_were_lost(drift, store, env, resumed):
    agent = {"name": "sb3-a2c", "total_timesteps": 1500}
    options = {"agent": agent, "env": env, "evaluation_episodes": 3}
    whole = run("gym", config=options, pictures=False)
    stopped = run("gym", config=options, max_time=0.0, pictures=False)
    again = resume(stopped.id)
    assert again.status == "finished" and again.record.resumed == 1
    assert again.summary.get("resumed") == resumed and "resumed" not in whole.summary
    steps = again.metrics.columns("learn", ["env_steps"])["env_steps"]
    assert (np.diff(steps) > 0).all() and again.summary["env_steps"] == 1500
    same = whole.folder.metrics_path.read_bytes() == again.folder.metrics_path.read_bytes()
    assert same == (resumed is None)


def test_a_checkpoint_from_before_environments_had_states_begins_new_episodes():
    build = in_gym("sb3-dqn", "CartPole-v1")
    one, other = (build(Context(7, Generators(7), None)) for _ in range(2))  # type: ignore[arg-type]
    assert "envs" not in one.state()["place"]  # nothing was done yet: any experiment begins so
    one.advance()
    state = one.state()
    assert len(state["place"].pop("envs")) == 2
    other.restore(state)
    assert other.resumed == 1 and other.env_steps == one.env_steps > 0
    while not other.done:
        other.advance()
    assert other.summary()["resumed"] == 1


@pytest.mark.parametrize("agent", ["sb3-dqn", "sb3-ppo"])
def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(agent):
    work = [*kills.WORK[f"gym, {agent}"].split(), "--seed", "3"]
    whole, longest = kills.uninterrupted(work)
    made = kills.one_round(work, 3, 3, whole, longest)
    assert made.different == [] and made.hits >= 1
    (result,) = whole.values()
    assert "resumed" not in result["summary"] and "model.safetensors" in result["artifacts"]


def test_the_monitor_of_stable_baselines_goes_on():
    """All but the seconds."""

    def made():
        return Monitor(gymnasium.make("CartPole-v1"))

    env, new = made(), made()
    env.reset(seed=0)
    env.action_space.seed(0)
    for step in range(120):
        if step == 60:
            states.load_state_dict(new, states.state_dict(env))
        action = env.action_space.sample()
        told = [one.step(action) for one in ((env, new) if step >= 60 else (env,))]
        if told[0][2]:
            for *_, info in told:
                del info["episode"]["t"]
            env.reset()
            if step >= 60:
                new.reset()
        assert len({fingerprint(one) for one in told}) == 1
    assert new.get_episode_rewards() == env.get_episode_rewards() and new.total_steps == 120
