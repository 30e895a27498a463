"""Lab 05: squeeze digits through a code of few numbers, and see what is left of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from plugins.autoencoder.config import PRESETS, AutoencoderConfig
from sandbox.lab import Context, Lab
from sandbox.reproduction.claim import Claim, ClaimPicture
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment
    from agents.supervised.search import RandomSearchExperiment


SEARCHED = ("dropout", "learning_rate", "weight_decay")
"""What the random search varies."""


class AutoencoderLab(Lab):
    """Squeeze digits through a code of few numbers: --code-size 2, --noise 0.2 learns to remove noise, --dataset digits needs no download."""

    Config = AutoencoderConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    global_generators = ("torch",)
    follows_processor = True
    objective = "summary.validation_mse"
    direction = "minimize"
    directions: ClassVar[Mapping[str, str]] = {"test_mse": "minimize"}

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the report found; loaded when it is asked for."""
        from plugins.autoencoder.claims import CLAIMS

        return CLAIMS

    def claim_pictures(self, claim: str, seeds: int) -> Iterator[ClaimPicture]:
        """The report's figures, redrawn."""
        from plugins.autoencoder import claims

        return claims.pictures(claim)

    def threads(self, config: AutoencoderConfig, cores: int) -> int:
        """One for a small model."""
        from agents.supervised.threads import threads_for, weights_of
        from plugins.autoencoder.network import autoencoder

        return threads_for(weights_of(lambda: autoencoder(config)), config.batch_size, cores)

    def build(
        self, config: AutoencoderConfig, context: Context
    ) -> ImageExperiment | RandomSearchExperiment:
        """A fresh experiment: one training, or with `search.candidates` a random search."""
        from agents.supervised.experiment import ImageExperiment
        from plugins.autoencoder.network import Reconstruction

        if config.search.candidates:
            from agents.supervised.search import RandomSearchExperiment
            from plugins.autoencoder import space

            return RandomSearchExperiment(
                config,
                context,
                space.space(),
                space.settings,
                lambda chosen: Reconstruction(chosen, context),
            )
        return ImageExperiment(Reconstruction(config, context), config, context)

    def pictures(self, experiment: Any, artifacts: Artifacts, metrics: Metrics) -> None:
        """The model as files; curves, reconstructions, the space of codes, and GIFs of the ways between classes."""
        from agents.supervised.saving import save_model
        from plugins.autoencoder import figures

        if experiment.config.search.candidates and hasattr(experiment, "final"):
            from agents.supervised import search_pictures

            artifacts.write("candidates.csv", search_pictures.table(experiment, SEARCHED))
            artifacts.save_figure(
                "candidates.png", search_pictures.scores(experiment, SEARCHED[-3:], SEARCHED[-2:])
            )
            experiment = experiment.final
        save_model(artifacts, "autoencoder", experiment.config, experiment.model)
        figures.draw(experiment, artifacts, metrics)
