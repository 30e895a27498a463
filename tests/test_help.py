"""What `--help` shows is what runs: its defaults are the values of the resolved configuration.

This holds for every lab, preset and agent, and for `sweep` and `compare` too.
"""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from sandbox.cli import cli
from sandbox.comparison.request import ComparisonRequest, compared_agents
from sandbox.config.model import Chosen, LabConfig, option_name, show_value
from sandbox.errors import ConfigError
from sandbox.registry.registry import registry
from sandbox.runs import api
from tests.conftest import configured, marked, needs_extra, skip_without_library


def names(kind):
    return [entry.name for entry in registry().entries(kind, outside=False)]


def has_agents(lab):
    info = registry().lab(lab).Config.model_fields.get("agent")
    return info is not None and info.annotation is Chosen


CASES = [
    (lab, preset, agent)
    for lab in names("lab")
    for preset in dict.fromkeys(["default", *registry().lab(lab).presets])
    for agent in (["", *names("agent")] if has_agents(lab) else [""])
]


def defaults(*words):
    """The defaults in the help of a command line, by option; "" where it shows none."""
    how = {"prog_name": "x", "terminal_width": 2000, "catch_exceptions": False}
    said = CliRunner().invoke(cli, [*words, "--help"], **how)
    assert said.exit_code == 0, said.output
    records = re.findall(r"^  (--\S+)[^\n]*(?:\n {10}[^\n]*)*", said.output, re.MULTILINE)
    texts = re.split(r"^  (?=--)", said.output, flags=re.MULTILINE)[1:]
    assert len(records) == len(texts)
    found = {}
    for name, text in zip(records, texts, strict=True):
        default = re.search(r"\[default: (.*)\]", text)
        found[name.removeprefix("--")] = default.group(1) if default else ""
    return found


def in_force(config: LabConfig, prefix=""):
    """Every option of a configuration that has an effect, as help shows it; none is not shown."""
    shown = {}
    for name in type(config).model_fields:
        value, option = getattr(config, name), f"{prefix}{option_name(name)}"
        if name in config.without_effect:
            continue
        if isinstance(value, Chosen):
            shown |= {option: value.name, **in_force(value.options, f"{option}.")}
        elif isinstance(value, LabConfig):
            shown |= in_force(value, f"{option}.")
        else:
            shown[option] = "" if value is None else show_value(value)
    return shown


def of_the_lab(shown, expected):
    """Without the options of the command itself."""
    of_lab = {name for name in shown if name.split(".")[0] in ("agent", "env", "model")}
    return {name: text for name, text in shown.items() if name in expected or name in of_lab}


@pytest.mark.parametrize(
    ("lab", "preset", "agent"), marked(CASES, lambda case: needs_extra(case[2]))
)
def test_help_shows_the_values_that_run(lab, preset, agent):
    skip_without_library(agent)
    words = ["--preset", preset, *(["--agent", agent] if agent else [])]
    shown = defaults("run", lab, *words)
    try:
        config = configured(lab, preset, [{"agent": agent}] if agent else [])
    except ConfigError:  # that agent cannot learn there; help is shown all the same
        assert shown["agent"] == agent
        return
    expected = in_force(config)
    assert of_the_lab(shown, expected) == expected


@pytest.mark.parametrize("env", ["Taxi-v4", "CliffWalking-v1", "Blackjack-v1"])
def test_help_shows_the_options_of_the_environment_that_was_named(env):
    shown = defaults("run", "gym", "--env", env)
    expected = in_force(configured("gym", "default", [{"env": env}]))
    assert of_the_lab(shown, expected) == expected


def test_help_counts_what_the_other_words_change_and_keeps_the_default_of_an_option_that_is_given():
    shown = defaults("run", "maze", "--env.layout", "cliff", "--agent.alpha", "0.125")
    config = configured("maze", "default", [{"env": {"layout": "cliff"}}])
    assert shown["env.episode-length"] == str(config.env.episode_length) != "168"
    assert shown["agent.alpha"] == "0.25" and shown["env.layout"] == "maze"


def test_help_works_where_the_configuration_does_not():
    shown = defaults("run", "gym", "--env", "CartPole-v1", "--agent.epsilon", "7")
    assert shown["env.max-episode-steps"] == "500" and shown["agent.epsilon"] == "0.5"


def test_help_counts_a_configuration_file(tmp_path):
    (tmp_path / "c.toml").write_text('episodes = 7\n[agent]\nname = "dyna-q"\nplanning_steps = 3\n')
    shown = defaults("run", "maze", "--config", str(tmp_path / "c.toml"))
    assert (shown["episodes"], shown["agent"]) == ("7", "dyna-q")
    assert shown["agent.planning-steps"] == "3"


TUNED = [("gym", "frozen-lake-slippery"), ("maze", "report"), ("music", "best")]


@pytest.mark.parametrize(("lab", "preset"), TUNED)
def test_help_of_a_sweep_shows_what_its_runs_have_in_common(lab, preset):
    expected = in_force(configured(lab, preset))
    assert of_the_lab(defaults("sweep", lab, "--preset", preset), expected) == expected


@pytest.mark.parametrize("command", [("sweep", "maze"), ("compare", "maze", "--agents", "sarsa")])
def test_help_of_a_sweep_or_comparison_counts_a_configuration_file(tmp_path, command):
    (tmp_path / "c.toml").write_text("episodes = 7\n[agent]\nalpha = 0.125\n")
    shown = defaults(*command, "--config", str(tmp_path / "c.toml"))
    assert (shown["episodes"], shown["agent.alpha"]) == ("7", "0.125")


@pytest.mark.parametrize("preset", ["default", "cliff"])
def test_help_of_a_comparison_shows_the_values_of_each_agent(preset):
    agents = ("q-learning", "r-max", "slow=sarsa")
    slow = ("--set", "slow.alpha=0.125")
    shown = defaults("compare", "gym", "--preset", preset, "--agents", *agents, *slow)
    request = api.Request("gym", preset)
    whole, _ = compared_agents(ComparisonRequest(request, agents, {"slow": {"alpha": "0.125"}}))
    requests = {one.label: api.Request("gym", preset, one.layers) for one in whole}
    each = {label: in_force(api.resolved(request)[2]) for label, request in requests.items()}
    for option in sorted({option for values in each.values() for option in values} - {"agent"}):
        known = {label: values for label, values in each.items() if option in values}
        texts = {label: values[option] or "none" for label, values in known.items()}
        if len(set(texts.values())) == 1:
            assert shown[option] == next(iter(texts.values())).removeprefix("none"), option
            continue
        for label, text in texts.items():
            pattern = rf"(^|, ){re.escape(text)} \([^)]*\b{label}\b"
            assert re.search(pattern, shown[option]), (option, shown[option])


def test_help_of_an_agent_that_there_is_not_says_so(say):
    said = say("run", "maze", "--agent", "sarsaa", "--help")
    assert said.code == 2 and "Did you mean 'sarsa'" in said.err
