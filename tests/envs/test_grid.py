"""The grid environment does what REPORTS says and what its model says, and keeps Gymnasium's
contract."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

import envs
from envs import layouts
from envs.config import MazeConfig
from envs.grid import DOWN, LEFT, RIGHT, SIDEWAYS, STAY, STEPS, UP, EmptyGridEnv, GridEnv, MazeEnv
from sandbox.errors import ConfigError, UsageError

ROOT = Path(envs.__file__).parent.parent
KINDS = "S.~G\n.%#O\n...."
"""One of each kind of cell."""
OPTIONS = [
    {},
    {"random_start": True},
    {"walls": "surmountable", "wall_penalty": -2.5},
    {"slip": 0.2},
    {"layout": "random", "size": 7, "kind": "braided"},
    {"layout": "random", "size": 8, "kind": "open", "density": 0.2, "random_start": True},
    {"layout": "empty", "size": 4},
    {"layout": "cliff", "holes": "end"},
    {"layout": "holes", "slip": 0.5, "holes": "restart"},
    {"layout": "sand", "sand_penalty": -2},
    {"layout": KINDS, "episode_length": 9, "start": (2, 2), "goal": (0, 0)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", envs.IDS)
def test_gymnasiums_checker_finds_nothing_to_say(name, options, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = gymnasium.make(name, **options).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


@pytest.mark.extras
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", envs.IDS)
def test_stable_baselines3s_checker_finds_nothing_to_say(name, options):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(gymnasium.make(name, render_mode="rgb_array", **options).unwrapped)


def test_gymnasium_finds_the_environments_by_module_too():
    env = gymnasium.make("envs:sandbox/Maze-v0", layout="random", size=20, layout_seed=3)
    assert isinstance(env.unwrapped, MazeEnv)
    assert env.observation_space.n == 400
    assert isinstance(
        gymnasium.make("sandbox/Maze-v0", config=MazeConfig(slip=0.1)).unwrapped, MazeEnv
    )


def test_importing_envs_loads_nothing_heavy():
    heavy = {"pygame", "numba", "matplotlib", "pydantic", "torch", "scipy"}
    code = f"import sys, envs; print(sorted({heavy} & set(sys.modules)))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def expected(
    env: GridEnv, position: tuple[int, int], action: int
) -> tuple[tuple[int, int], float, bool]:
    """The rules of REPORTS, once more and in plain words: next cell, reward, whether the episode
    terminates."""
    layout, config = env.layout, env.config
    if action == STAY:
        return position, 1.0 if position in layout.goals else 0.0, False
    row, column = position[0] + STEPS[action][0], position[1] + STEPS[action][1]
    if (
        not (0 <= row < layout.rows and 0 <= column < layout.columns)
        or layout.cells[row, column] == layouts.WALL
    ):
        return position, -1.0, False
    if layout.cells[row, column] == layouts.HOLE:
        return (
            (layout.start if config.holes == "restart" else (row, column)),
            config.hole_penalty,
            config.holes == "end",
        )
    penalty = {layouts.LOW_WALL: config.wall_penalty, layouts.SAND: config.sand_penalty}
    return (row, column), penalty.get(int(layout.cells[row, column]), 0.0), False


CERTAIN = [options for options in OPTIONS if not options.get("slip")] + [
    {"layout": KINDS, "holes": "end"},
    {"layout": KINDS},
]


@pytest.mark.parametrize("options", CERTAIN, ids=str)
def test_every_step_from_every_cell_follows_the_rules_and_the_model(options):
    env = MazeEnv(**options)
    for state in range(env.model.states):
        for action in range(5):
            env.reset(seed=0)
            env._state = state
            position, reward, ends = expected(env, env.layout.position(state), action)
            assert env.step(action) == (env.layout.state(position), reward, ends, False, {})
            outcome = (state, action, 0)
            assert (
                env.model.next_state[outcome],
                env.model.reward[outcome],
                env.model.terminated[outcome],
            ) == (
                env.layout.state(position),
                reward,
                ends,
            )


@pytest.mark.parametrize(
    "options",
    [
        {"slip": 0.3},
        {"slip": 0.3, "layout": KINDS},
        {"slip": 0.05, "layout": "cliff", "holes": "end"},
    ],
    ids=str,
)
def test_a_slip_is_a_move_to_either_side(options):
    env = MazeEnv(**options)
    slip = options["slip"]
    np.testing.assert_allclose(env.model.probability.sum(axis=2), 1.0, rtol=0, atol=1e-15)
    for state in range(env.model.states):
        position = env.layout.position(state)
        assert env.model.probability[state, STAY].tolist() == [1, 0, 0]
        for action, sides in SIDEWAYS.items():
            outcomes = [expected(env, position, move) for move in (action, *sides)]
            assert env.model.probability[state, action].tolist() == [1 - slip, slip / 2, slip / 2]
            assert env.model.next_state[state, action].tolist() == [
                env.layout.state(cell) for cell, _, _ in outcomes
            ]
            assert env.model.reward[state, action].tolist() == [reward for _, reward, _ in outcomes]
            assert env.model.terminated[state, action].tolist() == [ends for _, _, ends in outcomes]


def test_sampled_slips_are_as_frequent_as_the_model_says():
    env = GridEnv(layout="...\n.S.\n..G", slip=0.4, episode_length=10)
    counts = dict.fromkeys(range(9), 0)
    env.reset(seed=7)
    for _ in range(20_000):
        env.reset()
        counts[env.step(RIGHT)[0]] += 1
    probabilities = np.array([counts[state] / 20_000 for state in (5, 7, 1)])
    np.testing.assert_allclose(
        probabilities, [0.6, 0.2, 0.2], atol=4 * np.sqrt(0.25 / 20_000)
    )  # four standard errors
    assert sum(counts.values()) == counts[5] + counts[7] + counts[1]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_walking_in_the_environment_is_walking_on_the_model(options):
    env = MazeEnv(**options)
    model, rng, actions = env.model, np.random.default_rng(11), np.random.default_rng(12)
    env.np_random = np.random.default_rng(11)
    for _ in range(20):
        state, _ = env.reset()
        assert state == model.sample_start(rng)
        ended = False
        steps = 0
        while not ended:
            action = int(actions.integers(5))
            outcome = model.sample_outcome(state, action, rng)
            expect = (
                model.next_state[state, action, outcome],
                model.reward[state, action, outcome],
                model.terminated[state, action, outcome],
            )
            state, reward, terminated, truncated, _ = env.step(action)
            steps += 1
            assert (state, reward, terminated, truncated) == (*expect, steps == model.horizon)
            ended = terminated or truncated
    assert env.np_random.bit_generator.state == rng.bit_generator.state


@given(st.integers(0, 2**31), st.lists(st.integers(0, 4), min_size=1, max_size=50))
def test_one_seed_decides_the_whole_walk(seed, actions):
    def walk() -> list[object]:
        env = EmptyGridEnv(random_start=True, slip=0.3)
        return [env.reset(seed=seed), *map(env.step, actions[:50]), env.reset()]

    assert walk() == walk()


def test_an_episode_is_truncated_after_its_length_and_never_terminated():
    env = gymnasium.make("sandbox/Maze-v0")
    env.reset(seed=0)
    ends = [env.step(STAY)[2:4] for _ in range(168)]
    assert ends == [(False, False)] * 167 + [(False, True)]


def test_the_reports_best_way_through_the_maze_earns_three_quarters():
    env = MazeEnv()
    moves = layouts.distances(env.layout.free, env.layout.goals)
    env.reset()
    total = 0.0
    for _ in range(168):
        better = [
            action
            for action in (RIGHT, LEFT, DOWN, UP)
            if moves[expected(env, env.position, action)[0]] < moves[env.position]
        ]
        total += env.step(better[0] if better else STAY)[1]
    assert total / 168 == 0.75


@pytest.mark.parametrize(
    ("penalty", "way"), [(-4.3, 42), (-4.2, 32), (-2.6, 32), (-2.5, 24), (-2.0, 24)]
)
def test_surmountable_walls_give_the_reports_three_routes(penalty, way):
    """REPORTS, G5: at discount 0.9 it pays to climb a wall that saves 10 moves from -4.2 up, and
    one that saves 18 from -2.5 up."""
    model = MazeEnv(walls="surmountable", wall_penalty=penalty).model
    next_state, reward = model.next_state[..., 0], model.reward[..., 0]
    value = np.zeros(model.states)
    for _ in range(500):
        value = (reward + 0.9 * value[next_state]).max(axis=1)
    greedy = (reward + 0.9 * value[next_state]).argmax(axis=1)
    state, steps = int(model.start_states[0]), 0
    while not model.goal[state]:
        state, steps = int(next_state[state, greedy[state]]), steps + 1
    assert steps == way


def test_random_starts_fall_on_every_free_cell_and_no_other():
    env = MazeEnv(layout=KINDS, random_start=True)
    starts = {env.reset(seed=seed)[0] for seed in range(300)}
    assert starts == set(np.flatnonzero(env.layout.free).tolist())
    np.testing.assert_allclose(env.model.start[sorted(starts)], 1 / len(starts))


@pytest.mark.parametrize("action", [-1, 5, 1.0, None, "up", np.float64(2), np.array([1])], ids=repr)
def test_an_action_that_does_not_exist_is_refused_and_nothing_happens(action):
    env = MazeEnv()
    env.reset(seed=0)
    with pytest.raises(
        gymnasium.error.InvalidAction, match="The actions are 0 stay, 1 right, 2 left, 3 down, 4 up"
    ):
        env.step(action)
    assert env.position == (9, 9)


@pytest.mark.parametrize(
    "action", [4, np.int64(4), np.int32(4), np.uint8(4), np.array(4)], ids=repr
)
def test_whole_numbers_of_any_kind_are_actions(action):
    env = MazeEnv()
    env.reset()
    state, reward, terminated, truncated, _ = env.step(action)
    assert [type(value) for value in (state, reward, terminated, truncated)] == [
        int,
        float,
        bool,
        bool,
    ]
    assert (state, reward) == (89, 0.0)


def test_stepping_outside_an_episode_asks_for_a_reset():
    env = GridEnv(layout="S.G", episode_length=2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(STAY)
    env.reset()
    env.step(STAY)
    assert env.step(STAY)[3]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(STAY)
    hole = GridEnv(layout="SO/.G", holes="end")
    hole.reset()
    assert hole.step(RIGHT) == (1, hole.config.hole_penalty, True, False, {})
    with pytest.raises(gymnasium.error.ResetNeeded):
        hole.step(STAY)


def test_wrong_options_are_refused_with_the_nearest_name():
    with pytest.raises(
        ConfigError,
        match=r"MazeEnv: there is no option 'wall-penality'\. Did you mean 'wall-penalty'?",
    ):
        MazeEnv(wall_penality=-1)
    with pytest.raises(UsageError, match="either `config` or single options, not both: size"):
        MazeEnv(config=MazeConfig(), size=3)
    with pytest.raises(UsageError, match="No render mode 'rgb'"):
        MazeEnv(render_mode="rgb")


def test_text_shows_the_agent_where_it_stands():
    env = GridEnv(layout="S.G\n.#.", render_mode="ansi")
    env.reset()
    assert env.render() == "A.G\n.#."
    env.step(RIGHT)
    assert env.render() == "SAG\n.#."


def test_a_picture_needs_no_screen_and_shows_the_agent_move(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    env = MazeEnv(render_mode="rgb_array")
    env.reset()
    before = env.render()
    env.step(UP)
    env.step(LEFT)
    after = env.render()
    assert before.dtype == np.uint8 and before.shape == after.shape and before.shape[2] == 3
    assert (before != after).any()


def test_rendering_changes_nothing_but_the_screen():
    def walk(render_mode: str | None) -> list[object]:
        env = EmptyGridEnv(render_mode=render_mode, slip=0.3, random_start=True)
        seen: list[object] = [env.reset(seed=5)]
        for action in (1, 2, 3, 4, 0, 1, 3):
            seen.append(env.step(action))
            if render_mode:
                env.render()
        return [*seen, env.np_random.bit_generator.state]

    assert walk(None) == walk("ansi") == walk("rgb_array")


def test_rendering_without_a_mode_warns_as_gymnasium_does():
    env = MazeEnv()
    with pytest.warns(UserWarning, match="render_mode='rgb_array'"):
        assert env.render() is None


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))],
    ids=["deepcopy", "pickle"],
)
def test_a_copy_goes_its_own_way_from_the_same_moment(duplicate):
    env = EmptyGridEnv(slip=0.5)
    env.reset(seed=1)
    env.step(RIGHT)
    other = duplicate(env)
    walk = [env.step(LEFT) for _ in range(10)]
    assert [other.step(LEFT) for _ in range(10)] == walk


def test_the_model_is_made_once():
    env = MazeEnv()
    assert env.model is env.model
    env.reset()
    assert env.model.start_states.tolist() == [99]
    assert env.model.goal.nonzero()[0].tolist() == [0]
    assert env.model.horizon == 168
