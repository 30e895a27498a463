"""Music: learning beside a bare PyTorch loop, reading MIDI files, transposing, playing.

Reading is measured on `piano-midi-de` in the folder that SANDBOX_DATA names, and left out without
it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import Figure
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store

ROUNDS, STEPS = 5, 400
TWO_HANDS: dict[str, Any] = {"model": "two-hands", "patience": None}
CHORDS: dict[str, Any] = {
    "model": {"name": "chord-lstm", "hidden": 320, "input_dropout": 0.1, "output_dropout": 0.4},
    "loss": "likelihood",
    "window": 100,
    "transpose": (-6, 5),
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "patience": None,
}
"""The preset `best`, without its schedule and its limit of the gradient's norm, which a bare loop
has not either."""


def measure(quick: bool) -> list[Figure]:
    """Training in turns with the bare loop; the rest by the clock."""
    figures = [
        _training(
            "two-hands, report",
            {**TWO_HANDS, "pieces": 30 if quick else 150, "epochs": 1 if quick else 2},
        ),
        _training("chord-lstm, best", {**CHORDS, "pieces": 10 if quick else 60, "epochs": 1}),
    ]
    return (
        figures
        + _reading()
        + _memory()
        + [_playing("two-hands, report", TWO_HANDS), _playing("chord-lstm, best", CHORDS)]
    )


# -- training


def _training(name: str, settings: dict[str, Any]) -> Figure:
    config = _resolved(settings)
    _common(settings), _bare(config)
    rounds = [(_common(settings), _bare(config)) for _ in range(ROUNDS)]
    frames = median(ours for ours, _ in rounds)
    note = f"{frames:,.0f} steps per second of CPU; études, validation left out"
    return Figure(
        f"training beside a bare PyTorch loop ({name})",
        median(o / b for o, b in rounds),
        "x",
        0.9,
        "at least",
        note,
    )


def _common(settings: dict[str, Any]) -> float:
    """Steps per second of CPU in the common loop, without building, validation and test."""
    from plugins.music.experiment import MusicExperiment

    build, advance = MusicExperiment.__init__, MusicExperiment.advance
    marks: dict[str, Any] = {"aside": 0.0}

    def built(self: Any, *arguments: Any) -> None:
        build(self, *arguments)
        marks["experiment"], marks["begun"] = self, time.process_time()

    def advanced(self: Any) -> Any:
        at, validating = time.process_time(), self.validating
        if self.trained and not validating:
            marks.setdefault("ended", at)
        blocks = advance(self)
        marks["aside"] += time.process_time() - at if validating else 0.0
        return blocks

    MusicExperiment.__init__ = built  # type: ignore[method-assign]
    MusicExperiment.advance = advanced  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as store:
            api.start(
                api.Request("music", layers=[settings], threads=1),
                Store(store),
                Settings(pictures=False),
            )
    finally:
        MusicExperiment.__init__ = build  # type: ignore[method-assign]
        MusicExperiment.advance = advance  # type: ignore[method-assign]
    return float(marks["experiment"].frames / (marks["ended"] - marks["begun"] - marks["aside"]))


def _bare(config: Any) -> float:
    """Steps per second of CPU in the shortest loop: all windows are tensors before."""
    import torch

    from plugins.music import corpus
    from plugins.music.lanes import Lanes
    from plugins.music.networks.making import make_model
    from plugins.music.networks.models import losses, target_of

    torch.set_num_threads(1)
    model = make_model(config, 0)
    model.noise = torch.Generator().manual_seed(0)
    rolls = corpus.rolls(corpus.read(config, 0, None), model.hands)["train"]
    lanes = Lanes(
        rolls,
        config.batch,
        config.window,
        model.history,
        config.transpose,
        np.random.default_rng(0),
    )
    windows = [
        lanes.next()
        for _ in range(config.epochs * -(-lanes.frames // (config.batch * config.window)))
    ]
    targets = [target_of(*window, torch.device("cpu")) for window in windows]
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    step = kind(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    hidden, cell = model.begin(config.batch)
    begun = time.process_time()
    for target in targets:
        going_on = (target.position > 0).float()[None, :, None]
        predicted = model.predict(
            target.sounds, target.position, (hidden * going_on, cell * going_on)
        )
        step.zero_grad()
        loss = sum(losses(model, predicted, target, config.loss).values())
        loss.backward()  # type: ignore[union-attr]
        step.step()
        hidden, cell = predicted.state[0].detach(), predicted.state[1].detach()
    return float(
        sum(int(window.inside.sum()) for window in windows) / (time.process_time() - begun)
    )


def _resolved(settings: dict[str, Any]) -> Any:
    from plugins.music.config import MusicConfig
    from sandbox.config.resolve import resolve

    return resolve(MusicConfig, [settings], "music")


# -- reading and transposing

READ = """
import sys, time
begun = time.perf_counter()
from pathlib import Path
from plugins.music import corpus
from plugins.music.config import MusicConfig
config = MusicConfig(dataset="folder")
corpus.rolls(corpus.read(config, 0, Path(sys.argv[1])), 2)
first = time.perf_counter()
corpus.rolls(corpus.read(config, 0, Path(sys.argv[1])), 2)
print(first - begun, time.perf_counter() - first)
"""


def _folder() -> Path | None:
    folder = Path(os.environ.get("SANDBOX_DATA", "")) / "piano-midi-de"
    return folder if os.environ.get("SANDBOX_DATA") and folder.is_dir() else None


def _reading() -> list[Figure]:
    folder = _folder()
    if folder is None:
        return []
    times = []
    for _ in range(3):
        output = subprocess.run(
            [sys.executable, "-c", READ, str(folder)], check=True, capture_output=True, text=True
        ).stdout
        times.append([float(word) for word in output.split()])
    cold, warm = (median(column) for column in zip(*times, strict=True))
    return [
        Figure(
            "all pieces of the folder, new process",
            cold,
            "s",
            15.0,
            note="imports included; the system may have the files in memory",
        ),
        Figure("all pieces of the folder, once more", warm, "s", 2.0),
    ]


def _memory() -> list[Figure]:
    """Memory of an epoch of windows in twelve transpositions, beside the rolls."""
    from plugins.music import corpus
    from plugins.music.lanes import Lanes

    folder = _folder()
    pieces = corpus.read(_resolved({"dataset": "folder" if folder else "etudes"}), 0, folder)
    whole = sum(piece.roll.nbytes for split in pieces.splits.values() for piece in split)
    figures = []
    for hands, name in ((2, "two hands"), (1, "one track")):
        tracemalloc.start()
        rolls = corpus.rolls(pieces, hands)
        lanes = Lanes(rolls["train"], 16, 100, 16, (-6, 5), np.random.default_rng(0))
        for _ in range(lanes.frames // 1600):
            lanes.next()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        note = f"rolls of {whole / 1e6:.0f} MB, -6 to +5 semitones, largest at any time"
        figures.append(
            Figure(
                f"memory for all transpositions ({name})",
                (whole + peak) / whole,
                "x",
                2.0,
                note=note,
            )
        )
    return figures


# -- playing


def _playing(name: str, settings: dict[str, Any]) -> Figure:
    """Seconds for 400 steps after a seed of 32, one thread, compilation excluded."""
    import torch

    from envs.datasets.etudes import compose
    from plugins.music.generate import continued, default_draw
    from plugins.music.networks.making import make_model
    from plugins.music.playing import seed_of

    torch.set_num_threads(1)
    model = make_model(_resolved(settings), 0)
    seed = seed_of(compose(0, 0), model.hands, 32)
    taken = []
    for number in range(4):
        begun = time.perf_counter()
        continued(
            model, seed, 4 if number == 0 else STEPS, default_draw(model), np.random.default_rng(0)
        )
        taken.append(time.perf_counter() - begun)
    return Figure(f"playing {STEPS} steps ({name})", median(taken[1:]), "s", 2.0)
