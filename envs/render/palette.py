"""The colours of a drawn grid, and the scale that turns values into colours.

Colours always differ in lightness alone, so hue is never needed to read them. Lightness decreases
monotonically along the scale, so higher values are darker for colour-blind readers and in greyscale
print too. Everything drawn over the scale (arrows, star, token) has its own light or dark outline.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from sandbox.visual.drawing import BAND as BAND
from sandbox.visual.drawing import INK as INK
from sandbox.visual.drawing import MUTED as MUTED
from sandbox.visual.drawing import PAPER as PAPER
from sandbox.visual.drawing import Colour as Colour


def _colour(digits: str) -> Colour:
    """A colour from its hexadecimal digits: red, green, blue."""
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


FLOOR = _colour("FFFFFF")
LINE = _colour("DFE5EC")
WALL = _colour("3E4A5C")
BRICK = _colour("B0A49E")
BRICK_HATCH = _colour("92847E")
MORTAR = _colour("F4F1EE")
SAND = _colour("ECD6A8")
SAND_GRAIN = _colour("A77C3E")
HOLE_RIM = _colour("A8B1BD")
HOLE = _colour("1C212A")
GOAL = _colour("F7BE16")
AGENT = _colour("D54F0C")
"""Vermilion, after Okabe and Ito: colour-blind safe beside the scale's cream, green, blue."""
HALO = _colour("FFFFFF")

SCALE_ANCHORS = tuple(map(_colour, ("FEF6DB", "D1E8BC", "86CBB4", "4EA3B8", "3377AE")))
"""Cream, green, blue: the light part of the scales of ColorBrewer's YlGnBu family, dark enough to
read and light enough for dark arrows.
"""
Scale = tuple[float, float]
"""The lowest and the highest value of a scale of colours."""


@cache
def scale_table() -> np.ndarray:
    """Colours of the value scale from lowest to highest, uint8 [256, 3], at equal steps of
    lightness.

    The anchors give the hues; between them colours are interpolated linearly in Oklab, with
    positions chosen so that lightness falls by the same amount from each entry to the next. Source:
    B. Ottosson, "A perceptual color space for image processing", 2020.
    """
    anchors = _oklab(np.array(SCALE_ANCHORS, dtype=np.float64) / 255.0)  # [anchors, (L, a, b)]
    lightness = np.linspace(anchors[0, 0], anchors[-1, 0], 256)
    falling = anchors[::-1]  # np.interp needs ascending positions
    path = np.stack(
        [np.interp(lightness, falling[:, 0], falling[:, channel]) for channel in range(3)], axis=1
    )  # [256, 3]
    table = np.rint(np.clip(_srgb(path), 0.0, 1.0) * 255.0).astype(np.uint8)
    table.setflags(write=False)
    return table


def scale_index(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Entry of `scale_table` for each value, int64 of the same shape; values outside the range are
    clipped; if the range is empty, all get the first entry.

    Args:
        values: float, any shape.
        low: where the scale begins.
        high: where it ends.
    """
    if not high > low:
        return np.zeros(values.shape, dtype=np.int64)
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.rint(share * 255.0).astype(np.int64)


_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _oklab(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1], [n, 3], as Oklab, [n, 3]."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T


def _srgb(oklab: np.ndarray) -> np.ndarray:
    """Oklab, [n, 3], as sRGB, [n, 3], not clipped."""
    linear = (oklab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T
    linear = np.maximum(linear, 0.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
