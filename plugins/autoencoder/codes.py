"""The code space: codes of images, images of codes, and paths between codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.supervised.batches import outputs

if TYPE_CHECKING:
    from torch import nn

FRAMES, REST = 24, 6
"""Of a morph: frames from end to end, and additional frames at each end."""


def encode(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Codes of images [images, 28, 28]: float32 [images, code]."""
    return outputs(model.get_submodule("encoder"), images[:, None])


def decode(model: nn.Module, codes: np.ndarray) -> np.ndarray:
    """Images of codes [codes, code]: float32 [codes, 28, 28]."""
    return outputs(model.get_submodule("decoder"), np.asarray(codes, np.float32))[:, 0]


def centroids(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean code of each of ten classes: [10, code]; of a class without images NaN."""
    return np.stack(
        [
            codes[labels == number].mean(0)
            if (labels == number).any()
            else np.full(codes.shape[1], np.nan)
            for number in range(10)
        ]
    )


def pair(text: str) -> tuple[int, int]:
    """Parse a pair of classes, such as "2-0"."""
    first, second = text.split("-")
    return int(first), int(second)


def straight(one: np.ndarray, other: np.ndarray, points: int) -> np.ndarray:
    """Points on the line from one code to another, including both ends: [points, code]."""
    share = np.linspace(0, 1, points)[:, None]
    return np.asarray((1 - share) * one + share * other)


def morph(model: nn.Module, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Images from one code to another and back, both ends held a while: [frames, 28, 28]."""
    way = decode(model, straight(one, other, FRAMES))
    there = np.concatenate([np.repeat(way[:1], REST, 0), way, np.repeat(way[-1:], REST, 0)])
    return np.concatenate([there, way[-2:0:-1]])


def frames(images: np.ndarray, times: int = 8) -> list[np.ndarray]:
    """Images as enlarged frames, dark on light: uint8 [28 · times, 28 · times, 3] each."""
    grey = np.rint(255 * (1 - images)).astype(np.uint8)
    large = grey.repeat(times, axis=1).repeat(times, axis=2)
    return [np.repeat(one[:, :, None], 3, axis=2) for one in large]


def smoothness(images: np.ndarray) -> float:
    """The largest difference between successive images, relative to that of first and last.

    Differences are root mean squares over pixels.
    """
    steps = np.sqrt(np.square(np.diff(images, axis=0)).mean((1, 2)))
    whole = float(np.sqrt(np.square(images[-1] - images[0]).mean()))
    return float(steps.max()) / whole if whole else 0.0
