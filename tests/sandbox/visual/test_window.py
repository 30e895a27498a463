"""The window, driven by posted events on SDL's driver that draws into nothing."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.errors import UsageError
from sandbox.visual import window as module
from sandbox.visual.screen import load_pygame, require_screen, screen_available
from sandbox.visual.window import Window, WindowClosed

pygame = load_pygame()


class Plate:
    """A frame of one colour that remembers with what layers hidden it was drawn."""

    def __init__(self, colour: tuple[int, int, int] = (200, 100, 50)) -> None:
        self.colour = colour
        self.drawn: list[set[str]] = []

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        self.drawn.append(set(hidden))
        return np.full((60, 80, 3), self.colour, dtype=np.uint8)


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Window]:
    """An open window that shows 200 frames per second."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    opened = Window("A test", fps=200, save_to=tmp_path / "pictures")
    opened.show(Plate())
    yield opened
    opened.close()
    assert not pygame.display.get_init()


def press(*keys: int, unicode: str = "") -> None:
    for key in keys:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, mod=0, unicode=unicode))


def test_it_opens_with_the_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    closed = Window("A test", fps=50)
    assert not pygame.display.get_init()
    closed.show(Plate())
    assert pygame.display.get_surface().get_size() == (80, 60)
    assert tuple(pygame.display.get_surface().get_at((40, 30)))[:3] == (200, 100, 50)
    closed.close()
    assert not pygame.display.get_init()


@pytest.mark.parametrize("event", [pygame.K_q, pygame.K_ESCAPE, None])
def test_closing_ends_the_showing_and_stays_closed(window: Window, event: int | None) -> None:
    if event is None:
        pygame.event.post(pygame.event.Event(pygame.QUIT))
    else:
        press(event)
    with pytest.raises(WindowClosed):
        window.show(Plate())
    assert not pygame.display.get_init()
    with pytest.raises(WindowClosed):
        window.show(Plate())
    with pytest.raises(WindowClosed):
        window.wait_key()
    window.close()
    window.close()


def test_it_keeps_the_pace(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only waiting moves: ten frames at 50 per second wait for a fifth of a second
    in all."""
    window.fps = 50
    window.show(Plate())
    clock = [1000.0]

    def wait(seconds: float) -> list[str]:
        clock[0] += seconds
        return []

    monkeypatch.setattr("sandbox.visual.window.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(window, "_keys", wait)
    window._over = clock[0]
    for _ in range(10):
        window.show(Plate())
    assert clock[0] == pytest.approx(1000.2)


def test_a_pause_keeps_the_frame_until_the_next_step(window: Window) -> None:
    press(pygame.K_SPACE)
    keys = iter([pygame.K_n, pygame.K_SPACE])
    pressed: list[int] = []

    def later() -> None:
        for key in keys:
            time.sleep(0.15)
            pressed.append(key)
            press(key)

    hand = threading.Thread(target=later)
    hand.start()
    window.show(Plate())  # paused until n
    assert pressed[:1] == [pygame.K_n]
    assert window.paused
    window.show(Plate())  # paused until space
    assert pressed == [pygame.K_n, pygame.K_SPACE]
    assert not window.paused
    hand.join()


def test_n_pauses_and_then_goes_one_frame_at_a_time(window: Window) -> None:
    press(pygame.K_n, pygame.K_n)
    window.show(Plate())
    assert window.paused
    press(pygame.K_n)
    window.show(Plate())
    assert window.paused


@pytest.mark.parametrize(("key", "layer"), [(pygame.K_v, "values"), (pygame.K_p, "policy")])
def test_layers_are_hidden_and_shown_again_even_while_paused(
    window: Window, key: int, layer: str
) -> None:
    plate = Plate()
    press(pygame.K_SPACE, key, key, key, pygame.K_n)
    window.show(plate)
    assert plate.drawn == [set(), {layer}, set(), {layer}]
    assert window.hidden == {layer}


@pytest.mark.parametrize(
    "key", [pygame.K_UP, pygame.K_RIGHT, pygame.K_PLUS, pygame.K_EQUALS, pygame.K_KP_PLUS]
)
def test_keys_that_make_it_faster(window: Window, key: int) -> None:
    press(key, key)
    window.show(Plate())
    assert window.speed == 4
    press(*[key] * 20)
    window.show(Plate())
    assert window.speed == module.FASTEST


@pytest.mark.parametrize("key", [pygame.K_DOWN, pygame.K_LEFT, pygame.K_MINUS, pygame.K_KP_MINUS])
def test_keys_that_make_it_slower(window: Window, key: int) -> None:
    press(key)
    window.show(Plate())
    assert window.speed == 0.5


def test_plus_is_found_on_any_keyboard(window: Window) -> None:
    press(pygame.K_1, unicode="+")  # shift and 1 on a Swiss keyboard
    window.show(Plate())
    assert window.speed == 2


def test_pictures_are_saved_under_new_names_and_said_so(window: Window, tmp_path: Path) -> None:
    press(pygame.K_s, pygame.K_s)
    window.show(Plate())
    saved = sorted((tmp_path / "pictures").iterdir())
    assert [path.name for path in saved] == ["a-test-001.png", "a-test-002.png"]
    picture = pygame.image.load(saved[0])
    assert picture.get_size() == (80, 60)
    assert tuple(picture.get_at((3, 3)))[:3] == (200, 100, 50)
    assert "saved" in pygame.display.get_caption()[0]
    assert "a-test-002.png" in pygame.display.get_caption()[0]


def test_the_message_gives_way_to_the_keys_again(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MESSAGE_SECONDS", 0.01)
    press(pygame.K_s)
    window.show(Plate())
    time.sleep(0.02)
    window.show(Plate())
    assert "q quit" in pygame.display.get_caption()[0]


def test_a_picture_that_cannot_be_saved_ends_nothing(window: Window, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    window.save_to = tmp_path / "file"
    press(pygame.K_s)
    window.show(Plate())
    assert "not saved" in pygame.display.get_caption()[0]


def test_the_picture_keeps_its_proportions_in_a_wide_window(window: Window) -> None:
    pygame.display.set_mode((400, 120), pygame.RESIZABLE)
    window.show(Plate((10, 200, 30)))
    screen = pygame.display.get_surface()
    assert screen.get_size() == (400, 120)
    assert tuple(screen.get_at((200, 60)))[:3] == (10, 200, 30)


def test_waiting_for_a_key_returns_its_name_and_changes_no_speed(window: Window) -> None:
    press(pygame.K_RIGHT, pygame.K_UP, pygame.K_SPACE, pygame.K_LSHIFT, pygame.K_r)
    assert [window.wait_key(Plate()) for _ in range(4)] == ["right", "up", "space", "r"]
    assert window.speed == 1
    assert not window.paused


def test_while_walking_layers_pictures_and_closing_work(window: Window, tmp_path: Path) -> None:
    plate = Plate()
    press(pygame.K_v, pygame.K_s, pygame.K_LEFT)
    assert window.wait_key(plate) == "left"
    assert plate.drawn[0] == set() and {"values"} in plate.drawn
    assert len(list((tmp_path / "pictures").iterdir())) == 1
    assert "speed" not in pygame.display.get_caption()[0]
    press(pygame.K_q)
    with pytest.raises(WindowClosed):
        window.wait_key()


def test_a_display_of_somebody_else_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.init()
    guest = Window("A guest", fps=200)
    guest.show(Plate())
    guest.close()
    assert pygame.display.get_init() and pygame.display.get_surface() is None
    pygame.display.quit()


def test_a_window_that_other_code_closed_opens_again(window: Window) -> None:
    pygame.quit()
    window.show(Plate((1, 2, 3)))
    assert tuple(pygame.display.get_surface().get_at((40, 30)))[:3] == (1, 2, 3)
    assert "A test" in pygame.display.get_caption()[0]


def without_screen(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "SDL_VIDEO_DRIVER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "neither DISPLAY nor WAYLAND_DISPLAY is set"),
        ({"DISPLAY": ":0", "SDL_VIDEODRIVER": "dummy"}, "SDL_VIDEODRIVER=dummy draws into nothing"),
        (
            {"DISPLAY": ":0", "SDL_VIDEODRIVER": "offscreen"},
            "SDL_VIDEODRIVER=offscreen draws into nothing",
        ),
    ],
)
def test_without_a_screen_the_error_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str
) -> None:
    without_screen(monkeypatch, **variables)
    assert not screen_available()
    with pytest.raises(UsageError, match=f"{reason}.*--render gif"):
        require_screen()
    assert not pygame.display.get_init()


@pytest.mark.parametrize("driver", ["offscreen", "dummy"])
def test_a_display_that_does_not_answer_is_no_screen(
    monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    without_screen(monkeypatch, DISPLAY=":4711")
    monkeypatch.setattr(pygame.display, "init", lambda: None)
    monkeypatch.setattr(
        pygame.display, "get_driver", lambda: driver
    )  # SDL falls back to it without a word
    assert not screen_available()
    with pytest.raises(UsageError, match=r"the display ':4711' does not answer.*--render gif"):
        Window("A test", fps=10).show(Plate())


def test_a_display_that_answers_is_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    without_screen(monkeypatch, DISPLAY=":4711")
    monkeypatch.setattr(pygame.display, "init", lambda: None)
    monkeypatch.setattr(pygame.display, "get_driver", lambda: "x11")
    assert screen_available()
    require_screen()


def test_an_error_in_a_frame_is_not_swallowed(window: Window) -> None:
    class Broken:
        def draw(self, hidden: frozenset[str] = frozenset()) -> Any:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        window.show(Broken())


def test_a_pace_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0, not 0"):
        Window("A test", fps=0)


class Board(Plate):
    """A frame that is large enough for the strip and the list of keys."""

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        return np.full((400, 400, 3), self.colour, dtype=np.uint8)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    opened = Window("A test", fps=200)
    opened.show(Board())
    yield opened
    opened.close()


def screen() -> np.ndarray:
    """What the window shows, uint8 [height, width, 3]."""
    return pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)


def test_the_keys_are_listed_at_the_start_until_one_is_pressed_and_again_by_h(
    large: Window,
) -> None:
    own = screen()[200, 200]  # behind the list of keys
    assert own.tolist() != list(Board().colour)
    press(pygame.K_PLUS)
    large.show(Board())
    large.show(Board())
    assert screen()[200, 200].tolist() == list(Board().colour)
    for listed in (True, False):
        press(pygame.K_h)
        large.show(Board())
        assert (screen()[200, 200].tolist() == own.tolist()) == listed


def test_the_list_of_keys_goes_by_itself(large: Window) -> None:
    assert screen()[200, 200].tolist() != list(Board().colour)
    large._hint_until = 0.0
    large.show(Board())
    assert screen()[200, 200].tolist() == list(Board().colour)


@pytest.mark.parametrize("size", [(400, 428), (900, 700), (320, 240)])
def test_speed_and_pause_are_written_below_the_picture_at_any_size(
    large: Window, size: tuple[int, int]
) -> None:
    pygame.display.set_mode(size, pygame.RESIZABLE)
    large._hint_until = 0.0
    strips = []
    for keys in ((), (pygame.K_PLUS,), (pygame.K_SPACE, pygame.K_n)):
        press(*keys)
        large.show(Board())
        shown = screen()
        assert (shown[-29] == Board().colour).all(axis=-1).any()  # the picture ends there
        strips.append(shown[-28:].tobytes())
    assert len(set(strips)) == 3


def test_a_message_takes_the_place_of_the_hint_and_is_cut_where_it_does_not_fit(
    large: Window,
) -> None:
    before = screen()[-28:]
    large._say("saved /a/very/long/path" * 20)
    large.show(Board())
    after = screen()[-28:]
    assert (before != after).any() and (after[:, -8:] == after[0, 0]).all()


def test_the_icon_is_drawn() -> None:
    picture = module.icon()
    assert picture.get_size() == (32, 32) and picture.get_at((7, 25)) != picture.get_at((25, 7))
