"""Lab 05: compress digits to a code of few numbers, and reconstruct them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from agents.supervised.lab import ImageLab
from plugins.autoencoder.config import AutoencoderConfig
from sandbox.lab import deferred
from sandbox.tables import read_presets


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

    claims_for = deferred("plugins.autoencoder.claims:claims")
    """The report's findings, on the data in this folder if there are any."""

    claim_pictures = deferred("plugins.autoencoder.claims:pictures")
    """The report's figures, redrawn."""

    network = deferred("plugins.autoencoder.network:autoencoder")
    """An autoencoder."""

    task = deferred("plugins.autoencoder.network:Reconstruction")
    """The task: reconstruct an image from its code."""

    marks = deferred("plugins.autoencoder.frames:marks")
    """Draw codes separating."""

    page = deferred("plugins.autoencoder.page:CodePlane")
    """The plane of the codes, to move through."""

    draw = deferred("plugins.autoencoder.figures:draw")
    """Draw reconstructions, the code space, and GIFs of paths between classes."""
