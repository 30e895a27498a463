"""Which worlds lie on a grid, and where their actions point: read off the models of Gymnasium's
own."""

from __future__ import annotations

import gymnasium
import pytest

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
