"""Observations as integers: against arithmetic, and one to one for every finite space."""

from __future__ import annotations

import itertools
import math

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from envs.spaces import DiscretiserConfig, NumberedEnv, Numbering, numbering
from sandbox.errors import SandboxError, UsageError

DISCRETE = st.builds(
    lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 4), st.integers(-3, 3)
)
MULTI = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(spaces.MultiDiscrete)
FINITE = st.recursive(
    DISCRETE | MULTI | st.integers(1, 3).map(spaces.MultiBinary),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2).map(spaces.Tuple)
        | st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=2).map(spaces.Dict)
    ),
    max_leaves=4,
)


def elements(space):
    """Every element of a finite space."""
    if isinstance(space, spaces.Discrete):
        return range(int(space.start), int(space.start + space.n))
    if isinstance(space, spaces.MultiDiscrete):
        return [np.array(one) for one in itertools.product(*map(range, space.nvec))]
    if isinstance(space, spaces.MultiBinary):
        return [np.array(one, dtype=np.int8) for one in itertools.product((0, 1), repeat=space.n)]
    if isinstance(space, spaces.Tuple):
        return list(itertools.product(*(elements(inner) for inner in space.spaces)))
    return [
        dict(zip(space.spaces, one, strict=True))
        for one in itertools.product(*(elements(inner) for inner in space.spaces.values()))
    ]


@given(FINITE)
def test_every_element_of_a_finite_space_has_a_number_of_its_own(space):
    number = Numbering(space)
    found = [number(element) for element in elements(space)]
    assert found == list(range(number.size))


def test_numbers_are_read_off_the_digits_the_first_counting_most():
    number = Numbering(spaces.Tuple([spaces.Discrete(32), spaces.Discrete(11), spaces.Discrete(2)]))
    assert number.size == 704 and number((20, 7, 1)) == (20 * 11 + 7) * 2 + 1


def test_an_observation_outside_its_space_is_refused():
    with pytest.raises(SandboxError, match="observation 4, which lies outside"):
        Numbering(spaces.Discrete(4))(4)
    with pytest.raises(SandboxError, match="outside"):
        Numbering(spaces.Discrete(4, start=2))(1)


class Fixed(gymnasium.Env):
    """Gives the same observation and reward for ever; random play sees uniform numbers."""

    def __init__(self, space, observation=None, reward=0.0, actions=None):
        self.observation_space, self.action_space = space, actions or spaces.Discrete(2)
        self.observation, self.reward, self.played = observation, reward, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._see(), {}

    def step(self, action):
        self.played.append(action)
        return self._see(), self.reward, False, False, {}

    def _see(self):
        return (
            self.np_random.uniform(0, 10, self.observation_space.shape)
            if self.observation is None
            else self.observation
        )


def test_uniform_bins_are_equally_wide_and_the_outer_ones_reach_to_infinity():
    number = numbering(Fixed(spaces.Box(0, 10, (1,))), DiscretiserConfig(bins=(5,)))
    assert [number([x]) for x in (-99, 0, 1.9, 2.0, 9.9, 1e9)] == [0, 0, 0, 1, 4, 4]


def test_each_number_may_have_bins_and_bounds_of_its_own():
    space = spaces.Box(-np.inf, np.inf, (2,))
    number = numbering(Fixed(space), DiscretiserConfig(bins=(2, 3), low=(0, -3), high=(1, 3)))
    assert number.size == 6
    assert [number(x) for x in ([0.4, -2], [0.4, 0], [0.6, 2])] == [0, 1, 5]


def test_quantiles_are_seen_equally_often_by_random_play():
    space = spaces.Box(-np.inf, np.inf, (1,))
    number = numbering(Fixed(space), DiscretiserConfig(bins=(4,), cuts="quantile"))
    counts = np.bincount([number([x]) for x in np.linspace(0, 10, 1001)], minlength=4)
    assert np.abs(counts / 1001 - 0.25).max() < 0.02


def test_boxes_inside_composite_spaces_are_cut_in_order():
    space = spaces.Dict(
        {"a": spaces.Box(0, 1, (1,)), "b": spaces.Discrete(3), "c": spaces.Box(0, 8, (1,))}
    )
    number = numbering(Fixed(space), DiscretiserConfig(bins=(2, 4)))
    assert (
        number.size == 2 * 3 * 4 and number({"a": [0.7], "b": 2, "c": [5.0]}) == (1 * 3 + 2) * 4 + 2
    )


@pytest.mark.parametrize(
    ("space", "options", "part"),
    [
        (spaces.Box(0, 1, (2,)), {}, "`--discretiser.bins 10`"),
        (spaces.Box(0, 1, (8,)), {}, "`--discretiser.bins 5`"),
        (spaces.Box(0, np.inf, (2,)), {}, "`--discretiser.bins 10 --discretiser.cuts quantile`"),
        (spaces.Box(0, 1, (40,)), {}, "Two bins for each would make 10.12 entries"),
        (spaces.Dict({"a": spaces.Box(0, 1, (2,)), "b": spaces.Text(3)}), {}, "or hold, Text"),
        (spaces.Box(0, 1, (3,)), {"bins": (2, 2)}, "2 values for 3 numbers"),
        (spaces.Box(-np.inf, np.inf, (1,)), {"bins": (3,)}, "number 0 has no bounds"),
        (spaces.Box(0, 1, (1,)), {"bins": (3,), "low": (2,)}, "low must lie below high"),
        (spaces.Box(0, 1, (40,)), {"bins": (10,)}, "make 10.40 states"),
        (spaces.Box(0, 1, (210, 160, 3)), {"bins": (10,)}, "make 10.100800 states"),
        (spaces.Discrete(3), {"bins": (3,)}, "has no effect"),
        (spaces.Text(5), {}, "takes observations that are Discrete, MultiDiscrete"),
        (spaces.Tuple([spaces.Discrete(2), spaces.Text(5)]), {}, "Text"),
    ],
)
def test_what_does_not_fit_is_refused(space, options, part):
    with pytest.raises(UsageError, match=part.replace("(", r"\(")):
        numbering(Fixed(space), DiscretiserConfig(**options))


@pytest.mark.parametrize("options", [{"bins": (0,)}, {"cuts": "quantile", "low": (1,)}])
def test_a_discretiser_that_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="bins|no effect"):
        DiscretiserConfig(**options)


def test_a_numbered_environment_counts_states_and_actions_from_0():
    space = spaces.Discrete(3, start=5)
    inner = Fixed(space, observation=6, actions=spaces.Discrete(2, start=-1))
    env = NumberedEnv(inner, Numbering(space))
    assert env.observation_space == spaces.Discrete(3) and env.action_space == spaces.Discrete(2)
    assert env.reset()[0] == 1 and env.step(0)[0] == 1 and env.step(1)[0] == 1
    assert inner.played == [-1, 0]


@pytest.mark.parametrize("reward", [math.nan, math.inf])
def test_a_reward_that_is_no_number_is_refused_with_state_and_action(reward):
    space = spaces.Discrete(3)
    env = NumberedEnv(Fixed(space, observation=2, reward=reward), Numbering(space))
    env.reset()
    with pytest.raises(SandboxError, match=f"State 2, action 1 brought a reward of {reward}"):
        env.step(1)
