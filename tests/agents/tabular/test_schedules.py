"""Schedules are functions of the episode: start, end, shape, and no trace of how a run was cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tabular.schedules import SCHEDULES, values

MOVING = {
    "linear": lambda start, end, progress: start + (end - start) * progress,
    "exponential": lambda start, end, progress: start * (end / start) ** progress,
    "harmonic": lambda start, end, progress: start / (1 + (start / end - 1) * progress),
}


def value(name: str, episode: int, start: float, end: float, episodes: int) -> float:
    """A schedule's value in one episode, in plain Python."""
    if name == "constant" or episode == 0:
        return start
    return end if episode >= episodes - 1 else MOVING[name](start, end, episode / (episodes - 1))


@pytest.mark.parametrize("name", ["linear", "exponential", "harmonic"])
@pytest.mark.parametrize("episodes", [2, 3, 7, 3000])
def test_a_schedule_begins_at_start_ends_exactly_at_end_and_stays_there(
    name: str, episodes: int
) -> None:
    stretch = values(name, 0.8, 0.001, episodes, 0, episodes + 5)
    assert stretch[0] == 0.8
    assert (stretch[episodes - 1 :] == 0.001).all()
    assert (np.diff(stretch[:episodes]) < 0).all()


def test_a_constant_schedule_has_start_for_ever() -> None:
    assert (values("constant", 0.3, 0.001, 10, 0, 100) == 0.3).all()


def test_linear_has_equal_differences_exponential_equal_ratios_harmonic_equal_differences_of_reciprocals() -> (
    None
):
    np.testing.assert_allclose(
        values("linear", 1.0, 0.0, 5, 0, 5), [1, 0.75, 0.5, 0.25, 0], rtol=1e-15
    )
    np.testing.assert_allclose(
        values("harmonic", 1.0, 1 / 9, 5, 0, 5), [1, 1 / 3, 1 / 5, 1 / 7, 1 / 9], rtol=1e-15
    )
    np.testing.assert_allclose(
        values("exponential", 1.0, 1 / 16, 5, 0, 5), [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16], rtol=1e-15
    )


def test_a_schedule_of_one_episode_has_start_and_then_end() -> None:
    assert values("linear", 0.8, 0.1, 1, 0, 3).tolist() == [0.8, 0.1, 0.1]


@given(
    st.sampled_from(["constant", *sorted(SCHEDULES)]),
    st.integers(1, 60),
    st.lists(st.integers(0, 25), max_size=6),
)
def test_values_do_not_depend_on_how_the_range_is_cut(
    name: str, episodes: int, pieces: list[int]
) -> None:
    starts = np.cumsum([0, *pieces])[:-1]
    cut = [
        values(name, 0.8, 0.001, episodes, int(first), count)
        for first, count in zip(starts, pieces, strict=True)
    ]
    whole = values(name, 0.8, 0.001, episodes, 0, sum(pieces))
    assert np.concatenate([*cut, np.empty(0)]).tolist() == whole.tolist()
    assert whole.tolist() == [
        value(name, episode, 0.8, 0.001, episodes) for episode in range(sum(pieces))
    ]
