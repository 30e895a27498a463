"""Monte Carlo control: returns and importance weights by hand, cut episodes, and worlds whose
values are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.tabular.kernels import Own, Step
from agents.tabular.rules.monte_carlo import (
    MonteCarlo,
    OffPolicyMonteCarlo,
    monte_carlo,
    off_policy_monte_carlo,
)
from tests.agents.tabular.exact_policies import epsilon_greedy

DISCOUNT = 0.5
Move = tuple[int, int, float, int]
"""State, action, reward, next state."""


class Bench:
    """A rule as a plain function, fed with episodes that were written down; ε-greedy with ε =
    0.4."""

    def __init__(
        self,
        rule: Any,
        settings: list[float],
        length: int = 8,
        first_ties: bool = True,
        alpha: float = 0.5,
    ) -> None:
        self.rule, self.settings, self.first_ties, self.alpha = (
            rule,
            np.array(settings),
            first_ties,
            alpha,
        )
        self.q, self.scratch = np.zeros((4, 2)), np.zeros((4, 2))
        self.memory, self.rows, self.counts = (
            np.zeros((2, 4, 2)),
            np.zeros((length + 1, 4)),
            np.zeros((4, 2), dtype=np.int64),
        )

    def episode(self, *steps: Move, terminated: bool = True) -> None:
        def fill_probabilities(
            q: np.ndarray,
            counts: np.ndarray,
            state: int,
            epsilon: float,
            first_ties: bool,
            out: np.ndarray,
        ) -> None:
            out[:] = epsilon_greedy(q, epsilon, first_ties)[state]

        own = Own(self.q, self.memory, self.rows, self.counts, self.settings, self.scratch)
        for time, (state, action, reward, next_state) in enumerate(steps):
            last = time == len(steps) - 1
            self.counts[state, action] += 1
            step = Step(
                time,
                state,
                action,
                reward,
                next_state,
                0,
                terminated and last,
                last,
                self.alpha,
                DISCOUNT,
                0.4,
                self.first_ties,
            )
            self.rule(own, step, fill_probabilities, np.random.default_rng(0))


TWICE: list[Move] = [(0, 0, 1.0, 1), (1, 1, 2.0, 0), (0, 0, 4.0, 2)]
"""The pair (0, 0) comes twice; its returns are 1 + 2/2 + 4/4 = 3 and 4, and that of (1, 1) is 2 +
4/2 = 4."""


def test_every_visit_averages_the_returns_of_all_visits() -> None:
    bench = Bench(monte_carlo, [0, 1, 1])
    bench.episode(*TWICE)
    assert bench.q[0, 0] == (3 + 4) / 2
    assert bench.q[1, 1] == 4
    bench.episode((0, 0, 9.5, 3))
    assert bench.q[0, 0] == pytest.approx((3 + 4 + 9.5) / 3)


def test_first_visit_averages_the_returns_of_first_visits_alone() -> None:
    bench = Bench(monte_carlo, [1, 1, 1])
    bench.episode(*TWICE)
    assert bench.q[0, 0] == 3
    bench.episode((0, 0, 9.0, 0), (0, 0, 0.0, 3))
    assert bench.q[0, 0] == (3 + 9) / 2


def test_a_constant_step_size_moves_values_by_alpha_from_the_last_visit_to_the_first() -> None:
    bench = Bench(monte_carlo, [0, 0, 1])
    bench.q[0, 0] = 8.0
    bench.episode(*TWICE)
    assert bench.q[0, 0] == (8 + 0.5 * (4 - 8)) + 0.5 * (3 - (8 + 0.5 * (4 - 8)))


def test_a_cut_episode_goes_on_with_what_the_behaviour_policy_expects() -> None:
    """At state 2 the better action comes with 0.6."""
    for settings, expected in ((1, 1 + 0.5 * (0.6 * 10 + 0.4 * 5)), (0, 1)):
        bench = Bench(monte_carlo, [0, 1, settings])
        bench.q[2] = [5.0, 10.0]
        bench.episode((0, 0, 1.0, 2), terminated=False)
        assert bench.q[0, 0] == expected


def test_a_terminated_episode_is_worth_what_it_brought() -> None:
    for rule, settings in ((monte_carlo, [0, 1, 1]), (off_policy_monte_carlo, [1])):
        bench = Bench(rule, settings)
        bench.q[2] = [5.0, 10.0]
        bench.episode((0, 0, 1.0, 2))
        assert bench.q[0, 0] == 1


@pytest.mark.parametrize("rule", [monte_carlo, off_policy_monte_carlo])
def test_an_episode_longer_than_the_ring_teaches_its_last_steps(rule: Any) -> None:
    length = 3
    long, short = (Bench(rule, [0, 1, 1] if rule is monte_carlo else [1], length) for _ in range(2))
    long.rows = long.rows if rule is monte_carlo else long.rows[:length].copy()
    chain: list[Move] = [(s, 0, float(s), (s + 1) % 4) for s in (3, 0, 1, 2, 3)]
    long.episode(*chain)
    short.episode(*chain[-3:])
    assert long.q.tolist() == short.q.tolist()
    assert long.q[0, 0] == 0


def test_importance_weights_are_those_of_the_box() -> None:
    """π is greedy, b gives it 0.6: one step before the last the weight is 1 / 0.6, and it ends
    where another action was played."""
    bench = Bench(off_policy_monte_carlo, [1])
    bench.q[:, 1] = -9.0
    bench.episode((0, 0, 1.0, 1), (1, 1, 2.0, 2), (2, 0, 3.0, 3))
    assert bench.q[2, 0] == 3
    assert (
        bench.q[1, 1] == 2 + 0.5 * 3
    )  # the action played is learned about, also where π plays another
    assert bench.q[0, 0] == 1 + 0.5 * 3.5  # and there it became the best one
    bench = Bench(off_policy_monte_carlo, [1])
    bench.q[:, 1], bench.q[1, 0] = -9.0, 50.0
    bench.episode((0, 0, 1.0, 1), (1, 1, 2.0, 2), (2, 0, 3.0, 3))
    assert bench.q[1, 1] == 3.5
    assert bench.q[0, 0] == 0  # nothing is learned before an action that π would not have played


def test_values_are_weighted_means_of_returns() -> None:
    """(0, 0) has the return 1 + 3/2 with weight b(0 | 1)⁻¹, then 5 with weight 1."""
    bench = Bench(off_policy_monte_carlo, [1])
    bench.episode((0, 0, 1.0, 1), (1, 0, 3.0, 2))
    assert bench.q[0, 0] == 2.5
    bench.episode((0, 0, 5.0, 3))
    weight = 1 / 0.6
    assert bench.q[0, 0] == pytest.approx((weight * 2.5 + 5) / (weight + 1))
    assert bench.memory[0, 0, 0] == pytest.approx(weight + 1)


def test_where_ties_are_random_the_greedy_policy_shares_them() -> None:
    """Both actions of state 1 are worth 3: π and b play each with 1/2, hence the weight stays 1."""
    bench = Bench(off_policy_monte_carlo, [1], first_ties=False)
    bench.q[1] = 3.0
    bench.episode((0, 0, 1.0, 1), (1, 1, 3.0, 2))
    assert bench.memory[0, 0, 0] == pytest.approx(1.0)
    first = Bench(off_policy_monte_carlo, [1], first_ties=True)
    first.q[1] = 3.0
    first.episode((0, 0, 1.0, 1), (1, 1, 3.0, 2))
    assert first.memory[0, 0, 0] == 0  # the first of the best is another


def test_a_cut_episode_goes_on_greedily_off_policy() -> None:
    for bootstrap, expected in ((1, 1 + 0.5 * 10), (0, 1)):
        bench = Bench(off_policy_monte_carlo, [bootstrap])
        bench.q[2] = [5.0, 10.0]
        bench.episode((0, 0, 1.0, 2), terminated=False)
        assert bench.q[0, 0] == expected


def test_weights_that_outgrow_every_number_end_an_episode_and_leave_numbers() -> None:
    bench = Bench(off_policy_monte_carlo, [1], length=2000)
    bench.q[:, 1] = -9.0
    steps: list[Move] = [(number % 4, 0, 1.0, (number + 1) % 4) for number in range(2000)]
    bench.episode(*steps)
    bench.episode(*steps)
    assert np.isfinite(bench.q).all()
    assert np.isfinite(bench.memory).all()


def test_importance_sampling_finds_the_greedy_value_under_much_exploration() -> None:
    """Three steps; π always takes action 0, which pays 1 on average, b in 60 of 100; action 1 pays
    0."""
    rng = np.random.default_rng(0)
    bench = Bench(off_policy_monte_carlo, [1], length=4)
    bench.q[:, 1] = -9.0
    for _ in range(3000):
        steps: list[Move] = [(state, int(rng.random() < 0.4), 0.0, state + 1) for state in range(3)]
        bench.episode(
            *(
                (state, action, 1.0 - action + 0.5 * rng.normal(), following)
                for state, action, _, following in steps
            )
        )
    assert bench.q[:3, 0] == pytest.approx([1.75, 1.5, 1.0], abs=0.1)
    assert bench.q[:3, 1] == pytest.approx([0.75, 0.5, 0.0], abs=0.1)


AGENTS = [MonteCarlo, OffPolicyMonteCarlo]


def row_of_cells(worlds: Any, **options: Any) -> Any:
    """Four cells in a row: staying, left, right; the last one pays 1 and ends the episode."""
    following = [[cell, max(cell - 1, 0), min(cell + 1, 3)] for cell in range(4)]
    reward = [[0.0, 0.0, float(cell == 2)] for cell in range(4)]
    ends = [[False, False, cell == 2] for cell in range(4)]
    return worlds.make_model(
        following, reward, terminated=ends, **{"horizon": 30, "goal": (3,), **options}
    )


def agent_for(kind: Any, model: Any, seed: int = 0, episodes: int = 2000, **options: Any) -> Any:
    states, actions, _ = model.next_state.shape
    config = kind.Config(
        **{
            "policy": "epsilon-greedy",
            "epsilon": 0.5,
            "epsilon_final": 0.01,
            "initial_value": 1.0,
            **options,
        }
    )
    return kind(config, states, actions, np.random.default_rng(seed), episodes=episodes)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bootstrap": False},
        {"ties": "first"},
        {"visits": "first"},
        {"alpha_schedule": "constant"},
    ],
)
@pytest.mark.parametrize("kind", AGENTS, ids=lambda kind: kind.name)
def test_every_agent_solves_its_tiny_world(kind: Any, options: dict[str, Any], worlds: Any) -> None:
    model = row_of_cells(worlds)
    if kind is OffPolicyMonteCarlo:
        options = {name: value for name, value in options.items() if name in ("bootstrap", "ties")}
    for seed in range(5):
        agent = agent_for(kind, model, seed, **options)
        learned = agent.learn_model(model, np.random.default_rng(0), 2000)
        assert agent.policy()[:3].tolist() == [[0, 0, 1]] * 3
        assert agent.q[2, 2] == pytest.approx(1, abs=0.02)
        assert agent.q[0, 2] == pytest.approx(0.9**2, abs=0.08 if kind is MonteCarlo else 0.01)
        assert learned.steps_to_goal[-50:].min() == 3


@pytest.mark.parametrize("horizon", [0, 6, 30])
@pytest.mark.parametrize("kind", AGENTS, ids=lambda kind: kind.name)
def test_both_ways_of_learning_agree_and_so_do_pieces(kind: Any, horizon: int, worlds: Any) -> None:
    model = row_of_cells(worlds, horizon=horizon)
    agents = [agent_for(kind, model, policy="softmax", longest=20) for _ in range(3)]
    env = worlds.ModelEnv(model)
    env.np_random = np.random.default_rng(12)
    agents[0].learn_model(model, np.random.default_rng(12), 50)
    agents[1].learn_env(env, 50)
    rng = np.random.default_rng(12)
    for piece in (1, 20, 29):
        agents[2].learn_model(model, rng, piece)
    states = [agent.state() for agent in agents]
    for name in ("q", "memory", "rows", "counts", "visits"):
        assert (
            states[0][name].tobytes() == states[1][name].tobytes() == states[2][name].tobytes()
        ), name
    assert len({str(agent.rng.bit_generator.state) for agent in agents}) == 1


@pytest.mark.parametrize("kind", AGENTS, ids=lambda kind: kind.name)
def test_a_loaded_agent_goes_on_learning_like_the_saved_one(
    kind: Any, tmp_path: Path, worlds: Any
) -> None:
    model = row_of_cells(worlds)
    agent = agent_for(kind, model)
    agent.learn_model(model, np.random.default_rng(1), 30)
    agent.save(tmp_path / "agent.npz")
    loaded = kind.load(tmp_path / "agent.npz")
    for each in (agent, loaded):
        each.learn_model(model, np.random.default_rng(2), 30)
    assert agent.q.tobytes() == loaded.q.tobytes()
    assert agent.memory.tobytes() == loaded.memory.tobytes()
