"""Small models as in the report, each trained once and measured by four runs, for the claims.

A figure is a function of the window's length and of the run's seed alone. Four runs share a
training: each looks at its own quarter of that training's test pieces and continues one of them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.datasets.pieces import Pieces
from envs.datasets.rolls import KEYS, SILENT, shifts_within
from plugins.music import corpus
from plugins.music.config import MusicConfig
from sandbox.seeding import Generators, generator

if TYPE_CHECKING:
    from plugins.music.experiment import MusicExperiment
    from plugins.music.networks.drawing import Draw

FOLDER = "piano-midi-de"
SHARING = 4
"""Runs that share one training."""
BESIDE = 10
"""Number of different trainings before the first is used again."""
UPDATE = 512
"""Steps in one update of the weights, for every window length: windows twice as long have half as
many lanes."""
SEED_STEPS, STEPS = 32, 256
"""Steps of the seed, and steps that are generated."""
MODES = ("argmax", "argmax, corrected", "sample", "sample, corrected", "sample, calibrated")
"""The report's ways to draw, and ours: corrected, and calibrated for the weights of the loss, which
the report did not do."""


@dataclass(frozen=True)
class Size:
    """The size of a training.

    Attributes:
        hidden: units of the one LSTM layer.
        frames: training steps.
        etudes: number of études to compose where no folder is given.
    """

    hidden: int = 64
    frames: int = 250_000
    etudes: int = 120


SIZE = Size()
_LOCKS: dict[tuple[Path | None, int, int, Size], threading.Lock] = {}
_GUARD = threading.Lock()


@dataclass(frozen=True)
class LearnedModel:
    """The figures of one run.

    Attributes:
        nll: per frame in nats, on the run's test pieces.
        frequencies_nll: NLL of a predictor that gives each key its frequency in the training
            pieces.
        frozen: share of frozen steps in the generated music, by mode.
        chords: number of different chords in the generated music, by mode.
        piece_frozen: share of frozen steps in the piece that was continued.
        returned: whether the generated music, read back from its MIDI file with a track for each
            hand, is unchanged.
        roll: seed and calibrated sample, uint8 [seed steps + steps, 2, 88].
        piece: name of the piece that was continued.
    """

    nll: float
    frequencies_nll: float
    frozen: dict[str, float]
    chords: dict[str, float]
    piece_frozen: float
    returned: bool
    roll: np.ndarray
    piece: str


def folder_in(data: Path | None) -> Path | None:
    """The folder piano-midi-de in a data folder, or None without one."""
    return data / FOLDER if data is not None and (data / FOLDER).is_dir() else None


def pieces(folder: Path | None, training: int, size: Size = SIZE) -> Pieces:
    """The pieces of a training, split by its seed: those of the folder, else études."""
    MusicConfig().check_available()
    config = MusicConfig(dataset="folder" if folder else "etudes", pieces=size.etudes)
    return corpus.read(config, training, folder)


def trial(folder: Path | None, window: int, seed: int, size: Size = SIZE) -> LearnedModel:
    """A run on the pieces of a folder, or on études, with windows of `window` steps."""
    training, part = shared(seed)
    with _GUARD:
        lock = _LOCKS.setdefault((folder, window, training, size), threading.Lock())
    with lock:  # one thread computes a training, while others wait for it
        return _learned(folder, window, training, size)[part]


def shared(seed: int) -> tuple[int, int]:
    """The training of a run, and its quarter of the test pieces.

    Consecutive seeds have different trainings, which can run in parallel.
    """
    block, rest = divmod(seed, SHARING * BESIDE)
    part, training = divmod(rest, BESIDE)
    return BESIDE * block + training, part


@cache
def _learned(folder: Path | None, window: int, training: int, size: Size) -> Sequence[LearnedModel]:
    done = learn(folder, window, training, size)
    return [_run(done, training, part) for part in range(SHARING)]


def learn(folder: Path | None, window: int, training: int, size: Size = SIZE) -> MusicExperiment:
    """A finished training."""
    MusicConfig().check_available()
    from plugins.music.experiment import MusicExperiment
    from sandbox.config.resolve import resolve
    from sandbox.lab import Context

    context = Context(training, Generators(training), None)  # type: ignore[arg-type]
    experiment = MusicExperiment(
        resolve(MusicConfig, [settings(window, size)], "music"),
        context,
        pieces(folder, training, size),
    )
    while not experiment.done:
        experiment.advance()
    return experiment


def settings(window: int, size: Size = SIZE) -> dict[str, Any]:
    """The configuration of a training; number and size of updates are equal for all windows."""
    return {
        "model": {"name": "two-hands", "hidden": size.hidden, "layers": 1},
        "loss": "report",
        "window": window,
        "batch": UPDATE // window,
        "learning_rate": 5e-3,
        "frames": size.frames,
        "epochs": 1000,
    }


def _run(done: MusicExperiment, training: int, part: int) -> LearnedModel:
    """One run: its quarter of the test pieces, the first of which is continued in every mode."""
    from envs.datasets.midi import midi_bytes
    from plugins.music.generate import continued
    from plugins.music.playing import statistics
    from plugins.music.scores import score

    tests = done.rolls["test"]
    numbers = [number % len(tests) for number in range(part, max(len(tests), part + 1), SHARING)]
    mine = [tests[number] for number in numbers]
    begun, beat = mine[0][:SEED_STEPS], done.config.steps_per_beat
    played = {}
    for mode in MODES:
        rng = generator(training, f"trial {part} {mode}")
        played[mode] = continued(
            done.model, begun, STEPS, how(mode), rng, calibrated=mode.endswith("calibrated")
        )
    added = {mode: roll[len(begun) :] for mode, roll in played.items()}
    ours = played["sample, calibrated"]
    return LearnedModel(
        nll=score(done.model, mine)["nll"],
        frequencies_nll=frequencies_nll(done.rolls["train"], mine),
        frozen={mode: float(statistics(roll)["frozen"]) for mode, roll in added.items()},
        chords={
            mode: float(len(np.unique((roll != SILENT).reshape(len(roll), -1), axis=0)))
            for mode, roll in added.items()
        },
        piece_frozen=float(statistics(mine[0])["frozen"]),
        returned=comes_back(midi_bytes(ours, steps_per_beat=beat), ours, beat),
        roll=ours,
        piece=done.pieces.splits["test"][numbers[0]].name,
    )


def how(mode: str) -> Draw:
    """The options of a draw as in the report, with its corrections or without any."""
    from plugins.music.networks.drawing import UNCORRECTED, Draw

    name, _, kind = mode.partition(", ")
    draw = Draw() if kind else UNCORRECTED
    return replace(draw, mode="argmax" if name == "argmax" else "sample")


def frequencies_nll(train: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> float:
    """NLL per frame in nats of test pieces when each key sounds with its training frequency."""
    p = 1 / (1 + corpus.key_weights(train))  # [hands, 88]
    sounds = np.concatenate(test) != SILENT
    share = sounds.mean(axis=0)
    return float(-(share * np.log(p) + (1 - share) * np.log(1 - p)).sum())


def comes_back(content: bytes, roll: np.ndarray, steps_per_beat: int) -> bool:
    """Whether a MIDI file has a named track for each hand, and holds this roll.

    Silence at its end does not count.
    """
    from envs.datasets.midi import read_piece

    piece = read_piece(content, "again", steps_per_beat)
    again = np.zeros_like(roll)
    if len(piece.roll) > len(roll) or piece.roll.shape[1:] != (2, KEYS):
        return False
    again[: len(piece.roll)] = piece.roll
    return piece.how.startswith("by name") and bool((again == roll).all())


@cache
def augmented(folder: Path | None, window: int, low: int, high: int) -> tuple[float, float]:
    """The effect of transposing all pieces.

    Args:
        folder: of the pieces; None takes études.
        window: steps.
        low, high: semitones down (<= 0) and up (>= 0).

    Returns:
        Share of (piece, shift) pairs that stay in the piano's range, and the number of training
        windows with all shifts relative to that without.
    """
    rolls = [piece.roll for split in pieces(folder, 0).splits.values() for piece in split]
    stay = np.array(
        [end - begin + 1 for begin, end in (shifts_within(roll, low, high) for roll in rolls)]
    )
    windows = np.array([-(-len(roll) // window) for roll in rolls])
    return float(stay.mean() / (high - low + 1)), float((stay * windows).sum() / windows.sum())
