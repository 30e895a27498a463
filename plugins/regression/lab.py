"""The lab: one network trained on a noisy curve, or a search for the best one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from plugins.regression.config import RegressionConfig
from sandbox.lab import Context, Lab, deferred
from sandbox.store import Artifacts, Metrics
from sandbox.tables import read_presets

if TYPE_CHECKING:
    from optuna import Trial

    from plugins.regression.experiment import TrainExperiment
    from plugins.regression.search import GridSearchExperiment

MODEL = "model.npz"


class RegressionLab(Lab):
    """Which NumPy network fits a noisy curve, and how is it selected without test data?"""

    Config = RegressionConfig
    follows_processor = True
    presets = read_presets(__file__)

    directions: ClassVar[Mapping[str, str]] = {
        "test_mse": "minimize",
        "train_mse": "minimize",
        "test_loss": "minimize",
    }

    single_frame, animation = True, "learning.gif"

    frames = deferred("plugins.regression.frames:frames")
    """The fit bending."""

    claims_for = deferred("plugins.regression.claims:claims")
    """The report's findings, on the data in this folder if there are any."""

    def preparation(self) -> str:
        """A message before the first run on a machine, which compiles the descent."""
        return (
            ""
            if _compiled()
            else "Compiling the descent (some seconds, once; it is kept for later runs)."
        )

    def build(
        self, config: RegressionConfig, context: Context
    ) -> TrainExperiment | GridSearchExperiment:
        """A fresh experiment: one training, or a search."""
        if config.task == "search":
            from plugins.regression.search import GridSearchExperiment

            return GridSearchExperiment(config, context)
        from plugins.regression.experiment import TrainExperiment

        return TrainExperiment(config, context)

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """The report's search space, made continuous; the second layer is at most as wide."""
        first = trial.suggest_int("units1", 10, 100)
        second = trial.suggest_int("units2", 10, first)
        return {
            "hidden": f"{first},{second}",
            "activation": trial.suggest_categorical(
                "activation", ["sigmoid", "relu", "leaky_relu", "tanh"]
            ),
            "l1": trial.suggest_float("l1", 1e-6, 1e-2, log=True),
            "learning_rate": trial.suggest_float("learning-rate", 0.01, 0.1, log=True),
            "validation": 0.25,
        }

    objective = "summary.validation_loss"
    direction = "minimize"

    def pictures(
        self,
        experiment: TrainExperiment | GridSearchExperiment,
        artifacts: Artifacts,
        metrics: Metrics,
    ) -> None:
        """Save the network, and figures of data, losses and fit; for a search also the ranking."""
        from plugins.regression import pictures
        from plugins.regression.experiment import TrainExperiment

        with artifacts.open(MODEL) as file:
            experiment.model.save(file)
        if isinstance(experiment, TrainExperiment):
            best = experiment.best["epoch"] if experiment.chooses else None
            artifacts.save_figure("data.png", pictures.data(experiment.points))
            artifacts.save_figure("losses.png", pictures.losses(metrics.columns("learn"), best))
            title = f"{experiment.config.hidden} {experiment.config.activation}: what it learned"
        else:
            pictures.save_ranking(experiment, artifacts)
            plot = pictures.parallel_coordinates(experiment)
            artifacts.save_figure("parallel_coordinates.png", plot)
            artifacts.save_figure("finalists.png", pictures.finalists(experiment))
            title = "The network that cross-validation chose"
        fit = pictures.fitted(experiment.points, experiment.model, title)
        artifacts.save_figure("fit.png", fit)


def _compiled() -> bool:
    """Whether the compiled descent is already in numba's cache."""

    from plugins.regression import kernels

    folder = Path(kernels.descend._cache.cache_path)
    return any(folder.glob("kernels.descend-*.nbc")) if folder.is_dir() else False
