"""The points of a run: read or generated once, then kept by the run.

They are kept among the run's artifacts, so that a resumed run learns from the same points even
where the files have changed.
"""

from __future__ import annotations

from pathlib import Path

from envs.datasets import curves
from envs.datasets.curves import DataPoints, kept_points
from plugins.regression.config import RegressionConfig
from sandbox.errors import UsageError
from sandbox.lab import Context


def points_of(config: RegressionConfig, context: Context) -> DataPoints:
    """The points of a run.

    Args:
        config: the files, or how many points are generated.
        context: gives the generator "data", and keeps the points.

    Raises:
        UsageError: when a file cannot be read.
    """

    def made() -> DataPoints:
        if config.train is not None and config.test is not None:
            return DataPoints(curves.read(Path(config.train)), curves.read(Path(config.test)))
        rng = context.rng("data")
        return DataPoints(
            *(
                curves.generate(rng, count, config.noise)
                for count in (config.train_points, config.test_points)
            )
        )

    return kept_points(context.artifacts, made)


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
