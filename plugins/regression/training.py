"""Training of a network, epoch by epoch: stochastic gradient descent with momentum, or Adam.

The division of the epochs into calls does not change a bit of the result. Plain per-sample descent
of two hidden layers runs in `kernels`, everything else in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from plugins.regression import functions
from plugins.regression.config import RegressionConfig
from plugins.regression.network import Network
from sandbox.errors import SandboxError
from sandbox.lab import State

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants (Kingma and Ba 2015, algorithm 1)."""


class Diverged(SandboxError):
    """The training loss is no longer finite.

    Args:
        epoch: in which it happened, counted from 1.
        recipe: of the training.
    """

    def __init__(self, epoch: int, recipe: Recipe) -> None:
        self.epoch = epoch
        again = [f"--learning-rate {recipe.learning_rate / 10:g}"]
        again += ["--clip 1"] if recipe.clip is None else []
        super().__init__(
            f"The loss is not finite any more in epoch {epoch}: a learning rate of "
            f"{recipe.learning_rate:g} is too large here. "
            f"Try {' or '.join(again)}."
        )


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        loss: "mse", "mae" or "huber", see `functions.loss`.
        huber_delta: error above which Huber's loss is linear, > 0.
        optimiser: "sgd" or "adam".
        momentum: of "sgd", 0 <= momentum < 1: v <- momentum v + gradient, values <- values - rate
            v.
        batch_size: points per step; 0 uses all.
        schedule: "constant" stays at the first learning rate; "linear" and "cosine" (Loshchilov and
            Hutter 2017, one cycle) reach the final one in the last epoch.
        learning_rate, learning_rate_final: of the first and the last epoch, > 0.
        clip: largest norm of the loss's gradient, or None. Penalties are added after clipping.
        l1, l2: weights of the penalties l1 Σ|w| + l2 Σ w² / 2; biases are not penalised.
        epochs: how many in all.
    """

    loss: str = "mse"
    huber_delta: float = 1.0
    optimiser: str = "sgd"
    momentum: float = 0.0
    batch_size: int = 1
    schedule: str = "linear"
    learning_rate: float = 0.05
    learning_rate_final: float = 0.001
    clip: float | None = 5.0
    l1: float = 0.0
    l2: float = 0.0
    epochs: int = 1000

    @classmethod
    def of(cls, options: Mapping[str, Any] | RegressionConfig, **changed: float) -> Recipe:
        """The recipe in a configuration, or in an estimator's parameters, with some changed."""
        settings = dict(options) | changed
        return cls(**{name: settings[name] for name in cls.__dataclass_fields__})

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0: a function of the recipe alone."""
        first, final = self.learning_rate, self.learning_rate_final
        if self.schedule == "constant" or self.epochs < 2:
            return first
        done = epoch / (self.epochs - 1)
        share = 1 - done if self.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
        return final + (first - final) * share


def held_out(rng: np.random.Generator, points: int, share: float) -> np.ndarray:
    """Draw which points are held out, at least one and not all: bool [points]."""
    held = np.zeros(points, dtype=bool)
    held[rng.permutation(points)[: min(points - 1, max(1, round(share * points)))]] = True
    return held


class Training:
    """A network and the state of its training.

    Args:
        network: with its initial parameters; they change in place.
        recipe: how it is trained.
        x, y: float64 [points, inputs], [points, outputs].
        rng: draws the order of the points.

    Attributes:
        epochs_done: number of epochs trained.
    """

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        x: np.ndarray,
        y: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self.network, self.recipe, self.rng = network, recipe, rng
        self.x = np.ascontiguousarray(x, dtype=np.float64)
        self.y = np.ascontiguousarray(y, dtype=np.float64)
        self.epochs_done = self.steps_done = 0
        self.batch = len(self.x) if recipe.batch_size == 0 else recipe.batch_size
        self.memory = np.zeros(
            (2 if recipe.optimiser == "adam" else 1, len(network.values))
        )  # [1 or 2, parameters]

    @property
    def compiled(self) -> bool:
        """Whether `kernels` supports this network and recipe."""
        recipe, sizes = self.recipe, self.network.sizes
        plain = recipe.optimiser == "sgd" and recipe.momentum == 0 and recipe.loss == "mse"
        return plain and self.batch == 1 and len(sizes) == 4 and sizes[-1] == 1

    def run(self, epochs: int) -> None:
        """Train for some epochs.

        Raises:
            Diverged: when the loss is no longer finite; the network is then as it was after the
                last good epoch.
        """
        orders = self.rng.permuted(np.tile(np.arange(len(self.x)), (epochs, 1)), axis=1)
        run = self._run_compiled if self.compiled else self._run_plain
        before, steps = (self.network.values.copy(), self.memory.copy()), self.steps_done
        good = run(orders)
        if good < epochs:
            self.network.values[:], self.memory, self.steps_done = before[0], before[1], steps
            run(orders[:good])
        self.epochs_done += good
        if good < epochs:
            raise Diverged(self.epochs_done + 1, self.recipe)

    def _rates(self, epochs: int) -> np.ndarray:
        rates = [self.recipe.rate(self.epochs_done + epoch) for epoch in range(epochs)]
        return np.array(rates, dtype=np.float64)

    def _run_compiled(self, orders: np.ndarray) -> int:
        from plugins.regression import kernels, packing

        recipe, network = self.recipe, self.network
        f = functions.ACTIVATIONS[network.activation]
        own = [part for pair in zip(network.weights, network.biases, strict=True) for part in pair]
        own[4] = own[4][:, 0]
        arrays = packing.pack(own)
        good = kernels.descend(
            arrays,
            network.sizes[1],
            self.x,
            np.ascontiguousarray(self.y[:, 0]),
            orders,
            self._rates(len(orders)),
            f.kind,
            f.slope,
            math.inf if recipe.clip is None else recipe.clip,
            float(recipe.l1),
            float(recipe.l2),
        )
        packing.unpack(arrays, own)
        return int(good)

    def _run_plain(self, orders: np.ndarray) -> int:
        for epoch, (order, rate) in enumerate(zip(orders, self._rates(len(orders)), strict=True)):
            for start in range(0, len(order), self.batch):
                chosen = order[start : start + self.batch]
                if not self._step(self.x[chosen], self.y[chosen], rate):
                    return epoch
        return len(orders)

    def _step(self, x: np.ndarray, y: np.ndarray, rate: float) -> bool:
        """One optimiser step; returns False when the loss is not finite."""
        recipe, values = self.recipe, self.network.values
        with np.errstate(over="ignore", invalid="ignore"):
            value, gradient = self.network.gradient(x, y, recipe.loss, recipe.huber_delta)
            norm = math.sqrt(gradient @ gradient) if math.isfinite(value) else math.inf
        if not math.isfinite(value) or not math.isfinite(norm):
            return False
        if recipe.clip is not None and norm > recipe.clip:
            gradient *= recipe.clip / norm
        if recipe.l1 or recipe.l2:
            gradient += self.network.is_weight * (recipe.l1 * np.sign(values) + recipe.l2 * values)
        self.steps_done += 1
        values -= rate * (
            self._adam(gradient) if recipe.optimiser == "adam" else self._momentum(gradient)
        )
        return True

    def _momentum(self, gradient: np.ndarray) -> np.ndarray:
        if not self.recipe.momentum:
            return gradient
        self.memory[0] = self.recipe.momentum * self.memory[0] + gradient
        return self.memory[0]

    def _adam(self, gradient: np.ndarray) -> np.ndarray:
        self.memory[0] = BETA1 * self.memory[0] + (1 - BETA1) * gradient
        self.memory[1] = BETA2 * self.memory[1] + (1 - BETA2) * gradient**2
        mean = self.memory[0] / (1 - BETA1**self.steps_done)
        square = self.memory[1] / (1 - BETA2**self.steps_done)
        return mean / (np.sqrt(square) + EPSILON)

    def state(self) -> State:
        """Everything needed to continue, except the generator."""
        return {
            "values": self.network.values.copy(),
            "memory": self.memory.copy(),
            "epochs_done": self.epochs_done,
            "steps_done": self.steps_done,
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self.network.values[:], self.memory = state["values"], state["memory"].copy()
        self.epochs_done, self.steps_done = state["epochs_done"], state["steps_done"]
