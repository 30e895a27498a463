"""The claims of Lab 06: exact thresholds to four decimals, and a few seeds of what is sampled."""

from __future__ import annotations

import pytest

from agents.control import claims
from agents.planning import thresholds
from plugins.maze import claims as maze
from sandbox.reproduction.measure import select


def test_the_exact_answers_to_four_decimals():
    assert maze.threshold() == pytest.approx(0.0671, abs=5e-5)
    assert maze.crossing() == 1113
    g = 0.9
    assert (
        maze.breaks(-4.5, -3.0, 32)
        == pytest.approx(10 * (g**14 - g**4), abs=1e-6)
        == pytest.approx(-4.2733, abs=5e-5)
    )
    assert (
        maze.breaks(-3.0, -2.0, 24)
        == pytest.approx(10 * g**10 * (g**8 - 1) / (1 - g**14), abs=1e-6)
        == pytest.approx(-2.5749, abs=5e-5)
    )


def test_the_schedule_crosses_the_threshold_in_that_episode():
    agent, _ = claims.fresh(maze.FAILING, 0)
    agent.episodes_done = 1111
    assert agent.epsilon() > maze.threshold()
    agent.episodes_done = 1112
    assert agent.epsilon() < maze.threshold()


def test_the_maze_brings_the_claims_of_the_whole_report():
    assert list(dict.fromkeys(one.claim.id for one in select(["maze"]))) == [
        f"G{number}" for number in range(1, 8)
    ]
    assert {one.claim.id for one in select(["empty_grid"])} == {"G1", "G2"}
    assert {one.claim.id for one in select(["g4"])} == {"G4"}


def test_exact_claims_hold():
    for one in (one.claim for one in select(["maze"]) if one.claim.exact):
        assert one.measure(0) == pytest.approx(one.reported, abs=one.margin + 1e-9), one.part


def test_a_run_is_the_one_that_the_lab_makes(store):
    from sandbox import run

    made = run("maze", preset="report", seed=3, episodes=200, pictures=False)
    setting = claims.Setting("maze", "sarsa", 200, (("policy", "epsilon-greedy"),))
    assert claims.outcome(setting, 3).last == pytest.approx(
        made.summary["reward_per_step_last_100"], abs=1e-12
    )


def test_only_giving_optimism_back_makes_sarsa_learn_the_way():
    assert sum(maze.changed(seed)[0].last >= maze.LEARNED for seed in range(6)) >= 4
    assert sum(claims.outcome(maze.FAILING, seed).last >= maze.LEARNED for seed in range(6)) <= 2


def test_nothing_changes_between_ends_that_agree():
    with pytest.raises(Exception, match="Nothing changes"):
        thresholds.bisect(lambda value: False, 0.0, 1.0)
