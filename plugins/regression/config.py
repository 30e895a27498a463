"""The options of the lab regression."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from envs.datasets.curves import PointFiles
from sandbox.config.model import LabConfig
from sandbox.errors import UsageError

SIZES = "10,10 25,10 25,25 50,25 50,50 75,50 75,75 100,75 100,100"
"""Hidden layers of the report's search."""
ActivationName = Literal["sigmoid", "relu", "leaky_relu", "tanh", "identity"]


def hidden_layers(text: str) -> tuple[int, ...]:
    """Parse the sizes of hidden layers, such as "75,50"; an empty text means no hidden layer.

    Raises:
        ValueError: when a size is not a whole number from 1 to 10000.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 1 <= int(part) <= 10_000 for part in parts):
        raise ValueError(
            f"'{text}' should be whole numbers from 1 to 10000 with commas between, like 75,50"
        )
    return tuple(int(part) for part in parts)


def numbers(text: str) -> tuple[float, ...]:
    """Parse numbers separated by blanks, such as "0.1 0.05".

    Raises:
        ValueError: when the list is empty, or a value is not a finite number >= 0.
    """
    try:
        values = tuple(float(part) for part in text.split())
    except ValueError as error:
        raise ValueError(
            f"'{text}' should be numbers with blanks between, like '0.1 0.05'"
        ) from error
    if not values or not all(0 <= value < float("inf") for value in values):
        raise ValueError(f"'{text}' should be one or more numbers from 0 on, with blanks between")
    return values


class GridSearchConfig(LabConfig):
    """The grid: every combination is a candidate."""

    folds: int = Field(4, ge=2, le=1000, description="folds of the cross-validation")
    shuffle: bool = Field(
        True, description="draw which points make a fold, rather than cut the file into stretches"
    )
    sizes: str = Field(SIZES, description="hidden layers to try")
    activations: str = Field("sigmoid relu leaky_relu", description="activations to try")
    l1: str = Field("0 1e-5 1e-4 1e-3", description="L1 penalties to try")
    learning_rates: str = Field("0.1 0.075 0.05 0.025", description="first learning rates to try")
    top: int = Field(20, ge=1, description="how many of the best are trained again on all points")

    @field_validator("sizes")
    @classmethod
    def _sizes(cls, text: str) -> str:
        if not text.split():
            raise ValueError("at least one pair of hidden layers is needed, like '75,50'")
        for part in text.split():
            hidden_layers(part)
        return text

    @field_validator("activations")
    @classmethod
    def _activations(cls, text: str) -> str:
        known = ActivationName.__args__  # type: ignore[attr-defined]
        unknown = [part for part in text.split() if part not in known]
        if unknown or not text.split():
            raise ValueError(
                f"'{' '.join(unknown)}' should be some of {', '.join(known)}, with blanks between"
            )
        return text

    @field_validator("l1", "learning_rates")
    @classmethod
    def _numbers(cls, text: str) -> str:
        numbers(text)
        return text

    @field_validator("learning_rates")
    @classmethod
    def _above_zero(cls, text: str) -> str:
        if 0 in numbers(text):
            raise ValueError("a learning rate is above 0")
        return text


class RegressionConfig(PointFiles):
    """One network, or a search for the best."""

    lab = "regression"

    task: Literal["train", "search"] = Field(
        "train", description="train one network, or search a grid by cross-validation"
    )
    train: str | None = Field(
        None, description="file of training points, x,y in a line; none generates points"
    )
    test: str | None = Field(None, description="file of test points")
    train_points: int = Field(120, ge=2, le=100_000, description="generated training points")
    test_points: int = Field(25, ge=2, le=100_000, description="generated test points")
    noise: float = Field(
        1.1, ge=0, description="standard deviation of the noise of generated points"
    )
    hidden: str = Field("75,50", description="units of the hidden layers")
    activation: ActivationName = Field("leaky_relu", description="of the hidden layers")
    initialisation: Literal["xavier", "he"] = Field("xavier", description="how weights are drawn")
    loss: Literal["mse", "mae", "huber"] = Field(
        "mse", description="half the squared error, the absolute error, or Huber's"
    )
    huber_delta: float = Field(1.0, gt=0, description="error from which Huber's loss is straight")
    optimiser: Literal["sgd", "adam"] = Field("sgd", description="gradient descent or Adam")
    momentum: float = Field(0.0, ge=0, lt=1, description="of sgd")
    batch_size: int = Field(1, ge=0, description="points of a step; 0 takes all")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "linear", description="how the learning rate falls"
    )
    learning_rate: float = Field(0.05, gt=0, description="in the first epoch")
    learning_rate_final: float = Field(0.001, gt=0, description="in the last epoch")
    clip: float | None = Field(5.0, gt=0, description="largest norm of the loss's gradient")
    l1: float = Field(0.0, ge=0, description="penalty on the sum of |weight|")
    l2: float = Field(0.0, ge=0, description="penalty on half the sum of weight²")
    epochs: int = Field(1000, ge=1, le=10**7, description="passes through the points")
    validation: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the training points held out to choose the best epoch",
    )
    patience: int | None = Field(
        None, ge=1, description="stop after so many epochs without a better one"
    )
    search: GridSearchConfig = Field(default_factory=GridSearchConfig, description="the grid")

    @field_validator("hidden")
    @classmethod
    def _hidden(cls, text: str) -> str:
        hidden_layers(text)
        return text

    @field_validator("train", "test")
    @classmethod
    def _points(cls, text: str | None) -> str | None:
        """Refuse a file with invalid points; a missing file passes, since the run may have them."""
        if text is not None and Path(text).is_file():
            from envs.datasets import curves

            try:
                curves.read(Path(text))
            except UsageError as error:
                raise ValueError(str(error)) from error
        return text

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.patience is not None and self.task == "search":
            raise ValueError("patience has no effect on a search: every candidate gets all epochs")
        if self.validation and self.task == "search":
            raise ValueError("validation has no effect on a search: its folds are what is held out")
        if self.momentum and self.optimiser == "adam":
            raise ValueError("momentum has no effect on adam, which has its own")
        return self
