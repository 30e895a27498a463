"""The claims of Lab 01, I1 and I2, measured over many draws of the points."""

from __future__ import annotations

from functools import cache

import numpy as np

from plugins.intro import neighbours, polynomial
from plugins.intro.experiment import CORNERS, beyond, made_up
from plugins.intro.polynomial import mean_squared_error
from sandbox.reproduction.table import read_claims
from sandbox.seeding import generator

NOISE = 0.2


@cache
def errors(seed: int) -> dict[str, float]:
    """Mean squared errors of one draw of 10 training and 10 test points."""
    rng = generator(seed, "data")
    train, test = made_up(rng, 10, NOISE), made_up(rng, 10, NOISE)
    two, nine = (polynomial.least_squares(*train, order) for order in (2, 9))
    ridge = polynomial.ridge(*train, 9, 0.1)
    far = beyond()
    return {
        "two": mean_squared_error(two, *test),
        "nine, train": mean_squared_error(nine, *train),
        "nine": mean_squared_error(nine, *test),
        "ridge": mean_squared_error(ridge, *test),
        "far": mean_squared_error(nine, *far),
        "far, ridge": mean_squared_error(ridge, *far),
    }


@cache
def corners_right(seed: int) -> float:
    """Whether the four corners get the classes 0, 1, 2, 3."""
    known = generator(seed, "neighbours").uniform(-5, 5, (1000, 2))
    return float(
        (neighbours.classify(known, neighbours.quadrant(known), CORNERS, 5) == np.arange(4)).all()
    )


def error(name: str, seed: int) -> float:
    """The entry `name` of `errors`."""
    return errors(seed)[name]


def difference(one: str, other: str, seed: int) -> float:
    """The entry `one` of `errors` minus the entry `other`."""
    return error(one, seed) - error(other, seed)


def overfitting(seed: int) -> float:
    """Log10 of the ratio of test to training error at order 9, minus 1."""
    return float(np.log10(error("nine", seed) / max(error("nine, train", seed), 1e-12)) - 1)


CLAIMS = read_claims("plugins.intro", globals())
