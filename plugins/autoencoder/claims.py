"""A1 to A5: what Lab 05's report found, beside a deep fully connected model learned for few epochs. Each figure is of the one run with seed 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.lab import Claim, ClaimPicture

ONE_RUN = "One run with seed 0, on the MNIST in the data folder (SANDBOX_DATA, else downloaded); the deep model, a few epochs."
REPORTED = (0.0501, 0.0418, 0.0351, 0.0314, 0.0277, 0.0254, 0.0236, 0.0222, 0.0214, 0.0210)
"""A2: test error by code size, 1 to 10."""
EPOCHS = 6


def _experiment(size: int, seed: int, noise: float = 0.0) -> Any:
    from agents.supervised.measuring import finished

    return finished("autoencoder", "best", {"epochs": EPOCHS, "code_size": size, "noise": noise, "averaging": 0.99}, seed)


def score(name: str, size: int, seed: int, noise: float = 0.0) -> float:
    """A figure of the summary."""
    return float(_experiment(size, seed, noise).summary()[name])


def gain(name: str, seed: int) -> float:
    """By how much principal components do worse on corrupted images, with 4 numbers."""
    return score(f"{name}_pca_mse", 4, seed) - score(f"{name}_mse", 4, seed)


def largest_step(seed: int) -> float:
    """A5: the largest of 20 steps on the way from class to class, as a share of the whole way; the largest of the three pairs."""
    from plugins.autoencoder import codes, comparison

    done = _experiment(4, seed)
    found = codes.encode(done.model, comparison.clean(done.splits.test))
    middles = codes.centroids(found, done.splits.test.labels.cpu().numpy())
    pairs = [codes.pair(text) for text in ("2-0", "3-9", "1-4")]
    return max(codes.smoothness(codes.decode(done.model, codes.straight(middles[one], middles[other], 21))) for one, other in pairs)


def _claims() -> list[Claim]:
    common: dict[str, Any] = {"cost": 45.0, "exact": True, "notes": ONE_RUN}
    per_pixel = "mean squared error per pixel"
    made = [
        Claim(
            "A1", "A code of 4 numbers, 150 epochs", 0.02995, "at most", lambda seed: score("test_mse", 4, seed), unit=per_pixel, **common
        )
    ]
    for size, reported in enumerate(REPORTED, 1):
        made.append(
            Claim(
                "A2",
                "The more numbers in the code, the smaller the error",
                reported,
                "at most",
                lambda seed, size=size: score("test_mse", size, seed),  # type: ignore[misc]
                part=f"{size} numbers" if size > 1 else "1 number",
                unit=per_pixel,
                **common,
            )
        )
    made += [
        Claim(
            "A3",
            "Corrupted images come back better than from principal components",
            None,
            "order",
            lambda seed, name=name: gain(name, seed),  # type: ignore[misc]
            part=name,
            unit=per_pixel,
            **common,
        )
        for name in ("noisy", "occluded")
    ]
    made.append(
        Claim(
            "A4",
            "Noise of sd 0.2 can be learned away with a code of 4 numbers",
            0.030541,
            "at most",
            lambda seed: score("test_mse", 4, seed, 0.2),
            unit=per_pixel,
            **common,
        )
    )
    made.append(
        Claim(
            "A5",
            "A straight line between two codes decodes smoothly",
            0.25,
            "at most",
            largest_step,
            part="largest of 20 steps",
            unit="share of the way from end to end",
            own=True,
            **common,
        )
    )
    return made


CLAIMS = tuple(_claims())


def pictures(claim: str) -> Iterator[ClaimPicture]:
    """A2: error against code size, beside the report's and principal components'."""
    if claim != "A2":
        return
    from sandbox import plots

    sizes = range(1, len(REPORTED) + 1)
    with plots.style():
        made = plots.figure(7.5, 4.6)
        axes = made.add_subplot()
        axes.plot(sizes, [score("pca_mse", size, 0) for size in sizes], "s--", color=plots.GREY, label="principal components")
        axes.plot(sizes, REPORTED, "o-", color=plots.COLOURS[1], label="the report, 80 epochs")
        axes.plot(sizes, [score("test_mse", size, 0) for size in sizes], "o-", color=plots.COLOURS[0], label=f"deep model, {EPOCHS} epochs")
        axes.set(
            xlabel="numbers in the code", ylabel="test error (mean squared, per pixel)", ylim=(0, None), title="Error against code size"
        )
        axes.set_xticks(list(sizes))
        axes.legend()
    yield ClaimPicture("code_size", "Test error by code size; one run each.", made)
