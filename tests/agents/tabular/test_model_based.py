"""Agents with learned models: both ways of learning, tiny worlds, worlds of chance against exact
solvers, and full lists."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.planning import evaluation
from agents.planning import solvers as planning
from agents.tabular.rules.model_based import DynaQ, DynaQPlus, PrioritizedSweeping, RMax, UcbVi
from sandbox.errors import SandboxError, UsageError

DISCOUNT = 0.9
AGENTS = [DynaQ, DynaQPlus, PrioritizedSweeping, RMax, UcbVi]
WORLDS = {
    "by chance": lambda worlds: worlds.random_model(1),
    "never truncates": lambda worlds: worlds.random_model(
        3, horizon=0, terminated=np.arange(36).reshape(6, 3, 2) % 2
    ),
    "one step": lambda worlds: worlds.random_model(4, horizon=1),
    "certain": lambda worlds: worlds.random_model(6, outcomes=1, start=(0,)),
}


def agent_for(kind: Any, model: Any, seed: int = 0, episodes: int = 400, **options: Any) -> Any:
    states, actions, _ = model.next_state.shape
    own = {name: value for name, value in options.items() if name in kind.Config.model_fields}
    return kind(kind.Config(**own), states, actions, np.random.default_rng(seed), episodes=episodes)


@pytest.mark.parametrize(
    "options",
    [{}, {"policy": "softmax", "believes": "last", "known": 3}],
    ids=["default", "options"],
)
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("kind", AGENTS, ids=lambda kind: kind.name)
def test_both_ways_of_learning_agree_and_so_do_pieces(
    kind: Any, world: str, options: dict[str, Any], worlds: Any
) -> None:
    model = WORLDS[world](worlds)
    agents = [agent_for(kind, model, **options) for _ in range(3)]
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
def test_a_compiled_rule_gives_the_bits_of_the_plain_one(
    kind: Any, worlds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = worlds.random_model(2)
    compiled, plain = agent_for(kind, model), agent_for(kind, model)
    compiled.learn_model(model, np.random.default_rng(12), 8)
    monkeypatch.setattr("agents.tabular.stepping.callable_rule", lambda rule: rule)
    env = worlds.ModelEnv(model)
    env.np_random = np.random.default_rng(12)
    plain.learn_env(env, 8)
    assert compiled.q.tobytes() == plain.q.tobytes()
    assert compiled.rows.tobytes() == plain.rows.tobytes()


@pytest.mark.parametrize("kind", AGENTS, ids=lambda kind: kind.name)
def test_a_loaded_agent_goes_on_learning_like_the_saved_one(
    kind: Any, tmp_path: Path, worlds: Any
) -> None:
    model = worlds.random_model(1)
    agent = agent_for(kind, model)
    agent.learn_model(model, np.random.default_rng(1), 30)
    agent.save(tmp_path / "agent.npz")
    loaded = kind.load(tmp_path / "agent.npz")
    for each in (agent, loaded):
        each.learn_model(model, np.random.default_rng(2), 30)
    assert agent.q.tobytes() == loaded.q.tobytes()
    assert agent.rows.tobytes() == loaded.rows.tobytes()


@pytest.mark.parametrize("kind", AGENTS, ids=lambda kind: kind.name)
def test_every_agent_solves_its_tiny_world(kind: Any, worlds: Any) -> None:
    """Five cells in a row, a reward for staying in the last: the greedy policy walks there and
    stays."""
    following = [[cell, max(cell - 1, 0), min(cell + 1, 4)] for cell in range(5)]
    reward = [[float(cell == 4), 0.0, 0.0] for cell in range(5)]
    model = worlds.make_model(following, reward, horizon=20, goal=(4,))
    for seed in range(5):
        agent = agent_for(kind, model, seed, known=1)
        learned = agent.learn_model(model, np.random.default_rng(0), 400)
        assert agent.policy().tolist() == [[0, 0, 1]] * 4 + [[1, 0, 0]]
        assert learned.steps_to_goal[-50:].min() == 4
        assert learned.return_[-20:].mean() > 14
        if kind not in (DynaQPlus, UcbVi):  # whose values have a bonus
            assert agent.q[4, 0] == pytest.approx(10, abs=0.1)


def test_r_max_finds_the_optimum_of_a_certain_world_after_one_visit_of_each_pair(
    worlds: Any,
) -> None:
    model = worlds.report_maze()
    agent = agent_for(RMax, model, known=1)
    agent.learn_model(model, np.random.default_rng(0), 400)
    reached = agent.counts.sum(axis=1) > 0
    exact = planning.value_iteration(model, DISCOUNT)
    assert evaluation.evaluate(model, agent.policy(), 168).expected_return == 126
    np.testing.assert_allclose(agent.q[0], exact.q[0], atol=1e-5)
    assert (agent.q[reached] >= exact.q[reached] - 1e-5).all()  # optimistic where it did not look


@pytest.mark.parametrize("kind", [RMax, PrioritizedSweeping, DynaQ], ids=lambda kind: kind.name)
def test_a_world_of_chance_is_solved_nearly(kind: Any, worlds: Any) -> None:
    for seed in range(3):
        model = worlds.random_model(seed, horizon=40)
        options = {"alpha": 0.02} if kind is DynaQ else {}
        agent = agent_for(kind, model, episodes=2000, known=200, initial_value=20.0, **options)
        agent.learn_model(model, np.random.default_rng(0), 2000)
        followed = _following(model, agent.policy().argmax(axis=1))
        worth, best = (
            evaluation.value_at_start(each, planning.value_iteration(each, DISCOUNT).value)
            for each in (followed, model)
        )
        assert best - 0.1 <= worth <= best + 1e-9  # best is about 4


def _following(model: Any, policy: np.ndarray) -> Any:
    """The model in which nothing can be done but what a policy says."""
    own = {
        name: value[np.arange(len(policy)), policy][:, None]
        for name, value in vars(model).items()
        if np.ndim(value) == 3
    }
    return type(model)(**{**vars(model), **own})


def test_the_regret_of_ucb_vi_falls_and_its_bounds_hold(worlds: Any) -> None:
    """In a world of chance with rewards up to 1: by and by the finite-horizon optimum is earned."""
    model = worlds.random_model(0, horizon=8, start=(0,))
    model.reward[:] = np.clip(model.reward, 0, 1)
    agent = agent_for(
        UcbVi, model, episodes=20_000, value_range=None
    )  # rewards of 8 steps add up to more than 1
    learned = agent.learn_model(model, np.random.default_rng(0), 20_000)
    best = planning.finite_horizon(model, 8).value[0]
    error = learned.return_.std() / np.sqrt(4000)
    assert learned.return_[-4000:].mean() == pytest.approx(best, abs=4.5 * error + 0.02 * best)
    assert learned.return_[:500].mean() < learned.return_[-4000:].mean()


def test_ucb_vi_plans_for_the_time_limit_or_as_told(worlds: Any) -> None:
    model = worlds.random_model(0, horizon=12)
    for options, steps in (({}, 12), ({"horizon": 5}, 5)):
        agent = agent_for(UcbVi, model, **options)
        agent.learn_model(model, np.random.default_rng(0), 2)
        assert len(agent.rows) == 1 + agent.room + steps * 6
        assert agent.q.max() <= steps
    endless = WORLDS["never truncates"](worlds)
    agent = agent_for(UcbVi, endless)
    agent.learn_model(endless, np.random.default_rng(0), 2)
    assert len(agent.rows) == 1 + agent.room + 100 * 6


def test_what_is_known_of_returns_makes_ucb_vi_learn_sooner(worlds: Any) -> None:
    """One reward at the end of a row of cells, by chance: bounds of 1 for each of 40 steps are far
    above it."""
    following = [[[max(cell - 1, 0), cell], [min(cell + 1, 5), cell]] for cell in range(6)]
    reward = [[[0.0, 0.0], [float(cell == 4), 0.0]] for cell in range(6)]
    ends = [[[False, False], [cell == 4, False]] for cell in range(6)]
    model = worlds.make_model(following, reward, np.full((6, 2, 2), 0.5), ends, horizon=40)
    earned = []
    for options in ({"value_range": None}, {"highest_return": 1.0, "value_range": 1.0}):
        agent = agent_for(UcbVi, model, **options)
        earned.append(agent.learn_model(model, np.random.default_rng(0), 400).return_[-200:].mean())
    assert earned[1] > 0.95
    assert earned[0] < 0.9 * earned[1]
    assert agent.q.max() <= 1


def test_more_outcomes_than_there_is_room_for_are_an_error_with_a_remedy(worlds: Any) -> None:
    model = worlds.random_model(0, outcomes=3)
    agent = agent_for(DynaQ, model, outcomes=1)
    with pytest.raises(
        SandboxError,
        match="18 for 18 pairs .* Set its option outcomes to more than 1, for instance 2",
    ):
        agent.learn_model(model, np.random.default_rng(0), 100)
    agent_for(DynaQ, model, outcomes=1, believes="last").learn_model(
        model, np.random.default_rng(0), 100
    )


def test_lists_that_fit_no_memory_are_refused_before_the_first_step() -> None:
    agent = UcbVi(UcbVi.Config(), 1000, 4, np.random.default_rng(0), episodes=1)
    with pytest.raises(
        UsageError,
        match=r"needs 4\.8 GiB for 1000 states and 4 actions, more than 1\. Give it a shorter horizon",
    ):
        agent.rows_shape(80_000)
    assert agent.rows_shape(200) == (1 + 32_000 + 200_000, 8)
    with pytest.raises(UsageError, match="fewer outcomes"):
        DynaQ(
            DynaQ.Config(outcomes=10_000), 2000, 4, np.random.default_rng(0), episodes=1
        ).rows_shape(0)


def test_importing_the_agents_and_their_options_loads_no_numba() -> None:
    code = "import sys, agents.tabular.rules.model_based, agents.tabular.rules.monte_carlo, agents.tabular.rules.planners; sys.exit(bool({'numba', 'scipy'} & set(sys.modules)))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False
        ).returncode
        == 0
    )
