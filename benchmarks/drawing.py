"""Drawing: a frame of the maze, and a GIF of sixty."""

from __future__ import annotations

import io
import time

import gymnasium
import numpy as np

import envs  # noqa: F401 - registers the environments
from benchmarks.measure import Figure
from sandbox.visual.animation import write_gif


def measure(quick: bool) -> list[Figure]:
    """Milliseconds per frame and seconds per GIF."""
    env = gymnasium.make("sandbox/Maze-v0", render_mode="rgb_array").unwrapped
    env.reset(seed=0)
    frames = []
    begun = time.perf_counter()
    for number in range(60):
        env.step(number % 5)
        frames.append(np.asarray(env.render()))
    drawn = (time.perf_counter() - begun) / 60
    begun = time.perf_counter()
    file = io.BytesIO()
    write_gif(file, frames, 10)
    written = time.perf_counter() - begun
    return [
        Figure("a frame of the maze", 1000 * drawn, "ms"),
        Figure("a GIF of 60 frames", written, "s", note=f"{len(file.getvalue()) / 1000:.0f} kB"),
    ]
