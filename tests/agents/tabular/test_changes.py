"""What is said of a rule's update, compared with arithmetic by hand."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from agents.tabular import changes
from agents.tabular.kernels import Own, Step
from agents.tabular.rules import one_step, several_tables
from sandbox.registry.registry import registry

S, A = 3, 2


def own_of(tables: int = 0) -> Own:
    rng = np.random.default_rng(5)
    memory = rng.normal(size=(tables, S, A))
    q = memory.mean(axis=0) if tables else rng.normal(size=(S, A))
    return Own(q, memory, np.zeros((4, 4)), np.ones((S, A), int), np.zeros(3), np.zeros((4, A)))


def step(alpha: float = 0.25, terminated: bool = False):
    return Step(3, 1, 0, -1.5, 2, 1, terminated, terminated, alpha, 0.9, 0.2, False)


@pytest.mark.parametrize("alpha", [1.0, 0.25, 1e-4])
@pytest.mark.parametrize("terminated", [False, True])
@pytest.mark.parametrize(
    ("rule", "bootstrap"),
    [
        (one_step.sarsa, lambda q: q[2, 1]),
        (one_step.q_learning, lambda q: q[2].max()),
    ],
)
def test_the_target_of_one_step_rules(rule, bootstrap, terminated, alpha) -> None:
    own, taken = own_of(), step(alpha, terminated)
    q = own.q.copy()
    target = -1.5 + (0.0 if terminated else 0.9 * bootstrap(q))
    change = changes.applied(lambda own, step, _: rule(own.q, step), own, taken, None)
    assert (change.table, change.state, change.action, change.others) == ("Q", 1, 0, 0)
    assert change.before == q[1, 0] and change.after == own.q[1, 0]
    assert change.target == pytest.approx(target, rel=1e-9)
    assert change.after == pytest.approx(q[1, 0] + alpha * (target - q[1, 0]))
    assert change.states.tolist() == [1]


@pytest.mark.parametrize("seed", range(4))
def test_of_two_tables_the_one_that_learned_is_named_with_its_own_target(seed: int) -> None:
    own, rng = own_of(2), np.random.default_rng(seed)
    before, learns = own.memory.copy(), int(copy.deepcopy(rng).random() * 2.0)
    change = changes.applied(
        lambda own, step, rng: several_tables.double_q_learning(own, step, None, rng),
        own,
        step(),
        rng,
    )
    best = before[learns, 2].argmax()
    assert change.table == f"Q{learns + 1}" and change.before == before[learns, 1, 0]
    assert change.target == pytest.approx(-1.5 + 0.9 * before[1 - learns, 2, best])
    assert rng.random() != np.random.default_rng(seed).random()  # drawn from as usual


def test_a_rule_that_waits_changes_nothing_and_has_no_target() -> None:
    change = changes.applied(lambda *_: None, own_of(), step(), None)
    assert change.before == change.after and change.target is None and not change.states.size


def test_a_rule_that_changes_another_pair_is_shown_where_it_changed_most() -> None:
    def later(own: Own, step, _) -> None:
        own.q[0, 1] += step.alpha * 4.0
        own.q[2, 0] += step.alpha * 8.0

    change = changes.applied(later, own_of(), step(), None)
    assert (change.state, change.action, change.others) == (2, 0, 1)
    assert change.target == pytest.approx(change.before + 8.0)
    assert change.states.tolist() == [0, 2]


def test_a_rule_that_does_not_move_by_its_step_size_has_no_target() -> None:
    def sets(own: Own, step, _) -> None:
        own.q[1, 0] = 7.0

    change = changes.applied(sets, own_of(), step(), None)
    assert change.after == 7.0 and change.target is None


TARGETS = {
    "double-expected-sarsa": "Q[12]",
    "double-q-learning": "Q[12]",
    "expected-sarsa": "Q",
    "maxmin-q-learning": r"Q\d",
    "q-learning": "Q",
    "r-learning": "Q",
    "sarsa": "Q",
}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_agents_of_this_kind_always_have_a_target(name: str, tmp_path) -> None:
    import re

    from tests.agents.control.test_steps import Shown, learned

    view = Shown()
    learned("maze", name, view)
    assert name in {entry.name for entry in registry().entries("agent")}
    changed = [line for line in view.lines if "unchanged" not in line]
    assert len(changed) > 20
    assert all(re.match(TARGETS[name] + r"\(s, .*target.*α", line) for line in changed), changed[0]
