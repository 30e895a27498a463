"""Curves of a run as it learns: only appended bytes are read, and at most 500 points are kept.

A long curve is cut into equal stretches of rows; of each, the smallest and the largest value are
kept, so that no peak is lost, and the mean, for smoothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sandbox.store.folder import RunFolder
from sandbox.store.metrics import array_of
from sandbox.text import number, unit_columns, words

STRETCHES = 250
"""Of a curve; twice as many points are shown."""
AT_ONCE = 8_000_000
"""Bytes that are read at a time, so that a page answers while a long file is read."""
MIDDLES = ("_iqm", "_median", "_mean")
"""Ends of the names of what is in the middle of many seeds, the best first."""
BAND = ("_low", "_high")
SMOOTHING, MOST_SMOOTHING = 0.04, 0.2
"""Share of a curve that is averaged over, to begin with."""
FEW = 100
"""A curve with fewer rows is not smoothed."""


class ThinnedCurve:
    """One column, thinned.

    Attributes:
        count: rows so far.
    """

    def __init__(self) -> None:
        self.count, self._width = 0, 1
        self._index = np.empty(0, np.int64)  # [points kept], rising
        self._values = np.empty(0)  # [points kept]
        self._sums = np.zeros((2, STRETCHES))  # of values and how many, [2, stretches]

    def add(self, values: np.ndarray) -> None:
        """Append rows: float [n]; NaN is a row without a value."""
        index = np.arange(self.count, self.count + len(values))
        self.count += len(values)
        while self.count > self._width * STRETCHES:
            self._width *= 2
            halves = self._sums.reshape(2, -1, 2).sum(axis=2)
            self._sums = np.concatenate([halves, np.zeros_like(halves)], axis=1)
        known = np.isfinite(values)
        index, values = index[known], values[known]
        np.add.at(self._sums[0], index // self._width, values)
        np.add.at(self._sums[1], index // self._width, 1.0)
        self._index = np.concatenate([self._index, index])
        self._values = np.concatenate([self._values, values])
        if len(self._index) > 2 * STRETCHES:
            keep = _extremes(self._index // self._width, self._values)
            self._index, self._values = self._index[keep], self._values[keep]

    @property
    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and values, at most 500: the extremes of every stretch, in their order."""
        return self._index, self._values

    def smooth(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Rows and means over a window around each stretch, shorter at both ends.

        Args:
            share: width of the window, as a share of the curve, 0 to 1.
        """
        stretches = np.flatnonzero(self._sums[1])
        if not len(stretches):
            return self.points
        rows = np.minimum(stretches * self._width + self._width // 2, self.count - 1)
        window = np.ones(2 * int(share * len(stretches) / 2) + 1)
        sums, counts = (np.convolve(part[stretches], window, "same") for part in self._sums)
        return rows, sums / counts


def _extremes(stretch: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Positions, rising, of the smallest and the largest value of every stretch."""
    starts = np.flatnonzero(np.diff(stretch, prepend=-1))
    lengths = np.diff(starts, append=len(stretch))
    keep = np.zeros(len(values), dtype=bool)
    for extreme in (np.minimum, np.maximum):
        places = np.flatnonzero(values == np.repeat(extreme.reduceat(values, starts), lengths))
        keep[places[np.flatnonzero(np.diff(stretch[places], prepend=-1))]] = True
    return np.flatnonzero(keep)


@dataclass(frozen=True)
class ThinnedLine:
    """A curve to draw: places on the x axis and values, with a band where many seeds have one.

    Attributes:
        x, y: float [points].
        band: its lower and upper edge at the same places, float [points] each; None for no band.
    """

    x: np.ndarray
    y: np.ndarray
    band: tuple[np.ndarray, np.ndarray] | None = None


EMPTY = ThinnedLine(np.empty(0), np.empty(0))


class Curves:
    """All curves of a run, followed.

    Args:
        folder: the run's.
        unit: the run's unit. The column of that name, or of its plural, is the x axis.

    Attributes:
        read_bytes: of the metrics, so far.
        behind: whether there was more than is read at a time.
    """

    def __init__(self, folder: RunFolder, unit: str) -> None:
        self._folder, self.unit = folder, unit
        self._restart()

    def _restart(self) -> None:
        self.read_bytes, self.behind, self._stamp = 0, False, 0
        self._curves: dict[str, dict[str, ThinnedCurve]] = {}

    def follow(self, resumed: int = 0) -> bool:
        """Read what was appended, up to the block that ends behind `AT_ONCE` bytes.

        Args:
            resumed: how often the run was resumed: then the file was cut, and is read again from
                the start.

        Returns:
            Whether there was anything.
        """
        size = self._folder.directory.size(self._folder.metrics_path.name)
        if size < self.read_bytes or resumed != self._stamp:
            self._restart()
            self._stamp = resumed
        self.behind = False
        if size == self.read_bytes:
            return False
        before = self.read_bytes
        for end, block in self._folder.metrics().since(before):
            self._add(block.pop("stream"), block)
            self.read_bytes = end
            if end - before > AT_ONCE:
                self.behind = True
                break
        return self.read_bytes > before

    def _add(self, stream: str, block: Mapping[str, list[Any]]) -> None:
        curves = self._curves.setdefault(stream, {})
        rows = max((curve.count for curve in curves.values()), default=0)
        for name, column in block.items():
            values = array_of(column)
            if values.ndim == 1 and values.dtype.kind in "biuf":
                curve = curves.setdefault(name, ThinnedCurve())
                curve.add(np.full(rows - curve.count, np.nan))  # earlier blocks lacked the column
                curve.add(values.astype(np.float64))

    @property
    def names(self) -> dict[str, list[str]]:
        """The curves of each stream; several columns of many seeds are one curve."""
        return {
            stream: list(
                dict.fromkeys(
                    _curve_name(name, curves) for name in curves if name != self.axis(stream)
                )
            )
            for stream, curves in self._curves.items()
        }

    @property
    def lines(self) -> dict[tuple[str, str], ThinnedLine]:
        """Every curve that has a value, as (stream, name) -> line."""
        every = {
            (stream, name): self.line(stream, name)
            for stream, names in self.names.items()
            for name in names
        }
        return {place: line for place, line in every.items() if len(line.x)}

    def drawn(self, first: str | None) -> list[tuple[str, str]]:
        """Stream and name of each curve with several points.

        Args:
            first: the name of the score, whose curves come before the others.
        """
        several = [place for place, line in self.lines.items() if len(line.x) > 1]
        return sorted(several, key=lambda place: place[1] != first)

    def single_values(self) -> list[list[str]]:
        """Name, stream, unit and value of each curve with a single point, as a table shows them."""
        return [
            [words(name), stream, number(int(line.x[0])), number(float(line.y[0]))]
            for (stream, name), line in self.lines.items()
            if len(line.x) == 1
        ]

    @property
    def done(self) -> float:
        """The last value of the unit in any stream; 0 before there is one."""
        ends = [
            curves[self.axis(stream)].points[1]
            for stream, curves in self._curves.items()
            if self.axis(stream)
        ]
        return max((float(values[-1]) for values in ends if len(values)), default=0.0)

    def line(self, stream: str, name: str, share: float = 0.0, unit: str = "") -> ThinnedLine:
        """A curve by its name; empty without one.

        Args:
            stream, name: as in `names`.
            share: of the curve that is averaged over; 0 shows the values themselves.
            unit: of the x axis, one that the stream has, see `axis`; "" takes the run's.
        """
        curves = self._curves.get(stream, {})
        many = all(name + end in curves for end in BAND)
        ends = (*MIDDLES, "") if many else ("",)
        middle = next((name + end for end in ends if name + end in curves), "")
        if not middle:
            return EMPTY
        axis = self.axis(stream, unit)
        x, y = self._placed(stream, middle, share, axis)
        edges = [self._placed(stream, name + end, share, axis) for end in BAND] if many else []
        if middle == name or not all(len(places) for places, _ in edges):
            return ThinnedLine(x, y)
        low, high = (np.interp(x, *edge) for edge in edges)
        return ThinnedLine(x, y, (low, high))

    def _placed(
        self, stream: str, name: str, share: float, axis: str
    ) -> tuple[np.ndarray, np.ndarray]:
        curves = self._curves[stream]
        curve = curves[name]
        rows, values = curve.smooth(share) if share and curve.count > FEW else curve.points
        if not axis or not len(curves[axis].points[0]):
            return rows + 1.0, values
        return np.interp(rows, *curves[axis].points), values

    def axis(self, stream: str, unit: str = "") -> str:
        """The column of a unit, "episode" or "env_steps"; "" without one.

        Args:
            stream: whose column.
            unit: "episode", "env step"; "" takes the run's.
        """
        columns = self._curves.get(stream, {})
        return next((one for one in unit_columns(unit or self.unit) if one in columns), "")


def _curve_name(column: str, columns: Iterable[str]) -> str:
    """The name without its end, where it is one of several columns of many seeds."""
    for end in (*MIDDLES, *BAND):
        name = column.removesuffix(end)
        if name != column and all(f"{name}{edge}" in columns for edge in BAND):
            return name
    return column


def band_of(lines: Iterable[ThinnedLine]) -> ThinnedLine:
    """Several runs as one line: the median of the runs at each place, and the lowest and highest.

    Args:
        lines: of runs that differ in their seed.
    """
    known = [line for line in lines if len(line.x)]
    if not known:
        return EMPTY
    x = max((line.x for line in known), key=lambda places: float(places[-1]))
    values = np.array(
        [np.interp(x, line.x, line.y, left=np.nan, right=np.nan) for line in known]
    )  # [runs, places]
    low, middle, high = np.nanquantile(values, (0.0, 0.5, 1.0), axis=0)
    return ThinnedLine(x, middle, (low, high) if len(known) > 1 else None)
