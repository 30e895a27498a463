"""The pieces of a run: read once; hands are merged if the model has one track."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from envs.datasets.etudes import etudes
from envs.datasets.matrices import MATLAB, read_matrices
from envs.datasets.pieces import Pieces, read_folder
from envs.datasets.rolls import SILENT, joined
from plugins.music.config import MusicConfig

_etudes = lru_cache(maxsize=4)(etudes)


def read(config: MusicConfig, seed: int, data: Path | None) -> Pieces:
    """The pieces that a configuration asks for.

    Args:
        config: of the lab.
        seed: of the split, and of the études.
        data: a folder of MIDI files, a MATLAB file, or None.

    Raises:
        UsageError: when no file of the folder, or not the MATLAB file, can be read.
    """
    if config.dataset == "etudes" or data is None:
        return _etudes(seed, config.pieces, steps_per_beat=config.steps_per_beat)
    if data.suffix.lower() == MATLAB:
        return read_matrices(data)
    return read_folder(
        data, steps_per_beat=config.steps_per_beat, seed=seed, valid=config.valid, test=config.test
    )


def rolls(pieces: Pieces, hands: int) -> dict[str, list[np.ndarray]]:
    """The rolls of each split: uint8 [steps, hands, 88]."""
    return {
        split: [piece.roll if hands == 2 else joined(piece.roll) for piece in group]
        for split, group in pieces.splits.items()
    }


def key_weights(group: Sequence[np.ndarray]) -> np.ndarray:
    """Steps in which a key is silent per step in which it sounds: float [hands, 88].

    One is added to both counts, so that a key that never sounds has a finite weight.
    """
    sounds = np.concatenate(group) != SILENT  # [steps, hands, 88]
    sounding: np.ndarray = sounds.sum(axis=0)
    return (len(sounds) - sounding + 1) / (sounding + 1)
