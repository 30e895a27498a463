"""`--env-steps N` ends learning with the episode or rollout in which N steps are reached, and
`--eval-every` says how often the greedy policy is evaluated."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.control.base import spacing
from agents.tabular import schedules
from benchmarks import kills
from envs.mdp import TabularMDP
from sandbox import run
from sandbox.config.model import dump
from sandbox.errors import UsageError
from sandbox.store.measurements import time_lines
from sandbox.store.record import RunRecord
from sandbox.testing import check_lab
from tests.conftest import configured, marked, skip_without_library

LAKE = {"env": "FrozenLake-v1"}
MOST = {"q-learning": 168, "sb3-dqn": 16, "sb3-ppo": 168 * 16}
"""Agents of the maze, and the steps of an episode or a rollout."""


def learned(lab="maze", **options):
    return run(lab, pictures=False, **options)


@pytest.mark.parametrize(("lab", "options"), [("maze", {}), ("empty-grid", {}), ("gym", LAKE)])
def test_learning_ends_with_the_episode_in_which_the_steps_are_reached(store, lab, options):
    ended = learned(lab, env_steps=3001, **options)
    steps = ended.metrics.columns("learn")["env_steps"]
    assert steps[-2] < 3001 <= steps[-1] == ended.summary["env_steps"]
    assert ended.summary["overshoot"] == steps[-1] - 3001
    assert ended.summary["episodes"] == len(steps)


@pytest.mark.extras
@pytest.mark.parametrize("agent", ["sb3-dqn", "sb3-ppo"])
def test_an_algorithm_of_stable_baselines_ends_with_its_rollout(store, agent):
    skip_without_library(agent)
    ended = learned(agent={"name": agent, "total_timesteps": 700}, env_steps=1501)
    assert 1501 <= ended.summary["env_steps"] < 1501 + MOST[agent]
    assert ended.summary["overshoot"] == ended.summary["env_steps"] - 1501


def test_steps_of_whole_episodes_learn_what_these_episodes_learn(store):
    steps, episodes = learned(env_steps=168 * 300), learned(episodes=300)
    assert np.array_equal(steps.experiment.agent.q, episodes.experiment.agent.q)
    one, other = (made.metrics.columns("learn") for made in (steps, episodes))
    assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in other)
    assert steps.summary["overshoot"] == 0


def test_episodes_end_learning_only_where_they_are_given_beside_the_steps(store):
    quick = configured("maze", "quick", [{"env_steps": "20000"}])
    assert quick.episodes is None and quick.env_steps == 20_000
    assert configured("maze", "quick", [{"episodes": 20}, {"env_steps": 900}]).episodes is None
    assert configured("maze", "quick", [{"env_steps": 900}, {"episodes": 20}]).episodes == 20
    assert configured("maze", "quick", [{"env_steps": "none"}]).episodes == 1000
    assert learned(env_steps=5000, episodes=20).summary["env_steps"] == 20 * 168
    assert learned(env_steps=900, episodes=20).summary["episodes"] == math.ceil(900 / 168)


def test_what_is_not_used_leaves_fingerprints_as_they_were():
    plain, steps = configured("maze"), configured("maze", layers=[{"env_steps": 9}])
    assert not {"env_steps", "eval_every"} & dump(plain).keys()
    marks = {RunRecord("", "maze", dump(config)).fingerprint for config in (plain, steps)}
    assert len(marks) == 2
    assert configured("maze", layers=[dump(steps)]) == steps


@pytest.mark.parametrize(
    ("lab", "options"),
    [("maze", {}), ("gym", LAKE), ("gym", {**LAKE, "use_model": False})],
)
def test_each_of_many_seeds_ends_at_its_own_steps_as_it_would_alone(store, lab, options):
    together = learned(lab, env_steps=4001, seeds=3, full_metrics=True, **options)
    ends = []
    for seed, one in enumerate(together.experiment.experiments):
        alone = learned(lab, env_steps=4001, seed=seed, **options)
        assert np.array_equal(one.agent.q, alone.experiment.agent.q)
        assert np.array_equal(one.agent.counts, alone.experiment.agent.counts)
        kept, whole = (
            made.metrics.columns(stream)
            for made, stream in ((together, f"learn, seed {seed}"), (alone, "learn"))
        )
        assert all(np.array_equal(kept[name], whole[name], equal_nan=True) for name in whole)
        ends.append(alone.summary["episodes"])
    assert together.summary["episodes"] == np.mean(ends)
    bands = together.metrics.columns("learn")
    assert len(bands["episode"]) == max(ends)
    assert ("epsilon_mean" in bands) == (lab == "gym")
    assert (len(set(ends)) > 1) == (lab == "gym")


def test_seeds_that_end_at_different_episodes_are_drawn(store):
    together = run("gym", seeds=2, env_steps=900, **LAKE)
    names = {artifact.name for artifact in together.record.artifacts}
    assert {"learning_curve.png", "scores.png"} <= names and not together.record.warnings


def test_schedules_follow_the_share_of_the_steps(store):
    """An episode explores as the share of the steps says that were learned before it."""
    ended = learned("gym", env_steps=6000, **LAKE)
    columns, options = ended.metrics.columns("learn"), ended.experiment.config.agent.options
    planned = math.ceil(6000 / 100)  # episodes of 100 steps, the limit of this lake
    every = schedules.values("linear", options.epsilon, options.epsilon_final, planned, 0, planned)
    before = (columns["env_steps"] - columns["length"]).astype(int)
    assert np.array_equal(columns["epsilon"], every[before // 100])
    assert columns["epsilon"][-1] == options.epsilon_final < columns["epsilon"][-2000 // 100]


def test_the_model_and_env_step_learn_the_same_with_env_steps(store):
    model = learned("gym", env_steps=3000, **LAKE)
    stepped = learned("gym", env_steps=3000, use_model=False, **LAKE)
    assert np.array_equal(model.experiment.agent.q, stepped.experiment.agent.q)


@pytest.mark.parametrize(
    ("lab", "options"),
    [
        ("maze", {}),
        pytest.param("maze", {"agent": "sb3-dqn"}, marks=pytest.mark.extras),
        ("gym", LAKE),
        ("gym", {"preset": "cartpole"}),
    ],
)
def test_an_interrupted_run_of_env_steps_continues_with_the_same_bytes(lab, options):
    skip_without_library(options.get("agent", "q-learning"))
    preset = options.get("preset", "quick")
    layer = {name: value for name, value in options.items() if name != "preset"}
    check_lab(lab, preset=preset, config={**layer, "env_steps": 2001, "eval_every": 300}, blocks=3)


def test_a_killed_run_of_env_steps_ends_with_the_same_bytes(tmp_path):
    words = "run maze --agent sarsa --env-steps 30000001 --eval-every 1000000 --render none"
    whole, longest = kills.uninterrupted(words.split())
    made = kills.one_round(words.split(), 5, 3, whole, longest)
    assert made.different == [] and made.hits >= 1


def points(made):
    return made.metrics.columns("evaluate")["env_steps"].tolist()


@pytest.mark.extras
def test_all_agents_are_evaluated_at_the_same_steps(store):
    skip_without_library("sb3-ppo")
    agents = ("sarsa", "sb3-dqn", "sb3-ppo")
    every = [points(learned(agent=agent, env_steps=2000)) for agent in agents]
    assert every == [[400, 800, 1200, 1600, 2000]] * 3


@pytest.mark.parametrize("wanted", [60_000, 99_991])
def test_exact_and_cheap_evaluations_are_at_most_a_twentieth_apart(store, wanted):
    at = points(learned(agent="q-learning", env_steps=wanted))
    assert at[-1] == wanted and max(np.diff([0, *at])) <= math.ceil(wanted / 20)


def test_evaluations_that_are_sampled_or_dear_are_a_fifth_apart(store):
    config = configured("maze", layers=[{"env_steps": 60_000}])
    assert spacing(config, None, 168) == 12_000
    wide = np.zeros((10_000, 1), dtype=np.int64)
    model = TabularMDP.from_outcomes(
        wide, np.zeros((10_000, 1)), start_states=np.arange(10_000), horizon=168
    )
    assert spacing(config, model, 168) == 12_000


@pytest.mark.parametrize("agent", marked(["sarsa", "sb3-dqn"]))
def test_eval_every_says_after_how_many_steps_the_policy_is_evaluated(store, agent):
    skip_without_library(agent)
    assert points(learned(agent=agent, env_steps=1000, eval_every=300)) == [300, 600, 900, 1000]
    assert points(learned(agent=agent, episodes=6, eval_every=300)) == [300, 600, 900, 1008]


def test_an_episode_longer_than_the_distance_gives_a_row_for_each_point(store):
    made = learned(env_steps=400, eval_every=50)
    evaluated = made.metrics.columns("evaluate")
    assert evaluated["env_steps"].tolist() == list(range(50, 401, 50))
    assert evaluated["episode"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3]


def test_evaluations_change_nothing_of_what_is_learned(store):
    few, many = (learned(env_steps=9000, eval_every=every) for every in (9000, 100))
    assert np.array_equal(few.experiment.agent.q, many.experiment.agent.q)


@pytest.mark.parametrize("agent", marked(["sarsa", "sb3-dqn"]))
def test_the_summary_has_seconds_of_learning_and_of_evaluating(store, agent):
    skip_without_library(agent)
    made = learned(agent=agent, env_steps=1200)
    lines = time_lines(made.folder.directory)
    for name in ("learning_seconds", "learning_cpu_seconds", "evaluation_seconds"):
        assert made.summary[name] == pytest.approx(sum(line[name] for line in lines), abs=1e-5)
        assert made.summary[name] > 0
    learning, evaluating = made.summary["learning_seconds"], made.summary["evaluation_seconds"]
    assert learning + evaluating <= sum(line["seconds"] for line in lines)
    assert "learning_cpu_seconds" not in learned(episodes=5).summary


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"env_steps": 0}, "env-steps = 0: it should be greater than or equal to 1"),
        ({"env_steps": "many"}, "env-steps = many"),
        ({"eval_every": 0}, "eval-every = 0: it should be greater than or equal to 1"),
        ({"episodes": "none"}, "episodes none needs env-steps"),
        ({"seeds": 2, "eval_every": 100}, "--seeds 2: seeds that learn together"),
    ],
)
def test_what_cannot_be_is_refused(store, options, said):
    with pytest.raises(UsageError) as error:
        learned(**options)
    assert said in str(error.value)


@pytest.mark.extras
def test_regret_is_that_of_the_expected_start_where_starts_have_no_number(store):
    skip_without_library("sb3-ppo")
    agent = {"name": "sb3-ppo", "n_steps": 64, "n_envs": 1, "batch_size": 64}
    equal = learned("gym", agent=agent, env_steps=200, **LAKE)
    learn = equal.metrics.columns("learn")
    assert np.array_equal(learn["regret"], equal.summary["optimal_return"] - learn["return"])
    agent["total_timesteps"] = 200
    plain = learned("gym", agent=agent, **LAKE).metrics.columns("learn")
    assert np.isnan(plain["regret"]).all()
