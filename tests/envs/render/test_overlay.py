"""What is drawn over pictures that environments make of themselves, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from envs.render import palette
from envs.render.overlay import BAR, TINT, RenderedFrame, as_bars, cell_of, on_cells

GREY = np.full((120, 180, 3), 200, dtype=np.uint8)  # 2 x 3 cells of 60 pixels
ARROWS = np.array([(1, 0), (0, -1)])  # right, up
VALUES = np.array([0.0, 1.0, 2.0, np.nan, 4.0, 4.0])
POLICY = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 1], [1, 1]])
NOTHING = frozenset[str]()


def on_grey(hidden: frozenset[str] = NOTHING) -> np.ndarray:
    return on_cells((2, 3), VALUES, POLICY, ARROWS, (0.0, 4.0))(GREY, hidden)


def test_cells_have_the_colours_of_their_values_and_unknown_ones_stay_as_they_are() -> None:
    drawn = on_grey()
    assert (drawn[60:, :60] == 200).all()  # NaN
    for cell, entry in ((0, 0), (2, 128), (4, 255)):
        row, column = divmod(cell, 3)
        colour = palette.scale_table()[entry].astype(float)
        blended = (colour * TINT + 200.0 * (255 - TINT)) / 255
        beside = drawn[row * 60 + 44, column * 60 + 44]  # neither the number nor an arrow
        assert np.abs(beside - blended).max() <= 2


def test_the_number_stands_in_the_middle_where_no_arrow_is() -> None:
    drawn = on_grey(frozenset({"policy"}))
    for row, column in ((0, 0), (0, 1), (1, 1), (1, 2)):
        cell = drawn[row * 60 : row * 60 + 60, column * 60 : column * 60 + 60].astype(int)
        ink = np.argwhere(np.abs(cell - cell[2, 2]).max(axis=2) > 60)
        assert len(ink) and np.abs(ink.mean(axis=0) - 30).max() < 4


def test_arrows_point_where_the_greedy_actions_lead() -> None:
    drawn = on_grey(frozenset({"values"}))
    right, up = drawn[25:35, 40:60], drawn[0:20, 85:95]
    assert right.min() < 100 and up.min() < 100
    assert (drawn[25:35, 0:20] == 200).all() and (drawn[40:60, 25:35] == 200).all()
    assert drawn[60:80, 145:155].min() < 200 and drawn[85:95, 160:180].min() < 200  # a tie


def test_with_both_layers_hidden_the_picture_is_the_environments_own() -> None:
    assert (on_grey(frozenset({"values", "policy"})) == GREY).all()


@pytest.mark.parametrize(
    ("shape", "side"), [((2, 3), 60), ((4, 6), 30), ((3, 3), 0), ((60, 90), 0)]
)
def test_only_pictures_of_square_cells_that_are_large_enough_are_drawn_over(shape, side) -> None:
    assert cell_of(GREY, shape) == side


def test_bars_begin_at_zero_and_are_as_long_as_the_values() -> None:
    picture = np.zeros((50, 400, 3), dtype=np.uint8)
    drawn = as_bars([-1.0, 3.0], "Q", (-1.0, 3.0))(picture, NOTHING)
    assert (drawn[:50] == 0).all() and drawn.shape == (50 + 2 * BAR + 14, 400, 3)
    best, other = (np.array(palette.SCALE_ANCHORS[place]) for place in (-1, 1))
    lengths = [
        (drawn[50 + 7 + BAR * action + BAR // 2] == colour).all(axis=1).sum()
        for action, colour in enumerate((other, best))
    ]
    assert lengths[0] == pytest.approx((400 - 28 - 128) / 4, abs=1)
    assert lengths[1] == pytest.approx((400 - 28 - 128) * 3 / 4, abs=1)


def test_all_frames_of_an_animation_have_one_size_whatever_is_hidden() -> None:
    frame = RenderedFrame(GREY, "a line", as_bars([1.0, 2.0], "π", (0.0, 1.0)))
    assert frame.draw().shape == frame.draw(frozenset({"values", "policy"})).shape
    assert frame.draw().shape[1] >= 400  # three times as large: the line has room
