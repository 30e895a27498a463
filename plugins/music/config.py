"""The options of the music lab and of its models; nothing here loads PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from envs.datasets.matrices import MATLAB
from envs.datasets.pieces import find_pieces
from sandbox.config.model import Choice, Chosen, LabConfig, refuse_data
from sandbox.errors import UnknownNameError, UsageError
from sandbox.extras import need
from sandbox.registry.registrar import canonical

NEEDED = ("torch", "safetensors", "symusic", "pretty_midi")
"""Libraries of the extra `music`."""


class ModelConfig(LabConfig):
    """Options of every model: a recurrent layer, and dropout before and after it."""

    hidden: int = Field(150, ge=1, le=4096, description="units of each LSTM layer")
    layers: int = Field(2, ge=1, le=8, description="LSTM layers")
    input_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the sounding keys hidden from the network while it learns",
    )
    output_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the LSTM's units dropped while it learns"
    )


class ReportModelConfig(ModelConfig):
    """The report's heads: two for each hand, for the keys and for the number of notes."""

    dense: int | None = Field(
        None,
        ge=0,
        le=4096,
        description="units of the layer after the LSTM, 0 leaves all layers of the heads out; "
        "none: 120 with the report's loss, 0 with likelihood",
    )
    piano: int = Field(100, ge=1, le=4096, description="units before the 88 keys")
    count: int = Field(10, ge=1, le=4096, description="units before the number of notes")


class TwoHandsConfig(ReportModelConfig):
    """The report's model: inputs and outputs are both hands (REPORTS, U2)."""

    hands: ClassVar[int] = 2


class OneTrackConfig(ReportModelConfig):
    """The simpler, older model: both hands joined to one track of 88 keys."""

    hands: ClassVar[int] = 1


class ChordLstmConfig(ModelConfig):
    """Predicts the keys of a step from the lowest up: each may depend on those below it."""

    left_out = ("recall", "tonality", "hands", "hand_dropout")

    channels: int = Field(
        32, ge=1, le=512, description="features of each key, with weights that all keys share"
    )
    reach: int = Field(
        24, ge=1, le=87, description="keys below that a key looks at in the same moment"
    )
    span: int = Field(
        12, ge=0, le=87, description="keys to either side that a key looks at in the moments before"
    )
    recall: bool = Field(
        False,
        description="hear what followed earlier passages of the piece that resemble the last steps",
    )
    tonality: bool = Field(
        False, description="hear how much each pitch class has sounded so far, which tells the key"
    )
    hands: Literal[1, 2] = Field(1, description="tracks: both hands joined to one, or each its own")
    hand_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of windows in which a hand's past is not heard while the network "
        "learns, so that it plays on after a rest",
    )


MODELS: dict[str, type[ModelConfig]] = {
    "two-hands": TwoHandsConfig,
    "one-track": OneTrackConfig,
    "chord-lstm": ChordLstmConfig,
}


def config_of(kind: str, name: str) -> type[ModelConfig]:
    """The options of the model called `name`.

    Raises:
        UnknownNameError: naming the nearest one.
    """
    try:
        return MODELS[canonical(name)]
    except KeyError:
        raise UnknownNameError(kind, name, MODELS) from None


class MusicConfig(LabConfig):
    """Settings: the pieces, the model and its training."""

    dataset: Literal["auto", "etudes", "folder"] = Field(
        "auto", description="auto: the folder given with --data, else études"
    )
    pieces: int = Field(120, ge=3, le=10_000, description="études to compose")
    valid: float = Field(
        0.1, gt=0, lt=0.5, description="share of a folder's pieces that decide when to stop"
    )
    test: float = Field(
        0.1, gt=0, lt=0.5, description="share of a folder's pieces that are kept for the test"
    )
    steps_per_beat: Literal[1, 2, 3, 4, 6, 8, 12, 16, 24] = Field(
        4, description="steps to a quarter note: 4 are sixteenths"
    )
    transpose: tuple[int, int] = Field(
        (-2, 3),
        description="semitones down and up within which a piece is transposed each time it begins",
    )
    model: Chosen = Choice(
        "model",
        "two-hands",
        "two-hands, one-track or chord-lstm",
        find="plugins.music.config:config_of",
    )
    loss: Literal["report", "likelihood"] = Field(
        "report",
        description="report: weighted cross-entropy and number of notes; likelihood: of each frame",
    )
    window: int = Field(
        32,
        ge=1,
        le=4096,
        description="steps through which gradients flow back; the state is carried on",
    )
    batch: int = Field(16, ge=1, le=4096, description="pieces in a batch")
    epochs: int = Field(
        60,
        ge=1,
        le=100_000,
        description="at most; an epoch has about as many steps as the training pieces",
    )
    frames: int | None = Field(
        None,
        ge=1,
        description="steps to learn from: as many epochs as fit, below one as many updates, but at "
        "least one; none for no limit",
    )
    patience: int | None = Field(
        15, ge=1, description="epochs without a better validation before it stops; none for never"
    )
    optimizer: Literal["adam", "adamw"] = Field(
        "adam", description="AdamW decays weights apart from the gradient"
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, description="of the optimizer")
    decay: Literal["constant", "cosine"] = Field(
        "constant", description="how the learning rate falls, to a hundredth at the end"
    )
    weight_decay: float = Field(1e-5, ge=0, le=1, description="of the optimizer")
    clip: float | None = Field(
        None, gt=0, description="largest norm of the gradient; none for no limit"
    )
    mixed_precision: bool = Field(True, description="on a GPU, multiply in bfloat16")
    seed_steps: int = Field(
        32,
        ge=1,
        le=100_000,
        description="steps of a test piece that seed the continuation",
    )
    steps: int = Field(256, ge=1, le=100_000, description="steps of the continuation")

    def check_available(self, data: Path | None = None, kept: Path | None = None) -> None:
        """Check for the extra's libraries, and for MIDI files if a folder is given."""
        super().check_available(data, kept)
        need("Lab 'music'", "music", *NEEDED)
        if self.dataset == "folder" and data is None:
            raise UsageError(
                "The pieces of dataset = folder have no folder: give it with --data DIR, or learn "
                "the études that the program composes with "
                "`python -m sandbox run music --dataset etudes`."
            )
        if self.dataset == "etudes":
            refuse_data(data, kept, "the program composes the études; leave out --dataset etudes")
        elif data is not None and not (data.suffix.lower() == MATLAB and data.exists()):
            find_pieces(data)

    @model_validator(mode="after")
    def _check(self) -> Any:
        low, high = self.transpose
        if not -44 <= low <= 0 <= high <= 44:
            raise ValueError(
                f"transpose = {low},{high}: it should reach from 0 or less to 0 or more, by at "
                "most 44 semitones"
            )
        if self.valid + self.test >= 0.9:
            raise ValueError(
                f"valid + test = {self.valid + self.test:g}: it should leave at least a tenth to "
                "learn from"
            )
        return self
