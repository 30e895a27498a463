"""The lab intro: fits against other implementations, the descent against the closed form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from plugins.intro import neighbours, pictures, polynomial
from plugins.intro.claims import CLAIMS
from plugins.intro.experiment import CORNERS, IntroConfig, IntroExperiment, made_up
from sandbox import SandboxError, resume, run
from sandbox.lab import Context
from sandbox.seeding import Generators


def experiment(seed=0, **options):
    return IntroExperiment(IntroConfig(**options), Context(seed, Generators(seed), None))


@pytest.mark.parametrize("order", range(1, 9))
def test_least_squares_is_that_of_numpy(order):
    x, y = made_up(np.random.default_rng(order), 30, 0.2)
    expected = np.polynomial.Polynomial.fit(x, y, order).convert().coef
    assert polynomial.evaluate(polynomial.least_squares(x, y, order), x) == pytest.approx(
        np.polynomial.polynomial.polyval(x, expected), abs=1e-8
    )


@pytest.mark.parametrize("weight", [1e-6, 0.1, 10.0])
def test_ridge_is_that_of_scikit_learn_which_does_not_penalise_the_constant(weight):
    x, y = made_up(np.random.default_rng(1), 12, 0.2)
    other = Ridge(alpha=weight, solver="svd").fit(polynomial.powers(x, 5)[:, 1:], y)
    ours = polynomial.ridge(x, y, 5, weight)
    assert ours == pytest.approx(np.array([other.intercept_, *other.coef_]), rel=1e-5, abs=1e-7)


def test_ten_points_are_met_by_order_nine_and_by_no_lower_order():
    made = experiment(seed=3)
    errors = [polynomial.mean_squared_error(fit, *made.train) for fit in made.fits.values()]
    assert errors[-1] < 1e-9 < errors[-2] and errors == sorted(errors, reverse=True)


@given(st.integers(0, 10_000), st.integers(1, 7))
def test_neighbours_vote_as_in_scikit_learn(seed, k):
    rng = np.random.default_rng(seed)
    points, questions = rng.normal(size=(40, 2)), rng.normal(size=(15, 2))
    classes = rng.integers(3, size=40)
    expected = KNeighborsClassifier(k, algorithm="brute").fit(points, classes).predict(questions)
    assert (neighbours.classify(points, classes, questions, k) == expected).all()


def test_many_questions_are_answered_in_parts_without_a_difference(monkeypatch):
    made = experiment()
    questions = np.random.default_rng(0).uniform(-5, 5, (50, 2))
    whole = made.classify(questions)
    monkeypatch.setattr(neighbours, "ROOM", 3000)
    assert (made.classify(questions) == whole).all() and (
        made.classify(CORNERS) == [0, 1, 2, 3]
    ).all()


def test_the_gradient_is_that_of_finite_differences():
    x, y = made_up(np.random.default_rng(2), 20, 0.2)
    descent = polynomial.Descent(x, y, 3, 1e-3, 0.0)
    descent.coefficients = start = np.array([0.3, -0.2, 0.5, 0.1])
    descent.step()
    taken = (start - descent.coefficients) / 1e-3
    nudges = 1e-6 * np.eye(4)
    numeric = [
        (
            polynomial.mean_squared_error(start + one, x, y)
            - polynomial.mean_squared_error(start - one, x, y)
        )
        / 2e-6
        for one in nudges
    ]
    assert taken == pytest.approx(np.array(numeric), rel=1e-6)


def test_gradient_descent_comes_to_the_closed_form():
    made = experiment(steps=5000)
    while not made.done:
        made.advance()
    best = polynomial.least_squares(*made.train, 2)
    assert (
        made.descent.coefficients == pytest.approx(best, abs=1e-4)
        and made.summary()["descent_above_minimum"] < 1e-8
    )


def test_the_limit_of_the_learning_rate_is_sharp():
    x, y = made_up(np.random.default_rng(2), 20, 0.2)
    limit = polynomial.Descent(x, y, 2, None, 0.0).limit
    slow, fast = (polynomial.Descent(x, y, 2, limit * factor, 0.0) for factor in (0.99, 1.01))
    first = [one.step() for one in (slow, fast)]
    last = [[one.step() for _ in range(2000)][-1] for one in (slow, fast)]
    assert last[0] < first[0] and last[1] > 1e6 * first[1]


def test_a_rate_that_diverges_fails_and_names_one_that_does_not(store, say):
    said = say("run", "intro", "--learning-rate", 100, "--render", "none")
    assert (
        said.code == 1
        and "diverged in step" in said.err + said.out
        and "--learning-rate none" in said.err + said.out
    )


def test_points_of_ones_own_are_read_and_wrong_ones_refused(store, say, tmp_path):
    (tmp_path / "a.txt").write_text("0,1\n1,2\n2,5\n3,9\n")
    (tmp_path / "b.txt").write_text("0 1\n1 nan\n")
    good = say(
        "run",
        "intro",
        "--train",
        tmp_path / "a.txt",
        "--test",
        tmp_path / "a.txt",
        "--order",
        3,
        "--preset",
        "quick",
        "--json",
    )
    assert good.code == 0 and good.document["summary"]["train_mse_order_3"] < 1e-20
    bad = say("run", "intro", "--train", tmp_path / "a.txt", "--test", tmp_path / "b.txt")
    assert bad.code in (1, 2) and "line 2" in bad.err + bad.out
    assert say("run", "intro", "--train", tmp_path / "a.txt").code == 2


def test_a_resumed_run_goes_on_with_the_points_it_began_with(store, tmp_path):
    file = tmp_path / "points.txt"
    file.write_text("".join(f"{x / 10},{x * x / 100}\n" for x in range(20)))
    options = {"train": str(file), "test": str(file), "steps": 300, "pictures": False}
    whole = run("intro", **options)
    stopped = run("intro", **options, max_time=0.0, checkpoint_every=0.0)
    file.write_text("0,0\n1,1\n2,5\n")
    again = resume(stopped.id, max_time=0.0)
    file.unlink()
    again = resume(stopped.id)
    assert whole.folder.metrics_path.read_bytes() == again.folder.metrics_path.read_bytes()
    for name in ("train_mse_order_9", "test_mse", "descent_above_minimum"):
        assert whole.summary[name] == again.summary[name]


def test_all_pictures_are_made(store):
    made = run("intro", preset="quick")
    names = {one.name for one in made.artifacts}
    assert names == {
        *(
            "coefficients.json",
            "descent.png",
            "errors_by_order.png",
            "errors_by_ridge.png",
            "extrapolation.png",
            "fits.png",
            "neighbours.png",
        )
    }


@pytest.mark.parametrize("order", [1, 9, 15, 30])
def test_the_orders_below_a_picture_can_be_read(order):
    figure = pictures.errors_by_order(experiment(order=order))
    figure.draw(figure.canvas.get_renderer())
    labels = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(labels))


def test_the_claims_hold_for_single_draws():
    by_part = {claim.part: [claim.measure(seed) for seed in range(20)] for claim in CLAIMS}
    assert (
        min(by_part["powers of ten between them, less one"]) > 0
        and min(by_part["share of draws in which all four do"]) == 1
    )
    assert np.median(by_part["test error of ridge"]) < 0.1


def test_a_diverging_descent_is_an_error_of_ours():
    with pytest.raises(SandboxError, match="diverged"):
        made = experiment(learning_rate=1e3, steps=1000)
        while not made.done:
            made.advance()
