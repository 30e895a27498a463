"""What every control lab is: a configuration with an agent and an environment, the shared experiment, pictures and frames.

A control lab adds its environment, its presets and its claims.
"""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sandbox.config.resolve import registered_config
from sandbox.lab import Context, Frame, Lab
from sandbox.registry.registry import registry
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics

if TYPE_CHECKING:
    from agents.control.experiment import ControlExperiment
    from agents.control.many_seeds import ManySeeds
    from agents.control.worlds import ModelWorld

ACTIONS = ("stay", "right", "left", "down", "up")


def own_experiment(config: Any, place: str) -> Callable[..., Any] | None:
    """What makes the experiment of an agent that brings one of its own, where its options name it in `experiments`; else None.

    Args:
        config: has `agent`.
        place: "grid", for a function of environment's name, configuration and context; "gym", for one of the last two.
    """
    target = getattr(config.agent.options, "experiments", {}).get(place)
    if target is None:
        return None
    module, _, name = target.partition(":")
    make: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return make


class ControlLab(Lab):
    """Base of the labs in which an agent learns to act in a grid."""

    env: ClassVar[str]
    """The environment's name in the registry."""
    fps = 12
    objective = "summary.reward_per_step"
    directions: ClassVar[Mapping[str, str]] = {
        "reward_per_step": "maximize",
        "greedy_return": "maximize",
        "regret": "minimize",
        "steps_to_goal": "minimize",
        "steps_per_second": "maximize",
    }

    def preparation(self) -> str:
        """The first run on a machine compiles the learning loops."""
        from agents.tabular.cached import compiled_before

        return (
            ""
            if compiled_before()
            else "Compiling the learning loops (some seconds, once; they are kept for later runs)."
        )

    def build(self, config: Any, context: Context) -> ControlExperiment:
        """A fresh experiment."""
        make = own_experiment(config, "grid")
        if make is not None:
            made: ControlExperiment = make(self.env, config, context)
            return made
        from agents.control.experiment import ControlExperiment

        return ControlExperiment(config, context, self._world(config, context))

    def build_many(self, configs: Sequence[Any], contexts: Sequence[Context]) -> ManySeeds:
        """A fresh experiment in which many seeds learn together, on all cores."""
        from agents.control.experiment import ControlExperiment
        from agents.control.many_seeds import ManySeeds, built

        def make(config: Any, context: Context) -> ControlExperiment:
            return ControlExperiment(config, context, self._world(config, context), watched=False)

        experiments = built(make, configs, contexts)
        return ManySeeds(experiments, contexts, contexts[0].threads, contexts[0].full_metrics)

    def not_together(self, config: Any) -> str:
        """Why many seeds of a configuration cannot learn together; "" where they can."""
        agent = config.agent.name
        each = f"Run each --seed by itself; `python -m sandbox sweep {self.env} --agent {agent} --seeds N` does so"
        return (
            f"'{agent}' draws from generators that a process has only once, and learns one seed at a time. {each}."
            if own_experiment(config, "grid") is not None
            else ""
        )

    def _world(self, config: Any, context: Context) -> ModelWorld:
        """The lab's environment with the run's own generator."""
        from agents.control.worlds import ModelWorld

        env = registry().load("env", self.env)(config=config.env)
        return ModelWorld(env, env.model, context.rng("env"))

    def suggest(self, trial: Any) -> dict[str, Any]:
        """The search space of tabular control: who learns, how fast, how far it looks ahead, and how it explores.

        The end of exploration is bounded by its start; options that the drawn agent does not have are left out.
        """
        agent = trial.suggest_categorical(
            "agent", ["sarsa", "expected-sarsa", "q-learning", "double-q-learning"]
        )
        known = registered_config("agent", agent).model_fields
        settings: dict[str, Any] = {"agent": agent}
        if "alpha" in known:
            settings["agent.alpha"] = trial.suggest_float("agent.alpha", 0.02, 1.0, log=True)
        if "discount" in known:
            settings["agent.discount"] = trial.suggest_float("agent.discount", 0.8, 0.99)
        if {"policy", "epsilon", "epsilon_final"} <= known.keys():
            policy = trial.suggest_categorical("agent.policy", ["softmax", "epsilon-greedy"])
            most = 1.0 if policy == "epsilon-greedy" else 5.0
            first = trial.suggest_float("agent.epsilon", 0.05, most, log=True)
            final = trial.suggest_float("agent.epsilon-final", 1e-4, min(first, 0.1), log=True)
            settings |= {
                "agent.policy": policy,
                "agent.epsilon": first,
                "agent.epsilon-final": final,
            }
        return settings

    def frames(
        self, experiment: Any, rng: np.random.Generator, history: bool = False
    ) -> Iterator[Frame]:
        """An episode as the agent behaves now; with `history`, how it came to that."""
        if hasattr(experiment, "frames"):  # it has its own
            own: Iterator[Frame] = experiment.frames(
                rng, f"{self.env} · {experiment.config.agent.name}", history
            )
            return own
        from agents.control.replay import episode_now, episodes_then

        one = getattr(experiment, "experiments", [experiment])[
            0
        ]  # of many seeds, the first is watched
        title = f"{self.env} · {one.config.agent.name}"
        return episodes_then(one, rng, title) if history else episode_now(one, rng, title)

    def pictures(self, experiment: Any, artifacts: Artifacts, metrics: Metrics) -> None:
        """Learning curve, value map, visits map; the agent, its table and its snapshots as files."""
        from agents.control import pictures

        if hasattr(experiment, "pictures"):  # it has its own
            experiment.pictures(self.env, artifacts, metrics)
            return
        if hasattr(experiment, "experiments"):
            self._picture_many(experiment, artifacts, metrics)
            return
        agent, layout = experiment.agent, experiment.env.layout
        self._keep(experiment, artifacts)
        name = experiment.config.agent.name
        optimum = experiment.score().optimum
        artifacts.save_figure(
            "learning_curve.png",
            pictures.learning_curve(
                metrics, optimum, f"{self.env}: how {name} learned", _exploration(experiment)
            ),
        )
        values, policy = experiment.values(), agent.policy()
        artifacts.save_figure(
            "value_map.png",
            pictures.value_map(
                layout, values, policy, f"{self.env}: what {name} thinks each cell is worth"
            ),
        )
        artifacts.save_figure(
            "visits_map.png",
            pictures.visits_map(
                layout, agent.visits, f"{self.env}: where {name} was while learning"
            ),
        )

    def _picture_many(self, many: ManySeeds, artifacts: Artifacts, metrics: Metrics) -> None:
        from agents.control import many_seeds_pictures as many_pictures

        table, name = many.table(), many.experiments[0].config.agent.name
        optimum = many.score().optimum
        seeds = len(many.seeds)
        artifacts.save_array(
            "q_tables.npy", np.stack([experiment.agent.q for experiment in many.experiments])
        )
        artifacts.write("seeds.csv", many_pictures.seeds_table(table))
        title = f"{self.env}: how {name} learned"
        artifacts.save_figure(
            "learning_curve.png", many_pictures.band_curve(metrics, optimum, seeds, title)
        )
        title = f"{self.env}: where {seeds} seeds of {name} ended"
        artifacts.save_figure(
            "scores.png", many_pictures.score_histogram(table["reward_per_step"], optimum, title)
        )

    def _keep(self, experiment: ControlExperiment, artifacts: Artifacts) -> None:
        artifacts.write(
            "q_table.csv", _table(experiment.agent.q, experiment.env.layout.cells.shape[1])
        )
        keep_agent(experiment, artifacts)
        artifacts.write_json("summary.json", experiment.summary())


def keep_agent(experiment: ControlExperiment, artifacts: Artifacts) -> None:
    """The agent, its table, and the snapshots of it, as files."""
    agent = experiment.agent
    artifacts.save_array("q_table.npy", agent.q)
    scratch = artifacts.scratch("agent.npz")
    agent.save(scratch)
    artifacts.keep(scratch, "agent.npz")
    with artifacts.open("snapshots.npz") as file:
        np.savez_compressed(
            file,
            episode=np.array([snapshot.episode for snapshot in experiment.snapshots]),
            epsilon=np.array([snapshot.epsilon for snapshot in experiment.snapshots]),
            q=np.stack([snapshot.q for snapshot in experiment.snapshots]),
        )


def _exploration(experiment: Any) -> str:
    """What ε is for the policy in use."""
    return (
        "temperature ε" if experiment.config.agent.options.policy == "softmax" else "exploration ε"
    )


def _table(q: np.ndarray, columns: int) -> str:
    """Q as comma-separated text: row, column, and a column for each action."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = (
        ACTIONS
        if q.shape[1] == len(ACTIONS)
        else [f"action_{action}" for action in range(q.shape[1])]
    )
    writer.writerow(["row", "column", *names])
    writer.writerows(
        [state // columns, state % columns, *(float(value) for value in values)]
        for state, values in enumerate(q)
    )
    return text.getvalue()
