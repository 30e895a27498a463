"""Options of Lab 03."""

from __future__ import annotations

from pydantic import Field

from agents.supervised.config import RandomSearchConfig, TrainingConfig, Width


class MnistConfig(TrainingConfig):
    """The network and how it is trained."""

    lab = "mnist"

    hidden: tuple[Width, ...] = Field(
        (256, 128),
        min_length=1,
        description="widths of the hidden layers, any number of them: 1024,512",
    )
    dropout: float = Field(
        0.2, ge=0, lt=1, description="share of hidden units dropped in each step"
    )
    batch_norm: bool = Field(False, description="normalise each hidden layer over the batch")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target spread evenly over all classes"
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=2,
        description="largest standard deviation of noise on training images, of which half are "
        "noisy, each to another degree",
    )
    search: RandomSearchConfig = Field(
        default_factory=RandomSearchConfig, description="random search"
    )
