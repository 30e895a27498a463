"""The sound of a piano, made of decaying partials; no clicks, and no randomness.

A struck string is stiff, so its n-th partial lies at n·f·√(1 + B·n²), above the harmonic
(Fletcher, 1964; Fletcher and Rossing, The Physics of Musical Instruments, 2nd edition, section
12.3; B grows towards the treble). A hammer at the share h of its length excites the partial by
sin(n·π·h) / n, and a harder strike more of the upper ones. Upper partials and higher notes decay
faster, each first quickly and then slowly, because the strings of a key are coupled (Weinreich,
Coupled piano strings, 1977). The constants are rough values for a grand piano, chosen by hand.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

PARTIALS = np.arange(1, 25)
HAMMER = 1 / 8
"""Where the hammer strikes, as a share of the string."""
PARTS = np.array([[0.8, 0.2], [1.3, 0.4], [1.0, 1.0003]])[..., None]
"""Share, decay and frequency, relative to the partial's, of its early and its late sound."""
ATTACK, RELEASE, DAMPING = 0.003, 0.4, 0.07
"""Seconds in which a note rises, sounds on after its end, and falls to 1/e under the damper."""
BLOCK = 256


def tone(pitch: int, velocity: int, samples: int, rate: int) -> np.ndarray:
    """A note and its release: float64 [samples + `RELEASE` · rate].

    Args:
        pitch: MIDI number, 21 to 108.
        velocity: of the strike, 1 to 127.
        samples: >= 1, for which the key stays down.
        rate: of the samples per second; partials above 0.45 of it are left out.
    """
    first, strength = 440 * 2 ** ((pitch - 69) / 12), velocity / 127
    stiffness = 3.5e-4 * 2 ** ((pitch - 60) / 8)
    frequency = first * PARTIALS * np.sqrt((1 + stiffness * PARTIALS**2) / (1 + stiffness))
    amplitude = np.abs(np.sin(np.pi * HAMMER * PARTIALS)) / PARTIALS * (frequency < 0.45 * rate)
    amplitude *= np.exp((first - frequency) / (2500 * strength))
    amplitude *= strength**1.5 / np.linalg.norm(amplitude)
    decay = 2 ** ((pitch - 53) / 17) * (3 + PARTIALS) / 4  # [partials], per second
    share, faster, apart = PARTS
    exponent = ((2j * np.pi * apart * frequency - faster * decay) / rate).ravel()
    # e^(a + b) = e^a · e^b: a begins each block of samples, b lies within it
    passed = np.arange(samples + round(RELEASE * rate))
    begin = np.exp(np.outer(passed[::BLOCK], exponent)) * (share * amplitude).ravel()
    wave = (begin @ np.exp(np.outer(exponent, np.arange(BLOCK)))).imag.ravel()[: len(passed)]
    damped = (passed - samples).clip(0) / rate
    rise: np.ndarray = (passed / (ATTACK * rate)).clip(0, 1)
    return wave * rise * np.exp(-damped / DAMPING) * (1 - damped / RELEASE)


def piano(score: Any, rate: int) -> np.ndarray:
    """The sound of a score: float64 [samples], `RELEASE` longer than the music.

    Args:
        score: a `pretty_midi.PrettyMIDI`; programs are not read.
        rate: of the samples per second.
    """
    played = cache(tone)
    sound = np.zeros(round(score.get_end_time() * rate) + round(RELEASE * rate))
    for note in (note for track in score.instruments for note in track.notes):
        start = round(note.start * rate)
        wave = played(note.pitch, note.velocity, round(note.end * rate) - start, rate)
        sound[start : start + len(wave)] += wave
    return sound
