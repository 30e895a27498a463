"""An encoder whose codes are improved by fitting the decoded images to the given ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

CHUNK = 20_000
"""Number of derivatives of images held in memory together: images times numbers in a code."""
SMALL = 0.01
"""Change of a number in a code, relative to 1 more than its size, that shows its slope."""
DAMPING, LESS, MORE = 0.1, 1 / 3, 5.0
"""Of Levenberg and Marquardt: at first, after a step that lowers the error, after another."""


class RefiningEncoder(nn.Sequential):
    """An encoder that, when it is not learning, improves each code by a few steps.

    With few numbers in a code, the best one is often far from the encoder's. Therefore the steps
    also begin at one of several known codes, and the better end is taken.

    Args:
        layers: map images [images, 1, height, width] to codes [images, code].
        decoder: maps codes back; it belongs to the model, not to the encoder.
        steps: see `refined`.
        starts: float [starts, code], zeros until training images are known.

    Attributes:
        steps: 0 gives the codes as encoded.
    """

    starts: Tensor

    def __init__(
        self, layers: Iterable[nn.Module], decoder: nn.Module, steps: int, starts: Tensor
    ) -> None:
        super().__init__(*layers)
        self._decoder, self.steps = (decoder,), steps  # in a tuple, so that it is no submodule
        self.register_buffer("starts", starts, persistent=len(starts) > 0)

    def forward(self, images: Tensor) -> Tensor:
        """The codes of images."""
        codes: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        if self.training or not self.steps:
            return codes
        begins = [codes]
        if len(self.starts):
            begins.append(nearest(self._decoder[0], self.starts, images))
        ends = torch.stack([self._refined(begin, images) for begin in begins])
        errors = torch.stack([squared_errors(self._decoder[0], end, images) for end in ends])
        return ends[errors.argmin(dim=0), torch.arange(len(images), device=images.device)]

    def _refined(self, codes: Tensor, images: Tensor) -> Tensor:
        size = max(1, CHUNK // codes.shape[1])
        parts = zip(torch.split(codes, size), torch.split(images, size), strict=True)
        return torch.cat([refined(self._decoder[0], *part, self.steps) for part in parts])

    def remember(self, codes: Tensor) -> None:
        """Take codes [images, code] as starts; those that are too many are left out."""
        self.starts[: len(codes)] = codes[: len(self.starts)]


@contextlib.contextmanager
def unrefined(model: nn.Module) -> Iterator[None]:
    """A context in which an autoencoder's codes are those of its encoder alone."""
    encoder = model.get_submodule("encoder")
    if not isinstance(encoder, RefiningEncoder):
        yield
        return
    steps, encoder.steps = encoder.steps, 0
    try:
        yield
    finally:
        encoder.steps = steps


def squared_errors(decoder: nn.Module, codes: Tensor, images: Tensor) -> Tensor:
    """The sum over pixels for each image: [images]."""
    return (images - decoder(codes)).flatten(1).square().sum(1)


def nearest(decoder: nn.Module, codes: Tensor, images: Tensor) -> Tensor:
    """For each of some images the one of several codes that decodes to the most similar image.

    Args:
        decoder: in evaluation mode.
        codes: float [codes, code].
        images: float [images, ...].

    Returns:
        float [images, code].
    """
    distances = torch.cdist(images.flatten(1), decoder(codes).flatten(1))  # [images, codes]
    return codes[distances.argmin(dim=1)]


@torch.no_grad()
def refined(decoder: nn.Module, codes: Tensor, images: Tensor, steps: int) -> Tensor:
    """Codes with smaller squared errors of their images, by the method of Levenberg and Marquardt.

    Marquardt (1963): (JᵀJ + d·diag(JᵀJ)) · change = Jᵀ · error, with one damping d for each image.
    A change that does not lower the image's error is not made.

    Args:
        decoder: in evaluation mode, so that each image depends on its own code only.
        codes: float [images, code], where the steps begin.
        images: float [images, ...], which the decoder should return.
        steps: >= 0; each decodes code + 1 times.

    Returns:
        float [images, code].
    """

    def errors(tried: Tensor) -> Tensor:
        return (images - decoder(tried)).flatten(1)  # [images, pixels]

    identity = torch.eye(codes.shape[1]).to(codes)
    damping = torch.full_like(codes[:, :1, None], DAMPING)
    error = errors(codes)
    for _ in range(steps):
        away = SMALL * (1 + codes.abs())  # [images, code]
        slopes = (
            torch.stack([error - errors(codes + away * axis) for axis in identity], dim=1)
            / away[:, :, None]
        )  # [images, code, pixels], by differences
        square = slopes @ slopes.mT  # [images, code, code]
        damped = square + identity * (damping * square + 1e-6)
        tried = codes + torch.linalg.solve(damped, slopes @ error[:, :, None])[:, :, 0]
        rest = errors(tried)
        better = (rest.square().sum(1) < error.square().sum(1))[:, None]
        codes, error = torch.where(better, tried, codes), torch.where(better, rest, error)
        damping = damping * torch.where(better, LESS, MORE)[:, :, None]
    return codes
