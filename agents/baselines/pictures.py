"""Pictures and files of a run with Stable-Baselines3: learning curve, maps, the model."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from safetensors.torch import save as as_bytes

from agents.baselines import saved
from agents.baselines.worlds import GridVecWorld, VecWorld
from agents.control import curves, pictures
from agents.control.base import AgentExperiment
from agents.control.episodic import EpisodicScores
from sandbox.store import Artifacts, Metrics
from sandbox.visual import plots

BELOW = {
    "train/entropy_loss": (-1.0, "entropy, nats"),
    "train/kl_divergence_loss": (1.0, "step, KL"),
    "train/ent_coef": (1.0, "entropy's weight"),
    "train/critic_loss": (1.0, "critic's loss"),
    "train/loss": (1.0, "loss"),
}
"""Sign and label of metrics of Stable-Baselines3; the first one that the algorithm has is drawn."""


def save(experiment: AgentExperiment, name: str, artifacts: Artifacts, metrics: Metrics) -> None:
    """Write the pictures and files of a finished run.

    Args:
        experiment: a finished experiment.
        name: the name of the environment.
        artifacts: where the files go.
        metrics: the metrics of the run.
    """
    tensors, about = saved.contents(experiment.agent)
    artifacts.write(saved.WEIGHTS, as_bytes(tensors))
    artifacts.write_json(saved.ABOUT, about)
    artifacts.write_json("summary.json", experiment.summary())
    world = experiment.world
    title = f"{name}: how {experiment.config.agent.name} learned"
    artifacts.save_figure("learning_curve.png", learning_curve(experiment, metrics, title))
    if isinstance(world, GridVecWorld):
        worth = experiment.snapshots[-1].worth
        values = None if worth is None else worth.astype(np.float64)
        policy = world.policy(experiment.agent)  # [states, actions]
        pictures.save_maps(artifacts, name, experiment, values, policy, world.venv.visits)


def learning_curve(experiment: AgentExperiment, metrics: Metrics, title: str) -> Figure:
    """Scores, and exploration or the algorithm's own metrics, against environment steps.

    Args:
        experiment: whose metrics they are.
        metrics: with the streams "learn", "evaluate" and "train".
        title: the title above the figure.
    """
    episodic = isinstance(experiment, EpisodicScores)
    score = curves.returns(experiment) if episodic else curves.PER_STEP
    learn, evaluate = metrics.columns("learn"), metrics.columns("evaluate")
    episodes = len(learn["env_steps"]) if learn else 0
    assert isinstance(experiment.world, VecWorld)
    window = max(experiment.world.venv.num_envs, min(100, episodes // 20))
    with plots.style():
        figure, upper, lower = curves.curve_axes()
        optimum = experiment.headline_optimum
        curves.draw_scores(upper, "env_steps", learn, evaluate, score, window, optimum)
        upper.set(title=title, ylabel=score.label)
        curves.legend_below(upper)
        _draw_below(lower, metrics.columns("train"))
    return figure


def _draw_below(axes: Axes, train: dict[str, np.ndarray]) -> None:
    """Draw exploration if it is a probability, else the algorithm's first metric of exploration."""
    rate = "rollout/exploration_rate"
    if rate in train:
        axes.plot(train["env_steps"], train[rate], color=plots.GREEN)
        axes.set(xlabel="env steps", ylabel="exploration ε", ylim=(0, None))
        return
    name = next((name for name in BELOW if name in train), None)
    if name is not None:
        sign, label = BELOW[name]
        axes.plot(train["env_steps"], sign * train[name], color=plots.GREEN)
        axes.set(ylabel=label)
    axes.set(xlabel="env steps")
