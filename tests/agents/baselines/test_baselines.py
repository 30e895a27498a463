"""Stable-Baselines3 behind our interface: the same learning as its own `learn`, taken up to the
last bit, evaluated exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

import gymnasium
import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_checker import check_env

import envs  # noqa: F401 - registers ours with Gymnasium
from agents.baselines import saved
from agents.baselines.known import KNOWN, fitting
from agents.baselines.saved import load_agent
from agents.baselines.vec import GridVecEnv, Recorded
from agents.planning import evaluation
from envs.vector import GridVectorEnv, MazeVectorEnv
from sandbox import load, run
from sandbox.config.resolve import resolve
from sandbox.errors import ConfigError, SandboxError, UsageError
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.seeding import Generators
from sandbox.store import checkpoint
from sandbox.testing import check_experiment, check_lab

pytestmark = pytest.mark.extras

OFF = {"total_timesteps": 1200, "learning_starts": 100, "buffer_size": 1000}
SMALL = {
    "sb3-dqn": {**OFF, "n_envs": 2},
    "sb3-qrdqn": {**OFF, "train_freq": "1,episode", "net_arch": "16"},
    "sb3-ppo": {
        "total_timesteps": 1200,
        "n_envs": 2,
        "n_steps": 50,
        "batch_size": 50,
        "n_epochs": 2,
        "net_arch": "16",
        "normalize": "rewards",
    },
    "sb3-a2c": {"total_timesteps": 1200, "n_envs": 3, "n_steps": 5, "net_arch": "16"},
    "sb3-trpo": {"total_timesteps": 1200, "n_steps": 100, "batch_size": 50, "net_arch": "16"},
}
DISCRETE = sorted(SMALL)


def built(lab="maze", agent="sb3-dqn", seed=0, env=None, episodes=3000, **options):
    made = registry().lab(lab)
    config = resolve(
        made.Config,
        [{"agent": {"name": agent, **options}, "episodes": episodes, "env": env or {}}],
        lab,
    )
    return made.build(config, Context(seed, Generators(seed), None))


def finished(experiment):
    blocks = []
    while not experiment.done:
        blocks += experiment.advance()
    return blocks


def streams(blocks, stream, column):
    return np.concatenate(
        [
            np.asarray(block.columns[column], dtype=float)
            for block in blocks
            if block.stream == stream
        ]
    )


@pytest.mark.parametrize("agent", DISCRETE)
def test_put_down_and_taken_up_it_goes_on_to_the_last_bit(agent):
    lab = registry().lab("maze")
    config = resolve(
        lab.Config,
        [{"agent": {"name": agent, **SMALL[agent]}, "env": {"slip": 0.1, "random_start": True}}],
        "maze",
    )
    check_experiment(lambda context: lab.build(config, context), blocks=1)


@pytest.mark.parametrize(
    ("agent", "algorithm"), [("sb3-dqn", DQN), ("sb3-ppo", PPO), ("sb3-a2c", A2C)]
)
def test_blocks_learn_what_one_call_of_learn_learns(agent, algorithm):
    """The same weights as Stable-Baselines3's own loop, from the same generators: schedules are not
    bent by the blocks."""
    options = {
        **SMALL[agent],
        "normalize": "none",
        "net_arch": (16,),
        "learning_rate_schedule": "linear",
        "count_bonus": 0.0,
        "reward_floor": None,
    } | (
        {"initial_value": None, "optimizer": "default", "learning_rate": 1e-3}
        if agent == "sb3-dqn"
        else {}
    )
    ours = built(agent=agent, **options)
    other = built(
        agent=agent, **options
    )  # begins with the same weights, environments and generators
    with other._inside():
        other._learner.env = other._learner._wrap_env(other.world.venv)
        other._learner.learn(ours.limit, callback=None, log_interval=None)
    finished(ours)
    for name, tensor in other._learner.policy.state_dict().items():
        assert torch.equal(ours._learner.policy.state_dict()[name], tensor), name
    assert (
        isinstance(ours._learner, algorithm)
        and ours._learner.num_timesteps == other._learner.num_timesteps
    )
    rates = [group["lr"] for group in ours._learner.policy.optimizer.param_groups]
    assert (
        rates == [group["lr"] for group in other._learner.policy.optimizer.param_groups]
        and rates[0] < ours._learner.learning_rate.start
    )


@pytest.mark.parametrize("agent", ["sb3-dqn", "sb3-ppo"])
def test_a_killed_run_ends_with_the_bytes_of_one_that_was_not(agent, store, in_process):
    options = {"agent": {"name": agent, **SMALL[agent]}}
    whole = run("maze", config=options, seed=5, pictures=True)
    stopped = run("maze", config=options, seed=5, max_time=0.0, checkpoint_every=0.0)
    assert (
        stopped.status == "timed-out"
        and 0 < stopped.experiment.env_steps < whole.experiment.env_steps
    )
    again = in_process(
        "resume", stopped.id
    )  # another process: nothing is left but what was written
    assert again.code == 0, again.err
    again = load(stopped.id)
    assert (whole.path / "metrics.jsonl").read_bytes() == (
        again.path / "metrics.jsonl"
    ).read_bytes()
    kept = {one.name: one.sha256 for one in whole.record.artifacts}
    assert (
        kept == {one.name: one.sha256 for one in again.record.artifacts}
        and "model.safetensors" in kept
    )
    assert again.record.resumed == 1 and "resumed" not in again.summary


def test_learning_leaves_the_global_generators_and_threads_as_they_were():
    torch.manual_seed(1)
    np.random.seed(2)
    before, threads = (
        (torch.get_rng_state(), np.random.get_state()[1].copy()),
        torch.get_num_threads(),
    )
    built(agent="sb3-ppo", **SMALL["sb3-ppo"]).advance()
    assert (
        torch.equal(before[0], torch.get_rng_state())
        and (before[1] == np.random.get_state()[1]).all()
    )
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("count", [1, 3])
def test_the_grids_are_those_that_stable_baselines_would_step_itself(count):
    """Step by step what DummyVecEnv with Monitor says of our single environments: observations,
    rewards, ends, last observations."""
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv

    options = {"slip": 0.2, "random_start": True, "layout": "S..~/.#.O/...G", "episode_length": 7}
    ours = Recorded(GridVecEnv(GridVectorEnv(count, autoreset_mode="SameStep", **options), seed=11))
    theirs = DummyVecEnv(
        [lambda: Monitor(gymnasium.make("sandbox/Maze-v0", **options)) for _ in range(count)]
    )
    theirs.seed(11)
    assert (ours.reset() == theirs.reset()).all()
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = rng.integers(5, size=count)
        (observed, rewards, dones, told), (*expected, infos) = (
            ours.step(actions),
            theirs.step(actions),
        )
        assert (
            (observed == expected[0]).all()
            and (rewards == expected[1]).all()
            and (dones == expected[2]).all()
        )
        for mine, other in zip(told, infos, strict=True):
            assert mine.get("terminal_observation") == other.get("terminal_observation")
            assert bool(mine.get("TimeLimit.truncated")) == other["TimeLimit.truncated"]
            if "episode" in other:
                assert (mine["episode"]["r"], mine["episode"]["l"]) == (
                    pytest.approx(other["episode"]["r"]),
                    other["episode"]["l"],
                )


def test_the_record_of_episodes_counts_what_happened():
    grids = GridVectorEnv(1, autoreset_mode="SameStep", layout="S.G", episode_length=4)
    recorded = Recorded(GridVecEnv(grids, seed=0))
    recorded.reset()
    for action in (1, 4, 1, 0):  # right, into the border, right, stay on the goal
        recorded.step(np.array([action]))
    (episode,) = recorded.take()
    assert (
        episode.env_steps,
        episode.return_,
        episode.length,
        episode.steps_to_goal,
        episode.start,
    ) == (4, 0.0, 4, 3.0, 0)
    assert (
        recorded.visits.tolist() == [2, 2, 2] and recorded.take() == []
    )  # the next episode stands on the start already


def test_evaluation_is_exact_and_at_the_steps_of_the_tabular_agents():
    options = {**SMALL["sb3-ppo"], "normalize": "none"}
    experiment = built(agent="sb3-ppo", episodes=7, **options)
    blocks = finished(experiment)
    tabular = built(agent="sarsa", episodes=7)
    theirs = streams(finished(tabular), "evaluate", "env_steps")
    ours = streams(blocks, "evaluate", "env_steps")
    assert ours[:-1].tolist() == theirs[:-1].tolist() == [168 * episode for episode in range(1, 7)]
    model, agent = experiment.model, experiment.agent
    greedy = [agent.act(state) for state in range(100)]
    expected = evaluation.evaluate(model, np.eye(5)[greedy], 168)
    assert (
        experiment.summary()["greedy_return"]
        == expected.expected_return
        == streams(blocks, "evaluate", "greedy_return")[-1]
    )
    assert experiment.summary()["regret"] == pytest.approx(126 - expected.expected_return)
    assert set(blocks[0].columns) == {
        *[
            "episode",
            "env_steps",
            "return",
            "reward_per_step",
            "length",
            "steps_to_goal",
            "epsilon",
            "regret",
        ]
    }


def test_metrics_of_stable_baselines_stand_under_its_own_names():
    blocks = finished(built(agent="sb3-dqn", **SMALL["sb3-dqn"]))
    train = [block for block in blocks if block.stream == "train"]
    assert {
        "train/loss",
        "train/n_updates",
        "train/learning_rate",
        "rollout/ep_rew_mean",
        "rollout/exploration_rate",
    } <= set(train[-1].columns)
    assert len({tuple(block.columns) for block in train}) == 1
    assert np.isfinite(streams(blocks, "train", "train/loss")).all()


def test_optimism_is_the_same_in_every_state_until_it_is_learned():
    experiment = built(agent="sb3-dqn")
    assert (experiment.agent.worth(np.arange(100)) == 10.0).all()
    experiment.advance()
    worth = experiment.agent.worth(np.arange(100))
    seen = experiment.world.venv.visits > 0
    assert (worth[~seen] == 10.0).all() and (worth[seen] < 10.0).any()


def test_the_number_of_quantiles_is_that_of_the_networks_outputs():
    net = built(agent="sb3-qrdqn", n_quantiles=7).agent.model.policy.quantile_net
    assert [*net.quantile_net.parameters()][-1].shape == (5 * 7,)


def test_dqn_solves_a_small_maze(store):
    """The maze's own settings, in a room where the way is 6 moves long."""
    learned = run(
        "maze",
        agent={"name": "sb3-dqn", "total_timesteps": 6000},
        env={"layout": "S../##./G.."},
        pictures=False,
    )
    assert learned.summary["regret"] == 0 and learned.summary["steps_to_goal"] == 6


@pytest.mark.parametrize(("agent", "layout"), [("sb3-ppo", "S.G"), ("sb3-a2c", "S.G")])
def test_policy_gradients_solve_a_corridor(agent, layout):
    experiment = built(
        "empty-grid", agent, env={"layout": layout, "episode_length": 10}, total_timesteps=8000
    )
    finished(experiment)
    assert experiment.summary()["regret"] == 0


def test_images_are_observed_by_a_network_for_images():
    experiment = built(
        "empty-grid",
        "sb3-dqn",
        env={"observation": "image", "size": 6, "start": (0, 0), "goal": (3, 3)},
        total_timesteps=150,
        buffer_size=200,
        net_arch=(16,),
        initial_value=None,
        optimizer="adam",
        learning_rate=1e-3,
    )
    finished(experiment)
    assert type(experiment.agent.model.policy).__name__ == "CnnPolicy"
    observation, _ = gymnasium.make(
        "sandbox/EmptyGrid-v0", observation="image", size=6, start=(0, 0), goal=(3, 3)
    ).reset(seed=0)
    assert observation.shape == (36, 36, 3) and observation.dtype == np.uint8
    assert (
        experiment.agent.act(observation) == experiment.world.policy(experiment.agent)[0].argmax()
    )


def test_images_tell_all_states_apart_and_the_vector_environment_shows_the_same():
    many = MazeVectorEnv(2, observation="image", autoreset_mode="SameStep", episode_length=3)
    single = [
        gymnasium.make("sandbox/Maze-v0", observation="image", episode_length=3) for _ in range(2)
    ]
    check_env(single[0].unwrapped)
    states = np.flatnonzero(many.layout.free)
    assert len({picture.tobytes() for picture in many._one.observe(states)}) == len(states)
    observed, _ = many.reset(seed=0)
    assert (observed == np.stack([env.reset(seed=0)[0] for env in single])).all()
    for action in (2, 4, 4):
        observed, *_, infos = many.step(np.array([action, 0]))
        last = [env.step(each)[0] for env, each in zip(single, (action, 0), strict=True)]
    assert all((infos["final_obs"][number] == last[number]).all() for number in range(2))
    assert (observed == np.stack([env.reset()[0] for env in single])).all()


def test_a_saved_model_acts_as_the_learned_one_and_holds_no_pickle(store):
    learned = run("maze", agent={"name": "sb3-ppo", **SMALL["sb3-ppo"]})
    expected = [learned.agent.act(state) for state in range(100)]
    loaded, opened = load_agent(learned.path / "artifacts"), load(learned.id).agent
    assert (
        [loaded.act(state) for state in range(100)]
        == expected
        == [opened.act(state) for state in range(100)]
    )
    about = json.loads((learned.path / "artifacts" / "model.json").read_text())
    assert (
        about["agent"] == "sb3-ppo"
        and {"name": "sb3-ppo", **about["config"]} == learned.config["agent"]
    )
    weights = learned.path / "artifacts" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])
    with pytest.raises(SandboxError, match="no saved agent that can be read"):
        load_agent(learned.path / "artifacts")


def test_normalised_observations_are_saved_with_the_model(store):
    options = {"name": "sb3-a2c", "total_timesteps": 600, "normalize": "both", "net_arch": "8"}
    learned = run("gym", agent=options, env="CartPole-v1", pictures=False)
    learned.agent.save(store / "kept")
    loaded = load_agent(store / "kept")
    observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    assert np.allclose(loaded.chances(observations), learned.agent.chances(observations), atol=1e-6)
    assert not np.allclose(learned.agent.model.get_vec_normalize_env().obs_rms.var, 1.0)


def test_continuous_actions_are_learned_and_taken_up(store):
    options = {
        "name": "sb3-sac",
        "total_timesteps": 220,
        "learning_starts": 50,
        "net_arch": "8",
        "buffer_size": 500,
    }
    experiment = built(
        "gym",
        "sb3-sac",
        env="Pendulum-v1",
        **{key: value for key, value in options.items() if key != "name"},
    )
    finished(experiment)
    action = experiment.agent.act(np.zeros(3, dtype=np.float32))
    assert action.shape == (1,) and -2 <= action[0] <= 2
    store.mkdir(exist_ok=True)
    path = checkpoint.save(store / "checkpoints", 1, {"experiment": experiment.state()})
    other = built(
        "gym",
        "sb3-sac",
        env="Pendulum-v1",
        **{key: value for key, value in options.items() if key != "name"},
    )
    other.restore(checkpoint.load(path)["experiment"])
    assert (other.agent.act(np.zeros(3, dtype=np.float32)) == action).all()
    assert torch.equal(other._learner.log_ent_coef, experiment._learner.log_ent_coef)


def refused(*words, say):
    said = say("run", *words, "--render", "none")
    assert said.code == 2, (said.code, said.out)
    return said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("maze", "--agent", "sb3-sac"),
            "sb3-sac takes actions that are Box; here they are Discrete(5). Agents that take those: sb3-dqn, sb3-ppo",
        ),
        (
            ("gym", "--env", "Pendulum-v1", "--agent", "sb3-dqn"),
            "sb3-dqn takes actions that are Discrete",
        ),
        (("maze", "--agent", "sb3-dqn", "--agent.lerning-rate", "1"), "--agent.learning-rate"),
        (("maze", "--agent", "sb3-dnq"), "Did you mean 'sb3-dqn'"),
        (
            ("maze", "--agent", "sb3-dqn", "--agent.batch-size", "0"),
            "agent.batch-size = 0: it should be greater than or equal to 1",
        ),
        (
            ("maze", "--agent", "sb3-dqn", "--agent.gamma", "2"),
            "agent.gamma = 2: it should be less than or equal to 1",
        ),
        (
            ("maze", "--agent", "sb3-dqn", "--agent.train-freq", "1,day"),
            "agent.train-freq: 1,day is neither",
        ),
        (
            ("maze", "--agent", "sb3-ppo", "--agent.policy", "Mlp"),
            "it should be 'auto', 'MlpPolicy'",
        ),
        (("maze", "--agent", "sb3-ppo", "--agent.policy", "CnnPolicy"), "CnnPolicy takes images"),
        (("maze", "--agent", "sb3-ppo", "--agent.net-arch", "64,0"), "'0' is no number of units"),
        (("maze", "--agent", "sb3-ppo", "--agent.batch-size", "100000"), "is more than a rollout"),
        (
            ("maze", "--agent", "sarsa", "--env.observation", "image"),
            "is for agents with a network",
        ),
        (("maze", "--agent", "sb3-dqn", "--seeds", "3"), "learns one seed at a time"),
        (
            (
                *("gym", "--env", "Pendulum-v1", "--agent", "sb3-tqc"),
                *("--agent.n-quantiles", "9", "--agent.top-quantiles-to-drop-per-net", "9"),
            ),
            "it should be less than agent.n-quantiles (9)",
        ),
        (
            ("maze", "--agent", "sb3-trpo", "--agent.sub-sampling-factor", "2048"),
            "it should be less than the 2048 steps of a rollout",
        ),
        (
            ("maze", "--agent", "sb3-dqn", "--agent.net-arch", "64"),
            "agent.initial-value needs agent.net-arch linear",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(words, says, say, store):
    assert says in refused(*words, say=say)
    assert not list(store.glob("*/*"))


def test_every_wrong_option_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        built(agent="sb3-dqn", batch_size=0, gamma=2.0, lerning_rate=1.0)
    assert len(caught.value.problems) == 3


def test_a_missing_library_is_named_with_the_line_that_brings_it(monkeypatch):
    from agents.baselines import algorithms

    def gone(name):
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(algorithms.importlib, "import_module", gone)
    with pytest.raises(
        UsageError,
        match=r'Agent \'sb3-dqn\' needs stable-baselines3.*python -m pip install "sandbox-lab\[sb3\]"',
    ):
        algorithms.algorithm_class("sb3-dqn")


def test_listing_agents_loads_no_torch(in_process):
    code = "import sys; from sandbox.registry.registry import registry; names = [one.name for one in registry().entries('agent')]; assert 'sb3-dqn' in names; print(sorted({'torch', 'stable_baselines3'} & set(sys.modules)))"
    import subprocess
    import sys

    from tests.conftest import ROOT

    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
        ).stdout.strip()
        == "[]"
    )


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_algorithm_takes_the_actions_that_it_says(name):
    """And its options are those of its own constructor, with the same defaults."""
    import inspect

    agent = registry().load("agent", name)
    options = agent.Config()
    for argument, parameter in inspect.signature(agent.algorithm.__init__).parameters.items():
        if argument in agent.Config.model_fields and argument != "policy":
            assert getattr(options, argument) == parameter.default, argument
    assert name in fitting(KNOWN[name].actions[0])


def test_a_lab_conforms_with_such_an_agent():
    check_lab(
        "empty-grid",
        preset="default",
        config={"agent": {"name": "sb3-a2c", "total_timesteps": 1300}},
        blocks=1,
    )


def shown_in_gym(monkeypatch, env, **options):
    """What the frames of an experiment that learns in Gymnasium are drawn from, and the
    experiment."""
    experiment = built("gym", env=env, n_envs=1, **options)
    for _ in range(3):
        experiment.advance()
    shown = []

    def kept(env, known, rng, view):
        env.close()
        return shown.extend(known)

    monkeypatch.setattr("agents.control.replay.rendered_frames", kept)
    experiment.frames("a test", np.random.default_rng(0), False)
    return shown[0], experiment


def test_the_values_in_a_picture_are_those_of_the_policy_that_acts(monkeypatch):
    options = {"net_arch": "8", "learning_starts": 50, "learning_rate": 0.01, "settings": "stock"}
    known, experiment = shown_in_gym(monkeypatch, "FrozenLake-v1", **options)
    states = np.arange(16)
    assert 0 < experiment.snapshots[-1].steps < experiment.env_steps
    assert str(experiment.env_steps) in known.time.replace(",", "")
    assert known.values == pytest.approx(experiment.agent.worth(states))
    assert known.policy.argmax(axis=1).tolist() == [known.act(state, 0) for state in states]


def test_without_a_grid_a_picture_has_the_probabilities_of_the_actions(monkeypatch):
    known, experiment = shown_in_gym(monkeypatch, "CartPole-v1", agent="sb3-a2c")
    seen = np.array([0.1, 0.2, -0.1, 0.0], dtype=np.float32)
    assert known.weights == "π" and known.limits == (0.0, 1.0) and known.values is None
    assert known.weigh(seen, 0).sum() == pytest.approx(1.0)
    assert known.weigh(seen, 0) == pytest.approx(experiment.agent.chances(seen[None])[0])


class Angles(gymnasium.spaces.Box):
    """A space of an environment's own class."""


class Doors(gymnasium.spaces.Discrete):
    """Another."""


@pytest.mark.parametrize("own", [Angles(-1.0, 1.0, (3,)), Doors(4)])
def test_a_space_of_a_derived_class_is_saved_as_that_of_gymnasium(own):
    plain = saved._plain_space(own)
    base = type(own).__bases__[0]
    assert plain["kind"] == base.__name__
    back = saved._space(json.loads(json.dumps(plain)))
    assert type(back) is base and base.__eq__(back, own)
