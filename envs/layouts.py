"""Layouts: grids as text, one character per cell.

A layout is always valid: `parse` and `place` refuse anything else with an error that names row and
column (both counted from 0, as in REPORTS) and what was expected there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sandbox.errors import UsageError

Position = tuple[int, int]
"""(row, column), counted from 0 at the top left."""


FLOOR, WALL, LOW_WALL, SAND, HOLE = range(5)
"""The kinds of cells; a low wall can be crossed. Start and goal are positions, not kinds."""
KINDS = ("floor", "a wall", "a surmountable wall", "sand", "a hole")
SYMBOLS = ".#%~O"
"""The character of each kind of cell, in the order of the codes."""
START, GOAL, AGENT = "S", "G", "A"
ALPHABET = {symbol: code for code, symbol in enumerate(SYMBOLS)} | dict.fromkeys(
    (" ", START, GOAL), FLOOR
)
"""Characters of a layout -> code of the cell."""
LEGEND = "'.' floor, '#' wall, '%' surmountable wall, '~' sand, 'O' hole, 'S' start, 'G' goal"

NAMED = {
    "maze": """
G#.....#..
...#.####.
.##..#....
##..#..##.
...#..#.#.
.####.#...
.#....#.##
...####...
.###.#..#.
.....#.##S
""",
    "cliff": """
............
............
............
SOOOOOOOOOOG
""",
    "sand": """
S.........
..........
###.######
..~~~~~~..
..~~~~~~..
..~~~~~~..
######~###
..........
..........
.........G
""",
    "holes": """
S.......
........
...O....
.....O..
...O....
.OO...O.
.O..O.O.
...O...G
""",
    "rooms": """
S....#.....
.....#.....
...........
.....#.....
.....#.....
#.####.....
.....###.##
.....#.....
.....#.....
...........
.....#....G
""",
}
"""The bundled layouts: the report's maze (REPORTS, G3), the cliff of Sutton and Barto (2nd
edition, example 6.6), a short way through sand beside a clean one, the 8 x 8 lake of Gymnasium's
FrozenLake, and the four rooms of Sutton, Precup and Singh (1999).
"""
MADE_TO_MEASURE = ("empty", "random")
"""Names of layouts that are generated at a given size: see `empty` and `envs.random_mazes`."""


class LayoutError(UsageError, ValueError):
    """An invalid layout.

    Args:
        message: what is wrong and what was expected.
        row: row of the wrong cell, or None if the error does not concern a single cell.
        column: likewise.
    """

    def __init__(self, message: str, row: int | None = None, column: int | None = None) -> None:
        self.row, self.column = row, column
        place = [
            f"{name} {number}"
            for name, number in (("row", row), ("column", column))
            if number is not None
        ]
        super().__init__(f"layout, {', '.join(place)}: {message}" if place else message)


@dataclass(frozen=True, eq=False)
class Layout:
    """A grid with one start and at least one goal.

    Attributes:
        cells: the kind of each cell, codes as above, uint8 [rows, columns], read-only.
        start: where an episode begins unless starts are random, and where the agent returns to
            after a hole.
        goals: the cells in which staying is rewarded.
    """

    cells: np.ndarray
    start: Position
    goals: tuple[Position, ...]

    def __post_init__(self) -> None:
        self.cells.setflags(write=False)

    @property
    def rows(self) -> int:
        """Height in cells."""
        return int(self.cells.shape[0])

    @property
    def columns(self) -> int:
        """Width in cells."""
        return int(self.cells.shape[1])

    def state(self, position: Position) -> int:
        """The number of a cell: row * columns + column."""
        return position[0] * self.columns + position[1]

    def position(self, state: int) -> Position:
        """The cell with that number: (row, column)."""
        return divmod(state, self.columns)

    @cached_property
    def walkable(self) -> np.ndarray:
        """Cells in which an agent can be: all but solid walls and holes, bool [rows, columns]."""
        return ~np.isin(self.cells, (WALL, HOLE))

    @cached_property
    def free(self) -> np.ndarray:
        """Cells of random starts: all but walls of both kinds and holes, bool [rows, columns]."""
        return np.asarray(self.walkable & (self.cells != LOW_WALL))

    @cached_property
    def shortest_path_length(self) -> int | None:
        """Fewest moves from the start to a goal; surmountable walls are crossed only if there is no
        way around them; None if there is no path at all.
        """
        for passable in (self.free, self.walkable):
            moves = int(distances(passable, self.goals)[self.start])
            if moves >= 0:
                return moves
        return None

    def to_text(self, agent: Position | None = None) -> str:
        """The layout as text that `parse` reads, rows separated by newlines; with `agent`, that
        cell shows 'A'.
        """
        symbols = np.array(list(SYMBOLS))[self.cells]  # [rows, columns] of characters
        for goal in self.goals:
            symbols[goal] = GOAL
        symbols[self.start] = START
        if agent is not None:
            symbols[agent] = AGENT
        return "\n".join("".join(row) for row in symbols)

    def surmountable(self) -> Layout:
        """The same layout with every solid wall turned into one that can be crossed."""
        return replace(self, cells=np.where(self.cells == WALL, np.uint8(LOW_WALL), self.cells))


def parse(text: str, start: Position | None = None, goal: Position | None = None) -> Layout:
    """Read a layout.

    Args:
        text: rows of equal length, separated by newlines or '/'.
        start: replaces the 'S' of the text, which may then be missing.
        goal: replaces all 'G' of the text, which may then be missing.

    Raises:
        LayoutError: empty, ragged, an unknown character, no start, no goal, two starts, or a start
            or goal on a cell that does not allow it.
    """
    rows = text.replace("\r\n", "\n").replace("/", "\n").strip("\n").split("\n")
    if rows == [""]:
        raise LayoutError("the layout is empty; expected rows of characters: " + LEGEND)
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise LayoutError(
                f"the row has {len(row)} cells, expected {len(rows[0])} as in row 0", number
            )
    codes = np.frombuffer("".join(rows).encode("utf-32-le"), dtype=np.uint32).reshape(
        len(rows), -1
    )  # [rows, columns]
    starts, goals = np.argwhere(codes == ord(START)), np.argwhere(codes == ord(GOAL))
    cells = _cells(codes)
    if len(starts) > 1:
        first, second = _positions(starts[:2])
        raise LayoutError(
            f"a second start 'S', expected one only; the first is at row {first[0]}, column "
            f"{first[1]}",
            *second,
        )
    if start is None and not len(starts):
        raise LayoutError("the layout has no start; mark one cell with 'S'")
    if goal is None and not len(goals):
        raise LayoutError("the layout has no goal; mark at least one cell with 'G'")
    return place(cells, start or _positions(starts)[0], (goal,) if goal else _positions(goals))


def empty(size: int, start: Position | None = None, goal: Position | None = None) -> Layout:
    """A layout of size x size floor cells; by default start and goal are at 7/10 and 2/10 of the
    diagonal, as in REPORTS, G2.

    Args:
        size: rows and columns, >= 2.
        start: row and column; None for the default.
        goal: likewise.
    """
    far, near = 7 * size // 10, 2 * size // 10
    return place(
        np.full((size, size), FLOOR, dtype=np.uint8), start or (far, far), (goal or (near, near),)
    )


def place(cells: np.ndarray, start: Position, goals: tuple[Position, ...]) -> Layout:
    """A layout with these cells, start and goals, after checking them.

    Args:
        cells: codes, uint8 [rows, columns].
        start: its cell (row, column).
        goals: their cells (row, column), at least one.

    Raises:
        LayoutError: start or a goal outside the grid, on a wall or a hole, or both in the same
            cell.
    """
    rows, columns = cells.shape
    for name, (row, column) in [("start", start)] + [("goal", goal) for goal in goals]:
        if not (0 <= row < rows and 0 <= column < columns):
            raise LayoutError(
                f"the {name} lies outside, expected rows 0 to {rows - 1} and columns 0 to "
                f"{columns - 1}",
                row,
                column,
            )
        if cells[row, column] not in (FLOOR, SAND):
            kind = KINDS[cells[row, column]]
            raise LayoutError(f"the {name} falls on {kind}, expected floor or sand", row, column)
    if start in goals:
        raise LayoutError("start and goal are the same cell, expected two", *start)
    return Layout(np.ascontiguousarray(cells, dtype=np.uint8), start, goals)


def check_solvable(layout: Layout) -> None:
    """Refuse a layout without a path from the start to a goal.

    Raises:
        LayoutError: naming the start and the option that allows it.
    """
    if layout.shortest_path_length is None:
        goals = ", ".join(f"({row}, {column})" for row, column in layout.goals[:3])
        ways = f"there is no way from this start to the goal at {goals}" + (
            " …" if len(layout.goals) > 3 else ""
        )
        raise LayoutError(
            f"{ways}; open a wall, or allow it with `--env.allow-unsolvable`", *layout.start
        )


def distances(passable: np.ndarray, targets: tuple[Position, ...]) -> np.ndarray:
    """Fewest moves (right, left, down, up) from each cell to the nearest target, breadth first.

    Args:
        passable: bool [rows, columns].
        targets: at least one (row, column).

    Returns:
        int64 [rows, columns]; -1 where there is no path.
    """
    padded = np.pad(passable, 1)  # with a closed border the loop needs no bounds checks
    width = padded.shape[1]
    moves = np.where(padded, -1, -2).ravel().tolist()  # -1 not visited yet, -2 impassable
    frontier = [(row + 1) * width + column + 1 for row, column in targets if passable[row, column]]
    for cell in frontier:
        moves[cell] = 0
    step = 0
    while frontier:
        step += 1
        following = []
        for cell in frontier:
            for neighbour in (cell + 1, cell - 1, cell + width, cell - width):
                if moves[neighbour] == -1:
                    moves[neighbour] = step
                    following.append(neighbour)
        frontier = following
    return np.maximum(np.array(moves, dtype=np.int64).reshape(padded.shape)[1:-1, 1:-1], -1)


def _cells(codes: np.ndarray) -> np.ndarray:
    """Cell codes, uint8 [rows, columns], of characters given as code points, uint32 [rows,
    columns].
    """
    unknown = 255
    table = np.full(128, unknown, dtype=np.uint8)
    for symbol, cell in ALPHABET.items():
        table[ord(symbol)] = cell
    cells = table[np.minimum(codes, 127)]
    strange = _positions(np.argwhere(cells == unknown)[:1])
    if strange:
        symbol = chr(codes[strange[0]])
        near = f" Did you mean '{symbol.upper()}'?" if symbol.upper() in ALPHABET else ""
        raise LayoutError(f"unknown character {symbol!r}, expected {LEGEND}.{near}", *strange[0])
    return cells


def _positions(cells: np.ndarray) -> tuple[Position, ...]:
    """Rows of `np.argwhere` as positions."""
    return tuple((int(row), int(column)) for row, column in cells)
