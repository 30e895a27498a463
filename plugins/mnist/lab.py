"""Lab 03: recognise digits with a fully connected network of any depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from plugins.mnist.config import PRESETS, MnistConfig
from sandbox.lab import Context, Lab
from sandbox.reproduction.claim import Claim
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment
    from agents.supervised.search import RandomSearchExperiment


SEARCHED = ("hidden", "optimizer", "dropout", "learning_rate", "weight_decay")
"""What the random search varies."""


class MnistLab(Lab):
    """Recognise digits with a fully connected network: --hidden 1024,512, --dataset digits needs no download."""

    Config = MnistConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    global_generators = ("torch",)
    follows_processor = True
    objective = "summary.validation_accuracy"
    direction = "maximize"
    directions: ClassVar[Mapping[str, str]] = {"test_accuracy": "maximize"}

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the report found; loaded when it is asked for."""
        from plugins.mnist.claims import CLAIMS

        return CLAIMS

    def threads(self, config: MnistConfig, cores: int) -> int:
        """One for a small network."""
        from agents.supervised.threads import threads_for, weights_of
        from plugins.mnist.network import network

        return threads_for(weights_of(lambda: network(config)), config.batch_size, cores)

    def build(
        self, config: MnistConfig, context: Context
    ) -> ImageExperiment | RandomSearchExperiment:
        """A fresh experiment: one training, or with `search.candidates` a random search."""
        from agents.supervised.experiment import ImageExperiment
        from plugins.mnist.network import Classification

        if config.search.candidates:
            from agents.supervised.search import RandomSearchExperiment
            from plugins.mnist import space

            return RandomSearchExperiment(
                config,
                context,
                space.space(),
                space.settings,
                lambda chosen: Classification(chosen, context),
            )
        return ImageExperiment(Classification(config, context), config, context)

    def pictures(self, experiment: Any, artifacts: Artifacts, metrics: Metrics) -> None:
        """The model as files; curves, confusion, mistakes, calibration, corruptions, and what the neurons of each layer look for."""
        from agents.supervised.saving import save_model
        from plugins.mnist import figures

        if experiment.config.search.candidates and hasattr(experiment, "final"):
            from agents.supervised import search_pictures

            artifacts.write("candidates.csv", search_pictures.table(experiment, SEARCHED))
            artifacts.save_figure(
                "candidates.png", search_pictures.scores(experiment, SEARCHED[-3:], SEARCHED[-2:])
            )
            experiment = experiment.final
        save_model(artifacts, "mnist", experiment.config, experiment.model)
        figures.draw(experiment, artifacts, metrics)
