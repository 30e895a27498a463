"""The lab music: MIDI read and written back, exact likelihoods, one bar learned by heart."""

# ruff: noqa: E402 - what needs an extra is imported after asking whether it is there

from __future__ import annotations

import io
import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("symusic")
pytest.importorskip("pretty_midi")

from envs.datasets.etudes import compose, etudes
from envs.datasets.midi import Unreadable, midi_bytes, pretty_midi_of, read_piece
from envs.datasets.pieces import read_folder, split_of
from envs.datasets.rolls import HELD, KEYS, STRUCK, joined, transposed
from plugins.music.config import ChordLstmConfig, MusicConfig
from plugins.music.figures import learning_curve, piano_roll
from plugins.music.generate import continued, default_draw
from plugins.music.lab import MusicLab
from plugins.music.lanes import Lanes
from plugins.music.networks.chords import ChordLstm
from plugins.music.networks.drawing import Draw, correction, draw_keys
from plugins.music.networks.making import make_model
from plugins.music.networks.models import frame_nll, losses, target_of
from plugins.music.playing import statistics
from plugins.music.scores import score
from sandbox import load, run
from sandbox.config.resolve import resolve
from sandbox.errors import UsageError

pytestmark = pytest.mark.extras


def real():
    folder = Path(os.environ.get("SANDBOX_TEST_DATA", "")) / "piano-midi-de"
    if not os.environ.get("SANDBOX_TEST_DATA") or not folder.is_dir():
        pytest.skip("SANDBOX_TEST_DATA leads to no piano-midi-de/")
    return folder


def configured(**options):
    return resolve(MusicConfig, [options], "music")


# -- MIDI


def test_every_real_piece_comes_back_from_a_midi_file_as_it_was():
    pieces = read_folder(real(), steps_per_beat=4, seed=0)
    assert len(pieces.report) == 326 and pieces.skipped == 0
    assert sum(line.how == "by name" for line in pieces.report) > 280
    for piece in itertools.chain(*pieces.splits.values()):
        again = read_piece(midi_bytes(piece.roll, steps_per_beat=4), piece.name, 4).roll
        assert (again == piece.roll[: len(again)]).all() and not piece.roll[len(again) :].any()


@pytest.mark.parametrize("number", range(6))
def test_etudes_come_back_as_they_were(number):
    roll = compose(3, number)
    assert (
        read_piece(midi_bytes(roll, steps_per_beat=4), "one", 4).roll == roll
    ).all() and roll.any(axis=(0, 2)).all()


def test_tempo_changes_move_nothing():
    roll = compose(0, 1)
    plain = pretty_midi_of(roll, steps_per_beat=4)
    whole = io.BytesIO()
    plain.write(whole)
    import symusic

    score_ = symusic.Score.from_midi(whole.getvalue())
    for tick in range(0, 4000, 37):
        score_.tempos.append(symusic.Tempo(tick, 40 + tick % 200))
    assert (read_piece(score_.dumps_midi(), "wild", 4).roll == roll).all()


def test_a_repeated_note_is_told_from_a_held_one_and_a_short_one_shows():
    roll = np.zeros((8, 2, KEYS), dtype=np.uint8)
    roll[0, 0, 40], roll[1, 0, 40], roll[2, 0, 40], roll[5, 1, 20] = STRUCK, HELD, STRUCK, STRUCK
    made = pretty_midi_of(roll, steps_per_beat=4)
    made.instruments[1].notes[0].end = made.instruments[1].notes[0].start + 0.004
    file = io.BytesIO()
    made.write(file)
    again = read_piece(file.getvalue(), "short", 4).roll
    assert again[:3, 0, 40].tolist() == [STRUCK, HELD, STRUCK] and again[5, 1, 20] == STRUCK


def test_whatever_the_bytes_are_the_reader_answers():
    content = midi_bytes(compose(1, 2), steps_per_beat=4)
    rng = np.random.default_rng(0)
    bad = 0
    for _ in range(400):
        mutated = bytearray(content)
        for _ in range(int(rng.integers(1, 12))):
            mutated[int(rng.integers(len(mutated)))] = int(rng.integers(256))
        mutated = mutated[: int(rng.integers(len(mutated)))] if rng.random() < 0.3 else mutated
        try:
            piece = read_piece(bytes(mutated), "fuzzed", 4)
            assert piece.roll.dtype == np.uint8 and piece.roll.shape[1:] == (2, KEYS)
        except Unreadable as error:
            assert str(error)
            bad += 1
    assert 20 < bad < 400


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"RIFFxxxx", "not a MIDI"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\xe7\x28", "SMPTE"),
    ],
)
def test_files_that_are_none_are_named(content, says):
    with pytest.raises(Unreadable, match=says):
        read_piece(content, "bad", 4)


def test_a_folder_without_a_piece_is_an_error_and_a_bad_file_a_line(tmp_path):
    (tmp_path / "bad.mid").write_bytes(b"nonsense")
    with pytest.raises(UsageError):
        read_folder(tmp_path, steps_per_beat=4, seed=0)
    for number in range(12):
        (tmp_path / f"{number}.MID").write_bytes(
            midi_bytes(compose(0, number, 4), steps_per_beat=4)
        )
    pieces = read_folder(tmp_path, steps_per_beat=4, seed=0, valid=0.3, test=0.3)
    assert pieces.skipped == 1 and "not a MIDI file" in pieces.table()


def test_folders_of_which_one_is_missing_are_no_splits_and_that_is_said(tmp_path):
    for number, split in enumerate(("train", "test")):
        (tmp_path / split).mkdir()
        content = midi_bytes(compose(0, number, 4), steps_per_beat=4)
        (tmp_path / split / f"{number}.mid").write_bytes(content)
    (note,) = (
        note
        for note in read_folder(tmp_path, steps_per_beat=4, seed=0).notes
        if "train, valid, test" in note
    )
    assert "has train and test, but not all" in note
    (tmp_path / "valid").mkdir()
    given = read_folder(tmp_path, steps_per_beat=4, seed=0)
    assert not any("train, valid, test" in note for note in given.notes)
    assert [len(given.splits[split]) for split in ("train", "test")] == [1, 1]


def test_adding_a_file_moves_no_other_to_another_split():
    names = [f"piece {number}.mid" for number in range(2000)]
    first = [split_of(name, 5, 0.1, 0.1) for name in names]
    assert first == [split_of(name, 5, 0.1, 0.1) for name in names] and first != [
        split_of(name, 6, 0.1, 0.1) for name in names
    ]
    assert first.count("test") == pytest.approx(200, abs=60) and first.count(
        "valid"
    ) == pytest.approx(200, abs=60)


# -- models


def test_likelihoods_of_all_chords_of_a_toy_piano_sum_to_one():
    torch.manual_seed(0)
    model = ChordLstm(ChordLstmConfig(hidden=5, channels=3, reach=3, span=2), keys=4).eval()
    past = torch.randint(0, 2, (1, model.history, 1, 4)).float()
    total = 0.0
    for chord in itertools.product((0.0, 1.0), repeat=4):
        sounds = torch.cat([past, torch.tensor(chord).view(1, 1, 1, 4)], dim=1)
        with torch.no_grad():
            predicted = model.predict(sounds, torch.zeros(1, dtype=torch.int64), model.begin(1))
            log_p = torch.nn.functional.logsigmoid(
                torch.where(sounds[:, -1:] > 0, predicted.logits, -predicted.logits)
            ).sum()
        total += float(log_p.exp())
    assert total == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name", ["two-hands", "one-track", "chord-lstm"])
def test_no_model_sees_what_it_predicts(name):
    config = configured(model={"name": name, "hidden": 6, "layers": 1})
    model = make_model(config, 0).eval()
    rng = np.random.default_rng(0)
    sounds = torch.tensor(rng.random((1, model.history + 6, model.hands, KEYS)) < 0.1).float()
    changed = sounds.clone()
    step = 3
    changed[:, model.history + step] = 1 - changed[:, model.history + step]
    with torch.no_grad():
        one, two = (
            model.predict(each, torch.zeros(1, dtype=torch.int64), model.begin(1)).logits
            for each in (sounds, changed)
        )
    assert torch.equal(one[:, :step], two[:, :step]) and not torch.equal(
        one[:, step + 1], two[:, step + 1]
    )
    if name != "chord-lstm":
        assert torch.equal(one[:, step], two[:, step])


def test_the_score_is_the_sum_over_frames_with_the_state_carried_from_the_beginning():
    config = configured(model={"name": "two-hands", "hidden": 6, "layers": 1}, loss="likelihood")
    model = make_model(config, 1).eval()
    rolls = [compose(0, number, 4) for number in range(3)]
    total = frames = 0.0
    for roll in rolls:
        padded = np.concatenate([np.zeros((model.history, 2, KEYS), np.uint8), roll])[None]
        target = target_of(
            padded, np.ones((1, len(roll)), bool), np.zeros(1, np.int64), torch.device("cpu")
        )
        with torch.no_grad():
            total += float(
                frame_nll(
                    model, model.predict(target.sounds, target.position, model.begin(1)), target
                )
                .double()
                .sum()
            )
        frames += len(roll)
    assert score(model, rolls)["nll"] == pytest.approx(total / frames, rel=1e-6)


def test_windows_follow_one_another_and_nothing_is_left_out():
    rolls = [compose(0, number, 4) for number in range(3)]
    lanes = Lanes(rolls, 1, 10, 1, (0, 0), np.random.default_rng(0))
    seen = 0
    for _ in range(200):
        window = lanes.next()
        seen += int(window.inside.sum())
        if seen >= lanes.frames:
            break
    assert seen == lanes.frames


@pytest.mark.parametrize("name", ["two-hands", "one-track", "chord-lstm"])
def test_one_bar_is_learned_by_heart_and_played_again(name):
    bar = compose(0, 0, 4)[:16]
    config = configured(model={"name": name, "hidden": 48, "layers": 1}, loss="likelihood")
    model = make_model(config, 0)
    roll = bar if model.hands == 2 else joined(bar)
    whole = np.concatenate([np.zeros((model.history, model.hands, KEYS), np.uint8), roll])[None]
    target = target_of(whole, np.ones((1, 16), bool), np.zeros(1, np.int64), torch.device("cpu"))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(500):
        parts = losses(
            model,
            model.predict(target.sounds, target.position, model.begin(1)),
            target,
            "likelihood",
        )
        optimizer.zero_grad()
        torch.stack(list(parts.values())).sum().backward()
        optimizer.step()
    from dataclasses import replace

    how = replace(default_draw(model), mode="argmax", a_right=0.0, a_left=0.0)
    played = continued(model, roll[:4], 12, how, np.random.default_rng(0))
    assert ((played != 0) == (roll != 0)).mean() > 0.99


def test_the_reports_corrections_are_its_formulas():
    sounded = np.array([0, 1, 4])
    assert correction(sounded, 0.25, 1.0, "argmax") == pytest.approx(
        [1, np.exp(-0.25), np.exp(-1.0)]
    )
    assert correction(sounded, 0.25, 1.0, "sample") == pytest.approx(
        [1, 1 + np.exp(-0.25), 1 + np.exp(-1.0)]
    )


def test_the_most_likely_keys_are_taken_as_many_as_were_counted():
    logits = np.array([0.0, 3.0, 1.0, 2.0])
    keys = draw_keys(logits, 2.2, np.zeros(4), 0, Draw(mode="argmax"), np.random.default_rng(0))
    assert keys.tolist() == [False, True, False, True]
    assert not draw_keys(logits, 0.3, np.zeros(4), 0, Draw(), np.random.default_rng(0)).any()


def test_frozen_music_is_a_number():
    still = np.zeros((40, 1, KEYS), dtype=np.uint8)
    still[0, 0, [30, 34]], still[1:, 0, [30, 34]] = STRUCK, HELD
    figures = statistics(still)
    assert (
        figures["frozen"] == pytest.approx(32 / 40)
        and figures["polyphony"] == 2
        and figures["repeats"] == 0
    )
    assert (
        statistics(compose(0, 0))["frozen"] < 0.2
        and statistics(transposed(still, 3))["frozen"] == figures["frozen"]
    )


# -- the lab


def test_a_run_leaves_midi_sound_and_pictures_and_generate_repeats_itself(
    store, say, tmp_path, monkeypatch
):
    made = run("music", preset="quick")
    names = {one.name for one in made.record.artifacts}
    assert {
        "continuation.mid",
        "continuation.wav",
        "continuation.png",
        "files.tsv",
        "model.safetensors",
        "statistics.json",
    } <= names
    assert np.isfinite(made.summary["test_nll"])
    monkeypatch.chdir(tmp_path)
    for name in ("a.mid", "b.mid"):
        assert (
            say(
                "generate",
                made.id,
                "--steps",
                40,
                "--mode",
                "nucleus",
                "--seed",
                3,
                "--output",
                name,
            ).code
            == 0
        )
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()
    figures = json.loads((tmp_path / "a.json").read_text())
    assert sum(figures["generated"]["pitch_classes"].values()) == pytest.approx(1)
    other = say(
        "generate",
        made.id,
        "--seed-file",
        tmp_path / "a.mid",
        "--seed-steps",
        8,
        "--steps",
        8,
        "--output",
        "c.mid",
    )
    assert other.code == 0 and len(read_piece((tmp_path / "c.mid").read_bytes(), "c", 4).roll) <= 16
    (tmp_path / "no.mid").write_bytes(b"no")
    refused = say("generate", made.id, "--seed-file", tmp_path / "no.mid")
    assert refused.code == 2 and "not a MIDI file" in refused.err


@pytest.mark.parametrize(
    "more", [{}, {"recall": True}, {"hands": 2, "tonality": True, "hand_dropout": 0.3}]
)
def test_a_stopped_run_of_the_chord_model_ends_with_the_same_bytes(store, more):
    from sandbox import resume

    model = {"name": "chord-lstm", "hidden": 12, "channels": 8, "output_dropout": 0.3}
    options = {
        "preset": "quick",
        "pieces": 4,
        "epochs": 2,
        "model": {**model, **more},
        "loss": "likelihood",
        "pictures": False,
    }
    whole = run("music", **options)
    stopped = run("music", **options, max_time=0.0, checkpoint_every=0.0)
    assert stopped.status == "timed-out"
    again = resume(stopped.id)
    assert (
        whole.folder.metrics_path.read_bytes() == again.folder.metrics_path.read_bytes()
        and load(again.id).summary["test_nll"] == whole.summary["test_nll"]
        and load(again.id).summary["notes"] == whole.summary["notes"]
    )


def test_no_more_is_learned_from_than_the_limit_of_frames_below_one_epoch(store):
    made = run("music", preset="quick", frames=1000, pictures=False)
    assert made.summary["epochs"] == 1 and 700 < made.summary["frames"] <= 1000


def test_the_number_of_pieces_is_that_of_files_that_were_read_however_they_are_split(
    store, tmp_path, say
):
    for number in range(2):
        (tmp_path / f"{number}.mid").write_bytes(midi_bytes(compose(0, number), steps_per_beat=4))
    for name in ("bad", "worse"):
        (tmp_path / f"{name}.mid").write_bytes(name.encode())
    words = ("--data", tmp_path, "--frames", 300, "--no-pictures")
    said = say("run", "music", "--preset", "quick", *words)
    assert said.code == 0, said.err
    assert "training pieces replace it" in said.err  # one of two pieces for three splits
    assert load("last").summary["pieces"] == 2


def test_the_device_auto_learns_on_what_the_machine_has(store, say):
    words = ("--frames", 1000, "--no-pictures", "--device", "auto")
    said = say("run", "music", "--preset", "quick", *words)
    assert said.code == 0, said.err
    assert load("last").record.device == "auto" and load("last").status == "finished"


def test_epochs_of_etudes_make_the_next_step_better_foreseen(store):
    made = run("music", preset="quick", pieces=20, epochs=6, loss="likelihood", pictures=False)
    nll = made.metrics.columns("validate")["nll"]
    assert nll[-1] < nll[0] and len(etudes(0, 20, steps_per_beat=4).splits["test"]) == 2


def test_best_keeps_its_sizes_whatever_the_model():
    for name in ("one-track", "two-hands", "chord-lstm"):
        options = resolve(
            MusicConfig, [MusicLab.presets["best"], {"model": name}], "music"
        ).model.options
        assert (options.hidden, options.layers, options.output_dropout) == (320, 1, 0.4)


def test_the_learning_curve_counts_whole_epochs():
    epochs = np.array([1, 2, 3])
    learn, validate = ({"epoch": epochs, name: epochs / 3} for name in ("loss", "nll"))
    ticks = learning_curve(learn, validate, {}).axes[1].get_xticks()
    assert all(float(tick).is_integer() for tick in ticks)


@pytest.mark.parametrize("hands", [1, 2])
@pytest.mark.parametrize(("seed", "steps"), [(1, 400), (16, 400), (17, 400), (32, 256), (5, 5)])
def test_the_word_seed_stays_in_the_axes_of_the_piano_roll(hands, seed, steps):
    roll = np.zeros((seed + steps, hands, KEYS), np.uint8)
    figure = piano_roll(roll, seed, 4, "one")
    axes = figure.axes[0]
    figure.canvas.draw()
    (word,) = (text for text in axes.texts if text.get_text() == "seed")
    assert axes.get_window_extent().x0 <= word.get_window_extent().x0
    assert word.get_window_extent().x1 <= axes.get_window_extent().x1
