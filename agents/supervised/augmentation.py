"""Random deformations of a batch: rotation, size, shear, shift and elastic noise in one warp.

Every image is deformed differently, all by one call of `grid_sample`. Random numbers come from
torch's global generator, whose state the training loop keeps for each run.
"""

from __future__ import annotations

import functools
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
    smoothness: float | None = Field(
        None,
        ge=2,
        le=28,
        description="standard deviation of the Gaussian filter of the elastic displacement, in "
        "pixels; none: bicubic interpolation of coarse noise, four times as slow",
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
    import torch
    import torch.nn.functional as F  # noqa: N812 - the conventional name

    if not how.active:
        return images
    height, width = images.shape[-2:]
    maps = affine(len(images), how, width).to(images)  # [images, 2, 3]
    if how.smoothness is None:
        grid = F.affine_grid(maps, list(images.shape), align_corners=False)
        if how.elastic:
            grid = grid + elastic(len(images), how.elastic, height, width).to(images)
    else:
        noise = coarse_noise(len(images), how.elastic, height, width).flatten(2).to(images)
        fields = displacement_fields(height, width, how.smoothness).to(images)
        grid = (torch.cat([maps, noise], dim=2).flatten(0, 1) @ fields).view(-1, 2, height, width)
        grid = grid.permute(0, 2, 3, 1)  # [images, height, width, 2]
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
    import torch.nn.functional as F  # noqa: N812

    noise = coarse_noise(count, pixels, height, width)
    return F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False).permute(
        0, 2, 3, 1
    )


def coarse_noise(count: int, pixels: float, height: int, width: int) -> Tensor:
    """Independent displacements of coarse points: [count, 2, COARSE, COARSE]."""
    import torch

    return (
        torch.randn(count, 2, COARSE, COARSE)
        * torch.tensor([2 / width, 2 / height]).view(1, 2, 1, 1)
        * pixels
    )


@functools.cache
def displacement_fields(height: int, width: int, smoothness: float) -> Tensor:
    """Fields whose sums, weighted by affine maps and coarse noise, are sampling grids.

    The first three are x, y and 1; then comes one Gaussian for each coarse point, normalised so
    that the displacement of every pixel has the standard deviation of the noise. The Gaussian
    filter is that of Simard, Steinkraus & Platt (2003), on noise of coarse points.

    Args:
        height: pixels from top to bottom.
        width: pixels from left to right.
        smoothness: standard deviation of the Gaussians, in pixels, >= 2.

    Returns:
        float32 [3 + COARSE * COARSE, height * width].
    """
    import torch

    places = [torch.arange(size) + 0.5 for size in (height, width)]
    centres = [(torch.arange(COARSE) + 0.5) * size / COARSE for size in (height, width)]
    down, across = (
        torch.exp(-(((place[None] - centre[:, None]) / smoothness) ** 2) / 2)  # [COARSE, size]
        for place, centre in zip(places, centres, strict=True)
    )
    gaussians = torch.einsum("iy,jx->ijyx", down, across).reshape(COARSE * COARSE, -1)
    y, x = torch.meshgrid(
        places[0] * 2 / height - 1, places[1] * 2 / width - 1, indexing="ij"
    )  # of affine_grid
    plain = torch.stack([x, y, torch.ones_like(x)]).flatten(1)
    return torch.cat([plain, gaussians / gaussians.norm(dim=0)])
