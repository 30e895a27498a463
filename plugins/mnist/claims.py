"""M2 to M4: what Lab 03's report found. A run takes a while, so each figure is of the one run with seed 0, learned for fewer epochs."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.lab import Claim

ONE_RUN = "One run with seed 0, on the MNIST in the data folder (SANDBOX_DATA, else downloaded)."
EPOCHS = 20
"""In place of 300; the rate falls along a cosine wave, so that they end."""


def _experiment(seed: int) -> Any:
    from agents.supervised.measuring import finished

    return finished("mnist", "report", {"epochs": EPOCHS}, seed)


def accuracy(seed: int) -> float:
    """Test accuracy of the report's winner."""
    return float(_experiment(seed).summary()["test_accuracy"])


def linear_accuracy(seed: int) -> float:
    """Share of test digits whose class W3·W2·W1 alone tells, all activations and biases left out."""
    from plugins.mnist import answers, neurons

    done = _experiment(seed)
    fields = neurons.receptive_fields(done.model, done.config, len(done.config.hidden) + 1).reshape(10, -1)
    images = answers.clean(done.splits.test).reshape(-1, fields.shape[1])
    centred = images - images.mean(0)
    return float(((centred @ fields.T).argmax(1) == done.splits.test.labels.cpu().numpy()).mean())


def likeness(layer: int, seed: int) -> float:
    """Mean correlation of exciting inputs with binarised receptive fields, over the first 25 neurons of a layer."""
    from plugins.mnist import neurons

    done = _experiment(seed)
    fields = neurons.receptive_fields(done.model, done.config, layer)[:25]
    return neurons.agreement(fields, neurons.exciting_inputs(done.model, layer, np.arange(len(fields)).tolist()))


CLOSE = "Inputs that excite a neuron most come close to its binarised receptive field"
CLAIMS = (
    Claim(
        "M2",
        "784-532-195-10 with dropout 0.477 recognises 97.93 % of test digits",
        0.9793,
        "at least",
        accuracy,
        cost=90.0,
        unit="share of the official test set",
        exact=True,
        notes=f"{ONE_RUN} The report tested on 15 % of the training images; its learning rate is read as 9.51e-4, since the one printed "
        f"lies outside of its own range. {EPOCHS} epochs.",
    ),
    Claim(
        "M3",
        "W3·W2·W1 shows what each class looks like",
        0.5,
        "at least",
        linear_accuracy,
        part="share of test digits that it tells alone",
        cost=90.0,
        exact=True,
        own=True,
        notes=f"{ONE_RUN} Chance is 0.1. The network of M2.",
    ),
    *(
        Claim(
            "M4",
            CLOSE,
            0.3,
            "at least",
            lambda seed, layer=layer: likeness(layer, seed),  # type: ignore[misc]
            part=part,
            unit="mean correlation",
            cost=90.0,
            exact=True,
            own=True,
            notes=f"{ONE_RUN} Pixels at the rim, where nothing is ever learned, agree by chance only.",
        )
        for layer, part in ((1, "first hidden layer"), (2, "second hidden layer"), (3, "classes"))
    ),
)
