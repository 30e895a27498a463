"""A feed-forward network in NumPy: layers, backpropagation, saving and loading.

All parameters are one flat vector, of which weights [inputs, outputs] and biases [outputs] are
views, so that an optimiser sees one array.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from plugins.regression import functions
from plugins.regression.functions import ACTIVATIONS
from sandbox.errors import SandboxError
from sandbox.lab import State

FORMAT = "sandbox network 1"


class Network:
    """y = W_n f(… f(W_1 x + b_1) …) + b_n, the last layer without activation.

    Args:
        sizes: of all layers, from the inputs to the outputs, at least 2 of them.
        activation: a name in `functions.ACTIVATIONS`, of every hidden layer.

    Attributes:
        values: float64 [parameters], all 0 at first; in the order W_1, b_1, W_2, b_2, …
        weights, biases: views of `values`, [inputs, outputs] and [outputs] of each layer.
        is_weight: bool [parameters], which of `values` are weights.
    """

    def __init__(self, sizes: Sequence[int], activation: str) -> None:
        self.sizes, self.activation = tuple(map(int, sizes)), activation
        self._f = ACTIVATIONS[activation]
        shapes = list(pairwise(self.sizes))
        self.values = np.zeros(sum(inputs * outputs + outputs for inputs, outputs in shapes))
        self.is_weight = np.zeros(len(self.values), dtype=bool)
        self.weights: list[np.ndarray] = []
        self.biases: list[np.ndarray] = []
        at = 0
        for inputs, outputs in shapes:
            self.is_weight[at : at + inputs * outputs] = True
            self.weights.append(
                self.values[at : (at := at + inputs * outputs)].reshape(inputs, outputs)
            )
            self.biases.append(self.values[at : (at := at + outputs)])

    def initialise(self, rng: np.random.Generator, how: str = "xavier") -> Network:
        """Draw weights, set biases to 0.

        Args:
            rng: draws.
            how: "xavier": uniform with variance 2 / (inputs + outputs) (Glorot and Bengio 2010,
                equation 16); "he": normal with variance 2 / inputs (He et al. 2015, equation 10).
        """
        self.values[:] = 0
        for weights in self.weights:
            inputs, outputs = weights.shape
            if how == "xavier":
                limit = np.sqrt(6 / (inputs + outputs))
                weights[:] = rng.uniform(-limit, limit, weights.shape)
            else:
                weights[:] = rng.normal(0, np.sqrt(2 / inputs), weights.shape)
        return self

    def __getstate__(self) -> State:
        return {"sizes": self.sizes, "activation": self.activation, "values": self.values}

    def __setstate__(self, state: State) -> None:
        # the copy's weights are views of the copied values
        self.__init__(state["sizes"], state["activation"])  # type: ignore[misc]
        self.values[:] = state["values"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Predictions: float64 [points, outputs] for x [points, inputs]."""
        return self._forward(x)[-1]

    def gradient(
        self, x: np.ndarray, y: np.ndarray, loss: str = "mse", huber_delta: float = 1.0
    ) -> tuple[float, np.ndarray]:
        """The loss of some points and its gradient.

        Args:
            x, y: float64 [points, inputs], [points, outputs].
            loss: see `functions.loss`.
            huber_delta: see `functions.loss`.

        Returns:
            The loss summed over outputs, averaged over points; its gradient, float64 [parameters].
        """
        layers = self._forward(x)
        error = layers[-1] - y  # [points, outputs]
        delta = functions.loss_slope(loss, error, huber_delta) / len(x)
        parts: list[np.ndarray] = []
        for layer in range(len(self.weights) - 1, -1, -1):
            parts += [delta.sum(axis=0), (layers[layer].T @ delta).ravel()]
            if layer:
                delta = (delta @ self.weights[layer].T) * self._f.derivative(
                    layers[layer]
                )  # [points, inputs]
        return float(functions.loss(loss, error, huber_delta).sum() / len(x)), np.concatenate(
            parts[::-1]
        )

    def _forward(self, x: np.ndarray) -> list[np.ndarray]:
        """The values of all layers, the inputs first: float64 [points, units]."""
        layers = [x]
        for number, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            z = layers[-1] @ weights + biases
            layers.append(z if number == len(self.weights) else self._f.value(z))
        return layers

    def save(self, file: IO[bytes]) -> None:
        """Write the network to a binary file as .npz: parameters and a line of JSON, no pickle."""
        about = {"format": FORMAT, "sizes": self.sizes, "activation": self.activation}
        np.savez(file, about=np.array(json.dumps(about)), values=self.values)

    @classmethod
    def load(cls, path: Path) -> Network:
        """The network that `save` wrote.

        Raises:
            SandboxError: when the file is missing, damaged, or not written by `save`.
        """
        try:
            with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
                about, values = json.loads(str(file["about"])), file["values"]
            if about["format"] != FORMAT:
                raise ValueError(f"its format is not '{FORMAT}'")
            network = cls(about["sizes"], about["activation"])
            if values.dtype != np.float64 or values.shape != network.values.shape:
                raise ValueError(
                    f"{values.dtype} {values.shape} parameters, not float64 {network.values.shape}"
                )
        except Exception as error:  # a damaged archive makes libraries raise nearly anything
            raise SandboxError(
                f"{path} holds no network that can be read ({type(error).__name__}: {error})."
            ) from error
        network.values[:] = values
        return network
