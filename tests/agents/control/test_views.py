"""Which worlds lie on a grid, and where their actions point: read off the models of Gymnasium's
own."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from agents.control import pictures
from agents.control.views import grid_view
from envs import tables

RIGHT, LEFT, DOWN, UP = [1, 0], [-1, 0], [0, 1], [0, -1]


def view(name, **options):
    env = gymnasium.make(name, **options)
    model = tables.read(env, 100).model
    assert model is not None
    return grid_view(env, model)


@pytest.mark.parametrize("slippery", [True, False])
@pytest.mark.parametrize(
    ("name", "arrows", "shape"),
    [
        ("FrozenLake-v1", [LEFT, DOWN, RIGHT, UP], (4, 4)),
        ("CliffWalking-v1", [UP, RIGHT, DOWN, LEFT], (4, 12)),
    ],
)
def test_arrows_point_where_an_action_leads_on_average(name, arrows, shape, slippery):
    found = view(name, is_slippery=slippery)
    assert found.shape == shape and found.arrows.tolist() == arrows


def test_letters_say_what_stands_in_the_cells():
    assert ["".join(row) for row in view("FrozenLake-v1").letters] == [
        "S   ",
        " H H",
        "   H",
        "H  G",
    ]
    assert "".join(view("CliffWalking-v1").letters[3]) == "S          G"


def test_states_that_are_no_cells_have_no_view():
    assert view("Taxi-v4") is None


@pytest.mark.parametrize("shape", [(10, 10), (8, 3), (62, 1), (4, 12), (1, 120)])
@pytest.mark.parametrize(
    "title",
    [
        "maze: what sarsa thinks each cell is worth",
        "CliffWalkingSlippery-v1: what modified-policy-iteration thinks each cell is worth",
    ],
)
def test_no_text_of_a_map_is_clipped_or_counts_halves_of_a_cell(shape, title):
    visits = np.ones(shape, dtype=np.int64)
    figure = pictures.visits_map(visits, title, lambda axes: None)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    axes, bar = figure.axes
    for text in (axes._left_title, axes.xaxis.label, axes.yaxis.label, bar.yaxis.label):
        box = text.get_window_extent(renderer)
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text
    assert all(float(tick).is_integer() for tick in (*axes.get_xticks(), *axes.get_yticks()))
