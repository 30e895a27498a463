"""Scores are true: never above the optimum, sampled ones with their errors, and of the policy that
is really played."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.control.worlds import play_randomly
from agents.planning import evaluation
from agents.planning import solvers as planning
from envs.grid import MazeEnv
from sandbox import Score, compare, load, run
from sandbox.comparison.planned import built
from sandbox.runs.request import Request
from sandbox.score import score_of

SLIPPERY = {
    "layout": "...../..~../GOOS~",
    "holes": "end",
    "slip": 0.2,
    "hole_penalty": -1.0,
    "episode_length": 40,
}


@st.composite
def worlds(draw):
    """Small grids of all kinds of ground, with every option of the environment."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    cells = draw(
        st.lists(st.sampled_from("....#O~"), min_size=rows * columns, max_size=rows * columns)
    )
    start, goal = draw(
        st.lists(st.integers(0, rows * columns - 1), min_size=2, max_size=2, unique=True)
    )
    cells[start], cells[goal] = "S", "G"
    return {
        "layout": "/".join(
            "".join(cells[row * columns : (row + 1) * columns]) for row in range(rows)
        ),
        "walls": draw(st.sampled_from(["insurmountable", "surmountable"])),
        "wall_penalty": draw(st.sampled_from([-4.0, -0.5, 0.0])),
        "sand_penalty": draw(st.sampled_from([-1.0, 0.0])),
        "hole_penalty": draw(st.sampled_from([-5.0, -0.1, 0.0])),
        "holes": draw(st.sampled_from(["restart", "end"])),
        "slip": draw(st.sampled_from([0.0, 0.2, 0.9])),
        "random_start": draw(st.booleans()),
        "episode_length": draw(st.integers(1, 30)),
    }


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 10**6), st.sampled_from([0.5, 0.9, 0.99]))
def test_no_exact_score_exceeds_the_optimum(world, seed, discount):
    try:
        model = MazeEnv(**world).model
    except ValueError:  # the goal cannot be reached
        return
    optimum = (
        evaluation.value_at_start(model, planning.finite_horizon(model, model.horizon).value)
        / model.horizon
    )
    random = np.random.default_rng(seed).dirichlet(np.full(model.actions, 0.2), size=model.states)
    planned = np.eye(model.actions)[planning.value_iteration(model, discount).policy]
    for policy in (random, planned, np.repeat(random[None], 3, axis=0)):
        value = evaluation.evaluate(model, policy, model.horizon).reward_per_step
        assert not Score("reward_per_step", value, optimum).above_optimum()


def test_the_better_agent_is_not_the_one_that_ends_sooner(store):
    """Falling into a hole ends the episode: a return divided by fewer steps looked better than the
    best possible one."""
    made = compare(
        "maze",
        ["far=value-iteration", "near=value-iteration"],
        agent_options={"far": {"discount": 0.99}, "near": {"discount": 0.9}},
        config={"env": SLIPPERY},
        episodes=10,
        seeds=4,
    )
    rows = {row["agent"]: row["iqm"]["value"] for row in made.table}
    assert rows["near"] < rows["far"] <= made.results.optimum
    assert rows == pytest.approx({"far": 26.387 / 40, "near": 23.387 / 40}, abs=1e-4)
    assert made.pairs[0]["verdict"] in ("far is better", "too few seeds, 5 of each may tell")
    assert (
        made.results.optimum_is
        == "the highest expected return of an episode of 40 steps, undiscounted, divided by 40 steps"
    )


def test_rewards_per_step_are_returns_by_the_length_of_an_episode_everywhere(store):
    made = run("maze", agent="sarsa", config={"env": SLIPPERY}, episodes=300, pictures=False)
    learn, summary = made.metrics.columns("learn"), made.summary
    assert (learn["length"] < 40).any(), "some episodes end early"
    assert (learn["reward_per_step"] == learn["return"] / 40).all()
    assert summary["reward_per_step"] == summary["greedy_return"] / 40 == made.score.value
    assert summary["optimum"] == summary["optimal_return"] / 40 == made.score.optimum
    assert made.metrics["evaluate/reward_per_step"][-1] == made.score.value


def test_a_planner_below_the_optimum_says_why(store):
    options = {"walls": "surmountable", "wall_penalty": -2.6}
    made = run("maze", agent="value-iteration", config={"env": options}, episodes=5, pictures=False)
    (warning,) = made.record.warnings
    assert made.score.value < made.score.optimum and "discounted by 0.9" in warning
    assert not run("maze", agent="value-iteration", episodes=5, pictures=False).record.warnings


# -- sampled scores


@pytest.fixture(scope="module")
def blackjack(tmp_path_factory):
    return run(
        "gym",
        env="Blackjack-v1",
        episodes=2000,
        store=tmp_path_factory.mktemp("blackjack"),
        pictures=False,
    )


def test_a_sampled_score_has_its_error_and_its_number_of_episodes(blackjack):
    score, summary = blackjack.score, blackjack.summary
    assert (
        score.episodes == summary["evaluation_episodes"] == 30
        and summary["evaluated"] == "by sampling"
    )
    wins = round(30 * (score.value + 1) / 2)  # were there no draws: each episode brings -1, 0 or 1
    assert 0.1 < score.standard_error <= 1 / np.sqrt(29) and 0 <= wins <= 30
    assert (blackjack.metrics["evaluate/standard_error"] > 0).all()


def test_the_listing_and_the_summary_show_no_more_digits_than_are_known(blackjack, say):
    shown = f"{blackjack.score.value:.2f} ± {blackjack.score.standard_error:.2f}"
    assert shown in say("list", "--store", blackjack.path.parent.parent).out
    assert shown in say("show", blackjack.path).out
    assert load(blackjack.path).score == blackjack.score


def test_a_comparison_of_sampled_scores_contains_their_errors(store):
    made = compare("gym", ["q-learning"], config={"env": "Blackjack-v1"}, episodes=200, seeds=3)
    runs = made.results.agents[0].runs
    low, high = made.table[0]["mean"]["interval"]
    assert high - low > 2 * np.sqrt(sum(one.score.standard_error**2 for one in runs)) / 3
    assert any("30 sampled episodes" in warning for warning in made.warnings)


def test_a_sampled_score_far_above_the_optimum_is_a_warning(walk, store):
    assert (
        Score("x", 1.6, 1.0, standard_error=0.1).above_optimum()
        and not Score("x", 1.4, 1.0, standard_error=0.1).above_optimum()
    )
    assert (
        Score("x", 0.1, 0.2, higher_is_better=False).above_optimum()
        and not Score("x", 2.0).above_optimum()
    )


def test_a_score_that_nobody_declares_is_the_first_number_of_the_summary():
    assert score_of({}, {"greedy_return": 3.0, "optimal_return": 4.0}) == Score(
        "greedy_return", 3.0, 4.0
    )
    assert (
        score_of({}, {"note": "x"}) is None and score_of({"name": "x", "value": None}, {}) is None
    )
    assert score_of({"name": "x", "value": 1.0, "of the future": 2}, {}) == Score("x", 1.0)


# -- the policy that is played


def test_ucb_vi_is_judged_by_the_policy_of_each_step(store):
    made = run("gym", agent="ucb-vi", env="FrozenLake-v1", episodes=3000, pictures=False)
    agent, experiment = made.agent, made.experiment
    assert (
        made.score.value > 0.735
    )  # of 0.7442; of a policy that does not count steps 0.7402 is the most
    one_table = evaluation.evaluate(experiment.model, agent.policy(), 100).expected_return
    rng, earned = np.random.default_rng(1), []
    for _ in range(1500):
        state, total = experiment.model.sample_start(rng), 0.0
        for step in range(100):
            at = (state, agent.act(state, rng=rng, step=step))
            outcome = experiment.model.sample_outcome(*at, rng)
            total += float(experiment.model.reward[at][outcome])
            state = int(experiment.model.next_state[at][outcome])
            if experiment.model.terminated[at][outcome]:
                break
        earned.append(total)
    assert np.mean(earned) == pytest.approx(
        made.score.value, abs=4 * np.std(earned) / np.sqrt(1500)
    )
    assert one_table < made.score.value


class Promises(gymnasium.Env):
    """A corridor whose table promises 1 at its end, where the environment pays -100: random play
    never comes so far."""

    LENGTH = 40

    def __init__(self):
        self.observation_space, self.action_space = spaces.Discrete(self.LENGTH), spaces.Discrete(2)
        last = self.LENGTH - 2
        self.P = {
            state: {
                0: [(1.0, 0, 0.0, False)],
                1: [(1.0, state + 1, 1.0 if state == last else 0.0, state == last)]
                if state <= last
                else [(1.0, state, 0.0, True)],
            }
            for state in range(self.LENGTH)
        }
        self.initial_state_distrib = np.eye(self.LENGTH)[0]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 0
        return 0, {}

    def step(self, action):
        _, self.state, reward, over = self.P[self.state][action][0]
        return self.state, -100.0 if reward else 0.0, over, False, {}


@pytest.fixture
def promises():
    gymnasium.register("Promises-v0", lambda: Promises(), max_episode_steps=60)
    yield "Promises-v0"
    del gymnasium.registry["Promises-v0"]


@pytest.mark.parametrize("agent", ["value-iteration", "q-learning"])
@pytest.mark.parametrize("use_model", [True, False])
def test_a_table_that_lies_late_is_found_out_by_real_episodes(store, promises, agent, use_model):
    if agent == "value-iteration" and not use_model:
        return
    made = run("gym", agent=agent, env=promises, episodes=400, use_model=use_model, pictures=False)
    if agent == "q-learning" and not use_model:
        assert made.score.value == 0  # it learned through env.step that the end does not pay
        return
    assert made.score.value == -100 and made.score.optimum is None and made.score.episodes == 30
    assert made.summary["evaluated"] == "by sampling" and made.summary["regret"] is None
    assert any(
        "state 38, action 1 led to state 39, reward -100, the end, not to state 39, reward 1" in one
        for one in made.record.warnings
    )


def test_a_table_that_tells_the_truth_stays_exact(store):
    made = run("gym", env="FrozenLake-v1", episodes=300, pictures=False)
    assert made.summary["evaluated"] == "exactly" and not made.record.warnings


def test_seeds_that_learn_together_find_it_out_too(store, promises):
    made = run("gym", agent="value-iteration", env=promises, episodes=20, seeds=3, pictures=False)
    assert (
        made.score.value == -100
        and made.score.optimum is None
        and any("led to" in one for one in made.record.warnings)
    )


@pytest.mark.extras
def test_a_stable_baselines_agent_is_tried_out_too(promises):
    pytest.importorskip("stable_baselines3")
    from agents.baselines.worlds import GymVecWorld
    from envs import ids
    from sandbox.config.resolve import resolve
    from sandbox.lab import Context
    from sandbox.seeding import Generators

    class Right:
        def act(self, observation):
            return 1

    world = GymVecWorld(
        resolve(ids.config_of("env", promises), [{}], "env"), 1, Context(0, Generators(0), None), 5
    )
    trial = world.try_out(Right(), 5)
    assert (
        trial.played.expected_return == -100
        and "reward -100" in trial.difference
        and world.model is not None
    )


# -- what an experiment declares


def test_a_declared_score_is_what_listings_and_sweeps_read(in_process, tmp_path):
    (tmp_path / "golf.py").write_text(GOLF)
    words = ["golf", "-p", str(tmp_path / "golf.py")]
    assert in_process("run", *words, "--strokes", 7).code == 0
    row = in_process("list", "--json").document[0]
    assert row["score"]["name"] == "strokes" and row["score"]["higher_is_better"] is False
    assert "strokes 7" in in_process("list").out
    ranking = in_process("sweep", *words, "--grid", "strokes=9,3,5", "--json").document
    assert ranking["objective"] == "summary.strokes" and ranking["direction"] == "minimize"
    assert [one["value"] for one in ranking["ranking"]] == [3, 5, 9]


GOLF = """
from pydantic import Field
from sandbox import Block, Experiment, Lab, LabConfig, Score, hookimpl

@hookimpl
def sandbox_register(registry):
    registry.lab("golf", "golf:GolfLab", summary="fewer is better")

class GolfConfig(LabConfig):
    strokes: int = Field(5, ge=1, description="strokes")

class Golf(Experiment):
    unit, limit, done_units = "round", 1, 0
    def __init__(self, config): self.strokes = config.strokes
    def advance(self):
        self.done_units = 1
        return [Block("play", {"round": [1]})]
    def state(self): return {"done": self.done_units}
    def restore(self, state): self.done_units = state["done"]
    def summary(self): return {"note": "fine weather", "strokes": self.strokes}
    def score(self): return Score(name="strokes", value=float(self.strokes), optimum=3.0, higher_is_better=False)

class GolfLab(Lab):
    Config = GolfConfig
    def build(self, config, context): return Golf(config)
"""


def test_a_score_of_another_kind_fails_the_run_with_a_sentence(in_process, tmp_path):
    (tmp_path / "golf.py").write_text(GOLF.replace("return Score(", "return dict("))
    said = in_process("run", "-p", tmp_path / "golf.py", "golf")
    assert said.code == 1 and "must return a sandbox.Score" in said.err


def untrained(lab, **options):
    """The experiment of a run that has not begun."""
    return built(Request(lab, layers=[options]))


@pytest.mark.parametrize(
    ("lab", "options"),
    [
        ("maze", {}),
        ("gym", {"env": {"name": "FrozenLake-v1"}}),
        ("gym", {"env": {"name": "Taxi-v4"}, "use_model": False}),
    ],
)
def test_the_score_of_random_actions_is_that_of_sampled_ones(lab, options):
    experiment = untrained(lab, **options)
    exact, world = experiment.random_score(), experiment.world
    assert exact.optimum == experiment.score().optimum and exact.standard_error is None
    world.env.reset(seed=1)
    played = play_randomly(world.env, world.horizon)
    mean = played.reward_per_step if lab == "maze" else played.expected_return
    error = played.standard_error / (world.horizon if lab == "maze" else 1)
    assert exact.value == pytest.approx(mean, abs=4 * error)


def test_random_actions_in_a_corridor_earn_what_arithmetic_says():
    """Two steps in two cells: the mean reward of the first, and that of the second wherever the
    first leads."""
    walk = {"layout": "SG", "episode_length": 2}
    known = untrained("maze", env=walk)
    model = known.world.model
    chances = np.full((2, model.actions), 1 / model.actions)
    step = np.einsum("sa,sao,sao->s", chances, model.probability, model.reward)
    moved = np.zeros((2, 2))
    for state in range(2):
        for action in range(model.actions):
            moved[state, model.next_state[state, action, 0]] += 1 / model.actions
    wanted = (step[0] + moved[0] @ step) / 2
    assert known.random_score().value == pytest.approx(wanted)


def test_without_a_model_random_actions_are_sampled_the_same_at_every_call():
    experiment = untrained("gym", env={"name": "Blackjack-v1"})
    first, again = experiment.random_score(), experiment.random_score()
    assert first == again and first.episodes == 1000 and first.optimum is None
    assert first.value == pytest.approx(-0.38, abs=0.15) and 0 < first.standard_error < 0.05


@pytest.mark.extras
def test_agents_with_a_network_have_the_same_score_of_random_actions():
    pytest.importorskip("stable_baselines3")
    lake = {"env": {"name": "FrozenLake-v1"}}
    table = untrained("gym", **lake).random_score()
    assert untrained("gym", agent="sb3-dqn", **lake).random_score() == table
    swing = untrained("gym", agent="sb3-a2c", env={"name": "Pendulum-v1"}).random_score()
    assert -1400 < swing.value < -1000 and swing.standard_error > 0
