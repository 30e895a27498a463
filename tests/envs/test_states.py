"""States of environments: what was saved at any step plays on, in a new environment, to the last
bit."""

from __future__ import annotations

import copy
import importlib
import re
import tomllib
from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces, wrappers
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import states
from envs.spaces import DiscretiserConfig, NumberedEnv, numbering
from envs.testing import check_state
from sandbox.errors import SandboxError
from sandbox.store import checkpoint
from sandbox.testing.promises import NotConforming, fingerprint
from tests.conftest import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:.*is out of date")  # CartPole-v0
TABLE = tomllib.loads((ROOT / "envs" / "states.toml").read_text(encoding="utf-8"))
IDS = sorted(
    name
    for name, spec in gymnasium.registry.items()
    if str(spec.entry_point).startswith(
        ("gymnasium.envs.toy_text", "gymnasium.envs.classic_control")
    )
)
OPTIONS = {
    "Blackjack-v1": [{"natural": True, "sab": False}],
    "CartPole-v1": [{"sutton_barto_reward": True}],
    "FrozenLake-v1": [{"is_slippery": False}],
    "MountainCar-v0": [{"goal_velocity": 0.01}],
    "Pendulum-v1": [{"g": 3.0}],
    "Taxi-v4": [{"is_rainy": True}, {"fickle_passenger": True, "fickle_probability": 0.9}],
}
"""Further options of the constructors, which bring attributes into play."""
CASES = [(name, more) for name in IDS for more in [{}, *OPTIONS.get(name, [])]]


def test_the_cases_are_all_of_gymnasiums_small_environments():
    assert len(IDS) >= 12 and {"Taxi-v4", "Blackjack-v1", "Pendulum-v1"} <= set(IDS)


def played(env, actions):
    """All that can be seen of some steps, a new episode after each end included."""
    seen = []
    for action in actions:
        seen.append(step := [*env.step(action)])
        if step[2] or step[3]:
            seen.append(env.reset())
    return fingerprint(seen)


def through_disk(state, folder):
    return checkpoint.load(checkpoint.save(folder / "checkpoints", 1, {"state": state}))["state"]


@pytest.mark.parametrize(("name", "options"), CASES)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**31), before=st.integers(0, 120), after=st.integers(1, 250))
def test_what_was_saved_after_some_steps_plays_on_in_a_new_environment(
    tmp_path_factory, name, options, seed, before, after
):
    env, new = (gymnasium.make(name, **options) for _ in range(2))
    env.reset(seed=seed)
    env.action_space.seed(seed)
    played(env, [env.action_space.sample() for _ in range(before)])
    state = through_disk(states.state_dict(env), tmp_path_factory.mktemp("kept"))
    actions = [env.action_space.sample() for _ in range(after)]
    expected = played(env, actions)
    states.load_state_dict(new, state)  # never reset
    assert played(new, actions) == expected
    assert fingerprint(states.state_dict(new)) == fingerprint(states.state_dict(env))
    assert new.unwrapped.np_random_seed == seed


@pytest.mark.parametrize(("name", "options"), CASES)
def test_pictures_go_on_too(name, options):
    check_state(partial(gymnasium.make, name, render_mode="rgb_array", **options), steps=8)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_every_attribute_that_changes_while_playing_is_part_of_the_state(name, options):
    env = gymnasium.make(name, render_mode="rgb_array", **options)
    env.reset(seed=0)
    env.render()
    layers = list(states._layers(env))
    kept = ("_np_random", "_np_random_seed")  # by `state_dict`, for every environment
    drawing = ("screen", "surf", "clock", "window", "window_surface", "isopen")
    before = [plain_attributes(layer) for layer in layers]
    changed = [set() for _ in layers]
    env.action_space.seed(0)
    for _ in range(300):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()
        if env.np_random.random() < 0.05:
            env.render()
        for number, layer in enumerate(layers):
            now = plain_attributes(layer)
            changed[number] |= {one for one in now if before[number].get(one, b"") != now[one]}
    for layer, names in zip(layers, changed, strict=True):
        assert names - {*kept, *drawing} <= set(TABLE[states._name(layer)]), layer
    assert any(changed)


def plain_attributes(layer):
    """A fingerprint of each attribute, except of wrapped environments and spaces."""
    return {
        name: fingerprint(copy.deepcopy(value))
        for name, value in vars(layer).items()
        if not isinstance(value, (gymnasium.Env, gymnasium.Space, np.random.Generator))
        and type(value).__module__.partition(".")[0] != "pygame"
        and not name.endswith(("_img", "_imgs"))
        and name not in ("P", "_cached_spec", "spec", "lastaction_img")
    }


def test_the_table_names_classes_that_there_are():
    for path, names in TABLE.items():
        module, _, name = path.partition(":")
        if module.startswith("stable_baselines3"):
            continue  # tests/agents/baselines
        kind = getattr(importlib.import_module(module), name)
        assert (kind.__module__, kind.__qualname__) == (module, name)
        assert issubclass(kind, (gymnasium.Env, gymnasium.vector.VectorEnv)), path
        assert len(set(names)) == len(names)


def test_the_page_names_every_wrapper_that_has_a_state():
    page = (ROOT / "docs" / "write" / "state.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"wrappers of Gymnasium \|(.*)\|", page)
    wrapped = {path.partition(":")[2] for path in TABLE if path.startswith("gymnasium.wrappers")}
    assert set(re.findall(r"`(\w+)`", row)) == wrapped


def discretised():
    env = gymnasium.make("CartPole-v1")
    cuts = DiscretiserConfig(bins=(4, 4, 6, 6), low=(-2, -2, -0.2, -2), high=(2, 2, 0.2, 2))
    return NumberedEnv(env, numbering(env, cuts))


CONTINUOUS = partial(gymnasium.make, "Pendulum-v1", max_episode_steps=30)
WRAPPED = {
    "Autoreset": lambda: wrappers.Autoreset(gymnasium.make("CartPole-v1")),
    "ClipAction": lambda: wrappers.ClipAction(CONTINUOUS()),
    "ClipReward": lambda: wrappers.ClipReward(CONTINUOUS(), -3.0, 0.0),
    "DtypeObservation": lambda: wrappers.DtypeObservation(CONTINUOUS(), np.float32),
    "FlattenObservation": lambda: wrappers.FlattenObservation(gymnasium.make("Blackjack-v1")),
    "FrameStackObservation": lambda: wrappers.FrameStackObservation(CONTINUOUS(), 3),
    "RescaleAction": lambda: wrappers.RescaleAction(
        CONTINUOUS(), np.array([-1.0], np.float32), np.array([1.0], np.float32)
    ),
    "RescaleObservation": lambda: wrappers.RescaleObservation(
        CONTINUOUS(), np.zeros(3, np.float32), np.ones(3, np.float32)
    ),
    "StickyAction": lambda: wrappers.StickyAction(CONTINUOUS(), 0.4, (1, 4)),
    "TimeAwareObservation": lambda: wrappers.TimeAwareObservation(CONTINUOUS()),
    "NumberedEnv": discretised,
    "MazeEnv": partial(gymnasium.make, "sandbox/Maze-v0", slip=0.2, random_start=True),
    "EmptyGridEnv": partial(gymnasium.make, "sandbox/EmptyGrid-v0", slip=0.2),
    "without the checker": partial(gymnasium.make, "Taxi-v4", disable_env_checker=True),
    "before a step": lambda: wrappers.OrderEnforcing(CartPoleEnv()),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_wrappers_and_our_own_environments_go_on(name):
    check_state(WRAPPED[name], steps=100)


@pytest.mark.parametrize("name", ["sandbox/Maze-v0", "sandbox/EmptyGrid-v0"])
def test_pictures_of_our_grids_go_on_with_their_trail(name):
    check_state(partial(gymnasium.make, name, render_mode="rgb_array"), steps=20)


def test_statistics_of_episodes_go_on():
    """All but the seconds."""

    def made():
        return wrappers.RecordEpisodeStatistics(gymnasium.make("CartPole-v1"), buffer_length=3)

    env, new = made(), made()
    env.reset(seed=4)
    env.action_space.seed(4)
    played(env, [env.action_space.sample() for _ in range(150)])
    states.load_state_dict(new, states.state_dict(env))
    assert new.episode_count == env.episode_count > 3
    assert new.return_queue == env.return_queue and new.return_queue.maxlen == 3
    actions = [env.action_space.sample() for _ in range(150)]
    for action in actions:
        one, other = env.step(action), new.step(action)
        for *_, info in (one, other):
            info.get("episode", {}).pop("t", None)
        assert fingerprint(one) == fingerprint(other)
        if one[2]:
            env.reset(), new.reset()
    assert new.length_queue == env.length_queue and new.episode_count == env.episode_count


def test_a_vector_environment_of_gymnasium_goes_on():
    make = partial(gymnasium.make_vec, "CartPole-v1", 3, vectorization_mode="vector_entry_point")
    env, new = make(), make()
    env.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(30):
        env.step(rng.integers(2, size=3))
    states.load_state_dict(new, states.state_dict(env))
    for _ in range(60):
        actions = rng.integers(2, size=3)
        assert fingerprint(env.step(actions)) == fingerprint(new.step(actions))


def test_one_state_can_be_restored_again_and_again():
    """As a tree search does; Blackjack changes its lists in place."""
    env = gymnasium.make("Blackjack-v1")
    env.reset(seed=2)
    state = states.state_dict(env)
    before, outcomes = fingerprint(state), set()
    for _ in range(3):
        states.load_state_dict(env, state)
        outcomes.add(played(env, [1, 1, 0, 1]))
    assert len(outcomes) == 1 and fingerprint(state) == before


def test_the_generator_stays_the_object_that_it_was():
    """A run's generator may be that of its environment."""
    env, rng = gymnasium.make("FrozenLake-v1"), np.random.default_rng(5)
    env.reset(seed=0)
    env.unwrapped.np_random = rng
    state = states.state_dict(env)
    drawn = rng.random()
    states.load_state_dict(env, state)
    assert env.unwrapped.np_random is rng and rng.random() == drawn
    assert env.unwrapped.np_random_seed == -1


class Pole(CartPoleEnv):
    """A subclass, which may have more state."""


class Counting(gymnasium.Wrapper):
    """A wrapper with a state that nobody described."""


def test_a_state_is_unknown_as_soon_as_that_of_one_part_is():
    assert states.state_dict(CartPoleEnv()) is not None
    assert states.state_dict(Pole()) is None
    assert states.state_dict(Counting(CartPoleEnv())) is None
    with pytest.raises(NotConforming, match="has no state"):
        check_state(Pole)


class Later(CartPoleEnv):
    """As a later Gymnasium might have it: methods that some classes do not implement."""

    def state_dict(self):
        raise NotImplementedError

    def load_state_dict(self, state):
        raise NotImplementedError


def test_a_method_that_is_not_implemented_is_no_state():
    assert states.state_dict(Later()) is None


def test_the_state_of_another_environment_is_refused():
    state = states.state_dict(gymnasium.make("CartPole-v1", disable_env_checker=True))
    with pytest.raises(SandboxError, match="TimeLimit around .*CartPoleEnv does not fit .*Acrobot"):
        states.load_state_dict(gymnasium.make("Acrobot-v1", disable_env_checker=True), state)
    with pytest.raises(SandboxError, match="does not fit"):
        states.load_state_dict(gymnasium.make("CartPole-v1"), state)


class Drift(gymnasium.Env):
    """Its reward drifts from episode to episode; nothing of that is seen."""

    observation_space, action_space = spaces.Discrete(1), spaces.Discrete(2)

    def __init__(self):
        self.level, self.noise = 0.0, np.random.default_rng(0)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        self.level += float(self.noise.normal())
        return 0, self.level, bool(self.np_random.random() < 0.1), False, {}


class Saved(Drift):
    def state_dict(self):
        return {"level": self.level, "noise": self.noise.bit_generator.state}

    def load_state_dict(self, state):
        self.level, self.noise.bit_generator.state = state["level"], state["noise"]


class Forgetful(Saved):
    def load_state_dict(self, state):
        self.level = state["level"]


class Unsaveable(Saved):
    def state_dict(self):
        return {"noise": self.noise}


@pytest.fixture
def forgotten():
    """Registrations of this test are forgotten after it."""
    known = dict(states._registered)
    yield
    states._registered.clear()
    states._registered.update(known)


def test_a_class_brings_its_own_state():
    check_state(Saved)
    with pytest.raises(NotConforming, match="After a restored state a step gives"):
        check_state(Forgetful)
    with pytest.raises(SandboxError, match=r"\['noise'\] is a Generator"):
        check_state(Unsaveable)


def test_a_state_is_registered_for_the_class_of_someone_else(forgotten):
    with pytest.raises(NotConforming, match="has no state"):
        check_state(Drift)
    name = f"{__name__}:Drift"
    states.register_state(name, Saved.state_dict, Saved.load_state_dict)
    check_state(Drift)
    states.register_attributes(name, "level")
    with pytest.raises(NotConforming, match="After a restored state a step gives"):
        check_state(Drift)


@pytest.mark.filterwarnings("ignore:.*You are calling 'step\\(\\)' even though")
def test_an_episode_that_is_over_stays_over():
    env, new = CartPoleEnv(), CartPoleEnv()
    env.reset(seed=0)
    while not env.step(1)[2]:
        pass
    states.load_state_dict(new, states.state_dict(env))
    ahead = [one.step(1)[1] for one in (env, new)]
    assert ahead == [0.0, 0.0] and new.steps_beyond_terminated == 1
