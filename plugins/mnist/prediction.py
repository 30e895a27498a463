"""`predict RUN IMAGE …`: classifies image files, converted to the format of MNIST first."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from envs.datasets.images import CLASSES
from sandbox.cli.options import json_option
from sandbox.cli.output import print_json
from sandbox.cli.verb import of_run
from sandbox.errors import UsageError
from sandbox.extras import need
from sandbox.runs.view import Run
from sandbox.text import number

MOST_PIXELS = 50_000_000
INSIDE, SIDE = 20, 28


def prepared(path: Path) -> np.ndarray:
    """An image file in the format of MNIST: light on black, at most 20 pixels, centred in 28 x 28.

    An image that is light at its border is inverted; transparent parts count as white paper, and
    a photograph is turned as its camera says.

    Returns:
        float32 [28, 28], 0 to 1.

    Raises:
        UsageError: when the file is not an image, is too large, or has a single colour.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            if file.width * file.height > MOST_PIXELS:
                raise UsageError(
                    f"{path} has {file.width} x {file.height} pixels; at most "
                    f"{number(MOST_PIXELS)} are read. Make it smaller."
                )
            coloured = ImageOps.exif_transpose(file).convert("RGBA")
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(
            f"{path} is no image that can be read ({error}). Give a PNG, dark on light or light on "
            "dark."
        ) from error
    paper = Image.new("RGBA", coloured.size, "white")
    grey = (
        np.asarray(Image.alpha_composite(paper, coloured).convert("L"), np.float32) / 255
    )  # [height, width]
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.median(border) > 0.5:
        grey, border = 1 - grey, 1 - border
    ink = np.clip(grey - float(np.median(border)), 0, 1)
    if ink.max() < 0.1:
        raise UsageError(f"{path} shows nothing: it is of one colour.")
    return centred(ink / ink.max())


def centred(ink: np.ndarray) -> np.ndarray:
    """Scale the ink's longer side to 20 pixels, and centre its mass in 28 x 28 pixels."""
    from PIL import Image

    rows, columns = np.flatnonzero(ink.max(1) > 0.1), np.flatnonzero(ink.max(0) > 0.1)
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = INSIDE / max(cut.shape)
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    small = np.asarray(
        Image.fromarray(cut.astype(np.float32)).resize(
            size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
        )
    )
    small = np.clip(small, 0, 1)
    height, width = small.shape
    row, column = (
        np.array([(small.sum(1) @ np.arange(height)), (small.sum(0) @ np.arange(width))])
        / small.sum()
    ).tolist()
    top = min(max(round((SIDE - 1) / 2 - row), 0), SIDE - height)
    left = min(max(round((SIDE - 1) / 2 - column), 0), SIDE - width)
    canvas = np.zeros((SIDE, SIDE), np.float32)
    canvas[top : top + height, left : left + width] = small
    return canvas


@click.command("predict")
@of_run("mnist")
@click.argument(
    "images",
    nargs=-1,
    required=True,
    metavar="IMAGE...",
    type=click.Path(path_type=Path),
)
@json_option
def predict(run: Run, images: tuple[Path, ...], as_json: bool) -> int:
    """Say which class each IMAGE has: a file, dark on light or light on dark.

    RUN is one of the lab mnist: an id, the beginning of one, a folder, or `last`.
    """
    need("`predict`", "torch", "torch", "safetensors")
    pixels = np.stack([prepared(path) for path in images])  # [images, 28, 28]
    from agents.supervised.saving import model_of
    from plugins.mnist.answers import probabilities

    classes = CLASSES[run.config["dataset"]]
    chances_of = probabilities(model_of(run), pixels).tolist()  # [images, classes]
    by_class = [dict(zip(classes, chances, strict=True)) for chances in chances_of]
    ranked = [sorted(chances, key=lambda name: -chances[name]) for chances in by_class]
    if as_json:
        named = zip(map(str, images), ranked, by_class, strict=True)
        print_json(
            [{"file": file, "class": best[0], "probabilities": p} for file, best, p in named]
        )
        return 0
    for path, best, chances in zip(images, ranked, by_class, strict=True):
        others = ", ".join(f"{name} {chances[name]:.1%}" for name in best[1:4])
        click.echo(f"{path}: {best[0]} ({chances[best[0]]:.1%}; then {others})")
    return 0
