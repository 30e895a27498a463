"""Two autoencoders, the report's convolutional one and a deep one, and their task."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from agents.snapshots import View
from agents.supervised.batches import DeviceImages, Splits
from agents.supervised.experiment import Task
from envs.datasets.corruptions import NOISE, add_noise, corrupted
from plugins.autoencoder import codes, comparison
from plugins.autoencoder.config import AutoencoderConfig
from plugins.autoencoder.refinement import RefiningEncoder, unrefined
from sandbox.lab import Context, Summary
from sandbox.seeding import generator


def autoencoder(config: AutoencoderConfig) -> nn.Sequential:
    """Parts `encoder`, [images, 1, 28, 28] to [images, code], and `decoder` back, pixels 0 to 1."""
    model = nn.Sequential()
    parts = _convolutional(config) if config.model == "convolutional" else _deep(config)
    encoder, decoder = (nn.Sequential(*part) for part in parts)
    if config.refinement:
        starts = torch.zeros(config.starts, config.code_size)
        encoder = RefiningEncoder(encoder, decoder, config.refinement, starts)
    model.add_module("encoder", encoder)
    model.add_module("decoder", decoder)
    return model


def _convolutional(config: AutoencoderConfig) -> tuple[list[nn.Module], list[nn.Module]]:
    """1-8-16-32 channels, 3 x 3, stride 2 (28, 14, 7, 3 pixels), dense 64, code; mirrored."""
    drop = [nn.Dropout(config.dropout)] if config.dropout else []

    def active(layer: nn.Module) -> list[nn.Module]:
        return [layer, nn.ReLU(), *drop]

    encoder = [
        *active(nn.Conv2d(1, 8, 3, 2, 1)),
        *active(nn.Conv2d(8, 16, 3, 2, 1)),
        *active(nn.Conv2d(16, 32, 3, 2, 0)),
        nn.Flatten(),
        *active(nn.Linear(32 * 3 * 3, 64)),
        nn.Linear(64, config.code_size),
    ]
    decoder = [
        *active(nn.Linear(config.code_size, 64)),
        *active(nn.Linear(64, 32 * 3 * 3)),
        nn.Unflatten(1, (32, 3, 3)),
        *active(nn.ConvTranspose2d(32, 16, 3, 2, 0)),
        *active(nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1)),
        nn.ConvTranspose2d(8, 1, 3, 2, 1, output_padding=1),
        nn.Sigmoid(),
    ]
    return encoder, decoder


def _deep(config: AutoencoderConfig) -> tuple[list[nn.Module], list[nn.Module]]:
    """784-hidden-code-decoder-784, with batch norm and ReLU."""

    def through(sizes: tuple[int, ...]) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
            layers += [nn.Dropout(config.dropout)] if config.dropout else []
        return layers

    there, back, code = config.hidden, config.decoder, config.code_size
    encoder = [nn.Flatten(), *through((784, *there)), nn.Linear(there[-1], code)]
    decoder = [*through((code, *back)), nn.Linear(back[-1], 784)]
    return encoder, [*decoder, nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28))]


class Reconstruction(Task):
    """The task: reconstruct an image from its code; with noise, the clean image."""

    config: AutoencoderConfig
    score, higher = "mse", False

    def __init__(self, config: AutoencoderConfig, context: Context) -> None:
        super().__init__(config, context)
        self._codes: dict[str, np.ndarray] = {}

    def model(self) -> nn.Module:
        """A fresh autoencoder."""
        return autoencoder(self.config)

    def loss(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """Mean squared error per pixel against the clean image."""
        given = images
        if self.config.noise:
            given = (images + self.config.noise * torch.randn(images.shape).to(images)).clamp_(0, 1)
        return functional.mse_loss(model(given).float(), images)

    def measure(self, model: nn.Module, images: DeviceImages) -> dict[str, float]:
        """Mean squared error per pixel from 0 to 1, of codes that are not refined; with noise,
        against the clean images."""
        rng = generator(self.seed, "noise")
        total = torch.zeros((), dtype=torch.float64)
        model.eval()
        with torch.no_grad(), unrefined(model):
            for batch, _ in images.batches():
                given = batch
                if self.config.noise:
                    given = torch.from_numpy(
                        add_noise(batch[:, 0].cpu().numpy(), rng, self.config.noise)
                    )[:, None].to(batch)
                total += (model(given) - batch).square().sum().cpu().double()
        return {"mse": float(total) / images.pixels.numel()}

    def view(self, model: nn.Module, images: DeviceImages) -> View:
        """The codes of the images, float32 [images, code], and their classes."""
        pixels, labels = images.arrays()
        with unrefined(model):
            return {"codes": codes.encode(model, pixels), "labels": labels}

    def findings(self, model: nn.Module, splits: Splits) -> Summary:
        """Test errors of model and principal components, also on corrupted images."""
        encoder = model.get_submodule("encoder")
        if isinstance(encoder, RefiningEncoder) and self.config.starts:
            with unrefined(model):
                known = codes.encode(model, splits.train.first(self.config.starts).arrays()[0])
            encoder.remember(torch.from_numpy(known))
        encoded = self.test_codes(model, splits.test)
        return comparison.findings(model, splits, self.config, self.seed, encoded)

    def test_codes(self, model: nn.Module, images: DeviceImages) -> dict[str, np.ndarray]:
        """For each corruption the codes of the test images, float32 [images, code].

        They are computed once, after learning, since refining them can take a minute.
        """
        if not self._codes:
            given = corrupted(images.arrays()[0], self.seed, self.config.noise or NOISE)
            self._codes = {name: codes.encode(model, given[name]) for name in given}
        return self._codes
