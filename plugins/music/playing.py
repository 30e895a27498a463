"""The continuation of a piece as MIDI, WAV, picture and figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from envs.datasets.rolls import SILENT, STRUCK, joined
from sandbox.errors import UsageError
from sandbox.text import Document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plugins.music.networks.drawing import Draw
    from plugins.music.networks.models import MusicModel

RATE = 22_050
"""Samples of a WAV file per second."""
TEMPO = 100.0
"""Beats per minute of the written music."""
FROZEN = 8
"""Music counts as frozen after so many steps with exactly the same sounding keys."""
BESIDE = (".wav", ".png", ".json")
"""Suffixes of the files written beside a MIDI file."""
PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Continuation:
    """A seed and its continuation by a model.

    Args:
        model: a `plugins.music.networks.models.MusicModel`.
        seed: uint8 [seed steps, hands, 88].
        steps: how many to add, >= 1.
        how: a `plugins.music.networks.drawing.Draw`.
        rng: draws.
        steps_per_beat: steps to a quarter note.
        calibrated: see `plugins.music.generate.continued`.

    Attributes:
        roll: seed and continuation, uint8 [seed steps + steps, hands, 88].
        generated: the continuation alone.
    """

    def __init__(
        self,
        model: MusicModel,
        seed: np.ndarray,
        steps: int,
        how: Draw,
        rng: np.random.Generator,
        steps_per_beat: int,
        calibrated: bool = True,
    ) -> None:
        from plugins.music.generate import continued

        self.seed_steps, self.steps_per_beat = len(seed), steps_per_beat
        self.roll = continued(model, seed, steps, how, rng, calibrated)

    @property
    def generated(self) -> np.ndarray:
        """The steps that the model added."""
        return self.roll[self.seed_steps :]

    def midi(self) -> bytes:
        """The MIDI file, with a track for each hand."""
        from envs.datasets.midi import midi_bytes

        return midi_bytes(self.roll, steps_per_beat=self.steps_per_beat, tempo=TEMPO)

    def wav(self, soundfont: Path | None = None) -> bytes:
        """Mono sound, 16 bit: a piano's partials, or FluidSynth's sound with a soundfont.

        Raises:
            UsageError: when the file is no soundfont, or FluidSynth is not installed.
        """
        from scipy.io import wavfile

        from envs.datasets.midi import pretty_midi_of
        from envs.datasets.sound import piano

        score = pretty_midi_of(self.roll, steps_per_beat=self.steps_per_beat, tempo=TEMPO)
        if soundfont is None:
            sound = piano(score, RATE)
        else:
            check_soundfont(soundfont)
            sound = score.fluidsynth(fs=RATE, sf2_path=str(soundfont))
        peak = max(float(np.abs(sound).max(initial=0.0)), 1e-9)
        samples = np.round(sound / peak * 0.9 * 32767).astype("<i2")
        file = io.BytesIO()
        wavfile.write(file, RATE, samples)
        return file.getvalue()

    def picture(self, title: str) -> Figure:
        """The piano roll, right hand above left, the seed marked."""
        from plugins.music import figures

        return figures.piano_roll(self.roll, self.seed_steps, self.steps_per_beat, title)


def check_soundfont(path: Path) -> None:
    """Check that FluidSynth can use a file, as far as possible without playing.

    Raises:
        UsageError: when the file is no soundfont, or FluidSynth is not installed.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(12)
    except OSError as error:
        raise UsageError(f"Cannot read the soundfont {path}: {error.strerror}.") from error
    if begins[:4] != b"RIFF" or begins[8:] != b"sfbk":
        raise UsageError(
            f"{path} is no soundfont (.sf2). Without --soundfont the sound is a piano's partials."
        )
    try:
        import fluidsynth  # type: ignore[import-not-found] # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"--soundfont needs FluidSynth and pyfluidsynth ({error}); without it the sound is a "
            "piano's partials."
        ) from error


def seed_of(roll: np.ndarray, hands: int, steps: int) -> np.ndarray:
    """The first steps of a piece, at most its length; hands are merged for one track."""
    begun = roll[: max(1, steps)]
    return begun if begun.shape[1] == hands else joined(begun)


def statistics(roll: np.ndarray) -> Document:
    """Statistics of music.

    Args:
        roll: uint8 [steps, hands, 88].

    Returns:
        `pitch_classes`: shares of sounding keys by name; `struck_per_step` notes; `polyphony`: keys
        that sound at once, where any does;
        `silent`: share of steps without sound; `repeats`: share of struck notes whose key sounded
        in the step before; `frozen`: share of steps in which the same keys, and at least one, have
        sounded for 8 steps after the first, held or struck again.
    """
    keys = (roll != SILENT).any(axis=1)  # [steps, 88]
    struck = (roll == STRUCK).any(axis=1)
    classes = np.bincount((np.nonzero(keys)[1] + 21) % 12, minlength=12)
    sounding = keys.sum(axis=1)
    before = np.vstack([np.zeros((1, keys.shape[1]), dtype=bool), keys[:-1]])
    same = (keys == before).all(axis=1) & (sounding > 0)
    steps = np.arange(len(same))
    run = steps - np.maximum.accumulate(np.where(same, 0, steps))  # steps since the last change
    strokes = int(struck.sum())
    return {
        "pitch_classes": {
            name: float(share)
            for name, share in zip(PITCHES, classes / max(1, classes.sum()), strict=True)
        },
        "struck_per_step": strokes / max(1, len(roll)),
        "polyphony": float(sounding[sounding > 0].mean()) if (sounding > 0).any() else 0.0,
        "silent": float((sounding == 0).mean()) if len(roll) else 1.0,
        "repeats": float((struck & before).sum() / max(1, strokes)),
        "frozen": float((run >= FROZEN).mean()) if len(roll) else 0.0,
    }


def compared(generated: np.ndarray, pieces: Sequence[np.ndarray]) -> Document:
    """Statistics of generated music beside those of the training pieces, and their distance.

    Args:
        generated: uint8 [steps, hands, 88].
        pieces: the same of each training piece.
    """
    ours, theirs = statistics(generated), statistics(np.concatenate(pieces))
    apart = (
        sum(abs(ours["pitch_classes"][name] - theirs["pitch_classes"][name]) for name in PITCHES)
        / 2
    )
    return {"generated": ours, "pieces": theirs, "pitch_class_distance": float(apart)}
