"""Random mazes, determined by size, seed and kind, with start and goal in opposite corners and
always a path between them.

There is no outer ring of wall cells, because the border of the grid acts as a wall. All algorithms
are iterative; a maze of 1000 x 1000 takes about a second.
"""

from __future__ import annotations

from itertools import permutations
from typing import Literal

import numpy as np

from envs.layouts import FLOOR, WALL, Layout, Position, place

Kind = Literal["perfect", "braided", "open"]

AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The eight neighbours of a cell in clockwise order, as (row, column) steps."""
ROUNDS = 8
"""Number of rounds in which the walls of an open maze are placed, so that a cell's position gives
it no precedence."""


def random_maze(
    size: int,
    seed: int,
    kind: Kind = "perfect",
    density: float = 0.3,
    start: Position | None = None,
    goal: Position | None = None,
) -> Layout:
    """Make a maze.

    Args:
        size: rows and columns, at least 2.
        seed: seed of the maze's own generator.
        kind: "perfect" (exactly one way between any two cells), "braided" (a perfect maze whose
            dead ends are opened into loops) or "open" (walls anywhere, as long as all floor stays
            connected).
        density: share of walls in an open maze, 0 to 0.4: more walls would disconnect the floor,
            and near 0.4 as many are placed as possible.
        start: instead of the bottom right corner.
        goal: instead of the top left corner.

    Raises:
        LayoutError: `start` or `goal` is not a floor cell in this maze.
    """
    rng = np.random.default_rng(seed)
    cells = (
        _open(size, density, rng)
        if kind == "open"
        else _rooms(size, rng, braided=kind == "braided")
    )
    return place(cells, start or (size - 1, size - 1), (goal or (0, 0),))


def _rooms(size: int, rng: np.random.Generator, braided: bool) -> np.ndarray:
    """A maze of rooms joined by corridors: cells, uint8 [size, size].

    Rooms fill every second row and column. Where the size is even, one wall in each direction
    is two cells thick, at random.
    """
    cells = np.full((size, size), WALL, dtype=np.uint8)
    if size == 2:  # too small for rooms: two opposite corners with one or two paths between them
        cells[:] = FLOOR
        if not braided:
            cells[(0, 1) if rng.integers(2) else (1, 0)] = WALL
        return cells
    rows, columns = _lines(size, rng), _lines(size, rng)  # [rooms per side]
    doors = _tree(len(rows), rng)
    if braided:
        _open_dead_ends(doors, rng)
    right, down = doors  # bool [rooms per side, rooms per side] each
    cells[np.ix_(rows, columns)] = FLOOR
    for room in range(len(rows) - 1):
        for gap in range(columns[room] + 1, columns[room + 1]):
            cells[rows[right[:, room]], gap] = FLOOR
        for gap in range(rows[room] + 1, rows[room + 1]):
            cells[gap, columns[down[room]]] = FLOOR
    return cells


def _lines(size: int, rng: np.random.Generator) -> np.ndarray:
    """The rows (or columns) that hold rooms, always including the first and the last: int64 [rooms
    per side].
    """
    rooms = (size + 1) // 2
    lines = 2 * np.arange(rooms)
    if size % 2 == 0:
        lines[rng.integers(1, rooms) :] += 1
    return lines


def _tree(side: int, rng: np.random.Generator) -> np.ndarray:
    """A random spanning tree of side x side rooms, depth first ("recursive backtracker", with a
    list as explicit stack).

    Returns:
        Doors, bool [2, side, side]: whether a room is joined to the one on its right, and to the
        one below.
    """
    orders = np.array(list(permutations(range(4))))  # [24, 4]
    tries = orders[
        rng.integers(len(orders), size=side * side)
    ]  # [rooms, 4]: each room tries its directions in its own order
    width = side + 2  # with a rim of rooms that count as visited
    steps = (1, -1, width, -width)
    inside = (np.arange(side)[:, None] + 1) * width + np.arange(side) + 1  # [side, side]
    left_to_try: list[list[int]] = [[]] * (width * width)
    for room, order in zip(inside.ravel().tolist(), tries.tolist(), strict=True):
        left_to_try[room] = order
    visited = bytearray(b"\x01") * (width * width)
    np.frombuffer(visited, dtype=np.uint8)[inside] = 0
    doors = [bytearray(width * width), bytearray(width * width)]  # to the right, below
    stack = [int(inside[0, 0])]
    visited[stack[0]] = 1
    while stack:
        room = stack[-1]
        if not left_to_try[room]:
            stack.pop()
            continue
        direction = left_to_try[room].pop()
        neighbour = room + steps[direction]
        if not visited[neighbour]:
            visited[neighbour] = 1
            doors[direction // 2][room if direction % 2 == 0 else neighbour] = 1
            stack.append(neighbour)
    return np.stack([np.frombuffer(door, dtype=np.uint8)[inside].astype(bool) for door in doors])


def _open_dead_ends(doors: np.ndarray, rng: np.random.Generator) -> None:
    """Give every room with a single door a second one, at random; changes `doors`, bool [2, side,
    side].
    """
    right, down = doors
    side = right.shape[0]
    degree = np.zeros((side, side), dtype=np.int64)
    degree += right + down
    degree[:, 1:] += right[:, :-1]
    degree[1:] += down[:-1]
    for row, column in rng.permutation(np.argwhere(degree == 1)).tolist():
        if degree[row, column] > 1:
            continue
        closed = []
        for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            neighbour = row + down, column + right
            door = (abs(down), *min((row, column), neighbour))
            if min(neighbour) >= 0 and max(neighbour) < side and not doors[door]:
                closed.append((door, neighbour))
        door, neighbour = closed[rng.integers(len(closed))]
        doors[door] = True
        degree[row, column] += 1
        degree[neighbour] += 1


def _open(size: int, density: float, rng: np.random.Generator) -> np.ndarray:
    """Walls scattered over floor so that all floor stays connected: cells, uint8 [size, size].

    A cell becomes a wall only if the floor around it stays connected without it. Cells with equal
    parity of row and equal parity of column are not neighbours, so all candidates of one such class
    can be decided at once.
    """
    cells = np.full((size, size), FLOOR, dtype=np.uint8)
    wanted = round(density * size * size)
    candidates = np.zeros((size, size), dtype=bool)
    for helping in range(3 * ROUNDS):
        missing = wanted - int((cells == WALL).sum())
        if missing <= 0:
            break
        candidates[:] = False
        free = np.flatnonzero(cells == FLOOR)
        candidates.flat[
            rng.choice(
                free, size=min(len(free), -(-missing // max(1, ROUNDS - helping))), replace=False
            )
        ] = True
        candidates[0, 0] = candidates[-1, -1] = False
        for row, column in rng.permutation([(0, 0), (0, 1), (1, 0), (1, 1)]).tolist():
            part = np.zeros_like(candidates)
            part[row::2, column::2] = candidates[row::2, column::2]
            cells[part & _dispensable(cells == FLOOR)] = WALL
    return cells


def _dispensable(floor: np.ndarray) -> np.ndarray:
    """Cells whose adjacent floor cells stay connected without them, judged by their eight
    neighbours: bool like `floor`.

    These are the cells around which floor forms a single arc, or a closed ring. An arc ends,
    clockwise, at an adjacent floor cell that no corner joins to the next one.
    """
    rows, columns = floor.shape
    padded = np.pad(floor, 1)
    around = [
        padded[1 + row : 1 + row + rows, 1 + column : 1 + column + columns]
        for row, column in AROUND
    ]  # each bool [rows, columns]
    arcs = np.zeros(floor.shape, dtype=np.uint8)
    for side in range(0, 8, 2):
        arcs += around[side] & ~(around[side + 1] & around[(side + 2) % 8])
    return (arcs == 1) | np.all(around, axis=0)
