"""The network as a scikit-learn regressor, for pipelines and cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from plugins.regression.functions import ACTIVATIONS
from plugins.regression.network import Network
from plugins.regression.training import Recipe, Training, held_out

POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
COUNT = Interval(Integral, 1, None, closed="left")
RandomState = int | np.random.RandomState | None


@dataclass(eq=False, repr=False)
class NeuralNetworkRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A feed-forward network trained by gradient descent.

    Args:
        hidden_layer_sizes: units of each hidden layer; empty gives a linear model.
        activation: "sigmoid", "relu", "leaky_relu" (slope 0.05 below 0), "tanh" or "identity".
        initialisation: "xavier" or "he", see `Network.initialise`.
        loss: "mse", "mae" or "huber".
        huber_delta: absolute error above which Huber's loss is linear, > 0, in units of y.
        optimiser: "sgd" or "adam".
        momentum: of "sgd", in [0, 1).
        batch_size: points per step; 0 uses all.
        schedule: "constant", "linear" or "cosine".
        learning_rate, learning_rate_final: of the first and the last epoch, > 0.
        clip: largest norm of a gradient, or None.
        l1, l2: weights of the penalties on weights, >= 0.
        epochs: how many, >= 1; fewer with early stopping.
        early_stopping: whether to hold points out, stop when their loss no longer falls, and keep
            the best parameters.
        validation_fraction: share of the points held out by early stopping, in (0, 1).
        patience: epochs without a better loss after which it stops, >= 1.
        random_state: seed, `numpy.random.RandomState` or None.

    Attributes:
        network_: the trained `Network`.
        n_iter_: epochs trained.
        loss_curve_: training loss after each epoch; without early stopping, only the last.

    Raises:
        Diverged: by `fit`, when the loss is no longer finite.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "initialisation": [StrOptions({"xavier", "he"})],
        "loss": [StrOptions({"mse", "mae", "huber"})],
        "huber_delta": [POSITIVE],
        "optimiser": [StrOptions({"sgd", "adam"})],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "batch_size": [Interval(Integral, 0, None, closed="left")],
        "schedule": [StrOptions({"constant", "linear", "cosine"})],
        "learning_rate": [POSITIVE],
        "learning_rate_final": [POSITIVE],
        "clip": [None, POSITIVE],
        "l1": [NOT_NEGATIVE],
        "l2": [NOT_NEGATIVE],
        "epochs": [COUNT],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [COUNT],
        "random_state": ["random_state"],
    }

    hidden_layer_sizes: Sequence[int] = (50, 25)
    activation: str = "leaky_relu"
    _: KW_ONLY
    initialisation: str = "xavier"
    loss: str = "mse"
    huber_delta: float = 1.0
    optimiser: str = "sgd"
    momentum: float = 0.0
    batch_size: int = 1
    schedule: str = "linear"
    learning_rate: float = 0.025
    learning_rate_final: float = 0.001
    clip: float | None = 5.0
    l1: float = 0.0
    l2: float = 0.0
    epochs: int = 200
    early_stopping: bool = False
    validation_fraction: float = 0.1
    patience: int = 20
    random_state: RandomState = None

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803 - scikit-learn's name
        """Train on X, [points, features], and y, [points]."""
        self._validate_params()
        x, target = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        rng = _generator(self.random_state)
        held = np.zeros(len(x), dtype=bool)
        if self.early_stopping:
            if len(x) < 2:
                raise ValueError(f"early_stopping holds points out, and there is {len(x)} sample.")
            held = held_out(rng, len(x), self.validation_fraction)
        if self.batch_size > (~held).sum():
            raise ValueError(
                f"batch_size={self.batch_size} is larger than the {(~held).sum()} points to train "
                "on; 0 takes them all."
            )
        if not all(isinstance(size, Integral) and size > 0 for size in self.hidden_layer_sizes):
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r}: widths are whole numbers above 0."
            )
        sizes = (x.shape[1], *self.hidden_layer_sizes, 1)
        self.network_ = Network(sizes, self.activation).initialise(rng, self.initialisation)
        recipe = Recipe.of(self.get_params(False))
        training = Training(self.network_, recipe, x[~held], target[~held, None], rng)
        if self.early_stopping:
            self._stop_early(training, x[held], target[held, None])
        else:
            training.run(self.epochs)
            self.loss_curve_ = [self._loss(training.x, training.y)]
        self.n_iter_ = training.epochs_done
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """Predicted y for X, [points, features]: float64 [points]."""
        check_is_fitted(self)
        x = validate_data(self, X, reset=False, dtype=np.float64)
        return self.network_(x)[:, 0]

    def _stop_early(self, training: Training, x: np.ndarray, y: np.ndarray) -> None:
        best, best_values, best_epoch = np.inf, self.network_.values.copy(), 0
        self.loss_curve_ = []
        while (
            training.epochs_done < self.epochs and training.epochs_done - best_epoch < self.patience
        ):
            training.run(1)
            self.loss_curve_.append(self._loss(training.x, training.y))
            held = self._loss(x, y)
            if held < best:
                best, best_epoch = held, training.epochs_done
                best_values = self.network_.values.copy()
        self.network_.values[:] = best_values

    def _loss(self, x: np.ndarray, y: np.ndarray) -> float:
        return self.network_.gradient(x, y, self.loss, self.huber_delta)[0]


def _generator(random_state: RandomState) -> np.random.Generator:
    """A `Generator` from any random state that scikit-learn allows."""
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1, size=4))
