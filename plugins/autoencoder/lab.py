"""Lab 05: squeeze digits through a code of few numbers, and see what is left of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from agents.supervised.extra import need_torch
from plugins.autoencoder.config import PRESETS, AutoencoderConfig
from sandbox.lab import Context
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics

if TYPE_CHECKING:
    from agents.supervised.experiment import EpochExperiment


class AutoencoderLab:
    """Squeeze digits through a code of few numbers: --code-size 2, --noise 0.2 learns to remove noise, --dataset digits needs no download."""

    Config = AutoencoderConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    global_generators = ("torch",)
    objective = "summary.validation_mse"
    direction = "minimize"

    def build(self, config: AutoencoderConfig, context: Context) -> EpochExperiment:
        """A fresh experiment."""
        need_torch("Lab 'autoencoder'")
        from agents.supervised.experiment import EpochExperiment
        from plugins.autoencoder.network import Reconstruction

        return EpochExperiment(Reconstruction(config, context), config, context)

    def pictures(self, experiment: Any, artifacts: Artifacts, metrics: Metrics) -> None:
        """The model as files; curves, reconstructions, the space of codes, and GIFs of the ways between classes."""
        from agents.supervised.saving import save_model
        from plugins.autoencoder import figures

        save_model(artifacts, "autoencoder", experiment.config, experiment.model)
        figures.draw(experiment, artifacts, metrics)
