"""What a model recalls: resemblance by its definition, likelihoods that stay exact, resuming."""

# ruff: noqa: E402 - what needs an extra is imported after asking whether it is there

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("symusic")
pytest.importorskip("pretty_midi")

from envs.datasets.etudes import compose
from envs.datasets.rolls import KEYS, SILENT, joined, transposed
from plugins.music.config import ChordLstmConfig, MusicConfig
from plugins.music.generate import chord_weights, continued
from plugins.music.lab import MusicLab
from plugins.music.networks.chords import ChordLstm
from plugins.music.networks.drawing import UNCORRECTED, draw_chord
from plugins.music.networks.making import make_model
from plugins.music.networks.models import target_of
from plugins.music.networks.recall import (
    CLEAR,
    DECAY,
    LEAST,
    RECALLED,
    Hearing,
    Memory,
    recall,
    tonality,
    with_hearing,
)
from plugins.music.scores import Scoring, score
from sandbox.config.model import dump
from sandbox.config.resolve import resolve

pytestmark = pytest.mark.extras


RECALLS = Hearing(recall=True)


def made(seed=0, **options):
    model = {"name": "chord-lstm", "recall": True, "hidden": 6, "channels": 4, "layers": 1}
    return make_model(resolve(MusicConfig, [{"model": {**model, **options}}], "music"), seed).eval()


def toy(hands, **hearing):
    """A model of four keys in all, and what it hears before a step: sounds and recalled."""
    torch.manual_seed(5)
    hearing = hearing or {"recall": True}
    config = ChordLstmConfig(hidden=5, channels=3, reach=3, span=2, hands=hands, **hearing)
    model = ChordLstm(config, keys=4 // hands).eval()
    for layer in (model.below, model.mix, model.read):
        torch.nn.init.normal_(layer.weight, std=2.0)
    heard, keys = model.recalled, 4 // hands
    past = torch.randint(0, 2, (1, model.history, hands + heard, keys)).float()
    return model, past, torch.rand(1, 1, heard, keys)


def likelihoods(model, past, recalled):
    position, found = torch.zeros(1, dtype=torch.int64), {}
    for chord in itertools.product((0.0, 1.0), repeat=4):
        sounding = torch.tensor(chord).view(1, 1, -1, model.hands).transpose(2, 3)
        now = torch.cat([sounding, recalled], dim=2)
        sounds = torch.cat([past, now], dim=1)
        with torch.no_grad():
            logits = model.predict(sounds, position, model.begin(1)).logits
        signed = torch.where(sounding > 0, logits, -logits)
        found[chord] = float(torch.nn.functional.logsigmoid(signed).sum().exp())
    return found, sounds, position


def test_the_votes_are_those_of_the_definition():
    rng = np.random.default_rng(1)
    sounds = rng.random((40, 6)) < 0.3
    sounds[20:30], sounds[33] = sounds[5:15], False
    out = recall(sounds, np.zeros(40), 0)

    def share(a, b):
        either = (a | b).sum()
        return (a & b).sum() / either if either else 1.0

    m = np.zeros((41, 41))
    for t in range(1, 40):
        for s in range(1, t):
            m[t, s] = share(sounds[t - 1], sounds[s - 1]) * (1 + m[t - 1, s - 1])
        weight = np.where(m[t] > LEAST, m[t] ** 3, 0.0)[:40]
        votes = weight @ sounds / max(weight.sum(), 1e-300)
        trust = np.log2(1 + m[t].max()) / 8
        assert out[t] == pytest.approx(255 * np.stack([votes, votes * trust]), abs=0.51)
    assert m[30].max() >= 10 and m.max() < 255


def test_an_exact_repeat_is_recalled_in_every_key_it_was_transposed_to():
    piece = joined(compose(0, 0, 8))
    twice = np.concatenate([piece, piece])
    heard = with_hearing(twice, RECALLS)
    again = heard[len(piece) + 16 :]
    assert ((again[:, 1] > 127) == (again[:, 0] != SILENT)).mean() > 0.999
    assert (with_hearing(transposed(twice, 2), RECALLS) == transposed(heard, 2)).all()


def test_nothing_is_recalled_from_the_step_itself_or_later_ones():
    rng = np.random.default_rng(0)
    roll = (rng.random((60, 1, KEYS)) < 0.05).astype(np.uint8)
    changed = roll.copy()
    changed[30:] = 1 - changed[30:]
    one, two = with_hearing(roll, RECALLS)[:, 1:], with_hearing(changed, RECALLS)[:, 1:]
    assert (one[:31] == two[:31]).all() and (one[31:] != two[31:]).any()
    model, nll = made(), []
    for each in (roll, changed):
        whole = np.zeros((1, model.history + 60, 1 + RECALLED, KEYS), np.uint8)
        whole[0, model.history :] = with_hearing(each, RECALLS)
        inside = np.ones((1, 60), bool)
        target = target_of(whole, inside, np.zeros(1, np.int64), torch.device("cpu"), RECALLED)
        with torch.no_grad():
            nll.append(model.predict(target.sounds, target.position, model.begin(1)).logits)
    assert torch.equal(nll[0][:, :30], nll[1][:, :30])
    assert torch.equal(nll[0][:, 30, :, 0], nll[1][:, 30, :, 0])  # the lowest key of the step
    assert not torch.equal(nll[0][:, 31], nll[1][:, 31])


def test_the_tonality_of_a_key_is_the_weight_of_its_pitch_class_in_earlier_steps():
    rng = np.random.default_rng(2)
    sounds = rng.random((50, 2, 30)) < 0.1
    out = tonality(sounds, np.zeros(12), 0)
    for step in range(50):
        weights = np.zeros(12)
        for earlier in range(step):
            for _, key in np.argwhere(sounds[earlier]):
                weights[key % 12] += DECAY ** (step - 1 - earlier)
        share = weights / weights.sum() if weights.any() else weights
        expected = 255 * np.minimum(1, CLEAR * share)[np.arange(30) % 12]
        assert out[step] == pytest.approx(np.stack([expected, expected]), abs=0.51)
    presence = np.zeros(12)
    parts = [tonality(sounds[:end], presence, begin) for begin, end in ((0, 1), (1, 20), (20, 50))]
    assert (np.concatenate(parts) == out).all()
    changed = sounds.copy()
    changed[30:] = ~changed[30:]
    assert (tonality(changed, np.zeros(12), 0)[:31] == out[:31]).all()
    scale = np.zeros((40, 1, 88), bool)
    scale[:, 0, [3, 5, 7, 8, 10, 12, 14]] = True  # C major from the piano's lowest C
    heard = tonality(scale, np.zeros(12), 0)[-1, 0]
    assert sorted(np.flatnonzero(heard[:12] > 200)) == [0, 2, 3, 5, 7, 8, 10]
    assert (heard[:12] > 0).sum() == 7


@pytest.mark.parametrize("hearing", [{}, {"tonality": True}, {"recall": True, "tonality": True}])
@pytest.mark.parametrize("hands", [1, 2])
def test_likelihoods_of_all_chords_sum_to_one_and_depend_on_what_is_heard(hands, hearing):
    model, past, recalled = toy(hands, **hearing)
    found, _, _ = likelihoods(model, past, recalled)
    other, _, _ = likelihoods(model, past, 1 - recalled)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-5)
    assert max(abs(found[chord] - other[chord]) for chord in found) > 0.01


@pytest.mark.parametrize("hands", [1, 2])
def test_chords_are_drawn_as_often_as_their_likelihood_says(hands):
    model, past, recalled = toy(hands)
    found, sounds, position = likelihoods(model, past, recalled)
    with torch.no_grad():
        features, base, _, _ = model.features(sounds, position, model.begin(1))
    rng, weights = np.random.default_rng(0), chord_weights(model)
    votes = recalled[0, 0, :hands].T.reshape(-1).numpy()  # in the order of the keys
    arrays = features[0, 0].numpy(), base[0, 0].numpy(), weights, np.zeros(4), UNCORRECTED, rng
    drawn = [tuple(draw_chord(*arrays, votes).astype(float)) for _ in range(20_000)]
    shares = np.array([drawn.count(chord) for chord in found]) / len(drawn)
    assert np.abs(shares - list(found.values())).max() < 5 * np.sqrt(0.25 / len(drawn))
    assert max(found.values()) - min(found.values()) > 0.05


@pytest.mark.parametrize("tonal", [False, True])
@pytest.mark.parametrize("hands", [1, 2])
def test_the_score_of_a_piece_is_that_of_its_steps_one_at_a_time_as_in_generation(hands, tonal):
    model, roll = made(1, hands=hands, tonality=tonal), compose(0, 1, 4)
    roll = roll if hands == 2 else joined(roll)
    sounds = np.zeros((model.history + len(roll), hands + model.recalled, KEYS), np.float32)
    memory, state, total = Memory(sounds[model.history :], model.hearing), model.begin(1), 0.0
    for step in range(len(roll)):
        memory.fill(step + 1)
        sounds[model.history + step, :hands] = roll[step] != SILENT
        window = torch.from_numpy(sounds[None, step : step + model.history + 1])
        with torch.no_grad():
            predicted = model.predict(window, torch.tensor([step]), state)
        state, now = predicted.state, window[:, -1:, :hands]
        total += float(
            torch.nn.functional.binary_cross_entropy_with_logits(
                predicted.logits, now, reduction="sum"
            )
        )
    assert score(model, [roll])["nll"] == pytest.approx(total / len(roll), rel=1e-5)
    assert Scoring([roll], model).hands == hands


def test_two_hands_are_recalled_together_and_heard_apart():
    roll = compose(0, 2, 4)
    together = with_hearing(roll.reshape(len(roll), 1, -1), RECALLS)  # one long keyboard
    apart = with_hearing(roll, RECALLS)[:, 2:].reshape(len(roll), RECALLED, -1)
    assert (apart == together[:, 1:]).all() and apart.any()
    model, key = made(2, hands=2), 11
    sounds = torch.zeros(1, model.history + 1, 2 + model.recalled, KEYS)
    with torch.no_grad():
        plain = model.predict(sounds, torch.tensor([0]), model.begin(1)).logits
        for hand in (0, 1):
            played = sounds.clone()
            played[:, -1, hand, key] = 1
            moved = model.predict(played, torch.tensor([0]), model.begin(1)).logits != plain
            assert moved[0, 0, :, key + 1].all() and not moved[0, 0, :, :key].any()
            assert moved[0, 0, 1, key] == (hand == 0) and not moved[0, 0, 0, key]


@pytest.mark.parametrize("hands", [1, 2])
def test_a_continuation_begins_with_its_seed_and_repeats_itself(hands):
    model, seed = made(hands=hands), compose(0, 0, 4)[:20]
    seed = seed if hands == 2 else joined(seed)
    one, two = (continued(model, seed, 30, UNCORRECTED, np.random.default_rng(0)) for _ in range(2))
    assert one.shape == (50, hands, KEYS) and (one == two).all() and (one[:20] == seed).all()


def test_the_preset_recalls_and_the_older_ones_do_not_mention_it():
    def options(*layers):
        return resolve(MusicConfig, list(layers), "music").model.options

    presets = MusicLab.presets
    assert options(presets["best-recall"]).recall and not options(presets["best"]).recall
    assert dump(options(presets["best-recall"]))["recall"] is True
    assert not {"recall", "hands"} & set(dump(options(presets["best"])))


def test_a_model_without_recall_keeps_its_weights_and_its_configuration():
    plain = made(recall=False)
    assert not plain.recalled and "trust.weight" not in plain.state_dict()
    assert plain.past.weight.shape[1] == 9 and plain.below.weight.shape[1] == 1
    assert made().past.weight.shape[1] == 11 and made().below.weight.shape[1] == 2


def test_a_hand_is_dropped_for_a_window_and_only_while_the_model_learns():
    model = made(hands=2, recall=False, hand_dropout=0.5)
    model.noise = torch.Generator().manual_seed(0)
    sounds = (torch.rand(64, model.history + 3, 2, KEYS) < 0.2).float()

    def features(sounds):
        return model.features(sounds, torch.zeros(len(sounds)), model.begin(len(sounds)))[0]

    with torch.no_grad():
        each = {}
        for left, right in itertools.product((0.0, 1.0), repeat=2):
            each[left, right] = features(sounds * torch.tensor([left, right])[:, None])
        assert torch.equal(features(sounds), each[1, 1])
        learning = model.train() and features(sounds)
    found = [
        tuple(torch.allclose(learning[lane], one[lane], atol=1e-5) for one in each.values())
        for lane in range(64)
    ]
    assert {sum(lane) for lane in found} == {1} and len(set(found)) == 4
