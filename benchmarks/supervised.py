"""The common loop beside a bare PyTorch loop, and batches from bytes beside floats."""

from __future__ import annotations

import tempfile
import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import Figure
from envs.datasets.images import ImageSet
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store

IMAGES, EPOCHS, ROUNDS = 60_000, 2, 5
SETTINGS: dict[str, Any] = {
    "hidden": (532, 195),
    "epochs": EPOCHS,
    "batch_size": 128,
    "validation_share": 0.0,
}


def measure(quick: bool) -> list[Figure]:
    """Epochs of random images of MNIST's shape, measured in turns."""
    from agents.supervised import experiment

    count = IMAGES // 5 if quick else IMAGES
    rng = np.random.default_rng(0)
    pixels, labels = (
        rng.integers(0, 256, (count, 28, 28), dtype=np.uint8),
        rng.integers(0, 10, count),
    )
    data = ImageSet("mnist", pixels, labels, pixels[:1000], labels[:1000])
    original, experiment.load_images = experiment.load_images, lambda *_: data
    try:
        _common(), _bare(data, False)
        rounds = [(_common(), _bare(data, False), _bare(data, True)) for _ in range(ROUNDS)]
    finally:
        experiment.load_images = original
    loop = median(ours / bare for ours, bare, _ in rounds)
    loading = median(ours / memory for ours, _, memory in rounds)
    return [
        Figure(
            "common loop beside a bare PyTorch loop",
            100 * (loop - 1),
            "%",
            3.0,
            note=f"{EPOCHS} epochs of {count:,} images, whole loop",
        ),
        Figure(
            "epoch from bytes beside one float tensor",
            loading,
            "x",
            1.1,
            note="784-532-195-10, batches of 128",
        ),
    ]


def _common() -> float:
    """Seconds of CPU for epochs in the common loop, without building and testing."""
    from agents.supervised.experiment import ImageExperiment

    marks: list[float] = []
    build, test = ImageExperiment.__init__, ImageExperiment.use_best

    def built(self: Any, *arguments: Any) -> None:
        build(self, *arguments)
        marks.append(time.process_time())

    def tested(self: Any) -> Any:
        marks.append(time.process_time())
        test(self)

    ImageExperiment.__init__ = built  # type: ignore[method-assign]
    ImageExperiment.use_best = tested  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as store:
            api.start(
                api.Request("mnist", layers=[SETTINGS], threads=1),
                Store(store),
                Settings(pictures=False),
            )
    finally:
        ImageExperiment.__init__ = build  # type: ignore[method-assign]
        ImageExperiment.use_best = test  # type: ignore[method-assign]
    return marks[1] - marks[0]


def _bare(data: ImageSet, in_memory: bool) -> float:
    """Seconds of CPU for the same epochs in the shortest loop there is."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    from plugins.mnist.config import MnistConfig
    from plugins.mnist.network import network

    torch.set_num_threads(1)
    model = network(MnistConfig(**SETTINGS))
    step = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    images, labels = torch.from_numpy(data.train)[:, None], torch.from_numpy(data.train_labels)
    images = images.float() / 255 if in_memory else images
    size = SETTINGS["batch_size"]
    begun = time.process_time()
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        for at in range(0, len(images) - size + 1, size):
            which = order[at : at + size]
            batch = images[which] if in_memory else images[which].float().div_(255)
            step.zero_grad(set_to_none=True)
            F.cross_entropy(model(batch), labels[which]).backward()
            step.step()
    return time.process_time() - begun
