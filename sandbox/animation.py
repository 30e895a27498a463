"""Frames as an animated GIF.

All frames share one palette, and of each frame only what changed is written: the same frames give the same bytes, quickly.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

import numpy as np

COLOURS = 255
"""Entries of the palette for colours; the last of the 256 says "as before"."""
AS_BEFORE = 255
BITS = 6
"""Bits per channel that tell colours apart: 2 ** 18 bins, of which a palette entry takes the mean."""
SAMPLE = 16
"""Number of frames the palette is made from."""
CENTISECONDS = 100
SHORTEST = 2
"""Browsers take a shorter delay, in hundredths of a second, for none given and show the frame for a tenth of a second."""


class Patch(NamedTuple):
    """The part of a frame that differs from the frame before.

    Attributes:
        left, top: its corner, pixels.
        pixels: uint8 [height, width, 3].
        changed: bool [height, width], or None when all of it counts.
    """

    left: int
    top: int
    pixels: np.ndarray
    changed: np.ndarray | None


def write_gif(path_or_file: str | os.PathLike[str] | BinaryIO, frames: Iterable[np.ndarray], fps: float, last_frame_seconds: float = 1.5) -> None:
    """Write frames as a GIF that loops for ever; nothing is written when the frames are refused.

    Args:
        path_or_file: where to; a file must be open for writing bytes.
        frames: uint8 [height, width, 3] each, all of one size; used one after the other, so a generator will do.
        fps: frames per second, above 0; more than 50 cannot be shown and count as 50.
        last_frame_seconds: how long the last frame stays before the animation starts again.

    Raises:
        ValueError: no frames, frames of unequal sizes or not of RGB bytes, or `fps` not above 0.
    """
    if not fps > 0:
        raise ValueError(f"Frames per second must be above 0, not {fps}.")
    height, width, patches = _differences(frames)
    palette, entry_of_bin = _palette(patches)
    delays = _delays(len(patches), fps, last_frame_seconds)
    parts = [_header(width, height, palette)]
    parts += [_image(patch, entry_of_bin, delay) for patch, delay in zip(patches, delays, strict=True)]
    content = b"".join([*parts, b";"])
    if isinstance(path_or_file, str | os.PathLike):
        with open(path_or_file, "wb") as file:
            file.write(content)
    else:
        path_or_file.write(content)


def _differences(frames: Iterable[np.ndarray]) -> tuple[int, int, list[Patch]]:
    """Height, width and the patches: the first frame whole, then the smallest rectangle around what changed."""
    patches: list[Patch] = []
    before: np.ndarray | None = None
    for number, given in enumerate(frames, start=1):
        frame = np.asarray(given)
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
            raise ValueError(f"Frame {number} is {frame.dtype} {list(frame.shape)}; a frame is uint8 [height, width, 3].")
        if before is not None and frame.shape != before.shape:
            sizes = " and ".join(f"{picture.shape[1]} x {picture.shape[0]}" for picture in (before, frame))
            raise ValueError(f"Frames {number - 1} and {number} differ in size: {sizes} pixels. All frames of an animation have one size.")
        patches.append(Patch(0, 0, frame.copy(), None) if before is None else _difference(before, frame))
        before = frame.copy()  # whoever draws may use the same memory for the next frame
    if before is None:
        raise ValueError("No frames: an animation needs at least one.")
    return before.shape[0], before.shape[1], patches


def _difference(before: np.ndarray, frame: np.ndarray) -> Patch:
    """The smallest rectangle of `frame` around what differs from `before`; one pixel when nothing does."""
    differs = before != frame  # [h, w, 3]
    rows = np.flatnonzero(differs.any(axis=(1, 2)))
    if not len(rows):
        return Patch(0, 0, frame[:1, :1].copy(), np.zeros((1, 1), dtype=bool))
    top, bottom = rows[0], rows[-1] + 1
    changed = differs[top:bottom].any(axis=2)  # [rows, w]
    columns = np.flatnonzero(changed.any(axis=0))
    left, right = columns[0], columns[-1] + 1
    return Patch(int(left), int(top), frame[top:bottom, left:right].copy(), changed[:, left:right])


def _palette(patches: list[Patch]) -> tuple[np.ndarray, np.ndarray]:
    """Colours uint8 [256, 3], and the entry for each bin of colours, uint8 [2 ** (3 * BITS)].

    Each next entry is the bin that would be worst off without it: its distance to the entries so far, times the square root of
    its number of pixels. Large even areas so keep their very colour, and rare but distinct colours are not forgotten.
    """
    bins_in_all = 1 << (3 * BITS)
    present = np.zeros(bins_in_all, dtype=bool)
    for patch in patches:
        present[_bins(patch.pixels)] = True
    sampled = np.unique(np.linspace(0, len(patches) - 1, min(SAMPLE, len(patches))).round().astype(int))
    counts, means = _statistics([patches[index] for index in sampled], bins_in_all)
    occupied = np.flatnonzero(present)
    colours = means[occupied]  # [bins, 3]
    weights = np.sqrt(np.maximum(counts[occupied], 1.0))
    chosen = [int(np.argmax(weights))]
    nearest = np.zeros(len(occupied), dtype=np.int64)
    distance = ((colours - colours[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(COLOURS, len(occupied)):
        worst = int(np.argmax(distance * weights))
        nearer = ((colours - colours[worst]) ** 2).sum(axis=1)
        nearest[nearer < distance] = len(chosen)
        distance = np.minimum(distance, nearer)
        chosen.append(worst)
    palette = np.zeros((256, 3), dtype=np.uint8)
    palette[: len(chosen)] = np.rint(colours[chosen])
    entry_of_bin = np.zeros(bins_in_all, dtype=np.uint8)
    entry_of_bin[occupied] = nearest
    return palette, entry_of_bin


def _statistics(patches: list[Patch], bins_in_all: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels per bin, float64 [bins], and their mean colour, float64 [bins, 3]; the bin's middle where there is none."""
    counts, sums = np.zeros(bins_in_all), np.zeros((bins_in_all, 3))
    for patch in patches:
        bins = _bins(patch.pixels)
        counts += np.bincount(bins, minlength=bins_in_all)
        for channel in range(3):
            sums[:, channel] += np.bincount(bins, weights=patch.pixels[..., channel].ravel(), minlength=bins_in_all)
    index = np.arange(bins_in_all)
    mask, width = (1 << BITS) - 1, 1 << (8 - BITS)
    middle = np.stack([(index >> (2 * BITS)) & mask, (index >> BITS) & mask, index & mask], axis=1) * width + (width - 1) / 2
    return counts, np.where(counts[:, None] > 0, sums / np.maximum(counts, 1.0)[:, None], middle)


def _bins(pixels: np.ndarray) -> np.ndarray:
    """The bin of each pixel's colour, int32 [height * width]."""
    high = (pixels >> (8 - BITS)).reshape(-1, 3).astype(np.int32)
    return (high[:, 0] << (2 * BITS)) | (high[:, 1] << BITS) | high[:, 2]


def _delays(count: int, fps: float, last_frame_seconds: float) -> list[int]:
    """How long each frame stays, hundredths of a second; rounded so that the sum keeps the pace."""
    step = max(CENTISECONDS / fps, SHORTEST)
    ends = [round(step * (number + 1)) for number in range(count)]
    delays = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    delays[-1] = max(round(last_frame_seconds * CENTISECONDS), SHORTEST)
    return delays


def _header(width: int, height: int, palette: np.ndarray) -> bytes:
    """What a GIF begins with: size, palette, and that it loops for ever. Source: GIF89a specification, sections 17 to 19 and 26."""
    screen = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0b1111_0111, 0, 0)
    return screen + palette.tobytes() + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


def _image(patch: Patch, entry_of_bin: np.ndarray, delay: int) -> bytes:
    """One patch: its delay, its place and its pixels, compressed by Pillow. Source: GIF89a specification, sections 20, 22 and 23."""
    from PIL import Image

    height, width = patch.pixels.shape[:2]
    entries = entry_of_bin[_bins(patch.pixels)].reshape(height, width)
    if patch.changed is not None:
        entries = np.where(patch.changed, entries, np.uint8(AS_BEFORE))  # long runs of one entry take no room
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 0b0000_0101, min(delay, 65535), AS_BEFORE, 0)
    place = struct.pack("<BHHHHBB", 0x2C, patch.left, patch.top, width, height, 0, 8)
    return control + place + Image.fromarray(entries).tobytes("gif", "L") + b"\x00"
