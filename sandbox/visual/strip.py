"""What a window draws around its frames: the strip below them, the keys, and the icon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.visual import drawing
from sandbox.visual.drawing import text, write
from sandbox.visual.screen import load_pygame

if TYPE_CHECKING:
    from pygame import Surface

STRIP, NARROWEST, EDGE = 28, 300, 14
"""Height of the strip below the picture, the width that it needs, and its margin, pixels."""
LINE, KEY = 22, 70
"""Height of a line of the list of keys, and width of their names, pixels."""


def write_strip(strip: Surface, state: str, hint: str, inverted: bool) -> None:
    """Write a state at the left, and a message or a hint at the right.

    Args:
        strip: to write on, `STRIP` pixels high.
        state: for example the speed.
        hint: in a smaller font if it does not fit.
        inverted: whether the state is light on dark.
    """
    strip.fill(drawing.BAND)
    label = text(state, drawing.TEXT, drawing.PAPER if inverted else drawing.INK)
    place = label.get_rect(midleft=(EDGE, STRIP // 2 + 1))
    if inverted:
        load_pygame().draw.rect(strip, drawing.INK, place.inflate(12, 8), border_radius=4)
    strip.blit(label, place)
    left = place.right + 2 * EDGE
    room = strip.get_width() - left - EDGE
    spare = room - text(hint, drawing.TEXT, drawing.MUTED).get_width()
    write(strip, hint, (left + max(spare, 0), STRIP // 2 + 1), room, drawing.MUTED)


def show_keys(screen: Surface, keys: Sequence[tuple[str, str]]) -> None:
    """List keys and what they do over a window's middle, if there is room.

    Args:
        screen: the window's surface.
        keys: names of keys and their meaning.
    """
    pygame = load_pygame()
    rows = [[text(words, drawing.TEXT, drawing.PAPER) for words in row] for row in keys]
    wide = KEY + max(meaning.get_width() for _, meaning in rows)
    panel = pygame.Rect(0, 0, wide + 2 * EDGE, LINE * len(rows) + 2 * EDGE)
    panel.center = screen.get_rect().center
    if not screen.get_rect().contains(panel):
        return
    pygame.draw.rect(screen, drawing.INK, panel, border_radius=8)
    left, top = panel.left + EDGE, panel.top + EDGE + 4
    for number, (key, meaning) in enumerate(rows):
        screen.blit(key, (left, top + LINE * number))
        screen.blit(meaning, (left + KEY, top + LINE * number))


def icon() -> Surface:
    """The window's icon: an agent on its way to a goal, 32 x 32 pixels."""
    return load_pygame().image.load(Path(__file__).with_name("icon.png"))
