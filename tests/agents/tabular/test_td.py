"""One-step rules against arithmetic a reader can redo, and the four classic bugs of tabular
libraries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from agents.tabular.compiling import compiled_rule
from agents.tabular.config import TabularConfig
from agents.tabular.kernels import Step
from agents.tabular.rules import several_tables
from agents.tabular.rules.one_step import QLearning, Sarsa, q_learning, sarsa
from agents.tabular.rules.several_tables import WeightedConfig, WeightedQLearning

AGENTS = [Sarsa, QLearning]


def table() -> np.ndarray:
    return np.array([[1.0, 2.0], [4.0, 8.0]])


@pytest.mark.parametrize("form", [lambda rule: rule, compiled_rule], ids=["plain", "compiled"])
@pytest.mark.parametrize(
    ("rule", "terminated", "expected"),
    [
        (sarsa, False, 2 + 0.5 * (3 + 0.9 * 4 - 2)),  # the action drawn next is 0
        (sarsa, True, 2 + 0.5 * (3 - 2)),
        (q_learning, False, 2 + 0.5 * (3 + 0.9 * 8 - 2)),  # the best one is 1
        (q_learning, True, 2 + 0.5 * (3 - 2)),
    ],
)
def test_a_rule_moves_one_value_by_its_formula(
    form: Any, rule: Any, terminated: bool, expected: float, worlds: Any
) -> None:
    q = table()
    step = worlds.make_step(
        state=0, action=1, reward=3.0, next_state=1, next_action=0, terminated=terminated
    )
    form(rule)(q, step)
    assert q[0, 1] == pytest.approx(expected, rel=1e-15)
    q[0, 1] = 2.0
    assert (q == table()).all()


@pytest.mark.parametrize("rule", [sarsa, q_learning])
def test_a_compiled_rule_gives_the_bits_of_the_plain_one(rule: Any, worlds: Any) -> None:
    rng = np.random.default_rng(0)
    plain, compiled = rng.normal(size=(2, 5, 3))
    compiled[:] = plain
    for _ in range(500):
        s, a, s2, a2 = (int(rng.integers(n)) for n in (5, 3, 5, 3))
        step = worlds.make_step(
            state=s,
            action=a,
            reward=float(rng.normal()),
            next_state=s2,
            next_action=a2,
            terminated=bool(rng.random() < 0.2),
            alpha=0.25,
        )
        rule(plain, step)
        compiled_rule(rule)(compiled, step)
    assert plain.tobytes() == compiled.tobytes()


def one_step(agent_class: Any, worlds: Any, **options: Any) -> Any:
    """One episode of one step: from state 0 to state 1 with reward 3."""
    model = worlds.make_model([[1, 1], [1, 1]], [[3.0, 3.0], [0.0, 0.0]], **options)
    config = TabularConfig(
        alpha=0.5, discount=0.9, initial_value=8.0, policy="epsilon-greedy", ties="first"
    )
    agent = agent_class(config, 2, 2, np.random.default_rng(0), episodes=1)
    agent.learn_model(model, np.random.default_rng(0), 1)
    return agent.q[agent.q != 8.0]


@pytest.mark.parametrize("agent_class", AGENTS)
def test_learning_bootstraps_when_the_episode_is_truncated(agent_class: Any, worlds: Any) -> None:
    assert one_step(agent_class, worlds, horizon=1) == pytest.approx([8 + 0.5 * (3 + 0.9 * 8 - 8)])


@pytest.mark.parametrize("agent_class", AGENTS)
@pytest.mark.parametrize("horizon", [1, 0])
def test_learning_does_not_bootstrap_when_the_episode_terminates(
    agent_class: Any, worlds: Any, horizon: int
) -> None:
    ends = [[True, True], [True, True]]
    assert one_step(agent_class, worlds, horizon=horizon, terminated=ends) == pytest.approx(
        [8 + 0.5 * (3 - 8)]
    )


class Recorded:
    """An environment that writes down each state and the action played there."""

    def __init__(self, env: Any) -> None:
        self.env, self.played = env, list[tuple[int, int]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def step(self, action: int) -> Any:
        self.played.append((self.env.state, int(action)))
        return self.env.step(action)


def test_sarsa_plays_the_action_it_bootstrapped_from(
    worlds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ε 0.7 a second draw would give another action more often than not."""
    bootstrapped: list[tuple[int, int]] = []

    def spying(rule: Any) -> Any:
        def spy(q: np.ndarray, step: Step) -> None:
            bootstrapped.append((step.next_state, step.next_action))
            rule(q, step)

        return spy

    monkeypatch.setattr("agents.tabular.stepping.callable_rule", spying)
    env = Recorded(
        worlds.ModelEnv(worlds.random_model(0, terminated=np.zeros((6, 3, 2)), horizon=50))
    )
    env.reset(seed=1)
    agent = Sarsa(
        TabularConfig(policy="epsilon-greedy", epsilon=0.7),
        6,
        3,
        np.random.default_rng(0),
        episodes=1,
    )
    agent.learn_env(env, 1)  # type: ignore[arg-type]
    assert len(env.played) == 50
    assert bootstrapped[:-1] == env.played[1:]


@pytest.mark.parametrize("policy", ["softmax", "epsilon-greedy"])
@pytest.mark.parametrize(("agent_class", "draws"), [(Sarsa, (5, 4)), (QLearning, (4, 4))])
def test_no_action_is_drawn_for_a_state_in_which_none_is_played_or_learned(
    agent_class: Any, draws: Any, policy: str, worlds: Any
) -> None:
    """A chain of 4 steps: truncated, SARSA draws a fifth action to bootstrap from; terminated,
    nobody does."""
    following = [[1], [2], [3], [4], [4]]
    ends = [[False], [False], [False], [True], [True]]
    for terminated, expected in zip((None, ends), draws, strict=True):
        model = worlds.make_model(following, np.zeros((5, 1)), terminated=terminated, horizon=4)
        rng, counted = np.random.default_rng(2), np.random.default_rng(2)
        agent_class(TabularConfig(policy=policy), 5, 1, rng, episodes=1).learn_model(
            model, np.random.default_rng(0), 1
        )
        counted.random(expected)
        assert rng.bit_generator.state == counted.bit_generator.state


@pytest.mark.parametrize("policy", ["softmax", "epsilon-greedy"])
@pytest.mark.parametrize("agent_class", AGENTS)
def test_every_agent_solves_its_tiny_world(agent_class: Any, policy: str, worlds: Any) -> None:
    """Five cells in a row, a reward for staying in the last: the greedy policy walks there and
    stays."""
    cells = range(5)
    following = [[cell, max(cell - 1, 0), min(cell + 1, 4)] for cell in cells]
    reward = [[float(cell == 4), 0.0, 0.0] for cell in cells]
    model = worlds.make_model(following, reward, horizon=20, goal=(4,))
    for seed in range(5):
        config = TabularConfig(policy=policy, epsilon=0.3)
        agent = agent_class(config, 5, 3, np.random.default_rng(seed), episodes=400)
        learned = agent.learn_model(model, np.random.default_rng(0), 400)
        assert agent.policy().tolist() == [[0, 0, 1]] * 4 + [[1, 0, 0]]
        assert learned.steps_to_goal[-50:].min() == 4
        assert agent.q[4, 0] == pytest.approx(10, abs=0.2)  # 1 / (1 - 0.9)


def test_sarsa_with_the_default_exploration_solves_the_reports_maze(worlds: Any) -> None:
    from agents.planning.evaluation import evaluate

    model = worlds.report_maze()
    for seed in range(10):
        agent = Sarsa(TabularConfig(), 100, 5, np.random.default_rng(seed), episodes=3000)
        agent.learn_model(model, np.random.default_rng(0), 3000)
        found = evaluate(model, agent.policy(), model.horizon)
        assert (found.reward_per_step, found.steps_to_goal) == (0.75, 42)


def test_the_normal_distribution_function_is_scipys() -> None:
    for t in [*np.linspace(-8.0, 8.0, 4001), -1e300, 1e300]:
        assert several_tables.below(float(t)) == pytest.approx(norm.cdf(t), abs=1.4e-7)


@pytest.mark.parametrize(
    ("means", "deviations"),
    [
        ([0.3, 0.0], [1.0, 2.0]),
        ([-1.62, -1.72, -2.41, -1.74], [0.06, 0.25, 0.91, 0.36]),
        ([1.0, 1.2, 0.9, 1.1, 0.5], [0.8, 0.7, 0.9, 0.8, 0.7]),
        ([0.0, 0.4, -9.0], [0.0, 1.0, 0.5]),
        ([2.0, 1.0], [0.0, 0.0]),
        ([1.0, 1.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_the_probability_of_being_highest_is_the_integral(
    means: list[float], deviations: list[float]
) -> None:
    def exact(number: int) -> float:
        def chance(value: float) -> float:
            others = (
                norm.cdf(value, mean, deviation) if deviation else 0.5 * np.sign(value - mean) + 0.5
                for mean, deviation in zip(
                    np.delete(means, number), np.delete(deviations, number), strict=True
                )
            )
            return float(np.prod(list(others)))

        mean, deviation = means[number], deviations[number]
        if not deviation:
            return chance(mean)
        ends = mean - 8 * deviation, mean + 8 * deviation
        return float(
            quad(
                lambda value: norm.pdf(value, mean, deviation) * chance(value),
                *ends,
                limit=500,
                points=[one for one in means if ends[0] < one < ends[1]],
            )[0]
        )

    expected = np.array([exact(number) for number in range(len(means))])
    t = np.linspace(-several_tables.REACH, several_tables.REACH, 2001)
    out = np.empty(len(means))
    several_tables.is_highest(np.array(means), np.array(deviations), norm.pdf(t), out)
    assert out == pytest.approx(expected / expected.sum(), abs=1e-3)
    few = WeightedQLearning.settings(SimpleNamespace(config=WeightedConfig()))  # type: ignore[arg-type]
    several_tables.is_highest(np.array(means), np.array(deviations), np.array(few), out)
    assert out == pytest.approx(expected / expected.sum(), abs=0.03)
