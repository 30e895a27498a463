"""The findings of the report of Lab 02, R1 to R3, measured on the course's points.

The points are not part of the package: the data folder (--data, SANDBOX_DATA) has them as
`function-estimation/training_set.txt` and `test_set.txt`. Without them the same figures are
measured on generated points and shown without a verdict, since the report used other points.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from envs.datasets import curves
from envs.datasets.curves import DataPoints
from plugins.regression.config import RegressionConfig
from plugins.regression.experiment import evaluate
from plugins.regression.search import Candidate, fit, fold_numbers, grid, held_out_loss
from sandbox.reproduction.claim import Claim
from sandbox.reproduction.table import Measures, read_claims
from sandbox.seeding import generator

WINNER = Candidate((75, 50), "leaky_relu", 1e-3, 0.075)
"""The report's winner: lowest test error among the top 20, which were trained again."""
CHOSEN = Candidate((75, 50), "leaky_relu", 1e-3, 0.05)
"""The report's best in cross-validation."""
SMALL = Candidate((10, 10), "sigmoid", 0.0, 0.025)
FOLDER = "function-estimation"


@cache
def points(folder: Path | None) -> DataPoints:
    """The course's points in `folder`, or generated ones."""
    if folder is not None:
        return DataPoints(
            curves.read(folder / "training_set.txt"), curves.read(folder / "test_set.txt")
        )
    rng = generator(0, "data")
    return DataPoints(curves.generate(rng, 120), curves.generate(rng, 25))


@cache
def test_mse(folder: Path | None, candidate: Candidate, seed: int) -> float:
    """Test MSE of a candidate trained on all training points, in units of y²."""
    network = fit(RegressionConfig(), candidate, points(folder).train, seed, "claim")
    return float("inf") if network is None else evaluate(network, points(folder).test)


@cache
def validation_loss(folder: Path | None, candidate: Candidate, seed: int) -> float:
    """Loss (y - t)² / 2 of a candidate in 4-fold cross-validation."""
    train = points(folder).train
    fold = fold_numbers(generator(seed, "folds"), len(train.x), 4, shuffle=True)
    losses = [
        held_out_loss(RegressionConfig(), candidate, train, fold == held, seed, f"claim {held}")
        for held in range(4)
    ]
    return float(np.mean(losses))


def candidates() -> int:
    """Number of candidates in the grid."""
    return len(grid(RegressionConfig()))


def claims(data: Path | None) -> tuple[Claim, ...]:
    """The claims, on the course's points in this folder if it has them."""
    folder = data / FOLDER if data is not None and (data / FOLDER).is_dir() else None
    loss = partial(validation_loss, folder)
    measures: Measures = {
        "candidates": candidates,
        "loss_of_best": partial(loss, CHOSEN),
        "error_of_winner": partial(test_mse, folder, WINNER),
        "small_less_best": lambda seed: loss(SMALL, seed) - loss(CHOSEN, seed),
    }
    rows = read_claims("plugins.regression", measures)
    if folder is not None:
        return rows
    notes = (
        "Measured on generated points, and so not judged: the course's are not in the data folder "
        "(--data, SANDBOX_DATA)."
    )
    return tuple(
        replace(claim, reported=None, notes=notes) if claim.margin else claim for claim in rows
    )
