"""A part for skorch: batches without a Python call per image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor


class byte_batches:  # noqa: N801 - skorch calls it like a function
    """A data loader for a skorch dataset or a subset of one, which slices its arrays.

    Args:
        dataset: holds arrays X and y.
        batch_size: images in a batch.
        shuffle: whether in random order, drawn from torch's generator.
    """

    def __init__(self, dataset: Any, batch_size: int, shuffle: bool = False) -> None:
        where = np.arange(len(dataset))
        if isinstance(dataset, torch.utils.data.Subset):
            dataset, where = dataset.dataset, np.asarray(dataset.indices)
        self._images, self._targets = map(torch.from_numpy, (dataset.X[where], dataset.y[where]))
        self._size, self._shuffle = batch_size, shuffle

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self._images)
        order = torch.randperm(count) if self._shuffle else torch.arange(count)
        for which in torch.split(order, self._size):
            if len(which) > 1 or not self._shuffle:  # batch norm cannot learn from one image
                yield self._images[which], self._targets[which]
