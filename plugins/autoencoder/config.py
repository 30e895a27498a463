"""Options of Lab 05."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from agents.supervised.config import RandomSearchConfig, TrainingConfig, Width


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
    hidden: tuple[Width, ...] = Field(
        (1024, 512, 256),
        min_length=1,
        description="widths of the deep model's encoder",
    )
    decoder: tuple[Width, ...] = Field(
        (256, 512, 1024),
        min_length=1,
        description="widths of the deep model's decoder, from the code on",
    )
    refinement: int = Field(
        0,
        ge=0,
        le=100,
        description="steps that fit the code of each test image after learning, so that its "
        "reconstruction improves; 0: the encoder's code",
    )
    starts: int = Field(
        0,
        ge=0,
        le=100_000,
        description="codes of training images that the model keeps: the refinement also begins "
        "at the one that decodes most like the image, and the better end is taken",
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

    @model_validator(mode="after")
    def _starts_are_used(self) -> Self:
        if self.starts and not self.refinement:
            raise ValueError(
                f"starts = {self.starts} is for codes that are refined: give --refinement 3 as "
                "well, or --starts 0"
            )
        return self
