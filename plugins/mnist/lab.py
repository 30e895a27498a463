"""Lab 03: recognise digits with a fully connected network of any depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from agents.supervised.extra import need_torch
from plugins.mnist.config import PRESETS, MnistConfig
from plugins.mnist.prediction import predict
from sandbox.lab import Action, Context
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics

if TYPE_CHECKING:
    from agents.supervised.experiment import EpochExperiment


class MnistLab:
    """Recognise digits with a fully connected network: --hidden 1024,512, --dataset digits needs no download."""

    Config = MnistConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    global_generators = ("torch",)
    actions: ClassVar[Mapping[str, Action]] = {"predict": Action(predict, "The class of image files: predict RUN IMAGE …")}
    objective = "summary.validation_accuracy"
    direction = "maximize"

    def build(self, config: MnistConfig, context: Context) -> EpochExperiment:
        """A fresh experiment."""
        need_torch("Lab 'mnist'")
        from agents.supervised.experiment import EpochExperiment
        from plugins.mnist.network import Classification

        return EpochExperiment(Classification(config, context), config, context)

    def pictures(self, experiment: Any, artifacts: Artifacts, metrics: Metrics) -> None:
        """The model as files; curves, confusion, mistakes, calibration, corruptions, and what the neurons of each layer look for."""
        from agents.supervised.saving import save_model
        from plugins.mnist import figures

        save_model(artifacts, "mnist", experiment.config, experiment.model)
        figures.draw(experiment, artifacts, metrics)
