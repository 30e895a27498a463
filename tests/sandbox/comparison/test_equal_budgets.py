"""Comparisons with `--env-steps`: the same budget and the same evaluation points for all agents,
seconds of learning beside the scores, and curves in steps, in time and of regret."""

from __future__ import annotations

import numpy as np
import pytest

import sandbox
from sandbox.comparison import plots, report
from sandbox.comparison.run_scores import measured
from sandbox.store.store import Store
from tests.conftest import skip_without_library

AGENTS = ["sarsa", "q-learning"]
ENDS = "highest expected return of an episode of 50 steps, undiscounted, divided by 50 steps"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return sandbox.compare(
        "empty-grid", AGENTS, seeds=3, env_steps=12_345, store=tmp_path_factory.mktemp("runs")
    )


def test_all_agents_have_the_same_budget_and_the_overshoot_is_shown(made):
    for one in made.results.agents:
        assert one.env_steps == 12_350 and one.spent["overshoot"] == 5
        assert report.cells(made, one)["env steps"] == "12350 (5 over)"
    assert not any("different numbers of env steps" in warning for warning in made.warnings)
    assert "12350" in made.to_html() and "(5 over)" in made.to_html()


def test_all_agents_are_evaluated_at_the_same_steps(made):
    curves = [run.curve.at.tolist() for one in made.results.agents for run in one.runs]
    assert all(curve == curves[0] for curve in curves) and curves[0][-1] == 12_345


@pytest.mark.extras
def test_an_algorithm_of_stable_baselines_has_the_same_budget(store):
    skip_without_library("sb3-dqn")
    together = sandbox.compare("maze", ["sarsa", "sb3-dqn"], seeds=1, env_steps=1000)
    tabular, network = together.results.agents
    assert np.array_equal(tabular.runs[0].curve.at, network.runs[0].curve.at)
    assert tabular.env_steps == 1008 and 1000 <= network.env_steps < 1016


def test_seconds_of_learning_stand_beside_the_scores(made):
    for row, one in zip(made.table, made.results.ranked, strict=True):
        for name in ("learning_seconds", "learning_cpu_seconds"):
            summaries = [run.summary[name] for run in one.runs]
            assert row[name] == np.median(summaries) > 0
        assert " (CPU " in report.cells(made, one)["seconds of learning"]
    run = made.runs["sarsa"][0]
    assert measured(run).clock.at[-1] == pytest.approx(run.summary["learning_seconds"], abs=1e-4)


def test_the_regret_is_the_sum_of_the_best_possible_less_the_returns(made):
    run = made.runs["sarsa"][0]
    learn, found = run.metrics.columns("learn"), measured(run).regret
    assert found.score[-1] == pytest.approx(learn["regret"].sum())
    assert found.at[0] == learn["env_steps"][0] and found.score[0] == learn["regret"][0]
    best = learn["return"] + learn["regret"]  # of an episode from its start
    assert best.max() == pytest.approx(50 * 0.8, rel=0.3)


def test_every_picture_shows_the_optimum_and_says_which_one_is_meant(made):
    names = ["learning_curves", "scores_in_time", "cumulative_regret", "scores"]
    assert list(made.figures) == [*names, "performance_profile"]
    for name, figure in made.figures.items():
        said = [text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text"))]
        assert any(text.startswith("best possible: ") for text in said), name
        meant = plots.CURVES["cumulative_regret"].best if "regret" in name else f"the {ENDS}"
        assert f"Best possible: {meant}." in said, name


def test_every_agent_has_a_band_in_every_curve(made):
    for name in plots.CURVES:
        axes = made.figures[name].axes[0]
        assert len(axes.collections) == len(AGENTS)


def test_a_comparison_without_env_steps_has_the_same_figures(made, store):
    plain = sandbox.compare("empty-grid", AGENTS, seeds=1, episodes=20)
    assert list(plain.figures) == list(made.figures)
    axes = plain.figures["scores_in_time"].axes[0]
    assert axes.get_xlabel() == "seconds of learning and evaluation"
    row = report.cells(plain, plain.results.agents[0])
    assert row["env steps"] == "1000" and "seconds of learning" not in row
    assert not {"learning_seconds", "overshoot"} & plain.table[0].keys()
    texts = [text.get_text() for text in plain.figures["scores"].texts]
    assert any(text.startswith("Best possible") for text in texts)


def test_env_steps_are_an_option_of_compare_and_sweep(store, say):
    words = ("--agents", "sarsa", "--seeds", 1, "--env-steps", 3000, "--json")
    compared = say("compare", "empty-grid", *words).document
    assert compared["agents"][0]["env_steps"] == 3000
    grid = ("--grid", "agent.alpha=0.1,0.5", "--env-steps", 3000, "--seeds", 1, "--json")
    assert say("sweep", "empty-grid", *grid).code == 0
    runs = [sandbox.load(row.id) for row in Store().rows()]
    assert len(runs) == 3 and {run.summary["env_steps"] for run in runs} == {3000}
