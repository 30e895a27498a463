"""Text and colours of everything that pygame draws here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sandbox.visual.screen import load_pygame

if TYPE_CHECKING:
    import pygame

Colour = tuple[int, int, int]

PAPER: Colour = (247, 249, 251)
BAND: Colour = (234, 239, 244)
INK: Colour = (35, 45, 61)
MUTED: Colour = (108, 120, 136)
TEXT, SMALL, SMALLEST = 17, 15, 11
"""Font heights, pixels."""


@lru_cache(maxsize=16)
def font(pixels: int) -> pygame.font.Font:
    """pygame's own font, which has Greek letters and is available on every machine."""
    pygame = load_pygame()
    pygame.font.init()
    return pygame.font.Font(None, pixels)


@lru_cache(maxsize=256)
def text(words: str, pixels: int, colour: Colour) -> pygame.Surface:
    """A pygame.Surface with one line of text.

    Other code in the process may have called `pygame.quit()`, which invalidates all fonts; then
    they are created again.

    Args:
        words: one line.
        pixels: height of the letters.
        colour: the colour of the letters.
    """
    pygame = load_pygame()
    try:
        return font(pixels).render(words, True, colour)
    except pygame.error:
        font.cache_clear()
        return font(pixels).render(words, True, colour)


def write(
    canvas: pygame.Surface,
    words: str,
    left_middle: tuple[int, int],
    room: int,
    colour: Colour = INK,
) -> None:
    """Write one line of text, in a smaller font if it does not fit, and truncated if it still does
    not fit.

    Args:
        canvas: to write on.
        words: one line.
        left_middle: the middle of its left edge, pixels (x, y).
        room: the width that it may take, pixels.
        colour: the colour of the letters.
    """
    if not words:
        return
    for size in range(TEXT, SMALLEST - 1, -1):
        label = text(words, size, colour)
        if label.get_width() <= room:
            break
    while label.get_width() > room and len(words) > 1:
        words = words[:-2].rstrip() + "…"
        label = text(words, SMALLEST, colour)
    canvas.blit(label, label.get_rect(midleft=left_middle))
