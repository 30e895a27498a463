"""The baseline: as many principal components as the code has numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.supervised.batches import Splits
from envs.datasets.corruptions import NOISE, corrupted
from plugins.autoencoder import codes
from sandbox.lab import Summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from plugins.autoencoder.config import AutoencoderConfig


class Components:
    """Principal components of images: the linear code with the least squared error.

    Args:
        images: float32 [images, height, width].
        most: how many components are kept, at most 784.
    """

    def __init__(self, images: np.ndarray, most: int) -> None:
        flat = images.reshape(len(images), -1)
        self.mean = flat.mean(axis=0, dtype=np.float64)  # [pixels]
        second = (flat.T @ flat).astype(np.float64) / len(flat)  # [pixels, pixels]
        _, vectors = np.linalg.eigh(second - np.outer(self.mean, self.mean))
        self.axes = vectors[:, ::-1][:, :most]  # [pixels, most]

    def code(self, images: np.ndarray, size: int) -> np.ndarray:
        """The first `size` coordinates: [images, size]."""
        return (images.reshape(len(images), -1) - self.mean) @ self.axes[:, :size]

    def reconstruct(self, images: np.ndarray, size: int) -> np.ndarray:
        """The images from their first `size` coordinates: float32, of the same shape."""
        flat = self.code(images, size) @ self.axes[:, :size].T + self.mean
        return flat.reshape(images.shape).astype(np.float32)


def error(one: np.ndarray, other: np.ndarray) -> float:
    """Mean squared difference per pixel."""
    return float(np.square(one.astype(np.float64) - other).mean())


def findings(
    model: nn.Module,
    splits: Splits,
    config: AutoencoderConfig,
    seed: int,
    encoded: Mapping[str, np.ndarray],
) -> Summary:
    """Test errors of model and baseline: on images as in training, then of every corruption.

    Args:
        model: has learned.
        splits: of the images.
        config: of the run.
        seed: of the run.
        encoded: for each corruption the codes of the test images [images, code].
    """
    test, _ = splits.test.arrays()
    components = Components(splits.train.arrays()[0], config.code_size)
    errors: dict[str, float] = {}
    for name, given in corrupted(test, seed, config.noise or NOISE).items():
        errors[f"{name}_mse"] = error(codes.decode(model, encoded[name]), test)
        back = components.reconstruct(given, config.code_size)
        errors[f"{name}_pca_mse"] = error(back, test)
    if config.refinement:
        from plugins.autoencoder.refinement import unrefined

        with unrefined(model):
            errors["unrefined_mse"] = error(codes.decode(model, codes.encode(model, test)), test)
    learned = "noisy" if config.noise else "clean"
    main = {"test_mse": errors[f"{learned}_mse"], "pca_mse": errors[f"{learned}_pca_mse"]}
    return {**main, **errors}
