"""Pictures for the claims: NLL by length of windows, frozen steps by mode, a piano roll."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plugins.music import figures, trials
from plugins.music.claims import WINDOW, WINDOWS
from sandbox.reproduction.claim import ClaimPicture
from sandbox.visual import plots


def pictures(claim: str, seeds: int, data: Path | None = None) -> Iterator[ClaimPicture]:
    """The pictures of a claim.

    Args:
        claim: its id.
        seeds: how many runs were measured.
        data: folder of data files.
    """
    folder = trials.folder_in(data)
    if claim == "U1":
        yield ClaimPicture(
            "windows",
            "Left: each point is one run. Right: the same runs, less the run's own NLL with "
            "windows of 32.",
            windows(folder, seeds),
        )
    if claim == "U3":
        yield ClaimPicture(
            "frozen",
            "Each point is one continuation of 256 steps; the bar is their median.",
            frozen(folder, seeds),
        )
    if claim == "U4":
        one = trials.trial(folder, WINDOW, 0)
        title = f"{one.piece}, continued by a small model (sample, corrected, calibrated)"
        yield ClaimPicture(
            "piano_roll",
            "The right hand above the left; the shaded seed was given.",
            figures.piano_roll(one.roll, len(one.roll) - trials.STEPS, 4, title),
        )


def windows(folder: Path | None, seeds: int) -> Figure:
    """NLL of every run by window length, and the differences between window lengths."""
    nll = np.array(
        [[trials.trial(folder, window, seed).nll for seed in range(seeds)] for window in WINDOWS]
    )  # [windows, seeds]
    frequencies = np.array(
        [trials.trial(folder, WINDOW, seed).frequencies_nll for seed in range(seeds)]
    )
    with plots.style():
        figure = plots.figure(9.0, 4.4, bottom=0.8)
        left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.28})
        _points(left, ["key\nfrequencies", *map(str, WINDOWS)], [frequencies, *nll])
        left.set(
            ylabel="NLL, nats per frame",
            xlabel="steps in a window",
            title="How well test pieces are foreseen",
        )
        _points(right, [str(window) for window in WINDOWS], list(nll - nll[WINDOWS.index(WINDOW)]))
        right.axhline(0, color=plots.GREY, linewidth=1)
        right.set(
            ylabel="NLL less that with 32 steps",
            xlabel="steps in a window",
            title="What the length changes",
        )
    return figure


def frozen(folder: Path | None, seeds: int) -> Figure:
    """Share of frozen steps of every continuation, by mode."""
    runs = [trials.trial(folder, WINDOW, seed) for seed in range(seeds)]
    groups = {
        mode.replace(", ", ",\n"): [one.frozen[mode] for one in runs] for mode in trials.MODES
    }
    groups["the pieces\nthemselves"] = [one.piece_frozen for one in runs]
    with plots.single(8.0, 4.4) as (figure, axes):
        _points(axes, list(groups), [100 * np.array(values) for values in groups.values()])
        axes.set(ylabel="frozen steps, %", ylim=(-4, 104), title="argmax freezes on one chord")
    return figure


def _points(axes: Axes, names: Sequence[str], groups: Sequence[np.ndarray]) -> None:
    """A point for each value, side by side, and a bar at each group's median."""
    for number, values in enumerate(groups):
        spread = (
            np.argsort(np.argsort(np.arange(len(values)) * 0.618 % 1)) / max(1, len(values) - 1)
            - 0.5
        ) * 0.5
        axes.plot(
            number + spread,
            values,
            "o",
            color=plots.BLUE,
            markersize=4,
            alpha=0.6,
            markeredgewidth=0,
        )
        axes.plot([number - 0.33, number + 0.33], [np.median(values)] * 2, color=plots.VERMILION)
    axes.set_xticks(range(len(names)), names)
    axes.grid(False, axis="x")
