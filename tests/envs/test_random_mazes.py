"""Random mazes keep what their kind promises, for every size and seed."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path

from envs.layouts import FLOOR, distances, parse
from envs.random_mazes import random_maze

SIZES, SEEDS = st.integers(2, 24), st.integers(0, 2**32)
KINDS = st.sampled_from(["perfect", "braided", "open"])


def graph(floor: np.ndarray) -> coo_array:
    """Which floor cells touch, each pair once: sparse [cells, cells]."""
    number = np.full(floor.shape, -1)
    number[floor] = np.arange(floor.sum())
    pairs = [
        (here[both], there[both])
        for here, there in ((number[:, :-1], number[:, 1:]), (number[:-1], number[1:]))
        for both in [(here >= 0) & (there >= 0)]
    ]
    ends = np.concatenate([np.stack(pair) for pair in pairs], axis=1)  # [2, edges]
    return coo_array((np.ones(ends.shape[1]), ends), shape=(int(floor.sum()),) * 2)


@given(SIZES, SEEDS)
def test_a_perfect_maze_is_a_tree(size, seed):
    floor = random_maze(size, seed, "perfect").cells == FLOOR
    touching = graph(floor)
    assert touching.nnz == floor.sum() - 1
    assert connected_components(touching, directed=False)[0] == 1


@given(SIZES, SEEDS)
def test_a_braided_maze_is_connected_and_has_no_dead_end(size, seed):
    floor = random_maze(size, seed, "braided").cells == FLOOR
    padded = np.pad(floor, 1).astype(int)
    neighbours = padded[1:-1, 2:] + padded[1:-1, :-2] + padded[2:, 1:-1] + padded[:-2, 1:-1]
    assert neighbours[floor].min() >= 2
    assert connected_components(graph(floor), directed=False)[0] == 1


@given(SIZES, SEEDS, st.floats(0, 0.4))
def test_all_floor_of_an_open_maze_is_connected_and_no_wall_too_many(size, seed, density):
    floor = random_maze(size, seed, "open", density).cells == FLOOR
    assert connected_components(graph(floor), directed=False)[0] == 1
    assert (~floor).sum() <= round(density * size * size)


@pytest.mark.parametrize("density", [0.0, 0.1, 0.25, 0.35])
def test_an_open_maze_has_the_walls_that_were_asked_for(density):
    walls = (random_maze(50, 1, "open", density).cells != FLOOR).sum()
    assert walls == pytest.approx(density * 2500, abs=25)


@given(SIZES, SEEDS, KINDS)
def test_start_and_goal_are_opposite_corners_and_their_distance_is_known(size, seed, kind):
    maze = random_maze(size, seed, kind)
    assert (maze.start, maze.goals) == ((size - 1, size - 1), ((0, 0),))
    floor = maze.cells == FLOOR
    moves = shortest_path(graph(floor), directed=False, unweighted=True, indices=[0])[0, -1]
    assert maze.shortest_path_length == moves >= 2 * (size - 1)


@given(SIZES, SEEDS, KINDS)
def test_a_maze_is_a_function_of_size_seed_and_kind(size, seed, kind):
    first, second = random_maze(size, seed, kind), random_maze(size, seed, kind)
    assert first.to_text() == second.to_text()
    assert parse(first.to_text()).to_text() == first.to_text()


def test_other_seeds_give_other_mazes():
    for kind in ("perfect", "braided", "open"):
        texts = [random_maze(10, seed, kind).to_text() for seed in range(50)]
        assert len(set(texts)) == 50


def test_a_maze_stays_what_it_was():
    """Runs name mazes by seed; a change here would change them behind their backs."""
    assert random_maze(8, 3, "perfect").to_text().split() == PERFECT_8_3
    assert random_maze(8, 3, "braided").to_text().split() == BRAIDED_8_3
    assert random_maze(8, 3, "open").to_text().split() == OPEN_8_3


def test_a_thick_wall_of_an_even_maze_is_not_always_in_the_same_place():
    def lines(seed: int) -> tuple[int, ...]:
        floor = random_maze(12, seed).cells == FLOOR
        crowded = [row for row in range(12) if floor[row].sum() >= 6]
        return tuple(crowded)

    assert len({lines(seed) for seed in range(20)}) > 5


@pytest.mark.parametrize("kind", ["perfect", "braided", "open"])
def test_the_largest_mazes_can_be_made(kind):
    maze = random_maze(1000, 0, kind)
    moves = distances(maze.free, maze.goals)
    assert (moves[maze.free] >= 0).all()
    path = [maze.start]
    while path[-1] not in maze.goals:
        row, column = path[-1]
        around = [(row, column + 1), (row, column - 1), (row + 1, column), (row - 1, column)]
        path.append(
            next(
                cell
                for cell in around
                if 0 <= min(cell) <= max(cell) < 1000 and moves[cell] == moves[row, column] - 1
            )
        )
    assert len(path) - 1 == maze.shortest_path_length
    assert all(maze.free[cell] for cell in path)
    assert all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in pairwise(path))


PERFECT_8_3 = [
    "G##.....",
    ".##.#.#.",
    ".##.#.#.",
    ".####.#.",
    ".##...#.",
    ".##.###.",
    ".##.###.",
    "....#..S",
]
BRAIDED_8_3 = [
    "G.......",
    ".##.#.#.",
    "....#.#.",
    ".##.#.#.",
    ".##...#.",
    ".##.###.",
    ".##.###.",
    ".......S",
]
OPEN_8_3 = [
    "G#...###",
    ".#.#....",
    ".#....#.",
    "...##.#.",
    "#.......",
    "..###.#.",
    "..##....",
    "#......S",
]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_environment_of_a_million_cells_takes_less_than_300_megabytes() -> None:
    program = """
import gymnasium
import envs

env = gymnasium.make("sandbox/Maze-v0", layout="random", size=1000)
env.reset(seed=0)
env.step(1)
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 300 * 1024  # KiB, libraries included
