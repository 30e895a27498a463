"""An agent acts, is saved and taken up again; what does not fit is refused with what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from pydantic import ValidationError

from agents.tabular.base import TabularAgent
from agents.tabular.config import TabularConfig
from agents.tabular.rules.one_step import QLearning, Sarsa
from sandbox.errors import SandboxError, UsageError


def learned(worlds: Any, agent_class: Any = Sarsa, episodes: int = 40, **options: Any) -> Any:
    agent = agent_class(TabularConfig(**options), 6, 3, np.random.default_rng(5), episodes=100)
    agent.learn_model(worlds.random_model(0), np.random.default_rng(6), episodes)
    return agent


def test_importing_an_agent_and_its_options_loads_no_numba() -> None:
    code = "import sys, agents.tabular.rules.one_step, agents.planning.solvers; sys.exit('numba' in sys.modules or 'gymnasium' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False
        ).returncode
        == 0
    )


def test_a_fresh_table_is_optimistic_or_as_told() -> None:
    assert (
        Sarsa(TabularConfig(), 2, 3, np.random.default_rng(0), episodes=1).q == 1 / (1 - 0.9)
    ).all()
    assert (
        Sarsa(
            TabularConfig(discount=1, initial_value=-2), 2, 3, np.random.default_rng(0), episodes=1
        ).q
        == -2
    ).all()


def test_greedy_actions_are_those_of_the_policy(worlds: Any) -> None:
    agent = learned(worlds)
    agent.q[2] = [1.0, 4.0, 4.0]
    assert {agent.act(2) for _ in range(50)} == {1, 2}
    assert agent.policy()[2].tolist() == [0, 0.5, 0.5]
    first = learned(worlds, ties="first")
    first.q[2] = [1.0, 4.0, 4.0]
    assert {first.act(2) for _ in range(50)} == {1}
    assert first.policy()[2].tolist() == [0, 1, 0]


def test_exploring_follows_the_present_epsilon(worlds: Any) -> None:
    agent = learned(
        worlds,
        episodes=0,
        policy="epsilon-greedy",
        epsilon=1.0,
        epsilon_schedule="linear",
        epsilon_final=0.0,
    )
    agent.q[0] = [9.0, 0.0, 0.0]
    assert agent.epsilon() == 1.0
    assert {agent.act(0, explore=True) for _ in range(50)} == {1, 2}
    agent.learn_model(worlds.random_model(0), np.random.default_rng(6), 100)
    agent.q[0] = [9.0, 0.0, 0.0]
    assert agent.epsilon() == 0.0
    assert {agent.act(0, explore=True) for _ in range(50)} == {0}


def test_watching_with_another_generator_changes_nothing(worlds: Any) -> None:
    agent = learned(worlds)
    agent.q[:] = 1.0
    before = agent.rng.bit_generator.state
    for _ in range(20):
        agent.act(0, explore=True, rng=np.random.default_rng(1))
    assert agent.rng.bit_generator.state == before


@pytest.mark.parametrize("state", [-1, 6])
def test_a_state_outside_the_table_is_no_state(state: int, worlds: Any) -> None:
    with pytest.raises(IndexError, match="0 to 5"):
        learned(worlds).act(state)


def test_a_restored_agent_goes_on_like_the_one_it_was_taken_from(worlds: Any) -> None:
    agent = learned(worlds)
    other = Sarsa(agent.config, 6, 3, np.random.default_rng(99), episodes=100)
    other.restore(agent.state())
    other.rng.bit_generator.state = agent.rng.bit_generator.state
    results = [
        each.learn_model(worlds.random_model(0), np.random.default_rng(7), 60)
        for each in (agent, other)
    ]
    assert agent.q.tobytes() == other.q.tobytes()
    assert agent.visits.tobytes() == other.visits.tobytes()
    assert all((one == two).all() for one, two in zip(*results, strict=True))


def test_a_state_is_a_copy(worlds: Any) -> None:
    agent = learned(worlds)
    state = agent.state()
    kept = state["q"].copy()
    agent.learn_model(worlds.random_model(0), np.random.default_rng(7), 5)
    assert (state["q"] == kept).all()
    agent.restore(state)
    agent.learn_model(worlds.random_model(0), np.random.default_rng(7), 5)
    assert (state["q"] == kept).all()


def test_a_state_of_another_size_is_refused(worlds: Any) -> None:
    other = Sarsa(TabularConfig(), 7, 3, np.random.default_rng(0), episodes=1)
    with pytest.raises(SandboxError, match=r"\[6, 3\] does not fit"):
        other.restore(learned(worlds).state())


@pytest.mark.parametrize("agent_class", [Sarsa, QLearning])
@pytest.mark.parametrize("loader", [TabularAgent, None])
def test_a_loaded_agent_acts_and_learns_like_the_saved_one(
    agent_class: Any, loader: Any, tmp_path: Path, worlds: Any
) -> None:
    agent = learned(worlds, agent_class, policy="epsilon-greedy", alpha=0.1)
    agent.q[1] = 2.0
    agent.save(tmp_path / "agent.npz")
    loaded = (loader or agent_class).load(tmp_path / "agent.npz")
    assert type(loaded) is agent_class
    assert loaded.config == agent.config
    assert [loaded.act(1, explore=True) for _ in range(50)] == [
        agent.act(1, explore=True) for _ in range(50)
    ]
    for each in (agent, loaded):
        each.learn_model(worlds.random_model(0), np.random.default_rng(7), 60)
    assert loaded.q.tobytes() == agent.q.tobytes()
    assert (loaded.episodes_done, loaded.epsilon()) == (100, 0.001)


def test_saving_twice_writes_the_same_bytes_and_nothing_beside(tmp_path: Path, worlds: Any) -> None:
    agent = learned(worlds)
    for name in ("one.npz", "two.npz"):
        agent.save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_every_damage_to_a_saved_agent_is_refused_or_harmless(tmp_path: Path, worlds: Any) -> None:
    """One byte changed, at many places: either the file is refused, or the byte said nothing."""
    agent = learned(worlds)
    path = tmp_path / "agent.npz"
    agent.save(path)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 13):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            loaded = Sarsa.load(path)
        except SandboxError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert loaded.q.tobytes() == agent.q.tobytes()
    assert refused > 50


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04cut off"])
def test_foreign_files_are_refused_with_a_remedy(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "agent.npz"
    path.write_bytes(content)
    with pytest.raises(SandboxError, match="Save the agent again"):
        TabularAgent.load(path)


def test_other_archives_missing_files_and_pickles_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "foreign.npz", q=np.zeros((2, 2)))
    np.save(tmp_path / "bare.npy", np.zeros(3))
    np.savez(tmp_path / "pickle.npz", about=np.array([{}], dtype=object))
    for name in ("foreign.npz", "bare.npy", "pickle.npz"):
        with pytest.raises(SandboxError, match="no saved agent"):
            TabularAgent.load(tmp_path / name)
    with pytest.raises(SandboxError, match="No file"):
        TabularAgent.load(tmp_path / "missing.npz")


def test_loading_another_agent_than_asked_for_is_refused(tmp_path: Path, worlds: Any) -> None:
    learned(worlds, QLearning).save(tmp_path / "agent.npz")
    with pytest.raises(SandboxError, match="'q-learning', not 'sarsa'"):
        Sarsa.load(tmp_path / "agent.npz")


def test_worlds_that_do_not_fit_are_refused_before_the_first_step(worlds: Any) -> None:
    agent = Sarsa(TabularConfig(), 7, 3, np.random.default_rng(0), episodes=1)
    model = worlds.random_model(0)
    with pytest.raises(UsageError, match="7 states and 3 actions; the environment has 6 and 3"):
        agent.learn_model(model, np.random.default_rng(0), 1)
    with pytest.raises(UsageError, match="7 states and 3 actions; the environment has 6 and 3"):
        agent.learn_env(worlds.ModelEnv(model), 1)
    env = worlds.ModelEnv(model)
    env.observation_space = gymnasium.spaces.Box(0, 1, (2,))
    with pytest.raises(UsageError, match="observations of this environment are Box"):
        agent.learn_env(env, 1)
    endless = worlds.random_model(
        0, states=7, start=(0,), horizon=0, terminated=np.zeros((7, 3, 2))
    )
    with pytest.raises(UsageError, match="never end"):
        agent.learn_model(endless, np.random.default_rng(0), 1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"alpha": 0.0}, "greater than 0"),
        ({"alpha": 1.1}, "less than or equal to 1"),
        ({"discount": 0.0}, "greater than 0"),
        ({"discount": 1.0}, "initial_value"),
        ({"policy": "epsilon-greedy", "epsilon": 1.2}, "at most 1"),
        ({"epsilon_final": 0.0}, "exponential"),
        ({"alpha_schedule": "linear"}, "needs alpha_final"),
        ({"alpha_final": 0.1}, "no effect"),
        ({"decay_episodes": 0}, "greater than or equal to 1"),
        ({"epsilonn": 0.1}, "Extra inputs"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TabularConfig(**options)
