"""The base of control labs: it builds the experiment of an agent in an environment.

A control lab adds its environment, its presets and its claims.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from agents.agent import agent_class
from sandbox.config.resolve import registered_config
from sandbox.errors import OutOfTime
from sandbox.lab import Context, Frame, Lab, deferred
from sandbox.registry.registry import registry
from sandbox.store import Artifacts, Metrics
from sandbox.text import Document

if TYPE_CHECKING:
    import numpy as np
    from optuna import Trial

    from agents.control.base import AgentExperiment, ShownExperiment
    from agents.control.config import ControlConfig
    from agents.control.many_seeds import ManySeeds


class ControlLab(Lab):
    """Base of the labs in which an agent learns to act in a grid."""

    env: ClassVar[str]
    """The environment's name in the registry."""
    kind: ClassVar[str] = "grid"
    """The key of this kind of lab in `experiments` of agents; see `agents.agent.Agent`."""
    fps = 12
    layers: ClassVar[Mapping[str, str]] = {"values": "values", "policy": "arrows"}
    objective = "summary.reward_per_step"
    directions: ClassVar[Mapping[str, str]] = {
        "reward_per_step": "maximize",
        "greedy_return": "maximize",
        "regret": "minimize",
        "steps_to_goal": "minimize",
        "steps_per_second": "maximize",
    }

    page = deferred("agents.pages.grid:GridBoard")
    """The board, to ask and to change."""

    def preparation(self) -> str:
        """A message that the learning loops are compiled, for the first run on a machine."""
        from agents.tabular.cached import compiled_before

        return (
            ""
            if compiled_before()
            else "Compiling the learning loops (some seconds, once; they are kept for later runs)."
        )

    def build(self, config: ControlConfig, context: Context) -> ShownExperiment:
        """A fresh experiment."""
        return self.experiment(config, context, watched=True)

    def build_many(
        self, configs: Sequence[ControlConfig], contexts: Sequence[Context]
    ) -> ManySeeds:
        """A new experiment in which many seeds learn together on models, on all cores.

        Raises:
            OutOfTime: when the run's time limit is reached before all are built.
        """
        from agents.control.many_seeds import ManySeeds

        experiments: list[AgentExperiment] = []
        for config, context in zip(configs, contexts, strict=True):
            if not context.on_time():
                raise OutOfTime(
                    f"The time was over when {len(experiments)} of {len(contexts)} seeds were "
                    "prepared, so none has learned: give more of it, or fewer seeds."
                )
            experiments.append(self.experiment(config, context, watched=False))
        return ManySeeds(experiments, contexts, contexts[0].threads, contexts[0].full_metrics)

    def experiment(self, config: ControlConfig, context: Context, watched: bool) -> AgentExperiment:
        """A new experiment of the class that the agent names, else of the lab's own.

        Args:
            config: the lab's configuration.
            context: what the experiment may touch.
            watched: whether to take snapshots, and to evaluate the greedy policy at each of them.
        """
        own = self._agents_own(config)
        if own:
            return pkgutil.resolve_name(own)(self.env, config, context)
        return self.table_experiment(config, context, watched)

    def table_experiment(self, config: Any, context: Context, watched: bool) -> AgentExperiment:
        """The experiment of agents with a table; see `experiment`."""
        from agents.control.experiment import ControlExperiment
        from agents.control.worlds import ModelWorld

        env = registry().load("env", self.env)(config=config.env)
        world = ModelWorld(env, env.model, context.rng("env"))
        return ControlExperiment(config, context, world, watched)

    def _agents_own(self, config: ControlConfig) -> str:
        agent = agent_class(config.agent.name)
        return agent.experiments.get(self.kind, "")

    def not_together(self, config: ControlConfig) -> str:
        """Why many seeds of a configuration cannot learn together; "" if they can."""
        if config.eval_every:
            return (
                "seeds that learn together are evaluated at their end alone. Leave out "
                "--eval-every, or run each --seed by itself."
            )
        if not self._agents_own(config):
            return ""
        agent = config.agent.name
        return (
            f"'{agent}' draws from generators that a process has only once, and learns one seed "
            "at a time. Run each --seed by itself; "
            f"`python -m sandbox sweep {self.env} --agent {agent} --seeds N` does so."
        )

    def env_name(self, config: ControlConfig) -> str:
        """The environment's name in titles."""
        return self.env

    def suggest(self, trial: Trial) -> Document:
        """The search space of tabular control: agent, step size, discount and exploration.

        The final exploration is at most the initial one; options that the sampled agent does not
        have are left out.
        """
        agent = trial.suggest_categorical(
            "agent", ["sarsa", "expected-sarsa", "q-learning", "double-q-learning"]
        )
        known = registered_config("agent", agent).model_fields
        settings: Document = {"agent": agent}
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
        self, experiment: ShownExperiment, rng: np.random.Generator, history: bool = False
    ) -> Iterator[Frame]:
        """Frames of an episode with the current agent; with `history`, of one episode for each
        snapshot."""
        return experiment.frames(self.env_name(experiment.config), rng, history)

    def pictures(self, experiment: ShownExperiment, artifacts: Artifacts, metrics: Metrics) -> None:
        """Learning curves and maps; the agent, its table and its snapshots as files."""
        experiment.pictures(self.env_name(experiment.config), artifacts, metrics)
