"""Images that live once in memory as bytes and leave it as batches of floats, without a call per image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from envs.datasets.images import ImageSet
from sandbox.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

EVALUATED = 2000
"""Images evaluated together."""


class DeviceImages:
    """Images with their labels on the device where they are used.

    Args:
        pixels: uint8 [images, 28, 28].
        labels: int64 [images].
        device: where they live.
    """

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, device: torch.device) -> None:
        import torch

        self.pixels = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())[
            :, None
        ].to(device)  # uint8 [images, 1, 28, 28]
        self.labels = torch.from_numpy(labels).to(device)

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, which: Tensor) -> tuple[Tensor, Tensor]:
        """Some of the images, float [batch, 1, 28, 28] from 0 to 1, and their labels, int64 [batch]."""
        return self.pixels[which].float().div_(255), self.labels[which]

    def batches(self, size: int = EVALUATED) -> Iterator[tuple[Tensor, Tensor]]:
        """All of them, in order."""
        for first in range(0, len(self), size):
            yield (
                self.pixels[first : first + size].float().div_(255),
                self.labels[first : first + size],
            )


class Splits:
    """What is learned, what decides when to stop, and what is tested once.

    Args:
        data: the set.
        share: of the training images, held out for validation.
        rng: draws which.
        device: where they live.
        batch_size: is refused when there are fewer images to learn.
    """

    def __init__(
        self,
        data: ImageSet,
        share: float,
        rng: np.random.Generator,
        device: torch.device,
        batch_size: int,
    ) -> None:
        shuffled = rng.permutation(len(data.train))
        held = round(share * len(data.train))
        if batch_size > len(data.train) - held:
            raise UsageError(
                f"batch-size = {batch_size}: there are {len(data.train) - held} images to learn from ({len(data.train)} less {held} for "
                "validation). Take a smaller batch."
            )
        first, second = np.sort(shuffled[held:]), np.sort(shuffled[:held])
        self.train = (
            DeviceImages(data.train[first], data.train_labels[first], device)
            if held
            else DeviceImages(data.train, data.train_labels, device)
        )
        self.validation = (
            DeviceImages(data.train[second], data.train_labels[second], device) if held else None
        )
        self.test = DeviceImages(data.test, data.test_labels, device)
