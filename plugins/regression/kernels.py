"""Per-sample gradient descent of a network with two hidden layers, compiled for searches.

The results are those of `training`'s plain NumPy up to rounding, and depend on the arguments alone:
nothing here is parallel, so that as many of these calls as there are cores can run side by side
(they release the GIL) without changing a bit.

Why it is fast: weights are stored as [inputs, outputs], so every inner loop runs along contiguous
rows. Backpropagation is one pass over the large matrix; the update is a second, which also computes
the next sample's forward pass while each row is loaded. Rows are padded to whole vectors, and four
are processed at once. Units that are padding are set to 0 after each activation, so they have no
effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

VECTOR = 8
"""Rows and vectors are padded to a multiple of this many numbers."""
ROWS = 4
"""Rows of the large matrix that are worked on at once."""
FAST = {"reassoc", "contract", "nsz"}
"""Sums may be reordered; NaN and infinity keep their meaning, so that divergence is detected."""
_inlined = njit(nogil=True, fastmath=FAST, inline="always")
SIGMOID, _, _, TANH, IDENTITY = range(5)
"""Numbers of activations; 1 and 2 are the two kinds of ReLU."""
FAR = 1e150
"""The square of an error of this size is not finite: training has diverged."""
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
LOG2E = 1.4426950408889634
TAYLOR = tuple(1 / math.factorial(n) for n in range(13, -1, -1))
"""Coefficients of e^r, from r^13 down."""


def padded(size: int) -> int:
    """The next multiple of a vector's length."""
    return -(-size // VECTOR) * VECTOR


def room(inputs: int, units1: int, units2: int) -> tuple[np.ndarray, ...]:
    """Zero arrays of the shapes that `descend` takes for these layers: w1, b1, w2, b2, w3, b3."""
    p1, p2, rows = padded(units1), padded(units2), -(-units1 // ROWS) * ROWS
    return (
        np.zeros((inputs, p1)),
        np.zeros(p1),
        np.zeros((rows, p2)),
        np.zeros(p2),
        np.zeros(p2),
        np.zeros(1),
    )


@_inlined
def _exp(z, power, bits):  # type: ignore[no-untyped-def]
    """power[k] = e^z[k], to 2e-16 relative; `bits` is a view of `power` as int64.

    e^z = 2^n e^r with |r| <= ln(2) / 2, and e^r by its Taylor series.
    """
    for k in range(z.shape[0]):
        n = math.floor(min(max(z[k], -700.0), 700.0) * LOG2E + 0.5)
        bits[k] = (np.int64(n) + 1023) << 52
    for k in range(z.shape[0]):
        x = min(max(z[k], -700.0), 700.0)
        n = math.floor(x * LOG2E + 0.5)
        r = (x - n * LN2_HIGH) - n * LN2_LOW
        s = TAYLOR[0]
        for coefficient in TAYLOR[1:]:
            s = s * r + coefficient
        power[k] = power[k] * s


@_inlined
def _activate(kind, slope, z, units, out, bits):  # type: ignore[no-untyped-def]
    """out = f(z), and 0 in the padding; z is overwritten."""
    if kind in (SIGMOID, TANH):
        scale = -1.0 if kind == SIGMOID else -2.0
        for k in range(z.shape[0]):
            z[k] = scale * z[k]
        _exp(z, out, bits)
        if kind == SIGMOID:
            for k in range(z.shape[0]):
                out[k] = 1.0 / (1.0 + out[k])
        else:
            for k in range(z.shape[0]):
                out[k] = 2.0 / (1.0 + out[k]) - 1.0
    elif kind == IDENTITY:
        for k in range(z.shape[0]):
            out[k] = z[k]
    else:
        for k in range(z.shape[0]):
            out[k] = z[k] if z[k] > 0.0 else slope * z[k]
    for k in range(units, z.shape[0]):
        out[k] = 0.0


@_inlined
def _times_derivative(kind, slope, out, units, delta):  # type: ignore[no-untyped-def]
    """delta *= f'(z), computed from out = f(z); 0 in the padding."""
    if kind == SIGMOID:
        for k in range(out.shape[0]):
            delta[k] = delta[k] * (out[k] * (1.0 - out[k]))
    elif kind == TANH:
        for k in range(out.shape[0]):
            delta[k] = delta[k] * (1.0 - out[k] * out[k])
    elif kind != IDENTITY:
        for k in range(out.shape[0]):
            delta[k] = delta[k] if out[k] > 0.0 else slope * delta[k]
    for k in range(units, out.shape[0]):
        delta[k] = 0.0


@_inlined
def _square(values):  # type: ignore[no-untyped-def]
    total = 0.0
    for k in range(values.shape[0]):
        total += values[k] * values[k]
    return total


@_inlined
def _shrink(weights, rate, l1, l2):  # type: ignore[no-untyped-def]
    """Subtract the gradient of the penalties, times the learning rate."""
    for k in range(weights.shape[0]):
        weights[k] -= rate * (l2 * weights[k] + l1 * np.sign(weights[k]))


@njit(nogil=True, fastmath=FAST)
def _layer(w, b, x, z):  # type: ignore[no-untyped-def]
    """z = x w + b."""
    for k in range(z.shape[0]):
        z[k] = b[k]
    for i in range(w.shape[0]):
        for k in range(z.shape[0]):
            z[k] += x[i] * w[i, k]


@njit(nogil=True, fastmath=FAST)
def _back(w2, delta2, delta1):  # type: ignore[no-untyped-def]
    """delta1 = w2 delta2."""
    for j in range(0, w2.shape[0], ROWS):
        s0 = s1 = s2 = s3 = 0.0
        for k in range(w2.shape[1]):
            d = delta2[k]
            s0 += w2[j, k] * d
            s1 += w2[j + 1, k] * d
            s2 += w2[j + 2, k] * d
            s3 += w2[j + 3, k] * d
        delta1[j], delta1[j + 1], delta1[j + 2], delta1[j + 3] = s0, s1, s2, s3


def _updating(penalised: bool) -> Callable[..., None]:
    """The update of the large matrix, compiled with penalties or without any."""

    @njit(nogil=True, fastmath=FAST)
    def step_and_next(w2, step, h1, delta2, ahead, z2, keep, l1):  # type: ignore[no-untyped-def]
        """w2 <- keep w2 - l1 sign(w2) - step h1 delta2', and with the new rows z2 += ahead w2.

        `keep` and `l1` contain the learning rate.
        """
        for j in range(w2.shape[0] - ROWS, -1, -ROWS):
            c0, c1, c2, c3 = step * h1[j], step * h1[j + 1], step * h1[j + 2], step * h1[j + 3]
            n0, n1, n2, n3 = ahead[j], ahead[j + 1], ahead[j + 2], ahead[j + 3]
            for k in range(w2.shape[1]):
                d = delta2[k]
                v0, v1, v2, v3 = w2[j, k], w2[j + 1, k], w2[j + 2, k], w2[j + 3, k]
                if penalised:
                    v0 = keep * v0 - math.copysign(l1, v0)
                    v1 = keep * v1 - math.copysign(l1, v1)
                    v2 = keep * v2 - math.copysign(l1, v2)
                    v3 = keep * v3 - math.copysign(l1, v3)
                v0, v1, v2, v3 = v0 - c0 * d, v1 - c1 * d, v2 - c2 * d, v3 - c3 * d
                w2[j, k], w2[j + 1, k], w2[j + 2, k], w2[j + 3, k] = v0, v1, v2, v3
                z2[k] += (n0 * v0 + n1 * v1) + (n2 * v2 + n3 * v3)

    return step_and_next


_step_and_next, _penalised_step_and_next = _updating(False), _updating(True)


@njit(nogil=True, fastmath=FAST, cache=True)
def descend(  # type: ignore[no-untyped-def]
    w1, b1, w2, b2, w3, b3, units1, units2, x, y, orders, rates, kind, slope, clip, l1, l2
):
    """Per-sample gradient descent on (f(x) - y)² / 2, in place; returns the number of full epochs.

    It ends early, at the first sample whose error is not finite. Only the loss's gradient is
    clipped; penalties are on weights alone.

    Args:
        w1, b1, w2, b2, w3, b3: float64 [inputs, p1], [p1], [r1, p2], [p2], [p2], [1]; p1 and p2 are
            `padded`, r1 to whole groups of rows.
        units1, units2: units of the hidden layers, without padding.
        x, y: float64 [points, inputs], [points].
        orders: integers [epochs, points]: the points in the order of each epoch.
        rates: float64 [epochs], the learning rates.
        kind, slope: the activation, and its slope below 0.
        clip: largest norm of a gradient; infinity for none.
        l1, l2: weights of the penalties l1 |w| and l2 w² / 2.
    """
    p1, p2 = w1.shape[1], w2.shape[1]
    z1, h1, delta1, ahead = np.zeros(p1), np.zeros(p1), np.zeros(p1), np.zeros(p1)
    z2, h2, delta2 = np.zeros(p2), np.zeros(p2), np.zeros(p2)
    h1_bits, h2_bits, ahead_bits = h1.view(np.int64), h2.view(np.int64), ahead.view(np.int64)
    points, inputs = x.shape
    for epoch in range(orders.shape[0]):
        rate = rates[epoch]
        _layer(w1, b1, x[orders[epoch, 0]], z1)
        _activate(kind, slope, z1, units1, h1, h1_bits)
        _layer(w2, b2, h1, z2)
        for turn in range(points):
            now = orders[epoch, turn]
            after = orders[epoch, min(turn + 1, points - 1)]
            _activate(kind, slope, z2, units2, h2, h2_bits)
            error = b3[0] - y[now]
            for k in range(p2):
                error += w3[k] * h2[k]
            if (
                not abs(error) < FAR
            ):  # under FAST the compiler may remove `isfinite`, but not a comparison
                return epoch
            for k in range(p2):
                delta2[k] = error * w3[k]
            _times_derivative(kind, slope, h2, units2, delta2)
            _back(w2, delta2, delta1)
            _times_derivative(kind, slope, h1, units1, delta1)
            step = rate
            if clip < math.inf:
                norm = error * error * (1.0 + _square(h2)) + _square(delta2) * (1.0 + _square(h1))
                norm = math.sqrt(norm + _square(delta1) * (1.0 + _square(x[now])))
                if norm > clip:
                    step = rate * clip / norm
            if l1 > 0.0 or l2 > 0.0:
                _shrink(w3, rate, l1, l2)
                for i in range(inputs):
                    _shrink(w1[i], rate, l1, l2)
            for k in range(p2):
                w3[k] -= step * error * h2[k]
            b3[0] -= step * error
            for i in range(inputs):
                for k in range(p1):
                    w1[i, k] -= step * x[now, i] * delta1[k]
            for k in range(p1):
                b1[k] -= step * delta1[k]
            for k in range(p2):
                b2[k] -= step * delta2[k]
                z2[k] = b2[k]
            _layer(w1, b1, x[after], z1)
            _activate(kind, slope, z1, units1, ahead, ahead_bits)
            if l1 > 0.0 or l2 > 0.0:
                _penalised_step_and_next(
                    w2, step, h1, delta2, ahead, z2, 1.0 - rate * l2, rate * l1
                )
            else:
                _step_and_next(w2, step, h1, delta2, ahead, z2, 1.0, 0.0)
            for k in range(p1):
                h1[k] = ahead[k]
    return orders.shape[0]
