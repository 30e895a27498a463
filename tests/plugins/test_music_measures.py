"""The standard measures of music, on pieces whose values can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.music_measures import measures
from envs.datasets.etudes import compose
from envs.datasets.rolls import HELD, KEYS, STRUCK, transposed

C4 = 60 - 21


def test_the_measures_of_two_bars_are_those_counted_by_hand():
    roll = np.zeros((16, 2, KEYS), dtype=np.uint8)  # two bars of eighth notes
    roll[0, 0, C4], roll[1, 0, C4] = STRUCK, HELD
    roll[4, 0, C4 + 4], roll[4, 1, C4 - 12] = STRUCK, STRUCK
    roll[8, 0, C4 + 6], roll[15, 1, C4 - 8] = STRUCK, STRUCK
    found = measures(roll, 2)
    assert found["polyphony"] == pytest.approx(6 / 5)  # 1, 1, 2, 1 and 1 keys
    assert found["pitch_class_entropy"] == pytest.approx(0.8 * np.log2(2.5) + 0.2 * np.log2(5))
    assert found["scale_consistency"] == pytest.approx(1.0)  # C, E and F sharp are in G major
    assert found["groove_consistency"] == pytest.approx(6 / 8)  # steps 4 and 7 of the bar differ
    assert found["empty_beats"] == pytest.approx(4 / 8)
    assert found["notes_per_beat"] == pytest.approx(5 / 8) and found["frozen"] == 0


def test_all_twelve_keys_fit_no_scale_and_a_transposed_piece_measures_the_same():
    roll = np.zeros((12, 1, KEYS), dtype=np.uint8)
    roll[np.arange(12), 0, C4 + np.arange(12)] = STRUCK
    found = measures(roll, 4)
    assert found["pitch_class_entropy"] == pytest.approx(np.log2(12))
    assert found["scale_consistency"] == pytest.approx(7 / 12)
    piece = compose(0, 0, 8)
    assert measures(transposed(piece, 3), 4) == pytest.approx(measures(piece, 4))


def test_silence_has_measures_too():
    found = measures(np.zeros((20, 1, KEYS), dtype=np.uint8), 4)
    assert found.pop("empty_beats") == 1.0 and set(found.values()) == {0.0}


@pytest.mark.extras
@pytest.mark.parametrize("number", range(24))
def test_etudes_keep_their_key_their_grid_and_their_broken_chords(number):
    figures = pytest.importorskip("benchmarks.music_etudes").figures
    piece = compose(0, number)
    own = figures(piece[32:-8], piece, number, 32)
    assert own["key"] == own["grid_left"] == own["triads"] == own["figure"] == 1.0
    struck = (piece[32:-8] == STRUCK).sum(axis=(0, 2))
    assert [own["notes_right"], own["notes_left"]] == pytest.approx(4 * struck / len(piece[32:-8]))
    moved = figures(transposed(piece, 1)[32:-8], piece, number, 32)
    assert moved["key"] < 0.7 and moved["triads"] < 0.7 and moved["figure"] == 1.0
    late = figures(np.roll(piece, 1, axis=0)[32:-8], piece, number, 32)
    assert late["grid_left"] == 0.0 and late["key"] == 1.0 and late["figure"] == 0.0
    assert set(figures(np.zeros_like(piece), piece, number, 0).values()) == {0.0}
