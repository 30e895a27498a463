"""The points of a run: read or generated once, then kept by the run.

They are kept among the run's artifacts, so that a resumed run learns from the same points even
where the files have changed.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.datasets import curves
from envs.datasets.curves import Curve
from plugins.regression.config import KEPT, RegressionConfig
from sandbox.errors import UsageError
from sandbox.lab import Context


class DataPoints(NamedTuple):
    """Training points and test points."""

    train: Curve
    test: Curve


def points_of(config: RegressionConfig, context: Context) -> DataPoints:
    """The points of a run.

    Args:
        config: the files, or how many points are generated.
        context: gives the generator "data", and keeps the points.

    Raises:
        UsageError: when a file cannot be read.
    """
    try:
        kept = context.artifacts.read(KEPT)
    except FileNotFoundError:
        kept = b""
    if kept:
        with np.load(io.BytesIO(kept), allow_pickle=False) as file:
            return DataPoints(
                Curve(file["train_x"], file["train_y"]), Curve(file["test_x"], file["test_y"])
            )
    if config.train is not None and config.test is not None:
        points = DataPoints(curves.read(Path(config.train)), curves.read(Path(config.test)))
    else:
        rng = context.rng("data")
        points = DataPoints(
            *(
                curves.generate(rng, count, config.noise)
                for count in (config.train_points, config.test_points)
            )
        )
    with context.artifacts.open(KEPT) as file:
        np.savez(
            file,
            train_x=points.train.x,
            train_y=points.train.y,
            test_x=points.test.x,
            test_y=points.test.y,
        )
    return points


def refuse_batch(size: int, points: int, whose: str) -> None:
    """Refuse a batch that is larger than the data.

    Raises:
        UsageError: naming both sizes.
    """
    if size > points:
        raise UsageError(
            f"--batch-size {size} is larger than {whose}, {points} points. Give at most {points}, "
            "or 0 to take them all."
        )
