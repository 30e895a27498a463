"""The base of the image labs: training or random search, number of threads, and the files of a
run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.lab import Context, Frame, Lab
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics
from sandbox.text import number

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from agents.snapshots import Snapshot
    from agents.supervised.experiment import ImageExperiment, Task
    from agents.supervised.search import RandomSearchExperiment
    from envs.render.chart import Chart, Mark


class ImageLab(Lab):
    """Base of the labs that train a network on images."""

    name: ClassVar[str]
    loss_label: ClassVar[str]
    unit: ClassVar[str]
    """Unit of the score."""
    global_generators = ("torch",)
    follows_processor = True
    single_frame, animation = True, "learning.gif"
    searched: ClassVar[Mapping[str, str]] = {
        "dropout": "dropout [share]",
        "learning_rate": "learning rate",
        "weight_decay": "weight decay",
    }
    """Labels of the settings that the random search varies, by name."""

    @abstractmethod
    def network(self, config: Any) -> nn.Module:
        """A new network for a configuration."""

    @abstractmethod
    def task(self, config: Any, context: Context) -> Task:
        """The task that the network learns."""

    def space(self) -> dict[str, Any]:
        """Distributions of the random search, for scikit-learn's ParameterSampler; these are the
        ranges of the reports on images (M1, A1)."""
        from scipy.stats import loguniform, uniform

        return {
            "dropout": uniform(0, 0.5),
            "learning_rate": loguniform(1e-4, 1e-1),
            "weight_decay": loguniform(1e-6, 1e-2),
        }

    def settings(self, draw: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a candidate, made from a draw: plain numbers."""
        return {name: float(value) for name, value in draw.items()}

    @abstractmethod
    def draw(self, experiment: ImageExperiment, artifacts: Artifacts) -> None:
        """Write the lab's own pictures of a training run."""

    def marks(
        self, experiment: ImageExperiment, snapshots: Sequence[Snapshot]
    ) -> tuple[Chart, list[Mark]]:
        """The chart of an animation, and what each snapshot draws on it.

        Args:
            experiment: whose snapshots they are.
            snapshots: one or more; see `Snapshots.shown`.
        """
        raise NotImplementedError

    def frames(
        self, experiment: Any, rng: np.random.Generator, history: bool = False
    ) -> Iterator[Frame]:
        """One frame for each snapshot and for the present model, scored on some images; of a
        search, those of the winner."""
        from agents.supervised.search import RandomSearchExperiment
        from envs.render.chart import ChartFrame

        if isinstance(experiment, RandomSearchExperiment):
            experiment = experiment.final
        if experiment is None:
            return
        snapshots = experiment.snapshots.shown(
            experiment.epoch_of_weights, experiment.view, history
        )
        chart, marks = self.marks(experiment, snapshots)
        scored = f"{len(experiment.watched)} {experiment.watched_split} images"
        for one, mark in zip(snapshots, marks, strict=True):
            scores = [
                f"{name.replace('_', ' ')} {number(float(value), 3)}"
                for name, value in one.items()
                if not value.shape
            ]
            yield ChartFrame(chart, " · ".join([*scores, scored]), mark)

    def threads(self, config: Any, cores: int) -> int:
        """The number of threads: 1 for a small network."""
        from agents.supervised.threads import threads_for

        return threads_for(lambda: self.network(config), config.batch_size, cores)

    def build(self, config: Any, context: Context) -> ImageExperiment | RandomSearchExperiment:
        """A fresh experiment: one training, or with `search.candidates` a random search."""
        from agents.supervised.experiment import ImageExperiment
        from agents.supervised.search import RandomSearchExperiment

        if not config.search.candidates:
            return ImageExperiment(self.task(config, context), config, context)
        return RandomSearchExperiment(
            config,
            config.search,
            context,
            self.space(),
            self.settings,
            lambda chosen: self.task(chosen, context),
        )

    def pictures(self, experiment: Any, artifacts: Artifacts, metrics: Metrics) -> None:
        """Write the model, learning curves and the lab's pictures; after a search also a plot of
        all candidates."""
        from agents.supervised.curves import training_curves
        from agents.supervised.saving import save_model
        from agents.supervised.search import RandomSearchExperiment

        if isinstance(experiment, RandomSearchExperiment):
            score = f"{experiment.monitor.replace('_', ' ')} in cross-validation"
            experiment.write_table(artifacts, list(self.searched))
            artifacts.save_figure("candidates.png", experiment.plot(self.searched, score))
            experiment = experiment.final
        save_model(artifacts, self.name, experiment.config, experiment.model)
        curves = training_curves(experiment, metrics, self.loss_label, self.unit)
        artifacts.save_figure("learning_curve.png", curves)
        self.draw(experiment, artifacts)
