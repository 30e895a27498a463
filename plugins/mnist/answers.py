"""Predictions of a trained network: probabilities, and accuracy on corrupted images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.supervised.batches import DeviceImages, outputs
from envs.datasets.corruptions import corrupted

if TYPE_CHECKING:
    from torch import nn


def probabilities(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Probability of each class, float32 [images, 10].

    Args:
        model: the network.
        images: float32 [images, 28, 28], 0 to 1.
    """
    import torch

    return np.asarray(torch.softmax(torch.from_numpy(outputs(model, images)), dim=1).numpy())


def corrupted_accuracy(model: nn.Module, images: DeviceImages, seed: int) -> dict[str, float]:
    """Accuracy on noisy and on occluded images."""
    clean, labels = images.arrays()
    return {
        f"{name}_accuracy": float((probabilities(model, given).argmax(1) == labels).mean())
        for name, given in corrupted(clean, seed).items()
        if name != "clean"
    }
