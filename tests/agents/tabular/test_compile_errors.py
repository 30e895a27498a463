"""A rule that does not compile is shown with file, line, the line's text and the reason."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import sandbox
from agents.tabular import compiling
from sandbox.errors import PluginError, RunFailed, SandboxError
from sandbox.registry.registry import registry

FILE = """
import numpy as np
from agents.tabular.base import TabularAgent
from sandbox import hookimpl


def misspelt(q, step):
    q[step.state, step.action] += step.alpha * rewrd


def text(q, step):
    q[step.state, step.action] = step.reward + "a"


def attribute(q, step):
    q[step.state, step.action] = q.maxx(
        step.alpha)


def result(q, step):
    return 3.0


def deep(q, step):
    q[step.state, step.action] = np.linalg.solve(q[0], 3)


def formatted(q, step):
    q[step.state, step.action] = f"{step.alpha}"


def two_types(q, step):
    value = 1.0 if step.terminated else "a"
    q[step.state, step.action] = value


def caught(q, step):
    try:
        q[step.state, step.action] = 1
    except KeyError as error:
        raise error


def helper(number):
    return number.upper()


def calls(q, step):
    q[step.state, step.action] = helper(step.reward)


def unfit(q, state, action):
    q[state, action] = 0


def flat(q, state, action, reward, next_state, next_action, terminated, alpha, discount):
    q[state, action] = 0


def flat_long(q, memory, rows, counts, settings, scratch, step, state, action, reward, next_state,
              next_action, terminated, ended, alpha, discount, epsilon, chances, first_ties, rng):
    q[state, action] = 0


class Calls(TabularAgent):
    name = "calls"
    rule = staticmethod(calls)


@hookimpl
def sandbox_register(registry):
    registry.agent("calls", "broken_rules:Calls")
"""
WRONG = {
    "misspelt": (
        "q[step.state, step.action] += step.alpha * rewrd",
        "NameError: name 'rewrd' is not defined",
    ),
    "text": ('q[step.state, step.action] = step.reward + "a"', "add(float64, Literal[str](a))"),
    "attribute": (
        "q[step.state, step.action] = q.maxx(",
        "Unknown attribute 'maxx' of type array(float64,",
    ),
    "result": ("return 3.0", "No conversion from float64 to none."),
    "deep": (
        "q[step.state, step.action] = np.linalg.solve(q[0], 3)",
        "No implementation of function",
    ),
    "formatted": ('q[step.state, step.action] = f"{step.alpha}"', "Literal[str]"),
    "two_types": (
        'value = 1.0 if step.terminated else "a"',
        "Cannot unify float64 and Literal[str](a).",
    ),
    "caught": (
        "except KeyError as error:",
        "Exception object cannot be stored into variable (error).",
    ),
    "calls": ("return number.upper()", "Unknown attribute 'upper' of type float64"),
}
"""By function: the line that is wrong, here or in what it calls, and what is said of it."""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The file above, imported."""
    (tmp_path / "broken_rules.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("broken_rules")
    del sys.modules["broken_rules"]


def where(module, line):
    """Where a line of the file stands, as messages say it."""
    number = next(number for number, text in enumerate(FILE.splitlines(), 1) if line in text)
    return f"{module.__file__}, line {number}: `{line}`. "


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("loop", [False, True], ids=["by itself", "for the loop"])
def test_the_message_names_file_line_text_and_reason(module, name, loop):
    line, reason = WRONG[name]
    with pytest.raises(PluginError) as caught:
        if loop:
            compiling.pointers(getattr(module, name), "greedy")
        else:
            compiling.compiled_rule(getattr(module, name))
    message = str(caught.value)
    assert message.startswith(f"'{name}' cannot be compiled: {where(module, line)}")
    assert reason in message and not any(odd in message for odd in "\n\x1b$")


def test_a_rule_with_a_wrong_number_of_arguments_is_refused_with_the_forms(module):
    with pytest.raises(PluginError) as caught:
        compiling.compiled_rule(module.unfit)
    assert f"'unfit' takes 3 arguments ({module.__file__}, line " in str(caught.value)
    assert "rule(q, step)" in str(caught.value)
    assert "rule(own, step, fill_probabilities, rng)" in str(caught.value)


@pytest.mark.parametrize(("name", "given"), [("flat", 9), ("flat_long", 20)])
def test_a_rule_of_the_earlier_form_is_refused_with_what_to_write(module, name, given):
    with pytest.raises(PluginError) as caught:
        compiling.compiled_rule(getattr(module, name))
    message = str(caught.value)
    assert f"takes {given} arguments" in message and "docs/write/agent.md" in message
    assert "`step.reward` for `reward`" in message


@pytest.fixture
def shown(module):
    """What every command has to show; the plugin is loaded."""
    registry().add_file(Path(module.__file__))
    line, reason = WRONG["calls"]
    yield where(module, line) + reason
    registry().plugins.pop("broken_rules")
    registry()._entries.pop(("agent", "calls"))
    registry()._manager.unregister(name="broken_rules")


QUIET = ("--episodes", "5", "--no-pictures")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "maze", "--agent", "calls", "--render", "none", *QUIET),
        ("compare", "maze", "--agents", "calls", "sarsa", "--seeds", "1", *QUIET),
        ("sweep", "maze", "--agent", "calls", "--grid", "agent.alpha=0.1,0.2", *QUIET),
    ],
)
def test_every_command_shows_it(say, shown, words):
    said = say(*words)
    assert said.code != 0 and shown in said.out + said.err


def test_show_and_the_document_of_a_sweep_show_it(say, shown):
    say("run", "maze", "--agent", "calls", "--render", "none", *QUIET)
    assert shown in say("show", "last").out
    grid = ("--grid", "agent.alpha=0.1,0.2")
    said = say("sweep", "maze", "--agent", "calls", *grid, *QUIET, "--json")
    ((reason, count),) = said.document["failures"].items()
    assert shown in reason and count == 2


def test_it_is_shown_from_python_too(store, shown):
    with pytest.raises(RunFailed) as failed:
        sandbox.run("maze", agent="calls", episodes=5)
    with pytest.raises(SandboxError) as refused:
        sandbox.compare("maze", ["calls"], seeds=1, episodes=5)
    assert shown in str(failed.value) and shown in str(refused.value)
    made = sandbox.sweep("maze", agent="calls", grid={"agent.alpha": [0.1]}, episodes=5)
    assert shown in next(iter(made.failures))
