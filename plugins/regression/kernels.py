"""Per-sample gradient descent of a network with two hidden layers, compiled for searches.

The results are those of `training`'s plain NumPy up to rounding, and depend on the arguments alone:
nothing here is parallel, so that as many of these calls as there are cores can run side by side
(they release the GIL) without changing a bit.

Why it is fast: all arithmetic is on vectors of eight numbers, which a processor with AVX-512 holds
in one register. Arrays are padded to whole vectors and begin at multiples of 64 bytes, so that no
load crosses a cache line. Most of the time goes into two passes over the large matrix: one
multiplies it by `delta2`, the other updates it, and computes the next sample's forward pass while
the new rows are in registers. The second pass runs backwards, and so begins with the rows that are
still in the cache. Four rows are stored together, vector by vector.

The order of sums is the one written here: it does not follow the width of the processor's vectors.
Vectors are defined in this file, because numba compiles again only when this file changes.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

LANES = 8
"""Numbers in a vector; arrays are padded to a multiple of it."""
ROWS = 4
"""Rows of the large matrix that are worked on at once."""
FAST = {"contract", "nsz"}
"""A product and a sum may be one instruction; NaN and infinity keep their meaning."""
_inlined = njit(nogil=True, _nrt=False, fastmath=FAST, inline="always")
_compiled = njit(nogil=True, _nrt=False, fastmath=FAST)
"""Without `_nrt` arrays have no counts of references, each change of which waits for all stores."""
SIGMOID, _, _, TANH, IDENTITY = range(5)
"""Numbers of activations; 1 and 2 are the two kinds of ReLU."""
FAR = 1e150
"""The square of an error of this size is not finite: training has diverged."""
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
LOG2E = 1.4426950408889634
TO_EXPONENT = 1.5 * 2.0**52 + 1023
"""A number plus this is rounded to an integer, whose last 11 bits are those of 2^n's exponent."""
TAYLOR = tuple(1 / math.factorial(n) for n in range(13, -1, -1))
"""Coefficients of e^r, from r^13 down."""

# -- vectors

_REALS = ir.VectorType(ir.DoubleType(), LANES)
_BITS = ir.VectorType(ir.IntType(64), LANES)


class Vector(types.Type):  # type: ignore[misc]
    """Eight float64 numbers; a single number beside one stands for eight equal ones."""


vector = Vector("vector")
register_model(Vector)(lambda manager, kind: models.PrimitiveModel(manager, kind, _REALS))


def _lanes(builder: ir.IRBuilder, first: Any, second: Any, lanes: list[int]) -> Any:
    """A vector of these lanes; those of `second` are counted from LANES on."""
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes)
    return builder.shuffle_vector(first, second, mask)


def _elementwise(build: Callable[..., Any]) -> Callable[..., Any]:
    """The code of an operation on vectors, given numbers or vectors."""

    def as_vector(builder: ir.IRBuilder, value: Any) -> Any:
        if value.type == _REALS:
            return value
        nothing = ir.Constant(_REALS, ir.Undefined)
        one = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
        return _lanes(builder, one, nothing, [0] * LANES)

    return lambda context, builder, signature, arguments: build(
        builder, *(as_vector(builder, argument) for argument in arguments)
    )


def _define(symbol: Callable[..., Any], build: Callable[..., Any]) -> None:
    """Let numba compile an operator of two vectors, or of a vector and a number."""
    type_callable(symbol)(lambda context: lambda a, b: vector if vector in (a, b) else None)
    for kinds in ((vector, vector), (vector, types.float64), (types.float64, vector)):
        lower_builtin(symbol, *kinds)(_elementwise(build))


_define(operator.add, ir.IRBuilder.fadd)
_define(operator.iadd, ir.IRBuilder.fadd)
_define(operator.sub, ir.IRBuilder.fsub)
_define(operator.mul, ir.IRBuilder.fmul)
_define(operator.truediv, ir.IRBuilder.fdiv)


def _address(context: Any, builder: ir.IRBuilder, kind: Any, array: Any, index: Any) -> Any:
    first = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(first, [index]), _REALS.as_pointer())


@intrinsic  # type: ignore[misc]
def load(typing_context, array, index):  # type: ignore[no-untyped-def]
    """The vector array[index : index + 8]; an index is a multiple of 8."""
    return vector(array, types.intp), lambda context, builder, signature, arguments: builder.load(
        _address(context, builder, array, *arguments), align=8 * LANES
    )


@intrinsic  # type: ignore[misc]
def store(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """array[index : index + 8] = value; an index is a multiple of 8."""

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address = _address(context, builder, array, *arguments[:2])
        builder.store(arguments[2], address, align=8 * LANES)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), build


@intrinsic  # type: ignore[misc]
def equal(typing_context, number):  # type: ignore[no-untyped-def]
    """The vector of eight times this number."""
    return vector(number), _elementwise(lambda builder, number: number)


@intrinsic  # type: ignore[misc]
def where_above(typing_context, a, b, yes, no):  # type: ignore[no-untyped-def]
    """`yes` in the lanes where a > b, and `no` in the others."""
    return vector(a, b, yes, no), _elementwise(
        lambda builder, a, b, yes, no: builder.select(builder.fcmp_ordered(">", a, b), yes, no)
    )


@intrinsic  # type: ignore[misc]
def with_sign_of(typing_context, size, a):  # type: ignore[no-untyped-def]
    """`size` >= 0 with the signs of a."""

    def build(builder, size, a):  # type: ignore[no-untyped-def]
        sign = builder.and_(builder.bitcast(a, _BITS), ir.Constant(_BITS, [-(2**63)] * LANES))
        return builder.bitcast(builder.or_(builder.bitcast(size, _BITS), sign), _REALS)

    return vector(size, a), _elementwise(build)


@intrinsic  # type: ignore[misc]
def power_of_two(typing_context, a):  # type: ignore[no-untyped-def]
    """2^n for a = n + `TO_EXPONENT`, -1023 < n < 1024."""
    return vector(a), _elementwise(
        lambda builder, a: builder.bitcast(
            builder.shl(builder.bitcast(a, _BITS), ir.Constant(_BITS, [52] * LANES)), _REALS
        )
    )


def _add_up(builder: ir.IRBuilder, *parts: Any) -> Any:
    """The vector of the sums of eight vectors' elements, by adding halves of two vectors."""
    for step in (1, 2, 4):
        low = [i - step + LANES if i & step else i for i in range(LANES)]
        high = [i + LANES if i & step else i + step for i in range(LANES)]
        parts = tuple(
            builder.fadd(_lanes(builder, x, y, low), _lanes(builder, x, y, high))
            for x, y in zip(parts[::2], parts[1::2], strict=True)
        )
    return parts[0]


@intrinsic  # type: ignore[misc]
def sums(typing_context, a, b, c, d, e, f, g, h):  # type: ignore[no-untyped-def]
    """The vector of the sums of eight vectors' elements."""
    return vector(*[vector] * LANES), _elementwise(_add_up)


@intrinsic  # type: ignore[misc]
def total(typing_context, a):  # type: ignore[no-untyped-def]
    """The sum of a vector's elements."""
    return types.float64(vector), _elementwise(
        lambda builder, a: builder.extract_element(
            _add_up(builder, *[a] * LANES), ir.Constant(ir.IntType(32), 0)
        )
    )


# -- one sample


@_inlined
def _exp(z):  # type: ignore[no-untyped-def]
    """e^z, to 2e-16 relative where |z| < 700.

    e^z = 2^n e^r with |r| <= ln(2) / 2, and e^r by its Taylor series, even and odd powers apart.
    """
    z = where_above(-700.0, z, -700.0, where_above(z, 700.0, 700.0, z))
    whole = z * LOG2E + TO_EXPONENT
    n = whole - TO_EXPONENT
    r = (z - n * LN2_HIGH) - n * LN2_LOW
    square = r * r
    odd, even = equal(TAYLOR[0]), equal(TAYLOR[1])
    for coefficient in TAYLOR[2::2]:
        odd = odd * square + coefficient
    for coefficient in TAYLOR[3::2]:
        even = even * square + coefficient
    return power_of_two(whole) * (odd * r + even)


@_compiled
def _activate(kind, slope, z, real):  # type: ignore[no-untyped-def]
    """z <- f(z), and 0 in the padding: `real` has a 1 for each unit in the last vector."""
    if kind in (SIGMOID, TANH):
        scale = -1.0 if kind == SIGMOID else -2.0
        for k in range(0, len(z), LANES):
            f = 1.0 / (1.0 + _exp(scale * load(z, k)))
            if kind == TANH:
                f = 2.0 * f - 1.0
            store(z, k, f)
    elif kind != IDENTITY:
        for k in range(0, len(z), LANES):
            f = load(z, k)
            store(z, k, where_above(f, 0.0, f, slope * f))
    last = len(z) - LANES
    store(z, last, load(z, last) * load(real, 0))


@_inlined
def _times_derivative(kind, slope, out, delta):  # type: ignore[no-untyped-def]
    """delta <- delta f'(z), computed from out = f(z); returns |delta|² and |out|²."""
    of_delta = of_out = equal(0.0)
    for k in range(0, len(out), LANES):
        h, d = load(out, k), load(delta, k)
        if kind == SIGMOID:
            d = d * (h * (1.0 - h))
        elif kind == TANH:
            d = d * (1.0 - h * h)
        elif kind != IDENTITY:
            d = where_above(h, 0.0, d, slope * d)
        of_delta += d * d
        of_out += h * h
        store(delta, k, d)
    return total(of_delta), total(of_out)


@_inlined
def _shrunk(w, rate, l1, l2):  # type: ignore[no-untyped-def]
    """w less the gradient of the penalties, times the learning rate."""
    return w - rate * (l2 * w + where_above(w, 0.0, l1, where_above(0.0, w, -l1, 0.0)))


@_compiled
def _back(w2, rows, delta2, delta1, real):  # type: ignore[no-untyped-def]
    """delta1 = w2 delta2, and 0 in the padding; eight rows at once, of the last ones some twice."""
    p2 = len(delta2)
    for j in range(0, len(delta1), LANES):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = equal(0.0)
        above, below = j * p2, min(j + ROWS, rows - ROWS) * p2
        for k in range(0, p2, LANES):
            d = load(delta2, k)
            s0 += load(w2, above) * d
            s1 += load(w2, above + 8) * d
            s2 += load(w2, above + 16) * d
            s3 += load(w2, above + 24) * d
            s4 += load(w2, below) * d
            s5 += load(w2, below + 8) * d
            s6 += load(w2, below + 16) * d
            s7 += load(w2, below + 24) * d
            above, below = above + ROWS * LANES, below + ROWS * LANES
        store(delta1, j, sums(s0, s1, s2, s3, s4, s5, s6, s7))
    last = len(delta1) - LANES
    store(delta1, last, load(delta1, last) * load(real, 0))


def _updating(penalised: bool) -> Callable[..., None]:
    """The update of the large matrix, compiled with penalties or without any."""

    @_compiled
    def step_and_next(  # type: ignore[no-untyped-def]
        w2, rows, step, h1, delta2, ahead, z2, keep, l1
    ):
        """w2 <- keep w2 - l1 sign(w2) - step h1 delta2', and with the new rows z2 += ahead w2.

        `keep` and `l1` contain the learning rate.
        """
        for j in range(rows - ROWS, -1, -ROWS):
            c0, c1, c2, c3 = step * h1[j], step * h1[j + 1], step * h1[j + 2], step * h1[j + 3]
            n0, n1, n2, n3 = ahead[j], ahead[j + 1], ahead[j + 2], ahead[j + 3]
            at = j * len(z2)
            for k in range(0, len(z2), LANES):
                d = load(delta2, k)
                v0, v1 = load(w2, at), load(w2, at + 8)
                v2, v3 = load(w2, at + 16), load(w2, at + 24)
                if penalised:
                    v0 = keep * v0 - with_sign_of(l1, v0)
                    v1 = keep * v1 - with_sign_of(l1, v1)
                    v2 = keep * v2 - with_sign_of(l1, v2)
                    v3 = keep * v3 - with_sign_of(l1, v3)
                v0, v1, v2, v3 = v0 - c0 * d, v1 - c1 * d, v2 - c2 * d, v3 - c3 * d
                store(w2, at, v0)
                store(w2, at + 8, v1)
                store(w2, at + 16, v2)
                store(w2, at + 24, v3)
                store(z2, k, load(z2, k) + n0 * v0 + n1 * v1 + n2 * v2 + n3 * v3)
                at += ROWS * LANES

    return step_and_next


_step_and_next, _penalised_step_and_next = _updating(False), _updating(True)


@_inlined
def _last_layer(w3, b2, delta2, h2, step, error, rate, l1, l2):  # type: ignore[no-untyped-def]
    """Update w3 and b2, and begin the next z2, which takes h2's place, with the new b2."""
    for k in range(0, len(w3), LANES):
        w = _shrunk(load(w3, k), rate, l1, l2)
        store(w3, k, w - step * error * load(h2, k))
        z = load(b2, k) - step * load(delta2, k)
        store(b2, k, z)
        store(h2, k, z)


@_inlined
def _first_layer(  # type: ignore[no-untyped-def]
    w1, b1, delta1, x, now, after, z, step, rate, l1, l2
):
    """Update w1 and b1, and compute the next z with the new rows."""
    for k in range(0, len(z), LANES):
        d = step * load(delta1, k)
        s = load(b1, k) - d
        store(b1, k, s)
        for i in range(x.shape[1]):
            at = i * len(z) + k
            w = _shrunk(load(w1, at), rate, l1, l2) - x[now, i] * d
            store(w1, at, w)
            s += x[after, i] * w
        store(z, k, s)


@njit(nogil=True, _nrt=False, fastmath=FAST, cache=True)
def descend(  # type: ignore[no-untyped-def]
    arrays, units1, x, y, orders, rates, kind, slope, clip, l1, l2
):
    """Per-sample gradient descent on (f(x) - y)² / 2, in place; returns the number of full epochs.

    It ends early, at the first sample whose error is not finite. Only the loss's gradient is
    clipped; penalties are on weights alone.

    Args:
        arrays: what `packing.pack` returns.
        units1: units of the first hidden layer, without padding.
        x, y: float64 [points, inputs], [points].
        orders: integers [epochs, points]: the points in the order of each epoch.
        rates: float64 [epochs], the learning rates.
        kind, slope: the activation, and its slope below 0.
        clip: largest norm of a gradient; infinity for none.
        l1, l2: weights of the penalties l1 |w| and l2 w² / 2.
    """
    w1, b1, w2, b2, w3, b3, h1, ahead, delta1, real1, h2, delta2, real2 = arrays
    points, rows = len(x), (units1 + ROWS - 1) // ROWS * ROWS
    for epoch in range(len(orders)):
        rate = rates[epoch]
        _first_layer(w1, b1, delta1, x, 0, orders[epoch, 0], h1, 0.0, 0.0, 0.0, 0.0)
        _activate(kind, slope, h1, real1)
        for k in range(0, len(h2), LANES):
            store(h2, k, load(b2, k))
        _step_and_next(w2, rows, 0.0, h1, delta2, h1, h2, 1.0, 0.0)
        for turn in range(points):
            now, after = orders[epoch, turn], orders[epoch, min(turn + 1, points - 1)]
            _activate(kind, slope, h2, real2)
            s = equal(0.0)
            for k in range(0, len(h2), LANES):
                s += load(w3, k) * load(h2, k)
            error = b3[0] - y[now] + total(s)
            if not abs(error) < FAR:
                return epoch
            for k in range(0, len(h2), LANES):
                store(delta2, k, error * load(w3, k))
            of_delta2, of_h2 = _times_derivative(kind, slope, h2, delta2)
            _back(w2, rows, delta2, delta1, real1)
            of_delta1, of_h1 = _times_derivative(kind, slope, h1, delta1)
            of_x = 0.0
            for i in range(x.shape[1]):
                of_x += x[now, i] * x[now, i]
            norm = error * error * (1.0 + of_h2) + of_delta2 * (1.0 + of_h1)
            norm = math.sqrt(norm + of_delta1 * (1.0 + of_x))
            step = rate * clip / norm if norm > clip else rate
            b3[0] -= step * error
            _first_layer(w1, b1, delta1, x, now, after, ahead, step, rate, l1, l2)
            _last_layer(w3, b2, delta2, h2, step, error, rate, l1, l2)
            _activate(kind, slope, ahead, real1)
            if l1 > 0.0 or l2 > 0.0:
                _penalised_step_and_next(
                    w2, rows, step, h1, delta2, ahead, h2, 1.0 - rate * l2, rate * l1
                )
            else:
                _step_and_next(w2, rows, step, h1, delta2, ahead, h2, 1.0, 0.0)
            h1, ahead = ahead, h1
    return len(orders)
