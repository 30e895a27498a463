"""Image data kept in memory as bytes and read as batches of floats, without a Python call per
image."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from envs.datasets.images import ImageSet
from sandbox.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

EVALUATED = 2000
"""Batch size for evaluation."""


class DeviceImages:
    """Images with their labels on the device where they are used.

    Args:
        pixels: uint8 [images, 28, 28].
        labels: int64 [images].
        device: where they are kept.
    """

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, device: torch.device) -> None:
        import torch

        self.pixels = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())[
            :, None
        ].to(device)  # uint8 [images, 1, 28, 28]
        self.labels = torch.from_numpy(labels).to(device)

    def __len__(self) -> int:
        return len(self.pixels)

    def first(self, count: int) -> DeviceImages:
        """The first of them."""
        part = copy.copy(self)
        part.pixels, part.labels = self.pixels[:count], self.labels[:count]
        return part

    def batch(self, which: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Some images, float [batch, 1, 28, 28] from 0 to 1, and their labels, int64 [batch]."""
        return self.pixels[which].float().div_(255), self.labels[which]

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All of them, in order."""
        for first in range(0, len(self), EVALUATED):
            yield self.batch(slice(first, first + EVALUATED))

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """All images, float32 [images, 28, 28] from 0 to 1, and their labels, int64 [images]."""
        pixels = self.pixels[:, 0].cpu().numpy().astype(np.float32) / np.float32(255)
        return pixels, self.labels.cpu().numpy()


class Splits:
    """Training, validation and test images; the test images are used once.

    Args:
        data: the set.
        share: share of the training images that is held out for validation.
        rng: draws the validation images.
        device: where they are kept.
        batch_size: images per step.

    Raises:
        UsageError: when there are fewer training images than one step takes.
    """

    def __init__(
        self,
        data: ImageSet,
        share: float,
        rng: np.random.Generator,
        device: torch.device,
        batch_size: int,
    ) -> None:
        train, labels = data.train, data.train_labels
        count = len(train)
        shuffled, held = rng.permutation(count), round(share * count)
        if batch_size > count - held:
            raise UsageError(
                f"batch-size = {batch_size}: there are {count - held} images to learn from "
                f"({count} less {held} for validation). Take a smaller batch."
            )
        self.validation: DeviceImages | None = None
        if held:
            second, first = np.sort(shuffled[:held]), np.sort(shuffled[held:])
            self.validation = DeviceImages(train[second], labels[second], device)
            train, labels = train[first], labels[first]
        self.train = DeviceImages(train, labels, device)
        self.test = DeviceImages(data.test, data.test_labels, device)


def outputs(module: nn.Module, inputs: np.ndarray) -> np.ndarray:
    """The outputs of a module for an array, computed in batches on the module's device.

    Args:
        module: evaluated, without gradients.
        inputs: float32 [examples, ...].
    """
    import torch

    device = next(module.parameters()).device
    module.eval()
    with torch.no_grad():
        parts = [
            module(torch.from_numpy(inputs[first : first + EVALUATED]).to(device)).cpu()
            for first in range(0, len(inputs), EVALUATED)
        ]
    return np.asarray(torch.cat(parts).numpy())
