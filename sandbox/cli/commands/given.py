"""`given FILE …`: what other programs logged, as the CSV that `compare --given` reads."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=Path)
@click.option("--agent", required=True, metavar="NAME", help="Name of the agent.")
@click.option(
    "--task",
    required=True,
    metavar="NAME",
    help="The lab, or its environment where it has several, such as CartPole-v1.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    help="Seed of the first FILE; each next one has the next seed.",
)
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
