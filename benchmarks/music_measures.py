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

from agents.supervised.saving import model_of
from plugins.music.generate import continued, default_draw
from plugins.music.networks.drawing import Draw
from plugins.music.playing import BEATS, measures
from sandbox.runs.api import load
from sandbox.seeding import generator

QUANTILES = (0.1, 0.5, 0.9)


def main() -> None:
    """Generate, and print the table."""
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
