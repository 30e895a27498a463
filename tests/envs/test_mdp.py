"""The exact model: what is refused at its door, and how outcomes are drawn from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.mdp import ModelError, TabularMDP
from sandbox.errors import SandboxError


def two_states(**changes) -> TabularMDP:
    """Two states, two actions: 0 stays; 1 changes over with probability 0.75."""
    arrays = {
        "next_state": np.array([[[0, 0], [1, 0]], [[1, 1], [0, 1]]]),
        "reward": np.zeros((2, 2, 2)),
        "probability": np.array([[[1.0, 0.0], [0.75, 0.25]], [[1.0, 0.0], [0.75, 0.25]]]),
        "start_states": np.array([0]),
    }
    return TabularMDP.from_outcomes(**{**arrays, **changes})


def wrong(array: np.ndarray, place: tuple[int, ...], value: float) -> np.ndarray:
    """The array with one entry changed."""
    changed = array.copy()
    changed[place] = value
    return changed


def test_the_arrays_are_contiguous_and_of_the_promised_types():
    model = two_states(
        terminated=np.zeros((2, 2, 2), dtype=bool, order="F"),
        reward=np.zeros((2, 2, 2), dtype=np.float32, order="F"),
    )
    types = {
        "next_state": "int64",
        "probability": "float64",
        "cumulative": "float64",
        "reward": "float64",
        "terminated": "bool",
    }
    types |= {"start_states": "int64", "start_cumulative": "float64", "goal": "bool"}
    for name, dtype in types.items():
        array = getattr(model, name)
        assert array.dtype == dtype and array.flags.c_contiguous, name
    assert (model.states, model.actions, model.outcomes, model.horizon) == (2, 2, 2, 0)


def test_certain_outcomes_need_no_third_axis():
    model = TabularMDP.from_outcomes(
        np.array([[0, 1], [1, 0]]), np.zeros((2, 2)), start_states=np.array([1])
    )
    assert model.outcomes == 1
    assert (model.probability == 1.0).all() and (model.cumulative == 1.0).all()


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(lambda weights: sum(weights) > 1e-6),
    st.integers(0, 3),
)
def test_cumulative_is_exactly_one_from_the_last_possible_outcome_on(weights, padding):
    probability = np.array([weights + [0.0] * padding]) / sum(weights)
    zeros = np.zeros((1, 1, probability.shape[1]))
    model = TabularMDP.from_outcomes(
        zeros.astype(int), zeros, probability=probability[None], start_states=np.array([0])
    )
    last = np.flatnonzero(probability[0] > 0)[-1]
    cumulative = model.cumulative[0, 0]
    assert (cumulative[last:] == 1.0).all()
    assert (np.diff(cumulative) >= 0).all()
    np.testing.assert_allclose(cumulative, np.cumsum(probability[0]), atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"next_state": np.array([[[0, 0], [2, 0]], [[1, 1], [0, 1]]])},
            "State 0, action 1 leads to state 2, expected 0 to 1",
        ),
        (
            {"next_state": np.array([[[0, 0], [1, 0]], [[-1, 1], [0, 1]]])},
            "State 1, action 0 leads to state -1",
        ),
        ({"next_state": np.zeros((2, 2, 2))}, "next_state holds float64, expected integers"),
        ({"next_state": np.zeros(3, dtype=int)}, r"next_state has the shape \(3,\)"),
        (
            {"reward": wrong(np.zeros((2, 2, 2)), (1, 1, 0), np.nan)},
            "State 1, action 1 brings a reward of nan",
        ),
        ({"reward": np.zeros((2, 2))}, r"reward has the shape \(2, 2\), expected \(2, 2, 2\)"),
        (
            {"probability": np.full((2, 2, 2), 0.4)},
            "State 0, action 0 has outcomes whose probabilities sum to 0.8, expected 1",
        ),
        (
            {"probability": wrong(np.full((2, 2, 2), 0.5), (1, 0, 1), -0.5)},
            "State 1, action 0 has an outcome of probability -0.5",
        ),
        (
            {"probability": wrong(np.full((2, 2, 2), 0.5), (1, 0, 1), np.nan)},
            "State 1, action 0 has an outcome of probability nan",
        ),
        ({"start_states": np.array([], dtype=int)}, "expected at least one state"),
        ({"start_states": np.array([5])}, "cannot start in state 5, expected 0 to 1"),
        (
            {"start_states": np.array([0, 1]), "start_probability": np.array([0.5, 0.4])},
            "start_probability .* sums to 0.9",
        ),
        ({"goal": np.array([True])}, r"goal has the shape \(1,\), expected \(2,\)"),
        ({"horizon": -1}, "horizon = -1"),
    ],
)
def test_a_wrong_model_is_refused_naming_state_and_action(changes, says):
    with pytest.raises(ModelError, match=says) as caught:
        two_states(**changes)
    assert isinstance(caught.value, SandboxError)


def test_a_certain_outcome_draws_nothing():
    rng, untouched = np.random.default_rng(1), np.random.default_rng(1)
    model = two_states()
    assert [model.sample_outcome(0, 0, rng) for _ in range(5)] == [0] * 5
    assert model.sample_start(rng) == 0
    assert rng.bit_generator.state == untouched.bit_generator.state


def test_always_draw_draws_where_the_outcome_is_certain():
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    model = two_states(always_draw=True)
    assert (model.sample_start(rng), model.sample_outcome(0, 0, rng)) == (0, 0)
    other.random(2)
    assert rng.bit_generator.state == other.bit_generator.state


def test_an_uncertain_outcome_is_the_first_whose_cumulative_exceeds_the_draw():
    rng, other = np.random.default_rng(2), np.random.default_rng(2)
    model = two_states()
    drawn = [model.sample_outcome(0, 1, rng) for _ in range(1000)]
    assert drawn == [0 if u < 0.75 else 1 for u in other.random(1000)]


def test_starts_are_drawn_with_their_probabilities():
    model = two_states(start_states=np.array([1, 0]), start_probability=np.array([0.2, 0.8]))
    np.testing.assert_allclose(model.start, [0.8, 0.2])
    rng, other = np.random.default_rng(3), np.random.default_rng(3)
    assert [model.sample_start(rng) for _ in range(500)] == [
        1 if u < 0.2 else 0 for u in other.random(500)
    ]


def test_equal_starts_are_all_alike():
    np.testing.assert_allclose(two_states(start_states=np.array([0, 1])).start, [0.5, 0.5])


def test_a_start_state_named_twice_counts_twice():
    np.testing.assert_allclose(two_states(start_states=np.array([0, 1, 1, 1])).start, [0.25, 0.75])
