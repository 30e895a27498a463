"""Any Gymnasium environment: learned on its own table of transitions where it has a truthful one, else through `env.step`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from agents.control.lab import ControlLab, own_experiment
from plugins.gym.config import GymConfig
from plugins.gym.presets import PRESETS
from sandbox.lab import Context, Frame
from sandbox.reproduction.claim import Claim
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics

if TYPE_CHECKING:
    from agents.control.episodic import EpisodicExperiment
    from agents.control.many_seeds import ManySeeds
    from agents.control.worlds import World


class GymLab(ControlLab):
    """Learn any Gymnasium environment with finitely many actions: --env ID, and the parameters of its constructor as --env.OPTION."""

    Config = GymConfig
    env = "gym"
    objective = "summary.greedy_return"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    fps = 6

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the textbook says of the cliff."""
        from plugins.gym.claims import CLAIMS

        return CLAIMS

    def build(self, config: Any, context: Context) -> EpisodicExperiment:
        """A fresh experiment."""
        return self.experiment(config, context, watched=True)

    def build_many(self, configs: Sequence[Any], contexts: Sequence[Context]) -> ManySeeds:
        """A fresh experiment in which many seeds learn together; on a model on all cores, through `env.step` on one."""
        from agents.control.many_seeds import ManySeeds, built

        experiments = built(partial(self.experiment, watched=False), configs, contexts)
        return ManySeeds(experiments, contexts, contexts[0].threads, contexts[0].full_metrics)

    def experiment(self, config: Any, context: Context, watched: bool) -> EpisodicExperiment:
        """A fresh experiment, which keeps snapshots where it is watched."""
        make = own_experiment(config, "gym")
        if make is not None:
            made: EpisodicExperiment = make(config, context)
            return made
        from agents.control.episodic import EpisodicExperiment
        from plugins.gym import fitting

        return EpisodicExperiment(
            config, context, self._world_of(config, context), fitting.notes(config), watched
        )

    def _world_of(self, config: Any, context: Context) -> World:
        from agents.control.worlds import EnvWorld, ModelWorld
        from plugins.gym import fitting

        model, rng = fitting.survey(config).table.model, context.rng("env")
        if model is not None and config.use_model:
            return ModelWorld(fitting.numbered(config), model, rng, context.seed)
        return EnvWorld(
            fitting.numbered(config),
            rng,
            config.env.options.max_episode_steps,
            fitting.numbered(config),
            seed=context.seed,
            evaluation_episodes=config.evaluation_episodes,
            model=model,
        )

    def frames(
        self, experiment: Any, rng: np.random.Generator, history: bool = False
    ) -> Iterator[Frame]:
        """An episode as the agent behaves now, drawn by the environment itself; with `history`, how it came to that."""
        from plugins.gym import frames

        if hasattr(experiment, "pictures"):
            return frames.greedy_episode(experiment, rng)
        one = getattr(experiment, "experiments", [experiment])[
            0
        ]  # of many seeds, the first is watched
        return frames.episodes_then(one, rng) if history else frames.episode_now(one, rng)

    def pictures(self, experiment: Any, artifacts: Artifacts, metrics: Metrics) -> None:
        """Learning curve; where states lie on a grid, value map and visits map; the agent and its tables as files."""
        from plugins.gym import figures

        if hasattr(experiment, "pictures"):  # it has its own
            experiment.pictures(experiment.config.env.options.id, artifacts, metrics)
            return
        if hasattr(experiment, "experiments"):
            figures.many(experiment, artifacts, metrics)
            return
        self._keep(experiment, artifacts)
        figures.single(experiment, artifacts, metrics)

    def _keep(self, experiment: Any, artifacts: Artifacts) -> None:
        from agents.control.lab import keep_agent

        keep_agent(experiment, artifacts)
        artifacts.write_json("summary.json", experiment.summary())
