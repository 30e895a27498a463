"""Snapshots of supervised labs: they change nothing, come back, and frames show what they hold."""

from __future__ import annotations

import copy
import gc
import weakref

import numpy as np
import pytest
from PIL import Image, ImageSequence

from agents import snapshots
from agents.snapshots import Snapshots, snapshot_times
from sandbox import load, run
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.runs.work import work_of
from sandbox.seeding import Generators
from sandbox.store import checkpoint
from sandbox.store.artifacts import Artifacts
from sandbox.testing.promises import fingerprint
from tests.conftest import configured, marked

SETTINGS = {
    "regression": {"epochs": 50, "hidden": "6,5"},
    "mnist": {"epochs": 2, "hidden": (16,), "averaging": 0.9},
    "autoencoder": {"epochs": 2, "model": "convolutional", "morphs": ("2-0",)},
    "music": {"epochs": 4, "pieces": 12, "steps": 16},
}
LABS = marked(SETTINGS)


def needs_torch(lab):
    if lab != "regression":
        pytest.importorskip("torch")


@pytest.fixture
def made(tmp_path):
    """A fresh experiment at work: made(lab)."""

    def make(lab, name="one", **more):
        needs_torch(lab)
        config = configured(lab, "quick", [SETTINGS[lab] | more])
        (tmp_path / name).mkdir()
        context = Context(3, Generators(3), Artifacts(tmp_path / name / "artifacts"))
        work = work_of(registry().lab(lab), context)
        work.build(lambda context: registry().lab(lab).build(config, context))
        return work

    return make


def finished(work):
    while not work.experiment.done:
        work.advance()
    return work.experiment


def frames(lab, experiment, history=True):
    return list(registry().lab(lab).frames(experiment, np.random.default_rng(0), history))


@pytest.mark.parametrize("lab", LABS)
def test_what_is_learned_is_the_same_without_snapshots(made, monkeypatch, lab):
    """Blocks and state to the last bit, and the global generators."""
    seen = []
    for name in ("with", "without"):
        work = made(lab, name)
        blocks = []
        while not work.experiment.done:
            blocks += [(one.stream, {k: list(v) for k, v in one.columns.items()}) for one in work.advance()[0]]  # fmt: skip
        state = work.state()
        kept = state["experiment"].pop("snapshots", None)
        assert (kept is not None) == (name == "with")
        seen.append((blocks, fingerprint(state)))
        monkeypatch.setattr(Snapshots, "reached", lambda self, step, view: None)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("lab", LABS)
def test_snapshots_of_a_continued_run_are_those_of_an_uninterrupted_one(made, tmp_path, lab):
    whole, other = made(lab, "whole"), made(lab, "other")
    while len(other.experiment.snapshots.kept) < 3:
        other.advance()
    path = checkpoint.save(tmp_path / "other" / "checkpoints", 2, other.state())
    again = made(lab, "again")
    again.restore(2, checkpoint.load(path))
    assert len(again.experiment.snapshots.kept) >= 3
    one, two = (finished(work).snapshots for work in (whole, again))
    assert len(one.kept) > 3 and fingerprint(one.state()) == fingerprint(two.state())


@pytest.mark.parametrize("lab", LABS)
def test_frames_differ_over_time_and_change_nothing(made, lab):
    experiment = finished(made(lab))
    before = fingerprint(experiment.state())
    every = frames(lab, experiment)
    pixels = [frame.draw() for frame in every]
    assert len({one.tobytes() for one in pixels}) > len(pixels) / 2
    assert {one.shape for one in pixels} == {pixels[0].shape}
    assert len(every) > len(experiment.snapshots.kept) > 2
    assert every[0].status.startswith("epoch 0 ·")
    assert fingerprint(experiment.state()) == before


@pytest.mark.parametrize("lab", LABS)
def test_a_run_without_a_screen_has_an_animation(in_process, store, lab):
    needs_torch(lab)
    words = ["--epochs=2", "--model.hidden=8"] if lab == "music" else ["--epochs=2"]
    said = in_process("run", lab, "--preset", "quick", *words, "--render", "gif", DISPLAY="")
    assert said.code == 0 and "Warning" not in said.err
    made = load("last")
    with Image.open(made.folder.artifacts.folder / made.lab.animation) as animation:
        shown = [frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(animation)]
    assert len(shown) > 2 and len(set(shown)) > 1


def vermilion(pixels):
    """Where the curve is: bool [height, width]."""
    return (np.abs(pixels.astype(int) - (213, 94, 0)) < 6).all(axis=2)


def test_the_drawn_curve_is_what_the_network_of_that_epoch_predicts(made):
    """Trained to that epoch a second time, and measured in the picture."""
    experiment = finished(made("regression", hidden="12,9", epochs=400))
    every = frames("regression", experiment)
    epochs = [int(one["epoch"]) for one in experiment.snapshots.kept] + [400]
    for number in (0, 7, len(every) - 1):
        again = made("regression", f"to {number}", hidden="12,9", epochs=400).experiment
        if epochs[number]:
            again.training.run(epochs[number])
        x = np.linspace(*(points := again.places)[[0, -1]], 40)[3:-3]
        expected = every[number].chart.places(x, again.training.network(x[:, None])[:, 0])
        box, drawn = every[number].chart.box(), vermilion(every[number].draw())
        inside = [place for place in expected if box.top + 4 < place[1] < box.bottom - 4]
        assert len(inside) > 20 and len(points) == 200
        for column, row in np.rint(inside).astype(int):
            rows = np.flatnonzero(drawn[:, column])
            assert np.abs(rows - row).min() <= 3
        assert f"epoch {epochs[number]} " in every[number].status


def test_of_a_run_that_chooses_its_epoch_the_last_frame_shows_the_chosen_one(made):
    experiment = finished(made("regression", epochs=300, validation=0.3, patience=20))
    last = frames("regression", experiment)[-1]
    assert f"epoch {experiment.best['epoch']} " in last.status
    x = experiment.places
    assert np.array_equal(experiment.view()["curve"], experiment.model(x[:, None])[:, 0])


@pytest.mark.extras
def test_the_drawn_fields_are_the_weights_of_that_step(made):
    work = made("mnist", averaging=0.0)
    experiment, weights = work.experiment, {}
    learn = experiment._step

    def step(number):
        weights[number] = experiment.model.state_dict()["linear1.weight"][:16].clone().numpy()
        return learn(number)

    experiment._step = step
    finished(work)
    every, number = frames("mnist", experiment), 5
    kept = experiment.snapshots.kept[number]
    step = round(float(kept["epoch"]) * experiment.batches)
    assert np.allclose(kept["fields"][:16].reshape(16, -1), weights[step], atol=1e-6)
    drawn = every[number].draw().astype(int)
    for neuron in (0, 9):
        box = every[number].chart.image_box(neuron)
        cell = drawn[box.top : box.bottom, box.left : box.right]
        field = Image.fromarray(kept["fields"][neuron]).resize((box.width, box.height), 0)
        agree = np.corrcoef((cell[..., 0] - cell[..., 2]).ravel(), np.asarray(field).ravel())[0, 1]
        assert agree > 0.95  # red adds


@pytest.mark.extras
def test_the_drawn_codes_are_those_of_the_images(made):
    from plugins.autoencoder.codes import encode
    from plugins.autoencoder.figures import TEN

    experiment = finished(made("autoencoder", code_size=2, epochs=4, model="deep"))
    last = frames("autoencoder", experiment)[-1]
    codes = encode(experiment.model, experiment.watched.arrays()[0])
    places, drawn = last.chart.places(*codes.T), last.draw()
    hits = [
        bytes(drawn[round(y), round(x)]) == bytes.fromhex(TEN[label][1:])
        for (x, y), label in zip(places, experiment.watched.arrays()[1], strict=True)
    ]
    assert np.mean(hits) > 0.5  # names, and dots of others, lie over some


@pytest.mark.extras
def test_the_roll_that_plays_is_the_continuation_among_the_artifacts(store):
    needs_torch("music")
    from envs.datasets.midi import read_piece

    done = run(
        "music", preset="quick", config={"epochs": 2, "model": {"hidden": 8}, "dataset": "etudes"}
    )
    written = read_piece(done.folder.artifacts.read("continuation.mid"), "x", 4).roll
    roll = done.experiment.continuation().roll
    assert np.array_equal(written, roll[: len(written)]) and not roll[len(written) :].any()
    every = frames("music", done.experiment, history=False)
    first, last = every[0].draw(), every[-1].draw()
    assert every[0].status.endswith("beat 0 of 24") and every[-1].status.endswith("beat 24 of 24")
    chart = every[0].chart
    box, early = chart.box(), every[8].draw()
    now = round(chart.places(np.array([4.0]), np.zeros(1))[0, 0])  # beat 4, in the seed
    past, future = slice(box.left, now - 2), slice(now + 3, box.right)
    assert np.array_equal(early[box.top : box.bottom, past], last[box.top : box.bottom, past])
    assert np.array_equal(early[box.top : box.bottom, future], first[box.top : box.bottom, future])
    assert (early[box.top : box.bottom, future] > last[box.top : box.bottom, future]).any()
    for hand in range(2):
        steps, keys = np.nonzero(roll[:, hand])
        places = chart.places((steps + 0.5) / 4, keys + 21, hand)
        assert len(places) and all((last[round(y), round(x)] < 240).any() for x, y in places)


def test_times_are_spaced_geometrically_and_large_snapshots_are_thinned(monkeypatch):
    assert snapshot_times(8, 4) == [1, 2, 4, 8] and snapshot_times(1) == [1]
    assert len(snapshot_times(10**6)) == 30
    monkeypatch.setattr(snapshots, "SNAPSHOT_BYTES", 10_000)
    kept = Snapshots(10**6)
    for step in range(0, 1000):
        kept.reached(step, lambda: {"x": np.zeros(100)})
    assert len(kept.kept) <= 12 and sum(one["x"].nbytes for one in kept.kept) <= 10_000
    assert kept.kept[0]["epoch"] == 0.0


@pytest.mark.parametrize("lab", LABS)
def test_an_experiment_is_freed_with_the_last_reference_to_it(made, lab):
    work = made(lab)
    work.advance()
    gc.collect()
    gc.disable()  # many runs in one process would wait for it with all their models and data
    try:
        experiment = weakref.ref(work.experiment)
        del work
        assert experiment() is None
    finally:
        gc.enable()


def watched_without(change, store, lab="regression"):
    """A finished run whose checkpoint was changed."""
    done = run(lab, preset="quick", pictures=False, config=SETTINGS[lab])
    folder = done.folder.checkpoints
    for number in checkpoint.numbers(folder):
        state = copy.deepcopy(checkpoint.load(folder / f"{number:06d}"))
        change(state["experiment"])
        checkpoint.save(folder, number, state)
    return done


def test_a_run_of_an_older_version_shows_its_last_model(say, store):
    done = watched_without(lambda state: state.pop("snapshots"), store)
    assert say("watch", "--render", "gif").code == 0
    with Image.open(done.folder.artifacts.folder / "watch.gif") as animation:
        assert animation.n_frames == 1
    assert done.experiment.done


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.update(curve=np.zeros((len(kept["curve"]), 7))),
        lambda kept: kept.update(curve=kept["curve"] * np.nan),
        lambda kept: kept.update(more=kept["epoch"]),
        lambda kept: kept.pop("curve"),
        lambda kept: kept.update(curve=kept["curve"].astype(str)),
    ],
)
def test_snapshots_that_do_not_fit_are_said_so(say, store, change):
    watched_without(lambda state: change(state["snapshots"]), store)
    said = say("watch", "--render", "gif")
    assert said.code == 1 and "watch RUN --final" in said.err and "Traceback" not in said.err
    assert say("watch", "--render", "gif", "--final").code == 0


@pytest.mark.parametrize("kept", [{"epoch": [0.0], "curve": []}, 7, {"epoch": 3}])
def test_snapshots_that_are_no_columns_are_a_damaged_checkpoint(say, store, kept):
    watched_without(lambda state: state.update(snapshots=kept), store)
    said = say("watch", "--render", "gif")
    assert said.code == 1 and "does not fit this lab" in said.err


def test_a_search_that_has_not_chosen_has_nothing_to_watch(say, store):
    said = say("run", "regression", "--preset", "search", "--max-time", 0, "--render", "none")
    assert "timed-out" in said.out
    said = say("watch", "--render", "gif")
    assert said.code == 2 and "nothing to watch yet" in said.err
