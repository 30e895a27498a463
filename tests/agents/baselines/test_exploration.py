"""Learning from a bonus for rare pairs and from clipped penalties; scores are those of the true
rewards."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

import torch
from stable_baselines3.common.vec_env import unwrap_vec_wrapper

from agents.baselines.exploration import LearnedRewards
from agents.baselines.known import KNOWN
from agents.baselines.vec import GridVecEnv, Recorded
from agents.planning import evaluation
from benchmarks import kills
from envs.vector import GridVectorEnv
from sandbox import load, resume, run
from sandbox.config.resolve import resolve
from sandbox.errors import ConfigError
from sandbox.registry.registry import registry
from sandbox.testing import check_experiment
from tests.agents.baselines.test_baselines import SMALL, built, finished, streams

pytestmark = pytest.mark.extras

BONUS = {"count_bonus": 3.0, "reward_floor": -0.1}


def learned_rewards(experiment):
    return unwrap_vec_wrapper(experiment.agent.model.env, LearnedRewards)


def corridor(bonus, floor, count=1):
    grids = GridVectorEnv(count, autoreset_mode="SameStep", layout="S.G", episode_length=4)
    recorded = Recorded(GridVecEnv(grids, seed=0))
    return recorded, LearnedRewards(recorded, bonus, floor)


def test_the_bonus_falls_with_the_root_of_the_visits_to_a_pair():
    """By hand in S.G: right, into the border above, right, stay; then right again from the start.

    The bump costs 1; the step that stays on the goal gives 1.
    """
    recorded, env = corridor(2.0, None)
    env.reset()
    rewards = [float(env.step(np.array([action]))[1][0]) for action in (1, 4, 1, 0, 1)]
    true = [0.0, -1.0, 0.0, 1.0, 0.0]
    (episode,) = recorded.take()
    bonus = [2.0, 2.0, 2.0, 2.0, 2.0 / np.sqrt(2.0)]
    assert rewards == pytest.approx(np.add(true, bonus))
    assert env.visits.sum() == 5 and env.visits[0, 1] == 2 and episode.return_ == 0.0


def test_sub_environments_count_together():
    _, env = corridor(6.0, None, count=4)
    env.reset()
    rewards = env.step(np.array([1, 1, 1, 1]))[1]
    assert rewards.tolist() == [3.0] * 4 and env.visits[0, 1] == 4
    assert rewards.dtype == np.float32


def test_the_floor_clips_penalties_alone():
    recorded, env = corridor(0.0, -0.25)
    env.reset()
    rewards = [float(env.step(np.array([action]))[1][0]) for action in (1, 4, 1, 0)]
    assert rewards == [0.0, -0.25, 0.0, 1.0] and env.visits.size == 0
    assert recorded.take()[0].return_ == 0.0


@pytest.mark.parametrize("agent", sorted(SMALL))
def test_with_a_bonus_it_goes_on_to_the_last_bit(agent):
    lab = registry().lab("maze")
    options = {**SMALL[agent], **BONUS}
    layer = {"agent": {"name": agent, **options}, "env": {"slip": 0.1, "random_start": True}}
    config = resolve(lab.Config, [layer], "maze")
    check_experiment(lambda context: lab.build(config, context), blocks=1)
    experiment = built(agent=agent, **options)
    experiment.advance()
    again = built(agent=agent, **options)
    again.restore(experiment.state())
    one, other = learned_rewards(experiment), learned_rewards(again)
    assert one is not other and (one.visits == other.visits).all()
    assert one.visits.sum() == experiment.env_steps > 0 and (one.states == other.states).all()


@pytest.mark.parametrize("agent", ["sb3-dqn", "sb3-ppo", "sb3-a2c"])
def test_with_a_bonus_blocks_learn_what_one_call_of_learn_learns(agent):
    options = {**SMALL[agent], **BONUS}
    ours, other = built(agent=agent, **options), built(agent=agent, **options)
    with other._inside():
        other._learner.learn(ours.limit, callback=None, log_interval=None)
    finished(ours)
    for name, tensor in other._learner.policy.state_dict().items():
        assert torch.equal(ours._learner.policy.state_dict()[name], tensor), name
    assert (learned_rewards(ours).visits == learned_rewards(other).visits).all()


@pytest.mark.parametrize("agent", ["sb3-dqn", "sb3-ppo"])
def test_with_a_bonus_a_stopped_run_ends_with_the_bytes_of_one_that_was_not(agent, store):
    options = {"agent": {"name": agent, **SMALL[agent], **BONUS}}
    whole = run("maze", config=options, seed=5, pictures=False)
    stopped = run("maze", config=options, seed=5, max_time=0.0, checkpoint_every=0.0)
    assert 0 < stopped.experiment.env_steps < whole.experiment.env_steps
    again = resume(stopped.id)
    assert again.status == "finished"
    whole_bytes = whole.folder.metrics_path.read_bytes()
    assert whole_bytes == again.folder.metrics_path.read_bytes()


def test_counts_survive_kills_at_random_moments():
    work = [*kills.WORK["sb3-a2c, count bonus"].split(), "--seed", "3"]
    whole, longest = kills.uninterrupted(work)
    made = kills.one_round(work, 3, 3, whole, longest)
    assert made.different == [] and made.hits >= 1


def test_scores_and_training_curves_have_the_true_rewards():
    """A bonus of 1000 is in no number that is shown, and a floor of 0 hides no bump."""
    experiment = built(
        agent="sb3-a2c", total_timesteps=2000, n_envs=2, count_bonus=1000.0, reward_floor=0.0
    )
    blocks = finished(experiment)
    returns = streams(blocks, "learn", "return")
    assert len(returns) and (returns < 0).any() and (np.abs(returns) <= 168).all()
    means = streams(blocks, "train", "rollout/ep_rew_mean")
    assert (np.abs(means[np.isfinite(means)]) <= 168).all()
    greedy = [experiment.agent.act(state) for state in range(100)]
    expected = evaluation.evaluate(experiment.model, np.eye(5)[greedy], 168).expected_return
    assert experiment.summary()["greedy_return"] == expected
    assert learned_rewards(experiment).visits.sum() == experiment.env_steps


@pytest.mark.parametrize("normalize", ["rewards", "none"])
def test_an_environment_of_gymnasium_is_counted_too(normalize):
    options = {"total_timesteps": 600, "normalize": normalize, **BONUS}
    experiment = built("gym", "sb3-a2c", env="FrozenLake-v1", **options)
    finished(experiment)
    visits = learned_rewards(experiment).visits
    assert visits.shape == (16, 4) and visits.sum() == experiment.env_steps


@pytest.mark.parametrize(
    ("lab", "agent", "env", "says"),
    [
        ("gym", "sb3-ppo", "CartPole-v1", "here they are Box and Discrete"),
        ("gym", "sb3-ppo", "Pendulum-v1", "here they are Box and Box"),
        ("maze", "sb3-ppo", {"observation": "image"}, "here they are Box and Discrete"),
    ],
)
def test_what_cannot_be_counted_is_refused_and_the_remedy_works(lab, agent, env, says):
    with pytest.raises(ConfigError, match=says) as caught:
        built(lab, agent, env=env, count_bonus=1.0)
    assert "--agent.count-bonus 0 learns without it" in str(caught.value)
    experiment = built(lab, agent, env=env, count_bonus=0.0, reward_floor=-1.0)
    assert not experiment.agent.config.count_bonus


@pytest.mark.parametrize(
    "agent", [name for name, known in KNOWN.items() if "Discrete" not in known.actions]
)
def test_agents_of_continuous_actions_have_a_floor_alone(agent):
    with pytest.raises(ConfigError, match="count-bonus has no effect: continuous actions"):
        built("gym", agent, env="Pendulum-v1", count_bonus=1.0)
    experiment = built("gym", agent, env="Pendulum-v1", reward_floor=-1.0, buffer_size=10)
    assert learned_rewards(experiment).visits.size == 0


def test_without_the_options_nothing_stands_between():
    experiment = built(agent="sb3-dqn")
    assert learned_rewards(experiment) is None
    assert "learned_rewards" not in experiment.state()["learner"]


def test_a_run_saved_before_the_options_existed_goes_on_without_them(store):
    """Its configuration has all other options, and the lab's defaults came later."""
    plain = {**SMALL["sb3-ppo"], "count_bonus": 0.0, "reward_floor": None}
    stopped = run("maze", agent={"name": "sb3-ppo", **plain}, max_time=0.0, pictures=False)
    config = {**stopped.config, "agent": dict(stopped.config["agent"])}
    for option in ("count_bonus", "reward_floor", "settings"):
        del config["agent"][option]
    again = resolve(registry().lab("maze").Config, [config], "saved")
    assert again.agent.options == stopped.experiment.config.agent.options
    assert load(stopped.id).experiment.agent.config.count_bonus == 0.0
    assert built(agent="sb3-ppo").agent.config.count_bonus > 0


@pytest.mark.parametrize(("agent", "steps"), [("sb3-ppo", 40_000), ("sb3-a2c", 100_000)])
def test_the_defaults_of_the_maze_find_a_goal_that_is_far(agent, steps):
    """The passage is 20 moves long, and nothing on it is rewarded."""
    layout = "S........./#########./G........."
    experiment = built(agent=agent, env={"layout": layout}, total_timesteps=steps)
    finished(experiment)
    assert experiment.summary()["regret"] == 0 and experiment.summary()["steps_to_goal"] == 20
