"""The lab of Gymnasium's environments: scores of the shipped presets, one table on both paths,
refusals, and what a run keeps."""

from __future__ import annotations

import re
import shlex
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image

from agents.baselines.known import fitting
from agents.control.curves import returns
from agents.control.episodic_pictures import learning_curve
from agents.planning import evaluation, probabilities
from benchmarks import kills
from envs import ids
from plugins.gym.claims import CLAIMS
from plugins.gym.lab import GymLab
from sandbox import load
from sandbox.config.model import dump
from sandbox.config.resolve import merge, resolve
from sandbox.errors import ConfigError, UnknownNameError
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.seeding import Generators
from sandbox.store import Store
from tests.conftest import marked, skip_without_library

QUIET = Settings(pictures=False)


def start(store, preset="default", seed=0, settings=QUIET, seeds=1, **options):
    return api.start(
        api.Request("gym", preset, [options], seed, seeds=seeds), Store(store), settings
    )


def built(preset, seed=0, **options):
    """A fresh experiment, without a run folder."""
    lab = GymLab()
    config = resolve(lab.Config, [merge(GymLab.presets[preset], options)], "gym")
    return lab.experiment(config, Context(seed, Generators(seed), None), watched=False)


def learned(preset, seed=0, **options):
    """A finished experiment, without a run folder."""
    experiment = built(preset, seed, **options)
    while not experiment.done:
        experiment.advance()
    return experiment


def exactly(experiment, name, limit, **options):
    """What the greedy policy earns, followed by hand through the environment's own table: nothing
    of ours but the policy."""
    base = gymnasium.make(name, **options).unwrapped
    here, total = np.array(base.initial_state_distrib, dtype=float), 0.0
    policy = experiment.agent.policy()
    for _ in range(limit):
        there = np.zeros_like(here)
        for state in np.flatnonzero(here):
            for action in np.flatnonzero(policy[state]):
                for chance, to, reward, over in base.P[state][action]:
                    mass = here[state] * policy[state, action] * chance
                    total += mass * reward
                    there[to] += 0 if over else mass
        here = there
    return total


@pytest.mark.parametrize(
    ("preset", "name", "limit", "options", "least"),
    [
        ("cliff", "CliffWalking-v1", 1000, {}, -13.0),
        ("frozen-lake", "FrozenLake-v1", 100, {"is_slippery": False}, 1.0),
        ("frozen-lake-slippery", "FrozenLake-v1", 100, {}, 0.73),
        ("taxi", "Taxi-v4", 200, {}, 7.9),
    ],
)
def test_ten_seeds_of_each_preset_reach_what_was_promised(preset, name, limit, options, least):
    for seed in range(10):
        experiment = learned(preset, seed)
        summary = experiment.summary()
        assert (
            summary["greedy_return"] >= least - 1e-12
            and summary["greedy_return"] <= summary["best_stationary"] + 1e-9
        )
        if seed == 0:
            assert exactly(experiment, name, limit, **options) == pytest.approx(
                summary["greedy_return"], abs=1e-12
            )


def test_the_optimum_of_the_slippery_lake_counts_steps_and_the_best_stationary_policy_does_not():
    summary = learned("frozen-lake-slippery", episodes=10).summary()
    assert summary["optimal_return"] == pytest.approx(0.7442, abs=5e-5) and summary[
        "best_stationary"
    ] == pytest.approx(0.7402, abs=5e-5)


@pytest.mark.parametrize("agent", ["q-learning", "sarsa", "dyna-q"])
@pytest.mark.parametrize(
    ("env", "episodes"), [("FrozenLake-v1", 300), ("Taxi-v4", 25), ("CliffWalkingSlippery-v1", 25)]
)
def test_model_and_env_step_give_one_table_to_the_last_bit(agent, env, episodes):
    options = {"agent": {"name": agent}, "env": {"name": env}, "episodes": episodes}
    fast, slow = (learned("default", 3, use_model=use, **options) for use in (True, False))
    assert (fast.summary()["learned_through"], slow.summary()["learned_through"]) == (
        "model",
        "env.step",
    )
    assert fast.agent.q.tobytes() == slow.agent.q.tobytes() and np.ptp(fast.agent.q) > 0
    assert fast.summary()["greedy_return"] == slow.summary()["greedy_return"]


def test_sarsa_and_q_learning_differ_on_the_cliff_as_in_the_book():
    figure = {claim.part: np.mean([claim.measure(seed) for seed in range(20)]) for claim in CLAIMS}
    assert figure["SARSA, exploring"] == pytest.approx(-21, abs=2) and figure[
        "Q-learning, exploring"
    ] == pytest.approx(-51, abs=4)
    assert (
        figure["Q-learning, greedy"] == -13 and figure["SARSA, greedy: keeps off the edge"] <= -15
    )


def test_what_the_cliffs_edge_costs_while_exploring_can_be_computed():
    """The exact return of exploring beside either greedy way, without learning noise."""
    worth = {}
    for agent in ("sarsa", "q-learning"):
        experiment = learned("cliff", 1, agent={"name": agent, "alpha": 0.1}, episodes=2000)
        soft = probabilities.soften(experiment.agent.policy(), 0.1, "all")
        worth[agent] = evaluation.evaluate(experiment.model, soft, 1000).expected_return
    assert worth["q-learning"] < -40 < -25 < worth["sarsa"]


def test_a_fickle_passenger_is_learned_through_env_step_and_said_so(store):
    run = start(
        store,
        env={"name": "Taxi-v4", "fickle_passenger": True, "max_episode_steps": 20},
        episodes=3,
        evaluation_episodes=2,
    )
    assert run.summary["learned_through"] == "env.step" and run.summary["optimal_return"] is None
    (warning,) = run.record.warnings
    assert "not believed" in warning and "passenger may change the destination" in warning


def test_blackjack_is_learned_from_tuples(store):
    run = start(store, env={"name": "Blackjack-v1"}, episodes=300, evaluation_episodes=200)
    assert run.agent.states == 32 * 11 * 2 and run.agent.actions == 2 and run.record.warnings == []
    assert -1 <= run.summary["greedy_return"] <= 0.5 and run.summary["evaluated"] == "by sampling"


def test_cartpole_is_learned_from_bins():
    """A hundredth of the preset's run: about 22 steps is what random play gets."""
    experiment = learned("cartpole", episodes=150)
    assert experiment.agent.states == 4 * 4 * 8 * 8
    assert experiment.summary()["greedy_return"] > 60


def test_a_run_through_env_step_that_was_stopped_after_every_block_ends_with_the_same_bytes(store):
    options = {"env": {"name": "Blackjack-v1"}, "episodes": 150, "evaluation_episodes": 5}
    whole = start(store, seed=5, **options)
    pieces = start(store, seed=5, settings=Settings(max_time=0.0, pictures=False), **options)
    while pieces.status != "finished":
        pieces = api.proceed(pieces.folder, Settings(max_time=1e-6, pictures=False))
    assert pieces.record.resumed > 5
    assert pieces.folder.metrics_path.read_bytes() == whole.folder.metrics_path.read_bytes()
    assert pieces.agent.q.tobytes() == whole.agent.q.tobytes()


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize(("env", "same"), [("toys/Saved-v0", True), ("toys/Drift-v0", False)])
def test_what_an_environment_keeps_between_episodes_is_saved_if_it_has_a_state(
    store, drift, env, same, seeds
):
    """Evaluations begin in the same state, however many were before."""
    options = {"env": env, "episodes": 2000, "evaluation_episodes": 3, "seeds": seeds}
    whole = start(store, **options)
    pieces = start(store, settings=Settings(max_time=0.0, pictures=False), **options)
    while pieces.status != "finished":
        pieces = api.proceed(pieces.folder, Settings(max_time=1e-6, pictures=False))
    assert pieces.record.resumed > 1 and "resumed" not in pieces.summary
    kept = [one.folder.metrics_path.read_bytes() for one in (whole, pieces)]
    assert (kept[0] == kept[1]) == same


def test_a_checkpoint_from_before_environments_had_states_is_restored(drift):
    one, other = (built("default", 5, env="toys/Saved-v0", episodes=900) for _ in range(2))
    assert "world" not in one.state()  # nothing was done yet: any experiment begins so
    one.advance()
    state = one.state()
    del state["world"]
    other.restore(state)
    assert other.env_steps == one.env_steps > 0 and "world" in other.state()


def test_learning_on_a_model_has_no_state_of_an_environment():
    experiment = built("frozen-lake")
    experiment.advance()
    assert "world" not in experiment.state()


def test_a_run_through_env_step_killed_at_random_moments_ends_with_the_same_bytes():
    work = [*kills.WORK["gym, env.step"].split(), "--seed", "1"]
    whole, longest = kills.uninterrupted(work)
    made = kills.one_round(work, 2, 3, whole, longest)
    assert made.different == [] and made.hits >= 1


@pytest.mark.parametrize("use_model", [True, False])
def test_many_seeds_learn_together_what_each_learns_alone(store, use_model):
    options = {"env": {"name": "FrozenLake-v1"}, "episodes": 200, "use_model": use_model}
    many = start(store, seed=4, seeds=3, **options)
    for number, experiment in enumerate(many.experiment.experiments):
        assert (
            experiment.agent.q.tobytes()
            == learned("default", 4 + number, **options).agent.q.tobytes()
        )
    assert {"return_mean", "length_low", "env_steps_high"} <= set(many.metrics.columns("learn"))
    assert many.summary["seeds"] == 3 and many.summary["optimal_return"] == pytest.approx(
        0.7442, abs=5e-5
    )


def test_the_pictures_of_one_seed_and_of_many(store):
    run = start(store, "quick", settings=Settings())
    names = {one.name for one in run.record.artifacts}
    assert names == {
        *("learning_curve.png", "value_map.png", "visits_map.png", "episode.gif"),
        *("snapshots.npz", "q_table.npy", "agent.npz", "summary.json"),
    }
    with Image.open(run.folder.artifacts.folder / "episode.gif") as animation:
        assert animation.n_frames == 7  # six steps to the goal
    assert run.record.warnings == []
    many = start(store, "quick", seeds=2, settings=Settings())
    assert {one.name for one in many.record.artifacts} == {
        "learning_curve.png",
        "scores.png",
        "episode.gif",
        "q_tables.npy",
        "seeds.csv",
    }


def test_watching_changes_nothing():
    experiment = learned("frozen-lake-slippery", episodes=50)
    before = (
        experiment.agent.q.tobytes(),
        experiment.agent.rng.bit_generator.state,
        experiment.world.rng.bit_generator.state,
    )
    shown = [
        frame.draw()
        for frame in GymLab().frames(experiment, np.random.default_rng(0), history=True)
    ]
    assert len({picture.shape for picture in shown}) == 1 and len(shown) > 1
    assert before == (
        experiment.agent.q.tobytes(),
        experiment.agent.rng.bit_generator.state,
        experiment.world.rng.bit_generator.state,
    )


class Endless(gymnasium.Env):
    """State 1 pays 1 for ever; the table says so."""

    observation_space, action_space = spaces.Discrete(2), spaces.Discrete(2)

    def __init__(self):
        self.P = {
            0: {0: [(1.0, 1, 0.0, False)], 1: [(1.0, 0, 0.0, True)]},
            1: {0: [(1.0, 1, 1.0, False)], 1: [(1.0, 1, 0.0, True)]},
        }
        self.initial_state_distrib = np.array([1.0, 0.0])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s = 0
        return 0, {}

    def step(self, action):
        ((_, self.s, reward, over),) = self.P[self.s][action]
        return self.s, reward, over, False, {}


class Wrong(Endless):
    """A table whose chances are too small."""

    def __init__(self):
        super().__init__()
        self.P[1][0] = [(0.5, 1, 1.0, False)]


class Strange(gymnasium.Env):
    """Actions that no table holds."""

    observation_space, action_space = spaces.Discrete(2), spaces.MultiDiscrete([2, 2])


class Seen(gymnasium.Env):
    """An episode of one step, whose observations the subclass says."""

    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 1.0, True, False, {}


class Mission(Seen):
    """What Minigrid's environments show."""

    observation_space = spaces.Dict(
        {
            "direction": spaces.Discrete(4),
            "image": spaces.Box(0, 255, (7, 7, 3), np.uint8),
            "mission": spaces.Text(20),
        }
    )


class SmallPicture(Seen):
    image = spaces.Box(0, 255, (7, 7, 3), np.uint8)
    observation_space = spaces.Dict({"image": image, "direction": spaces.Discrete(4)})


class FromOne(Seen):
    observation_space = spaces.Dict({"direction": spaces.Discrete(4, start=1)})


class Table(Seen):
    observation_space = spaces.MultiDiscrete([[2, 3], [4, 2]])


class FromTwo(Seen):
    observation_space = spaces.MultiDiscrete([2, 3], start=[0, 2])


class Mixed(Seen):
    observation_space = spaces.Dict(
        {
            "place": spaces.Box(-1, 1, (2,)),
            "direction": spaces.Discrete(4),
            "bits": spaces.MultiBinary(2),
        }
    )


@pytest.fixture
def strangers():
    kinds = {"Endless-v0": Endless, "Wrong-v0": Wrong, "Strange-v0": Strange, "Mission-v0": Mission}
    kinds |= {"SmallPicture-v0": SmallPicture, "FromOne-v0": FromOne, "Mixed-v0": Mixed}
    kinds |= {"Table-v0": Table, "FromTwo-v0": FromTwo}
    for name, kind in kinds.items():
        gymnasium.register(name, entry_point=kind)
    yield
    for name in kinds:
        del gymnasium.registry[name]
    ids._config.cache_clear()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (
            {"env": {"name": "Pendulum-v1"}},
            r"take Discrete actions .* The actions of Pendulum-v1 are Box",
        ),
        ({"env": {"name": "Strange-v0"}}, r"MultiDiscrete\(\[2 2\]\)"),
        ({"env": {"name": "CartPole-v1"}}, "hold 4 numbers on a continuous scale"),
        (
            {"env": {"name": "Blackjack-v1"}, "agent": {"name": "value-iteration"}},
            "plans on an exact model.*q-learning",
        ),
        ({"use_model": False, "agent": {"name": "value-iteration"}}, "use_model is off"),
        (
            {"env": {"name": "Wrong-v0"}},
            "State 1, action 0 has outcomes whose probabilities sum to 0.5.*--no-use-model",
        ),
        (
            {"env": {"name": "Endless-v0"}, "agent": {"discount": 1.0}},
            "state 1, action 0 has no finite value",
        ),
        ({"agent": {"discount": 1.5}}, "agent.discount = 1.5"),
        ({"agent": {"discount": 0}}, "agent.discount = 0"),
        ({"env": {"name": "FrozenLake-v1", "map_nam": "8x8"}}, "Did you mean 'env.map-name'"),
        ({"env": {"name": "FrozenLake-v1", "map_name": "9x9"}}, "cannot be made with map_name=9x9"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_starts(store, strangers, options, part):
    with pytest.raises(ConfigError, match=part):
        start(store, **options)
    assert not store.exists()


SHORT = ("--render", "none", "--no-pictures")


@pytest.mark.parametrize("env", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1", "Mixed-v0"])
def test_the_options_that_are_proposed_for_numbers_on_a_scale_work(say, strangers, env):
    words = ["run", "gym", "--env", env, "--episodes", "2", "--evaluation-episodes", "2", *SHORT]
    refused = say(*words)
    proposed = re.findall("`(--[^`]*)`", refused.err)
    assert refused.code == 2 and proposed
    for options in proposed:
        said = say(*words, *shlex.split(options))
        assert said.code == 0, said.err
    assert any("--preset cartpole" in options for options in proposed) == (env == "CartPole-v1")


@pytest.mark.parametrize("agent", marked(["q-learning", *fitting("Discrete")]))
@pytest.mark.parametrize(
    ("env", "why"),
    [
        ("Mission-v0", "its part 'mission' is Text"),
        ("SmallPicture-v0", "'image' .* 7 x 7 x 3 of uint8, is a picture .* at least 36 x 36"),
        ("FromOne-v0", "counts states and actions from 0; here there is Discrete.4, start=1"),
        ("FromTwo-v0", "counts states and actions from 0; here there is MultiDiscrete"),
        ("Table-v0", "counts states and actions in one row; here there is MultiDiscrete"),
    ],
)
def test_observations_that_no_network_takes_are_refused(store, strangers, env, why, agent):
    skip_without_library(agent)
    if agent == "q-learning" and env in ("FromOne-v0", "FromTwo-v0", "Table-v0"):
        return  # a table counts from any number, and many
    with pytest.raises(ConfigError, match=why) as caught:
        start(store, env={"name": env}, agent={"name": agent})
    assert not store.exists() and "Agents that need no table" not in str(caught.value)


@pytest.mark.extras
def test_networks_that_are_proposed_learn_there(store, strangers):
    pytest.importorskip("sb3_contrib")
    with pytest.raises(ConfigError, match="Agents that need no table: (.*)\\.") as caught:
        start(store, env={"name": "Mixed-v0"})
    names = re.search("Agents that need no table: (.*)\\.", str(caught.value)).group(1).split(", ")
    assert "sb3-ppo" in names and "sb3-dqn" in names
    for name in names:
        agent = {"name": name, "total_timesteps": 20}
        if name in ("sb3-ppo", "sb3-trpo"):
            agent |= {"n_steps": 10, "batch_size": 10}
        run = start(store, env={"name": "Mixed-v0"}, agent=agent, evaluation_episodes=2)
        assert run.status == "finished"


@pytest.fixture
def lakes(tmp_path, monkeypatch):
    """A module that registers an environment, which nothing has imported yet."""
    lake = "gymnasium.envs.toy_text.frozen_lake:FrozenLakeEnv"
    (tmp_path / "my_lakes.py").write_text(
        f"import gymnasium\ngymnasium.register('My_Lake-v0', '{lake}', max_episode_steps=20)\n",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "my_lakes:My_Lake-v0"
    gymnasium.registry.pop("My_Lake-v0", None)
    sys.modules.pop("my_lakes", None)
    ids._config.cache_clear()


def test_an_id_with_a_module_works_as_in_gymnasium(say, lakes):
    words = ("--env", lakes, "--env.no-is-slippery", "--episodes", 400)
    said = say("run", "gym", *words, *SHORT, "--json")
    assert said.code == 0, said.err
    env, summary = said.document["config"]["env"], said.document["summary"]
    assert env["name"] == "my_lakes:My-Lake-v0"
    assert env["max_episode_steps"] == 20 and env["is_slippery"] is False
    assert summary["learned_through"] == "model" and summary["greedy_return"] == 1
    gymnasium.registry.pop("My_Lake-v0")
    del sys.modules["my_lakes"]  # as in another process
    ids._config.cache_clear()
    assert load("last").experiment.model is not None
    said = say("solve", lakes, "--env.no-is-slippery", "--discount", 1, "--json")
    assert said.code == 0 and said.document["optimal_return"] == 1


def test_a_module_or_an_id_in_it_that_there_is_not_is_said_so(say, lakes):
    said = say("run", "gym", "--env", "my_lake:My_Lake-v0")
    assert said.code == 2
    assert "The module 'my_lake' cannot be imported: ModuleNotFoundError" in said.err
    said = say("run", "gym", "--env", "my_lakes:My_Lake-v1")
    assert said.code == 2 and "Did you mean 'My_Lake-v0'" in said.err


def test_an_endless_world_is_learned_with_a_discount(strangers):
    assert (
        learned(
            "default", env={"name": "Endless-v0", "max_episode_steps": 10}, episodes=50
        ).summary()["optimal_return"]
        == 9
    )


def test_a_wrong_table_can_be_left_alone(strangers):
    summary = learned(
        "default", env={"name": "Wrong-v0", "max_episode_steps": 10}, episodes=5, use_model=False
    ).summary()
    assert summary["learned_through"] == "env.step" and summary["optimal_return"] is None


@pytest.mark.parametrize("agent", marked(["q-learning", "sb3-dqn"]))
def test_an_episode_that_the_environment_itself_cuts_is_evaluated_as_long_as_it_is(store, agent):
    """A grid cuts its episodes after 50 steps; the lab's limit where there is none is 1000."""
    skip_without_library(agent)
    short = {"total_timesteps": 60} if agent == "sb3-dqn" else {}
    options = {"env": {"name": "sandbox/EmptyGrid-v0"}, "agent": {"name": agent, **short}}
    run = start(store, use_model=False, episodes=2, **options)
    assert run.summary["greedy_length"] == 50
    assert run.experiment.world.horizon == 50
    assert run.summary["optimal_return"] == 40


def test_an_unknown_environment_gets_the_nearest_id(store, say):
    said = say("run", "gym", "--env", "FrozenLak-v1")
    assert said.code == 2 and "Did you mean 'FrozenLake-v1'" in said.err
    with pytest.raises((UnknownNameError, ConfigError), match="Did you mean 'Taxi-v4'"):
        start(store, env="Taxi-v5")


def test_the_command_of_the_issue_learns(say):
    words = (
        "--env",
        "FrozenLake-v1",
        "--env.map_name",
        "8x8",
        "--agent",
        "q-learning",
        "--no-pictures",
        "--json",
    )
    said = say("run", "gym", *words)
    assert said.code == 0, said.err
    config, summary = said.document["config"], said.document["summary"]
    assert config["env"]["map_name"] == "8x8" and config["agent"]["name"] == "q-learning"
    assert summary["greedy_return"] > 0.58 and summary["optimal_return"] == pytest.approx(
        0.6407, abs=5e-5
    )


def test_solve_knows_gymnasiums_ids_and_play_says_where_to_go(say):
    said = say("solve", "FrozenLake-v1", "--env.no-is-slippery", "--discount", 1, "--json")
    assert (
        said.code == 0
        and said.document["optimal_return"] == 1
        and said.document["best_stationary"] == 1
    )
    said = say("solve", "CliffWalking-v1", "--discount", 1)
    assert said.code == 0 and "→ → → → → → → → → → → ↓" in said.out
    said = say("solve", "CartPole-v1")
    assert said.code == 2 and "run gym --env CartPole-v1" in said.err
    said = say("play", "Taxi-v4")
    assert said.code == 2 and "run gym --env Taxi-v4 --render human" in said.err


TABULAR = [entry.name for entry in registry().entries("agent") if entry.plugin == "control"]


@pytest.mark.parametrize("agent", TABULAR)
def test_a_configuration_with_the_defaults_of_other_labs_is_still_one_here(agent):
    """As runs have them that were written before the lab had its own."""
    plain = {"name": agent, **dump(registry().load("agent", agent).Config())}
    config = api.resolved(api.Request("gym", layers=[{"agent": plain}]))[2]
    assert dump(config)["agent"] == plain


def test_agents_keep_what_is_their_own():
    def options(agent):
        return api.resolved(api.Request("gym", layers=[{"agent": agent}]))[2].agent.options

    assert options("q-learning").policy == "epsilon-greedy" and options("q-learning").alpha == 0.5
    assert (options("r-max").policy, options("r-max").start_value) == ("greedy", pytest.approx(100))
    assert options("monte-carlo").alpha_schedule == "visits"
    for agent in ("value-iteration", "policy-iteration", "ucb-vi"):
        assert options(agent).policy == "greedy"
    assert options("ucb-vi").discount == 1 and options("epsilon-soft").epsilon == 0.1


@pytest.mark.parametrize(("agent", "least"), [("r-max", 0.6), ("monte-carlo", 0.4)])
def test_agents_with_defaults_of_their_own_learn_the_slippery_lake(agent, least):
    """With the settings of Q-learning R-max came to 0.45 in seed 4, and Monte Carlo to 0.11 in seed
    0."""
    made = [learned("default", seed, agent={"name": agent}) for seed in (0, 4)]
    assert min(one.summary()["greedy_return"] for one in made) > least


@pytest.mark.parametrize(
    ("preset", "options", "drawn_over"),
    [
        ("frozen-lake", {}, True),
        ("cliff", {"episodes": 20}, True),
        ("taxi", {"episodes": 5}, False),
    ],
)
def test_values_are_drawn_over_grids_and_action_values_below_other_pictures(
    preset, options, drawn_over
):
    experiment = learned(preset, **options)
    frames = list(GymLab().frames(experiment, np.random.default_rng(0), history=True))
    first, last = frames[0].draw(), frames[-1].draw()
    plain = frames[0].draw(frozenset({"values", "policy"}))
    assert first.shape == last.shape == plain.shape and (first != plain).any()
    own = frames[0].pixels.shape
    scale = first.shape[1] // own[1]
    assert (first[: own[0] * scale] != plain[: own[0] * scale]).any() == drawn_over
    bars = first.shape[0] - own[0] * scale - 32
    assert bars == (0 if drawn_over else 6 * 20 + 14)


def test_the_legend_of_a_curve_covers_nothing_and_is_not_cut_off(store):
    """On the lake an agent that counts steps is better, so there are five labels."""
    folder = start(store, "frozen-lake-slippery", episodes=1000).folder
    experiment = learned("frozen-lake-slippery", episodes=1000)
    figure = learning_curve(experiment, folder.metrics(), "a lake", returns(experiment))
    renderer = figure.canvas.get_renderer()
    (legend,) = figure.legends
    x0, y0, x1, y1 = legend.get_window_extent(renderer).extents
    lowest = min(axes.get_tightbbox(renderer).y0 for axes in figure.axes)
    assert len(legend.get_texts()) == 5 and all(axes.get_legend() is None for axes in figure.axes)
    assert x0 >= 0 and y0 >= 0 and x1 <= figure.bbox.width and y1 <= lowest
