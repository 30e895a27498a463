"""Corruptions of images: noise, and a square that hides a part. Works on whole stacks."""

from __future__ import annotations

import numpy as np

from sandbox.seeding import generator

NOISE, SQUARE = 0.2, 10
"""Values of Lab 05: standard deviation of the noise, and side of the hidden square in pixels."""


def corrupted(images: np.ndarray, seed: int, noise: float = NOISE) -> dict[str, np.ndarray]:
    """The images "clean", "noisy" and "occluded", drawn by separate generators.

    Args:
        images: float32 [images, height, width], 0 to 1.
        seed: of the run.
        noise: standard deviation.
    """
    return {
        "clean": images,
        "noisy": add_noise(images, generator(seed, "noise"), noise),
        "occluded": occlude(images, generator(seed, "occlusion"), SQUARE),
    }


def add_noise(images: np.ndarray, rng: np.random.Generator, sd: float) -> np.ndarray:
    """Add Gaussian noise and clip the result to [0, 1].

    Args:
        images: float [images, height, width], 0 to 1.
        rng: draws the noise.
        sd: standard deviation, in units of the range from black to white.

    Returns:
        float32 of the same shape.
    """
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    return np.clip(images + np.float32(sd) * noise, 0, 1, dtype=np.float32)


def occlude(images: np.ndarray, rng: np.random.Generator, side: int) -> np.ndarray:
    """Set a square to 0, anywhere inside each image.

    Args:
        images: float [images, height, width].
        rng: draws the squares' places.
        side: of the squares, in pixels, at most height and width.

    Returns:
        A copy, float32.
    """
    count, height, width = images.shape
    top = rng.integers(0, height - side + 1, size=(count, 1))
    left = rng.integers(0, width - side + 1, size=(count, 1))
    rows = (np.arange(height) >= top) & (np.arange(height) < top + side)  # [images, height]
    columns = (np.arange(width) >= left) & (np.arange(width) < left + side)  # [images, width]
    return np.where(
        rows[:, :, None] & columns[:, None, :], np.float32(0), images.astype(np.float32)
    )
