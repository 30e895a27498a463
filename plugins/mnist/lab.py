"""Lab 03: recognise digits with a fully connected network of any depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from agents.supervised.lab import ImageLab
from plugins.mnist.config import MnistConfig
from sandbox.lab import deferred
from sandbox.tables import read_presets

LEAST, MOST = 50, 600
"""Range of the first hidden layer's units in the search; the second has 50 to as many."""


class MnistLab(ImageLab):
    """Recognise digits with a fully connected network: --hidden 1024,512 sets its layers.

    --dataset digits needs no download.
    """

    name = "mnist"
    Config = MnistConfig
    presets = read_presets(__file__)
    loss_label, unit = "cross-entropy (nats)", "share"
    objective = "summary.validation_accuracy"
    direction = "maximize"
    directions: ClassVar[Mapping[str, str]] = {"test_accuracy": "maximize"}
    searched: ClassVar[Mapping[str, str]] = {
        "hidden": "hidden layers [units]",
        "optimizer": "optimizer",
        **ImageLab.searched,
    }

    claims_for = deferred("plugins.mnist.claims:claims")
    """The report's findings, on the data in this folder if there are any."""

    network = deferred("plugins.mnist.network:network")
    """A fully connected network."""

    task = deferred("plugins.mnist.network:Classification")
    """The task: classification."""

    def space(self) -> dict[str, Any]:
        """The search space: the report's ranges (M1)."""
        from scipy.stats import randint, uniform

        return {
            **super().space(),
            "first": randint(LEAST, MOST + 1),
            "share": uniform(0, 1),
            "optimizer": ["adam", "adam", "adam", "adam", "rmsprop"],
        }

    def settings(self, draw: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of a candidate; its second hidden layer is at most as wide as the first."""
        numbers = dict(draw)
        first, share = int(numbers.pop("first")), float(numbers.pop("share"))
        hidden = (first, LEAST + round(share * (first - LEAST)))
        optimizer = str(numbers.pop("optimizer"))
        return {"hidden": hidden, "optimizer": optimizer, **super().settings(numbers)}

    marks = deferred("plugins.mnist.frames:marks")
    """Draw receptive fields forming."""

    page = deferred("plugins.mnist.page:Pad")
    """A pad to draw a digit on."""

    draw = deferred("plugins.mnist.figures:draw")
    """Draw confusion matrix, errors, calibration, corruptions and what excites the neurons."""
