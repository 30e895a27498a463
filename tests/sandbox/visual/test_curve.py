"""The learning curve below the frames of a window."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.visual.curve import HEIGHT, LearningCurve, WithCurve

BLUE = (0, 114, 178)


def curve_of(y, optimum=None, x=None) -> LearningCurve:
    curve = LearningCurve("episode", "return", optimum)
    curve.add(np.arange(1.0, len(y) + 1) if x is None else x, y)
    return curve


def rows_of_the_mean(picture: np.ndarray, columns: slice) -> np.ndarray:
    near = np.abs(picture[:, columns].astype(int) - BLUE).max(axis=-1) < 20
    return np.flatnonzero(near.any(axis=1))


@pytest.mark.parametrize("width", [400, 900])
def test_a_rising_curve_rises(width: int) -> None:
    picture = curve_of(np.linspace(0, 1, 500), 1.0).draw(width)
    assert picture.shape == (HEIGHT, width, 3) and picture.dtype == np.uint8
    first = rows_of_the_mean(picture, slice(width // 4, width // 3))
    last = rows_of_the_mean(picture, slice(width * 3 // 4, width * 4 // 5))
    assert first.min() > last.max()


def test_the_optimum_is_a_line_above_scores_below_it() -> None:
    y = np.linspace(0.0, 0.5, 100)
    without, with_line = curve_of(y).draw(400), curve_of(y, 1.0).draw(400)
    lowered = [rows_of_the_mean(one, slice(300, 330)).mean() for one in (without, with_line)]
    assert lowered[0] < lowered[1]  # there is room for the line
    assert (without != with_line).any()


@pytest.mark.parametrize("y", [[], [1.0], [np.nan], [2.0, 2.0], [0.0, np.nan, 1.0]])
def test_any_values_are_drawn(y: list[float]) -> None:
    assert curve_of(y, 3.0).draw(400).shape == (HEIGHT, 400, 3)


def test_points_that_are_there_are_not_added_again_and_new_ones_are_drawn() -> None:
    curve = curve_of([1.0, 2.0])
    before = curve.draw(400)
    curve.add([2, 3], [9.0, 4.0])
    assert curve.points.tolist() == [[1, 2, 3], [1, 2, 4]]
    assert (curve.draw(400) != before).any()


def test_a_frame_keeps_its_pixels_above_the_curve() -> None:
    class Grey:
        def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
            return np.full((50, 400, 3), 99, dtype=np.uint8)

    drawn = WithCurve(Grey(), curve_of([1.0, 2.0])).draw()
    assert drawn.shape == (50 + HEIGHT, 400, 3) and (drawn[:50] == 99).all()
    assert (drawn[50:] != 99).any()


def test_a_narrow_frame_has_no_curve_below_it() -> None:
    class Narrow:
        def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
            return np.full((50, 80, 3), 99, dtype=np.uint8)

    assert WithCurve(Narrow(), curve_of([1.0, 2.0])).draw().shape == (50, 80, 3)


def test_nothing_is_written_beyond_the_edges() -> None:
    picture = curve_of(-1e3 * np.arange(1.0, 1001), -1.0).draw(400)
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert (edge == picture[0, 0]).all()
