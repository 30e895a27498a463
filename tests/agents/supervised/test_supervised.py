"""Epoch training: schedules and averages by arithmetic, deformations, saved models."""

# ruff: noqa: E402 - torch is an extra, and what needs it stands behind the question whether it is
# there
from __future__ import annotations

import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agents.supervised.augmentation import AugmentationConfig, deform, displacement_fields
from agents.supervised.config import TrainingConfig
from agents.supervised.optimisation import Average, optimizer, rate
from agents.supervised.saving import load_model, save_model
from agents.supervised.tensors import device_of
from plugins.autoencoder.config import AutoencoderConfig
from plugins.mnist.config import MnistConfig
from plugins.mnist.network import network
from sandbox import run
from sandbox.errors import RunFailed, SandboxError, UsageError
from sandbox.store.artifacts import Artifacts

pytestmark = pytest.mark.extras

QUICK = {"dataset": "digits", "hidden": (16,), "epochs": 2, "batch_size": 64}


def test_the_last_steps_see_images_as_they_are(monkeypatch):
    from agents.supervised import experiment

    seen = []
    monkeypatch.setattr(experiment, "deform", lambda images, _: seen.append(len(images)) or images)
    made = run(
        "mnist",
        config={**QUICK, "epochs": 4, "augmentation": {"shift": 1, "until": 0.5}},
        pictures=False,
    )
    assert len(seen) == 2 * made.experiment.batches


def test_one_cycle_is_that_of_torch():
    config = TrainingConfig(schedule="one-cycle", learning_rate=0.01, warmup=0.25)
    step = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.01)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        step, 0.01, total_steps=101, pct_start=0.25, final_div_factor=1e4 / 25, cycle_momentum=False
    )
    ours, others = [], []
    for number in range(101):
        ours.append(rate(config, number, 101))
        others.append(theirs.get_last_lr()[0])
        step.step()
        theirs.step() if number < 100 else None
    assert max(ours) == pytest.approx(0.01, rel=1e-3)
    assert ours[0] == pytest.approx(others[0]) and ours[-1] == pytest.approx(others[-1], rel=1e-6)
    assert np.allclose(ours, others, rtol=0.05)  # the peak lies between two steps


def test_rates_by_hand():
    made = {
        name: TrainingConfig(schedule=name, learning_rate=2.0)
        for name in ("constant", "linear", "cosine")
    }
    assert rate(made["constant"], 7, 10) == 2.0
    assert rate(made["linear"], 5, 10) == 1.0
    assert rate(made["cosine"], 5, 10) == pytest.approx(1.0) and rate(made["cosine"], 0, 10) == 2.0


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimizer_descends(name):
    model = torch.nn.Linear(1, 1, bias=False)
    step = optimizer(TrainingConfig(optimizer=name, learning_rate=0.03), model)
    for _ in range(300):
        step.zero_grad()
        (model.weight - 3).square().sum().backward()
        step.step()
    assert float(model.weight.detach()) == pytest.approx(3, abs=0.3)


def test_the_average_is_the_recurrence_written_out():
    model = torch.nn.Linear(1, 1)
    kept, expected = Average(model, 0.9), float(model.weight.detach())
    for number in range(1, 30):
        with torch.no_grad():
            model.weight.fill_(number)
        kept.update()
        decay = min(0.9, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * number
    assert float(kept.weights()["weight"]) == pytest.approx(expected, rel=1e-5)


def test_no_deformation_gives_the_images_back():
    images = torch.rand(3, 1, 28, 28)
    assert deform(images, AugmentationConfig()) is images
    tiny = deform(images, AugmentationConfig(shift=1e-9))
    assert torch.allclose(tiny, images, atol=1e-4)


def test_a_shift_moves_the_centre_of_mass_and_no_further_than_asked():
    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 13:15, 13:15] = 1
    moved = deform(images, AugmentationConfig(shift=3))[:, 0]
    place = torch.arange(28.0)
    rows = (moved.sum(2) @ place) / moved.sum((1, 2)) - 13.5
    assert rows.abs().max() <= 3.01 and rows.std() == pytest.approx(3 / math.sqrt(3), rel=0.15)


def test_every_deformation_keeps_about_the_ink_and_differs_from_image_to_image():
    images = torch.zeros(64, 1, 28, 28)
    images[:, :, 8:20, 12:16] = 1
    for how in ({"rotation": 20}, {"scale": 0.2}, {"shear": 0.3}, {"elastic": 0.8}):
        made = deform(images, AugmentationConfig(**how))
        assert made.sum((1, 2, 3)).mean() == pytest.approx(48, rel=0.1)
        apart = torch.cdist(made.flatten(1), made.flatten(1), p=1)  # [64, 64]
        assert apart.median() > 1 and (apart == 0).sum() == 64, how


def test_a_grid_of_one_product_is_that_of_affine_grid():
    images, how = torch.rand(8, 1, 28, 28), {"rotation": 30, "scale": 0.2, "shear": 0.2, "shift": 2}
    made = []
    for smoothness in (None, 4.0):
        torch.manual_seed(3)
        made.append(deform(images, AugmentationConfig(**how, smoothness=smoothness)))
    assert torch.allclose(made[0], made[1], atol=1e-4)
    assert not torch.allclose(made[0], images, atol=0.1)


def test_a_smooth_displacement_is_a_sum_of_gaussians_at_seven_by_seven_points():
    fields = displacement_fields(28, 21, 3.0).double().view(52, 28, 21)
    y, x = 9, 16
    weight = [
        [
            math.exp(-((y - 4 * row - 1.5) ** 2 + (x - 3 * column - 1) ** 2) / (2 * 3.0**2))
            for column in range(7)
        ]
        for row in range(7)
    ]
    expected = np.array(weight) / np.linalg.norm(weight)
    assert np.allclose(fields[3:, y, x].view(7, 7).numpy(), expected, atol=1e-6)
    assert fields[:3, y, x].tolist() == pytest.approx([(16.5 - 10.5) / 10.5, (9.5 - 14) / 14, 1])


@pytest.mark.parametrize("smoothness", [2.0, 6.0])
def test_smooth_displacements_have_the_standard_deviation_asked_for(smoothness):
    ramp = torch.arange(28.0).expand(3000, 1, 28, 28)
    how = AugmentationConfig(elastic=0.5, smoothness=smoothness)
    moved = deform(ramp, how)[:, 0, 14, 10:18] - torch.arange(10.0, 18)
    assert moved.std() == pytest.approx(0.5, rel=0.05)
    near, far = ((moved[:, :1] * moved[:, 1:]).mean(0) / moved.var()).tolist()[::6]
    assert far < near and near > 0.9 and (far < 0.5) == (smoothness == 2)


def test_a_model_comes_back_from_its_files(tmp_path):
    config = MnistConfig(hidden=(7, 5), batch_norm=True)
    model = network(config).eval()
    save_model(Artifacts(tmp_path), "mnist", config, model)
    again = load_model(tmp_path, "mnist", MnistConfig, network)
    images = torch.rand(4, 1, 28, 28)
    assert torch.equal(model(images), again(images))


def test_a_model_of_another_lab_or_shape_is_refused(tmp_path):
    config = MnistConfig(hidden=(7,))
    with pytest.raises(SandboxError, match="There is no model"):
        load_model(tmp_path, "mnist", MnistConfig, network)
    save_model(Artifacts(tmp_path), "mnist", config, network(config))
    with pytest.raises(SandboxError, match="holds a model of lab 'mnist', not 'autoencoder'"):
        load_model(tmp_path, "autoencoder", AutoencoderConfig, network)
    about = json.loads((tmp_path / "model.json").read_text())
    about["config"]["hidden"] = [8]
    (tmp_path / "model.json").write_text(json.dumps(about))
    with pytest.raises(SandboxError, match="another shape"):
        load_model(tmp_path, "mnist", MnistConfig, network)
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(SandboxError, match="damaged"):
        load_model(tmp_path, "mnist", MnistConfig, network)


def test_a_loss_that_is_no_number_fails_the_run_and_says_what_to_try(store):
    with pytest.raises(
        RunFailed, match=r"in epoch \d+: learning diverged.*--learning-rate.*--clip"
    ) as told:
        run(
            "mnist",
            config={**QUICK, "epochs": 30, "optimizer": "sgd", "learning_rate": 1e18},
            pictures=False,
        )
    assert told.value.run.status == "failed"


def test_a_batch_larger_than_the_data_is_refused(store):
    with pytest.raises(RunFailed, match="batch-size = 1400: there are 1293 images"):
        run("mnist", config={**QUICK, "batch_size": 1400}, pictures=False)


def test_training_stops_early_and_tests_the_best_weights(store):
    made = run(
        "mnist",
        config={**QUICK, "epochs": 60, "patience": 2, "learning_rate": 0.02},
        pictures=False,
    )
    scores = made.metrics.columns("learn")["validation_accuracy"]
    best = int(np.argmax(scores)) + 1
    assert len(scores) < 60 and made.summary["best_epoch"] == best == len(scores) - 2
    assert made.summary["validation_accuracy"] == max(scores)
    assert len(made.metrics.columns("test")["epoch"]) == 1


def test_averaged_and_rounded_training_learns_and_augmentation_is_part_of_it(store):
    settings = {
        **QUICK,
        "epochs": 6,
        "hidden": (64,),
        "batch_norm": True,
        "averaging": 0.9,
        "precision": "bfloat16",
        "validation_share": 0.0,
    }
    made = run(
        "mnist",
        config={**settings, "augmentation": {"rotation": 5, "elastic": 0.3}, "learning_rate": 0.01},
        pictures=False,
    )
    assert made.summary["test_accuracy"] > 0.75 and "best_epoch" not in made.summary


@pytest.mark.skipif(torch.cuda.is_available(), reason="it is there")
def test_a_device_that_is_not_there_is_said_with_what_to_type():
    with pytest.raises(UsageError, match="finds no cuda: begin again with --device cpu"):
        device_of("cuda")
    assert device_of("auto").type in ("cpu", "mps")
