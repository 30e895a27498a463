"""M1 to M4: the findings of Lab 03's report.

A run takes minutes, so each figure is measured in five runs, with fewer epochs than the report's.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sandbox.reproduction.claim import Claim
from sandbox.reproduction.table import Measures, read_claims

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment
    from agents.supervised.lab import ImageLab

EPOCHS = 20
"""Epochs of each run (the report: 300); with a cosine schedule so few are enough."""
WHERE = "On the MNIST of the data folder (--data, SANDBOX_DATA), else downloaded."


@cache
def figures(data: Path | None, seed: int) -> dict[str, float]:
    """The figures of one training of the report's winner; the run itself is not kept."""
    from agents.supervised.measuring import finished

    done = finished("mnist", "report", {"epochs": EPOCHS, "patience": None}, seed, data)
    likeness = {f"layer {layer}": _likeness(done, layer) for layer in (1, 2, 3)}
    return {"accuracy": float(done.summary()["test_accuracy"]), "linear": _linear(done), **likeness}


def _linear(done: ImageExperiment) -> float:
    """Share of test digits that W3·W2·W1 classifies correctly, without activations and biases."""
    from plugins.mnist import neurons

    fields = neurons.receptive_fields(done.model, len(done.config.hidden) + 1).reshape(10, -1)
    images, labels = done.splits.test.arrays()
    flat = images.reshape(-1, fields.shape[1])
    return float((((flat - flat.mean(0)) @ fields.T).argmax(1) == labels).mean())


def _likeness(done: ImageExperiment, layer: int) -> float:
    """Mean correlation of exciting inputs with binarised receptive fields, for 25 neurons."""
    from plugins.mnist import neurons

    fields = neurons.receptive_fields(done.model, layer)[:25]
    return neurons.agreement(fields, neurons.exciting_inputs(done.model, layer, range(len(fields))))


def in_ranges() -> float:
    """Share of 1000 random candidates of the search that lie in the report's ranges."""
    from sklearn.model_selection import ParameterSampler

    from sandbox.registry.registry import registry

    lab = cast("ImageLab", registry().lab("mnist"))
    drawn = [lab.settings(one) for one in ParameterSampler(lab.space(), 1000, random_state=0)]
    inside = [
        50 <= one["hidden"][1] <= one["hidden"][0] <= 600
        and 0 <= one["dropout"] <= 0.5
        and 1e-4 <= one["learning_rate"] <= 1e-1
        and 1e-6 <= one["weight_decay"] <= 1e-2
        for one in drawn
    ]
    return sum(inside) / len(drawn)


def claims(data: Path | None = None) -> tuple[Claim, ...]:
    """The claims, on the images in this folder or in the cache."""
    measures: Measures = {
        "figure": lambda name, seed: figures(data, seed)[name],
        "in_ranges": in_ranges,
    }
    return read_claims("plugins.mnist", measures, where=WHERE, epochs=EPOCHS)
