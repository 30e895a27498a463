"""A training step with one and two threads: from which model size on a second thread is faster.

The figures hold for cores that have nothing else to do. `agents.supervised.threads` draws the line.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.measure import Figure, in_turns

HIDDEN = ((64, 32), (256, 128), (532, 195), (1024, 512))
BATCHES = (32, 256)


def measure(quick: bool) -> list[Figure]:
    """Steps of networks of Lab 03 and of the models of Lab 05, with Adam."""
    from agents.supervised.threads import weights_of

    figures = []
    for name, make, batch in _models():
        work = weights_of(make) * batch / 1e6
        one, two = in_turns(
            [partial(_rate, make, batch, threads, quick) for threads in (1, 2)], rounds=3
        )
        note = f"{work:.0f} million weights x images, {1000 / one:.2g} ms with one"
        figures.append(
            Figure(f"two threads beside one, {name}, batch {batch}", two / one, "x", note=note)
        )
    return figures


def _models() -> list[tuple[str, Callable[[], Any], int]]:
    from plugins.autoencoder.config import AutoencoderConfig
    from plugins.autoencoder.network import autoencoder
    from plugins.mnist.config import MnistConfig
    from plugins.mnist.network import network

    digits = [
        (f"mnist {hidden[0]},{hidden[1]}", partial(network, MnistConfig(hidden=hidden)), batch)
        for hidden in HIDDEN
        for batch in BATCHES
    ]
    codes = [
        (
            f"autoencoder {model}",
            partial(autoencoder, AutoencoderConfig.model_validate({"model": model})),
            batch,
        )
        for model in ("deep", "convolutional")
        for batch in (64, 256)
    ]
    return [*digits, *codes]


def _rate(make: Callable[[], Any], batch: int, threads: int, quick: bool) -> float:
    """Steps per second: the best stretch, so that what else the machine did counts little."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model, images = make().train(), torch.rand(batch, 1, 28, 28)
    rule = torch.optim.Adam(model.parameters())
    best = float("inf")
    for _ in range(1 if quick else 10):
        begun = time.perf_counter()
        for _ in range(5):
            rule.zero_grad()
            model(images).square().mean().backward()
            rule.step()
        best = min(best, (time.perf_counter() - begun) / 5)
    return 1 / best
