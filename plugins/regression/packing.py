"""Parameters of a network with two hidden layers in the order in which `kernels` works on them.

Every array is padded with zeros to whole vectors. Of the large matrix four rows are stored
together, vector by vector.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from plugins.regression.kernels import LANES, ROWS


def padded(size: int) -> int:
    """The next multiple of a vector's length."""
    return -(-size // LANES) * LANES


def _swapped(values: np.ndarray, width: int, inner: int) -> np.ndarray:
    """Exchange the order of groups of vectors: [rows, width] with `inner` vectors in a group."""
    groups = values.reshape(-1, inner, ROWS * width // inner // LANES, LANES)
    return groups.swapaxes(1, 2).reshape(-1, width)


def pack(parameters: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """What `descend` works on: padded parameters, and space for the values of the units.

    Args:
        parameters: w1, b1, w2, b2, w3, b3: float64 [inputs, units1], [units1], [units1, units2],
            [units2], [units2], [1].

    Returns:
        Parts of one block of memory: the parameters; h1, ahead, delta1 and a 1 for each unit in
        the last vector of h1; h2, delta2 and the same of h2.
    """
    (inputs, units1), units2 = parameters[0].shape, len(parameters[3])
    p1, p2 = padded(units1), padded(units2)
    shapes = ((inputs, p1), (p1,), (-(-units1 // ROWS) * ROWS, p2), (p2,), (p2,), (LANES,))
    parts: list[np.ndarray] = [np.zeros(shape) for shape in shapes]
    for to, part in zip(parts, parameters, strict=True):
        to[tuple(map(slice, part.shape))] = part
    parts[2] = _swapped(parts[2], p2, ROWS)
    parts += [np.zeros((3, p1)), np.arange(p1 - LANES, p1) < units1]
    parts += [np.zeros((2, p2)), np.arange(p2 - LANES, p2) < units2]
    values = np.concatenate([part.ravel() for part in parts])
    block = np.empty(len(values) + LANES)
    first = -(block.ctypes.data // block.itemsize) % LANES  # its address is a multiple of 64
    block = block[first : first + len(values)]
    block[:] = values
    sizes = [math.prod(shape) for shape in shapes] + 3 * [p1] + [LANES] + 2 * [p2]
    return tuple(np.split(block, np.cumsum(sizes)))


def unpack(arrays: Sequence[np.ndarray], parameters: Sequence[np.ndarray]) -> None:
    """Copy parameters back, see `pack`."""
    for number, part in enumerate(map(np.atleast_2d, parameters)):
        rows, units = part.shape
        width = padded(units)
        wide = arrays[number].reshape(-1, width)
        if number == 2:
            wide = _swapped(wide, width, width // LANES)
        part[:] = wide[:rows, :units]
