"""The experiment that the labs of images share: the epoch trainer on shuffled mini-batches."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.snapshots import View
from agents.supervised.augmentation import deform
from agents.supervised.batches import DeviceImages, Splits
from agents.supervised.config import TrainingConfig
from agents.supervised.epochs import EpochExperiment
from agents.supervised.optimisation import optimizer, rate
from agents.supervised.tensors import device_of, initialised
from envs.datasets.images import load_images
from sandbox.lab import Block, Context, State, Summary
from sandbox.score import Score

if TYPE_CHECKING:
    from torch import Tensor, nn

WATCHED = 500
"""Number of images on which snapshots are scored."""
STRETCH = 8192
"""Approximate number of training images per call of `advance`."""


class Task(ABC):
    """The learning task: the part of an experiment that differs between labs.

    Args:
        config: the lab's configuration.
        context: the run's; its seed decides how test images are corrupted.
    """

    score: str
    """The validation metric: a key of the result of `measure`."""
    higher: bool
    """Whether a higher score is better."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config, self.seed = config, context.seed

    @abstractmethod
    def model(self) -> nn.Module:
        """A fresh model, its weights drawn from torch's generator."""

    @abstractmethod
    def loss(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """The loss to minimise, a scalar, for images after augmentation."""

    @abstractmethod
    def measure(self, model: nn.Module, images: DeviceImages) -> dict[str, float]:
        """Scores on images, without a gradient."""

    @abstractmethod
    def view(self, model: nn.Module, images: DeviceImages) -> View:
        """What frames show of the model, beside the scores; see `EpochExperiment.view`."""

    @abstractmethod
    def findings(self, model: nn.Module, splits: Splits) -> Summary:
        """Scores of the trained model as plain values, computed once at the end; the first is the
        run's result."""


class ImageExperiment(EpochExperiment):
    """Train a model on a set of images, shuffled in each epoch.

    Args:
        task: the learning task.
        config: the lab's configuration.
        context: the context of the run.

    Attributes:
        watched: the images on which snapshots are scored, of the split `watched_split`.
    """

    config: Any  # the lab's class, which has more options

    def __init__(self, task: Task, config: TrainingConfig, context: Context) -> None:
        import torch

        self.task, self.config = task, config
        self.monitor, self.higher_is_better = task.score, task.higher
        self.headline = ("loss", f"validation_{task.score}")
        self.data = load_images(config.dataset, context.data)
        self.splits = Splits(
            self.data,
            config.validation_share,
            context.rng("validation"),
            device_of(context.device),
            config.batch_size,
        )
        held = self.splits.validation
        self.watched = (self.splits.train if held is None else held).first(WATCHED)
        self.watched_split = "training" if held is None else "validation"
        self._rng = context.rng("batches")
        self._order = torch.empty(0, dtype=torch.int64)
        self._losses: list[float] = []
        model = initialised(task.model, context.rng("model")).to(device_of(context.device))
        super().__init__(
            context,
            model,
            optimizer(config, model),
            epochs=config.epochs,
            batches=len(self.splits.train) // config.batch_size,
            stretch=max(1, STRETCH // config.batch_size),
            patience=config.patience,
            clip=config.clip,
            averaging=config.averaging,
            half=config.precision == "bfloat16",
        )

    @property
    def sharp_from(self) -> float | None:
        """The epoch from which augmentation is off; None if augmentation is not used or lasts to
        the end."""
        deformation = self.config.augmentation
        ends = deformation.active and deformation.until < 1
        return deformation.until * self.config.epochs if ends else None

    def rate(self, step: int) -> float:
        """The schedule's learning rate."""
        return rate(self.config, step, self.config.epochs * self.batches)

    def begin_epoch(self) -> None:
        """Shuffle the images."""
        self._take_order(self._rng.permutation(len(self.splits.train)))

    def _take_order(self, order: np.ndarray) -> None:
        import torch

        self._order = torch.from_numpy(order).to(self.device)  # int64 [images]

    def loss(self, step: int) -> Tensor:
        """The task's loss for a batch of images."""
        size = self.config.batch_size
        first = step % self.batches * size
        images, labels = self.splits.train.batch(self._order[first : first + size])
        if self.sharp_from is None or step < self.sharp_from * self.batches:
            images = deform(images, self.config.augmentation)
        with self.autocast():
            return self.task.loss(self.model, images, labels)

    def add_losses(self, total: float) -> None:
        """Keep the sum for the epoch's mean."""
        self._losses.append(total)

    def end_epoch(self) -> Sequence[Block]:
        """Mean loss, learning rate and scores of the epoch; validation is not split into parts."""
        loss, self._losses = sum(self._losses) / self.batches, []
        figures = {"loss": loss, "learning_rate": self.optimizer.param_groups[0]["lr"]}
        if self.splits.validation is not None:
            scores = self.evaluate("valid")
            figures |= {f"validation_{name}": value for name, value in scores.items()}
            self.keep_best(scores[self.monitor])
        return [self.row("learn", figures)]

    def evaluate(self, split: str) -> Summary:
        """Validation scores, or for the test images all findings of the task."""
        if split == "test":
            return self.task.findings(self.model, self.splits)
        assert self.splits.validation is not None
        with self.averaged():
            return self.task.measure(self.model, self.splits.validation)

    def view(self) -> View:
        """Scores on some validation images (without validation, on training images), and what the
        task shows of the model."""
        training = self.model.training
        with contextlib.nullcontext() if self.done else self.averaged():
            scores = self.task.measure(self.model, self.watched)
            shown = self.task.view(self.model, self.watched)
        self.model.train(training)
        return {**scores, **shown}

    def state(self) -> State:
        """See `EpochExperiment.state`; and the order of the images."""
        order = self._order.cpu().numpy()
        return {**super().state(), "order": order, "losses": list(self._losses)}

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        super().restore(state)
        self._take_order(state["order"])
        self._losses = list(state["losses"])

    def score(self) -> Score:
        """The validation metric, computed on the test images."""
        name = f"test_{self.task.score}"
        value = float(self.results.get(name, np.nan))
        return Score(name, value, higher_is_better=self.higher_is_better)

    def summary(self) -> Summary:
        """Test results and figures of the training."""
        summary = dict(self.results)
        if self.data.about_test and self.results:
            summary["test_images"] = self.data.about_test
        if self.best["weights"]:
            summary[f"validation_{self.task.score}"] = self.best["score"]
            summary["best_epoch"] = self.best["epoch"]
        parameters = sum(one.numel() for one in self.model.parameters())
        return {**summary, "epochs": self.epoch, "parameters": parameters}
