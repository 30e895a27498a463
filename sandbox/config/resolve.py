"""One configuration from layers, each overriding the one before: defaults < preset < file < command
line.

Every wrong value of all layers is reported at once.
"""

from __future__ import annotations

import json
import math
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from sandbox.config.messages import sentence
from sandbox.config.model import (
    Chosen,
    LabConfig,
    Layer,
    choice_fields,
    choice_kind,
    choice_of,
    dump,
    nested,
    nested_model,
    option_name,
    show_value,
)
from sandbox.errors import ConfigError, SandboxError, UnknownNameError, UsageError
from sandbox.input_files import read_text
from sandbox.registry.registrar import canonical
from sandbox.registry.registry import registry
from sandbox.text import Document, flat, is_text

UNSET = (None, "none")
"""Values of an option that is not used, as typed and as read."""


def registered_config(kind: str, name: str) -> type[LabConfig]:
    """The `Config` of the registered `kind` called `name`."""
    return registry().config(kind, name, registry().load(kind, name))


def config_of_choice(info: FieldInfo, name: str) -> type[LabConfig]:
    """The `Config` of what a choice picks by a name: its own `find`, else the registry knows it.

    Raises:
        UnknownNameError: when there is no such name.
    """
    own = choice_of(info).get("find")
    find = pkgutil.resolve_name(own) if own else registered_config
    return find(choice_kind(info) or "", name)


def resolve(
    config: type[LabConfig],
    layers: Sequence[Layer],
    title: str,
    prefix: str = "",
) -> Any:
    """One validated configuration from several layers.

    A choice is a name, or a dictionary of options, with or without `name`. The strongest layer that
    names something picks it. Options given next to a name apply only if that name is picked;
    options without a name apply to whatever is picked, if it has them. `name` may be a list: the
    first is picked, and the options apply to each of them.

    Args:
        config: the model.
        layers: nested dictionaries, from the weakest to the strongest.
        title: the name of the configuration in the error.
        prefix: precedes the names of options in the error ("env.").

    Returns:
        An instance of `config`.

    Raises:
        ConfigError: naming every wrong value.
    """
    problems: list[str] = []
    plain = laid_over(config, layers, problems, prefix)
    strange = [
        f"{prefix}{name}: it should be text in UTF-8"
        for name, value in flat(plain).items()
        if not is_text(value)
    ]
    if strange:
        raise ConfigError(title, strange)
    instance = _validated(config, plain, prefix, problems)
    if not problems:  # pydantic does not validate defaults
        problems += [
            f"{prefix}{name}: its default is no number ({value})"
            for name, value in flat(dump(instance)).items()
            if isinstance(value, float) and math.isnan(value)
        ]
    if problems:
        raise ConfigError(title, problems)
    return instance


def in_force(config: type[LabConfig], layers: Sequence[Layer]) -> Document:
    """The values in effect with these layers, plain; if they are invalid, only what the layers
    set."""
    try:
        return dump(resolve(config, layers, ""))
    except SandboxError:
        return laid_over(config, layers, [])


def chosen(config: type[LabConfig], layers: Sequence[Layer]) -> dict[str, str]:
    """The name that the layers give each choice; a choice that is wrong is left out."""
    values = laid_over(config, layers, [])
    return {name: values[name]["name"] for name in choice_fields(config) if name in values}


def laid_over(
    config: type[LabConfig],
    layers: Sequence[Layer],
    problems: list[str],
    prefix: str = "",
) -> Document:
    """The layers merged into one, with the name of every choice; values are not validated.

    Args:
        config: the model.
        layers: nested dictionaries, weakest first; see `resolve`.
        problems: gets a sentence for each choice that is wrong, such as an unknown name; it is
            left out.
        prefix: precedes the names of options in these sentences.
    """
    plain: Document = {}
    choices: dict[str, list[Any]] = {name: [] for name in choice_fields(config)}
    for layer in layers:
        layer = _with_underscores(layer, config)
        for name, replaced in config.supersedes.items():
            if layer.get(name) not in UNSET and replaced not in layer:
                plain.pop(replaced, None)
        for name in choices.keys() & layer.keys():
            choices[name].append(layer.pop(name))
        plain = merge(plain, layer)
    for name, values in choices.items():
        info, path = config.model_fields[name], f"{prefix}{name}"
        try:
            given = [name_and_options(value, path) for value in values]
            picked, model, options = _picked(info, given)
        except (UnknownNameError, ConfigError) as error:
            problems.extend(error.problems if isinstance(error, ConfigError) else [str(error)])
            continue
        plain[name] = {"name": picked, **laid_over(model, options, problems, f"{path}.")}
    return plain


def _validated(
    config: type[LabConfig],
    plain: Layer,
    prefix: str,
    problems: list[str],
) -> Any:
    values = dict(plain)
    for name in [name for name in choice_fields(config) if name in plain]:
        options, info = dict(values.pop(name)), config.model_fields[name]
        picked = options.pop("name")
        model = config_of_choice(info, picked)
        instance = _validated(model, options, f"{prefix}{name}.", problems)
        if instance is not None:
            values[name] = Chosen(name=picked, options=instance)
    try:
        return config.model_validate(values)
    except ValidationError as error:
        problems.extend(
            sentence(config, detail, prefix)
            for detail in error.errors()
            if (not detail["loc"] or choice_kind_of(config, str(detail["loc"][0])) is None)
            # wrong elements make a list too short as well
            and not (
                detail["type"] == "too_short"
                and detail["ctx"]["actual_length"] < len(detail["input"])
            )
        )
        return None


def choice_kind_of(config: type[LabConfig], name: str) -> str | None:
    """Like `choice_kind`, for the field called `name` (None when there is no such field)."""
    info = config.model_fields.get(name)
    return choice_kind(info) if info else None


def name_and_options(value: object, path: str) -> tuple[list[str], Document]:
    """The names and the options that one layer gives for a choice.

    Raises:
        ConfigError: when it is neither a name nor a table.
    """
    table = {"name": value} if isinstance(value, str) else value
    table = table if isinstance(table, Mapping) else {"name": None}
    names: object = table.get("name", [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        wrong = f"{option_name(path)} = {show_value(value)}: it should be a name"
        raise ConfigError(path, [f"{wrong}, or a table with `name` and options"])
    options = {key.replace("-", "_"): part for key, part in table.items() if key != "name"}
    return [canonical(name) for name in names], options


def _picked(
    info: FieldInfo,
    layers: Sequence[tuple[Sequence[str], Document]],
) -> tuple[str, type[LabConfig], list[Document]]:
    """The picked name, its configuration, and the options that apply to it; see `resolve`.

    Args:
        info: the choice.
        layers: names and options, weakest first.
    """
    named = str(info.default)
    picked = next((names[0] for names, _ in reversed(layers) if names), named)
    model, counting = config_of_choice(info, picked), list[Document]()
    for names, options in layers:
        named = names[0] if names else named  # the choice as this layer sees it
        if picked in names or (not names and picked == named):
            counting.append(options)
        elif not names and options:
            there = config_of_choice(info, named)
            counting.append({key: options[key] for key in options if _counts(key, model, there)})
    return picked, model, counting


def _counts(option: str, model: type[LabConfig], there: type[LabConfig]) -> bool:
    """Whether an option without a name applies to `model`, though it was given for `there`.

    It does if both inherit it from the same class: two tabular agents share the option `policy`, a
    tabular agent and a network do not. It also does if `there` has no such option; an option that
    neither has is thus refused.
    """
    own, other = _declaring(model, option), _declaring(there, option)
    if own is None:
        return other is None
    return option not in model.without_effect and other in (None, own)


def _declaring(config: type[LabConfig], option: str) -> type | None:
    """The first class that has the option, among a class and its bases, from the root on."""
    for base in reversed(config.__mro__):
        if option in base.__dict__.get("__annotations__", {}):
            return base
    return None


def _with_underscores(layer: Layer, config: type[LabConfig]) -> Document:
    """The layer with `_` for `-` in the names of options, here and in groups of options."""
    plain = {key.replace("-", "_"): value for key, value in layer.items()}
    for name, value in plain.items():
        inner = nested_model(config.model_fields[name]) if name in config.model_fields else None
        if inner and isinstance(value, Mapping):
            plain[name] = _with_underscores(value, inner)
    return plain


def merge(weak: Layer, strong: Layer) -> Document:
    """Both dictionaries as one, nested ones merged key by key; where both have a value, the strong
    one's.
    """
    merged = dict(weak)
    for key, value in strong.items():
        below = merged.get(key)
        merged[key] = (
            merge(below, value)
            if isinstance(below, Mapping) and isinstance(value, Mapping)
            else value
        )
    return merged


def layer_of(values: Iterable[tuple[Sequence[str], Any]]) -> Document:
    """One layer from values with the paths of their options: (("agent", "alpha"), 0.1)."""
    return reduce(merge, (nested(path, value) for path, value in values), {})


def read_file(path: Path) -> Document:
    """A configuration file: TOML or JSON, by its ending.

    Raises:
        UsageError: when it cannot be read or is not a table at the top.
    """
    import tomllib

    toml = path.suffix == ".toml"
    try:
        if not toml and path.suffix != ".json":
            raise UsageError(
                f"The configuration file {path} ends in '{path.suffix}'; settings come from .toml "
                "or .json files."
            )
        text = read_text(path)
        content = tomllib.loads(text) if toml else json.loads(text, object_pairs_hook=_table)
    except OSError as error:
        raise UsageError(f"Cannot read the configuration file {path}: {error.strerror}.") from error
    except ValueError as error:
        kind = "TOML" if toml else "JSON"
        raise UsageError(f"The configuration file {path} is not {kind}: {error}.") from error
    except RecursionError:
        raise UsageError(
            f"The configuration file {path} nests its values too deep; options have at most three "
            "levels."
        ) from None
    if not isinstance(content, dict):
        raise UsageError(
            f"The configuration file {path} holds {type(content).__name__}, not a table of options."
        )
    # "agent.alpha" is how the command line spells it
    return layer_of((name.split("."), value) for name, value in content.items())


def _table(pairs: list[tuple[str, Any]]) -> Document:
    """A table of a JSON file; one of two values of a name would be lost."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError(f"one of {[name for name, _ in pairs]} is there twice")
    return table
