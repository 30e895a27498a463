"""Many grids in one NumPy step are what Gymnasium's SyncVectorEnv makes of as many single ones."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
from gymnasium.error import Error, InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers

import envs
from envs.grid import RIGHT
from envs.streams import BLOCK, Streams
from envs.vector import GridVectorEnv, MazeVectorEnv
from sandbox.errors import ConfigError, UsageError

MAZE, COUNT = "sandbox/Maze-v0", 7
OPTIONS = [
    {},
    {"episode_length": 1},
    {"slip": 0.2, "episode_length": 11},
    {"random_start": True, "episode_length": 23},
    {
        "layout": "random",
        "size": 5,
        "kind": "braided",
        "random_start": True,
        "slip": 0.7,
        "episode_length": 40,
    },
    {"layout": "holes", "holes": "end", "slip": 0.5, "episode_length": 30},
    {"layout": "cliff", "holes": "end", "episode_length": 5},
    {
        "layout": "S.~G\n.%#O\n....",
        "holes": "end",
        "random_start": True,
        "episode_length": 9,
        "max_episode_steps": 8,
    },
    {"layout": "empty", "size": 4, "walls": "surmountable", "max_episode_steps": 6},
]
MODES = list(AutoresetMode)


def vector(name=MAZE, count=COUNT, **options):
    return gymnasium.make_vec(
        name, num_envs=count, vectorization_mode="vector_entry_point", **options
    )


def single_ones(name=MAZE, count=COUNT, mode=AutoresetMode.NEXT_STEP, **options):
    return gymnasium.make_vec(
        name,
        num_envs=count,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        **options,
    )


def assert_same(ours, theirs):
    """Whether two answers hold the same values of the same types."""
    if isinstance(theirs, tuple):
        assert isinstance(ours, tuple) and len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_same(ours[key], theirs[key])
    else:
        assert type(ours) is type(theirs)
        if isinstance(theirs, np.ndarray):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
            if theirs.dtype == object:
                assert list(map(type, ours)) == list(map(type, theirs))
        else:
            assert ours == theirs


def assert_same_when_followed(ours, theirs, steps, rng):
    """Step both; where autoreset is disabled, reset what is over, and now and then something else
    as well."""
    disabled = ours.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    for _ in range(steps):
        actions = rng.integers(5, size=ours.num_envs)
        answer = ours.step(actions)
        assert_same(answer, theirs.step(actions))
        over = answer[2] | answer[3]
        if (disabled and over.any()) or rng.random() < 0.03:
            mask = over | (rng.random(len(over)) < 0.2)
            if mask.any():
                seed = [None if rng.random() < 0.5 else int(rng.integers(100)) for _ in over]
                seed = [None, 5, seed][rng.integers(3)]
                assert_same(
                    ours.reset(seed=seed, options={"reset_mask": mask}),
                    theirs.reset(seed=seed, options={"reset_mask": mask}),
                )


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", envs.IDS)
def test_many_in_one_step_are_many_single_ones(name, options, mode):
    options = options if name == MAZE else {"layout": "maze", **options}
    ours, theirs = (
        vector(name, autoreset_mode=mode, **options),
        single_ones(name, mode=mode, **options),
    )
    rng = np.random.default_rng(0)
    for seed, steps in ((3, 100), ([*range(5), None, 9], 100), (None, 2 * BLOCK)):
        assert_same(ours.reset(seed=seed), theirs.reset(seed=seed))
        assert_same_when_followed(ours, theirs, steps, rng)


def test_equality_holds_after_every_block_of_numbers_was_used_up_several_times():
    options = {"slip": 0.9, "random_start": True, "episode_length": 10}
    ours, theirs = vector(**options), single_ones(**options)
    assert_same(ours.reset(seed=0), theirs.reset(seed=0))
    assert_same_when_followed(ours, theirs, 3 * BLOCK, np.random.default_rng(1))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_a_mode_can_be_given_by_its_value(mode):
    env = vector(autoreset_mode=mode.value)
    assert env.metadata["autoreset_mode"] is mode
    assert GridVectorEnv.metadata == {"render_modes": ["rgb_array", "ansi"], "render_fps": 12}


@pytest.mark.parametrize("seed", [0, 123, list(range(50, 50 + COUNT))], ids=str)
def test_each_sub_environment_has_a_seed_and_a_generator_of_its_own(seed):
    ours, theirs = vector(slip=0.3, random_start=True), single_ones(slip=0.3, random_start=True)
    assert_same(ours.reset(seed=seed), theirs.reset(seed=seed))
    assert ours.np_random_seed == theirs.np_random_seed
    assert_same_when_followed(ours, theirs, 50, np.random.default_rng(0))
    for one, other in zip(ours.np_random, theirs.np_random, strict=True):
        assert one.bit_generator.state == other.bit_generator.state


def test_who_borrows_a_generator_may_draw_from_it():
    ours, theirs = vector(slip=0.3), single_ones(slip=0.3)
    assert_same(ours.reset(seed=8), theirs.reset(seed=8))
    assert_same_when_followed(ours, theirs, 10, np.random.default_rng(0))
    mine, others = ours.np_random, theirs.np_random
    for round_ in range(20):
        assert_same_when_followed(ours, theirs, 5, np.random.default_rng(round_))
        assert mine[2].random() == others[2].random()
        mine, others = ours.np_random, theirs.np_random


def test_without_a_seed_all_differ_and_a_seed_makes_them_repeat():
    env = vector(random_start=True, count=40)
    first, _ = env.reset()
    assert len(set(first.tolist())) > 5
    assert len(set(env.np_random_seed)) == 40
    again = [env.reset(seed=4)[0].tolist() for _ in range(2)]
    assert again[0] == again[1] != env.reset()[0].tolist()


def test_nothing_is_drawn_where_nothing_is_left_to_chance(monkeypatch):
    monkeypatch.setattr(Streams, "draw", None)
    env = vector(episode_length=3)
    env.reset(seed=0)
    for _ in range(8):
        observations = env.step(np.full(COUNT, 1))[0]
    assert (observations == observations[0]).all()


def test_returned_arrays_are_the_callers_own():
    env, twin = (vector(slip=0.2, autoreset_mode="SameStep", episode_length=4) for _ in range(2))
    for each in (env, twin):
        each.reset(seed=1)
    kept = []
    for _ in range(20):
        actions = np.full(COUNT, 3)
        answer, expected = env.step(actions), twin.step(actions)
        assert_same(answer, expected)
        kept.append((answer[0].copy(), answer[0]))
        for array in answer[1:4]:
            array[:] = 1
        for array in answer[4].values():
            if isinstance(array, np.ndarray):
                array[:] = True
        assert (actions == 3).all()
    for before, after in kept:
        np.testing.assert_array_equal(before, after)
    for (_, one), (_, other) in pairwise(kept):
        assert not np.shares_memory(one, other)


def test_writing_into_an_observation_moves_nobody():
    env = vector()
    observations, _ = env.reset()
    start = observations.copy()
    observations[:] = 99
    observations = env.step(np.zeros(COUNT, dtype=int))[0]
    np.testing.assert_array_equal(observations, start)
    observations[:] = 99
    np.testing.assert_array_equal(env.step(np.zeros(COUNT, dtype=int))[0], start)


def test_spaces_and_spec_are_those_of_gymnasiums_vector_environments():
    ours, theirs = vector(slip=0.1), single_ones(slip=0.1)
    for space in (
        "single_observation_space",
        "single_action_space",
        "observation_space",
        "action_space",
    ):
        assert getattr(ours, space) == getattr(theirs, space)
    assert ours.reset(seed=0)[0] in ours.observation_space
    assert ours.spec.id == MAZE and ours.num_envs == COUNT
    assert isinstance(gymnasium.make_vec(ours.spec).unwrapped, MazeVectorEnv)
    assert isinstance(gymnasium.make_vec(MAZE, num_envs=2), MazeVectorEnv), (
        "the vector entry point is Gymnasium's first choice"
    )
    assert repr(ours) == f"MazeVectorEnv({MAZE}, num_envs={COUNT})"


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(
    "copying",
    [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))],
    ids=["deepcopy", "pickle"],
)
def test_a_copy_goes_on_alike(copying, mode):
    env = vector(slip=0.3, random_start=True, autoreset_mode=mode, render_mode="ansi")
    env.reset(seed=5)
    env.step(np.full(COUNT, 1))
    twin = copying(env)
    for _ in range(100):
        actions = np.full(COUNT, 2)
        assert_same(env.step(actions), twin.step(actions))
    assert env.render() == twin.render()


def statistics(env):
    env = wrappers.RecordEpisodeStatistics(env)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(100):
        actions = rng.integers(5, size=env.num_envs)
        _, _, terminated, truncated, _ = env.step(actions)
        if (
            env.metadata["autoreset_mode"] is AutoresetMode.DISABLED
            and (terminated | truncated).any()
        ):
            env.reset(options={"reset_mask": terminated | truncated})
    return list(env.return_queue), list(env.length_queue)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_episode_statistics_are_recorded_alike(mode):
    options = {"layout": "holes", "holes": "end", "slip": 0.2, "episode_length": 12}
    returns, lengths = statistics(vector(autoreset_mode=mode, **options))
    assert len(returns) > 20 and max(lengths) == 12
    if (
        mode is not AutoresetMode.DISABLED
    ):  # there SyncVectorEnv takes the mask from the wrapper, which then forgets all statistics
        assert (returns, lengths) == statistics(single_ones(mode=mode, **options))
    else:
        assert lengths != statistics(single_ones(mode=mode, **options))[1]


def test_gymnasiums_other_wrappers_take_it():
    env = wrappers.ClipReward(wrappers.DictInfoToList(vector()), min_reward=-0.5)
    env.reset(seed=0)
    _, rewards, _, _, infos = env.step(np.full(COUNT, RIGHT))
    assert rewards.tolist() == [-0.5] * COUNT, "all bump into a wall"
    assert infos == [{} for _ in range(COUNT)]


@pytest.mark.parametrize("render_mode", ["rgb_array", "ansi"])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP], ids=str)
def test_pictures_are_those_of_single_ones(mode, render_mode):
    options = {"count": 3, "slip": 0.3, "episode_length": 11, "render_mode": render_mode}
    ours, theirs = vector(autoreset_mode=mode, **options), single_ones(mode=mode, **options)
    assert_same(ours.reset(seed=0), theirs.reset(seed=0))
    for round_ in range(15):
        assert_same(ours.render(), theirs.render())
        assert_same_when_followed(ours, theirs, 1, np.random.default_rng(100 + round_))
    ours.close()
    assert ours.closed


def test_render_without_a_mode_says_what_to_do():
    with pytest.warns(UserWarning, match="render_mode='rgb_array'"):
        assert vector().render() is None


def test_a_step_before_the_first_reset_is_refused():
    with pytest.raises(ResetNeeded, match="has not begun"):
        vector().step(np.zeros(COUNT, dtype=int))
    with pytest.raises(ResetNeeded, match="reset_mask"):
        vector().reset(options={"reset_mask": np.arange(COUNT) == 1})


def test_a_step_after_the_end_is_refused_where_autoreset_is_disabled():
    env = vector(autoreset_mode="Disabled", layout="cliff", holes="end")
    env.reset()
    actions = np.zeros(COUNT, dtype=int)
    actions[3] = 1  # over the cliff
    assert env.step(actions)[2].tolist() == (np.arange(COUNT) == 3).tolist()
    with pytest.raises(
        ResetNeeded, match=f"1 of {COUNT} episodes are over, the first of them in sub-environment 3"
    ):
        env.step(actions)
    env.reset(options={"reset_mask": np.arange(COUNT) == 3})
    env.step(actions)


@pytest.mark.parametrize(
    "actions",
    [
        [0] * (COUNT - 1),
        [0] * (COUNT + 1),
        [5] + [0] * (COUNT - 1),
        [0] * (COUNT - 1) + [-1],
        [0.0] * COUNT,
        [[0]] * COUNT,
        0,
    ],
    ids=str,
)
def test_wrong_actions_are_refused_and_nothing_has_happened(actions):
    env, twin = vector(slip=0.5), vector(slip=0.5)
    for each in (env, twin):
        each.reset(seed=0)
    with pytest.raises(InvalidAction):
        env.step(np.array(actions))
    right = np.full(COUNT, 3, dtype=np.uint8)
    assert_same(env.step(right), twin.step(right.tolist()))


def test_the_action_of_an_episode_that_begins_anew_counts_for_nothing():
    env, theirs = vector(episode_length=1), single_ones(episode_length=1)
    for each in (env, theirs):
        each.reset(seed=0)
        each.step(np.ones(COUNT, dtype=int))
    assert_same(env.step(np.full(COUNT, 77)), theirs.step(np.full(COUNT, 77)))


@pytest.mark.parametrize("count", [0, -3, 2.5, "4", None, True], ids=repr)
def test_a_number_of_environments_that_is_none_is_refused(count):
    with pytest.raises(UsageError, match="num_envs = .*: expected a whole number, 1 or more"):
        vector(count=count)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"autoreset_mode": "NextStp"}, "Did you mean 'NextStep'"),
        ({"render_mode": "human"}, "HumanRendering"),
        ({"render_mode": "rgb"}, "Known: rgb_array, ansi"),
        ({"max_episode_steps": 0}, "max_episode_steps = 0"),
        ({"config": MazeVectorEnv.single.Config(), "slip": 0.1}, "not both"),
    ],
    ids=str,
)
def test_wrong_modes_say_what_there_is(options, says):
    with pytest.raises(UsageError, match=says):
        vector(**options)


def test_wrong_options_are_those_of_the_single_environment():
    with pytest.raises(ConfigError, match="slip"):
        vector(slip=2)
    with pytest.raises(ConfigError, match="episode"):
        vector(episode_lenth=2)


@pytest.mark.parametrize(
    ("seed", "error"),
    [
        ([1, 2], ValueError),
        (-1, Error),
        ([-1] * COUNT, Error),
        (["a"] * COUNT, Error),
        ([np.int64(1)] * COUNT, Error),
    ],
)
def test_wrong_seeds_are_refused_as_gymnasium_does(seed, error):
    for env in (vector(), single_ones()):
        with pytest.raises(error):
            env.reset(seed=seed)


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        ([True] * COUNT, TypeError),
        (np.ones(COUNT, dtype=int), TypeError),
        (np.ones(COUNT + 1, dtype=bool), ValueError),
        (np.zeros(COUNT, dtype=bool), ValueError),
    ],
    ids=str,
)
def test_wrong_masks_are_refused_as_gymnasium_does(mask, error):
    for env in (vector(), single_ones()):
        env.reset(seed=0)
        with pytest.raises(error, match="reset_mask"):
            env.reset(options={"reset_mask": mask})


def test_reset_leaves_the_callers_options_alone():
    env, options = vector(), {"reset_mask": np.arange(COUNT) < 2}
    env.reset()
    env.reset(options=options)
    assert list(options) == ["reset_mask"]


def test_4096_mazes_are_4096_mazes():
    count, slip = 4096, {"slip": 0.2, "random_start": True}
    env = vector(count=count, **slip)
    observations = [env.reset(seed=11)[0]]
    rng = np.random.default_rng(0)
    actions = rng.integers(5, size=(60, count))
    rewards = []
    for each in actions:
        observation, reward, *_ = env.step(each)
        observations.append(observation)
        rewards.append(reward)
    for number in (0, 1, 2047, 4095):
        one = SyncVectorEnv([lambda: gymnasium.make(MAZE, **slip)])
        assert one.reset(seed=11 + number)[0][0] == observations[0][number]
        for step in range(60):
            observation, reward, *_ = one.step(actions[step, number : number + 1])
            assert (observation[0], reward[0]) == (
                observations[step + 1][number],
                rewards[step][number],
            )
