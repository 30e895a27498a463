"""Frames as an animated GIF.

All frames share one palette, and of each frame only what changed is written: the same frames give
the same bytes, quickly.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import IO, NamedTuple

import numpy as np

COLOURS = 255
"""Entries of the palette for colours; the last of the 256 says "as before"."""
AS_BEFORE = 255
BITS = 6
"""Bits per channel that tell colours apart."""
BINS = 1 << (3 * BITS)
"""Colours that agree in those bits share a bin, and its mean."""
SAMPLE = 16
"""Number of frames the palette is computed from."""
CENTISECONDS = 100
SHORTEST = 2
"""Browsers take a shorter delay, in hundredths of a second, for none given and show the frame for a
tenth of a second.
"""


class Patch(NamedTuple):
    """The smallest rectangle of a frame that holds all that differs from the frame before.

    Attributes:
        left, top: its corner, pixels.
        colours: red + 256 green + 65536 blue, uint32 [height, width].
    """

    left: int
    top: int
    colours: np.ndarray


def write_gif(
    file: IO[bytes],
    frames: Iterable[np.ndarray],
    fps: float,
    last_frame_seconds: float = 1.5,
) -> None:
    """Write frames as a GIF that loops forever; nothing is written when the frames are refused.

    Args:
        file: open for writing bytes.
        frames: uint8 [height, width, 3] each, all of one size; used one after the other, so a
            generator will do.
        fps: frames per second, above 0; more than 50 cannot be shown and count as 50.
        last_frame_seconds: how long the last frame stays before the animation starts again.

    Raises:
        ValueError: no frames, frames of unequal sizes or not of RGB bytes, or `fps` not above 0.
    """
    if not fps > 0:
        raise ValueError(f"Frames per second must be above 0, not {fps}.")
    height, width, patches = _patches(frames)
    palette, entry_of_bin = _palette(patches)
    delays = _delays(len(patches), fps, last_frame_seconds)
    parts = [_header(width, height, palette)]
    shown = np.full((height, width), AS_BEFORE, dtype=np.uint8)  # entries now on the screen
    parts += [
        _image(patch, entry_of_bin, delay, shown)
        for patch, delay in zip(patches, delays, strict=True)
    ]
    file.write(b"".join([*parts, b";"]))


def _patches(frames: Iterable[np.ndarray]) -> tuple[int, int, list[Patch]]:
    """Height, width and the patches of all frames; the first is whole."""
    patches: list[Patch] = []
    before: np.ndarray | None = None
    for number, frame in enumerate(frames, start=1):
        colours = _packed(frame, number)  # [h, w]
        if before is not None and colours.shape != before.shape:
            sizes = " and ".join(
                f"{picture.shape[1]} x {picture.shape[0]}" for picture in (before, colours)
            )
            raise ValueError(
                f"Frames {number - 1} and {number} differ in size: {sizes} pixels. All frames of "
                "an animation have one size."
            )
        patches.append(Patch(0, 0, colours) if before is None else _difference(before, colours))
        before = colours
    if before is None:
        raise ValueError("No frames: an animation needs at least one.")
    return before.shape[0], before.shape[1], patches


def _packed(frame: np.ndarray, number: int) -> np.ndarray:
    """One number for each pixel, uint32 [h, w]: numbers are compared and counted several times
    faster than triples.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise ValueError(
            f"Frame {number} is {frame.dtype} {list(frame.shape)}; a frame is uint8 [height, "
            "width, 3]."
        )
    padded = np.zeros((*frame.shape[:2], 4), dtype=np.uint8)
    for channel in range(3):
        padded[..., channel] = frame[..., channel]
    return padded.view("<u4")[..., 0]


def _difference(before: np.ndarray, colours: np.ndarray) -> Patch:
    """The patch that leads from one frame to the next; a single pixel when they are the same."""
    differs = before != colours  # [h, w]
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return Patch(0, 0, colours[:1, :1].copy())
    top, left = int(rows[0]), int(columns[0])
    return Patch(
        left, top, colours[top : rows[-1] + 1, left : columns[-1] + 1].copy()
    )  # a view would keep the whole frame


def _palette(patches: list[Patch]) -> tuple[np.ndarray, np.ndarray]:
    """Colours uint8 [256, 3], and the entry for each bin of colours, uint8 [BINS].

    Each next entry is the bin that would be worst off without it: its distance to the entries so
    far, times the square root of its number of pixels. Thus large uniform areas keep their exact
    colour, and rare but distinct colours get an entry.
    """
    present = np.zeros(BINS, dtype=bool)
    for patch in patches:
        present[_bins(patch.colours)] = True
    occupied = np.flatnonzero(present)
    sampled = np.unique(
        np.linspace(0, len(patches) - 1, min(SAMPLE, len(patches))).round().astype(int)
    )
    counts, colours = _statistics(
        np.concatenate([patches[index].colours.ravel() for index in sampled]), occupied
    )
    weights = np.sqrt(np.maximum(counts, 1.0))
    chosen = [int(np.argmax(weights))]
    nearest = np.zeros(len(occupied), dtype=np.uint8)
    distance = ((colours - colours[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(COLOURS, len(occupied)):
        worst = int(np.argmax(distance * weights))
        from_worst = ((colours - colours[worst]) ** 2).sum(axis=1)
        nearest[from_worst < distance] = len(chosen)
        distance = np.minimum(distance, from_worst)
        chosen.append(worst)
    palette, entry_of_bin = np.zeros((256, 3), dtype=np.uint8), np.zeros(BINS, dtype=np.uint8)
    palette[: len(chosen)] = np.rint(colours[chosen])
    entry_of_bin[occupied] = nearest
    return palette, entry_of_bin


def _statistics(colours: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of pixels, float64 [bins], and mean colour, float64 [bins, 3], of the occupied bins; a
    bin's middle where it has none.
    """
    bins = _bins(colours)
    counts = np.bincount(bins, minlength=BINS)[occupied].astype(np.float64)
    mask, width = (1 << BITS) - 1, 1 << (8 - BITS)
    means = []
    for channel in range(3):
        sums = np.bincount(bins, weights=(colours >> (8 * channel)) & 255, minlength=BINS)[occupied]
        middle = ((occupied >> (BITS * channel)) & mask) * width + (width - 1) / 2
        means.append(np.where(counts > 0, sums / np.maximum(counts, 1.0), middle))
    return counts, np.stack(means, axis=1)


def _bins(colours: np.ndarray) -> np.ndarray:
    """The bin of each colour, uint32 of the same shape: the upper bits of the three channels, put
    together.
    """
    low, mask = 8 - BITS, (1 << BITS) - 1
    red, green, blue = ((colours >> (8 * channel + low)) & mask for channel in range(3))
    return red | (green << BITS) | (blue << (2 * BITS))


def _delays(count: int, fps: float, last_frame_seconds: float) -> list[int]:
    """How long each frame stays, hundredths of a second; rounded so that the sum keeps the pace."""
    step = max(CENTISECONDS / fps, SHORTEST)
    moments = [round(step * number) for number in range(count + 1)]
    delays: list[int] = np.diff(moments).tolist()
    delays[-1] = max(round(last_frame_seconds * CENTISECONDS), SHORTEST)
    return delays


def _header(width: int, height: int, palette: np.ndarray) -> bytes:
    """What a GIF begins with: size, palette, and that it loops forever. Source: GIF89a
    specification, sections 17 to 19 and 26.
    """
    screen = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0b1111_0111, 0, 0)
    return screen + palette.tobytes() + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


def _image(patch: Patch, entry_of_bin: np.ndarray, delay: int, shown: np.ndarray) -> bytes:
    """One patch: its delay, its place and its pixels, compressed by Pillow. Source: GIF89a
    specification, sections 20, 22 and 23.

    Args:
        patch: what to write.
        entry_of_bin: palette entry of each bin.
        delay: hundredths of a second.
        shown: entries on the screen, uint8 [frame height, frame width]; brought up to date.
    """
    from PIL import Image

    height, width = patch.colours.shape
    entries = entry_of_bin[_bins(patch.colours)]  # [height, width]
    below = shown[patch.top : patch.top + height, patch.left : patch.left + width]
    written = np.where(
        entries == below, np.uint8(AS_BEFORE), entries
    )  # long runs of one entry take no room
    below[...] = entries
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 0b0000_0101, min(delay, 65535), AS_BEFORE, 0)
    place = struct.pack("<BHHHHBB", 0x2C, patch.left, patch.top, width, height, 0, 8)
    return control + place + Image.fromarray(written).tobytes("gif", "L") + b"\x00"
