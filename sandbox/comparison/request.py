"""What is compared: "sarsa", "slow=sarsa", "sb3-dqn:stock", "tuned.toml" become configurations of
one task.

All errors in a request are reported together, before anything runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from sandbox.comparison.until_decided import UntilDecided
from sandbox.config.model import LabConfig, Layer, dump, option_name, show_value
from sandbox.config.resolve import (
    choice_kind_of,
    config_of_choice,
    in_force,
    merge,
    name_and_options,
    read_file,
)
from sandbox.errors import ConfigError, SandboxError, UsageError, did_you_mean
from sandbox.input_files import listed
from sandbox.registry.registrar import canonical
from sandbox.registry.registry import registry
from sandbox.runs.request import Request, preset_of, resolved
from sandbox.text import Document, flat, is_text, printable

FILES = (".toml", ".json")


@dataclass(frozen=True)
class ComparisonRequest:
    """A request and agents.

    Attributes:
        request: what all agents share; each agent runs with every seed of it. In its layers,
            options under "agent" apply to every agent that has them, or, next to a name, to that
            agent alone.
        agents: names, "LABEL=NAME", or configuration files; "NAME:SETTINGS" sets the option
            `settings` of an agent.
        own: options of single agents: label -> option -> value.
        given: CSV files with results of others.
        tasks: tasks to compare them on, in place of the request's lab; see
            `sandbox.comparison.tasks`.
        optima: the score that becomes 1, by task.
        until: how seeds are added until every pair is decided; None for the request's seeds.
    """

    request: Request
    agents: Sequence[str]
    own: Mapping[str, Layer] = field(default_factory=dict)
    given: Sequence[str | Path] = ()
    tasks: Sequence[str] = ()
    optima: Mapping[str, float] = field(default_factory=dict)
    until: UntilDecided | None = None

    def __post_init__(self) -> None:
        for name in ("agents", "given", "tasks"):
            object.__setattr__(self, name, list(map(str, listed(vars(self)[name]))))


class ComparedAgent(NamedTuple):
    """One agent with its settings.

    Attributes:
        label: its name in the comparison.
        agent: its name in the registry.
        layers: settings over the preset, weakest first.
        config: the whole configuration, plain.
        given: options of the agent that are not its defaults, plain.
        described_as: what the options make of the agent; see `LabConfig.described_as`.
    """

    label: str
    agent: str
    layers: list[Layer]
    config: Document
    given: Document
    described_as: str

    @property
    def shown_options(self) -> str:
        """The options that are not its defaults, as on the command line; "" for none."""
        return ", ".join(
            f"{option_name(name)} {show_value(value)}" for name, value in self.given.items()
        )


class NamedAgent(NamedTuple):
    """One value of --agents.

    Attributes:
        label: the agent's label in the comparison.
        agent: its name in the registry.
        file: the settings from its configuration file; empty without a file.
    """

    label: str
    agent: str
    file: Document


KnownAgents = list[tuple[NamedAgent, type[LabConfig]]]
"""Agents that exist, each with the model of its options."""


def compared_agents(wanted: ComparisonRequest) -> tuple[list[ComparedAgent], list[str]]:
    """The agents, and remarks on options that not all of them have.

    Raises:
        UsageError: when the lab has no agents, or with everything that is wrong.
    """
    entry = registry().find("lab", wanted.request.lab)
    lab = registry().lab(entry.name)
    if choice_kind_of(lab.Config, "agent") != "agent":
        instead = "`python -m sandbox compare --help` lists the labs that have"
        raise UsageError(f"Lab '{entry.name}' has no agents to be compared. {instead}.")
    preset_of(lab, entry.name, wanted.request.preset)
    problems: list[str] = []
    words = _named_agents(wanted.agents, problems)
    known = _with_models(lab.Config, words, problems)
    labels = [word.label for word in words]
    for label in wanted.own:
        if label not in labels:
            near = did_you_mean(label, labels)
            problems.append(f"'{label}' is set, but not compared.{near}")
    shared = _shared(wanted.request.layers)
    if not problems:  # the options of an unknown agent are unknown too
        problems += _unknown_options(shared, known)
    agents = []
    for word, model in known:
        try:
            agents.append(_agent(wanted, word, model))
        except ConfigError as error:
            problems += [f"{word.label}: {problem}" for problem in error.problems]
        except SandboxError as error:
            problems.append(f"{word.label}: {error}")
    problems += _other_tasks(agents)
    if problems:
        raise ConfigError(f"comparison on lab '{entry.name}'", list(dict.fromkeys(problems)))
    return agents, _remarks(wanted.request.layers, shared, known)


def values_in_force(wanted: ComparisonRequest) -> dict[str, Document]:
    """The values in effect for each agent, by label, to be shown in help.

    Without agents, they are those of the lab's default agent. Unknown and wrong agents are left
    out.
    """
    lab = registry().lab(wanted.request.lab)
    preset = preset_of(lab, wanted.request.lab, wanted.request.preset)
    by_label = {}
    for word, model in known_agents(lab.Config, wanted.agents, []):
        with contextlib.suppress(ConfigError):
            values = in_force(lab.Config, [preset, *_layers(wanted, word, model)])
            options = {name: value for name, value in values["agent"].items() if _has(model, name)}
            by_label[word.label] = {**values, "agent": options}
    return by_label


def known_agents(config: type[LabConfig], words: Sequence[str], problems: list[str]) -> KnownAgents:
    """The agents that words of --agents name, each with its model; wrong ones are left out, and
    what is wrong is added to `problems`.

    Without words it is the default agent of the lab with this configuration; without agents, none.
    """
    if choice_kind_of(config, "agent") != "agent":
        return []
    named = _named_agents(words or [config.model_fields["agent"].default], problems)
    return _with_models(config, named, problems)


def _with_models(
    config: type[LabConfig], words: Sequence[NamedAgent], problems: list[str]
) -> KnownAgents:
    """The agents that exist, each with its model; errors are added to `problems`."""
    known = []
    for word in words:
        try:
            known.append((word, config_of_choice(config.model_fields["agent"], word.agent)))
        except SandboxError as error:
            problems.append(str(error))
    return known


def _layers(wanted: ComparisonRequest, word: NamedAgent, model: type[LabConfig]) -> list[Layer]:
    """The layers over the preset for one agent, weakest first: shared, its file's, its own."""
    layers: list[Layer] = []
    for layer in wanted.request.layers:
        rest, names, options = _split(layer)
        if not names:
            names = [word.agent]
            options = {name: value for name, value in options.items() if _has(model, name)}
        layers.append({**rest, "agent": {**options, "name": names}})
    own = {"agent": {**wanted.own.get(word.label, {}), "name": word.agent}}
    return [*layers, word.file, own]


def _named_agents(words: Sequence[str], problems: list[str]) -> list[NamedAgent]:
    """The values of --agents that can be read; errors are added to `problems`."""
    read: dict[str, NamedAgent] = {}
    if not words:
        problems.append("--agents: name at least one, such as `--agents sarsa q-learning`")
    for word in words:
        label, _, agent = word.rpartition("=")
        file: Document = {}
        if agent.endswith(FILES):
            try:
                label = label or Path(agent).stem
                file, agent = _of_file(Path(agent), word)
            except UsageError as error:
                problems.append(str(error))
                continue
        label = label or canonical(agent)
        agent, _, settings = agent.partition(":")
        agent = canonical(agent)
        if settings:
            file = {"agent": {"name": agent, "settings": settings}}
        if not is_text(label):
            problems.append(f"{printable(label)}: a label should be text in UTF-8")
        elif label in read:
            problems.append(
                f"'{label}' stands twice in --agents; "
                f"give one another label: `--agents {label} other={agent}`"
            )
        else:
            read[label] = NamedAgent(label, agent, file)
    return list(read.values())


def _of_file(path: Path, word: str) -> tuple[Document, str]:
    """The settings of a configuration file, and the agent that it names.

    Raises:
        UsageError: when it cannot be read, or names no agent.
    """
    file = read_file(path)
    chosen = file.get("agent", {})
    options = chosen if isinstance(chosen, Mapping) else {"name": chosen}
    agent = options.get("name")
    if not isinstance(agent, str) or not agent:
        raise UsageError(f'{word} names no agent: it needs [agent] with name = "…".')
    return merge(file, {"agent": {**options, "name": canonical(agent)}}), agent


def _split(layer: Layer) -> tuple[Document, list[str], Document]:
    """A layer without its part on agents, the names of agents in that part, and the options."""
    rest = {name.replace("-", "_"): value for name, value in layer.items()}
    names, options = name_and_options(rest.pop("agent", {}), "agent")
    return rest, names, options


def _shared(layers: Sequence[Layer]) -> Document:
    """The options that are meant for all agents, each with its value in the strongest layer."""
    shared: Document = {}
    for _, names, options in map(_split, layers):
        shared |= {} if names else options
    return shared


def _has(model: type[LabConfig], name: str) -> bool:
    return name in model.model_fields and name not in model.without_effect


def _unknown_options(shared: Layer, known: KnownAgents) -> list[str]:
    problems = []
    options = [option_name(field) for _, model in known for field in model.model_fields]
    for name in shared:
        if not any(_has(model, name) for _, model in known):
            near = did_you_mean(name, options, "--agent.")
            problems.append(
                f"--agent.{option_name(name)}: none of the agents has this option.{near}"
            )
    return problems


def _remarks(layers: Sequence[Layer], shared: Layer, known: KnownAgents) -> list[str]:
    remarks = []
    agents = {word.agent for word, _ in known}
    for name, value in shared.items():
        without = [word.label for word, model in known if not _has(model, name)]
        if without:
            remarks.append(
                f"{option_name(name)} = {show_value(value)} was set for all agents that have it; "
                f"not for {', '.join(without)}."
            )
    for _, names, options in map(_split, layers):
        if options and names and agents.isdisjoint(names):
            listed = ", ".join(option_name(name) for name in options)
            remarks.append(f"{listed}: set for {' and '.join(names)} alone, which is not compared.")
    return remarks


def _agent(wanted: ComparisonRequest, word: NamedAgent, model: type[LabConfig]) -> ComparedAgent:
    """The agent with its whole configuration.

    Raises:
        SandboxError: when a setting is wrong, or something that it needs is missing.
    """
    layers = _layers(wanted, word, model)
    request = replace(wanted.request, layers=layers, seed=0, seeds=1)
    _, _, config = resolved(request)
    options: LabConfig = config.agent.options  # type: ignore[attr-defined]
    changed = options.model_dump(exclude_defaults=True)
    given = {name: value for name, value in dump(options).items() if name in changed}
    return ComparedAgent(word.label, word.agent, layers, dump(config), given, options.described_as)


def _other_tasks(agents: Sequence[ComparedAgent]) -> list[str]:
    """A sentence for each setting of the task in which an agent differs from the first."""
    tasks = [_task(one.config) for one in agents]
    return [
        f"'{agents[0].label}' and '{one.label}' would not face the same task: "
        f"{option_name(name)} is {show_value(tasks[0].get(name))} for one and "
        f"{show_value(task.get(name))} for the other"
        for one, task in zip(agents[1:], tasks[1:], strict=True)
        for name in sorted({*tasks[0], *task})
        if tasks[0].get(name) != task.get(name)
    ]


def _task(config: Layer) -> Document:
    """All settings but the agent's by their dotted names."""
    return flat({name: value for name, value in config.items() if name != "agent"})
