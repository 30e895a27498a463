"""The pictures of Lab 05: reconstructions, the code space, and paths through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from envs.datasets.corruptions import NOISE, corrupted
from envs.datasets.drawing import first_of_each, image_grid
from plugins.autoencoder import codes, comparison
from sandbox.seeding import generator
from sandbox.store.artifacts import Artifacts
from sandbox.text import plural
from sandbox.visual import plots

if TYPE_CHECKING:
    from agents.supervised.experiment import ImageExperiment

POINTS, SIDE, LOW, HIGH = 4000, 12, 0.03, 0.97
"""Code space: number of images shown, decoded codes along a side of the grid, and the quantiles of
the codes that the grid spans."""
AXES = {
    1: ("code", "class"),
    2: ("first number of the code", "second number of the code"),
    0: ("first principal axis of the codes", "second principal axis of the codes"),
}
"""Labels of the axes, by the size of the code; 0 stands for all others."""
TEN = (*plots.COLOURS, "#8C564B", "#7F7F7F", "#5D3A9B")


def draw(experiment: ImageExperiment, artifacts: Artifacts) -> None:
    """Every picture of a finished run."""
    test, labels = experiment.splits.test.arrays()
    config = experiment.config
    components = comparison.Components(
        experiment.splits.train.arrays()[0], max(2, config.code_size)
    )
    task: Any = experiment.task
    every = task.test_codes(experiment.model, experiment.splits.test)
    for name, given in corrupted(test, task.seed, config.noise or NOISE).items():
        back = codes.decode(experiment.model, every[name])
        artifacts.save_figure(
            f"reconstructions_{name}.png",
            reconstructions(experiment, components, name, given, back, test, labels),
        )
    encoded = every["clean"]  # [images, code]
    artifacts.save_figure("best_and_worst.png", best_and_worst(experiment, encoded, test))
    artifacts.save_array("codes.npy", encoded)
    artifacts.save_array("code_classes.npy", labels.astype(np.uint8))
    artifacts.save_figure("code_space.png", code_space(encoded, labels, experiment.data.classes))
    artifacts.save_figure("decoded_codes.png", decoded(experiment, encoded))
    walks(experiment, artifacts, encoded, labels)


def reconstructions(
    experiment: ImageExperiment,
    components: comparison.Components,
    name: str,
    given: np.ndarray,
    ours: np.ndarray,
    test: np.ndarray,
    labels: np.ndarray,
) -> Figure:
    """One image of each class: as given, reconstructed, and from principal components."""
    size = experiment.config.code_size
    first = first_of_each(labels)
    theirs = components.reconstruct(given, size)
    images = np.concatenate([given[first], ours[first], theirs[first].clip(0, 1)])
    words = [experiment.data.classes[labels[one]] for one in first] + [""] * (2 * len(first))
    note = (
        "rows: given, autoencoder, principal components; mean squared error of all test images "
        f"{comparison.error(ours, test):.4f} and {comparison.error(theirs, test):.4f}"
    )
    return image_grid(
        images,
        words,
        f"{name.capitalize()} images through a code of {plural(size, 'number')}",
        columns=len(first),
        note=note,
    )


def best_and_worst(experiment: ImageExperiment, encoded: np.ndarray, test: np.ndarray) -> Figure:
    """The ten test images with the smallest reconstruction error, and the ten with the largest."""
    back = codes.decode(experiment.model, encoded)
    errors = np.square(back - test).mean((1, 2))
    order = np.argsort(errors, kind="stable")
    shown = [*order[:10], *order[-10:][::-1]]
    images, words = [], []
    for part in (shown[:10], shown[10:]):
        images += [*test[part], *back[part]]
        words += [f"{errors[one]:.3f}" for one in part] + [""] * 10
    note = "each pair of rows: given, and what came back; above it the mean squared error"
    return image_grid(np.stack(images), words, "The ten best and the ten worst", note=note)


def plane(encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two directions in the code space: principal axes, or the axes of a code of at most two
    numbers.

    Returns:
        Coordinates [images, 2], centre [code], directions [2, code] (one of them 0 where the code
        has one number).
    """
    size = encoded.shape[1]
    if size < 3:
        return np.pad(encoded, ((0, 0), (0, 2 - size))), np.zeros(size), np.eye(2, size)
    centre = encoded.mean(0)
    _, vectors = np.linalg.eigh(np.cov(encoded.T))
    axes = vectors[:, ::-1][:, :2].T  # [2, code]
    return (encoded - centre) @ axes.T, centre, axes


def code_space(encoded: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> Figure:
    """The codes of images by class; each class is labelled at its median."""
    flat, _, _ = plane(encoded)
    rng = generator(0, "code space")
    size = encoded.shape[1]
    if size == 1:
        flat = np.stack([flat[:, 0], labels + rng.uniform(-0.35, 0.35, len(labels))], axis=1)
    shown = rng.permutation(len(flat))[:POINTS]
    with plots.single(7.6, 6.4) as (figure, axes):
        axes.scatter(
            flat[shown, 0],
            flat[shown, 1],
            s=5 if len(shown) > 1000 else 16,
            c=[TEN[one] for one in labels[shown]],
            alpha=0.55,
            linewidths=0,
        )
        for number in np.unique(labels):
            middle = np.median(flat[labels == number], axis=0)
            box = {
                "boxstyle": "round,pad=0.2",
                "facecolor": "white",
                "edgecolor": TEN[number],
                "linewidth": 1.5,
            }
            axes.text(
                middle[0],
                middle[1],
                classes[number],
                ha="center",
                va="center",
                fontsize=12,
                fontweight="bold",
                color=TEN[number],
                bbox=box,
            )
        across, up = AXES.get(size, AXES[0])
        axes.set(
            xlabel=across,
            ylabel=up,
            title=f"Codes of test images ({plural(size, 'number')}), coloured by class",
        )
    return figure


def decoded(experiment: ImageExperiment, encoded: np.ndarray) -> Figure:
    """Decoded images of a grid in a plane through the codes."""
    flat, centre, axes = plane(encoded)
    across, up = (np.quantile(flat[:, number], np.linspace(LOW, HIGH, SIDE)) for number in (0, 1))
    rows = up[::-1] if encoded.shape[1] > 1 else up[:1]
    points = np.array([centre + x * axes[0] + y * axes[1] for y in rows for x in across])
    images = codes.decode(experiment.model, points)
    what = {1: "the code", 2: "both numbers of the code"}.get(
        encoded.shape[1], "the two principal axes of the codes, through their mean"
    )
    note = f"along {what}, at even quantiles"
    return image_grid(
        images, [""] * len(images), "Decoded codes", columns=SIDE, note=note, words_room=0.06
    )


def walks(
    experiment: ImageExperiment, artifacts: Artifacts, encoded: np.ndarray, labels: np.ndarray
) -> None:
    """A5: a straight line between two random codes, and GIFs between the classes' mean codes."""
    rng = generator(experiment.task.seed, "walk")
    one, other = encoded[rng.choice(len(encoded), 2, replace=False)]
    rows = [codes.decode(experiment.model, codes.straight(one, other, 10))]
    words = ["from", *[""] * 8, "to"]
    middles, classes = codes.centroids(encoded, labels), experiment.data.classes
    for text in experiment.config.morphs:
        first, second = codes.pair(text)
        rows.append(
            codes.decode(experiment.model, codes.straight(middles[first], middles[second], 10))
        )
        words += [classes[first], *[""] * 8, classes[second]]
        images = codes.morph(experiment.model, middles[first], middles[second])
        artifacts.save_animation(f"morph_{first}_{second}.gif", codes.frames(images), fps=12)
    note = (
        "first row: between the codes of two test images; the others between mean codes of classes"
    )
    artifacts.save_figure(
        "walks.png",
        image_grid(
            np.concatenate(rows), words, "Straight lines through the space of codes", note=note
        ),
    )
