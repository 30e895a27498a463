"""Every option of every lab, agent and environment can be given on the command line.

Each is given a value of each type that it takes, and the resolved value is compared; nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import click
import gymnasium
import pytest
from gymnasium import spaces

from envs import ids
from sandbox.cli.arguments import normalized
from sandbox.cli.commands.run import LabCommand, run
from sandbox.cli.options import config_layer
from sandbox.config.model import Chosen, choice_kind, nested_model, option_name
from sandbox.config.resolve import config_of_choice
from sandbox.config.typed import alternatives, from_text
from sandbox.errors import SandboxError
from sandbox.registry.registry import registry
from tests.conftest import configured, marked, needs_extra, skip_without_library

Value = tuple[str, Any]
"""What is typed, and what it means."""

OF_ITS_OWN: dict[tuple[str, str], list[Value]] = {
    ("autoencoder", "morphs"): [("2-0,5-8", ("2-0", "5-8"))],
    ("music", "transpose"): [("-6,5", (-6, 5))],
    ("regression", "hidden"): [("30,20", "30,20")],
    ("regression", "search.sizes"): [("10,10 25,10", "10,10 25,10")],
    ("regression", "search.activations"): [("relu tanh", "relu tanh")],
    ("regression", "search.l1"): [("0 1e-3", "0 1e-3")],
    ("regression", "search.learning-rates"): [("0.05 0.1", "0.05 0.1")],
    ("", "env.layout"): [("cliff", "cliff"), ("S.G", "S.G")],
    ("", "env.start"): [("1,2", (1, 2)), ("none", None)],
    ("", "env.goal"): [("3,5", (3, 5)), ("none", None)],
    ("", "env.episode-length"): [("77", 77)],  # none becomes a number: four times the shortest way
    ("", "env.desc"): [("SF,FG", ["SF", "FG"]), ("none", None)],
    ("", "env.map-name"): [("8x8", "8x8")],
    ("", "discretiser.bins"): [("4,5", (4, 5)), ("6", (6,)), ("none", None)],
    ("", "agent.net-arch"): [
        ("64,32", (64, 32)),
        ("64", (64,)),
        ("linear", "linear"),
        ("none", None),
    ],
    ("", "agent.train-freq"): [("3", 3), ("2,episode", (2, "episode"))],
    ("", "agent.ent-coef"): [("0.375", 0.375)],
    ("", "agent.target-entropy"): [("auto", "auto"), ("-2.5", -2.5)],
}
"""Values of options whose text has a form of its own, by lab ("" is any) and option."""

BOXES = ["--env", "MountainCar-v0", "--discretiser.bins", "4"]
TOGETHER: dict[tuple[str, str], list[str]] = {
    ("agent.alpha", ""): ["--agent.alpha-schedule", "constant"],
    ("agent.alpha-final", ""): ["--agent.alpha-schedule", "linear"],
    ("agent.alpha-final", "none"): ["--agent.alpha-schedule", "constant"],
    ("agent.alpha-power", ""): ["--agent.alpha-schedule", "visits"],
    ("agent.alpha-schedule", "linear"): ["--agent.alpha-final", "0.01"],
    ("agent.alpha-schedule", "exponential"): ["--agent.alpha-final", "0.01"],
    ("agent.alpha-schedule", "harmonic"): ["--agent.alpha-final", "0.01"],
    ("agent.net-arch", "none"): ["--agent.initial-value", "none"],
    ("agent.net-arch", "64,32"): ["--agent.initial-value", "none"],
    ("agent.net-arch", "64"): ["--agent.initial-value", "none"],
    ("agent.initial-value", "0.375"): ["--agent.net-arch", "linear"],
    ("agent.train-freq", "2,episode"): ["--agent.n-envs", "1"],
    ("episodes", "none"): ["--env-steps", "1000"],
    ("env.size", ""): ["--env.layout", "empty"],
    ("env.layout-seed", ""): ["--env.layout", "random"],
    ("env.kind", ""): ["--env.layout", "random"],
    ("env.density", ""): ["--env.layout", "random", "--env.kind", "open"],
    ("env.observation", "image"): ["--agent", "sb3-trpo"],
    ("discretiser.bins", ""): BOXES[:2],
    ("discretiser.bins", "none"): [],
    ("discretiser.low", ""): [*BOXES, "--discretiser.high", "1"],
    ("discretiser.high", ""): [*BOXES, "--discretiser.low", "-1"],
    ("starts", ""): ["--refinement", "3"],
    ("train", "word"): ["--test", "word"],
    ("test", "word"): ["--train", "word"],
}
"""What must stand beside an option, by option and text ("" is any)."""

WHERE: dict[tuple[str, str], str] = {
    ("agent.normalize", "observations"): "CartPole-v1",
    ("agent.normalize", "both"): "CartPole-v1",
    ("agent.policy", "CnnPolicy"): "Pictured-v0",
    ("agent.policy", "MultiInputPolicy"): "Labelled-v0",
    ("agent.use-sde", ""): "Pendulum-v1",
}
"""Options of networks that need what no grid has: set in the lab `gym`, in this environment."""

REFUSED = {("r-learning", "agent.initial-value", "none")}
"""Values that a type takes and an agent does not."""

IMAGE = spaces.Box(0, 255, (36, 36, 3), "uint8")


class Pictured(gymnasium.Env):
    observation_space = IMAGE
    action_space = spaces.Discrete(2)

    def __init__(self, continuous: bool = False) -> None:
        if continuous:
            self.action_space = spaces.Box(-1, 1, (1,))


class Labelled(Pictured):
    observation_space = spaces.Dict({"image": IMAGE, "number": spaces.Discrete(3)})


TOYS = {"Pictured-v0": Pictured, "Labelled-v0": Labelled}


@pytest.fixture(scope="module", autouse=True)
def toys():
    for name, kind in TOYS.items():
        gymnasium.register(name, entry_point=kind)
    yield
    for name in TOYS:
        del gymnasium.registry[name]
    ids._config.cache_clear()


def fields(config, chosen, path=()):
    """(path, field) of every option, those of what is chosen included."""
    for name, info in config.model_fields.items():
        kind, inner = choice_kind(info), nested_model(info)
        if name in config.without_effect:
            continue
        if kind:
            model = config_of_choice(info, chosen.get(name, info.default))
            yield from fields(model, chosen, (*path, name))
        elif inner:
            yield from fields(inner, chosen, (*path, name))
        else:
            yield (*path, name), info


def values(annotation: Any, limits: dict[str, Any], default: Any) -> Iterator[Value]:
    """A value of each type that a field takes, not the default if possible, and every choice."""
    if get_origin(annotation) is Annotated:
        limits = limits | limits_of(get_args(annotation)[1:])
    for kind in alternatives(annotation):
        parts = get_args(kind)
        if kind is type(None):
            yield "none", None
        elif get_origin(kind) is Literal:
            yield from ((str(choice), choice) for choice in parts)
        elif kind is bool:
            yield str(not default).lower(), not default
        elif kind is int:
            low, high = limits.get("ge", 0), limits.get("le", 10**9)
            start = default if type(default) is int else low
            number = start + 1 if start < high else low
            yield str(number), number
        elif kind is float:
            low = limits.get("ge", limits.get("gt", limits.get("le", limits.get("lt", 1.0)) - 1.0))
            high = limits.get("le", limits.get("lt", low + 1.0))
            number = low + (0.375 if low + 0.375 * (high - low) != default else 0.25) * (high - low)
            yield repr(float(number)), float(number)
        elif get_origin(kind) in (tuple, list):
            types = parts[:1] * 2 if Ellipsis in parts or get_origin(kind) is list else parts
            made = [next(values(one, {}, None)) for one in types]
            yield ",".join(text for text, _ in made), get_origin(kind)(value for _, value in made)
        else:
            assert kind is str, f"a type that this test cannot make a value of: {kind}"
            yield "word", "word"


def limits_of(metadata) -> dict[str, Any]:
    bounds = [
        (key, getattr(mark, key, None)) for mark in metadata for key in ("gt", "ge", "lt", "le")
    ]
    return {key: value for key, value in bounds if value is not None}


def resolved(lab, words):
    """The configuration of a command line; nothing is run."""
    words = normalized(words)
    command = LabCommand(run, lab, words)
    given = command.make_context(lab, list(words)).params
    return configured(lab, given["preset"], [config_layer(command.params, given)])


def at(config, path):
    for name in path:
        config = getattr(config.options if isinstance(config, Chosen) else config, name)
    return config


def typed(name, info, text):
    """The words that give an option a value."""
    if info.annotation is not bool:
        return [f"--{name}={text}"]
    head, dot, tail = name.rpartition(".")
    return [f"--{name}" if text == "true" else f"--{head}{dot}no-{tail}"]


def complaints(lab, config, chosen, words, only=""):
    """Every value that is refused, or becomes another."""
    for path, info in fields(config, chosen):
        name = option_name(".".join(path))
        if only and path[0] != only:
            continue
        own = OF_ITS_OWN.get((lab, name)) or OF_ITS_OWN.get(("", name))
        for text, value in own or values(info.annotation, limits_of(info.metadata), info.default):
            where = WHERE.get((name, text)) or WHERE.get((name, ""))
            if (where and lab != "gym") or (chosen.get("agent"), name, text) in REFUSED:
                continue
            more = [*place(where, chosen), *beside(config, chosen, name, text)]
            try:
                found = at(resolved(lab, [*words, *more, *typed(name, info, text)]), path)
            except (SandboxError, click.ClickException) as error:
                yield f"{name}={text} is refused: {error}"
                continue
            if found != value or type(found) is not type(value):
                yield f"{name}={text} becomes {found!r}, not {value!r}"


def place(where, chosen):
    """The words that choose an environment in which an option can be set."""
    if not where or (continuous(chosen["agent"]) and where not in TOYS):
        return []
    return ["--env", where, *(["--env.continuous"] if continuous(chosen["agent"]) else [])]


def beside(config, chosen, name, text):
    """The words that must stand beside an option, as far as the agent has them."""
    words = TOGETHER.get((name, text), TOGETHER.get((name, ""), []))
    for option, value in zip(words[::2], words[1::2], strict=True):
        if has(config, chosen, option):
            yield from (option, value)


def has(config, chosen, option):
    """Whether an option belongs to this agent; those of lab and environment always do."""
    path = tuple(option.removeprefix("--").replace("-", "_").split("."))
    own = [other for other, _ in fields(config, chosen)]
    return path[0] != "agent" or len(path) == 1 or path in own


def continuous(agent):
    """Whether an agent takes continuous actions alone."""
    from agents.baselines.known import KNOWN

    return agent in KNOWN and "Discrete" not in KNOWN[agent].actions


def names(kind):
    return [entry.name for entry in registry().entries(kind, outside=False)]


LABS_OF_AGENTS = [lab for lab in names("lab") if "agent" in registry().lab(lab).Config.model_fields]


@pytest.mark.parametrize("lab", marked(names("lab"), LABS_OF_AGENTS.__contains__))
def test_every_option_of_a_lab_can_be_given(lab):
    if lab in LABS_OF_AGENTS:
        skip_without_library("sb3-trpo")  # who takes pictures of a grid
    config, chosen = registry().lab(lab).Config, {}
    if lab == "music":
        chosen = {"model": "two-hands"}  # of the class; the preset `default` has another
    words = [word for name, value in chosen.items() for word in (f"--{name}", value)]
    assert list(complaints(lab, config, chosen, words)) == []


@pytest.mark.parametrize("agent", marked(names("agent")))
@pytest.mark.parametrize("lab", LABS_OF_AGENTS)
def test_every_option_of_an_agent_can_be_given(lab, agent):
    if continuous(agent) and lab != "gym":
        return  # no grid has continuous actions
    skip_without_library(agent)
    words = ["--agent", agent, *(["--env", "Pendulum-v1"] if continuous(agent) else [])]
    config = registry().lab(lab).Config
    assert list(complaints(lab, config, {"agent": agent}, words, only="agent")) == []


@pytest.mark.parametrize(
    ("agent", "envs"),
    marked(
        [
            ("q-learning", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "Blackjack-v1"]),
            ("sb3-ppo", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1", "Pendulum-v1"]),
        ],
        lambda case: needs_extra(case[0]),
    ),
)
def test_every_option_of_an_environment_can_be_given(agent, envs):
    skip_without_library(agent)
    config = registry().lab("gym").Config
    for env in envs:
        chosen, words = {"agent": agent, "env": env}, ["--agent", agent, "--env", env]
        assert list(complaints("gym", config, chosen, words, only="env")) == []


@pytest.mark.parametrize("name", ["two-hands", "one-track", "chord-lstm"])
def test_every_option_of_a_model_of_music_can_be_given(name):
    config = registry().lab("music").Config
    assert list(complaints("music", config, {"model": name}, ["--model", name], only="model")) == []


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("2", Literal[1, 2], 2),
        ("2", Literal[1, 2] | None, 2),
        ("none", Literal[1, 2] | None, None),
        ("none", Literal["none", "all"], "none"),
        ("0.5", Literal[0.5, 1.0], 0.5),
        ("true", Literal[True, "auto"], True),
        ("5", int | str, 5),
        ("5.5", int | str, "5.5"),
        ("5.5", int | float, 5.5),
        ("1e3", int | str, 1000),
        ("1e3", int | float, 1000.0),
        ("nan", float | str, "nan"),
        ("true", bool | str, True),
        ("1", bool | int, 1),
        ("word", float | str | None, "word"),
        ("3", int | tuple[int, int], 3),
        ("3,4", int | tuple[int, int], [3, 4]),
        ("(3, 4)", tuple[int, ...], [3, 4]),
        ("2,x", tuple[int, str], [2, "x"]),
        ("a,b", str | tuple[int, ...], "a,b"),
        ("1,2", str | tuple[int, ...], [1, 2]),
        ("1,2", tuple[Literal[1, 2], ...], [1, 2]),
        ("7", Annotated[int | str, "seven"], 7),
        ("word", int, "word"),
    ],
)
def test_text_becomes_what_the_type_asks_for(text, annotation, value):
    found = from_text(text, annotation)
    assert found == value and type(found) is type(value)


def test_a_value_that_is_no_choice_is_refused_with_the_choices(say):
    said = say("run", "music", "--steps-per-beat", "5")
    allowed = "steps-per-beat = 5: it should be 1, 2, 3, 4, 6, 8, 12, 16 or 24 (default: 4)"
    assert said.code == 2 and allowed in said.err
