"""Whether a music run continues études in their key, on their grid and with broken chords.

`python -m benchmarks.music_etudes RUN` continues the run's test études from their first two bars,
and prints means over them, beside those of the études themselves. The run is one with two hands
that learned études.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from agents.supervised.saving import model_of
from envs.datasets.etudes import STYLE
from envs.datasets.rolls import STRUCK
from plugins.music.generate import continued, default_draw
from sandbox.runs.api import load
from sandbox.seeding import generator

SEED, ADDED, CLOSING = 32, 160, 8
"""Steps that the model hears and adds, and those of an étude's last chord."""
BARS = 15
"""Bars of an étude before its last chord."""


def figures(roll: np.ndarray, whole: np.ndarray, number: int, begin: int) -> dict[str, float]:
    """What a part of an étude, or a continuation, keeps of the étude.

    Args:
        roll: the part, uint8 [steps, 2, 88].
        whole: the étude, uint8 [steps, 2, 88].
        number: of the étude; it has the key.
        begin: step of the étude at which the part begins.

    Returns:
        `key`: share of onsets in the étude's scale; `grid_left`: share of the left hand's onsets at
        steps of the bar where the étude's has some; `grid_right`: share of the right hand's at
        eighths; `triads`: share of whole bars in which the left hand's onsets are the three pitch
        classes of a triad of the scale; `figure`: share of whole bars in which they come in the
        order and at the steps of the étude's first bar; `notes_right`, `notes_left`: onsets of each
        hand in a beat.
    """
    scale = [number + step for step in STYLE["minor" if number % 24 >= 12 else "major"]]
    # the étude's tonic is C, a third above the piano's lowest key, and `number` semitones more
    classes = {(step + 3) % 12 for step in scale}
    triads = [{(scale[(root + third) % 7] + 3) % 12 for third in (0, 2, 4)} for root in range(7)]
    bar = (len(whole) - CLOSING) // BARS
    own = whole[:-CLOSING] == STRUCK
    grid = {int(step) % bar for step in np.nonzero(own[:, 1])[0]}
    step, hand, key = np.nonzero(roll == STRUCK)
    left = hand == 1
    bars = [
        roll[first : first + bar, 1] == STRUCK
        for first in range(-begin % bar, len(roll) - bar + 1, bar)
    ]
    return {
        "key": _share(each % 12 in classes for each in key.tolist()),
        "grid_left": _share((each + begin) % bar in grid for each in step[left].tolist()),
        "grid_right": _share((each + begin) % 2 == 0 for each in step[~left].tolist()),
        "triads": _share(
            {each % 12 for each in np.nonzero(one)[1].tolist()} in triads for one in bars
        ),
        "figure": _share(_order(one) == _order(own[:bar, 1]) for one in bars),
        "notes_right": 4 * float((~left).sum()) / len(roll),
        "notes_left": 4 * float(left.sum()) / len(roll),
    }


def _share(those: Iterable[bool]) -> float:
    found = list(those)
    return float(np.mean(found)) if found else 0.0


def _order(bar: np.ndarray) -> list[tuple[int, int]]:
    """Step and rank of each onset in a bar, the lowest key first."""
    step, key = np.nonzero(bar)
    return list(zip(step.tolist(), np.unique(key, return_inverse=True)[1].tolist(), strict=True))


def main() -> None:
    """Continue, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--mode")
    parser.add_argument("--temperature", type=float, default=1.0)
    options = parser.parse_args()
    run = load(options.run)
    model = model_of(run)
    how = default_draw(model)
    how = replace(how, mode=options.mode or how.mode, temperature=options.temperature)
    rows: dict[str, list[dict[str, float]]] = {"études": [], "continuations": []}
    for index, piece in enumerate(run.experiment.pieces.splits["test"]):
        number = int(piece.name[6:9])
        made = continued(model, piece.roll[:SEED], ADDED, how, generator(index, "etude"))
        rows["études"].append(figures(piece.roll[SEED:-CLOSING], piece.roll, number, SEED))
        rows["continuations"].append(figures(made[SEED:], piece.roll, number, SEED))
    for name, found in rows.items():
        means = {each: np.mean([row[each] for row in found]) for each in found[0]}
        print(f"{name:14}", *(f"{each} {mean:.2f}" for each, mean in means.items()))


if __name__ == "__main__":
    main()
