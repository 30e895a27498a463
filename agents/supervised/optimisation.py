"""Optimisers by name, learning rates as functions of the step, and averaged weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from agents.supervised.config import TrainingConfig
from agents.supervised.tensors import arrays, tensors
from sandbox.lab import State

if TYPE_CHECKING:
    from torch import Tensor, nn, optim

START, END = 1 / 25, 1e-4
"""One-cycle begins at a 25th of the largest rate and ends at a ten-thousandth (Smith & Topin,
2018)."""


def optimizer_class(config: TrainingConfig) -> tuple[type[optim.Optimizer], dict[str, Any]]:
    """The class of an optimiser and its options, except the learning rate."""
    from torch import optim

    kinds: dict[str, type[optim.Optimizer]] = {
        "adam": optim.Adam,
        "adamw": optim.AdamW,
        "rmsprop": optim.RMSprop,
        "sgd": optim.SGD,
    }
    options = {"weight_decay": config.weight_decay}
    if config.optimizer in ("rmsprop", "sgd"):
        options["momentum"] = config.momentum
    return kinds[config.optimizer], options


def optimizer(config: TrainingConfig, model: nn.Module) -> optim.Optimizer:
    """The optimiser of a model on its device, with fused kernels where PyTorch has them."""
    kind, options = optimizer_class(config)
    parameters = list(model.parameters())
    if config.optimizer != "rmsprop":
        options["fused"] = parameters[0].device.type in ("cpu", "cuda")
    return kind(parameters, lr=config.learning_rate, **options)  # type: ignore[call-arg]


def rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The learning rate of a step.

    Args:
        config: schedule and largest rate.
        step: 0 for the first.
        steps: steps of the whole training, as configured.
    """
    largest, warmup, at = config.learning_rate, config.warmup, step / max(1, steps - 1)
    if config.schedule == "linear":
        return largest * (1 - step / steps)
    if config.schedule == "cosine":
        return largest * (1 + math.cos(math.pi * step / steps)) / 2
    if config.schedule == "one-cycle":
        if at < warmup:
            return largest * cosine(START, 1.0, at / warmup)
        return largest * cosine(1.0, END, (at - warmup) / (1 - warmup))
    return largest


def cosine(first: float, last: float, share: float) -> float:
    """From first to last along half a cosine wave."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


class Average:
    """An exponential moving average of a model's weights and running statistics.

    Args:
        model: what is averaged.
        decay: decay per step; lower at first, so that the first steps are soon forgotten:
            min(decay, (1 + t) / (10 + t)).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        live = {name: one for name, one in model.state_dict().items() if one.is_floating_point()}
        self._names, self._live = list(live), list(live.values())
        self._kept = [value.clone() for value in self._live]

    def update(self) -> None:
        """Update the averages with the weights after a step."""
        import torch

        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            torch._foreach_lerp_(self._kept, self._live, 1 - decay)

    def weights(self) -> dict[str, Tensor]:
        """The averages by name."""
        return dict(zip(self._names, self._kept, strict=True))

    def state(self) -> State:
        """The averages and their age in steps."""
        return {"steps": self.steps, "weights": arrays(self.weights())}

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self.steps, weights = state["steps"], tensors(state["weights"])
        for name, kept in self.weights().items():
            kept.copy_(weights[name])
