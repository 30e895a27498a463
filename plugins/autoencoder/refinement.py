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

    Args:
        layers: map images [images, 1, height, width] to codes [images, code].
        decoder: maps codes back; it belongs to the model, not to the encoder.
        steps: see `refined`.

    Attributes:
        steps: 0 gives the codes as encoded.
    """

    def __init__(self, layers: Iterable[nn.Module], decoder: nn.Module, steps: int) -> None:
        super().__init__(*layers)
        self._decoder, self.steps = (decoder,), steps  # in a tuple, so that it is no submodule

    def forward(self, images: Tensor) -> Tensor:
        """The codes of images."""
        codes: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        if self.training or not self.steps:
            return codes
        size = max(1, CHUNK // codes.shape[1])
        parts = zip(torch.split(codes, size), torch.split(images, size), strict=True)
        return torch.cat([refined(self._decoder[0], *part, self.steps) for part in parts])


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
