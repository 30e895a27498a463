"""The lab: its question, presets, pictures and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugins.intro.experiment import IntroConfig, IntroExperiment
from sandbox.lab import Context, Lab, deferred, read_when_used
from sandbox.store import Artifacts, Metrics
from sandbox.tables import read_presets

if TYPE_CHECKING:
    from optuna import Trial


class IntroLab(Lab):
    """When does a model overfit, and what prevents it?"""

    Config = IntroConfig
    follows_processor = True
    presets = read_presets(__file__)
    claims = read_when_used("plugins.intro.claims:CLAIMS")
    """The report's findings."""

    page = deferred("plugins.intro.page:DraggedPoints")
    """Points to drag, and the fit."""

    def build(self, config: IntroConfig, context: Context) -> IntroExperiment:
        """A fresh experiment."""
        return IntroExperiment(config, context)

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """The search space: ridge weight and momentum."""
        return {
            "ridge": trial.suggest_float("ridge", 1e-6, 10.0, log=True),
            "momentum": trial.suggest_float("momentum", 0.0, 0.99),
        }

    objective = "summary.test_mse_ridge"
    direction = "minimize"

    def pictures(self, experiment: IntroExperiment, artifacts: Artifacts, metrics: Metrics) -> None:
        """Save the figures, and all coefficients as a file."""
        from plugins.intro import pictures

        config, descent = experiment.config, experiment.descent
        fits = {f"order {order}": fit for order, fit in experiment.fits.items()}
        fits[f"ridge, order {config.order}"] = experiment.regularised
        fits[f"gradient descent, order {config.descent_order}"] = descent.coefficients
        artifacts.write_json(
            "coefficients.json", {name: fit.tolist() for name, fit in fits.items()}
        )
        artifacts.save_figure("fits.png", pictures.fits(experiment))
        artifacts.save_figure("errors_by_order.png", pictures.errors_by_order(experiment))
        artifacts.save_figure("errors_by_ridge.png", pictures.errors_by_ridge(experiment))
        artifacts.save_figure("descent.png", pictures.descent(experiment, metrics.columns("learn")))
        artifacts.save_figure("neighbours.png", pictures.decision_map(experiment))
        if config.train is None:
            artifacts.save_figure("extrapolation.png", pictures.extrapolation(experiment))
