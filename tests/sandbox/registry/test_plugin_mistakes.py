"""Ordinary mistakes of those who write plugins: each is refused in a sentence that names what is
wrong and where, before a run begins."""

from __future__ import annotations

import pytest

AGENT = """
from agents.tabular.config import TabularConfig
from agents.tabular.rules.one_step import QLearning
from pydantic import BaseModel, Field
from sandbox import hookimpl


@hookimpl
def sandbox_register(registry):
    registry.agent("mine", "mine:Mine")


class MyConfig(TabularConfig):
    gap: float = Field(0.5, ge=0, lt=1, description="a gap")


class Mine(QLearning):
    name, Config = "mine", MyConfig
"""
LAB = """
from pydantic import BaseModel, Field
from sandbox import Block, Experiment, Lab, LabConfig, hookimpl


@hookimpl
def sandbox_register(registry):
    registry.lab("mine", "mine:Mine")


class MyConfig(LabConfig):
    steps: int = Field(5, ge=1, description="steps")


class Work(Experiment):
    unit, done_units = "step", 0

    def __init__(self, config, context):
        self.limit = 3

    def advance(self):
        self.done_units += 1
        return [Block("work", {"step": [self.done_units]})]

    def state(self):
        return {"done": self.done_units}

    def restore(self, state):
        self.done_units = state["done"]

    def summary(self):
        return {"done": self.done_units}


class Mine(Lab):
    Config, build = MyConfig, Work
"""


@pytest.fixture
def refused(in_process, store, tmp_path):
    """What is said of a plugin with some text in place of another; no run was begun."""

    def call(text, before, after):
        assert before in text
        path = tmp_path / "mine.py"
        path.write_text(text.replace(before, after))
        words = ["maze", "--agent", "mine", "--preset", "quick"] if text is AGENT else ["mine"]
        said = in_process("run", *words, "--render", "none", "--no-pictures", "-p", path)
        assert said.code in (1, 2) and "Traceback" not in said.err and not store.exists(), said
        return said.err

    return call


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        (AGENT, '"mine", MyConfig', '"mine", {"gap": 0.5}'),
        (AGENT, "MyConfig(TabularConfig)", "MyConfig(BaseModel)"),
        (AGENT, "class Mine(QLearning):\n    name, Config =", "class Mine:\n    name, Conf ="),
        (LAB, "MyConfig(LabConfig)", "MyConfig(BaseModel)"),
        (LAB, "Config, build = MyConfig, Work", "build = Work"),
    ],
)
def test_a_configuration_that_is_none_of_ours_is_refused(refused, text, before, after):
    said = refused(text, before, after)
    assert "'mine' of plugin 'mine'" in said and "sandbox.LabConfig" in said


@pytest.mark.parametrize(
    ("text", "before", "after", "named"),
    [
        (AGENT, "Field(0.5", "Field(5", "agent.gap = 5: it should be less than 1"),
        (AGENT, "Field(0.5", "Field('half'", "agent.gap = half: it should be a valid number"),
        (LAB, "Field(5", "Field(0", "steps = 0: it should be greater than or equal to 1"),
    ],
)
def test_a_default_that_is_not_allowed_is_refused(refused, text, before, after, named):
    assert named in refused(text, before, after)


def test_a_setting_without_a_default_is_asked_for(refused):
    said = refused(LAB, "Field(5, ", "Field(")
    assert "steps: " in said and "{" not in said


@pytest.mark.parametrize("name", ["seed", "store", "render", "json"])
def test_a_setting_with_the_name_of_an_option_of_the_command_is_refused(refused, name):
    said = refused(LAB, "steps: int", f"{name}: int")
    assert f"'--{name}'" in said and "rename it" in said


def test_a_setting_of_an_agent_with_the_place_of_its_name_is_refused(refused):
    said = refused(AGENT, "gap: float = Field(0.5, ge=0, lt=1", 'name: str = Field("sarsa"')
    assert "Agent 'mine' has a setting `name`" in said and "rename it" in said


def test_a_class_in_place_of_its_name_is_refused(refused):
    said = refused(LAB, '"mine:Mine"', "Mine")
    assert "expected 'package.module:attribute'" in said


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("self.limit = 3", "self.limit = 6 / 2", "limit = 3.0"),
        ("self.limit = 3", "self.limit = float('inf')", "limit = inf"),
        ("self.done_units += 1", "self.done_units += 0.5", "done_units = 0.5"),
    ],
)
def test_counts_that_are_no_integers_end_a_run_whose_record_can_be_read(
    in_process, tmp_path, before, after, named
):
    """They were written into run.json, which was then said to be damaged, with all it held."""
    path = tmp_path / "mine.py"
    path.write_text(LAB.replace(before, after))
    said = in_process("run", "mine", "--render", "none", "-p", path)
    assert said.code == 1 and f"{named} is not a count" in said.err and "damaged" not in said.err
    assert in_process("show", "last", "--json").document["status"] == "failed"


def test_settings_that_are_no_tuple_are_refused(in_process, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(AGENT + "\n    def settings(self):\n        return self.config.gap\n")
    said = in_process("run", "maze", "--agent", "mine", "--render", "none", "-p", path)
    assert said.code == 1 and "`settings` of agent 'mine' should return a tuple" in said.err


def test_values_that_are_no_numbers_are_a_warning_of_the_run(in_process, tmp_path):
    path = tmp_path / "mine.py"
    rule = "def rule(q, step):\n    q[step.state, step.action] = step.alpha * 1e308 * 1e308\n\n\n"
    text = AGENT.replace("class Mine", f"{rule}class Mine")
    path.write_text(f"{text}    rule = staticmethod(rule)\n")
    words = ["run", "maze", "--agent", "mine", "--preset", "quick", "--no-pictures"]
    said = in_process(*words, "--episodes", "9", "--render", "none", "-p", path)
    assert "Values of mine are infinite or NaN" in said.err, said


def test_an_agent_without_a_base_class(refused):
    said = refused(AGENT, "class Mine(QLearning)", "class Mine")
    assert "'mine'" in said and "Derive its class from agents.tabular.base.TabularAgent" in said


@pytest.mark.parametrize("presets", ['["quick", "best"]', '{"quick": 3}', "None"])
def test_presets_that_are_no_settings_by_name(refused, presets):
    said = refused(LAB, "Config, build", f"presets = {presets}\n    Config, build")
    assert "`presets` of lab 'mine'" in said and "settings by name" in said
