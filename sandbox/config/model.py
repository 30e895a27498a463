"""Configurations: validated models whose fields are the command line's options.

Values come from layers, each overriding the one before: defaults < preset < file < command line. Every wrong value of all layers is
reported at once.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from sandbox.config.typed import alternatives, from_text
from sandbox.errors import ConfigError, SandboxError, UnknownNameError, UsageError, nearest
from sandbox.input_files import read_text
from sandbox.registry.registrar import canonical
from sandbox.registry.registry import registry
from sandbox.text import flat, is_text


class LabConfig(BaseModel):
    """Base of all configurations: unknown keys are refused, values cannot change afterwards. Each field is an option of the command line.

    Example:
        >>> from pydantic import Field
        >>> from sandbox import LabConfig
        >>> class WalkConfig(LabConfig):
        ...     steps: int = Field(1000, ge=1, description="how many steps")  # --steps 50, refused below 1
        >>> WalkConfig(steps="1e4").steps
        10000
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=False
    )

    without_effect: ClassVar[Mapping[str, str]] = {}
    """Inherited fields that change nothing here, and why: they stand in no help, and another value than the default is refused."""

    original: ClassVar[type[LabConfig] | None] = None
    """Of options to which a lab gave other defaults, those with their own; see `with_defaults`."""

    @model_validator(mode="after")
    def _refuse_without_effect(self) -> Self:
        told = [
            name
            for name in self.without_effect
            if getattr(self, name) != type(self).model_fields[name].get_default()
        ]
        if told:
            reasons = "; ".join(
                f"{option_name(name)} has no effect: {self.without_effect[name]}" for name in told
            )
            raise ValueError(reasons)
        return self

    @field_validator("*", mode="before")
    @classmethod
    def _typed(cls, value: Any, info: ValidationInfo) -> Any:
        """What a person types for values that are not text; see `sandbox.config.typed`."""
        if info.field_name is None or not isinstance(value, (str, bool)):
            return value
        annotation = cls.model_fields[info.field_name].annotation
        kinds = alternatives(annotation)
        if isinstance(value, bool):
            if bool not in kinds and (int in kinds or float in kinds):
                raise ValueError(f"it should be a number, not {str(value).lower()}")
            return value
        return from_text(value, annotation)

    def check_available(self, data: Path | None = None, kept: Path | None = None) -> None:
        """Refuse a run whose libraries or files are not there, before its folder is made.

        It is cheap where nothing is missing. This one asks the configurations inside it: groups of
        options, and what was chosen.

        Args:
            data: folder of data files given with `--data`, or None.
            kept: folder of what the run has made so far, when it goes on; None for a new one.

        Raises:
            UsageError: one sentence with the reason, the place, and what to type.
        """
        for name in type(self).model_fields:
            value = getattr(self, name)
            inner = value.options if isinstance(value, Chosen) else value
            if isinstance(inner, LabConfig):
                inner.check_available(data, kept)


def with_defaults(config: type[LabConfig], defaults: Mapping[str, Any]) -> type[LabConfig]:
    """The same options with other defaults: those that a lab found good.

    Args:
        config: the options of what can be chosen.
        defaults: option -> value.
    """
    fields: dict[str, Any] = {}
    for name, value in defaults.items():
        info = config.model_fields[name]
        kind = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        fields[name] = (kind, Field(value, description=info.description))
    made: type[LabConfig] = create_model(config.__name__, __base__=config, **fields)
    made.original = config
    return made


class Chosen(BaseModel):
    """One of several things, picked by name, with options of its own.

    Attributes:
        name: the name in the registry ("q-learning").
        options: the validated options, an instance of the chosen thing's `Config`.

    Example:
        >>> from sandbox import run
        >>> chosen = run("maze", preset="quick", agent={"name": "q-learning", "alpha": 0.5}, pictures=False).experiment.config.agent
        >>> chosen.name, chosen.options.alpha
        ('q-learning', 0.5)
    """

    model_config = ConfigDict(frozen=True)

    name: str
    options: SerializeAsAny[LabConfig]


def Choice(kind: str, default: str, description: str = "", find: str = "") -> Any:  # noqa: N802 - reads like a type in a class body
    """A field that picks one registered thing: `agent: Chosen = Choice("agent", "sarsa")`.

    On the command line `--agent NAME` picks and `--agent.OPTION` sets an option of the picked one.

    Args:
        kind: what is picked, as the registry calls it: "agent", "env", "dataset".
        default: the name picked when nothing is said.
        description: one line of help.
        find: "module:function" that finds the configuration of a name, (kind, name) -> Config, where the names are not the registry's.

    Example:
        >>> from sandbox import Choice, Chosen, LabConfig
        >>> class MyConfig(LabConfig):
        ...     agent: Chosen = Choice("agent", "sarsa", "who learns: --agent NAME, --agent.alpha 0.1")
    """
    return Field(
        default=default, description=description, json_schema_extra={"choice": kind, "find": find}
    )


def choice_kind(info: FieldInfo) -> str | None:
    """The registry's kind that this field picks from, or None when it is an ordinary field."""
    extra = info.json_schema_extra
    kind = extra.get("choice") if isinstance(extra, dict) else None
    return kind if isinstance(kind, str) else None


def choice_fields(config: type[LabConfig]) -> list[str]:
    """The names of the fields that pick registered things."""
    return [name for name, info in config.model_fields.items() if choice_kind(info)]


def choices(config: type[LabConfig], plain: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a dumped configuration picks: (kind, name) of each choice."""
    picked = []
    for name, info in config.model_fields.items():
        kind, value = choice_kind(info), plain.get(name)
        if kind and isinstance(value, Mapping) and isinstance(value.get("name"), str):
            picked.append((kind, value["name"]))
    return picked


def finder_of(info: FieldInfo, find: Finder) -> Finder:
    """What looks up the names of a choice: its own finder, where it brought one."""
    extra = info.json_schema_extra
    own = extra.get("find") if isinstance(extra, dict) else None
    if not isinstance(own, str) or not own:
        return find
    module, _, attribute = own.partition(":")
    finder: Finder = getattr(importlib.import_module(module), attribute)
    return finder


Finder = Callable[[str, str], type[LabConfig]]
"""(kind, name) -> the Config of what is registered under that name; raises UnknownNameError."""


def registered_config(kind: str, name: str) -> type[LabConfig]:
    """The `Config` of the registered `kind` called `name`."""
    config: type[LabConfig] = registry().load(kind, name).Config
    return config


def resolve(
    config: type[LabConfig],
    layers: Sequence[Mapping[str, Any]],
    title: str,
    find: Finder = registered_config,
    prefix: str = "",
) -> Any:
    """One validated configuration from several layers.

    A choice is a name, or a dictionary of options, with or without `name`. The strongest layer that
    names something picks it. Options beside a name count only if that is what is picked; options
    without a name count for whatever is picked, if it has them. `name` may be a list: the first is
    picked, and the options count for each of them.

    Args:
        config: the model.
        layers: nested dictionaries, from the weakest to the strongest.
        title: named in the error.
        find: looks up the configuration of a choice.
        prefix: stands before the names of options in the error ("env.").

    Returns:
        An instance of `config`.

    Raises:
        ConfigError: naming every wrong value.
    """
    problems: list[str] = []
    plain = _laid_over(config, layers, prefix, problems, find)
    strange = [name for name, value in flat(plain).items() if not is_text(value)]
    if strange:
        raise ConfigError(
            title, [f"{prefix}{name}: it should be text in UTF-8" for name in strange]
        )
    instance = _validated(config, plain, prefix, problems, find)
    if not problems:  # pydantic validates no default
        problems += [
            f"{prefix}{name}: its default is no number ({value})"
            for name, value in flat(dump(instance)).items()
            if _is_nan(value)
        ]
    if problems:
        raise ConfigError(title, problems)
    return instance


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def laid_over(config: type[LabConfig], layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the layers set, as one, and the name of every choice; values are not validated.

    A choice that is wrong, such as an unknown name, is left out. See `resolve`.
    """
    return _laid_over(config, layers, "", [], registered_config)


def in_force(config: type[LabConfig], layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The values that hold with these layers, plain; only what they set where that is not valid."""
    try:
        return dump(resolve(config, layers, ""))
    except SandboxError:
        return laid_over(config, layers)


def _laid_over(
    config: type[LabConfig],
    layers: Sequence[Mapping[str, Any]],
    prefix: str,
    problems: list[str],
    find: Finder,
) -> dict[str, Any]:
    """The layers as one; a choice is {"name": …, options …}, and missing where it is wrong."""
    plain: dict[str, Any] = {}
    choices: dict[str, list[Any]] = {name: [] for name in choice_fields(config)}
    for layer in layers:
        layer = _with_underscores(layer, config)
        for name in choices.keys() & layer.keys():
            choices[name].append(layer.pop(name))
        plain = merge(plain, layer)
    for name, values in choices.items():
        info, path = config.model_fields[name], f"{prefix}{name}"
        try:
            told = [name_and_options(value, path) for value in values]
            picked, model, options = _picked(info, told, finder_of(info, find))
        except (UnknownNameError, ConfigError) as error:
            problems.extend(error.problems if isinstance(error, ConfigError) else [str(error)])
            continue
        plain[name] = {"name": picked, **_laid_over(model, options, f"{path}.", problems, find)}
    return plain


def _validated(
    config: type[LabConfig],
    plain: Mapping[str, Any],
    prefix: str,
    problems: list[str],
    find: Finder,
) -> Any:
    values = dict(plain)
    for name in [name for name in choice_fields(config) if name in plain]:
        options, info = dict(values.pop(name)), config.model_fields[name]
        picked = options.pop("name")
        model = finder_of(info, find)(choice_kind(info) or "", picked)
        instance = _validated(model, options, f"{prefix}{name}.", problems, find)
        if instance is not None:
            values[name] = Chosen(name=picked, options=instance)
    try:
        return config.model_validate(values)
    except ValidationError as error:
        problems.extend(
            _problem(config, detail, prefix)
            for detail in error.errors()
            if not _is_choice(config, detail)
        )
        return None


def choice_kind_of(config: type[LabConfig], name: str) -> str | None:
    """Like `choice_kind`, for the field called `name` (None when there is no such field)."""
    info = config.model_fields.get(name)
    return choice_kind(info) if info else None


def _is_choice(config: type[LabConfig], detail: Any) -> bool:
    return bool(detail["loc"]) and choice_kind_of(config, str(detail["loc"][0])) is not None


def name_and_options(value: Any, path: str) -> tuple[list[str], dict[str, Any]]:
    """What one layer says of a choice: the names that it gives, and options.

    Raises:
        ConfigError: when it is neither a name nor a table.
    """
    table = {"name": value} if isinstance(value, str) else value
    names = table.get("name", []) if isinstance(table, Mapping) else None
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        wrong = f"{option_name(path)} = {show_value(value)}: it should be a name"
        raise ConfigError(path, [f"{wrong}, or a table with `name` and options"])
    options = {key.replace("-", "_"): part for key, part in table.items() if key != "name"}
    return [canonical(name) for name in names], options


def _picked(
    info: FieldInfo,
    layers: Sequence[tuple[Sequence[str], dict[str, Any]]],
    find: Finder,
) -> tuple[str, type[LabConfig], list[dict[str, Any]]]:
    """The picked name, its configuration, and the options that count for it; see `resolve`.

    Args:
        info: the choice.
        layers: names and options, weakest first.
        find: looks up a name.
    """
    kind, named = choice_kind(info) or "", str(info.default)
    picked = next((names[0] for names, _ in reversed(layers) if names), named)
    model, counting = find(kind, picked), list[dict[str, Any]]()
    for names, options in layers:
        named = names[0] if names else named  # the choice as this layer sees it
        if picked in names or (not names and picked == named):
            counting.append(options)
        elif not names and options:
            there = find(kind, named)
            counting.append({key: options[key] for key in options if _counts(key, model, there)})
    return picked, model, counting


def _counts(option: str, model: type[LabConfig], there: type[LabConfig]) -> bool:
    """Whether an option without a name counts for `model`, though it was given for `there`.

    It does if both inherit it from one class: the `policy` of one table is that of another, but not
    that of a network. It does too if `there` has no such option, so that one which neither has is
    refused.
    """
    own, other = _declaring(model, option), _declaring(there, option)
    if own is None:
        return other is None
    return option not in model.without_effect and other in (None, own)


def _declaring(config: type[LabConfig], option: str) -> type | None:
    """Of a class and its bases, from the root on, the first that has an option."""
    for base in reversed(config.__mro__):
        if option in base.__dict__.get("__annotations__", {}):
            return base
    return None


def _with_underscores(layer: Mapping[str, Any], config: type[LabConfig]) -> dict[str, Any]:
    """The layer with `_` for `-` in the names of options, here and in groups of options."""
    plain = {key.replace("-", "_"): value for key, value in layer.items()}
    for name, value in plain.items():
        inner = nested_model(config.model_fields[name]) if name in config.model_fields else None
        if inner and isinstance(value, Mapping):
            plain[name] = _with_underscores(value, inner)
    return plain


def merge(weak: Mapping[str, Any], strong: Mapping[str, Any]) -> dict[str, Any]:
    """Both dictionaries as one, nested ones merged key by key; where both have a value, the strong one's."""
    merged = dict(weak)
    for key, value in strong.items():
        below = merged.get(key)
        merged[key] = (
            merge(below, value)
            if isinstance(below, Mapping) and isinstance(value, Mapping)
            else value
        )
    return merged


RUN_OPTIONS = (
    "seed",
    "seeds",
    "preset",
    "store",
    "render",
    "max_time",
    "track",
    "threads",
    "device",
    "data",
)
"""Options of `run` that say how a run is carried out; they cannot stand in a configuration file."""


def _problem(config: type[LabConfig], detail: Any, prefix: str) -> str:
    """One validation error as a sentence: option, value, what is allowed, default."""
    location = [str(part) for part in detail["loc"]]
    if location and location[-1].isdigit():  # a part of a pair: the pair is what is wrong
        location = location[:-1]
    option = option_name(prefix + ".".join(location)) if location else ""
    if detail["type"] == "extra_forbidden":
        owner, _ = _owner(config, location)
        close = nearest(location[-1], owner.model_fields) if owner else None
        inside = prefix + "".join(f"{part}." for part in location[:-1])
        if not prefix and location[0] in RUN_OPTIONS:
            return f"'{location[0]}' is no setting of the lab; give it on the command line: --{location[0].replace('_', '-')}."
        return f"there is no option '{option}'." + (
            f" Did you mean '{option_name(inside + close)}'?" if close else ""
        )
    message = detail["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "it should be").split(", unable to parse")[0]
    if not option:
        return message
    owner, info = _owner(config, location)
    default = (
        ""
        if info is None or info.is_required() or nested_model(info)
        else f" (default: {show_value(info.default)})"
    )
    any_length = info is not None and Ellipsis in get_args(info.annotation)
    if detail["loc"] and str(detail["loc"][-1]).isdigit() and not any_length:
        parts = (
            len(
                get_args(
                    info.annotation
                    if get_origin(info.annotation) is tuple
                    else get_args(info.annotation)[0]
                )
            )
            if info
            else 0
        )
        return (
            f"{option}: it should be {parts} whole numbers with a comma between, like 0,3{default}"
        )
    if detail["type"] == "value_error":
        return f"{option}: {message}"
    return f"{option} = {show_value(detail['input'])}: {message}{default}"


def _owner(
    config: type[LabConfig], location: list[str]
) -> tuple[type[LabConfig] | None, FieldInfo | None]:
    """The model and the field that an error's location leads to."""
    model: type[LabConfig] | None = config
    info: FieldInfo | None = None
    for part in location:
        owner = model
        info = model.model_fields.get(part) if model else None
        if model is None or info is None:
            return owner, None
        inner = nested_model(info)
        if inner is None:
            return owner, info
        model = inner
    return model, info


def nested_model(info: FieldInfo) -> type[LabConfig] | None:
    """The LabConfig that a field holds, if it is a group of options."""
    annotation = info.annotation
    return (
        annotation if isinstance(annotation, type) and issubclass(annotation, LabConfig) else None
    )


def option_name(path: str) -> str:
    """A configuration path as the command line spells it: `agent.epsilon_final` -> `agent.epsilon-final`."""
    return path.replace("_", "-")


def show_value(value: Any) -> str:
    """A value as a person would type it."""
    if isinstance(value, str):
        return (
            repr(value) if not value or len(value) > 40 or " " in value or "\n" in value else value
        )
    if isinstance(value, (tuple, list)):
        return ",".join(show_value(part) for part in value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return f"{value}"


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The value as a layer: nested(("agent", "alpha"), 0.1) == {"agent": {"alpha": 0.1}}."""
    for name in reversed(path):
        value = {name: value}
    return dict(value)


def dump(config: LabConfig) -> dict[str, Any]:
    """The configuration as plain values, choices as {"name": …, options …}: what `resolve` takes as a layer."""
    plain: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, Chosen):
            plain[name] = {"name": value.name, **dump(value.options)}
        elif isinstance(value, LabConfig):
            plain[name] = dump(value)
        else:
            plain[name] = config.model_dump(mode="json", include={name})[name]
    return plain


def read_file(path: Path) -> dict[str, Any]:
    """A configuration file: TOML or JSON, by its ending.

    Raises:
        UsageError: when it cannot be read or is not a table at the top.
    """
    import tomllib

    try:
        if path.suffix not in (".toml", ".json"):
            raise UsageError(
                f"The configuration file {path} ends in '{path.suffix}'; settings come from .toml or .json files."
            )
        text = read_text(path)
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise UsageError(f"Cannot read the configuration file {path}: {error.strerror}.") from error
    except (ValueError, UnicodeDecodeError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise UsageError(f"The configuration file {path} is not {kind}: {error}.") from error
    except RecursionError:
        raise UsageError(
            f"The configuration file {path} nests its values too deep; options have at most three levels."
        ) from None
    if not isinstance(content, dict):
        raise UsageError(
            f"The configuration file {path} holds {type(content).__name__}, not a table of options."
        )
    layer: dict[str, Any] = {}
    for name, value in content.items():  # "agent.alpha" is how the command line spells it
        layer = merge(layer, nested(tuple(name.split(".")), value))
    return layer
