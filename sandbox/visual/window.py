"""A window that shows frames, keeps their pace and obeys a few keys.

Of a frame it uses only `draw(hidden)`. It only displays: the experiment cannot tell whether anybody
is watching.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.visual.screen import load_pygame, no_screen, start_display, visible
from sandbox.visual.strip import NARROWEST, STRIP, icon, show_keys, write_strip

if TYPE_CHECKING:
    from pygame import Surface
    from pygame.event import Event

    from sandbox.lab import Frame

SLOWEST, FASTEST = 1 / 16, 16.0
MESSAGE_SECONDS = 2.5
"""How long a message stays in the caption."""
IDLE_SECONDS = 0.5
"""Longest sleep while nothing happens; events end it at once."""
HINT_SECONDS = 4.0
"""How long the keys are shown when the window opens; the first key ends it."""
LAYER_KEYS = {"v": "values", "p": "policy"}
KEYS = (
    ("space", "pause, continue"),
    ("n", "next frame"),
    ("+ -", "speed"),
    ("v", "values"),
    ("p", "policy"),
    ("s", "save a picture"),
    ("h", "these keys"),
    ("q", "quit"),
)
MODIFIERS = (" shift", " ctrl", " alt", " meta", " super", " gui", " lock", "alt gr")
"""Ends of the names of keys that only change what others mean."""
FASTER, SLOWER = {"+", "up", "right"}, {"-", "down", "left"}


class WindowClosed(Exception):
    """The person closed the window, or pressed q or Escape: end cleanly and keep everything."""


class Window:
    """Shows one frame after the other; it opens with the first.

    Keys: space pauses and continues, n shows one frame and pauses, arrows and + - change the speed,
    v and p show or hide the layers "values" and "policy", s saves a picture, h shows the keys, q
    and Escape close. Where there is room, a strip below the picture shows the speed, "paused", and
    messages.

    Args:
        title: in the window's caption and in the names of saved pictures.
        fps: frames per second at speed 1, above 0.
        save_to: folder for saved pictures; created when needed. Default: the working directory.
        stop: asked again and again, also while paused; once it answers True the window closes as if
            the person had closed it.
    """

    def __init__(
        self,
        title: str,
        fps: float,
        save_to: Path | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        if not fps > 0:
            raise ValueError(f"Frames per second must be above 0, not {fps}.")
        self.title, self.fps, self.save_to = title, fps, save_to or Path.cwd()
        self.saved: list[Path] = []
        """Pictures that were saved."""
        self.speed, self.paused = 1.0, False
        self.key_help: Sequence[tuple[str, str]] = KEYS
        """Keys and their meaning, as the key h shows them."""
        self.note = ""
        """Shown in the strip in place of the speed."""
        self.fastest = FASTEST
        self.commands: dict[str, Callable[[], None]] = {}
        """What further keys do while frames are shown; they also continue."""
        self._stop = stop
        self.hidden: frozenset[str] = frozenset()
        self._pygame: Any = None
        self._closed = self._started_display = False
        self._frame: Frame | None = None
        self._pixels: np.ndarray  # the frame as it is shown, [height, width, 3]
        self._step = self._walking = False
        self._typed: deque[str] = deque()  # pressed, not yet handled by `wait_key`
        self._over = 0.0  # when the frame before was over, monotonic seconds
        self._message, self._message_until, self._caption = "", 0.0, ""
        self._hint_until, self._helped = 0.0, False  # monotonic seconds; whether keys are listed

    def show(self, frame: Frame, steps: int = 1) -> None:
        """Show a frame and return when it is time for the next, or, while paused, when the person
        continues or asks for one step.

        Args:
            frame: what to show.
            steps: for how many frames it stands, at high speeds.

        Raises:
            WindowClosed: the person closed the window, now or before.
            UsageError: no window can be opened here.
        """
        self._open(frame)
        self._step = self._walking = False
        now, period = time.monotonic(), self._period * steps
        # A frame counts from when the one before was over, so that drawing costs no pace; a longer
        # delay is forgiven, not made up for.
        shown = self._over if now - self._over < period else now
        while True:
            if self._stop():
                self._leave()
            period = self._period * steps
            wait = IDLE_SECONDS if self.paused else max(shown + period - time.monotonic(), 0.0)
            for key in self._keys(wait):
                self._obey(key)
            if self._step or (not self.paused and time.monotonic() >= shown + period):
                break
        self._over = time.monotonic() if self._step else shown + period

    @property
    def _period(self) -> float:
        """Seconds that a frame stays at the present speed."""
        return 1.0 / (self.fps * self.speed)

    def wait_key(self, frame: Frame | None = None) -> str:
        """Keep the window alive until a key is pressed; used when a person walks with the arrow
        keys and frames have no fixed rate.

        The keys v, p and s keep their meaning and are not returned.

        Args:
            frame: shown first; None keeps the one before.

        Returns:
            The key's name ("right", "left", "up", "down", "space", "r").

        Raises:
            WindowClosed: the person closed the window, now or before.
        """
        if frame is not None:
            self._open(frame)
        if self._closed or self._pygame is None:
            raise WindowClosed
        self._walking = True
        while True:
            if not self._typed:
                self._typed += self._keys(IDLE_SECONDS)
            while self._typed:
                key = self._typed.popleft()
                if key not in LAYER_KEYS and key not in ("s", "h"):
                    return key
                self._obey(key)

    def close(self) -> None:
        """Close the window; may be called again. A display that pygame had before is there again,
        without a window.
        """
        if self._pygame is not None and not self._closed:
            self._pygame.display.quit()
            if not self._started_display:
                self._pygame.display.init()
        self._closed, self._frame = True, None

    def _open(self, frame: Frame) -> None:
        """Draw a frame, and open the window if this is the first, or if other code has called
        `pygame.quit()`.
        """
        if self._closed:
            raise WindowClosed
        self._frame = frame
        self._pixels = frame.draw(self.hidden)
        if self._pygame is not None and self._pygame.display.get_surface():
            self._paint()
            return
        pygame = load_pygame()
        started = not pygame.display.get_init()
        height, width = self._pixels.shape[:2]
        try:
            start_display(pygame)
            if not visible(pygame):
                raise pygame.error("no screen")
            wide, high = pygame.display.get_desktop_sizes()[0]
            height += STRIP if width >= NARROWEST else 0
            scale = min(1.0, 0.9 * wide / width, 0.9 * high / height)
            pygame.display.set_icon(icon())
            pygame.display.set_mode(
                (max(round(width * scale), 1), max(round(height * scale), 1)), pygame.RESIZABLE
            )
        except pygame.error as error:
            if started:
                pygame.display.quit()
            raise no_screen() from error
        self._pygame, self._started_display, self._caption = pygame, started, ""
        self._hint_until = time.monotonic() + HINT_SECONDS
        self._update_caption()

    def _paint(self) -> None:
        """Show the drawn frame, as large as fits with its proportions kept, with the strip and the
        keys.
        """
        pygame, pixels = self._pygame, self._pixels
        height, width = pixels.shape[:2]
        picture = pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGB")
        screen = pygame.display.get_surface()
        wide, high = screen.get_size()
        strip = STRIP if wide >= NARROWEST and high > 2 * STRIP else 0
        scale = min(wide / width, (high - strip) / height)
        if scale != 1.0:
            picture = pygame.transform.smoothscale(
                picture, (max(round(width * scale), 1), max(round(height * scale), 1))
            )
        screen.fill(
            tuple(int(channel) for channel in pixels[-1, 0])
        )  # what is below the picture continues beside it
        screen.blit(picture, picture.get_rect(center=(wide // 2, (high - strip) // 2)))
        if strip:
            state = self.note or ("paused" if self.paused else f"{self.speed:g}x")
            bar = screen.subsurface((0, high - strip, wide, strip))
            write_strip(bar, state, self._message or "h: keys", self.paused and not self.note)
        self._helped = time.monotonic() < self._hint_until
        if self._helped:
            show_keys(screen, self.key_help)
        pygame.display.flip()

    def _keys(self, seconds: float) -> list[str]:
        """Wait up to `seconds` for events and return the pressed keys; redraws and closes the
        window as the events require.

        Raises:
            WindowClosed: the window was closed.
        """
        pygame = self._pygame
        if self._message:
            seconds = min(seconds, max(self._message_until - time.monotonic(), 0.0))
        first = (
            pygame.event.wait(max(int(seconds * 1000), 1)) if seconds > 0 else pygame.event.poll()
        )
        keys, redraw = [], False
        for event in [first, *pygame.event.get()]:
            if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
                self._leave()
            elif event.type in (pygame.WINDOWEXPOSED, pygame.WINDOWSIZECHANGED):
                redraw = True
            elif event.type == pygame.KEYDOWN:
                key = self._name(event)
                if key in {"q", "escape"}:
                    self._leave()
                if not key.endswith(MODIFIERS):
                    keys.append(key)
                    if self._hint_until < math.inf:
                        self._hint_until = 0.0
        if redraw or self._helped != (time.monotonic() < self._hint_until):
            self._paint()
        self._update_caption()
        return keys

    def _name(self, event: Event) -> str:
        """The key's name, with + and - recognised wherever the keyboard has them."""
        pygame = self._pygame
        if event.key in (pygame.K_KP_PLUS, pygame.K_PLUS, pygame.K_EQUALS) or event.unicode == "+":
            return "+"
        if event.key in (pygame.K_KP_MINUS, pygame.K_MINUS) or event.unicode == "-":
            return "-"
        return str(pygame.key.name(event.key))

    def _leave(self) -> None:
        self.close()
        raise WindowClosed

    def _obey(self, key: str) -> None:
        """Do what a key means while frames are shown."""
        if key == "space":
            self.paused = not self.paused
        elif key == "n":
            self._step = self.paused
            self.paused = True
        elif key in FASTER:
            self.speed = min(self.speed * 2, self.fastest)
        elif key in SLOWER:
            self.speed = max(self.speed / 2, SLOWEST)
        elif key in LAYER_KEYS:
            self.hidden = self.hidden ^ {LAYER_KEYS[key]}
            assert self._frame is not None
            self._open(self._frame)
        elif key == "s":
            self._save()
        elif key in self.commands:
            self.commands[key]()
            self.paused = False
        elif key == "h":
            self._hint_until = math.inf if self._hint_until < math.inf else 0.0
            self._paint()
        self._update_caption()

    def _save(self) -> None:
        """Save the frame at its own size, under a name that is not taken, and say so in the
        caption.
        """
        pixels = self._pixels
        picture = self._pygame.image.frombuffer(pixels.tobytes(), pixels.shape[1::-1], "RGB")
        stem = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "picture"
        try:
            self.save_to.mkdir(parents=True, exist_ok=True)
            path = _save_new(self._pygame, picture, self.save_to, stem)
        except (OSError, self._pygame.error) as error:
            self._say(f"not saved: {error}")
        else:
            self.saved.append(path)
            self._say(f"saved {path}")

    def _say(self, message: str) -> None:
        self._message, self._message_until = message, time.monotonic() + MESSAGE_SECONDS
        self._update_caption()

    def _update_caption(self) -> None:
        """Title, state, and either the newest message or the keys."""
        if self._message and time.monotonic() >= self._message_until:
            self._message = ""
        state = "" if self._walking else " · paused" if self.paused else f" · {self.speed:g}x"
        keys = "" if self._walking else "space pause · n step · + - speed · "
        message = self._message or f"{keys}v values · p policy · s save · q quit"
        caption = f"{self.title}{state} · {message}"
        if caption != self._caption:
            self._caption = caption
            self._pygame.display.set_caption(caption)
            self._paint()  # the strip has the same words


def _save_new(pygame: ModuleType, picture: Surface, folder: Path, stem: str) -> Path:
    """Write a PNG under the first free number; "x" refuses a file that another process made in
    between.
    """
    number = 1
    while True:
        path = folder / f"{stem}-{number:03d}.png"
        try:
            with path.open("xb") as file:
                pygame.image.save(picture, file, path.name)
            return path
        except FileExistsError:
            number += 1
