"""`given FILE …`: what other programs logged, as the CSV that `compare --given` reads."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click

from sandbox.cli.options import options_of


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=Path)
@options_of("given")
def given(files: tuple[Path, ...], agent: str, task: str, seed: int) -> int:
    """Print the results of others as CSV for `compare --given`; each FILE is one training run.

    FILE is a *.monitor.csv or evaluations.npz of Stable-Baselines3 and RL Zoo, or a TensorBoard
    event file of CleanRL. The score is the mean return of the last evaluation, or, without
    evaluations, of the last 100 episodes of learning.
    """
    from sandbox.comparison.given import COLUMNS, outcome

    rows = [(agent, task, number, *outcome(path)) for number, path in enumerate(files, seed)]
    csv.writer(sys.stdout, lineterminator="\n").writerows([COLUMNS, *rows])
    return 0
