"""The default number of threads: one for a small model, whatever the machine.

A step of a small model takes less time than distributing its parts to threads. A second thread
therefore gains little even on an idle machine and costs much on a busy one. With one thread,
results are also bit-identical on machines with different numbers of cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

LARGE = 200_000_000
"""Smallest product of weights and examples per step for which a step uses all cores.

Measured (benchmark `threads`) on two cores that were otherwise idle: two threads are 1.1 times
as fast as one at 2 to 13 million, 1.4 times at 60, 1.5 to 1.6 at 130 to 190, 1.7 from 340 on. While
other processes used the same cores they were never faster, and up to 38 times slower.
"""


def threads_for(make: Callable[[], nn.Module], examples: int, cores: int) -> int:
    """Threads to train with.

    Args:
        make: makes the model; see `weights_of`.
        examples: examples per training step: images of a batch, or time steps of music in all
            lanes.
        cores: number of cores that the process may use.
    """
    return 1 if weights_of(make) * examples < LARGE else cores


def weights_of(make: Callable[[], nn.Module]) -> int:
    """Parameters of a model; nothing is computed and no generator is touched."""
    import torch

    with torch.device("meta"):
        return sum(one.numel() for one in make().parameters())
