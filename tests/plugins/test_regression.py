"""The lab regression: gradients against torch, compiled descent against NumPy, the search."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from plugins.regression.config import RegressionConfig
from plugins.regression.estimator import NeuralNetworkRegressor
from plugins.regression.functions import ACTIVATIONS
from plugins.regression.lab import RegressionLab
from plugins.regression.network import Network
from plugins.regression.packing import padded
from plugins.regression.search import fit, fold_numbers, grid
from plugins.regression.training import Diverged, Recipe, Training
from sandbox import SandboxError, load, resume, run
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store
from sandbox.store.artifacts import Artifacts
from sandbox.testing import check_lab

ACTIVATION = sorted(ACTIVATIONS)
SMALL = {
    "sizes": "5,3 4,4",
    "activations": "tanh relu",
    "l1": "0 1e-3",
    "learning_rates": "0.05",
    "top": 3,
}


def drawn(sizes, activation, seed=0):
    return Network(sizes, activation).initialise(np.random.default_rng(seed))


def points(count=11, inputs=2, outputs=1, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, inputs)), rng.normal(size=(count, outputs))


@parametrize_with_checks([NeuralNetworkRegressor(hidden_layer_sizes=(8, 8), epochs=60)])
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("sizes", [(0,), (5, -1), (2.5,), ("5",), [[5, 5]]])
def test_the_estimator_refuses_widths_that_no_layer_can_have(sizes):
    x = np.arange(6.0)[:, None]
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        NeuralNetworkRegressor(sizes, epochs=1).fit(x, x[:, 0])


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
@pytest.mark.parametrize("activation", ACTIVATION)
def test_gradients_are_those_of_finite_differences(activation, loss):
    network, (x, y) = drawn((2, 5, 4, 3), activation), points(outputs=3)
    network.values += 0.01 * np.random.default_rng(5).normal(size=len(network.values))
    _, gradient = network.gradient(x, y, loss, 0.7)
    for number in range(0, len(network.values), 3):
        values = []
        for step in (1e-6, -1e-6):
            moved = Network(network.sizes, activation)
            moved.values[:] = network.values
            moved.values[number] += step
            values.append(moved.gradient(x, y, loss, 0.7)[0])
        assert gradient[number] == pytest.approx((values[0] - values[1]) / 2e-6, rel=2e-4, abs=2e-7)


@pytest.mark.extras
@pytest.mark.parametrize("activation", ACTIVATION)
def test_gradients_are_those_of_torch(activation):
    torch = pytest.importorskip("torch")
    network, (x, y) = drawn((2, 6, 5, 1), activation), points()
    value, gradient = network.gradient(x, y, "huber", 0.5)
    parts = [
        torch.tensor(part, requires_grad=True)
        for pair in zip(network.weights, network.biases, strict=True)
        for part in pair
    ]
    f = {
        **{
            "sigmoid": torch.sigmoid,
            "relu": torch.relu,
            "tanh": torch.tanh,
            "identity": lambda z: z,
        },
        "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.05),
    }[activation]
    out = torch.tensor(x)
    for layer in range(3):
        out = out @ parts[2 * layer] + parts[2 * layer + 1]
        out = f(out) if layer < 2 else out
    loss = torch.nn.functional.huber_loss(out, torch.tensor(y), delta=0.5, reduction="sum") / len(x)
    loss.backward()
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert gradient == pytest.approx(
        np.concatenate([part.grad.numpy().ravel() for part in parts]), rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("activation", ACTIVATION)
@pytest.mark.parametrize(("clip", "l1", "l2"), [(None, 0.0, 0.0), (0.3, 1e-3, 1e-2)])
def test_the_compiled_descent_is_the_plain_one(activation, clip, l1, l2):
    x, y = points(count=17)
    recipe = Recipe(learning_rate=0.02, clip=clip, l1=l1, l2=l2, epochs=6)
    trained = []
    for plain in (False, True):
        training = Training(
            drawn((2, 13, 6, 1), activation), recipe, x, y, np.random.default_rng(3)
        )
        if plain:
            training._run_compiled = training._run_plain
        training.run(6)
        trained.append(training.network.values)
    assert trained[0] == pytest.approx(trained[1], rel=1e-9, abs=1e-12)
    assert padded(13) == 16


@pytest.mark.parametrize("activation", ACTIVATION)
@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ((1, 1, 1, 1), {}),
        ((1, 8, 16, 1), {"l1": 1e-2}),
        ((1, 9, 7, 1), {"clip": 1e-3, "l2": 0.1}),
        ((3, 23, 25, 1), {"clip": None, "schedule": "cosine"}),
    ],
)
def test_the_compiled_descent_is_the_plain_one_whatever_its_vectors_leave_over(
    activation, sizes, options
):
    recipe = Recipe(**{"learning_rate": 0.02, "epochs": 5, **options})
    trained = []
    for plain in (False, True):
        x, y = points(count=9, inputs=sizes[0])
        x[0] *= 300 if activation in ("sigmoid", "tanh") else 1  # saturates them
        training = Training(drawn(sizes, activation), recipe, x, y, np.random.default_rng(3))
        if plain:
            training._run_compiled = training._run_plain
        training.run(5)
        trained.append(training.network.values)
    assert trained[0] == pytest.approx(trained[1], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("activation", ["identity", "leaky_relu"])
def test_the_compiled_descent_diverges_in_the_epoch_of_the_plain_one(activation):
    x, y = points(count=12)
    recipe = Recipe(learning_rate=1, clip=None, schedule="constant", epochs=50, l1=1e-3)
    ends = []
    for plain in (False, True):
        training = Training(
            drawn((2, 9, 5, 1), activation), recipe, x, 100 * y, np.random.default_rng(0)
        )
        if plain:
            training._run_compiled = training._run_plain
        with pytest.raises(Diverged) as raised:
            training.run(50)
        ends.append((raised.value.epoch, training.network.values))
    assert ends[0][0] == ends[1][0]
    assert ends[0][1] == pytest.approx(ends[1][1], rel=1e-6)


def test_epochs_have_the_orders_that_single_permutations_give():
    x, y = points(count=13)
    training = Training(drawn((2, 4, 3, 1), "relu"), Recipe(), x, y, np.random.default_rng(4))
    seen = []
    training._run_compiled = lambda orders: seen.extend(orders) or len(orders)
    training.run(3)
    training.run(2)
    rng = np.random.default_rng(4)
    assert (np.array(seen) == [rng.permutation(13) for _ in range(5)]).all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimiser": "adam", "batch_size": 5},
        {"momentum": 0.9, "batch_size": 0, "schedule": "cosine"},
    ],
)
def test_how_epochs_are_cut_into_calls_changes_no_bit(options):
    x, y = points(count=20)
    ends = []
    for parts in ([7], [3, 4], [1] * 7):
        training = Training(
            drawn((2, 6, 5, 1), "tanh"),
            Recipe(**{"epochs": 7, "learning_rate": 0.01, **options}),
            x,
            y,
            np.random.default_rng(0),
        )
        for part in parts:
            training.run(part)
        ends.append(training.network.values.copy())
    assert (ends[0] == ends[1]).all() and (ends[0] == ends[2]).all()


@pytest.mark.extras
def test_adam_and_momentum_are_those_of_torch():
    torch = pytest.importorskip("torch")
    x, y = points(count=9)
    for options, made in (
        ({"optimiser": "adam"}, lambda parts: torch.optim.Adam(parts, lr=0.01)),
        ({"momentum": 0.8}, lambda parts: torch.optim.SGD(parts, lr=0.01, momentum=0.8)),
    ):
        network = drawn((2, 4, 1), "tanh")
        parts = [
            torch.tensor(part.copy(), requires_grad=True)
            for pair in zip(network.weights, network.biases, strict=True)
            for part in pair
        ]
        optimiser = made(parts)
        for _ in range(5):
            optimiser.zero_grad()
            out = torch.tanh(torch.tensor(x) @ parts[0] + parts[1]) @ parts[2] + parts[3]
            (0.5 * (out - torch.tensor(y)) ** 2).mean().backward()
            optimiser.step()
        recipe = Recipe(
            **options,
            batch_size=0,
            schedule="constant",
            learning_rate=0.01,
            clip=None,
            epochs=5,
        )
        Training(network, recipe, x, y, np.random.default_rng(0)).run(5)
        assert network.values == pytest.approx(
            np.concatenate([part.detach().numpy().ravel() for part in parts]), rel=1e-6
        )


def test_learning_rates_begin_and_end_where_they_should():
    ends = {"learning_rate": 0.1, "learning_rate_final": 0.001}
    constant = Recipe(schedule="constant", epochs=5, **ends)
    assert [constant.rate(epoch) for epoch in (0, 4)] == [0.1, 0.1]
    for schedule in ("linear", "cosine"):
        recipe = Recipe(schedule=schedule, epochs=11, **ends)
        rates = [recipe.rate(epoch) for epoch in range(11)]
        assert (
            rates[0] == pytest.approx(0.1)
            and rates[-1] == pytest.approx(0.001)
            and rates == sorted(rates, reverse=True)
        )
        assert rates[5] == pytest.approx((0.1 + 0.001) / 2)


def test_clipping_bounds_the_step():
    x, y = points(count=1)
    network = drawn((2, 4, 3, 1), "relu")
    before = network.values.copy()
    Training(
        network,
        Recipe(clip=0.25, learning_rate=0.1, schedule="constant", epochs=1),
        x,
        1000 * y,
        np.random.default_rng(0),
    ).run(1)
    assert np.linalg.norm(network.values - before) == pytest.approx(0.025)


def test_divergence_keeps_the_last_good_epoch_and_says_what_to_try():
    x, y = points(count=12)
    recipe = Recipe(learning_rate=10, clip=None, schedule="constant", epochs=50)
    training = Training(
        drawn((2, 5, 5, 1), "identity"), recipe, x, 100 * y, np.random.default_rng(0)
    )
    with pytest.raises(Diverged, match="--learning-rate 1 or --clip 1"):
        training.run(50)
    assert np.isfinite(training.network.values).all()


def test_a_diverging_run_fails_with_its_last_good_network_kept(store, say):
    said = say(
        "run",
        "regression",
        "--preset",
        "quick",
        "--activation",
        "identity",
        "--learning-rate",
        "10",
        "--clip",
        "none",
        "--json",
    )
    assert said.code == 1
    failed = load("last")
    assert (
        failed.status == "failed"
        and "not finite any more in epoch" in failed.record.error
        and "Try --learning-rate" in failed.record.error
    )
    assert np.isfinite(Network.load(failed.path / "artifacts" / "last_good_model.npz").values).all()


# -- the search


def test_the_report_searches_432_candidates():
    made = grid(RegressionConfig())
    assert len(made) == 432 == len(set(made))
    assert {one.hidden for one in made} >= {(10, 10), (75, 50), (100, 100)} and {
        one.l1 for one in made
    } == {0.0, 1e-5, 1e-4, 1e-3}


def test_folds_are_as_equal_as_can_be_and_cover_all_points():
    fold = fold_numbers(np.random.default_rng(0), 10, 4, shuffle=True)
    assert (
        sorted(np.bincount(fold)) == [2, 2, 3, 3]
        and (
            fold_numbers(np.random.default_rng(0), 6, 3, shuffle=False) == [0, 0, 1, 1, 2, 2]
        ).all()
    )


def test_the_search_finds_what_fits_done_by_hand_find(store):
    made = run(
        "regression", preset="search", epochs=15, search=SMALL, train_points=24, pictures=False
    ).experiment
    config, number = made.config, 3
    for fold in range(4):
        held = made.fold == fold
        train = made.points.train
        network = fit(
            config,
            made.candidates[number],
            type(train)(train.x[~held], train.y[~held]),
            0,
            f"fit {number} {fold}",
        )
        error = network(train.x[held][:, None])[:, 0] - train.y[held]
        assert made.losses[number, fold] == np.mean(error**2) / 2
    assert (np.diff(made.losses.mean(axis=1)[made.finalists]) >= 0).all() and len(
        made.finalists
    ) == 3
    summary = made.summary()
    assert (
        summary["test_mse"] == made.test_mse[0]
        and summary["test_mse_if_chosen_on_the_test_set"] == made.test_mse.min()
    )


def test_where_the_best_candidate_diverges_on_all_points_the_next_is_the_model(store, tmp_path):
    made = run(
        "regression", preset="search", epochs=15, search=SMALL, train_points=24, pictures=False
    )
    found = made.experiment
    found.models[0], found.test_mse[0], found.train_mse[0] = None, np.nan, np.nan
    assert (found.model.values == found.models[1]).all() and found.summary()[
        "test_mse"
    ] == found.test_mse[1]
    RegressionLab().pictures(found, Artifacts(tmp_path), made.metrics)
    assert (tmp_path / "finalists.png").stat().st_size > 10_000


def test_one_thread_and_two_find_the_same_numbers(store):
    settings = [{"epochs": 10, "search": SMALL, "train_points": 20}]
    made = [
        api.start(
            api.Request("regression", "search", settings, threads=threads),
            Store(),
            Settings(pictures=False),
        )
        for threads in (1, 2)
    ]
    assert made[0].folder.metrics_path.read_bytes() == made[1].folder.metrics_path.read_bytes()


def test_a_search_that_was_stopped_ends_with_the_same_bytes(store):
    options = {
        "preset": "search",
        "epochs": 400,
        "search": {**SMALL, "sizes": "60,60 50,50", "top": 2},
        "train_points": 60,
    }
    whole = run("regression", **options)
    stopped = run("regression", **options, max_time=0.0, checkpoint_every=0.0)
    assert (
        stopped.status == "timed-out"
        and 0 < stopped.experiment.done_units < whole.experiment.done_units
    )
    again = resume(stopped.id)
    assert whole.folder.metrics_path.read_bytes() == again.folder.metrics_path.read_bytes()
    assert {one.name: one.sha256 for one in whole.record.artifacts} == {
        one.name: one.sha256 for one in again.record.artifacts
    }


def test_the_lab_conforms_as_a_search_too():
    check_lab("regression", preset="quick-search", config={"epochs": 8}, blocks=1)


# -- data and files


def test_the_courses_points_are_learned(store):
    folder = os.environ.get("SANDBOX_TEST_DATA")
    if not folder or not (Path(folder) / "function-estimation").is_dir():
        pytest.skip("SANDBOX_TEST_DATA leads to no function-estimation/")
    files = {
        name: str(Path(folder) / "function-estimation" / f"{part}_set.txt")
        for name, part in (("train", "training"), ("test", "test"))
    }
    made = run("regression", preset="report", **files, epochs=300, pictures=False)
    assert (
        made.summary["test_mse"] < 2.0
        and len(made.experiment.points.train.x) == 120
        and len(made.experiment.points.test.x) == 25
    )


def test_a_resumed_run_learns_from_the_points_it_began_with(store, tmp_path):
    file = tmp_path / "points.txt"
    file.write_text("".join(f"{x / 10},{x * x / 100}\n" for x in range(40)))
    options = {
        "train": str(file),
        "test": str(file),
        "hidden": "6,6",
        "epochs": 60,
        "pictures": False,
    }
    whole = run("regression", **options)
    stopped = run("regression", **options, max_time=0.0, checkpoint_every=0.0)
    file.write_text("0,0\n1,1\n")
    again = resume(stopped.id)
    assert whole.folder.metrics_path.read_bytes() == again.folder.metrics_path.read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--batch-size", "500"], "larger than the training data"),
        (["--hidden", "5,x"], "whole numbers from 1"),
        (["--momentum", "0.5", "--optimiser", "adam"], "no effect on adam"),
        (["--train", "nowhere.txt"], "go together"),
        (
            ["--preset", "search", "--search.folds", "500"],
            "--search.folds 500 is more than the 120",
        ),
        (["--learning-rate", "0"], "learning-rate"),
        (["--activation", "rlu"], "activation"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(store, say, words, says):
    said = say("run", "regression", *words, "--render", "none")
    assert said.code in (1, 2) and says in said.err + said.out


def test_a_saved_network_computes_the_same_and_a_foreign_file_is_refused(store, tmp_path):
    made = run("regression", preset="quick")
    x = np.linspace(-3, 2, 7)[:, None]
    kept = Network.load(made.path / "artifacts" / "model.npz")
    assert (kept(x) == made.experiment.model(x)).all()
    assert (load(made.id).experiment.model(x) == kept(x)).all()
    np.savez(
        tmp_path / "other.npz",
        about=np.array(
            json.dumps({"format": "sandbox network 1", "sizes": [1, 3, 1], "activation": "tanh"})
        ),
        values=np.zeros(4),
    )
    with pytest.raises(SandboxError, match="holds no network"):
        Network.load(tmp_path / "other.npz")
    (tmp_path / "noise.npz").write_bytes(b"PK\x03\x04nonsense")
    with pytest.raises(SandboxError, match="holds no network"):
        Network.load(tmp_path / "noise.npz")


def test_early_stopping_keeps_the_best_epoch(store):
    made = run(
        "regression", preset="quick", epochs=400, validation=0.25, patience=15, pictures=False
    )
    summary, columns = made.summary, made.metrics.columns("learn")
    assert summary["stopped_early"] and summary["epochs"] == summary["best_epoch"] + 15
    assert columns["epoch"][columns["validation_loss"].argmin()] == summary["best_epoch"]


def test_a_run_that_did_all_its_epochs_was_not_stopped_early(store):
    options = {"hidden": "5,5", "validation": 0.2, "patience": 3, "pictures": False}
    stopped = run("regression", **options, epochs=500, schedule="constant").summary
    assert stopped["stopped_early"] and stopped["epochs"] < 500
    whole = run("regression", **options, epochs=stopped["epochs"], schedule="constant").summary
    assert whole == {
        **stopped,
        "stopped_early": False,
        "learning_seconds": pytest.approx(0, abs=99),
    }
