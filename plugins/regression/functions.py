"""Activations and losses as plain functions of arrays.

Derivatives of activations are functions of the activation's value, which backpropagation already
has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

LEAK = 0.05
"""Slope of the leaky ReLU below 0."""


Elementwise = Callable[[np.ndarray], np.ndarray]
"""A function of each number of an array."""


class Activation(NamedTuple):
    """An activation function.

    Attributes:
        kind: its number in `kernels`.
        slope: slope below 0 of the piecewise linear ones.
        value: f(z).
        derivative: f'(z) as a function of f(z).
    """

    kind: int
    slope: float
    value: Elementwise
    derivative: Elementwise


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * z))  # the same as 1 / (1 + e^-z), and never overflows


def _bent(
    slope: float,
) -> tuple[Elementwise, Elementwise]:
    return lambda z: np.where(z > 0, z, slope * z), lambda out: np.where(out > 0, 1.0, slope)


ACTIVATIONS: Mapping[str, Activation] = {
    "sigmoid": Activation(0, 0.0, _sigmoid, lambda out: out * (1 - out)),
    "relu": Activation(1, 0.0, *_bent(0.0)),
    "leaky_relu": Activation(2, LEAK, *_bent(LEAK)),
    "tanh": Activation(3, 0.0, np.tanh, lambda out: 1 - out**2),
    "identity": Activation(4, 1.0, lambda z: z, np.ones_like),
}


def loss(name: str, error: np.ndarray, huber_delta: float = 1.0) -> np.ndarray:
    """The loss of each error y - t.

    "mse" is (y - t)² / 2, "mae" |y - t|; "huber" is "mse" up to `huber_delta` and linear
    beyond.
    """
    size = np.abs(error)
    if name == "mse":
        return 0.5 * error**2
    if name == "mae":
        return size
    return np.where(size <= huber_delta, 0.5 * error**2, huber_delta * (size - 0.5 * huber_delta))


def loss_slope(name: str, error: np.ndarray, huber_delta: float = 1.0) -> np.ndarray:
    """The derivative of `loss` with respect to the error; for "mae" 0 at error 0."""
    if name == "mse":
        return error
    return np.sign(error) if name == "mae" else np.clip(error, -huber_delta, huber_delta)
