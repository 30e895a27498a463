"""The compiled loop: the same numbers as `env.step`, however it is cut; and an edited rule is the
one that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import agents
from agents.tabular.base import LEARNED
from agents.tabular.rules.one_step import QLearning, Sarsa
from sandbox.registry.registry import registry

AGENTS = [
    registry().load("agent", entry.name)
    for entry in registry().entries("agent", outside=False)
    if entry.plugin == "control"
]
POLICIES = ["softmax", "epsilon-greedy"]
WORLDS = {
    "random outcomes, starts and ends": lambda worlds: worlds.random_model(1),
    "never terminates": lambda worlds: worlds.random_model(2, terminated=np.zeros((6, 3, 2))),
    "never truncates": lambda worlds: worlds.random_model(
        3, horizon=0, terminated=np.arange(36).reshape(6, 3, 2) % 2
    ),
    "one step": lambda worlds: worlds.random_model(4, horizon=1),
    "draws always": lambda worlds: worlds.random_model(5, outcomes=1, start=(0,), always_draw=True),
    "certain": lambda worlds: worlds.random_model(6, outcomes=1, start=(0,)),
    "starts on the goal": lambda worlds: worlds.random_model(7, start=(3,)),
}


def pair(agent_class: Any, model: Any, **options: Any) -> tuple[Any, Any]:
    states, actions, _ = model.next_state.shape
    config = agent_class.Config(**options)
    return tuple(
        agent_class(config, states, actions, np.random.default_rng(11), episodes=60)
        for _ in range(2)
    )  # type: ignore[return-value]


def seeded(env: Any) -> Any:
    env.unwrapped.np_random = np.random.default_rng(12)
    return env


def assert_equal(one: Any, other: Any, first: Any, second: Any) -> None:
    """Two agents and what they went through, to the last bit, generators included."""
    for name in first._fields:
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name
    for name in LEARNED:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert one.rng.bit_generator.state == other.rng.bit_generator.state
    assert one.episodes_done == other.episodes_done


WAYS = [
    (agent, policy, ties)
    for agent in AGENTS
    for policy in POLICIES
    for ties in ("random", "first")
    if agent.name in ("sarsa", "q-learning") or (policy, ties) == ("epsilon-greedy", "random")
]
"""Every agent explores in one way, the two simplest in all: what is drawn, and when, is the loops'
business and the same for all agents."""


@pytest.mark.parametrize(("agent_class", "policy", "ties"), WAYS, ids=str)
@pytest.mark.parametrize("world", WORLDS)
def test_learning_on_arrays_equals_learning_through_step(
    world: str, agent_class: Any, policy: str, ties: str, worlds: Any
) -> None:
    model = WORLDS[world](worlds)
    compiled, stepped = pair(agent_class, model, policy=policy, ties=ties)
    env, env_rng = seeded(worlds.ModelEnv(model)), np.random.default_rng(12)
    assert_equal(
        compiled, stepped, compiled.learn_model(model, env_rng, 60), stepped.learn_env(env, 60)
    )
    assert env_rng.bit_generator.state == env.np_random.bit_generator.state


HOLES = "S..../.#O../.~.~./...#G"
GRIDS: list[tuple[str, dict[str, Any]]] = [
    ("MazeEnv", {}),
    ("MazeEnv", {"slip": 0.2, "random_start": True}),
    ("MazeEnv", {"walls": "surmountable", "wall_penalty": -2.5}),
    ("MazeEnv", {"layout": HOLES, "holes": "end", "slip": 0.1}),
    ("MazeEnv", {"layout": HOLES, "holes": "restart", "random_start": True}),
    ("EmptyGridEnv", {"random_start": True}),
]


@pytest.mark.parametrize(("agent_class", "policy", "ties"), WAYS, ids=str)
@pytest.mark.parametrize(("kind", "grid"), GRIDS, ids=str)
def test_learning_on_a_grid_equals_learning_through_its_step(
    kind: str, grid: Any, agent_class: Any, policy: str, ties: str
) -> None:
    from envs import grid as grids

    env = getattr(grids, kind)(**grid)
    compiled, stepped = pair(agent_class, env.model, policy=policy, ties=ties)
    env_rng = np.random.default_rng(12)
    assert_equal(
        compiled,
        stepped,
        compiled.learn_model(env.model, env_rng, 15),
        stepped.learn_env(seeded(env), 15),
    )
    assert env_rng.bit_generator.state == env.np_random.bit_generator.state


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("agent_class", AGENTS, ids=lambda agent: agent.name)
def test_learning_counts_what_happens(agent_class: Any, policy: str, worlds: Any) -> None:
    model = worlds.random_model(8)
    agent, _ = pair(agent_class, model, policy=policy)
    learned = agent.learn_model(model, np.random.default_rng(0), 60)
    assert learned.episode.tolist() == list(range(1, 61))
    assert agent.visits.sum() == learned.length.sum() + 60  # starts, and where each step led
    assert set(learned.start) <= {0, 2, 5}
    assert (learned.steps_to_goal <= learned.length).all()
    assert (learned.steps_to_goal[learned.steps_to_goal >= 0] > 0).all()  # no start is a goal here
    assert (learned.length <= 12).all()


@pytest.mark.parametrize("agent_class", AGENTS, ids=lambda agent: agent.name)
@pytest.mark.parametrize("pieces", [(300, 700), (1, 0, 998, 1)])
def test_learning_in_pieces_equals_learning_at_once(
    agent_class: Any, pieces: tuple[int, ...], worlds: Any
) -> None:
    model = worlds.random_model(9)
    options: dict[str, Any] = {
        "alpha": 0.5,
        "alpha_schedule": "linear",
        "alpha_final": 0.01,
        "decay_episodes": 800,
    }
    whole, cut = pair(
        agent_class,
        model,
        **{
            name: value
            for name, value in options.items()
            if name not in agent_class.Config.without_effect
        },
    )
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    first = whole.learn_model(model, one, 1000)
    blocks = [cut.learn_model(model, other, piece) for piece in pieces]
    assert_equal(
        whole,
        cut,
        first,
        type(first)(*(np.concatenate(columns) for columns in zip(*blocks, strict=True))),
    )


def test_spaces_that_begin_elsewhere_are_counted_from_there(worlds: Any) -> None:
    model = worlds.random_model(10)
    one, other = pair(Sarsa, model)
    from_0, from_5 = seeded(worlds.ModelEnv(model)), seeded(worlds.ModelEnv(model, first=5))
    assert_equal(one, other, one.learn_env(from_0, 20), other.learn_env(from_5, 20))


def test_without_a_model_no_goal_is_claimed(worlds: Any) -> None:
    env = worlds.ModelEnv(worlds.random_model(1))
    agent, _ = pair(QLearning, env.model)
    env.model.goal = None
    assert (agent.learn_env(env, 30).steps_to_goal == -1).all()


def raised(own: Any, step: Any, fill_probabilities: Any, rng: Any) -> None:
    """Adds the reward by way of arrays of its own, and keeps one of the agent's for a moment."""
    rows = np.zeros((2, 3))
    rows[1, :] = step.reward
    table = own.q.reshape(own.q.size)
    table[step.state * own.q.shape[1] + step.action] += rows.sum() / 3


class Raised(QLearning):
    name = "raised"
    rule = staticmethod(raised)


def test_a_rule_may_create_arrays_and_no_reference_is_lost(worlds: Any) -> None:
    model = worlds.random_model(1)
    on_model, through_step = pair(Raised, model)
    arrays = [on_model.q, on_model.counts, on_model.visits]
    before = [sys.getrefcount(array) for array in arrays]
    first = on_model.learn_model(model, np.random.default_rng(12), 60)
    assert [sys.getrefcount(array) for array in arrays] == before
    second = through_step.learn_env(seeded(worlds.ModelEnv(model)), 60)
    assert_equal(on_model, through_step, first, second)
    assert on_model.q.sum() - on_model.q.size * on_model.start_value == pytest.approx(
        first.return_.sum()
    )


PLUGIN = """
from agents.tabular.base import TabularAgent


def helper(step):
    return 1.0 * step.reward


def rule(own, step, fill_probabilities, rng):
    own.q[step.state, step.action] += step.alpha * (own.q[step.state].max() + helper(step))


class Learner(TabularAgent):
    name = "learner"
    rule = staticmethod(rule)
"""
RUN_ONCE = """
import numpy as np
from agents.tabular.config import TabularConfig
from {module} import {agent} as Agent
from types import SimpleNamespace
shape = (1, 1, 1)
one = np.ones(shape)
model = SimpleNamespace(next_state=np.zeros(shape, int), probability=one, cumulative=one, reward=one, terminated=one.astype(bool),
    start_states=np.zeros(1, int), start_cumulative=np.ones(1), goal=np.zeros(1, bool), horizon=1, always_draw=False)
agent = Agent(TabularConfig(alpha=0.5, initial_value=0.0), 1, 1, np.random.default_rng(0), episodes=1)
agent.learn_model(model, np.random.default_rng(0), 1)
from agents.tabular import compiling, kernels
for function in kernels.learn, compiling.pointers(Agent.rule, agent.config.policy_name).rule:
    print(sum(function.stats.cache_hits.values()))
print(float(agent.q[0, 0]))
"""


@pytest.fixture
def edited(tmp_path: Path) -> Any:
    """A copy of the agents and a plugin, both to be edited, and a function that runs an agent in
    a process of its own: hits of the cache for the loop and for the rule, and what was learned."""
    source = Path(agents.__file__).parent
    shutil.copytree(source, tmp_path / "agents", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "learner.py").write_text(PLUGIN)
    path = os.pathsep.join([str(tmp_path), str(source.parent)])

    def run(module: str, agent: str) -> tuple[int, int, float]:
        env = {
            **os.environ,
            "PYTHONPATH": path,
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", RUN_ONCE.format(module=module, agent=agent)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        loop, rule, value = done.stdout.split()
        return int(loop), int(rule), float(value)

    return SimpleNamespace(run=run, folder=tmp_path)


def replace(path: Path, *pairs: tuple[str, str]) -> None:
    """Change some texts of a file, each once."""
    text = path.read_text()
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after, 1)
    path.write_text(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "agent", "before", "after"),
    [
        (
            "agents/tabular/rules/one_step",
            "Sarsa",
            "step.alpha * (target",
            "3 * step.alpha * (target",
        ),
        ("learner", "Learner", "1.0 * step.reward", "3.0 * step.reward"),
    ],
)
def test_an_edited_rule_is_the_one_that_runs(
    edited: Any, file: str, agent: str, before: str, after: str
) -> None:
    """Loop and rule come from the cache of another process; once edited, the rule does not."""
    module = file.replace("/", ".")
    assert edited.run(module, agent) == (0, 0, 0.5)
    assert edited.run(module, agent) == (1, 1, 0.5)
    replace(edited.folder / f"{file}.py", (before, after))
    assert edited.run(module, agent) == (1, 0, 1.5)


@pytest.mark.slow
def test_a_rule_that_was_compiled_for_other_fields_is_not_used(edited: Any) -> None:
    """Two fields of one type change places: the types of a rule's arguments, its name and its file
    stay the same, and what was compiled before would take the discount for the step size."""
    module = "agents.tabular.rules.one_step"
    assert edited.run(module, "Sarsa") == (0, 0, 0.5)
    replace(
        edited.folder / "agents/tabular/kernels.py",
        ("    alpha: float\n", "    place: float\n"),
        ("    discount: float\n", "    alpha: float\n"),
        ("    place: float\n", "    discount: float\n"),
    )
    assert edited.run(module, "Sarsa") == (0, 0, 0.5)
