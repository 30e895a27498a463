"""The claims of Lab 04: arithmetic that can be redone, and small runs whose figures come out."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("symusic")
pytest.importorskip("pretty_midi")

from envs.datasets.midi import midi_bytes
from envs.datasets.rolls import STRUCK, joined
from plugins.music import claim_figures, claims, trials
from plugins.music.lab import MusicLab
from plugins.music.trials import Size
from sandbox.reproduction.measure import select

pytestmark = pytest.mark.extras

TINY = Size(hidden=8, frames=3000, etudes=20)


@pytest.fixture
def small(monkeypatch):
    whole = trials.trial
    monkeypatch.setattr(
        trials, "trial", lambda folder, window, seed: whole(folder, window, seed, TINY)
    )
    monkeypatch.setattr(trials, "STEPS", 24)


def test_the_lab_brings_the_claims_of_the_whole_report():
    found = [one.claim for one in select(["music"])]
    assert list(dict.fromkeys(one.id for one in found)) == ["U1", "U2", "U3", "U4"]
    assert len({(one.id, one.part) for one in found}) == len(found)
    assert {one.part for one in found if one.exact} == {
        "windows with all shifts, against none",
        "pieces and shifts that stay on the piano",
        "beats in a window of 32 steps",
        "weights and biases",
    }
    for window in (16, 32, 64):
        assert any(f"NLL with windows of {window} steps" == one.part for one in found)


def test_the_reports_layers_add_up():
    lstm = 4 * 150 * (176 + 150) + 2 * 4 * 150 + 4 * 150 * (150 + 150) + 2 * 4 * 150
    hand = (150 * 120 + 120) + (120 * 100 + 100) + (100 * 88 + 88) + (120 * 10 + 10) + (10 + 1)
    assert claims.parameters() == lstm + 2 * hand == 458_658


def test_etudes_stay_on_the_piano_so_six_shifts_make_six_times_as_many_windows():
    assert trials.augmented(None, 32, -2, 3) == (1.0, 6.0)


def test_shifts_that_leave_the_piano_are_not_counted():
    share, windows = trials.augmented(None, 32, -44, 44)
    assert 0.3 < share < 0.9 and windows == pytest.approx(89 * share, rel=0.1)


def test_the_share_of_shifts_that_stay_in_the_real_set():
    data = os.environ.get("SANDBOX_TEST_DATA")
    if not data or trials.folder_in(Path(data)) is None:
        pytest.skip("SANDBOX_TEST_DATA leads to no piano-midi-de/")
    rows = MusicLab().claims_for(Path(data))
    share, windows = (
        one.measure(0)
        for part in (
            "pieces and shifts that stay on the piano",
            "windows with all shifts, against none",
        )
        for one in rows
        if one.part == part
    )
    assert share == pytest.approx(0.98773, abs=1e-5) and windows == pytest.approx(5.908, abs=1e-3)


def test_four_runs_share_a_training_and_neighbours_do_not():
    found = [trials.shared(seed) for seed in range(80)]
    assert len(set(found)) == 80 and {training for training, _ in found} == set(range(20))
    assert [training for training, _ in found[:10]] == list(range(10)) and {
        part for _, part in found
    } == {0, 1, 2, 3}


@pytest.mark.parametrize("window", claims.WINDOWS)
def test_windows_of_every_length_are_learned_from_as_often(window):
    done = trials.learn(None, window, 0, TINY)
    assert done.config.batch * window == trials.UPDATE and done.batches == 3000 // trials.UPDATE
    assert 0.8 * 3000 < done.frames <= 3000


def test_key_frequencies_score_as_independent_coins():
    rng = np.random.default_rng(0)
    train, test = ((rng.random((50, 2, 88)) < 0.1).astype(np.uint8) * STRUCK for _ in range(2))
    p = ((train > 0).sum(axis=0) + 1) / (len(train) + 2)
    expected = -np.where(test > 0, np.log(p), np.log(1 - p)).sum(axis=(1, 2)).mean()
    assert trials.frequencies_nll([train], [test[:20], test[20:]]) == pytest.approx(expected)


def test_a_file_without_named_hands_or_with_other_notes_does_not_come_back():
    roll = np.zeros((8, 2, 88), dtype=np.uint8)
    roll[[0, 3], 0, 50], roll[4, 1, 20] = STRUCK, STRUCK
    other = roll.copy()
    other[3, 0, 50] = 0
    content = midi_bytes(roll, steps_per_beat=4)
    assert trials.comes_back(content, roll, 4)
    assert not trials.comes_back(content, other, 4) and not trials.comes_back(
        midi_bytes(joined(roll), steps_per_beat=4), roll, 4
    )


def test_every_sampled_figure_comes_out_and_varies_with_the_run(small):
    for one in claims.claims(None):
        if not one.exact:
            values = [
                float(one.measure(seed)) for seed in (0, 10, 1)
            ]  # two runs of one training, and another
            assert all(map(math.isfinite, values)), one.part
            if "NLL" in one.part:
                assert len(set(values)) == 3, one.part
    first = trials.trial(None, 32, 0)
    assert set(first.frozen) == set(trials.MODES) and all(
        0 <= share <= 1 for share in first.frozen.values()
    )
    assert (
        first.returned
        and first.roll.shape == (trials.SEED_STEPS + trials.STEPS, 2, 88)
        and trials.trial(None, 32, 0) is first
    )


def test_figures_do_not_depend_on_how_many_measure_at_once(small):
    alone = [trials.trial(None, 16, seed).nll for seed in range(3)]
    trials._learned.cache_clear()
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda seed: trials.trial(None, 16, seed).nll, range(3))) == alone


def test_the_lab_draws_and_explains_its_claims(small):
    lab = MusicLab()
    names = [one.name for claim in ("U1", "U2", "U3", "U4") for one in lab.claim_pictures(claim, 2)]
    assert (
        names == ["windows", "frozen", "piano_roll"] and list(claim_figures.pictures("U2", 2)) == []
    )
    parts = {
        one.part: one.measure(0)
        for one in claims.claims(None)
        if one.id in ("U1", "U3") and not one.exact
    }
    assert (
        "to and fro" in lab.claim_notes("U3", parts)[0]
        and "Windows of 16, 32, 64" in lab.claim_notes("U1", parts)[0]
    )
    assert lab.claim_notes("U3", {}) == lab.claim_notes("U2", parts) == []


def test_a_small_model_foresees_better_than_key_frequencies():
    found = trials.trial(None, 32, 0, Size(hidden=32, frames=40_000, etudes=30))
    assert found.nll < found.frequencies_nll
