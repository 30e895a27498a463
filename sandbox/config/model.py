"""Configurations: validated models whose fields are the command line's options, and choices of
registered things.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from sandbox.config.typed import alternatives, from_text
from sandbox.errors import UsageError
from sandbox.text import Document, flat

Layer = Mapping[str, Any]
"""A layer of configuration: values by the names of options, nested in groups and choices."""


class LabConfig(BaseModel):
    """Base of all configurations: unknown keys are refused, values cannot change afterwards. Each
    field is an option of the command line.

    Example:
        >>> from pydantic import Field
        >>> from sandbox import LabConfig
        >>> class WalkConfig(LabConfig):
        ...     steps: int = Field(1000, ge=1, description="how many steps")  # --steps 50
        >>> WalkConfig(steps="1e4").steps
        10000
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=False
    )

    without_effect: ClassVar[Mapping[str, str]] = {}
    """Inherited fields that change nothing here, and why: hidden from help, and another value
    than the default is refused.
    """

    left_out: ClassVar[Collection[str]] = ()
    """Fields that `dump` leaves out where they have their defaults: options that are newer than
    stored runs, whose fingerprints stay the same.
    """

    supersedes: ClassVar[Mapping[str, str]] = {}
    """Option -> the option that it replaces: a layer that sets the first drops what weaker layers
    set for the second.
    """

    original: ClassVar[type[LabConfig] | None] = None
    """Of options to which a lab gave other defaults, those with their own; see `with_defaults`."""

    @property
    def described_as(self) -> str:
        """A few words on what the options make of an agent that its name does not say; "" if
        nothing. Comparisons show them.
        """
        return ""

    @model_validator(mode="after")
    def _refuse_without_effect(self) -> Self:
        problems = [
            f"{option_name(name)} has no effect: {self.without_effect[name]}"
            for name, value in self
            if name in self.without_effect and value != type(self).model_fields[name].get_default()
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @field_validator("*", mode="before")
    @classmethod
    def _typed(cls, value: object, info: ValidationInfo) -> object:
        """Convert typed text for values that are not text; see `sandbox.config.typed`."""
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
        """Refuse a run whose libraries or files are missing, before its folder is created.

        It is cheap where nothing is missing. This method checks the nested configurations: groups
        of options, and the options of choices.

        Args:
            data: folder of data files given with `--data`, or None.
            kept: folder of the artifacts of a run that is resumed; None for a new one.

        Raises:
            UsageError: one sentence with the reason, the place, and what to type.
        """
        for _, value in self:
            inner = value.options if isinstance(value, Chosen) else value
            if isinstance(inner, LabConfig):
                inner.check_available(data, kept)


def refuse_data(data: Path | None, kept: Path | None, remedy: str) -> None:
    """Refuse a new run with a folder of data that nothing would read.

    Args:
        data, kept: see `LabConfig.check_available`.
        remedy: what to type instead.

    Raises:
        UsageError: when there is such a folder.
    """
    if data is not None and kept is None:
        raise UsageError(f"--data {data} would not be read: {remedy}.")


def with_defaults(config: type[LabConfig], defaults: Layer) -> type[LabConfig]:
    """The same options with other defaults: those of a lab.

    Args:
        config: the options of what can be chosen.
        defaults: option -> value.
    """
    fields: Document = {}
    for name, value in defaults.items():
        info = config.model_fields[name]
        kind = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        fields[name] = (kind, Field(value, description=info.description))
    changed: type[LabConfig] = create_model(config.__name__, __base__=config, **fields)
    changed.original = config
    return changed


class Chosen(BaseModel):
    """One of several things, picked by name, with its own options.

    Attributes:
        name: the name in the registry ("q-learning").
        options: the validated options, an instance of the chosen thing's `Config`.

    Example:
        >>> from sandbox import run
        >>> agent = {"name": "q-learning", "alpha": 0.5}
        >>> finished = run("maze", preset="quick", agent=agent, pictures=False)
        >>> chosen = finished.experiment.config.agent
        >>> chosen.name, chosen.options.alpha
        ('q-learning', 0.5)
    """

    model_config = ConfigDict(frozen=True)

    name: str
    options: SerializeAsAny[LabConfig]


def Choice(  # noqa: N802 - reads like a type in a class body
    kind: str, default: str, description: str = "", find: str = ""
) -> Any:
    """A field that picks one registered thing: `agent: Chosen = Choice("agent", "sarsa")`.

    On the command line `--agent NAME` picks and `--agent.OPTION` sets an option of the picked one.

    Args:
        kind: what is picked, as the registry calls it: "agent", "env", "dataset".
        default: the name picked by default.
        description: one line of help.
        find: "module:function" that finds the configuration of a name, (kind, name) -> Config, for
            names that are not in the registry.

    Example:
        >>> from sandbox import Choice, Chosen, LabConfig
        >>> class MyConfig(LabConfig):
        ...     agent: Chosen = Choice("agent", "sarsa", "agent that learns: --agent NAME")
    """
    return Field(
        default=default, description=description, json_schema_extra={"choice": kind, "find": find}
    )


def choice_kind(info: FieldInfo) -> str | None:
    """The registry's kind that this field picks from, or None when it is an ordinary field."""
    return choice_of(info).get("choice")


def choice_of(info: FieldInfo) -> Layer:
    """What `Choice` says of a field: "choice" and "find"; empty for an ordinary field."""
    extra = info.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def choice_fields(config: type[LabConfig]) -> list[str]:
    """The names of the fields that pick registered things."""
    return [name for name, info in config.model_fields.items() if choice_kind(info)]


def choices(config: type[LabConfig], plain: Layer) -> list[tuple[FieldInfo, str]]:
    """The choices in a dumped configuration: the field and the name of each."""
    picked = []
    for name in choice_fields(config):
        value = plain.get(name)
        if isinstance(value, Mapping) and isinstance(value.get("name"), str):
            picked.append((config.model_fields[name], value["name"]))
    return picked


def nested_model(info: FieldInfo) -> type[LabConfig] | None:
    """The LabConfig that a field holds, if it is a group of options."""
    annotation = info.annotation
    return (
        annotation if isinstance(annotation, type) and issubclass(annotation, LabConfig) else None
    )


def option_name(path: str) -> str:
    """A configuration path as the command line spells it: `agent.epsilon_final` ->
    `agent.epsilon-final`.
    """
    return path.replace("_", "-")


def show_value(value: object) -> str:
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


def shown_settings(config: Layer) -> dict[str, str]:
    """The values of a configuration as a person would type them, by option."""
    return {
        option_name(name.removesuffix(".name")): show_value(value)
        for name, value in flat(config).items()
    }


def nested(path: Sequence[str], value: Any) -> Document:
    """The value as a layer: nested(("agent", "alpha"), 0.1) == {"agent": {"alpha": 0.1}}."""
    for name in reversed(path):
        value = {name: value}
    return dict(value)


def dump(config: LabConfig) -> Document:
    """The configuration as plain values, choices as {"name": …, options …}; `resolve` accepts it as
    a layer. Fields in `left_out` are there only if they were set.
    """
    plain: Document = {}
    for name, value in config:
        if name in config.left_out and value == type(config).model_fields[name].default:
            continue
        if isinstance(value, Chosen):
            plain[name] = {"name": value.name, **dump(value.options)}
        elif isinstance(value, LabConfig):
            plain[name] = dump(value)
        else:
            plain[name] = config.model_dump(mode="json", include={name})[name]
    return plain
