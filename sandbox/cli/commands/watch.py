"""`watch RUN`: replay how a run learned, in a window or as a GIF."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sandbox.cli.options import json_option, output_option, run_argument, store_option
from sandbox.cli.output import print_written
from sandbox.errors import UsageError
from sandbox.store import Store

if TYPE_CHECKING:
    from sandbox.runs.view import Run


@click.command()
@run_argument
@click.option(
    "--render",
    type=click.Choice(["auto", "human", "gif"]),
    default="auto",
    help="A window, or a GIF.",
)
@output_option("Where the GIF goes", "watch.gif in the run, with --final watch-final.gif")
@click.option("--final", is_flag=True, help="Only the final behaviour, not how it was learned.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    help="Of what is drawn while watching.",
)
@click.option(
    "--frames",
    "most",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    default=2000,
    help="Most frames in a GIF.",
)
@store_option
@json_option
def watch(
    run: str,
    render: str,
    output: Path | None,
    final: bool,
    seed: int,
    most: int,
    store: Store,
    as_json: bool,
) -> int:
    """Replay how RUN (an id, the beginning of one, a folder, or `last`) learned: from its first
    policy to its last.
    """
    from sandbox.cli.files import destination
    from sandbox.runs.api import Run
    from sandbox.seeding import generator
    from sandbox.store.files import whole_file
    from sandbox.visual.animation import write_gif
    from sandbox.visual.screen import require_screen, screen_available

    watched = Run(store.find(run))
    if not watched.lab.offers("frames"):
        raise UsageError(
            f"Lab '{watched.record.lab}' has nothing to watch. `python -m sandbox show "
            f"{watched.id}` shows its curves."
        )
    if render == "human":
        require_screen()
    frames = watched.lab.frames(watched.experiment, generator(seed, "watch"), history=not final)
    first, fps = next(frames, None), watched.lab.fps
    if first is None:
        raise UsageError(
            f"Run {watched.id} has nothing to watch yet. `python -m sandbox resume {watched.id}` "
            "continues it."
        )
    frames = chain([first], frames)
    if render == "human" or (render == "auto" and screen_available() and sys.stdout.isatty()):
        _in_window(frames, watched, fps)
        return 0
    with destination(watched, output, "watch-final.gif" if final else "watch.gif") as (path,):
        pictures = (frame.draw() for frame in islice(frames, most))
        with whole_file(path, sync=False) as file:
            write_gif(file, pictures, fps * 2)
    if next(frames, None) is not None:
        click.echo(f"Warning: the GIF ends after --frames {most}; there is more.", err=True)
    print_written(watched, path, as_json, "its configuration, curves and artifacts")
    return 0


def _in_window(frames: Iterator[Any], run: Run, fps: float) -> None:
    """Show the frames; pictures saved with the key `s` go into the run."""
    from sandbox.visual.window import Window, WindowClosed

    folder = run.folder.artifacts.folder
    window = Window(f"{run.record.lab} · {run.id}", fps=fps * 3, save_to=folder)
    try:
        for frame in frames:
            window.show(frame)
        window.wait_key()  # the last frame stays until a key is pressed
    except WindowClosed:
        return
    finally:
        window.close()
        run.folder.list_artifacts(path.name for path in window.saved)
