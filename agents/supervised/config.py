"""Options of training and random search that all image labs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agents.supervised.augmentation import AugmentationConfig
from envs.datasets.images import DatasetName, find_images
from sandbox.config.model import LabConfig, refuse_data
from sandbox.extras import need

Width = Annotated[int, Field(ge=1, le=16384)]
"""Units of a layer."""


class TrainingConfig(LabConfig):
    """Data, optimiser, schedule, and when to stop."""

    lab: ClassVar[str]
    """The name of the configuration's lab."""

    dataset: DatasetName = Field(
        "mnist",
        description="mnist, fashion-mnist (files in --data DIR, else downloaded), or digits, "
        "which needs neither",
    )
    epochs: int = Field(30, ge=1, description="passes over the training images, at most")
    batch_size: int = Field(
        128,
        ge=2,
        description="images per step; an incomplete last batch is left to the next epoch's shuffle",
    )
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = Field(
        "adam", description="rule of the steps"
    )
    learning_rate: float = Field(1e-3, gt=0, description="step size; of a schedule the largest")
    schedule: Literal["constant", "linear", "cosine", "one-cycle"] = Field(
        "constant", description="course of the learning rate over all epochs"
    )
    warmup: float = Field(
        0.2, gt=0, lt=1, description="of one-cycle: share of the steps in which the rate rises"
    )
    weight_decay: float = Field(0.0, ge=0, description="pull of the weights towards 0")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd and rmsprop")
    clip: float | None = Field(None, gt=0, description="largest norm of the gradient, or none")
    averaging: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay per step of the averaged weights that are tested; 0: the last weights",
    )
    validation_share: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of the training images held out; 0: all are learned, and none stops "
        "early",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="stop after so many epochs without a better validation score, or none",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of the products; weights are float32 always"
    )
    augmentation: AugmentationConfig = Field(
        default_factory=AugmentationConfig, description="random deformations of training images"
    )

    def check_available(self, data: Path | None = None, kept: Path | None = None) -> None:
        """Check that PyTorch is installed and the images exist; missing images are downloaded if no
        folder was named."""
        need(f"Lab '{self.lab}'", "torch", "torch", "safetensors")
        super().check_available(data, kept)
        if self.dataset == "digits":
            refuse_data(data, kept, "the digits come along; learn MNIST with --dataset mnist")
        else:
            find_images(self.dataset, data, f"`python -m sandbox run {self.lab} --dataset digits`")


class RandomSearchConfig(LabConfig):
    """The number of candidates, and how each is scored."""

    candidates: int = Field(
        0,
        ge=0,
        description="candidates of a random search, each judged by cross-validation; 0: no search",
    )
    folds: int = Field(4, ge=2, le=100, description="of the cross-validation")
    epochs: int = Field(60, ge=1, description="of each fold, at most")
    max_seconds: float | None = Field(
        None,
        gt=0,
        description="begin no further candidate after so many seconds of searching; what is found "
        "then depends on the machine",
    )
    patience: int = Field(
        15, ge=1, description="epochs without improvement after which a fold stops"
    )

    def check_available(self, data: Path | None = None, kept: Path | None = None) -> None:
        """Check that skorch, which a search trains with, is installed."""
        if self.candidates:
            need("--search.candidates", "torch", "skorch")
