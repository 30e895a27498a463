"""The learning curve below the frames of a window, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.visual import drawing
from sandbox.visual.curve import BOTTOM, HEIGHT, LEFT, MEAN, RIGHT, TOP, ShownCurve, draw_curve

NAMES = ("episode", "return")


def rows_of(picture: np.ndarray, colour: tuple[int, int, int], column: int) -> np.ndarray:
    inside = picture[TOP : HEIGHT - BOTTOM, column]
    return np.flatnonzero((inside == colour).all(axis=-1))


@pytest.mark.parametrize("width", [400, 900])
def test_a_rising_curve_rises_to_the_line_of_the_optimum(width: int) -> None:
    x = np.arange(1.0, 501.0)
    picture = draw_curve(ShownCurve(x, x / 500, NAMES, 1.0), width)
    assert picture.shape == (HEIGHT, width, 3)
    first, last = rows_of(picture, MEAN, LEFT + 60), rows_of(picture, MEAN, width - RIGHT - 3)
    dashes = (picture[TOP : HEIGHT - BOTTOM, LEFT : width - RIGHT] == drawing.INK).all(axis=-1)
    (line,) = np.unique(np.flatnonzero(dashes.any(axis=1)))
    assert first.min() > last.min() and abs(last.min() - line) <= 3
    assert dashes[line].mean() == pytest.approx(0.58, abs=0.1)


def test_without_an_optimum_there_is_no_line() -> None:
    picture = draw_curve(ShownCurve(np.arange(9.0), np.arange(9.0), NAMES), 400)
    assert not (picture[TOP : HEIGHT - BOTTOM, LEFT:-RIGHT] == drawing.INK).all(axis=-1).any()


@pytest.mark.parametrize(
    "y", [[], [1.0], [np.nan], [2.0, 2.0], [-1e300, 1e300, 0.0], [0.0, np.nan, 1.0]]
)
def test_any_values_are_drawn(y: list[float]) -> None:
    picture = draw_curve(ShownCurve(np.arange(float(len(y))), np.array(y), NAMES, 3.0), 400)
    assert picture.shape == (HEIGHT, 400, 3)


def test_nothing_is_written_beyond_the_edges() -> None:
    x = np.arange(1.0, 1_000_001.0)
    picture = draw_curve(ShownCurve(x, -x * 1e3, ("episode", "reward per step"), -1.0), 400)
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert (edge == drawing.PAPER).all()
