"""What a trained network answers: probabilities on all test images, and its accuracy when they are corrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.supervised.batches import EVALUATED, DeviceImages
from envs.datasets.corruptions import add_noise, occlude
from sandbox.seeding import generator

if TYPE_CHECKING:
    from torch import nn

NOISE, SQUARE = 0.2, 10
"""The corruptions of Lab 05: standard deviation of the noise, and side of the hidden square in pixels."""


def probabilities(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Probability of each class, float [images, 10], for images as float32 [images, 28, 28] from 0 to 1."""
    import torch

    device = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        parts = [
            torch.softmax(
                model(torch.from_numpy(images[first : first + EVALUATED]).to(device)), dim=1
            )
            .cpu()
            .numpy()
            for first in range(0, len(images), EVALUATED)
        ]
    return np.concatenate(parts)


def clean(images: DeviceImages) -> np.ndarray:
    """The images as float32 [images, 28, 28], 0 to 1."""
    pixels: np.ndarray = images.pixels[:, 0].cpu().numpy().astype(np.float32) / np.float32(255)
    return pixels


def corruptions(images: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The same images noisy and occluded, drawn by a generator of their own."""
    return {
        "noisy": add_noise(images, generator(seed, "noise"), NOISE),
        "occluded": occlude(images, generator(seed, "occlusion"), SQUARE),
    }


def corrupted_accuracy(model: nn.Module, images: DeviceImages, seed: int) -> dict[str, float]:
    """Share of corrupted images recognised."""
    labels = images.labels.cpu().numpy()
    return {
        f"{name}_accuracy": float((probabilities(model, made).argmax(1) == labels).mean())
        for name, made in corruptions(clean(images), seed).items()
    }
