"""Options of the command line, derived from the fields of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from sandbox.config.model import LabConfig, choice_kind, nested_model, option_name
from sandbox.config.resolve import config_of_choice
from sandbox.config.typed import alternatives
from sandbox.text import number

SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
"""Limits of a number, as annotated-types calls them."""
LOW, HIGH = (">", ">="), ("<", "<=")


class Option(NamedTuple):
    """One option of the command line.

    Attributes:
        path: where its value is in the configuration: ("agent", "alpha").
        help: one line.
        default: the value when it is not given.
        metavar: what may be given: "FLOAT 0<x<=1", "softmax|epsilon-greedy".
        flag: whether it is a switch: its name alone turns it on, its `no-` form turns it off.
        choice: whether it picks a registered thing by name.
    """

    path: tuple[str, ...]
    help: str
    default: object
    metavar: str
    flag: bool = False
    choice: bool = False

    @property
    def name(self) -> str:
        """As the command line spells it, without dashes before: "agent.epsilon-final"."""
        return option_name(".".join(self.path))

    @property
    def setting(self) -> tuple[str, ...]:
        """Where its value is in a layer; of a choice, that is its name."""
        return (*self.path, "name") if self.choice else self.path


def options(
    config: type[LabConfig],
    chosen: Mapping[str, str] | None = None,
    path: tuple[str, ...] = (),
) -> Iterator[Option]:
    """All options of a configuration, in the order of its fields.

    Args:
        config: the model.
        chosen: for choices, the name picked (else its default): {"agent": "q-learning"}.
        path: where `config` is in the enclosing configuration.
    """
    for name, info in config.model_fields.items():
        if name in config.without_effect:
            continue
        here = (*path, name)
        kind, inner = choice_kind(info), nested_model(info)
        if kind:
            picked = (chosen or {}).get(name, info.default)
            yield Option(here, info.description or f"which {kind}", picked, "NAME", choice=True)
            yield from options(config_of_choice(info, picked), chosen, here)
        elif inner:
            yield from options(inner, chosen, here)
        else:
            yield Option(
                here,
                info.description or "",
                info.get_default(call_default_factory=True),
                _metavar(info),
                info.annotation is bool,
            )


def _metavar(info: FieldInfo) -> str:
    words = [_word(kind) for kind in alternatives(info.annotation) if kind is not NoneType]
    if {"INTEGER", "NUMBER"} <= set(words):
        words.remove("INTEGER")
    return " ".join(["|".join(dict.fromkeys(words)), _limits(info)]).strip()


def _word(kind: Any) -> str:
    """The metavar for one type."""
    parts = get_args(kind)
    if get_origin(kind) is Literal:
        return "|".join(str(value) for value in parts)
    if get_origin(kind) in (tuple, list):
        one = "TEXT" if alternatives(parts[0]) == (str,) else "N"
        any_length = Ellipsis in parts or get_origin(kind) is list
        return f"{one},…" if any_length else ",".join([one] * len(parts))
    return {bool: "true|false", int: "INTEGER", float: "NUMBER", str: "TEXT"}.get(kind, "VALUE")


def _limits(info: FieldInfo) -> str:
    """The limits of a number: `0<x<=1`, or one of them alone: `>=1`."""
    bounds = {
        sign: _bound(value)
        for mark in info.metadata
        for key, sign in SIGNS.items()
        if (value := getattr(mark, key, None)) is not None
    }
    low, high = (next((sign for sign in signs if sign in bounds), "") for signs in (LOW, HIGH))
    if low and high:
        return f"{bounds[low]}{low.replace('>', '<')}x{high}{bounds[high]}"
    return next((f"{sign}{bound}" for sign, bound in bounds.items()), "")


def _bound(value: float) -> str:
    return number(int(value) if float(value).is_integer() else value)
