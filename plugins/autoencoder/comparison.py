"""The baseline: principal components, as many as the code has numbers; and how both bear corrupted images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from agents.supervised.batches import EVALUATED, DeviceImages, Splits
from envs.datasets.corruptions import add_noise, occlude
from sandbox.seeding import generator

if TYPE_CHECKING:
    from torch import nn

    from plugins.autoencoder.config import AutoencoderConfig

NOISE, SQUARE = 0.2, 10
"""A3: standard deviation of the noise, and side of the hidden square in pixels."""


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


def clean(images: DeviceImages) -> np.ndarray:
    """The images as float32 [images, 28, 28], 0 to 1."""
    pixels: np.ndarray = images.pixels[:, 0].cpu().numpy().astype(np.float32) / np.float32(255)
    return pixels


def corrupted(images: np.ndarray, seed: int, noise: float = NOISE) -> dict[str, np.ndarray]:
    """The images as they are, noisy, and occluded."""
    return {
        "clean": images,
        "noisy": add_noise(images, generator(seed, "noise"), noise or NOISE),
        "occluded": occlude(images, generator(seed, "occlusion"), SQUARE),
    }


def reconstruct(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """What the model gives back for images [images, 28, 28]."""
    import torch

    device = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        parts = [
            model(torch.from_numpy(images[at : at + EVALUATED])[:, None].to(device)).cpu()
            for at in range(0, len(images), EVALUATED)
        ]
    return np.asarray(torch.cat(parts)[:, 0].numpy())


def error(one: np.ndarray, other: np.ndarray) -> float:
    """Mean squared difference per pixel."""
    return float(np.square(one.astype(np.float64) - other).mean())


def findings(
    model: nn.Module, splits: Splits, config: AutoencoderConfig, seed: int
) -> dict[str, Any]:
    """Test errors of model and baseline: the run's own (noisy images where it learned to remove noise), then each corruption."""
    test = clean(splits.test)
    components = Components(clean(splits.train), config.code_size)
    given = corrupted(test, seed, config.noise)
    ours = {name: error(reconstruct(model, made), test) for name, made in given.items()}
    theirs = {
        name: error(components.reconstruct(made, config.code_size), test)
        for name, made in given.items()
    }
    headline = "noisy" if config.noise else "clean"
    found: dict[str, Any] = {"test_mse": ours[headline], "pca_mse": theirs[headline]}
    for name in given:
        found |= {f"{name}_mse": ours[name], f"{name}_pca_mse": theirs[name]}
    return found
