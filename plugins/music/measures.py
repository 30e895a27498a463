"""Standard measures of music, by the definitions of MusPy (Dong et al., 2020)."""

from __future__ import annotations

import numpy as np

from envs.datasets.rolls import LOWEST, SILENT, STRUCK
from plugins.music.playing import statistics

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
"""Pitch classes of C major and C natural minor."""
BEATS = 4
"""Beats of a bar."""


def measures(roll: np.ndarray, steps_per_beat: int) -> dict[str, float]:
    """The measures of one piece.

    Args:
        roll: uint8 [steps, hands, 88].
        steps_per_beat: steps to a quarter note.

    Returns:
        `polyphony`: keys that sound at once, where any does; `pitch_class_entropy` of the notes in
        bits; `scale_consistency`: largest share of the notes in one of the 24 major and minor
        scales; `groove_consistency`: 1 less the mean share of steps that differ between a bar of
        four beats and the next in whether a note begins; `empty_beats`: share of beats without
        sound; `notes_per_beat`; `frozen`: see `statistics`. Without notes all but `empty_beats`
        are 0.
    """
    struck = (roll == STRUCK).any(axis=1)  # [steps, 88]
    classes = np.bincount((np.nonzero(struck)[1] + LOWEST) % 12, minlength=12)
    share = classes / max(1, classes.sum())
    entropy = -float(share @ np.log2(np.where(share > 0, share, 1.0)))
    inside = [np.roll(share, -root)[list(scale)].sum() for scale in SCALES for root in range(12)]
    bar = BEATS * steps_per_beat
    bars = struck.any(axis=1)[: len(roll) // bar * bar].reshape(-1, bar)
    differ = (bars[1:] != bars[:-1]).mean() if len(bars) > 1 else 0.0
    beats = -(-len(roll) // steps_per_beat)
    sounding = (roll != SILENT).any(axis=(1, 2))
    filled = len(np.unique(np.flatnonzero(sounding) // steps_per_beat))
    shown = statistics(roll)
    return {
        "polyphony": shown["polyphony"],
        "pitch_class_entropy": entropy,
        "scale_consistency": float(max(inside)),
        "groove_consistency": float(1 - differ) if struck.any() else 0.0,
        "empty_beats": 1 - filled / max(1, beats),
        "notes_per_beat": float(struck.sum() / max(1, beats)),
        "frozen": shown["frozen"],
    }
