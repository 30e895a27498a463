"""The pictures of Lab 03: confusion, mistakes, calibration, corruptions and neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from envs.datasets.corruptions import NOISE, SQUARE, corrupted
from envs.datasets.drawing import first_of_each, image_grid
from plugins.mnist import answers, neurons
from sandbox.store.artifacts import Artifacts
from sandbox.visual import plots

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment

SHOWN, MISTAKES, BINS = 30, 30, 10


def draw(experiment: ImageExperiment, artifacts: Artifacts) -> None:
    """Every picture of a finished run."""
    classes, accuracy = experiment.data.classes, experiment.results["test_accuracy"]
    test, labels = experiment.splits.test.arrays()
    chances = answers.probabilities(experiment.model, test)
    artifacts.save_figure("confusion.png", confusion(labels, chances.argmax(1), classes, accuracy))
    artifacts.save_figure("mistakes.png", mistakes(test, labels, chances, classes))
    artifacts.save_figure("calibration.png", calibration(labels, chances))
    artifacts.save_figure("corruptions.png", corruptions(experiment, test, labels))
    for layer in range(1, len(experiment.config.hidden) + 2):
        _neurons(experiment, artifacts, layer)


def _neurons(experiment: ImageExperiment, artifacts: Artifacts, layer: int) -> None:
    config, classes = experiment.config, experiment.data.classes
    last = layer == len(config.hidden) + 1
    fields = neurons.receptive_fields(experiment.model, layer)[:SHOWN]
    images = neurons.exciting_inputs(experiment.model, layer, range(len(fields)))
    words = list(classes) if last else [str(number) for number in range(len(fields))]
    where = "output" if last else f"hidden layer {layer}"
    product = " · ".join(f"W{number}" for number in range(layer, 0, -1))
    note = f"rows of {product}; red adds, blue takes away" + (
        "" if last else f"; the first {len(fields)} neurons"
    )
    artifacts.save_figure(
        f"receptive_fields_{layer}.png",
        image_grid(fields, words, f"Receptive fields, {where}", signed=True, note=note),
    )
    note = "gradient ascent from grey, pixels kept between 0 and 1"
    artifacts.save_figure(
        f"exciting_inputs_{layer}.png",
        image_grid(images, words, f"What excites neurons most, {where}", note=note),
    )


def confusion(
    labels: np.ndarray, answered: np.ndarray, classes: tuple[str, ...], accuracy: float
) -> Figure:
    """Confusion matrix of true and predicted classes; colours show errors only."""
    size = len(classes)
    counts = np.zeros((size, size), np.int64)  # [true, answered]
    np.add.at(counts, (labels, answered), 1)
    wrong = np.where(np.eye(size, dtype=bool), 0, counts)
    with plots.style():
        figure = plots.figure(7, 6.6, left=1.1, right=0.3, bottom=1.0, top=0.5)
        axes = figure.add_subplot()
        axes.imshow(wrong, cmap=plots.VALUES, vmin=0, vmax=max(1, wrong.max()))
        for true, said in np.argwhere(counts):
            dark = wrong[true, said] > 0.6 * max(1, wrong.max())
            axes.text(
                said,
                true,
                f"{counts[true, said]}",
                ha="center",
                va="center",
                fontsize=8.5,
                fontweight="bold" if true == said else "normal",
                color="white" if dark else "black",
            )
        axes.set_xticks(range(size), classes, rotation=45 if len(classes[0]) > 1 else 0)
        axes.set_yticks(range(size), classes)
        axes.grid(visible=False)
        axes.set(
            xlabel="class answered",
            ylabel="true class",
            title=f"Test images by class: {accuracy:.2%} right",
        )
    return figure


def mistakes(
    images: np.ndarray, labels: np.ndarray, chances: np.ndarray, classes: tuple[str, ...]
) -> Figure:
    """The wrong predictions with the highest confidence."""
    answered = chances.argmax(1)
    wrong = np.flatnonzero(answered != labels)
    worst = wrong[np.argsort(-chances[wrong, answered[wrong]], kind="stable")][:MISTAKES]
    long = len(classes[0]) > 1  # names do not fit beside each other
    words = [
        ("\n" if long else ", said ").join((classes[labels[one]], classes[answered[one]]))
        + f"\n{chances[one, answered[one]]:.0%}"
        for one in worst
    ]
    if not len(worst):
        return image_grid(images[:1], ["all right"], "No mistakes on the test images")
    return image_grid(
        images[worst],
        words,
        f"The surest of {len(wrong)} mistakes",
        note="the true class, the one answered, and its probability",
        columns=6,
        words_room=0.56 if long else 0.42,
    )


def reliability(
    labels: np.ndarray, chances: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Accuracy by confidence, and the expected calibration error.

    Guo et al. (2017), equation 3.

    Returns:
        Mean confidence, accuracy (NaN where a bin is empty) and count of each bin, [bins] each;
        the calibration error.
    """
    sure, right = chances.max(1).astype(np.float64), chances.argmax(1) == labels
    place = np.minimum((sure * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, sure, bins) / count
        share = np.bincount(place, right, bins) / count
    gap = float(np.nansum(np.abs(mean - share) * count) / len(labels))
    return mean, share, count, gap


def calibration(labels: np.ndarray, chances: np.ndarray) -> Figure:
    """Accuracy against confidence, and below it the number of images at each confidence."""
    mean, share, count, gap = reliability(labels, chances)
    with plots.style():
        figure = plots.figure(6.4, 5.8)
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
        axes.plot([0, 1], [0, 1], "--", color=plots.GREY, linewidth=1.3, label="as sure as right")
        axes.plot(
            mean[count > 0],
            share[count > 0],
            "o-",
            label=f"network: expected calibration error {gap:.3f}",
        )
        axes.set(
            xlim=(0, 1.02),
            ylim=(0, 1.03),
            ylabel="share of answers that are right",
            title="Is it as sure as it should be?",
        )
        axes.legend(loc="lower right")
        below.bar(
            (np.arange(len(count)) + 0.5) / len(count),
            count,
            width=0.9 / len(count),
            color=plots.BLUE,
        )
        below.set(
            yscale="log", ylim=(0.7, None), xlabel="probability of the answer", ylabel="test images"
        )
    return figure


def corruptions(experiment: ImageExperiment, test: np.ndarray, labels: np.ndarray) -> Figure:
    """Ten test images, clean, noisy and occluded, with the predicted classes."""
    first = first_of_each(labels)
    images, words, scores = [], [], []
    for name, every in corrupted(test, experiment.task.seed).items():
        answered = answers.probabilities(experiment.model, every).argmax(1)
        scores.append(f"{name} {(answered == labels).mean():.2%}")
        images += [every[one] for one in first]
        words += [
            experiment.data.classes[answered[one]] + ("" if answered[one] == labels[one] else " ×")
            for one in first
        ]
    note = "right: " + " · ".join(scores) + "; × marks a wrong answer"
    title = (
        f"Answers to images that are clean, noisy (sd {NOISE}) and occluded ({SQUARE} x {SQUARE})"
    )
    return image_grid(np.stack(images), words, title, columns=len(first), note=note)
