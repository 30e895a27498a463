"""The options of a random search."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from sandbox.config.model import LabConfig
from sandbox.extras import need


class RandomSearchConfig(LabConfig):
    """How many candidates, and how each is judged."""

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
        """A search trains through skorch."""
        if self.candidates:
            need("--search.candidates", "torch", "skorch")
