"""Pictures and files of a run with Stable-Baselines3: learning curve, what its own metrics were, value map, visits map, the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from agents.baselines import saved
from agents.control import pictures
from agents.control.pictures import CurveColumns
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics
from sandbox.text import number
from sandbox.visual import plots

RETURNS = CurveColumns("return", "greedy_return", "return of an episode", "greedy policy")
BELOW = {
    "train/entropy_loss": (-1.0, "entropy, nats"),
    "train/kl_divergence_loss": (1.0, "step, KL"),
    "train/ent_coef": (1.0, "entropy's weight"),
    "train/critic_loss": (1.0, "critic's loss"),
    "train/loss": (1.0, "loss"),
}
"""Of Stable-Baselines3's own metrics the first of these that an algorithm has is drawn: its sign there, and what it is called here."""


def save(experiment: Any, place: str, artifacts: Artifacts, metrics: Metrics) -> None:
    """Write everything.

    Args:
        experiment: a `agents.baselines.experiment.BaselineExperiment`.
        place: what the environment is called.
        artifacts: where the files go.
        metrics: of the run.
    """
    keep(experiment, artifacts)
    name = experiment.config.agent.name
    optimum = experiment.score().optimum
    artifacts.save_figure(
        "learning_curve.png",
        learning_curve(experiment, metrics, optimum, f"{place}: how {name} learned"),
    )
    layout = getattr(experiment.env.unwrapped, "layout", None)
    if layout is None or experiment.model is None or not experiment.place.exact:
        return
    last = experiment.snapshots[-1]
    if last.worth is not None:
        policy = experiment.place.policy(experiment.agent)  # [states, actions]
        title = f"{place}: what {name} thinks each cell is worth"
        artifacts.save_figure(
            "value_map.png",
            pictures.value_map(layout, last.worth.astype(np.float64), policy, title),
        )
    title = f"{place}: where {name} was while learning"
    artifacts.save_figure(
        "visits_map.png", pictures.visits_map(layout, experiment.place.venv.visits, title)
    )


def keep(experiment: Any, artifacts: Artifacts) -> None:
    """The model, and the summary."""
    from safetensors.torch import save as as_bytes

    tensors, about = saved.contents(experiment.agent)
    artifacts.write(saved.WEIGHTS, as_bytes(tensors))
    artifacts.write_json(saved.ABOUT, about)
    artifacts.write_json("summary.json", experiment.summary())


def learning_curve(experiment: Any, metrics: Metrics, optimum: float | None, title: str) -> Figure:
    """Scores and exploration, or what the algorithm says of its training, against steps of the environments.

    Args:
        experiment: whose metrics they are.
        metrics: with the streams "learn", "evaluate" and "train".
        optimum: the best possible score, drawn as a line.
        title: above the figure.
    """
    score = RETURNS if experiment.headline[0] == "return" else pictures.PER_STEP
    learn, evaluate = metrics.columns("learn"), metrics.columns("evaluate")
    with plots.style():
        figure = plots.figure(8.0, 5.2)
        upper, lower = figure.subplots(
            2, 1, sharex=True, height_ratios=[3, 1], gridspec_kw={"hspace": 0.08}
        )
        if learn:
            steps, values = learn["env_steps"], learn[score.learned]
            window = max(experiment.place.venv.num_envs, min(100, len(steps) // 20))
            shown = plots.thinned(len(steps))
            upper.plot(
                steps[shown],
                values[shown],
                color=plots.COLOURS[5],
                alpha=0.45,
                linewidth=0.7,
                label="each episode, exploring",
            )
            if window > 1:
                smooth = plots.moving_mean(values, window)[shown]
                upper.plot(
                    steps[shown],
                    smooth,
                    color=plots.COLOURS[0],
                    label=f"mean of the last {window} episodes",
                )
        if evaluate:
            how = (
                "exact"
                if experiment.model is not None
                else f"mean of {experiment.config.evaluation_episodes} episodes"
            )
            upper.plot(
                evaluate["env_steps"],
                evaluate[score.greedy],
                "o",
                markersize=4,
                color=plots.COLOURS[1],
                label=f"greedy policy, {how}",
            )
        if optimum is not None:
            plots.optimum_line(upper, optimum, f"best possible: {number(optimum, 4)}")
        upper.set(title=title, ylabel=score.label)
        upper.legend(loc="lower right", frameon=True, framealpha=0.85, edgecolor="white")
        _draw_below(lower, metrics.columns("train"))
        for axes in (upper, lower):
            axes.yaxis.set_label_coords(-0.075, 0.5)
    return figure


def _draw_below(axes: Any, train: dict[str, np.ndarray]) -> None:
    """Exploration where it is a probability, else the first of the algorithm's own metrics that tells of it."""
    rate = "rollout/exploration_rate"
    if rate in train:
        axes.plot(train["env_steps"], train[rate], color=plots.COLOURS[2])
        axes.set(xlabel="env steps", ylabel="exploration ε", ylim=(0, None))
        return
    name = next((name for name in BELOW if name in train), None)
    if name is not None:
        sign, label = BELOW[name]
        axes.plot(train["env_steps"], sign * train[name], color=plots.COLOURS[2])
        axes.set(ylabel=label)
    axes.set(xlabel="env steps")
