"""The fully connected network, and its task: classification of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from agents.snapshots import View
from agents.supervised.batches import DeviceImages, Splits
from agents.supervised.experiment import Task
from plugins.mnist.answers import corrupted_accuracy
from plugins.mnist.config import MnistConfig
from plugins.mnist.neurons import first_and_last_fields
from sandbox.lab import Summary

PIXELS, CLASSES, SLOPE = 28 * 28, 10, 0.01


def network(config: MnistConfig) -> nn.Sequential:
    """784 - hidden … - 10 with leaky ReLU; modules are named by kind and layer."""
    model, width = nn.Sequential(), PIXELS
    model.add_module("flatten", nn.Flatten())
    for number, wide in enumerate(config.hidden, 1):
        model.add_module(f"linear{number}", nn.Linear(width, wide))
        if config.batch_norm:
            model.add_module(f"norm{number}", nn.BatchNorm1d(wide))
        model.add_module(f"relu{number}", nn.LeakyReLU(SLOPE))
        if config.dropout:
            model.add_module(f"dropout{number}", nn.Dropout(config.dropout))
        width = wide
    model.add_module(f"linear{len(config.hidden) + 1}", nn.Linear(width, CLASSES))
    return model


def half_noisy(images: Tensor, most: float) -> Tensor:
    """Add noise to about half of the images, clipped as in tests of noisy images.

    Args:
        images: float [images, 1, height, width], 0 to 1.
        most: largest standard deviation; that of a noisy image is drawn uniformly from 0 on.

    Returns:
        float of the same shape, 0 to 1.
    """
    sd = (2 * torch.rand(len(images), 1, 1, 1) - 1).clamp_(min=0) * most
    return (images + (sd * torch.randn(images.shape)).to(images)).clamp_(0, 1)


class Classification(Task):
    """The task: predict the class of an image."""

    config: MnistConfig
    score, higher = "accuracy", True

    def model(self) -> nn.Module:
        """A fresh network."""
        return network(self.config)

    def loss(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with smoothed labels, of partly noisy images."""
        if self.config.noise:
            images = half_noisy(images, self.config.noise)
        return functional.cross_entropy(
            model(images).float(), labels, label_smoothing=self.config.label_smoothing
        )

    def measure(self, model: nn.Module, images: DeviceImages) -> dict[str, float]:
        """Share of images recognised, and mean cross-entropy in nats."""
        right = torch.zeros((), dtype=torch.int64, device=images.pixels.device)
        entropy = torch.zeros((), dtype=torch.float64)
        model.eval()
        with torch.no_grad():
            for batch, labels in images.batches():
                scores = model(batch)
                right += (scores.argmax(1) == labels).sum()
                entropy += functional.cross_entropy(scores, labels, reduction="sum").cpu().double()
        return {"accuracy": int(right) / len(images), "cross_entropy": float(entropy) / len(images)}

    def view(self, model: nn.Module, images: DeviceImages) -> View:
        """Receptive fields of the first hidden neurons and of the classes: [fields, 28, 28]."""
        return {"fields": first_and_last_fields(model)}

    def findings(self, model: nn.Module, splits: Splits) -> Summary:
        """Test accuracy, clean and under the corruptions of Lab 05."""
        measured = {
            f"test_{name}": value for name, value in self.measure(model, splits.test).items()
        }
        wrong = round(len(splits.test) * (1 - measured["test_accuracy"]))
        return {
            **measured,
            "test_errors": wrong,
            **corrupted_accuracy(model, splits.test, self.seed),
        }
