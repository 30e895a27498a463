"""What `generate` writes and what it refuses; draws that are the model's own probabilities."""

# ruff: noqa: E402 - what needs an extra is imported after asking whether it is there

from __future__ import annotations

import importlib.util
import itertools
import os
import wave
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
symusic = pytest.importorskip("symusic")
pytest.importorskip("pretty_midi")

from envs.datasets.etudes import compose
from envs.datasets.midi import midi_bytes, read_piece
from envs.datasets.pieces import midi_files
from envs.datasets.rolls import held_from_sounding
from plugins.music.config import ChordLstmConfig
from plugins.music.generate import chord_weights
from plugins.music.networks.chords import ChordLstm
from plugins.music.networks.drawing import Draw, draw_chord, draw_keys
from plugins.music.playing import RATE, Continuation
from sandbox import run

pytestmark = pytest.mark.extras


@pytest.fixture
def made(store, say, tmp_path, monkeypatch):
    finished = run("music", preset="quick")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seed.mid").write_bytes(midi_bytes(compose(4, 1, 4), steps_per_beat=4))
    (tmp_path / "silent.mid").write_bytes(
        midi_bytes(np.zeros((8, 2, 88), np.uint8), steps_per_beat=4)
    )
    (tmp_path / "none.sf2").write_bytes(b"no font at all")
    (tmp_path / "font.sf2").write_bytes(b"RIFF\x00\x00\x00\x00sfbk")
    return lambda *words: say("generate", finished.id, *words)


def test_what_cannot_be_generated_is_refused_in_a_line_and_nothing_is_written(made, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    refusals = {
        ("--mode", "beam"): "'beam' is not one of",
        ("--temperature", "0"): "range x>0",
        ("--temperature", "nan"): "finite number",
        ("--temperature", "inf"): "finite number",
        ("--a-left", "-0.1"): "range x>=0",
        ("--a-right", "nan"): "finite number",
        ("--b", "-1"): "range x>=0",
        ("--top-p", "1.5"): "range 0<x<=1",
        ("--epsilon", "1"): "range 0<=x<1",
        ("--onsets", "0"): "range x>0",
        ("--longest", "0"): "range x>=1",
        ("--top-p", "0.5"): "no effect with --mode sample, only with nucleus",
        ("--mode", "nucleus", "--longest", "4"): "no effect with --mode nucleus, only with epsilon",
        ("--mode", "epsilon", "--a-left", "0"): "only with sample, argmax or nucleus",
        ("--mode", "argmax", "--b", "0"): "only with sample or nucleus",
        ("--steps", "0"): "range 1<=x",
        ("--seed-steps", "0"): "range x>=1",
        ("--seed-file", "nothere.mid"): "No such file",
        ("--seed-file", "."): "Is a directory",
        ("--seed-file", "none.sf2"): "not a MIDI file",
        ("--seed-file", "silent.mid"): "no notes",
        ("--soundfont", "nothere.sf2"): "does not exist",
        ("--soundfont", "none.sf2"): "no soundfont",
        ("--soundfont", "font.sf2"): "FluidSynth",
        ("--output", "."): "is a folder",
        ("--output", "played.wav"): "names the MIDI file",
        ("--seed-file", "seed.mid", "--output", "seed.mid"): "overwrite the seed",
        ("--output", "seed.mid/in/a/file.mid"): "Cannot write",
    }
    if importlib.util.find_spec("fluidsynth"):
        del refusals[("--soundfont", "font.sf2")]
    for words, says in refusals.items():
        refused = made("--steps", 4, *words) if "--steps" not in words else made(*words)
        assert refused.code == 2 and says in refused.err and "Traceback" not in refused.err, (
            words,
            refused.err,
        )
    assert sorted(tmp_path.rglob("*")) == before


def test_every_mode_writes_the_same_bytes_again_and_other_bytes_for_another_seed(made, tmp_path):
    for mode, options in {
        "sample": ["--temperature", 0.8, "--b", 2],
        "nucleus": ["--top-p", 0.7, "--as-trained"],
        "argmax": [],
        "epsilon": ["--epsilon", 0.02, "--onsets", 1.5, "--longest", 4],
    }.items():
        for name, seed in (("one.mid", 5), ("two.mid", 5), ("three.mid", 6)):
            heard = ["--seed-file", "seed.mid", "--seed-steps", 16, "--steps", 24]
            words = [*heard, "--mode", mode, "--seed", seed, "--output", name, *options]
            assert made(*words).code == 0
        for ending in (".mid", ".wav", ".json"):
            one, two, three = (
                (tmp_path / name).with_suffix(ending).read_bytes()
                for name in ("one", "two", "three")
            )
            assert one == two
            if ending == ".mid":
                assert mode == "argmax" or one != three
        piece = read_piece((tmp_path / "one.mid").read_bytes(), "one", 4)
        assert (
            piece.how.startswith("by name") and (piece.roll[:12] == compose(4, 1, 4)[:12]).all()
        )  # what is heard stays as it was


def test_what_is_played_can_be_heard_and_seen(made, tmp_path):
    assert made("--steps", 64, "--output", "deep/in/a.mid").code == 0
    with wave.open(str(tmp_path / "deep/in/a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float) / 32768
    assert (
        0.85 < np.abs(sound).max() < 0.95 and np.sqrt((sound**2).mean()) > 0.02
    )  # loud enough, and never at the limit
    assert (
        5 < len(sound) / RATE < 20
    )  # 96 steps of sixteenths at 100 beats a minute are 14.4 seconds
    from PIL import Image

    pixels = np.asarray(Image.open(tmp_path / "deep/in/a.png").convert("RGB"))
    assert min(pixels.shape[:2]) > 300 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_every_key_at_once_stays_in_the_range_of_a_wav_file_and_silence_stays_silence(tmp_path):
    continuation = Continuation.__new__(Continuation)
    continuation.steps_per_beat = 4
    for keys in (np.ones, np.zeros):
        continuation.roll = held_from_sounding(keys((4, 1, 88), bool))
        (tmp_path / "a.wav").write_bytes(continuation.wav())
        with wave.open(str(tmp_path / "a.wav")) as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(int)
        assert np.abs(sound).max() == (round(0.9 * 32767) if keys is np.ones else 0)


def test_a_run_that_was_stopped_before_it_had_a_model_is_said_so(store, say):
    stopped = run("music", preset="quick", pieces=6, max_time=0.0)
    refused = say("generate", stopped.id)
    assert (
        refused.code == 1
        and "Traceback" not in refused.err
        and "a finished run of lab 'music' keeps one" in refused.err
    )


def test_real_pieces_without_their_tempos_are_the_same_rolls():
    folder = Path(os.environ.get("SANDBOX_TEST_DATA", "")) / "piano-midi-de"
    if not os.environ.get("SANDBOX_TEST_DATA") or not folder.is_dir():
        pytest.skip("SANDBOX_TEST_DATA leads to no piano-midi-de/")
    changes = 0
    for path in list(midi_files(folder))[::8]:
        content = path.read_bytes()
        plain = symusic.Score.from_midi(content)
        changes += len(plain.tempos)
        plain.tempos = [symusic.Tempo(0, 120.0)]
        assert (
            read_piece(plain.dumps_midi(), "plain", 4).roll == read_piece(content, "whole", 4).roll
        ).all(), path.name
    assert changes > 1000


def test_chords_are_drawn_as_often_as_their_likelihood_says():
    torch.manual_seed(3)
    model = ChordLstm(ChordLstmConfig(hidden=5, channels=3, reach=3, span=2), keys=4).eval()
    torch.nn.init.normal_(model.below.weight, std=2.0)
    past = torch.randint(0, 2, (1, model.history, 1, 4)).float()
    position = torch.zeros(1, dtype=torch.int64)
    chords = list(itertools.product((0.0, 1.0), repeat=4))
    likelihood = []
    with torch.no_grad():
        for chord in chords:
            sounds = torch.cat([past, torch.tensor(chord).view(1, 1, 1, 4)], dim=1)
            logits = model.predict(sounds, position, model.begin(1)).logits
            likelihood.append(
                float(
                    torch.nn.functional.logsigmoid(torch.where(sounds[:, -1:] > 0, logits, -logits))
                    .sum()
                    .exp()
                )
            )
        features, base, _, _ = model.features(sounds, position, model.begin(1))
    rng, how = np.random.default_rng(0), Draw(a_right=0.0, a_left=0.0, b=0.0)
    arrays = features[0, 0].numpy(), base[0, 0].numpy(), chord_weights(model)
    drawn = [tuple(draw_chord(*arrays, np.zeros(4), how, rng).astype(float)) for _ in range(20_000)]
    shares = np.array([drawn.count(chord) for chord in chords]) / len(drawn)
    assert (
        np.abs(shares - likelihood).max() < 5 * np.sqrt(0.25 / len(drawn))
        and max(likelihood) - min(likelihood) > 0.05
    )
    assert sum(likelihood) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("temperature", [1e-300, 1e-6, 1.0])
def test_the_colder_the_likelier_and_no_temperature_makes_all_keys_nought(temperature):
    logits = np.linspace(-9.0, -3.0, 88)
    rng = np.random.default_rng(0)
    keys = draw_keys(logits, 2.0, np.zeros(88), 0, Draw(temperature=temperature), rng)
    assert keys.sum() == 2 and (temperature == 1.0 or keys[-2:].all())


def test_where_every_key_is_unlikely_chords_are_played_all_the_same():
    model = ChordLstm(ChordLstmConfig(hidden=5, channels=3, reach=3, span=2), keys=88).eval()
    features, base = (
        np.zeros((3, 88), np.float32),
        np.linspace(-6.0, -1.0, 88, dtype=np.float32),
    )  # the likeliest key: 0.27
    torch.nn.init.zeros_(model.below.weight)
    torch.nn.init.zeros_(model.read.bias)
    torch.nn.init.zeros_(model.mix.bias)
    chances = 1 / (1 + np.exp(-base.astype(float)))
    expected = chances.sum()

    def drawn(**how):
        rng, plain = np.random.default_rng(1), {"a_right": 0.0, "a_left": 0.0, "b": 0.0}
        made = Draw(**plain, **how)
        return np.array(
            [
                draw_chord(features, base, chord_weights(model), np.zeros(88), made, rng)
                for _ in range(2000)
            ]
        )

    assert (drawn(mode="argmax").sum(1) == np.rint(expected)).all() and drawn(mode="argmax")[
        0, -3:
    ].all()
    nucleus = drawn(mode="nucleus", top_p=0.8)
    kept = np.flatnonzero(nucleus.any(0))
    assert 0.8 * expected <= chances[kept].sum() < 0.85 * expected and kept.tolist() == list(
        range(kept[0], 88)
    )
    assert nucleus.sum(1).mean() == pytest.approx(chances[kept].sum(), rel=0.05)
    assert (drawn(mode="nucleus", top_p=1.0) == drawn(mode="sample")).all()


def test_with_epsilon_unlikely_keys_do_not_begin_others_begin_more_often_and_long_notes_end():
    model = ChordLstm(ChordLstmConfig(hidden=5, channels=3, reach=3, span=2), keys=4).eval()
    for layer in (model.below.weight, model.read.bias, model.mix.bias):
        torch.nn.init.zeros_(layer)
    chances = np.array([0.04, 0.2, 0.04, 0.9])
    arrays = np.zeros((3, 4), np.float32), np.log(chances / (1 - chances)).astype(np.float32)
    how, rng = Draw(mode="epsilon", epsilon=0.1, onsets=1.5, longest=6), np.random.default_rng(0)

    def shares(sounded):
        drawn = [
            draw_chord(*arrays, chord_weights(model), np.array(sounded), how, rng)
            for _ in range(4000)
        ]
        return np.mean(drawn, axis=0)

    close = 5 * np.sqrt(0.25 / 4000)
    assert shares([0, 0, 5, 0]) == pytest.approx([0, 0.3, 0.04, 1], abs=close)
    assert shares([0, 0, 6, 6]) == pytest.approx([0, 0.3, 0, 0], abs=close)
    assert not shares([0, 0, 6, 6])[[0, 2, 3]].any()
    hand = [draw_keys(arrays[1], 3.0, np.array([0, 0, 6, 2]), 0, how, rng) for _ in range(50)]
    assert (np.array(hand) == [False, True, False, True]).all()


def test_a_key_more_likely_than_epsilon_begins_however_many_times_as_often_others_do():
    model = ChordLstm(ChordLstmConfig(hidden=5, channels=3, reach=3, span=2), keys=4).eval()
    for layer in (model.below.weight, model.read.bias, model.mix.bias):
        torch.nn.init.zeros_(layer)
    chances = np.array([0.4, 0.6, 0.9, 0.3])
    arrays = np.zeros((3, 4), np.float32), np.log(chances / (1 - chances)).astype(np.float32)
    how, rng = Draw(mode="epsilon", epsilon=0.5, onsets=3.0), np.random.default_rng(0)
    begun = [False, True, True, False]
    for _ in range(50):  # three times 0.6, and three times 0.9, are certain
        drawn = draw_chord(*arrays, chord_weights(model), np.zeros(4, int), how, rng)
        assert drawn.tolist() == begun
        assert draw_keys(arrays[1], 4.0, np.zeros(4, int), 0, how, rng).tolist() == begun
