"""Animations, read back by Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from sandbox.visual.animation import write_gif


def moving_box(count: int = 12, height: int = 60, width: int = 80) -> list[np.ndarray]:
    """A red box that moves over a smooth ground, uint8 [height, width, 3] each."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    ground = np.stack([across, down, np.full_like(down, 120)], axis=2).astype(np.uint8)
    frames = []
    for number in range(count):
        frame = ground.copy()
        frame[20:30, 5 * number : 5 * number + 10] = 220, 30, 10
        frames.append(frame)
    return frames


def written(frames: list[np.ndarray], fps: float = 10, **options: float) -> Image.Image:
    file = io.BytesIO()
    write_gif(file, iter(frames), fps, **options)
    file.seek(0)
    return Image.open(file)


def read(image: Image.Image) -> tuple[list[np.ndarray], list[int]]:
    """Frames, int [height, width, 3], and durations in milliseconds."""
    frames, durations = [], []
    for number in range(image.n_frames):  # type: ignore[attr-defined]
        image.seek(number)
        frames.append(np.asarray(image.convert("RGB")).astype(int))
        durations.append(image.info["duration"])
    return frames, durations


def test_all_frames_come_back_at_their_size_and_pace() -> None:
    image = written(moving_box(), fps=10, last_frame_seconds=2)
    frames, durations = read(image)
    assert len(frames) == 12
    assert image.size == (80, 60)
    assert durations == [100] * 11 + [2000]
    assert image.info["loop"] == 0


def test_pixels_come_back_nearly_as_they_were() -> None:
    given = moving_box()
    for frame, original in zip(read(written(given))[0], given, strict=True):
        difference = np.abs(frame - original)
        assert difference.mean() < 5  # a ground of 4800 colours in a palette of 255
        assert difference.max() < 32


def test_few_colours_come_back_exactly() -> None:
    frames = [np.full((20, 30, 3), 247, dtype=np.uint8) for _ in range(5)]
    for number, frame in enumerate(frames):
        frame[5:9, 5 * number : 5 * number + 4] = 213, 79, 12
        frame[12, :] = 40 * number, 10, 255
    for frame, original in zip(read(written(frames))[0], frames, strict=True):
        assert (frame == original).all()


def test_there_is_one_palette_for_all_frames() -> None:
    file = io.BytesIO()
    write_gif(file, moving_box(), 10)
    position, local = 13 + 3 * 256, []
    content = file.getvalue()
    assert content[10] & 0x87 == 0x87  # a palette of 256 for all
    while content[position] != 0x3B:
        if content[position] == 0x2C:
            local.append(bool(content[position + 9] & 0x80))
            position += 11
        else:
            position += 2
        while content[position]:
            position += content[position] + 1
        position += 1
    assert local == [False] * 12


def test_frames_that_do_not_change_are_kept_in_number() -> None:
    frames, durations = read(written([moving_box(1)[0]] * 3, fps=20))
    assert all((frame == frames[0]).all() for frame in frames)
    assert sum(durations) == 50 + 50 + 1500


def test_uneven_paces_do_not_drift() -> None:
    _, durations = read(written(moving_box(13), fps=30, last_frame_seconds=1))
    assert sum(durations) == 400 + 1000
    assert set(durations[:-1]) == {30, 40}


def test_no_frame_is_shorter_than_browsers_allow() -> None:
    _, durations = read(written(moving_box(4), fps=1000, last_frame_seconds=0))
    assert durations == [20, 20, 20, 20]


def test_the_same_frames_give_the_same_bytes() -> None:
    def content() -> bytes:
        file = io.BytesIO()
        write_gif(file, moving_box(), 10)
        return file.getvalue()

    assert content() == content()


def test_frames_drawn_into_the_same_memory_stay_apart() -> None:
    def one_after_the_other() -> Iterator[np.ndarray]:
        canvas = np.zeros((10, 10, 3), dtype=np.uint8)
        for number in range(3):
            canvas[:] = 80 * number
            yield canvas

    file = io.BytesIO()
    write_gif(file, one_after_the_other(), 10)
    assert [int(frame[0, 0, 0]) for frame in read(Image.open(file))[0]] == [0, 80, 160]


@pytest.mark.parametrize(
    ("frames", "fps", "message"),
    [
        ([], 10, "No frames"),
        (
            [np.zeros((4, 5, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)],
            10,
            "Frames 1 and 2 differ in size: 5 x 4 and 6 x 4",
        ),
        (
            [np.zeros((4, 5), np.uint8)],
            10,
            r"Frame 1 is uint8 \[4, 5\]; a frame is uint8 \[height, width, 3\]",
        ),
        ([np.zeros((4, 5, 3))], 10, "Frame 1 is float64"),
        ([np.zeros((4, 5, 3), np.uint8)], 0, "above 0, not 0"),
    ],
)
def test_what_is_no_animation_is_refused_and_nothing_is_written(
    frames: list[np.ndarray], fps: float, message: str
) -> None:
    file = io.BytesIO()
    with pytest.raises(ValueError, match=message):
        write_gif(file, frames, fps)
    assert not file.getvalue()
