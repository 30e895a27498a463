"""Tables of transitions: believed where they predict what happens, and only there."""

from __future__ import annotations

import copy

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces, wrappers

import envs.grid
from envs import tables
from envs.mdp import ModelError

TRUTHFUL = [
    ("FrozenLake-v1", {}),
    ("FrozenLake-v1", {"map_name": "8x8", "is_slippery": False}),
    ("CliffWalking-v1", {}),
    ("CliffWalking-v1", {"is_slippery": True}),
    ("Taxi-v4", {}),
    ("Taxi-v4", {"is_rainy": True}),
]


class Tabled(gymnasium.Env):
    """Two states that a table describes; drawing as toy_text does. Counted from `first`."""

    def __init__(self, first=0, table=None):
        self.observation_space, self.action_space = (
            spaces.Discrete(2, start=first),
            spaces.Discrete(2, start=first),
        )
        here, there = first, first + 1
        self.P = table or {
            here: {
                here: [(0.5, here, 0.0, False), (0.5, there, 1.0, False)],
                there: [(1.0, here, -1.0, False)],
            },
            there: {
                here: [(0.25, here, 2.0, True), (0.75, there, 0.0, False)],
                there: [(1.0, there, 0.0, True)],
            },
        }
        self.initial_state_distrib = np.array([0.5, 0.5])
        self.first = first

    def draw(self, chances):
        return int(np.argmax(np.cumsum(chances) > self.np_random.random()))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s = self.first + self.draw(self.initial_state_distrib)
        return self.s, {}

    def step(self, action):
        outcomes = self.P[self.s][action]
        _, self.s, reward, over = outcomes[self.draw([one[0] for one in outcomes])]
        return self.s, reward, over, False, {}


def limited(env, steps=20):
    return wrappers.TimeLimit(env, steps)


@pytest.mark.parametrize(("name", "options"), TRUTHFUL)
def test_the_tables_of_gymnasium_are_believed(name, options):
    env = gymnasium.make(name, **options)
    model, why_not = tables.read(env, 50)
    assert why_not == "" and model is not None and model.horizon == 50 and model.always_draw
    base = env.unwrapped
    for state in range(0, model.states, 7):
        for action in range(model.actions):
            row = base.P[state][action]
            found = [(p, int(s), float(r), bool(t)) for p, s, r, t in row]
            k = len(row)
            got = zip(
                *(
                    getattr(model, array)[state, action, :k].tolist()
                    for array in ("probability", "next_state", "reward", "terminated")
                ),
                strict=True,
            )
            assert list(got) == found and not model.probability[state, action, k:].any()
    np.testing.assert_allclose(model.start, base.initial_state_distrib)


def test_states_and_actions_may_be_counted_from_elsewhere():
    at_five, at_zero = (
        tables.read(limited(Tabled(5)), 20).model,
        tables.read(limited(Tabled()), 20).model,
    )
    np.testing.assert_array_equal(at_five.next_state, at_zero.next_state)
    np.testing.assert_array_equal(at_five.reward, at_zero.reward)


def test_a_fickle_passenger_is_not_believed():
    found = tables.read(gymnasium.make("Taxi-v4", fickle_passenger=True), 200)
    assert found.model is None and "passenger may change the destination" in found.why_not


def test_an_unknown_wrapper_is_not_believed():
    env = wrappers.TransformReward(gymnasium.make("FrozenLake-v1"), lambda reward: 2 * reward)
    found = tables.read(env, 100)
    assert found.model is None and "TransformReward" in found.why_not


@pytest.mark.parametrize("lie", ["reward", "next state", "end", "start", "chance"])
def test_a_table_that_lies_is_found_out(lie):
    env = Tabled()
    told = copy.deepcopy(env.P)
    if lie == "start":
        env.draw_start = None
        env.reset = lambda seed=None, options=None: (setattr(env, "s", 0), (0, {}))[1]
    else:
        told[0][0] = {
            "reward": [(0.5, 0, 0.0, False), (0.5, 1, 1.5, False)],
            "next state": [(0.5, 1, 0.0, False), (0.5, 1, 1.0, False)],
            "end": [(0.5, 0, 0.0, True), (0.5, 1, 1.0, False)],
            "chance": [(0.4, 0, 0.0, False), (0.6, 1, 1.0, False)],
        }[lie]
    truth, env.P = env.P, told

    def step(action):
        outcomes = truth[env.s][action]
        _, env.s, reward, over = outcomes[env.draw([one[0] for one in outcomes])]
        return env.s, reward, over, False, {}

    env.step = step
    found = tables.read(limited(env), 20)
    assert found.model is None and "predict" in found.why_not


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            [(0.5, 0, 0.0, False), (0.4, 1, 1.0, False)],
            "State 0, action 1 has outcomes whose probabilities sum to 0.9",
        ),
        ([(1.0, 0, float("nan"), False)], "State 0, action 1 brings a reward of nan"),
        ([(1.0, 7, 0.0, False)], "State 0, action 1 leads to state 7"),
        ([(1.0, 0, 0.0)], "State 0, action 1: expected outcomes"),
        ([], "State 0, action 1: expected outcomes"),
        (
            [(1.0, "there", 0.0, False)],
            "State 0, action 1: the table of transitions cannot be read",
        ),
    ],
)
def test_a_table_that_is_none_is_refused_with_state_and_action(row, says):
    env = Tabled()
    env.P[0][1] = row
    with pytest.raises(ModelError, match=says):
        tables.read(limited(env), 20)


def test_where_nothing_says_the_start_one_that_is_drawn_is_not_believed():
    env = Tabled()
    env.initial_state_distrib, told = None, env.initial_state_distrib
    draw = env.draw
    env.draw = lambda chances: draw(told if chances is None else chances)
    assert "initial_state_distrib" in tables.read(limited(env), 20).why_not


def test_where_nothing_says_the_start_a_certain_one_is_seen():
    env = Tabled(3)
    del env.initial_state_distrib
    env.reset = lambda seed=None, options=None: (
        gymnasium.Env.reset(env, seed=seed),
        setattr(env, "s", 4),
        (4, {}),
    )[2]
    env.P[3][4] = env.P[4][4] = [
        (0.5, 3, 0.0, True),
        (0.5, 4, 1.0, False),
    ]  # every step draws, as the model does then
    model, why_not = tables.read(limited(env), 20)
    assert why_not == "" and model.start.tolist() == [0, 1]


def test_an_environment_without_a_table_needs_no_reason():
    assert tables.read(gymnasium.make("CartPole-v1"), 500) == (None, "")


def test_our_own_grids_bring_their_model():
    env = gymnasium.make("sandbox/Maze-v0")
    assert tables.read(env, 1000).model is env.unwrapped.model
    assert tables.read(env, 20).model.horizon == 20
    assert isinstance(env.unwrapped, envs.grid.GridEnv)
