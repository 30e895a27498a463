"""Weights and optimiser states as arrays, and models initialised by a generator of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import nn


def device_of(name: str) -> torch.device:
    """The device to compute on; "auto" takes an accelerator where there is one.

    Raises:
        UsageError: when this machine has none of that name.
    """
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind in there if there[kind])
    elif not there[name]:
        raise UsageError(f"PyTorch finds no {name}: begin again with --device cpu.")
    return torch.device(name)


def use_threads(count: int) -> None:
    """Let torch compute with so many threads, >= 1: last digits depend on their number."""
    import torch

    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def initialised(make: Callable[[], nn.Module], rng: np.random.Generator) -> nn.Module:
    """A model whose first weights come from `rng`; torch's global generator is left as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        return make()


def arrays(tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Copies of named tensors as arrays."""
    return {name: value.detach().cpu().numpy().copy() for name, value in tensors.items()}


def tensors(kept: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Arrays as tensors that share no memory with them."""
    import torch

    return {name: torch.from_numpy(np.array(value)) for name, value in kept.items()}


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimiser's state for each parameter, by the parameter's number."""
    return {str(number): arrays(kept) for number, kept in optimizer.state_dict()["state"].items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, kept: Mapping[str, Any]) -> None:
    """Restore what `optimizer_state` returned."""
    whole = optimizer.state_dict()
    whole["state"] = {int(number): tensors(values) for number, values in kept.items()}
    optimizer.load_state_dict(whole)
