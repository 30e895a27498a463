"""Whether there is a screen, and the loading of pygame, which draws on it and off it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from sandbox.errors import UsageError

REMEDY = "Use `--render gif` for an animation in a file"
UNSEEN = {"dummy", "offscreen"}
"""Drivers of SDL without a screen."""


def load_pygame() -> ModuleType:
    """The pygame module, without its greeting on standard output."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import pygame

    return pygame


def screen_available() -> bool:
    """Whether there is a display that answers, and SDL uses a driver with a screen."""
    if _driver_asked_for() in UNSEEN:
        return False
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False  # decided without loading pygame
    return _display_answers()


def require_screen(remedy: str = REMEDY) -> None:
    """Refuse to start without a screen.

    Args:
        remedy: what to do instead.

    Raises:
        UsageError: when there is no screen; the message names the remedy.
    """
    if not screen_available():
        raise no_screen(remedy)


def no_screen(remedy: str = REMEDY) -> UsageError:
    """The error, with whatever can be said about the reason."""
    if _driver_asked_for() in UNSEEN:
        reason = f"SDL_VIDEODRIVER={_driver_asked_for()} draws into nothing"
    else:
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        reason = (
            f"the display '{display}' does not answer"
            if display
            else "neither DISPLAY nor WAYLAND_DISPLAY is set"
        )
    return UsageError(f"No screen to open a window on: {reason}. {remedy}.")


def _driver_asked_for() -> str:
    return os.environ.get("SDL_VIDEODRIVER") or os.environ.get("SDL_VIDEO_DRIVER") or ""


def _display_answers() -> bool:
    """Start pygame's display, which opens no window yet, and stop it again unless it was there
    before.
    """
    pygame = load_pygame()
    if pygame.display.get_init():
        return visible(pygame)
    try:
        start_display(pygame)
        return visible(pygame)
    except pygame.error:
        return False
    finally:
        pygame.display.quit()


def start_display(pygame: ModuleType) -> None:
    """Start pygame's display, in a way that leaves signals to Python."""
    # SDL would otherwise turn SIGTERM into an event that is not read while the program computes.
    os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
    pygame.display.init()


def visible(pygame: ModuleType) -> bool:
    """Whether SDL shows its windows. Without a screen it silently falls back to a driver that shows
    nothing, which is accepted only if the user chose that driver.
    """
    driver = pygame.display.get_driver()
    return driver not in UNSEEN or driver == _driver_asked_for()


@contextmanager
def display_kept() -> Iterator[None]:
    """Keep the window open while the code of others is called.

    Environments of Gymnasium that draw by pygame call `pygame.quit()` when they are closed, which
    ends the display of the whole process.
    """
    pygame: Any = load_pygame()
    if not pygame.display.get_surface():
        yield
        return
    quits = pygame.quit, pygame.display.quit
    pygame.quit = pygame.display.quit = lambda: None
    try:
        yield
    finally:
        pygame.quit, pygame.display.quit = quits
