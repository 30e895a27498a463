"""A1 to A5: what Lab 05's report found, beside a deep fully connected model learned for few epochs. Three runs of each, since one takes a minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from sandbox.reproduction.claim import Claim, ClaimPicture

WHERE = "On the MNIST of the data folder (--data, SANDBOX_DATA), else downloaded; the deep model."
RUNS = 3
REPORTED = (0.0501, 0.0418, 0.0351, 0.0314, 0.0277, 0.0254, 0.0236, 0.0222, 0.0214, 0.0210)
"""A2: test error by code size, 1 to 10."""
EPOCHS, PLAIN = 6, 4
"""Of each run; numbers in the code where the report says nothing else."""


@cache
def figures(size: int, seed: int, noise: float = 0.0) -> dict[str, float]:
    """All that is asked of one training, so that the run itself can be forgotten."""
    from agents.supervised.measuring import finished

    settings = {
        "epochs": EPOCHS,
        "code_size": size,
        "noise": noise,
        "averaging": 0.99,
        "precision": "bfloat16",
    }
    done = finished("autoencoder", "best", settings, seed)
    found = {
        name: float(value)
        for name, value in done.summary().items()
        if isinstance(value, (int, float))
    }
    return {**found, "largest step": _largest_step(done)} if size == PLAIN and not noise else found


def _largest_step(done: Any) -> float:
    """A5: the largest of 20 steps on the way from class to class, as a share of the whole way; the largest of the three pairs."""
    from plugins.autoencoder import codes, comparison

    found = codes.encode(done.model, comparison.clean(done.splits.test))
    middles = codes.centroids(found, done.splits.test.labels.cpu().numpy())
    pairs = [codes.pair(text) for text in ("2-0", "3-9", "1-4")]
    return max(
        codes.smoothness(codes.decode(done.model, codes.straight(middles[one], middles[other], 21)))
        for one, other in pairs
    )


def ours_less_components(name: str, seed: int) -> float:
    """Error on corrupted images with 4 numbers, less that of as many principal components: below 0 where ours is better."""
    found = figures(PLAIN, seed)
    return found[f"{name}_mse"] - found[f"{name}_pca_mse"]


PER_PIXEL = "mean squared error per pixel"


def _claim(
    claim: str, says: str, reported: float, measure: Callable[[int], float], **more: Any
) -> Claim:
    """A claim with what all of them share."""
    common: dict[str, Any] = {
        "unit": PER_PIXEL,
        "cost": 45.0,
        "runs": RUNS,
        "notes": f"{WHERE} {EPOCHS} epochs.",
    }
    return Claim(claim, says, reported, "at most", measure, **{**common, **more})


def _sizes() -> Iterator[Claim]:
    for size, reported in enumerate(REPORTED, 1):
        yield _claim(
            *("A2", "The more numbers in the code, the smaller the error", reported),
            lambda seed, size=size: figures(size, seed)["test_mse"],  # type: ignore[misc]
            part=f"{size} numbers" if size > 1 else "1 number",
        )


def _corrupted() -> Iterator[Claim]:
    for name in ("noisy", "occluded"):
        yield _claim(
            *("A3", "Corrupted images come back better than from principal components", 0.0),
            lambda seed, name=name: ours_less_components(name, seed),  # type: ignore[misc]
            part=f"{name}: our error less that of principal components",
        )


CLAIMS = (
    _claim(
        "A1",
        "A code of 4 numbers, 150 epochs",
        0.02995,
        lambda seed: figures(PLAIN, seed)["test_mse"],
    ),
    *_sizes(),
    *_corrupted(),
    _claim(
        "A4",
        "Noise of sd 0.2 can be learned away with a code of 4 numbers",
        0.030541,
        lambda seed: figures(PLAIN, seed, 0.2)["test_mse"],
    ),
    _claim(
        "A5",
        "A straight line between two codes decodes smoothly",
        0.25,
        lambda seed: figures(PLAIN, seed)["largest step"],
        part="largest of 20 steps",
        unit="share of the way from end to end",
        own=True,
    ),
)


def pictures(claim: str) -> Iterator[ClaimPicture]:
    """A2: error against code size, beside the report's and principal components'."""
    if claim != "A2":
        return
    from sandbox.visual import plots

    sizes = range(1, len(REPORTED) + 1)
    with plots.style():
        made = plots.figure(7.5, 4.6)
        axes = made.add_subplot()
        axes.plot(
            sizes,
            [figures(size, 0)["pca_mse"] for size in sizes],
            "s--",
            color=plots.GREY,
            label="principal components",
        )
        axes.plot(sizes, REPORTED, "o-", color=plots.COLOURS[1], label="the report, 80 epochs")
        axes.plot(
            sizes,
            [figures(size, 0)["test_mse"] for size in sizes],
            "o-",
            color=plots.COLOURS[0],
            label=f"deep model, {EPOCHS} epochs",
        )
        axes.set(
            xlabel="numbers in the code",
            ylabel="test error (mean squared, per pixel)",
            ylim=(0, None),
            title="Error against code size",
        )
        axes.set_xticks(list(sizes))
        axes.legend()
    yield ClaimPicture("code_size", "Test error by code size; the run with seed 0 of each.", made)
