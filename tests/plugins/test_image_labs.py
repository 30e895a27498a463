"""Labs 03 and 05: neurons by linear algebra, components against scikit-learn, the search."""

# ruff: noqa: E402 - torch is an extra, and what needs it stands behind the question whether it is
# there
from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image, ImageDraw

from agents.supervised.saving import model_of
from envs.datasets.images import CLASSES, FILES, load_images
from plugins.autoencoder import codes, figures, refinement
from plugins.autoencoder.comparison import Components, error
from plugins.autoencoder.config import AutoencoderConfig
from plugins.autoencoder.lab import AutoencoderLab
from plugins.autoencoder.network import autoencoder
from plugins.autoencoder.refinement import refined
from plugins.mnist import neurons
from plugins.mnist.config import MnistConfig
from plugins.mnist.figures import mistakes, reliability
from plugins.mnist.lab import MnistLab
from plugins.mnist.network import half_noisy, network
from plugins.mnist.prediction import prepared
from sandbox import run
from sandbox.errors import UsageError
from sandbox.testing import check_experiment, check_lab

pytestmark = pytest.mark.extras

SEARCH = {
    "dataset": "digits",
    "batch_size": 64,
    "search": {"candidates": 2, "folds": 2, "epochs": 2},
}


def test_receptive_fields_are_the_gradient_of_a_network_without_activations():
    config = MnistConfig(hidden=(6, 5), batch_norm=True, dropout=0.0)
    model = network(config).eval()
    for name in ("relu1", "relu2"):
        setattr(model, name, torch.nn.Identity())
    image = torch.rand(1, 1, 28, 28, requires_grad=True)
    (slope,) = torch.autograd.grad(model(image)[0, 3], image)
    fields = neurons.receptive_fields(model, 3)
    assert np.allclose(fields[3], slope[0, 0].numpy(), atol=1e-6)


def test_of_a_linear_neuron_the_most_exciting_input_is_its_binarised_field():
    config = MnistConfig(hidden=(4,))
    model = network(config).eval()
    fields = neurons.receptive_fields(model, 1)
    found = neurons.exciting_inputs(model, 1, [0, 2], steps=3000)
    assert np.mean((found > 0.5) == (fields[[0, 2]] > 0)) > 0.97
    assert neurons.agreement(fields[[0, 2]], found) > 0.9


@pytest.mark.parametrize("hidden", [(12, 5), (3,)])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_neurons_that_an_image_excites_most_by_hand(hidden, batch_norm):
    torch.manual_seed(1)
    model = network(MnistConfig(hidden=hidden, batch_norm=batch_norm, dropout=0.4))
    for name, values in model.state_dict().items():
        if name.startswith("norm1.running"):
            values.copy_(torch.rand(hidden[0]) + 0.5)
    image = np.random.default_rng(0).random((28, 28), np.float32)
    found = neurons.reaction(model, image)
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}

    def layer(number, values, last=False):
        values = weights[f"linear{number}.weight"] @ values + weights[f"linear{number}.bias"]
        if batch_norm and not last:
            norm = {name: weights[f"norm{number}.{name}"] for name in
                    ("weight", "bias", "running_mean", "running_var")}  # fmt: skip
            values = (values - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5)
            values = values * norm["weight"] + norm["bias"]
        return values if last else np.where(values > 0, values, 0.01 * values)

    def scores(active):
        for number in range(2, len(hidden) + 2):
            active = layer(number, active, number == len(hidden) + 1)
        return active

    active = layer(1, image.ravel().astype(np.float64))
    expected = sorted(range(hidden[0]), key=lambda unit: -active[unit])[:8]
    assert found.neurons.tolist() == expected and len(expected) == min(8, hidden[0])
    assert np.allclose(found.activations, active[expected], atol=1e-6)
    odds = np.exp(scores(active))
    assert np.allclose(found.probabilities, odds / odds.sum(), atol=1e-6)
    without = [scores(np.where(np.arange(hidden[0]) == unit, 0.0, active)) for unit in expected]
    falls = scores(active) - np.array(without)
    assert found.favoured.tolist() == falls.argmax(axis=1).tolist()
    assert len(set(found.favoured.tolist())) > 1
    field = neurons.receptive_fields(model, 1)[expected[0]]  # more ink where it is positive
    more = neurons.reaction(model, np.where(field > 0, image + 0.1, image).astype(np.float32))
    place = more.neurons.tolist().index(expected[0])
    assert more.activations[place] > found.activations[0]


def test_calibration_by_hand():
    chances = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    mean, share, count, gap = reliability(np.array([0, 1, 1, 1]), chances)
    assert count[[6, 9]].tolist() == [2, 2] and share[[6, 9]].tolist() == [1.0, 0.5]
    assert gap == pytest.approx((0.35 * 2 + 0.45 * 2) / 4) and mean[9] == pytest.approx(0.95)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_names_above_mistakes_can_be_read(name):
    labels = np.arange(30) % 10
    chances = np.eye(10)[(labels + 2) % 10]
    figure = mistakes(np.zeros((30, 28, 28)), labels, chances, CLASSES[name])
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    words = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in words]
    assert len(boxes) == 30 and min(box.x0 for box in boxes) > 0
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes) if one.x0 < other.x0)


def test_components_are_those_of_scikit_learn():
    from sklearn.decomposition import PCA

    images = load_images("digits").train[:400] / np.float32(255)
    ours, theirs = Components(images, 5), PCA(5, svd_solver="full").fit(images.reshape(400, -1))
    back = theirs.inverse_transform(theirs.transform(images.reshape(400, -1))).reshape(-1, 28, 28)
    assert error(ours.reconstruct(images, 5), back) < 1e-9


@pytest.mark.parametrize("size", [1, 2])
def test_codes_that_fit_the_picture_are_drawn_where_their_numbers_are(size):
    encoded = np.random.default_rng(0).normal(3, 1, (50, size)).astype(np.float32)
    flat, centre, axes = figures.plane(encoded)
    assert flat.shape == (50, 2) and (flat[:, :size] == encoded).all()
    assert (centre + flat @ axes == encoded).all()
    drawn = figures.code_space(encoded, np.zeros(50, np.int64), tuple("0123456789"))
    across = drawn.axes[0].collections[0].get_offsets()[:, 0]
    assert sorted(across) == pytest.approx(sorted(encoded[:, 0]))


def test_a_line_between_codes_begins_and_ends_at_them():
    way = codes.straight(np.array([0.0, 2.0]), np.array([1.0, 0.0]), 5)
    assert way.tolist() == [[0, 2], [0.25, 1.5], [0.5, 1], [0.75, 0.5], [1, 0]]
    ramp = np.linspace(0, 1, 5)[:, None, None] * np.ones((1, 28, 28))
    assert codes.smoothness(ramp) == pytest.approx(0.25)


def test_candidates_lie_in_the_ranges_of_the_report():
    from sklearn.model_selection import ParameterSampler

    lab = MnistLab()
    drawn = [lab.settings(one) for one in ParameterSampler(lab.space(), 400, random_state=0)]
    assert all(
        50 <= one["hidden"][1] <= one["hidden"][0] <= 600 and 0 <= one["dropout"] < 0.5
        for one in drawn
    )
    assert all(
        1e-4 <= one["learning_rate"] <= 1e-1 and 1e-6 <= one["weight_decay"] <= 1e-2
        for one in drawn
    )
    assert np.mean([one["optimizer"] == "adam" for one in drawn]) == pytest.approx(0.8, abs=0.06)


def test_half_of_the_images_are_noisy_each_to_another_degree():
    torch.manual_seed(0)
    made = half_noisy(torch.full((4000, 1, 20, 20), 0.5), 0.1)
    sd = (made - 0.5).flatten(1).std(1)
    noisy = sd[sd > 0]
    assert len(noisy) == pytest.approx(2000, abs=100)
    assert noisy.mean() == pytest.approx(0.05, rel=0.05) and 0.095 < noisy.max() < 0.115
    assert np.quantile(noisy, [0.25, 0.75]) == pytest.approx([0.025, 0.075], rel=0.08)
    black = half_noisy(torch.zeros(50, 1, 28, 28), 2.0)
    assert black.min() == 0 and black.max() == 1


def test_smooth_deformations_and_noise_resume_with_the_same_bytes():
    augmentation = {"rotation": 5, "elastic": 0.5, "smoothness": 4}
    config = MnistConfig(dataset="digits", hidden=(8,), noise=0.3, augmentation=augmentation)
    check_experiment(
        lambda context: MnistLab().build(config, context), blocks=2, global_generators=["torch"]
    )


def test_the_refined_code_of_a_linear_decoder_is_that_of_least_squares():
    torch.manual_seed(0)
    decoder, images = torch.nn.Linear(3, 20).double(), torch.rand(5, 20).double()
    best = torch.linalg.lstsq(decoder.weight, (images - decoder.bias).T).solution.T
    start = torch.zeros(5, 3).double()
    assert torch.allclose(refined(decoder, start, images, 20), best, atol=1e-4)
    assert torch.equal(refined(decoder, start, images, 0), start)
    damped = decoder.weight.T @ decoder.weight
    damped += torch.diag(torch.diag(damped)) * 0.1 + torch.eye(3) * 1e-6
    once = torch.linalg.solve(damped, decoder.weight.T @ (images - decoder.bias).T).T
    assert torch.allclose(refined(decoder, start, images, 1), once)


def test_refinement_lowers_every_error_and_changes_neither_weights_nor_learning(monkeypatch):
    torch.manual_seed(0)
    settings = {"hidden": (40, 20), "code_size": 3}
    plain = autoencoder(AutoencoderConfig(**settings, decoder=(20, 40)))
    refining = autoencoder(AutoencoderConfig(**settings, decoder=(20, 40), refinement=4))
    refining.load_state_dict(plain.state_dict())
    images = torch.rand(30, 1, 28, 28)
    assert torch.equal(refining(images), plain(images))
    plain.load_state_dict(refining.state_dict())
    plain.eval(), refining.eval()
    before, after = (
        (model(images) - images).square().sum((1, 2, 3)) for model in (plain, refining)
    )
    assert (after <= before).all() and (after < before).float().mean() > 0.9
    whole = refining.double()(images.double())
    monkeypatch.setattr(refinement, "CHUNK", 12)
    assert torch.allclose(refining(images.double()), whole)


def test_with_starts_no_error_is_above_that_of_any_start_or_of_the_encoders_refined_code():
    torch.manual_seed(0)
    settings = {"hidden": (40, 20), "code_size": 1, "decoder": (30, 40), "refinement": 2}
    alone = autoencoder(AutoencoderConfig(**settings)).eval()
    model = autoencoder(AutoencoderConfig(**settings, starts=50)).eval()
    model.load_state_dict(alone.state_dict(), strict=False)
    starts = torch.linspace(-40, 40, 50)[:, None]  # far beyond the encoder's codes
    model.encoder.remember(torch.cat([starts, torch.full((9, 1), torch.nan)]))  # nine too many
    images = torch.rand(30, 1, 28, 28)

    def errors(codes):
        return (model.decoder(codes) - images).square().sum((1, 2, 3))

    best = torch.stack([errors(one.expand(30, 1)) for one in starts]).min(0).values
    ours, before = errors(model.encoder(images)), errors(alone.encoder(images))
    assert (ours <= best + 1e-4).all() and (ours <= before + 1e-4).all()
    assert (ours < before - 0.1).any(), "nothing was gained"
    again = autoencoder(AutoencoderConfig(**settings, starts=50)).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(images), model(images))


def test_starts_are_codes_of_training_images_and_need_a_refinement(tmp_path):
    settings = {"dataset": "digits", "hidden": (12,), "epochs": 1, "validation_share": 0.0}
    done = run("autoencoder", config={**settings, "refinement": 1, "starts": 7}, store=tmp_path)
    model = model_of(done)
    images = load_images("digits").train[:7] / np.float32(255)
    with refinement.unrefined(model):
        assert np.allclose(codes.encode(model, images), model.encoder.starts, atol=1e-5)
    with pytest.raises(UsageError, match="--refinement 3"):
        run("autoencoder", config={**settings, "starts": 7}, store=tmp_path)


def test_a_refining_autoencoder_resumes_with_the_same_bytes_and_says_what_it_gains():
    config = AutoencoderConfig(
        dataset="digits", hidden=(12,), decoder=(8, 12), code_size=2, refinement=2, epochs=1
    )
    made = []

    def build(context):
        made.append(AutoencoderLab().build(config, context))
        return made[-1]

    check_experiment(build, blocks=2, global_generators=["torch"])
    task, model, splits = made[0].task, made[0].model, made[0].splits
    found = task.findings(model, splits)
    assert found["test_mse"] < found["unrefined_mse"]
    assert task.measure(model, splits.test)["mse"] == pytest.approx(found["unrefined_mse"])
    assert task.findings(model, splits) == found


def test_the_codes_of_test_images_are_refined_once_for_results_and_pictures(tmp_path, monkeypatch):
    refining = []

    def counted(decoder, codes, images, steps):
        refining.append(len(images))
        return refined(decoder, codes, images, steps)

    monkeypatch.setattr(refinement, "refined", counted)
    settings = {"dataset": "digits", "hidden": (12,), "decoder": (12,), "epochs": 1}
    run("autoencoder", config={**settings, "refinement": 1}, store=tmp_path)
    assert len(refining) == 3 and len(set(refining)) == 1, "clean, noisy and occluded"


@pytest.mark.parametrize("lab", ["mnist", "autoencoder"])
def test_a_search_conforms_and_resumes_between_folds(lab):
    more = {"hidden": (8,)} if lab == "mnist" else {"model": "convolutional", "morphs": ("2-0",)}
    check_lab(lab, config={**SEARCH, **more}, blocks=3)


def test_the_winner_is_the_best_mean_and_is_tested_once(store):
    made = run("mnist", config=SEARCH, pictures=False)
    scores = np.array(made.metrics.columns("search")["score"]).reshape(2, 2).mean(1)
    assert made.summary["cv_accuracy"] == pytest.approx(scores.max())
    assert len(made.metrics.columns("test")["epoch"]) == 1


@pytest.mark.parametrize(
    "setting",
    [
        {"noise": 1.0},
        {"label_smoothing": 0.9},
        {"clip": 1e-9},
        {"augmentation": {"rotation": 180}},
    ],
)
def test_candidates_of_a_search_learn_as_they_are_told(store, setting):
    search = {**SEARCH, "search": {"candidates": 1, "folds": 2, "epochs": 2}}
    plain, told = (
        run("mnist", config={**search, **settings}, pictures=False).experiment.scores
        for settings in ({}, setting)
    )
    assert plain != told


def test_a_time_limit_lets_a_begun_candidate_finish_and_the_best_so_far_win(store):
    made = run(
        "mnist",
        config={**SEARCH, "search": {**SEARCH["search"], "max_seconds": 1e-9}},
        pictures=False,
    )
    assert made.summary["candidates"] == 1 and len(made.metrics.columns("search")["score"]) == 2
    assert made.summary["test_accuracy"] > 0.1


def written(path, ink, paper, size=(90, 120), mode="RGB"):
    picture = Image.new(mode, size, paper)
    ImageDraw.Draw(picture).rectangle((20, 15, 34, 74), fill=ink)
    picture.save(path)
    return path


@pytest.mark.parametrize(
    ("ink", "paper", "mode"),
    [
        ("black", "white", "RGB"),
        ("white", "black", "RGB"),
        ((0, 0, 0, 255), (0, 0, 0, 0), "RGBA"),
        (10, 240, "L"),
    ],
)
def test_an_image_is_brought_into_the_form_of_mnist(tmp_path, ink, paper, mode):
    made = prepared(written(tmp_path / "one.png", ink, paper, mode=mode))
    rows, columns = np.nonzero(made > 0.1)
    assert (
        made.shape == (28, 28)
        and made.max() == pytest.approx(1)
        and np.ptp(rows) == 19
        and np.ptp(columns) == 4
    )
    assert made.sum(1) @ np.arange(28) / made.sum() == pytest.approx(13.5, abs=0.5)
    assert made.sum(0) @ np.arange(28) / made.sum() == pytest.approx(13.5, abs=0.5)


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    upright, photograph = tmp_path / "upright.png", tmp_path / "photograph.png"
    picture = Image.open(written(upright, "black", "white"))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # to be shown turned by 90 degrees, clockwise
    picture.rotate(90, expand=True).save(photograph, exif=orientation)
    assert (prepared(photograph) == prepared(upright)).all()


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    Image.new("L", (30, 30), 200).save(tmp_path / "plain.png")
    for name, says in (
        ("text.png", "is no image"),
        ("plain.png", "shows nothing"),
        ("missing.png", "no file"),
    ):
        with pytest.raises(UsageError, match=says):
            prepared(tmp_path / name)


def test_predict_recognises_digits_of_the_test_set(say, tmp_path):
    assert say("run", "mnist", "--preset", "quick", "--render", "none").code == 0
    data = load_images("digits")
    paths = [tmp_path / f"{number}.png" for number in range(40)]
    for path, pixels in zip(paths, data.test, strict=False):
        Image.fromarray(255 - pixels).resize((84, 84)).save(path)
    said = say("predict", "last", *paths)
    answers = [int(line.split(": ")[1][0]) for line in said.out.splitlines()]
    assert said.code == 0 and np.mean(np.array(answers) == data.test_labels[:40]) > 0.7
    assert say("predict", "last").code == 2
    assert say("predict", "last", tmp_path / "none.png").code == 2


def test_a_pair_that_is_none_is_refused(say):
    said = say("run", "autoencoder", "--preset", "quick", "--morphs", "2-0,3_9")
    assert said.code == 2 and "'3_9' is no pair of classes" in said.err


def test_a_wrong_width_among_others_is_named(say):
    said = say("run", "mnist", "--preset", "quick", "--hidden", "64,0")
    assert said.code == 2 and "hidden = 0: it should be greater than or equal to 1" in said.err


@pytest.mark.parametrize("width", ["0", "2.5", ""])
def test_a_wrong_width_alone_is_one_mistake(say, width):
    said = say("run", "mnist", "--preset", "quick", "--hidden", width)
    assert said.code == 2 and "it should be" in said.err and "at least 1 item" not in said.err


def test_no_width_at_all_is_refused():
    with pytest.raises(UsageError, match="at least 1 item"):
        run("mnist", preset="quick", hidden=[])


def test_layers_and_steps_out_of_range_are_refused(say):
    said = say("run", "autoencoder", "--decoder", "64,0", "--refinement", "-1")
    assert said.code == 2 and "decoder = 0: it should be greater than or equal to 1" in said.err
    assert "refinement = -1: it should be greater than or equal to 0" in said.err


def test_noise_and_smoothness_out_of_range_are_refused(say):
    said = say("run", "mnist", "--noise", "3", "--augmentation.smoothness", "1")
    assert said.code == 2 and "noise = 3: it should be less than or equal to 2" in said.err
    assert "smoothness = 1: it should be greater than or equal to 2" in said.err


@pytest.mark.parametrize("lab", ["mnist", "autoencoder"])
def test_the_claims_of_the_report_are_there(lab):
    from sandbox.reproduction.measure import select

    ids = list(dict.fromkeys(one.claim.id for one in select([lab])))
    assert ids == (["M1", "M2", "M3", "M4"] if lab == "mnist" else ["A1", "A2", "A3", "A4", "A5"])


def test_every_figure_of_the_claims_comes_out(monkeypatch):
    from agents.supervised import measuring
    from plugins.autoencoder import claims as reconstruction
    from plugins.mnist import claims as recognition

    original, asked = measuring.finished, []

    def small(lab, preset, settings, seed, cache=None):
        asked.append((lab, settings, seed))
        more = {"hidden": "64,32", "epochs": 2} if lab == "autoencoder" else {"epochs": 8}
        more |= {"dataset": "digits", "batch_size": 32}
        return original(lab, preset, {**settings, **more}, seed)

    monkeypatch.setattr(measuring, "finished", small)
    for module in (recognition, reconstruction):
        module.figures.cache_clear()
    try:
        found = {
            (one.id, one.part): one.measure(5)
            for one in (*recognition.claims(), *reconstruction.claims())
        }
    finally:
        for module in (recognition, reconstruction):
            module.figures.cache_clear()
    assert np.isfinite(list(found.values())).all()
    assert len(asked) == 1 + 10 + 1 and {seed for *_, seed in asked} == {
        5
    }  # one run of mnist, one for each code, one with noise
    assert (
        found["M1", ""] == 1
        and found["M2", ""] > 0.5
        and 0 < found["A5", "largest of 20 steps"] < 1
    )
    assert all(0 < found["A2", f"{size} numbers"] < 0.2 for size in range(2, 11))


@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_claims_read_the_images_of_the_data_folder(tmp_path, monkeypatch, subfolder):
    """Files that are not MNIST are refused by name: so it is these that were opened."""
    from agents.supervised import measuring

    folder = tmp_path / "data" / subfolder
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(b"")
    monkeypatch.delenv("SANDBOX_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match=re.escape(str(folder))):
        measuring.finished("mnist", "report", {"epochs": 1}, 0, tmp_path / "data")


def test_a_limited_search_goes_on_with_its_seconds(store):
    made = run(
        "mnist",
        config={**SEARCH, "search": {**SEARCH["search"], "max_seconds": 1e-9}},
        pictures=False,
    )
    assert made.experiment.state()["seconds"] == made.experiment.seconds > 0
    assert run("mnist", config=SEARCH, pictures=False).experiment.state()["seconds"] == 0


def test_the_digits_that_come_along_say_by_whom_the_test_images_are(say):
    said = say("run", "mnist", "--preset", "quick", "--epochs", 2, "--no-pictures")
    assert "test images" in said.out and "by other writers than the training images" in said.out
    assert next(iter(say("show", "--json").document["summary"])) == "test_accuracy"


def test_the_last_fifth_of_the_digits_is_harder_than_one_drawn_at_random():
    """What `about_test` says: not chance, but other writers."""
    from sklearn.linear_model import LogisticRegression

    data = load_images("digits")
    pixels = np.concatenate([data.train, data.test])[:, 5:-4:3, 5:-4:3].reshape(-1, 49) / 255
    labels = np.concatenate([data.train_labels, data.test_labels])
    drawn = np.random.default_rng(0).permutation(len(labels))

    def right(order):
        first = order[: len(data.train)]
        rest = order[len(data.train) :]
        return (
            LogisticRegression(max_iter=300)
            .fit(pixels[first], labels[first])
            .score(pixels[rest], labels[rest])
        )

    assert right(drawn) - right(np.arange(len(labels))) > 0.03
