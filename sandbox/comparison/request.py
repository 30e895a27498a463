"""Who is compared: words as they are typed ("sarsa", "slow=sarsa", "tuned.toml") become configurations that face the same task.

Everything that is wrong is said at once, before anything runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.config.model import LabConfig, choice_kind, dump, option_name, show_value
from sandbox.config.resolve import (
    finder_of,
    in_force,
    merge,
    name_and_options,
    read_file,
    registered_config,
)
from sandbox.errors import ConfigError, SandboxError, UsageError, nearest
from sandbox.registry.registrar import canonical
from sandbox.registry.registry import registry
from sandbox.runs import api
from sandbox.text import flat, is_text, printable

FILES = (".toml", ".json")


@dataclass(frozen=True)
class Wish:
    """What a comparison was asked for.

    Attributes:
        lab: its name.
        agents: names, "LABEL=NAME", or configuration files.
        preset: one of the lab's presets.
        layers: settings of all, over the preset, weakest first; options under "agent" go to every
            agent that has them, beside a name to that agent alone.
        own: options of single agents: label -> option -> value.
        device, data: as of a run.
    """

    lab: str
    agents: Sequence[str]
    preset: str = "default"
    layers: Sequence[Mapping[str, Any]] = ()
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    device: str = "cpu"
    data: Path | None = None


@dataclass(frozen=True)
class Contender:
    """One agent with its settings.

    Attributes:
        label: what it is called in the comparison.
        agent: its name in the registry.
        layers: settings over the preset, weakest first.
        config: the whole configuration, plain.
        given: options of the agent that are not its defaults, plain.
    """

    label: str
    agent: str
    layers: list[Mapping[str, Any]]
    config: dict[str, Any]
    given: dict[str, Any]


def contenders(wish: Wish) -> tuple[list[Contender], list[str]]:
    """The contenders, and remarks on options that not all of them have.

    Raises:
        UsageError: when the lab has no agents, or with everything that is wrong.
    """
    entry = registry().find("lab", wish.lab)
    model = registry().lab(entry.name).Config
    info = model.model_fields.get("agent")
    if info is None or choice_kind(info) != "agent":
        instead = "`python -m sandbox compare --help` lists the labs that have"
        raise UsageError(f"Lab '{entry.name}' has no agents to be compared. {instead}.")
    api.preset(registry().lab(entry.name), entry.name, wish.preset)
    find = finder_of(info, registered_config)
    problems: list[str] = []
    named = _named(wish.agents, problems)
    models: dict[str, type[LabConfig]] = {}
    for label, agent, _ in named:
        try:
            models[label] = find("agent", agent)
        except SandboxError as error:
            problems.append(str(error))
    for label in wish.own:
        if label not in [one for one, _, _ in named]:
            close = nearest(label, [one for one, _, _ in named])
            problems.append(
                f"'{label}' is set, but not compared."
                + (f" Did you mean '{close}'?" if close else "")
            )
    shared = _shared(wish.layers)
    if not problems:  # who is not known has no options to be judged
        problems += _nobody_has(shared, models)
    made = [
        _contender(wish, label, agent, _layers(wish, label, agent, file, models[label]), problems)
        for label, agent, file in named
        if label in models
    ]
    whole = [one for one in made if one is not None]
    problems += _other_tasks(whole)
    if problems:
        raise ConfigError(f"comparison on lab '{entry.name}'", list(dict.fromkeys(problems)))
    return whole, _remarks(wish.layers, shared, models, [agent for _, agent, _ in named])


def values_in_force(wish: Wish) -> dict[str, dict[str, Any]]:
    """The values that hold for each agent, by label; unknown agents are left out.

    Nothing is refused, since help shows them. Without agents it is the lab's default one.
    """
    entry = registry().find("lab", wish.lab)
    lab = registry().lab(entry.name)
    info = lab.Config.model_fields.get("agent")
    if info is None or choice_kind(info) != "agent":
        return {}
    find, below = finder_of(info, registered_config), api.preset(lab, entry.name, wish.preset)
    found = {}
    for label, agent, file in _named(wish.agents or [info.default], []):
        with contextlib.suppress(SandboxError):
            model = find("agent", agent)
            values = in_force(lab.Config, [below, *_layers(wish, label, agent, file, model)])
            options = {name: value for name, value in values["agent"].items() if _has(model, name)}
            found[label] = {**values, "agent": options}
    return found


def _layers(
    wish: Wish,
    label: str,
    agent: str,
    file: Mapping[str, Any],
    model: type[LabConfig],
) -> list[Mapping[str, Any]]:
    """An agent's settings over the preset, weakest first: for all, of its file, and its own."""
    layers = []
    for layer in wish.layers:
        rest, names, options = _split(layer)
        if not names:
            names = [agent]
            options = {name: value for name, value in options.items() if _has(model, name)}
        layers.append({**rest, "agent": {**options, "name": names}})
    return [*layers, file, {"agent": {**wish.own.get(label, {}), "name": agent}}]


def _named(words: Sequence[str], problems: list[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """(label, agent, settings of its file) of each word; what is wrong is added to the problems."""
    named: list[tuple[str, str, dict[str, Any]]] = []
    if not words:
        problems.append("--agents: name at least one, such as `--agents sarsa q-learning`")
    for word in words:
        label, _, agent = word.rpartition("=")
        file: dict[str, Any] = {}
        if agent.endswith(FILES):
            try:
                file = read_file(Path(agent))
                label = label or Path(agent).stem
                chosen = file.get("agent", {})
                agent = (
                    chosen
                    if isinstance(chosen, str)
                    else chosen.get("name", "")
                    if isinstance(chosen, Mapping)
                    else ""
                )
                if not isinstance(agent, str) or not agent:
                    raise UsageError(f'{word} names no agent: it needs [agent] with name = "…".')
                file = merge(
                    file,
                    {
                        "agent": {
                            **(chosen if isinstance(chosen, Mapping) else {}),
                            "name": canonical(agent),
                        }
                    },
                )
            except UsageError as error:
                problems.append(str(error))
                continue
        label = label or canonical(agent)
        if not is_text(label):
            problems.append(f"{printable(label)}: a label should be text in UTF-8")
            continue
        if label in [one for one, _, _ in named]:
            problems.append(
                f"'{label}' stands twice in --agents; give one another label: `--agents {label} other={agent}`"
            )
            continue
        named.append((label, canonical(agent), file))
    return named


def _split(layer: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
    """A layer without its part on agents, the names of agents in that part, and the options."""
    rest = {name.replace("-", "_"): value for name, value in layer.items()}
    names, options = name_and_options(rest.pop("agent", {}), "agent")
    return rest, names, options


def _shared(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The options that are meant for all agents, the strongest layer's value of each."""
    shared: dict[str, Any] = {}
    for _, names, options in map(_split, layers):
        shared |= {} if names else options
    return shared


def _has(model: type[LabConfig], name: str) -> bool:
    return name in model.model_fields and name not in model.without_effect


def _nobody_has(shared: Mapping[str, Any], models: Mapping[str, type[LabConfig]]) -> list[str]:
    problems = []
    known = [field for model in models.values() for field in model.model_fields]
    for name in shared:
        if not any(_has(model, name) for model in models.values()):
            close = nearest(name, known)
            near = f" Did you mean '--agent.{option_name(close)}'?" if close else ""
            problems.append(
                f"--agent.{option_name(name)}: none of the agents has this option.{near}"
            )
    return problems


def _remarks(
    layers: Sequence[Mapping[str, Any]],
    shared: Mapping[str, Any],
    models: Mapping[str, type[LabConfig]],
    agents: Sequence[str],
) -> list[str]:
    remarks = []
    for name, value in shared.items():
        without = [label for label, model in models.items() if not _has(model, name)]
        if without:
            remarks.append(
                f"{option_name(name)} = {show_value(value)} was set for all agents that have it; not for {', '.join(without)}."
            )
    for _, names, options in map(_split, layers):
        if options and names and not set(names) & set(agents):
            set_ = ", ".join(option_name(name) for name in options)
            remarks.append(f"{set_}: set for {' and '.join(names)} alone, which is not compared.")
    return remarks


def _contender(
    wish: Wish, label: str, agent: str, layers: list[Mapping[str, Any]], problems: list[str]
) -> Contender | None:
    try:
        _, _, config = api.resolved(api.Request(wish.lab, wish.preset, layers))
    except ConfigError as error:
        problems += [f"{label}: {problem}" for problem in error.problems]
        return None
    except SandboxError as error:
        problems.append(f"{label}: {error}")
        return None
    options: Any = config.agent.options  # type: ignore[attr-defined]
    plain = dump(options)
    given = {
        name: value
        for name, value in plain.items()
        if getattr(options, name)
        != type(options).model_fields[name].get_default(call_default_factory=True)
    }
    return Contender(label, agent, layers, dump(config), given)


def _other_tasks(made: Sequence[Contender]) -> list[str]:
    """A sentence for each setting of the lab, the agent aside, in which a contender differs from the first."""
    first = _task(made[0].config) if made else {}
    others = [(one.label, _task(one.config)) for one in made[1:]]
    return [
        f"'{made[0].label}' and '{label}' would not face the same task: {option_name(name)} is {show_value(first.get(name))} for one and "
        f"{show_value(other.get(name))} for the other"
        for label, other in others
        for name in sorted({*first, *other})
        if first.get(name) != other.get(name)
    ]


def _task(config: Mapping[str, Any]) -> dict[str, Any]:
    """All settings but the agent's by their dotted names."""
    return flat({name: value for name, value in config.items() if name != "agent"})
