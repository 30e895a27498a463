"""Whether a music run plays as its pieces do: standard measures of generated and of real pieces.

`python -m benchmarks.music_measures RUN` generates pieces of 64 bars from the beginnings of the
run's training pieces (or those of `--split valid` or `test`), and prints for each measure the 10 %,
50 % and 90 % quantiles of the training pieces and of the generated ones, without the beginnings; a
measure is marked where the generated median lies outside the range of the pieces. Options are
those of `generate`.
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

import numpy as np

from envs.datasets.rolls import LOWEST, SILENT, STRUCK
from plugins.music.playing import statistics
from sandbox.runs.api import load
from sandbox.seeding import generator

QUANTILES = (0.1, 0.5, 0.9)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
"""Pitch classes of C major and C natural minor."""
BEATS = 4
"""Beats of a bar."""


def measures(roll: np.ndarray, steps_per_beat: int) -> dict[str, float]:
    """Standard measures of one piece, by the definitions of MusPy (Dong et al., 2020).

    Args:
        roll: uint8 [steps, hands, 88].
        steps_per_beat: steps to a quarter note.

    Returns:
        `polyphony`: keys that sound at once, where any does; `pitch_class_entropy` of the notes in
        bits; `scale_consistency`: largest share of the notes in one of the 24 major and minor
        scales; `groove_consistency`: 1 less the mean share of steps that differ between a bar of
        four beats and the next in whether a note begins; `empty_beats`: share of beats without
        sound; `notes_per_beat`; `frozen`: see `statistics`. Without notes all but `empty_beats`
        are 0.
    """
    struck = (roll == STRUCK).any(axis=1)  # [steps, 88]
    classes = np.bincount((np.nonzero(struck)[1] + LOWEST) % 12, minlength=12)
    share = classes / max(1, classes.sum())
    entropy = -float(share @ np.log2(np.where(share > 0, share, 1.0)))
    inside = [np.roll(share, -root)[list(scale)].sum() for scale in SCALES for root in range(12)]
    bar = BEATS * steps_per_beat
    bars = struck.any(axis=1)[: len(roll) // bar * bar].reshape(-1, bar)
    differ = (bars[1:] != bars[:-1]).mean() if len(bars) > 1 else 0.0
    beats = -(-len(roll) // steps_per_beat)
    sounding = (roll != SILENT).any(axis=(1, 2))
    filled = len(np.unique(np.flatnonzero(sounding) // steps_per_beat))
    shown = statistics(roll)
    return {
        "polyphony": shown["polyphony"],
        "pitch_class_entropy": entropy,
        "scale_consistency": float(max(inside)),
        "groove_consistency": float(1 - differ) if struck.any() else 0.0,
        "empty_beats": 1 - filled / max(1, beats),
        "notes_per_beat": float(struck.sum() / max(1, beats)),
        "frozen": shown["frozen"],
    }


def main() -> None:
    """Generate, and print the table."""
    from agents.supervised.saving import model_of
    from plugins.music.generate import continued, default_draw
    from plugins.music.networks.drawing import Draw

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--pieces", type=int, default=20)
    parser.add_argument("--bars", type=int, default=64)
    parser.add_argument("--seed-steps", type=int, default=32)
    parser.add_argument("--split", default="train")
    parser.add_argument("--mode")
    for field in fields(Draw):
        if field.name != "mode":
            name, kind = field.name.replace("_", "-"), type(field.default)
            parser.add_argument(f"--{name}", type=kind)
    options = parser.parse_args()
    run = load(options.run)
    model = model_of(run)
    rolls = run.experiment.rolls["train"]
    beat = run.experiment.config.steps_per_beat
    steps = options.bars * BEATS * beat
    given = {field.name: getattr(options, field.name) for field in fields(Draw)}
    how = replace(
        default_draw(model), **{name: value for name, value in given.items() if value is not None}
    )
    ours, begins = [], run.experiment.rolls[options.split]
    for number in range(options.pieces):
        begun = begins[number % len(begins)][: options.seed_steps]
        made = continued(model, begun, steps, how, generator(number, "measures"))
        ours.append(measures(made[len(begun) :], beat))
    theirs = [measures(roll, beat) for roll in rolls]
    print(f"{'':20} {'pieces 10 %':>12} {'50 %':>8} {'90 %':>8} {'generated 10 %':>15} 50 %  90 %")
    for name in theirs[0]:
        real, played = (
            np.quantile([one[name] for one in group], QUANTILES) for group in (theirs, ours)
        )
        mark = "" if real[0] <= played[1] <= real[2] else "  outside"
        print(f"{name:20} {real[0]:12.3f} {real[1]:8.3f} {real[2]:8.3f}", end=" ")
        print(f"{played[0]:15.3f} {played[1]:.3f} {played[2]:.3f}{mark}")


if __name__ == "__main__":
    main()
