"""Pictures of grids, looked at pixel by pixel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs import layouts
from envs.render import board, palette, snapshot, tiles
from envs.render.snapshot import Snapshot, captioned, greedy_bits
from sandbox.visual import drawing

TEXT = """
S.#.
.%~.
.O.G
"""
LAYOUT = layouts.parse(TEXT)
STATES = LAYOUT.cells.size
STAY, RIGHT, LEFT, DOWN, UP = np.eye(5, dtype=bool)


def square(
    picture: np.ndarray, row: int, column: int, layout: layouts.Layout = LAYOUT
) -> np.ndarray:
    """The pixels of one cell, uint8 [cell, cell, 3]."""
    plan = board.plan_of(layout)
    left, top = snapshot._page(plan).corner
    return picture[
        top + row * plan.cell : top + (row + 1) * plan.cell,
        left + column * plan.cell : left + (column + 1) * plan.cell,
    ]


def holds(pixels: np.ndarray, colour: palette.Colour) -> bool:
    return bool((pixels == np.array(colour, dtype=np.uint8)).all(axis=-1).any())


def lightness(colour: np.ndarray) -> float:
    return float(np.asarray(colour, dtype=float) @ (0.2126, 0.7152, 0.0722))


def ground_colour(picture: np.ndarray, row: int, column: int) -> np.ndarray:
    """The colour of a cell away from lines, arrows and signs: near its lower left corner."""
    colour: np.ndarray = square(picture, row, column)[-6, 6]
    return colour


def test_a_picture_is_bytes_of_red_green_and_blue() -> None:
    picture = Snapshot(LAYOUT).draw()
    assert picture.dtype == np.uint8
    assert picture.ndim == 3 and picture.shape[2] == 3
    assert picture.flags.c_contiguous and picture.flags.writeable


def test_the_agent_is_drawn_in_its_cell_and_nowhere_else() -> None:
    picture = Snapshot(LAYOUT, agent=(0, 3)).draw()
    assert holds(square(picture, 0, 3), palette.AGENT)
    others = [(row, column) for row in range(3) for column in range(4) if (row, column) != (0, 3)]
    assert not any(holds(square(picture, *cell), palette.AGENT) for cell in others)


def test_every_kind_of_cell_looks_different() -> None:
    picture = Snapshot(LAYOUT).draw()
    cells = {
        "floor": (0, 1),
        "wall": (0, 2),
        "low wall": (1, 1),
        "sand": (1, 2),
        "hole": (2, 1),
        "start": (0, 0),
        "goal": (2, 3),
    }
    seen = {name: square(picture, *cell)[1:-1, 1:-1].tobytes() for name, cell in cells.items()}
    assert len(set(seen.values())) == len(cells)
    assert holds(square(picture, *cells["goal"]), palette.GOAL)
    assert holds(square(picture, *cells["wall"]), palette.WALL)
    assert holds(square(picture, *cells["hole"]), palette.HOLE)


def test_the_goal_can_be_seen_behind_the_agent() -> None:
    with_goal = square(Snapshot(LAYOUT, agent=(2, 3)).draw(), 2, 3)
    assert holds(with_goal, palette.AGENT)
    assert holds(with_goal, palette.GOAL)


def test_higher_values_are_darker() -> None:
    values = np.zeros(STATES)
    values[[1, 3, 7]] = 1.0, 5.0, 10.0  # (0, 1), (0, 3), (1, 3)
    picture = Snapshot(LAYOUT, values=values).draw()
    low, middle, high = (
        lightness(ground_colour(picture, *cell)) for cell in ((0, 1), (0, 3), (1, 3))
    )
    assert low > middle + 10 > high + 20


def test_lightness_falls_along_the_whole_scale() -> None:
    light = np.array([lightness(colour) for colour in palette.scale_table()])
    assert (np.diff(light) < 0.5).all()  # bytes round by up to a half
    assert (np.diff(light[::8]) < 0).all()


def test_one_scale_for_an_animation_gives_equal_values_equal_colours() -> None:
    early, late = np.zeros(STATES), np.zeros(STATES)
    early[1], late[1], late[3] = 2.0, 2.0, 10.0
    first, last = (
        Snapshot(LAYOUT, values=values, value_range=(0.0, 10.0)).draw() for values in (early, late)
    )
    assert (ground_colour(first, 0, 1) == ground_colour(last, 0, 1)).all()
    own = Snapshot(LAYOUT, values=early).draw()
    assert (ground_colour(own, 0, 1) != ground_colour(first, 0, 1)).any()


def test_values_of_walls_and_holes_do_not_stretch_the_scale() -> None:
    values = np.linspace(0, 1, STATES)
    beyond = values.copy()
    beyond[[2, 9]] = 1000.0, -1000.0  # the wall and the hole
    assert (Snapshot(LAYOUT, values=values).draw() == Snapshot(LAYOUT, values=beyond).draw()).all()


@pytest.mark.parametrize(
    "values", [np.full(STATES, np.nan), np.full(STATES, 3.0), np.full(STATES, np.inf)]
)
def test_values_without_a_range_are_drawn(values: np.ndarray) -> None:
    assert Snapshot(LAYOUT, values=values).draw().shape == Snapshot(LAYOUT).draw().shape


@pytest.mark.parametrize("layer", ["values", "policy", "trail"])
def test_a_hidden_layer_is_not_drawn(layer: str) -> None:
    everything: dict[str, Any] = {
        "values": np.linspace(0, 1, STATES),
        "policy": np.tile(RIGHT, (STATES, 1)),
        "trail": [(0, 0), (1, 0), (2, 0)],
    }
    snapshot = Snapshot(LAYOUT, **everything)
    without = Snapshot(
        LAYOUT, **{name: value for name, value in everything.items() if name != layer}
    )
    hidden = snapshot.draw(frozenset({layer}))
    assert (hidden != snapshot.draw()).any()
    assert (hidden == without.draw()).all()


def test_the_size_depends_on_the_layout_alone() -> None:
    full = Snapshot(
        LAYOUT,
        (0, 0),
        [(1, 0)],
        np.zeros(STATES),
        np.ones((STATES, 5)),
        (0, 1),
        "a status" * 40,
        "a title" * 40,
    )
    assert (
        full.draw().shape
        == full.draw(frozenset({"values", "policy"})).shape
        == Snapshot(LAYOUT).draw().shape
    )


def test_arrows_point_where_the_policy_goes() -> None:
    dark = {}
    for name, action in {
        "right": RIGHT,
        "left": LEFT,
        "down": DOWN,
        "up": UP,
        "stay": STAY,
    }.items():
        ink = (
            square(Snapshot(LAYOUT, policy=np.tile(action, (STATES, 1))).draw(), 0, 1)
            .astype(int)
            .sum(axis=2)
            < 300
        )
        rows, columns = np.nonzero(ink)
        half = (ink.shape[0] - 1) / 2
        dark[name] = (
            round(columns.mean() - half),
            round(rows.mean() - half),
        )  # x to the right, y down
    assert (
        dark["right"][0] > 5 and dark["left"][0] < -5 and dark["down"][1] > 5 and dark["up"][1] < -5
    )
    assert dark["right"][1] == dark["left"][1] == dark["down"][0] == dark["up"][0] == 0
    assert dark["stay"] == (0, 0)


def test_greedy_actions_are_the_largest_positive_weights() -> None:
    weights = np.array(
        [
            [0.1, 0.6, 0.1, 0.1, 0.1],
            [0.0, 0.5, 0.5, 0.0, 0.0],
            [0, 0, 0, 0, 0],
            [np.nan, 0, 0, 0, 1],
        ]
    )
    assert greedy_bits(weights).tolist() == [0b00010, 0b00110, 0, 0b10000]
    assert greedy_bits(np.array([[True, False, False, False, True]])).tolist() == [0b10001]


def test_the_trail_fades_and_breaks_where_the_agent_was_thrown_back() -> None:
    picture = Snapshot(
        layouts.parse("S.....\n......\n.....G"),
        trail=[(2, 0), (2, 1), (2, 2), (0, 1), (0, 2), (0, 3)],
    ).draw()
    layout = layouts.parse("S.....\n......\n.....G")
    old, new = square(picture, 2, 1, layout), square(picture, 0, 2, layout)
    middle = old.shape[0] // 2
    assert lightness(new[middle, middle]) < lightness(old[middle, middle]) < 254
    between = square(picture, 1, 1, layout)
    assert (between == square(Snapshot(layout).draw(), 1, 1, layout)).all()


def test_title_and_status_are_written_and_long_ones_fit() -> None:
    plain = Snapshot(LAYOUT).draw()
    told = Snapshot(LAYOUT, title="Maze", status="episode 3 · ε 0.012").draw()
    changed = np.flatnonzero((plain != told).any(axis=(1, 2)))
    assert changed.min() < snapshot.HEADER and changed.max() > plain.shape[0] - snapshot.STATUS
    assert Snapshot(LAYOUT, status="very long " * 100).draw().shape == plain.shape


def test_greek_letters_and_dots_have_glyphs() -> None:
    drawing.font.cache_clear()
    assert all(
        metrics is not None
        for letter in "εαγτ·…"
        for metrics in drawing.font(drawing.TEXT).metrics(letter)
    )


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    def draw() -> bytes:
        return (
            Snapshot(
                LAYOUT,
                (1, 0),
                [(0, 0)],
                np.linspace(0, 1, STATES),
                np.ones((STATES, 5)),
                None,
                "status",
                "title",
            )
            .draw()
            .tobytes()
        )

    first = draw()
    Snapshot(LAYOUT, (2, 2), values=np.zeros(STATES)).draw()
    for kept in (
        tiles.sprite,
        drawing.text,
        drawing.font,
        board._scene,
        board._ground,
        board._tile_bank,
        snapshot._page,
        snapshot._colour_bar,
    ):
        kept.cache_clear()
    assert draw() == first


def test_drawing_starts_no_display() -> None:
    import pygame

    pygame.display.quit()  # a test before may have started one
    Snapshot(LAYOUT, (0, 0), values=np.zeros(STATES)).draw()
    assert not pygame.display.get_init()


def test_drawing_survives_somebody_who_quits_pygame() -> None:
    import pygame

    before = Snapshot(LAYOUT, status="one").draw()
    pygame.quit()
    pygame.font.init()
    assert (Snapshot(LAYOUT, status="two").draw() != before).any()


def test_importing_the_renderer_loads_no_pygame() -> None:
    code = "import envs.render.snapshot, sandbox.visual.window, sandbox.visual.animation, sys; print('pygame' in sys.modules, 'PIL' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(1, 2), (2, 2), (10, 10), (6, 40), (40, 3), (100, 100), (1, 1500), (1100, 700)],
)
def test_grids_of_any_size_are_drawn_with_their_agent(rows: int, columns: int) -> None:
    cells = np.zeros((rows, columns), dtype=np.uint8)
    cells[:, columns // 3] = layouts.SAND
    layout = layouts.Layout(cells, (0, 0), ((rows - 1, columns - 1),))
    values = np.linspace(0, 1, rows * columns)
    picture = Snapshot(
        layout,
        (rows // 2, columns // 2),
        [(rows // 2, columns // 2 - 1)],
        values,
        np.ones((rows * columns, 5)),
    ).draw()
    assert max(picture.shape) <= 1200
    assert holds(picture, palette.AGENT)


def test_a_usual_grid_has_comfortable_cells_and_a_large_one_stays_on_the_screen() -> None:
    assert (
        board.plan_of(layouts.parse("S" + "." * 8 + "G\n" + "\n".join(["." * 10] * 9))).cell == 44
    )
    assert (
        max(
            Snapshot(layouts.Layout(np.zeros((50, 50), dtype=np.uint8), (0, 0), ((49, 49),)))
            .draw()
            .shape
        )
        <= 900
    )


def test_arrays_that_do_not_fit_the_layout_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"values have the shape \(11,\); this layout wants \(12,\)"
    ):
        Snapshot(LAYOUT, values=np.zeros(11))
    with pytest.raises(
        ValueError, match=r"policy has the shape \(12, 4\); this layout wants \(12, 5\)"
    ):
        Snapshot(LAYOUT, policy=np.zeros((12, 4)))


def test_the_line_below_a_picture_has_greek_letters_and_leaves_the_picture_alone():
    picture = np.full((60, 300, 3), 200, np.uint8)
    drawn = {words: captioned(picture, words) for words in ("ε 0.5", "\uffff 0.5", "α 0.5", "")}
    assert all((one[:60] == picture).all() and one.shape == (92, 300, 3) for one in drawn.values())
    lines = {words: one[60:].tobytes() for words, one in drawn.items()}
    assert len(set(lines.values())) == 4, (
        "a letter that the font lacks is drawn as the same box as any other"
    )


def test_a_long_line_below_a_narrow_picture_is_cut_rather_than_written_over_its_edge():
    wide = captioned(
        np.zeros((20, 120, 3), np.uint8), "episode 20 · step 3 · ε 0.98 · return 0 " * 3
    )
    assert wide.shape == (52, 120, 3) and (wide[20:, -4:] == wide[51, 119]).all()
