"""The sound of a piano: pitches, decay, length and range, measured in its samples."""

from __future__ import annotations

import numpy as np
import pytest

from envs.datasets.midi import pretty_midi_of
from envs.datasets.rolls import KEYS, LOWEST, Notes, held_from_sounding, roll_of
from envs.datasets.sound import RELEASE, piano, tone

pytestmark = pytest.mark.extras
pytest.importorskip("pretty_midi")
RATE = 22_050


def level(sound: np.ndarray, begin: float, end: float) -> float:
    """Root mean square of the samples between two times in seconds."""
    return float(np.sqrt((sound[round(begin * RATE) : round(end * RATE)] ** 2).mean()))


def spectrum(sound: np.ndarray) -> np.ndarray:
    """Power from 0 hertz, in steps of a sixteenth."""
    return np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 16 * RATE)) ** 2


def score(*notes: tuple[int, int, int]):
    """A score of first step, step behind the last, and pitch; eight steps to a second."""
    start, end, pitch = np.array(notes).T
    roll = roll_of([Notes(start, end, pitch - LOWEST)])
    return pretty_midi_of(roll, steps_per_beat=4, tempo=120)


@pytest.mark.parametrize("pitch", [33, 48, 60, 69, 81, 96, 108])
def test_the_first_partial_is_the_pitch_and_the_third_lies_above_its_harmonic(pitch):
    power = spectrum(tone(pitch, 80, RATE, RATE))
    first = 440 * 2 ** ((pitch - 69) / 12)

    def peak(expected):
        low, high = (round(16 * (expected + way * first / 3)) for way in (-1, 1))
        return (low + power[low:high].argmax()) / 16

    assert abs(peak(first) - first) < max(0.1, 0.001 * first)  # 1.7 cents
    if pitch < 90:
        assert 1 < peak(3 * first) / (3 * first) < 1.05


def test_low_notes_sound_longer_than_high_ones():
    kept = []
    for pitch in (30, 60, 90):
        sound = tone(pitch, 80, 4 * RATE, RATE)
        assert level(sound, 0.1, 0.3) > level(sound, 1, 1.2) > level(sound, 3, 3.2) > 0
        kept.append(level(sound, 1, 1.2) / level(sound, 0.1, 0.3))
    assert kept[0] > 1.5 * kept[1] > 3 * kept[2]


def test_upper_partials_decay_faster():
    sound = tone(48, 90, 3 * RATE, RATE)
    early, late = spectrum(sound[:RATE]), spectrum(sound[2 * RATE : 3 * RATE])
    low, high = slice(16 * 120, 16 * 140), slice(16 * 600, 16 * 1000)  # partials 1, and 5 to 7
    kept = [late[part].sum() / early[part].sum() for part in (low, high)]
    assert kept[1] < 0.3 * kept[0]


def test_hard_strikes_are_louder_and_brighter():
    soft, hard = (tone(60, velocity, RATE, RATE) for velocity in (40, 110))
    assert level(hard, 0, 1) > 2 * level(soft, 0, 1)
    upper = [spectrum(sound)[16_000:].sum() / spectrum(sound).sum() for sound in (soft, hard)]
    assert upper[1] > 1.5 * upper[0]


def test_a_note_rises_and_is_damped_without_a_click():
    sound = piano(score((4, 8, 60)), RATE)
    assert len(sound) == round((1 + RELEASE) * RATE) and not sound[: RATE // 2 + 1].any()
    sine = 2 * np.pi * 262 / RATE * np.abs(sound).max()  # largest step of a sine as loud
    assert np.abs(np.diff(sound)).max() < 12 * sine  # and in partials up to the twelfth
    assert np.abs(np.diff(sound[RATE - 200 : RATE + 200])).max() < 6 * sine
    assert level(sound, 1.3, 1.4) < 0.05 * level(sound, 0.9, 1.0)
    assert np.abs(sound[-20:]).max() < 1e-4


def test_notes_add_up_and_the_same_notes_give_the_same_samples():
    notes = [(0, 6, 60), (2, 7, 64), (6, 8, 60)]
    together = piano(score(*notes), RATE)
    assert (together == piano(score(*notes), RATE)).all()
    alone = np.zeros_like(together)
    for note in notes:
        sound = piano(score(note), RATE)
        alone[: len(sound)] += sound
    assert together == pytest.approx(alone, abs=1e-12)


def test_silence_stays_silence_and_dense_chords_have_a_sound():
    silent = pretty_midi_of(np.zeros((8, 1, KEYS), np.uint8), steps_per_beat=4)
    assert len(piano(silent, RATE)) == round(RELEASE * RATE) and not piano(silent, RATE).any()
    full = held_from_sounding(np.ones((4, 1, KEYS), bool))
    loud = piano(pretty_midi_of(full, steps_per_beat=4), RATE)
    assert np.isfinite(loud).all() and level(loud, 0.1, 0.3) > level(loud, 0.4, 0.6) > 0
