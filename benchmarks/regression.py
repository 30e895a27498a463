"""The report's grid search; the compiled descent beside NumPy and beside its bound."""

from __future__ import annotations

import tempfile
import time

import numpy as np
from numba import njit

from benchmarks.measure import Figure, in_turns
from envs.datasets import curves
from plugins.regression import kernels, packing
from plugins.regression.config import RegressionConfig
from plugins.regression.network import Network
from plugins.regression.training import Recipe, Training
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store

EPOCHS = 1000
SIZES = (1, 75, 50, 1)


def measure(quick: bool) -> list[Figure]:
    """432 candidates x 4 folds on all cores, and samples per second of one network."""
    epochs = EPOCHS // 10 if quick else EPOCHS
    _search(5)  # compiles
    seconds = _search(epochs) * EPOCHS / epochs
    compiled, plain, bare = in_turns(
        [lambda: _rate(200, 0.0), lambda: _rate(5, 1e-300), lambda: _bare(24_000)], rounds=3
    )
    cores = api.available_cores()
    return [
        Figure(
            "grid search of the report",
            seconds,
            "s",
            240.0,
            note=f"432 x 4 fits of {EPOCHS} epochs and 20 more, {cores} cores",
        ),
        Figure(
            "compiled descent beside plain NumPy",
            compiled / plain,
            "x",
            note=f"{compiled:,.0f} samples/s, 1-75-50-1, one core",
        ),
        Figure(
            "compiled descent beside its passes over the large matrix alone",
            compiled / bare,
            "x",
            0.6,
            "at least",
            note="the same multiply-adds of the large matrix, and nothing else",
        ),
    ]


def _search(epochs: int) -> float:
    """Seconds of the search with so many epochs, on points like the course's."""
    with tempfile.TemporaryDirectory() as store:
        begun = time.perf_counter()
        api.start(
            api.Request("regression", "search", [{"epochs": epochs}]),
            Store(store),
            Settings(pictures=False),
        )
        return time.perf_counter() - begun


def _rate(epochs: int, momentum: float) -> float:
    """Samples per second of per-sample descent; with momentum it is not compiled."""
    points = curves.generate(np.random.default_rng(0), 120)
    network = Network(SIZES, "leaky_relu")
    network.initialise(np.random.default_rng(1), "xavier")
    recipe = Recipe.of(RegressionConfig(momentum=momentum))
    training = Training(
        network, recipe, points.x[:, None], points.y[:, None], np.random.default_rng(2)
    )
    begun = time.thread_time()
    training.run(epochs)
    return epochs * len(points.x) / (time.thread_time() - begun)


def _bare(samples: int) -> float:
    """Samples per second of the two passes over the large matrix, and nothing else."""
    inputs, units1, units2, _ = SIZES
    shapes = ((inputs, units1), units1, (units1, units2), units2, units2, 1)
    arrays = packing.pack([np.zeros(shape) for shape in shapes])
    _passes(1, arrays, units1)
    begun = time.thread_time()
    _passes(samples, arrays, units1)
    return samples / (time.thread_time() - begun)


@njit(nogil=True)
def _passes(samples, arrays, units1):  # type: ignore[no-untyped-def]
    _, _, w2, _, _, _, h1, ahead, delta1, real1, h2, delta2, _ = arrays
    rows = -(-units1 // kernels.ROWS) * kernels.ROWS
    for _ in range(samples):
        kernels._back(w2, rows, delta2, delta1, real1)
        kernels._step_and_next(w2, rows, 0.1, h1, delta2, ahead, h2, 1.0, 0.0)
