"""What the exercises of Lab 01 show, I1 and I2, over many draws of the points."""

from __future__ import annotations

from functools import cache

import numpy as np

from plugins.intro import neighbours, polynomial
from plugins.intro.experiment import CORNERS, TRUE, made_up
from sandbox.reproduction.claim import Claim
from sandbox.seeding import generator

NOISE = 0.2


@cache
def errors(seed: int) -> dict[str, float]:
    """Mean squared errors of one draw of 10 training and 10 test points."""
    rng = generator(seed, "data")
    train, test = made_up(rng, 10, NOISE), made_up(rng, 10, NOISE)
    two, nine, ridge = (
        polynomial.least_squares(train.x, train.y, 2),
        polynomial.least_squares(train.x, train.y, 9),
        polynomial.ridge(train.x, train.y, 9, 0.1),
    )
    far = np.linspace(1, 2, 100)
    return {
        "two": polynomial.mean_squared_error(two, *test),
        "nine, train": polynomial.mean_squared_error(nine, *train),
        "nine": polynomial.mean_squared_error(nine, *test),
        "ridge": polynomial.mean_squared_error(ridge, *test),
        "far": polynomial.mean_squared_error(nine, far, polynomial.evaluate(TRUE, far)),
        "far, ridge": polynomial.mean_squared_error(ridge, far, polynomial.evaluate(TRUE, far)),
    }


@cache
def corners_right(seed: int) -> float:
    """Whether the four corners get the classes 0, 1, 2, 3."""
    known = generator(seed, "neighbours").uniform(-5, 5, (1000, 2))
    return float(
        (neighbours.classify(known, neighbours.quadrant(known), CORNERS, 5) == np.arange(4)).all()
    )


UNIT = "mean squared error"
CLAIMS = (
    Claim(
        *(
            "I1",
            "Least squares of order 9 goes through the 10 training points.",
            0.0,
            "at most",
            lambda seed: errors(seed)["nine, train"],
        ),
        margin=1e-6,
        min_seeds=20,
        cost=0.001,
        part="training error of order 9",
        unit=UNIT,
    ),
    Claim(
        *("I1", "Order 9 overfits: its test error is far above its training error.", None, "order"),
        lambda seed: float(
            np.log10(errors(seed)["nine"] / max(errors(seed)["nine, train"], 1e-12)) - 1
        ),
        min_seeds=20,
        cost=0.001,
        part="powers of ten between them, less one",
    ),
    Claim(
        *("I1", "Order 2 generalises better than order 9.", None, "order"),
        lambda seed: errors(seed)["nine"] - errors(seed)["two"],
        min_seeds=20,
        cost=0.001,
        part="test error of order 9 less that of order 2",
        unit=UNIT,
    ),
    Claim(
        *(
            "I1",
            "Ridge of order 9 with weight 0.1 comes back near the noise floor.",
            NOISE**2,
            "equal",
            lambda seed: errors(seed)["ridge"],
        ),
        margin=0.04,
        min_seeds=20,
        cost=0.001,
        part="test error of ridge",
        unit=UNIT,
        notes="The noise floor is 0.2² = 0.04; ten test points scatter around it.",
    ),
    Claim(
        *(
            "I1",
            "Extrapolation to x in [1, 2] fails.",
            None,
            "order",
            lambda seed: errors(seed)["far"] - errors(seed)["nine"],
        ),
        min_seeds=20,
        cost=0.001,
        part="error of order 9 on [1, 2] less its test error",
        unit=UNIT,
    ),
    Claim(
        *(
            "I1",
            "Extrapolation to x in [1, 2] fails.",
            None,
            "order",
            lambda seed: errors(seed)["far, ridge"] - errors(seed)["ridge"],
        ),
        min_seeds=20,
        cost=0.001,
        part="the same with ridge",
        unit=UNIT,
    ),
    Claim(
        *(
            "I2",
            "The points (1,1) (1,-1) (-1,-1) (-1,1) come out as classes 0 1 2 3.",
            1.0,
            "proportion",
            corners_right,
        ),
        min_seeds=20,
        cost=0.001,
        part="share of draws in which all four do",
    ),
)
