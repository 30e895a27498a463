"""Options and presets of Lab 05."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from agents.supervised.config import RandomSearchConfig, TrainingConfig


def _is_pair(text: str) -> str:
    first, _, second = text.partition("-")
    if first not in DIGITS or second not in DIGITS:
        raise ValueError(f"'{text}' is no pair of classes; write two numbers from 0 to 9, like 2-0")
    return text


DIGITS = tuple("0123456789")
Pair = Annotated[str, AfterValidator(_is_pair)]


class AutoencoderConfig(TrainingConfig):
    """The model and how it is trained."""

    lab = "autoencoder"

    model: Literal["convolutional", "deep"] = Field(
        "deep", description="convolutional: the report's; deep: fully connected, batch norm"
    )
    code_size: int = Field(4, ge=1, le=784, description="numbers in the code")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of hidden units dropped in each step"
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=2,
        description="denoising: standard deviation of the noise put on inputs, targets stay clean",
    )
    morphs: tuple[Pair, ...] = Field(
        ("2-0", "3-9", "1-4"), description="pairs of classes whose mean codes are morphed as GIF"
    )
    search: RandomSearchConfig = Field(
        default_factory=RandomSearchConfig, description="random search"
    )


BEST: dict[str, Any] = {
    "model": "deep",
    "validation_share": 0.0,
    "epochs": 90,
    "batch_size": 512,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "schedule": "one-cycle",
    "weight_decay": 1e-4,
    "averaging": 0.998,
    "precision": "bfloat16",
    "augmentation": {
        "rotation": 5,
        "scale": 0.06,
        "shear": 0.06,
        "shift": 0.6,
        "elastic": 0.25,
        "until": 0.8,
    },
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {
        "epochs": 20,
        "batch_size": 256,
        "schedule": "one-cycle",
        "learning_rate": 2e-3,
        "optimizer": "adamw",
    },
    "report": {
        "model": "convolutional",
        "dropout": 0.151,
        "learning_rate": 3.47e-4,
        "weight_decay": 4.65e-6,
        "epochs": 150,
        "batch_size": 256,
        "validation_share": 0.1,
        "patience": 15,
    },
    "quick": {
        "dataset": "digits",
        "epochs": 8,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "morphs": ("2-0",),
    },
    "best": BEST,
    "denoising": {**BEST, "noise": 0.2},
    "search": {"model": "convolutional", "search": {"candidates": 30}},
}
