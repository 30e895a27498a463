"""Points (x, y) of a noisy function: from two-column text files, or generated.

All points that this module returns are finite, and x is never constant.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import model_validator

from sandbox.config.model import LabConfig, refuse_data
from sandbox.errors import UsageError
from sandbox.input_files import read_text

if TYPE_CHECKING:
    from sandbox.store import Artifacts

KEPT = "points.npz"
"""The points of a run, among its artifacts."""

NOISE = 1.1
"""Standard deviation of the noise of generated points, in units of y."""
STRETCHES = ((-3.9, -3.0, 0.2), (-1.9, 2.0, 0.8))
"""Where generated points lie: from, to, share of the points. The gap between them asks for
generalisation."""


class Curve(NamedTuple):
    """Points of a function.

    Attributes:
        x, y: float64 [points].
    """

    x: np.ndarray
    y: np.ndarray


class DataPoints(NamedTuple):
    """Training points and test points."""

    train: Curve
    test: Curve


def kept_points(artifacts: Artifacts, make: Callable[[], DataPoints]) -> DataPoints:
    """The points that a run has kept among its artifacts; else those that `make` returns, which it
    keeps.

    Thus a resumed run continues with the same points, even if their files have changed.
    """
    try:
        kept = artifacts.read(KEPT)
    except FileNotFoundError:
        kept = b""
    if kept:
        with np.load(io.BytesIO(kept), allow_pickle=False) as file:
            return DataPoints(
                Curve(file["train_x"], file["train_y"]), Curve(file["test_x"], file["test_y"])
            )
    points = make()
    with artifacts.open(KEPT) as file:
        np.savez(
            file,
            train_x=points.train.x,
            train_y=points.train.y,
            test_x=points.test.x,
            test_y=points.test.y,
        )
    return points


def smooth(x: np.ndarray) -> np.ndarray:
    """The noise-free function: a steep fall, a flat part, a rise; float64 [points]."""
    cliff = 25 / (1 + np.exp(2.8 * (x + 3.05)))
    return cliff + 8.5 * np.exp(3 * (x - 2)) + 0.5


def generate(rng: np.random.Generator, points: int, noise: float = NOISE) -> Curve:
    """Generate points of `smooth` with noise.

    Args:
        rng: draws x and noise.
        points: how many, >= 2.
        noise: its standard deviation, in units of y.
    """
    low, high, share = (np.array(column) for column in zip(*STRETCHES, strict=True))
    stretch = rng.choice(len(share), size=points, p=share)  # [points]
    x = rng.uniform(low[stretch], high[stretch])
    return Curve(x, smooth(x) + noise * rng.normal(size=points))


def read(path: Path) -> Curve:
    """Points from a text file with two numbers on each line.

    Between them is a comma, a semicolon or blanks; empty lines and `#` are skipped.

    Raises:
        UsageError: when the file cannot be read, naming the line that is wrong.
    """
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise UsageError(f"Cannot read the points in {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is no text file (byte {error.start}): points are two columns of numbers, x "
            "and y."
        ) from error
    numbered = [(number, line.split("#")[0].strip()) for number, line in enumerate(lines, 1)]
    points = [_point(path, number, line) for number, line in numbered if line]
    if not points:
        raise UsageError(f"{path} is empty: it needs a line `x,y` for each point.")
    if len(points) == 1:
        raise UsageError(f"{path} holds one point: at least two are needed.")
    x, y = np.array(points, dtype=np.float64).T
    if x.min() == x.max():
        last = next(number for number, line in reversed(numbered) if line)
        raise UsageError(
            f"{path}: x is {x[0]:g} in every line up to line {last}; a function of a constant "
            "cannot be learned."
        )
    return Curve(np.ascontiguousarray(x), np.ascontiguousarray(y))


def span(*curves: Curve) -> tuple[float, float]:
    """The smallest and the largest x of all points."""
    x = np.concatenate([curve.x for curve in curves])
    return float(x.min()), float(x.max())


class PointFiles(LabConfig):
    """Base of options with two files of points; without files, points are generated."""

    lab: ClassVar[str]
    """The name of the configuration's lab."""

    if TYPE_CHECKING:  # a subclass has these options in a place of its own
        train: str | None
        test: str | None

    def check_available(self, data: Path | None = None, kept: Path | None = None) -> None:
        """Check that the files can be read, unless the run has kept the points; their contents are
        not checked.
        """
        super().check_available(data, kept)
        refuse_data(data, kept, "name the files of points with --train FILE --test FILE")
        if kept is not None and (kept / KEPT).is_file():
            return
        for path in (Path(file) for file in (self.train, self.test) if file is not None):
            try:
                path.open("rb").close()
            except OSError as error:
                raise UsageError(
                    f"Cannot read the points in {path.absolute()} ({error.strerror}): give other "
                    "files with --train and --test, or generate points with "
                    f"`python -m sandbox run {self.lab}`."
                ) from error

    @model_validator(mode="after")
    def _both_files(self) -> Self:
        if (self.train is None) != (self.test is None):
            raise ValueError("train and test go together: give both files, or neither")
        return self


def _point(path: Path, number: int, line: str) -> tuple[float, float]:
    parts = (
        [part.strip() for part in re.split(r"[,;]", line)]
        if re.search(r"[,;]", line)
        else line.split()
    )
    if len(parts) != 2:
        raise UsageError(
            f"{path}, line {number}: {len(parts)} column{'s' * (len(parts) != 1)} in "
            f"'{line[:60]}'; it should be two, x and y."
        )
    values = []
    for name, part in zip("xy", parts, strict=True):
        try:
            value = float(part)
        except ValueError as error:
            raise UsageError(
                f"{path}, line {number}: {name} is '{part[:40]}', which is no number."
            ) from error
        if not math.isfinite(value):
            raise UsageError(
                f"{path}, line {number}: {name} is {part}; points must be finite. Take the line "
                "out."
            )
        values.append(value)
    return values[0], values[1]
