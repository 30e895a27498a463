"""Functions that plugin authors call or override say what each of their arguments is."""

from __future__ import annotations

import inspect
import re
from dataclasses import is_dataclass
from typing import Protocol

import pytest

import sandbox
import sandbox.testing
from agents.agent import Agent
from agents.tabular.base import TabularAgent
from agents.testing import check_agent
from envs import grid, layouts, mdp, states
from envs.render import board, snapshot
from envs.testing import check_state
from sandbox.registry.registrar import Registrar


def parameters(function):
    """The names that a caller gives, without `self` and `cls`."""
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def described(function):
    """The names in the sections Args and Attributes of a docstring; one entry may name several."""
    text = inspect.cleandoc(function.__doc__ or "")
    names = set()
    for section in re.findall(r"^(?:Args|Attributes):\n((?:    .*\n?|\n)*)", text, re.MULTILINE):
        for entry in re.findall(r"^    ([*\w, ]+):", section, re.MULTILINE):
            names |= {name.strip(" *") for name in entry.split(",")}
    return names


def own_functions(kind):
    """The public functions that a class of ours and its bases of ours define, with their names."""
    for base in kind.__mro__:
        if not base.__module__.startswith(("sandbox", "agents", "envs", "plugins")):
            continue
        for name, value in vars(base).items():
            function = inspect.unwrap(getattr(value, "__func__", value))
            if not name.startswith("_") and inspect.isfunction(function):
                yield f"{kind.__name__}.{name}", function


def offered():
    """What docs, hooks and base classes offer to plugin authors: name -> function or class."""
    public = {f"sandbox.{name}": getattr(sandbox, name) for name in sandbox.__all__}
    public |= {
        f"sandbox.testing.{name}": getattr(sandbox.testing, name)
        for name in sandbox.testing.__all__
    }
    public["agents.testing.check_agent"] = check_agent
    public["envs.testing.check_state"] = check_state
    for module in (board, grid, layouts, mdp, snapshot, states):
        public |= {
            f"{module.__name__}.{name}": value
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
        }
    classes = [value for value in public.values() if inspect.isclass(value)]
    functions = {
        name: function
        for kind in [*classes, Registrar, Agent, TabularAgent]
        for name, function in own_functions(kind)
    }
    return public | functions


def documented_by_its_fields(kind):
    """Whether a class is one of pydantic's, or an error: its constructor is not ours to
    describe."""
    return hasattr(kind, "model_fields") or issubclass(kind, BaseException)


def needing_arguments():
    for name, value in sorted(offered().items()):
        if inspect.isclass(value):
            if documented_by_its_fields(value) or inspect.isabstract(value):
                continue
            if Protocol in value.__bases__:
                continue  # nobody constructs it
            if "__init__" not in vars(value) and not is_dataclass(value):
                continue
        if not callable(value) or len(parameters(value)) < 2:
            continue
        yield pytest.param(value, id=name)


@pytest.mark.parametrize("function", list(needing_arguments()))
def test_every_argument_of_a_public_function_is_described(function):
    missing = [name for name in parameters(function) if name not in described(function)]
    assert not missing, f"Args: of its docstring lacks {', '.join(missing)}"


def test_an_argument_that_is_left_out_is_noticed():
    def function(first, second):
        """Do it.

        Args:
            first: one.
        """

    assert described(function) == {"first"} and parameters(function) == ["first", "second"]
