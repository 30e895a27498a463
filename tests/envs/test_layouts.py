"""Layouts are read exactly, or refused with the place and what was expected there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envs import layouts
from envs.config import NAMES, EmptyGridConfig, GridConfig, MazeConfig
from envs.layouts import NAMED, LayoutError, parse
from sandbox.config.model import dump
from sandbox.config.options import options
from sandbox.config.resolve import resolve
from sandbox.errors import ConfigError, SandboxError

REPORTED_WALLS = """
(0,1) (0,7) (1,3) (1,5) (1,6) (1,7) (1,8) (2,1) (2,2) (2,5) (3,0) (3,1) (3,4) (3,7) (3,8) (4,3) (4,6) (4,8) (5,1) (5,2)
(5,3) (5,4) (5,6) (6,1) (6,6) (6,8) (6,9) (7,3) (7,4) (7,5) (7,6) (8,1) (8,2) (8,3) (8,5) (8,8) (9,5) (9,7) (9,8)
"""


def test_the_maze_is_the_reports():
    maze = parse(NAMED["maze"])
    walls = [f"({row},{column})" for row, column in np.argwhere(maze.cells == layouts.WALL)]
    assert walls == REPORTED_WALLS.split()
    assert (maze.start, maze.goals, maze.shortest_path_length) == ((9, 9), ((0, 0),), 42)


def test_the_empty_grid_is_the_reports():
    grid = EmptyGridConfig().build_layout()
    assert (grid.cells.shape, grid.start, grid.goals, grid.shortest_path_length) == (
        (10, 10),
        (7, 7),
        ((2, 2),),
        10,
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_named_layout_is_sound_and_solvable(name):
    assert GridConfig(layout=name).build_layout().shortest_path_length > 0


@pytest.mark.parametrize("size", [2, 3, 5, 1000])
def test_the_empty_grid_keeps_start_and_goal_apart_at_any_size(size):
    grid = EmptyGridConfig(size=size).build_layout()
    assert grid.start != grid.goals[0]
    assert grid.shortest_path_length == 2 * (grid.start[0] - grid.goals[0][0])


def test_every_character_makes_its_cell():
    layout = parse("S. #%~OG")
    floor, wall, low, sand, hole = (
        layouts.FLOOR,
        layouts.WALL,
        layouts.LOW_WALL,
        layouts.SAND,
        layouts.HOLE,
    )
    assert layout.cells.tolist() == [[floor, floor, floor, wall, low, sand, hole, floor]]
    assert layout.walkable.tolist() == [[True, True, True, False, True, True, False, True]]
    assert layout.free.tolist() == [[True, True, True, False, False, True, False, True]]


def test_rows_may_be_separated_by_slashes_or_newlines_of_any_system():
    texts = [parse(text).to_text() for text in ("S.#/..G", "S.#\n..G", "\nS.#\r\n..G\r\n")]
    assert texts == ["S.#\n..G"] * 3


def test_several_goals_are_allowed():
    assert parse("G.S/..G").goals == ((0, 0), (1, 2))


@given(st.integers(1, 6), st.integers(2, 6), st.data())
def test_text_and_layout_are_one_and_the_same(rows, columns, data):
    cells = data.draw(
        st.lists(st.sampled_from(".#%~O"), min_size=rows * columns, max_size=rows * columns)
    )
    start, goal = data.draw(
        st.lists(st.integers(0, rows * columns - 1), min_size=2, max_size=2, unique=True)
    )
    cells[start], cells[goal] = "S", "G"
    text = "\n".join("".join(cells[row * columns : (row + 1) * columns]) for row in range(rows))
    assert parse(text).to_text() == text


@pytest.mark.parametrize(
    ("text", "row", "column", "says"),
    [
        ("", None, None, "empty"),
        ("\n\n", None, None, "empty"),
        ("...\n..G", None, None, "no start; mark one cell with 'S'"),
        ("S..\n...", None, None, "no goal; mark at least one cell with 'G'"),
        ("S..\n.SG", 1, 1, "second start 'S', expected one only; the first is at row 0, column 0"),
        ("S..\n....\n..G", 1, None, "4 cells, expected 3 as in row 0"),
        ("S..\n\n..G", 1, None, "0 cells, expected 3 as in row 0"),
        ("S..\n..x\n..G", 1, 2, "unknown character 'x', expected '.' floor"),
        ("S.o\n..G", 0, 2, "Did you mean 'O'?"),
        ("S.\t\n..G", 0, 2, r"unknown character '\t'"),
        ("S.é\n..G", 0, 2, "unknown character 'é'"),
    ],
)
def test_a_wrong_text_is_refused_with_its_place(text, row, column, says):
    with pytest.raises(LayoutError) as caught:
        parse(text)
    assert (caught.value.row, caught.value.column) == (row, column)
    assert says in str(caught.value)
    assert isinstance(caught.value, SandboxError) and isinstance(caught.value, ValueError)
    for number, name in ((row, "row"), (column, "column")):
        assert number is None or f"{name} {number}" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start": (0, 1)}, "row 0, column 1: the start falls on a wall"),
        ({"goal": (0, 1)}, "row 0, column 1: the goal falls on a wall"),
        (
            {"start": (10, 2)},
            "row 10, column 2: the start lies outside, expected rows 0 to 9 and columns 0 to 9",
        ),
        ({"goal": (2, -1)}, "row 2, column -1: the goal lies outside"),
        ({"start": (0, 0)}, "start and goal are the same cell"),
        (
            {"layout": "S#/#G"},
            "row 0, column 0: there is no way from this start to the goal at (1, 1)",
        ),
        ({"layout": "S#/#G"}, "--env.allow-unsolvable"),
        ({"layout": "SO/OG"}, "no way"),
        ({"layout": "mase"}, "no layout and no file is called 'mase'. Did you mean 'maze'?"),
        ({"layout": "grids/missing.txt"}, "no layout and no file is called 'grids/missing.txt'"),
        ({"layout": "S.x/..G"}, "row 0, column 2: unknown character 'x'"),
        ({"size": 20}, "size = 20 counts only for layout empty or random; the layout here is maze"),
        (
            {"layout": "random", "density": 0.2},
            "density = 0.2 counts only for layout random of kind open",
        ),
        ({"slip": 1.0}, "slip = 1: it should be less than 1"),
        ({"wall_penalty": 1}, "wall-penalty = 1: it should be less than or equal to 0"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_starts(changes, says):
    with pytest.raises(ConfigError) as caught:
        resolve(MazeConfig, [changes], "env 'maze'")
    assert says in str(caught.value)


def test_start_and_goal_of_a_text_can_be_given_beside_it():
    layout = GridConfig(layout="...\n.#.\n..G", start=(0, 0), goal=(0, 2)).build_layout()
    assert (layout.start, layout.goals) == ((0, 0), ((0, 2),))


def test_an_unsolvable_layout_is_accepted_when_that_is_asked_for():
    config = GridConfig(layout="S#/#G", allow_unsolvable=True)
    assert config.build_layout().shortest_path_length is None
    assert config.episode_length == 4 * (2 + 2)


def test_surmountable_walls_are_a_way_only_where_there_is_no_other():
    assert GridConfig(walls="surmountable").build_layout().shortest_path_length == 42
    assert GridConfig(layout="S#G", walls="surmountable").build_layout().shortest_path_length == 2


def test_the_length_of_an_episode_is_four_shortest_ways_unless_given():
    assert MazeConfig().episode_length == 168
    assert GridConfig(layout="S...G").episode_length == 16
    assert GridConfig(layout="S...G", episode_length=7).episode_length == 7
    assert EmptyGridConfig().episode_length == 50


def test_a_file_is_read_once_and_its_text_is_kept(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("S.#\r\n..G\r\n", encoding="utf-8")
    config = resolve(GridConfig, [{"layout": str(file)}], "env")
    file.unlink()
    again = resolve(GridConfig, [dump(config)], "env")
    assert again == config
    assert again.build_layout().to_text() == "S.#\n..G"


@pytest.mark.parametrize("content", ["maze", "nonsense here", "maze\n"])
def test_a_file_that_holds_no_layout_is_refused_where_it_goes_wrong(tmp_path, content):
    file = tmp_path / "mine.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="row 0, column 0: unknown character"):
        resolve(GridConfig, [{"layout": str(file)}], "env")


def test_a_file_that_is_no_text_or_a_folder_is_refused(tmp_path):
    (tmp_path / "mine.bin").write_bytes(b"\xff\xfe\xfd")
    for path in (tmp_path, tmp_path / "mine.bin"):
        with pytest.raises(ConfigError, match="cannot read"):
            resolve(GridConfig, [{"layout": str(path)}], "env")


@pytest.mark.parametrize(
    "layer",
    [
        {},
        {"layout": "random", "size": 12, "layout_seed": 5, "kind": "braided"},
        {"layout": "S./.G"},
        {"layout": "empty", "start": [4, 4]},
        {"layout": "Cliff"},
    ],
)
def test_a_dumped_configuration_gives_the_same_grid(layer):
    config = resolve(GridConfig, [layer], "env")
    again = resolve(GridConfig, [dump(config)], "env")
    assert again == config
    assert again.build_layout().to_text() == config.build_layout().to_text()


def test_every_option_has_help():
    assert all(
        option.help
        for config in (GridConfig, MazeConfig, EmptyGridConfig)
        for option in options(config)
    )


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_distances_agree_with_relaxing_every_edge(rows, columns, data):
    passable = np.array(
        data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    ).reshape(rows, columns)
    assume(passable.any())
    target = tuple(map(int, np.argwhere(passable)[0]))
    relaxed = np.where(passable, np.inf, np.nan)
    relaxed[target] = 0
    for _ in range(rows * columns):
        padded = np.pad(relaxed, 1, constant_values=np.nan)
        around = np.stack(
            [padded[1:-1, 2:], padded[1:-1, :-2], padded[2:, 1:-1], padded[:-2, 1:-1]]
        )
        relaxed = np.where(passable, np.fmin(relaxed, np.fmin.reduce(around) + 1), np.nan)
    expected = np.where(np.isfinite(relaxed), relaxed, -1)
    np.testing.assert_array_equal(layouts.distances(passable, (target,)), expected)
