"""A1 to A5: the findings of Lab 05's report, measured with a deep fully connected model.

A run takes a minute, so each figure is measured in three runs of few epochs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.reproduction.claim import Claim, ClaimPicture
from sandbox.reproduction.table import Measures, read_claims

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment

EPOCHS, PLAIN = 6, 4
"""Epochs of each run; size of the code where the report does not say otherwise."""


@cache
def figures(data: Path | None, size: int, noise: float, seed: int) -> dict[str, float]:
    """The figures of one training; the run itself is not kept."""
    from agents.supervised.measuring import finished

    settings = {
        "epochs": EPOCHS,
        "code_size": size,
        "noise": noise,
        "averaging": 0.99,
        "precision": "bfloat16",
    }
    done = finished("autoencoder", "best", settings, seed, data)
    scores = {
        name: float(value)
        for name, value in done.summary().items()
        if isinstance(value, (int, float))
    }
    return (
        {**scores, "largest step": _largest_step(done)} if size == PLAIN and not noise else scores
    )


def _largest_step(done: ImageExperiment) -> float:
    """A5: the largest of 20 steps between two class means, relative to their distance; 3 pairs."""
    from plugins.autoencoder import codes

    images, labels = done.splits.test.arrays()
    middles = codes.centroids(codes.encode(done.model, images), labels)
    pairs = [codes.pair(text) for text in ("2-0", "3-9", "1-4")]
    return max(
        codes.smoothness(codes.decode(done.model, codes.straight(middles[one], middles[other], 21)))
        for one, other in pairs
    )


def ours_less_components(data: Path | None, name: str, seed: int) -> float:
    """Error on corrupted images with a code of 4 numbers, minus that of 4 principal components."""
    scores = figures(data, PLAIN, 0.0, seed)
    return scores[f"{name}_mse"] - scores[f"{name}_pca_mse"]


def claims(data: Path | None = None) -> tuple[Claim, ...]:
    """The claims, on the images in this folder or in the cache."""
    measures: Measures = {
        "ours_less_components": partial(ours_less_components, data),
        "figure": lambda name, size, noise, seed: figures(data, size, noise, seed)[name],
    }
    return read_claims("plugins.autoencoder", measures, epochs=EPOCHS)


def pictures(claim: str, seeds: int, data: Path | None = None) -> Iterator[ClaimPicture]:
    """A2: error against code size, compared with the report and with principal components."""
    if claim != "A2":
        return
    from sandbox.visual import plots

    reported = [one.reported or 0.0 for one in claims() if one.id == "A2"]
    sizes = range(1, len(reported) + 1)

    def measured(name: str) -> list[float]:
        return [figures(data, size, 0.0, 0)[name] for size in sizes]

    with plots.single(7.5, 4.6) as (figure, axes):
        for values, form, colour, label in (
            (measured("pca_mse"), "s--", plots.GREY, "principal components"),
            (reported, "o-", plots.VERMILION, "the report, 80 epochs"),
            (measured("test_mse"), "o-", plots.BLUE, f"deep model, {EPOCHS} epochs"),
        ):
            axes.plot(sizes, values, form, color=colour, label=label)
        axes.set(
            xlabel="numbers in the code",
            ylabel="test error (mean squared, per pixel)",
            ylim=(0, None),
            title="Error against code size",
        )
        axes.set_xticks(list(sizes))
        axes.legend()
    yield ClaimPicture("code_size", "Test error by code size; the run with seed 0 of each.", figure)
