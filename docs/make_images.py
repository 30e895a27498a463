"""Makes the pictures of the README and of docs/ with the program itself: `python docs/make_images.py`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sandbox import run

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Run the maze once and keep its pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as store:
        finished = run("maze", agent="sarsa", store=store)
        artifacts = finished.path / "artifacts"
        shutil.copy(artifacts / "episode.gif", IMAGES / "maze.gif")
        for name in ("value_map.png", "learning_curve.png"):
            shutil.copy(artifacts / name, IMAGES / name)


if __name__ == "__main__":
    main()
