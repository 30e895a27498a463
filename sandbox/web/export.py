"""A run as one page in one file, which loads no other: `show RUN --html`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError
from sandbox.runs.view import Run
from sandbox.text import words
from sandbox.visual import html
from sandbox.web.curves import FEW, SMOOTHING, Curves
from sandbox.web.facts import MEDIA, TONES, Notes, facts, music

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS = 2
"""Curves beside each other."""
FEW_POINTS = 20
"""A curve of fewer points shows them."""


def run_page(run: Run) -> str:
    """The page of a run as HTML.

    Args:
        run: the run; a file of it that cannot be read is left out.
    """
    embedded = {}
    for one in run.record.artifacts:
        if kind := MEDIA.get(Path(one.name).suffix):
            with contextlib.suppress(OSError, SandboxError):
                embedded[one.name] = html.data_uri(run.folder.artifacts.read(one.name), kind)
    curves = Curves(run.folder, run.record.unit)
    while curves.follow(run.record.resumed):
        pass
    return html.render(
        "run_page.html",
        score=run.score,
        tone=TONES.get(run.status, "mute"),
        curves=[*_figures(run, curves), *((_roll(hands), name) for name, hands in music(run))],
        single_values=curves.single_values(),
        linked=False,
        **facts(run, embedded),
    )


def _figures(run: Run, curves: Curves) -> Iterator[tuple[Figure, str]]:
    """A figure for each stream that has curves of several points, with its caption."""
    from matplotlib.ticker import MaxNLocator

    from sandbox.visual import plots

    drawn = curves.drawn(run.record.score.get("name"))
    for stream in curves.names:
        names = [name for of, name in drawn if of == stream]
        if not names:
            continue
        rows = -(-len(names) // ACROSS)
        caption, best = f"Stream {stream}.", ""
        with plots.style():
            figure = plots.figure(11, 2.6 * rows + 0.3)
            figure.subplots_adjust(hspace=0.5, wspace=0.2)
            for place, name in enumerate(names):
                axes = figure.add_subplot(rows, ACROSS, place + 1)
                line = curves.line(stream, name)
                smooth = curves.line(stream, name, SMOOTHING)
                faint = len(line.x) > FEW
                look = ".-" if len(line.x) < FEW_POINTS else "-"
                axes.plot(line.x, line.y, look, color=plots.COLOURS[0], alpha=0.3 if faint else 1.0)
                if faint:
                    caption = f"Stream {stream}. Pale: the values; strong: the mean around each."
                    axes.plot(smooth.x, smooth.y, color=plots.COLOURS[0])
                if line.band:
                    axes.fill_between(line.x, *line.band, alpha=0.2)
                if run.score and run.score.optimum is not None and name == run.score.name:
                    plots.optimum_line(axes, run.score.optimum, "optimum")
                    best = " Dashed: the best possible."
                axes.set_title(words(name))
                axes.set_xlabel(run.record.unit)
                axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        yield figure, caption + best


def _roll(hands: Notes) -> Figure:
    """The notes of a piece as bars over time, each instrument in its colour."""
    from sandbox.visual import plots

    with plots.single(11, 3, xlabel="seconds", ylabel="pitch (MIDI)") as (figure, axes):
        for (name, notes), colour in zip(hands.items(), cycle(plots.COLOURS), strict=False):
            begins, ends, pitches = zip(*notes, strict=True) if notes else ((), (), ())
            axes.hlines(pitches, begins, ends, colour, linewidth=3, label=f"instrument {name}")
        if len(hands) > 1:
            axes.legend()
    return figure
