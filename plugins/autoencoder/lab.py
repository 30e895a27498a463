"""Lab 05: compress digits to a code of few numbers, and reconstruct them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from agents.supervised.lab import ImageLab
from plugins.autoencoder.config import AutoencoderConfig
from sandbox.config.tables import read_presets
from sandbox.lab import deferred


class AutoencoderLab(ImageLab):
    """Compress digits into a code of few numbers: --code-size 2 sets how many.

    --noise 0.2 learns to remove noise, --dataset digits needs no download.
    """

    name = "autoencoder"
    Config = AutoencoderConfig
    presets = read_presets(__file__)
    loss_label, unit = "mean squared error per pixel", "per pixel"
    objective = "summary.validation_mse"
    direction = "minimize"
    directions: ClassVar[Mapping[str, str]] = {"test_mse": "minimize"}
    searched: ClassVar[Mapping[str, str]] = {
        "dropout": "dropout [share]",
        "learning_rate": "learning rate",
        "weight_decay": "weight decay",
    }

    claims_for = deferred("plugins.autoencoder.claims:claims")
    """The report's findings, on the data in this folder if there are any."""

    claim_pictures = deferred("plugins.autoencoder.claims:pictures")
    """The report's figures, redrawn."""

    network = deferred("plugins.autoencoder.network:autoencoder")
    """An autoencoder."""

    task = deferred("plugins.autoencoder.network:Reconstruction")
    """The task: reconstruct an image from its code."""

    def space(self) -> dict[str, Any]:
        """The search space: the report's ranges (A1)."""
        from scipy.stats import loguniform, uniform

        return {
            "dropout": uniform(0, 0.5),
            "learning_rate": loguniform(1e-4, 1e-1),
            "weight_decay": loguniform(1e-6, 1e-2),
        }

    def settings(self, draw: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of a drawn candidate, as plain numbers."""
        return {name: float(value) for name, value in draw.items()}

    draw = deferred("plugins.autoencoder.figures:draw")
    """Draw reconstructions, the code space, and GIFs of paths between classes."""
