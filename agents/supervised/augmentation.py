"""Random deformations of a batch: rotation, size, shear, shift and elastic noise in one warp.

Every image is deformed differently, all by one call of `grid_sample`. Random numbers come from
torch's global generator, whose state the training loop keeps for each run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from sandbox.config.model import LabConfig

if TYPE_CHECKING:
    from torch import Tensor

COARSE = 7
"""Elastic noise is drawn on 7 x 7 points and interpolated: neighbours 4 pixels apart in 28 move
independently."""


class AugmentationConfig(LabConfig):
    """Largest deformations of training images, drawn uniformly; with all 0, images are
    unchanged."""

    rotation: float = Field(
        0.0, ge=0, le=180, description="largest rotation to either side, in degrees"
    )
    scale: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="largest change of width and of height: 0.1 is a factor from 1/1.1 to 1.1",
    )
    shear: float = Field(
        0.0, ge=0, le=1, description="largest slant to either side: pixels aside per pixel down"
    )
    shift: float = Field(0.0, ge=0, le=14, description="largest shift along each axis, in pixels")
    elastic: float = Field(
        0.0, ge=0, le=14, description="standard deviation of the elastic displacement, in pixels"
    )
    until: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the steps with deformed images; in the rest a model gets used to "
        "images that are not blurred",
    )

    @property
    def active(self) -> bool:
        """Whether anything is deformed."""
        return any((self.rotation, self.scale, self.shear, self.shift, self.elastic))


def deform(images: Tensor, how: AugmentationConfig) -> Tensor:
    """Deform every image of a batch differently; pixels from outside the image are 0.

    Args:
        images: float [images, 1, height, width].
        how: the largest deformations.

    Returns:
        float [images, 1, height, width].
    """
    import torch.nn.functional as F  # noqa: N812 - the conventional name

    if not how.active:
        return images
    height, width = images.shape[-2:]
    grid = F.affine_grid(
        affine(len(images), how, width).to(images), list(images.shape), align_corners=False
    )  # [images, height, width, 2]
    if how.elastic:
        grid = grid + elastic(len(images), how.elastic, height, width).to(images)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def affine(count: int, how: AugmentationConfig, width: int) -> Tensor:
    """Random affine maps from the deformed to the original image: [count, 2, 3].

    Coordinates are those of `affine_grid`, -1 to 1.
    """
    import torch

    draw = 2 * torch.rand(6, count) - 1  # [6, count], -1 to 1
    angle = draw[0] * math.radians(how.rotation)
    sizes = torch.exp(draw[1:3] * math.log1p(how.scale))  # [2, count]
    slant, shift = draw[3] * how.shear, draw[4:6] * how.shift * 2 / width
    cos, sin = torch.cos(angle), torch.sin(angle)
    first = torch.stack([cos * sizes[0], (slant * cos - sin) * sizes[1], shift[0]], dim=1)
    second = torch.stack([sin * sizes[0], (slant * sin + cos) * sizes[1], shift[1]], dim=1)
    return torch.stack([first, second], dim=1)  # [count, 2, 3]: rotation · shear · size


def elastic(count: int, pixels: float, height: int, width: int) -> Tensor:
    """Smooth random displacements, in the coordinates of `affine_grid`: [count, height, width, 2].

    After Simard, Steinkraus & Platt (2003), with bicubic interpolation of coarse noise in place of
    their Gaussian filter.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812

    noise = (
        torch.randn(count, 2, COARSE, COARSE)
        * torch.tensor([2 / width, 2 / height]).view(1, 2, 1, 1)
        * pixels
    )
    return F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False).permute(
        0, 2, 3, 1
    )
