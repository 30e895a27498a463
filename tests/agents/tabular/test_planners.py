"""Agents with the exact model: solvers that agree with one another and with closed forms, say when
they failed, and play what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.planning import evaluation, probabilities
from agents.planning import solvers as planning
from agents.tabular.rules.planners import (
    EpsilonSoft,
    ModifiedPolicyIteration,
    Planner,
    PolicyIteration,
    ValueIteration,
)
from sandbox.errors import RunFailed, UsageError
from sandbox.runs import api

AGENTS = [ValueIteration, PolicyIteration, ModifiedPolicyIteration, EpsilonSoft]
OPTIMAL = AGENTS[:3]
SOLVERS = [planning.policy_iteration, planning.modified_policy_iteration]


def corridor(worlds: Any) -> Any:
    """Each step costs 1; left bumps into the wall, right leads out after 4."""
    following = [[max(cell - 1, 0), cell + 1 if cell < 3 else 3] for cell in range(4)]
    ends = [[False, cell == 3] for cell in range(4)]
    return worlds.make_model(following, np.full((4, 2), -1.0), terminated=ends, horizon=50)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("discount", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(5))
def test_all_solvers_find_one_optimum(solver: Any, discount: float, seed: int, worlds: Any) -> None:
    model = worlds.random_model(seed)
    found, known = solver(model, discount), planning.value_iteration(model, discount)
    assert found.converged
    np.testing.assert_allclose(found.value, known.value, atol=2e-10)
    np.testing.assert_allclose(found.q, known.q, atol=2e-10)
    assert found.residual <= 1e-10


@pytest.mark.parametrize("evaluation_sweeps", [0, 1, 5, 100])
def test_modified_policy_iteration_lies_between_the_other_two(
    evaluation_sweeps: int, worlds: Any
) -> None:
    model = worlds.report_maze()
    found = planning.modified_policy_iteration(model, 0.9, evaluation_sweeps=evaluation_sweeps)
    known = planning.value_iteration(model, 0.9)
    assert found.value[99] == pytest.approx(0.9**42 / (1 - 0.9), abs=1e-10)
    if evaluation_sweeps == 0:
        assert (found.sweeps, found.residual) == (known.sweeps, known.residual)
        assert (found.value == known.value).all()


def test_policy_iteration_evaluates_exactly(worlds: Any) -> None:
    """Staying on the goal for ever, 42 steps away: rounding alone is left, after fewer improvements
    than there are states."""
    found = planning.policy_iteration(worlds.report_maze(), 0.9)
    assert found.value[99] == pytest.approx(0.9**42 / (1 - 0.9), rel=1e-12)
    assert found.sweeps < 100
    assert found.residual < 1e-13


@pytest.mark.parametrize("solver", SOLVERS)
def test_policies_that_never_end_are_no_trap_without_a_discount(solver: Any, worlds: Any) -> None:
    """Going left, the first of two equal actions, is worth minus infinity."""
    found = solver(corridor(worlds), 1.0)
    assert found.converged
    assert found.value == pytest.approx([-4, -3, -2, -1])
    assert found.policy.tolist() == [1, 1, 1, 1]


def test_policies_of_equal_value_do_not_alternate(worlds: Any) -> None:
    """Both actions of every state are the same one, in thirds and sevenths."""
    model = worlds.random_model(4, actions=1, terminated=np.zeros((6, 1, 2)))
    for name in ("next_state", "probability", "cumulative", "reward", "terminated"):
        setattr(model, name, np.repeat(getattr(model, name), 2, axis=1))
    found = planning.policy_iteration(model, 0.999)
    assert found.converged
    assert found.sweeps == 1


@pytest.mark.parametrize("solver", [planning.value_iteration, *SOLVERS])
@pytest.mark.parametrize("kind", ["gathers for ever", "cannot end"])
def test_an_optimum_that_does_not_exist_is_not_claimed(solver: Any, kind: str, worlds: Any) -> None:
    ends = [[False, False], [False, kind == "gathers for ever"]]
    model = worlds.make_model([[0, 1], [0, 0]], [[1.0, 0.0], [0.0, 0.0]], terminated=ends)
    found = solver(model, 1.0, max_sweeps=2000)
    assert not found.converged
    assert found.sweeps <= 2000
    assert not found.residual < 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers_that_are_stopped_say_so(solver: Any, worlds: Any) -> None:
    found = solver(worlds.report_maze(), 0.9, max_sweeps=5)
    assert not found.converged
    assert found.sweeps == 5
    assert found.residual > 1e-3
    for discount in (0.0, 1.1):
        with pytest.raises(UsageError, match="discount"):
            solver(worlds.report_maze(), discount)


def made(kind: type[Planner], model: Any, **options: Any) -> Any:
    states, actions, _ = model.next_state.shape
    return kind(kind.Config(**options), states, actions, np.random.default_rng(3), episodes=10)


@pytest.mark.parametrize("kind", OPTIMAL, ids=lambda kind: kind.name)
def test_a_planner_plays_the_optimum_from_its_first_episode_on(kind: Any, worlds: Any) -> None:
    model = worlds.report_maze()
    agent = made(kind, model)
    assert agent.findings() == {"converged": None, "sweeps": None, "residual": None}
    played = agent.learn_model(model, np.random.default_rng(0), 10)
    assert (played.return_ == 126).all()
    assert (played.steps_to_goal == 42).all()
    assert agent.converged is True
    assert agent.residual <= 1e-10
    assert agent.sweeps > 1


@pytest.mark.parametrize("kind", AGENTS, ids=lambda kind: kind.name)
def test_playing_through_step_equals_playing_on_arrays(kind: Any, worlds: Any) -> None:
    model = worlds.random_model(1)
    env = worlds.ModelEnv(model)
    env.np_random = np.random.default_rng(12)
    one, other = made(kind, model), made(kind, model)
    for first, second in zip(
        one.learn_model(model, np.random.default_rng(12), 40), other.learn_env(env, 40), strict=True
    ):
        assert first.tobytes() == second.tobytes()
    assert one.q.tobytes() == other.q.tobytes()
    assert one.findings() == other.findings()


def test_the_best_soft_policy_is_what_its_episodes_follow(worlds: Any) -> None:
    """The mean return of many episodes against the exact one of the softened choice."""
    model = worlds.random_model(2)
    agent = made(EpsilonSoft, model, epsilon=0.3)
    played = agent.learn_model(model, np.random.default_rng(0), 20_000)
    best = planning.best_epsilon_soft(model, 0.9, 0.3)
    exact = evaluation.evaluate(
        model, probabilities.soften(np.eye(3)[best.policy], 0.3), model.horizon
    )
    assert (agent.policy().argmax(axis=1) == best.policy).all()
    error = played.return_.std() / np.sqrt(len(played.return_))
    assert played.return_.mean() == pytest.approx(exact.expected_return, abs=4.5 * error)


def test_another_model_is_planned_anew_and_the_same_one_is_not(
    worlds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = worlds.random_model(1), worlds.random_model(2)
    agent = made(ValueIteration, first)
    planned: list[Any] = []
    monkeypatch.setattr(
        agent, "solve", lambda model: planned.append(model) or planning.value_iteration(model, 0.9)
    )
    for model in (first, first, second, second, first):
        agent.learn_model(model, np.random.default_rng(0), 2)
        assert (agent.q == planning.value_iteration(model, 0.9).q).all()
    assert planned == [first, second, first]


def test_what_the_solver_said_is_saved_and_taken_up(tmp_path: Path, worlds: Any) -> None:
    model = worlds.report_maze()
    agent = made(ValueIteration, model, max_sweeps=5)
    agent.learn_model(model, np.random.default_rng(0), 3)
    agent.save(tmp_path / "agent.npz")
    loaded = ValueIteration.load(tmp_path / "agent.npz")
    assert loaded.findings() == agent.findings()
    assert (loaded.converged, loaded.sweeps) == (False, 5)
    whole = made(ValueIteration, model, max_sweeps=5)
    together = whole.learn_model(model, np.random.default_rng(0), 6)
    rest = loaded.learn_model(model, np.random.default_rng(0), 3)  # a certain world draws nothing
    assert together.return_[3:].tobytes() == rest.return_.tobytes()
    assert whole.rng.bit_generator.state == loaded.rng.bit_generator.state


def test_worlds_that_cannot_be_planned_are_refused(worlds: Any) -> None:
    model = worlds.random_model(1)
    env = worlds.ModelEnv(model)
    agent = made(ValueIteration, model)
    env.model = None
    with pytest.raises(UsageError, match=r"has none .* dyna-q"):
        agent.learn_env(env, 1)
    with pytest.raises(UsageError, match="6 states and 3 actions"):
        agent.learn_model(worlds.random_model(1, states=7), np.random.default_rng(0), 1)
    with pytest.raises(UsageError, match=r"At most 0\.666667"):
        made(EpsilonSoft, model, epsilon=0.8).learn_model(model, np.random.default_rng(0), 1)


def test_a_run_of_a_planner_says_whether_it_converged(store):
    summary = api.run("maze", agent="value-iteration", episodes=5, pictures=False).summary
    assert summary["converged"] is True and summary["sweeps"] > 42 and summary["residual"] < 1e-10


@pytest.mark.parametrize(
    "agent", ["value-iteration", "policy-iteration", "modified-policy-iteration", "epsilon-soft"]
)
def test_a_discount_of_1_where_reward_never_ends_is_refused_with_state_and_action(store, agent):
    with pytest.raises(
        RunFailed, match="value of state 0 grows without end, with action 0 by 1 in every step"
    ):
        api.run("maze", agent={"name": agent, "discount": 1.0}, episodes=5, pictures=False)
