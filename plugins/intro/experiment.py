"""The experiment: closed-form fits of every order, and gradient descent on one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from envs.datasets import curves
from plugins.intro import neighbours, polynomial
from plugins.intro.polynomial import Descent, mean_squared_error
from sandbox.errors import SandboxError
from sandbox.lab import Block, Context, Experiment, State, Summary
from sandbox.score import Score
from sandbox.text import number

TRUE = np.array([-1.45, 1.12, 2.3])
"""Coefficients of the noise-free function behind generated points."""
CORNERS = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]])
"""Points whose correct classes are 0, 1, 2, 3 (I2)."""
BLOCK = 100
"""Steps of a block."""


class IntroConfig(curves.PointFiles):
    """Settings of the points, the models and gradient descent."""

    lab = "intro"

    train: str | None = Field(
        None, description="file of training points, x,y in a line; none generates points"
    )
    test: str | None = Field(None, description="file of test points")
    train_points: int = Field(10, ge=2, le=100_000, description="generated training points")
    test_points: int = Field(10, ge=2, le=100_000, description="generated test points")
    noise: float = Field(
        0.2, ge=0, description="standard deviation of the noise of generated points"
    )
    order: int = Field(9, ge=1, le=30, description="highest order of a polynomial")
    ridge: float = Field(0.1, ge=0, description="weight of the penalty of the regularised fit")
    descent_order: int = Field(
        2, ge=2, le=30, description="order of the polynomial that gradient descent fits"
    )
    steps: int = Field(2000, ge=1, le=10**7, description="of gradient descent")
    learning_rate: float | None = Field(
        None, gt=0, description="of gradient descent; none takes 1 over the largest curvature"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of gradient descent")
    neighbours: int = Field(5, ge=1, description="nearest neighbours that vote")
    neighbour_points: int = Field(
        1000, ge=4, le=10**6, description="points with a class, on the square from -5 to 5"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.neighbours > self.neighbour_points:
            raise ValueError(
                f"neighbours = {self.neighbours} is more than the {self.neighbour_points} points "
                "there are"
            )
        return self


class IntroExperiment(Experiment):
    """All fits of one set of points.

    Args:
        config: what to fit.
        context: gives the generators "data" and "neighbours".

    Attributes:
        train, test: the points.
        fits: least-squares coefficients by order, from 1 on.
        regularised: the ridge fit of the highest order.
        path: coefficients before each recorded step of the descent, for the picture, float64
            [kept, descent_order + 1].
    """

    limit: int
    done_units: int
    unit = "step"
    headline = ("train_mse",)

    def __init__(self, config: IntroConfig, context: Context) -> None:
        self.config, self.limit, self.done_units = config, config.steps, 0
        rng = context.rng("data")
        if config.train is not None and config.test is not None:
            files = Path(config.train), Path(config.test)
            self.train, self.test = curves.kept_points(
                context.artifacts, lambda: curves.DataPoints(*map(curves.read, files))
            )
        else:
            self.train, self.test = (
                made_up(rng, count, config.noise)
                for count in (config.train_points, config.test_points)
            )
        self.fits = {
            order: polynomial.least_squares(*self.train, order)
            for order in range(1, config.order + 1)
        }
        self.regularised = polynomial.ridge(*self.train, config.order, config.ridge)
        self.descent = Descent(
            *self.train, config.descent_order, config.learning_rate, config.momentum
        )
        self.path = [self.descent.coefficients]
        self.known = context.rng("neighbours").uniform(
            -5, 5, (config.neighbour_points, 2)
        )  # [points, 2]
        self.classes = neighbours.quadrant(self.known)

    def advance(self) -> Sequence[Block]:
        """Take the next steps of gradient descent.

        Raises:
            SandboxError: when it diverges.
        """
        first = self.done_units + 1
        train, test = [], []
        for _ in range(min(BLOCK, self.limit - self.done_units)):
            train.append(self.descent.step())
            self.done_units += 1
            if not np.isfinite(train[-1]):
                raise SandboxError(
                    f"Gradient descent diverged in step {self.done_units}: a learning rate of "
                    f"{self.descent.rate:g} is too large here. "
                    f"Below {number(self.descent.limit, 3)} it converges; `--learning-rate none` "
                    "takes a good one."
                )
            test.append(mean_squared_error(self.descent.coefficients, *self.test))
            if (
                self.done_units & (self.done_units - 1) == 0
                or self.done_units % max(1, self.limit // 200) == 0
            ):
                self.path.append(self.descent.coefficients)
        return [
            Block(
                "learn",
                {
                    "step": np.arange(first, self.done_units + 1),
                    "train_mse": train,
                    "test_mse": test,
                },
            )
        ]

    def state(self) -> State:
        """The progress of the descent; the points are drawn again from the seed, or those of files
        are among the artifacts."""
        return {
            "done": self.done_units,
            "coefficients": self.descent.coefficients,
            "velocity": self.descent.velocity,
            "path": np.array(self.path),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self.done_units = state["done"]
        self.descent.coefficients = state["coefficients"]
        self.descent.velocity = state["velocity"]
        self.path = list(state["path"])

    def score(self) -> Score:
        """Test error of the polynomial of order 2, the order of the data's function."""
        error = mean_squared_error(self.fits[min(2, self.config.order)], *self.test)
        return Score("test_mse", error, higher_is_better=False, unit="y²")

    def summary(self) -> Summary:
        """Mean squared errors in units of y², and the share of corners classified correctly.

        `descent_above_minimum` is the descent's training error minus that of least squares.
        """
        high = self.fits[self.config.order]
        best = polynomial.least_squares(*self.train, self.config.descent_order)
        scores: Summary = {
            "test_mse": self.score().value,
            f"train_mse_order_{self.config.order}": mean_squared_error(high, *self.train),
            f"test_mse_order_{self.config.order}": mean_squared_error(high, *self.test),
            "test_mse_ridge": mean_squared_error(self.regularised, *self.test),
            "neighbours_right": float((self.classify(CORNERS) == np.arange(4)).mean()),
            "descent_above_minimum": mean_squared_error(self.descent.coefficients, *self.train)
            - mean_squared_error(best, *self.train),
        }
        if self.config.train is None:
            scores["extrapolation_mse"] = mean_squared_error(high, *beyond())
        return scores

    def classify(self, questions: np.ndarray) -> np.ndarray:
        """The quadrants that the nearest neighbours predict for points: int64 [questions]."""
        return neighbours.classify(self.known, self.classes, questions, self.config.neighbours)


def made_up(rng: np.random.Generator, count: int, noise: float) -> curves.Curve:
    """Points of -1.45 + 1.12 x + 2.3 x², x uniform on [0, 1], with Gaussian noise (I1)."""
    x = rng.uniform(0, 1, count)
    return curves.Curve(x, polynomial.evaluate(TRUE, x) + noise * rng.normal(size=count))


def beyond() -> curves.Curve:
    """The noise-free function for x from 1 to 2, beyond the points: 100 points."""
    x = np.linspace(1, 2, 100)
    return curves.Curve(x, polynomial.evaluate(TRUE, x))
