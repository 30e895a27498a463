"""Pictures of many seeds learned together: bands over seeds, and where the seeds ended."""

from __future__ import annotations

import csv
import io

import numpy as np
from matplotlib.figure import Figure

from agents.control.many_seeds import HIGH, LOW, ManySeeds
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics
from sandbox.text import number
from sandbox.visual import plots


def save(many: ManySeeds, name: str, artifacts: Artifacts, metrics: Metrics) -> None:
    """Write the pictures and files of a finished run of many seeds.

    Args:
        many: at its end.
        name: of the environment.
        artifacts: where the files go.
        metrics: of the run.
    """
    table, score = many.table(), many.score()
    artifacts.save_array("q_tables.npy", np.stack([one.agent.q for one in many.experiments]))
    artifacts.write("seeds.csv", seeds_table(table))
    curve = many.experiments[0].seeds_curve(metrics, name, many)
    artifacts.save_figure("learning_curve.png", curve)
    title = f"{name}: where {len(many.seeds)} seeds of {many.config.agent.name} ended"
    label = f"{score.unit} of the greedy policy"
    histogram = score_histogram(table[score.name], score.optimum, title, label)
    artifacts.save_figure("scores.png", histogram)


def band_curve(metrics: Metrics, optimum: float | None, seeds: int, title: str) -> Figure:
    """Reward per step against the episode: interquartile mean and the middle 95 % of the seeds.

    Args:
        metrics: with the stream "learn" of `agents.control.many_seeds.ManySeeds`.
        optimum: the best possible reward per step, drawn as a line.
        seeds: how many.
        title: above the figure.
    """
    name = "reward_per_step"
    learn = metrics.columns(
        "learn", ["episode", *(f"{name}_{kind}" for kind in ("low", "iqm", "median", "high"))]
    )
    shown = plots.thinned(len(learn["episode"]), 1500)
    episode = learn["episode"][shown]
    with plots.style():
        figure = plots.figure(8.0, 4.6)
        axes = figure.subplots()
        band = axes.fill_between(
            episode,
            learn[f"{name}_low"][shown],
            learn[f"{name}_high"][shown],
            color=plots.COLOURS[5],
            alpha=0.35,
            linewidth=0,
        )
        band.set_label(f"middle {HIGH - LOW:g} % of {seeds} seeds")
        axes.plot(
            episode, learn[f"{name}_iqm"][shown], color=plots.COLOURS[0], label="interquartile mean"
        )
        axes.plot(
            episode,
            learn[f"{name}_median"][shown],
            color=plots.COLOURS[1],
            linewidth=1.0,
            linestyle=":",
            label="median",
        )
        if optimum is not None:
            plots.optimum_line(axes, optimum, f"best possible: {number(optimum, 4)}")
        axes.set(title=title, xlabel="episode", ylabel="reward per step, exploring")
        axes.legend(loc="lower right")
    return figure


def score_histogram(
    scores: np.ndarray,
    optimum: float | None,
    title: str,
    label: str,
) -> Figure:
    """Where the seeds ended: the greedy policy's score.

    Args:
        scores: float [seeds].
        optimum: the best possible, drawn as a line.
        title: above the figure.
        label: what the score is called.
    """
    with plots.style():
        figure = plots.figure(8.0, 3.8)
        axes = figure.subplots()
        low, high = min(scores.min(), 0.0), max(scores.max(), optimum or 0.0)
        axes.hist(
            scores, bins=np.linspace(low - 0.01, high + 0.01, 42).tolist(), color=plots.COLOURS[0]
        )
        if optimum is not None:
            axes.axvline(
                optimum,
                color=plots.GREY,
                linestyle="--",
                linewidth=1.3,
                label=f"best possible: {number(optimum, 4)}",
            )
            axes.legend(loc="upper left")
        axes.set(title=title, xlabel=label, ylabel="seeds")
    return figure


def seeds_table(table: dict[str, np.ndarray]) -> str:
    """The scores of every seed as comma-separated text; empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    rows = zip(*(column.tolist() for column in table.values()), strict=True)
    writer.writerows(["" if value != value else value for value in row] for row in rows)
    return text.getvalue()
