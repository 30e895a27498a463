"""Pictures of the lab music: learning curves and piano rolls."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from envs.datasets.rolls import LOWEST
from sandbox.text import number
from sandbox.visual import plots

OCTAVES = range(24, 109, 12)
"""MIDI numbers of the Cs on the piano."""


def learning_curve(
    learn: dict[str, np.ndarray], validate: dict[str, np.ndarray], test: dict[str, float]
) -> Figure:
    """Loss, and negative log-likelihood of held-out pieces, by epoch."""
    with plots.style():
        figure = plots.figure(7.5, 5.0)
        upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.12})
        lower.plot(learn["epoch"], learn["loss"], color=plots.BLUE, label="loss while learning")
        lower.set(xlabel="epoch", ylabel="loss")
        lower.locator_params("x", integer=True)
        lower.legend()
        upper.plot(
            validate["epoch"],
            validate["nll"],
            "o-",
            markersize=3,
            color=plots.VERMILION,
            label="validation pieces",
        )
        if "nll" in test:
            plots.optimum_line(
                upper, test["nll"], f"test pieces, kept weights: {number(test['nll'], 3)}"
            )
        upper.set(ylabel="NLL, nats per frame", title="How well the next step is foreseen")
        upper.legend()
        for axes in (upper, lower):
            axes.yaxis.set_label_coords(-0.075, 0.5)
    return figure


def piano_roll(roll: np.ndarray, seed_steps: int, steps_per_beat: int, title: str) -> Figure:
    """The keys over time, right hand above left; onsets are darker, the seed is shaded.

    Args:
        roll: uint8 [steps, hands, 88].
        seed_steps: how many of the steps are the seed.
        steps_per_beat: steps to a quarter note.
        title: above the picture.
    """
    hands = roll.shape[1]
    beats = len(roll) / steps_per_beat
    with plots.style():
        figure = plots.figure(11.0, 2.1 + 2.1 * hands, left=0.7)
        rows = figure.subplots(hands, 1, sharex=True, squeeze=False, gridspec_kw={"hspace": 0.1})[
            :, 0
        ]
        for number, axes in enumerate(rows):
            used = np.flatnonzero((roll[:, number] != 0).any(axis=0))
            low, high = (int(used.min()) - 3, int(used.max()) + 4) if len(used) else (30, 60)
            shades = ListedColormap(
                ["#FFFFFF", "#56B4E9" if number == 0 else "#E69F00", plots.COLOURS[number]]
            )
            axes.grid(False)
            axes.imshow(
                roll[:, number].T,
                origin="lower",
                aspect="auto",
                interpolation="nearest",
                cmap=shades,
                vmin=0,
                vmax=2,
                extent=(0, beats, LOWEST - 0.5, LOWEST + 87.5),
                zorder=1,
            )
            axes.axvspan(0, seed_steps / steps_per_beat, color=plots.GREY, alpha=0.15, zorder=2)
            axes.axvline(seed_steps / steps_per_beat, color="#1F2937", linewidth=1, linestyle="--")
            axes.set_ylim(LOWEST + low, LOWEST + high)
            octaves = [one for one in OCTAVES if LOWEST + low <= one <= LOWEST + high]
            axes.set_yticks(octaves, [f"C{one // 12 - 1}" for one in octaves])
            axes.set_ylabel(("right hand", "left hand")[number] if hands == 2 else "both hands")
        rows[0].set_title(title)
        narrow = 24 * seed_steps < len(roll)  # the word needs about a 24th of the axes
        rows[0].annotate(
            "seed",
            (seed_steps / steps_per_beat, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4 if narrow else -4, -12),
            textcoords="offset points",
            ha="left" if narrow else "right",
        )
        rows[-1].set_xlabel("beats")
    return figure
