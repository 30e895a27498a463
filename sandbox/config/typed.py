"""Converts text from the command line to the type of a field.

Text that cannot be converted is returned unchanged, and validation then refuses it.
"""

from __future__ import annotations

import math
import re
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

SEQUENCES = (tuple, list)
WHOLE = re.compile(r"[+-]?\d+(\.0*)?[eE]\+?\d+")
"""A whole number as 1e6."""
FLAGS = {"true": True, "false": False}


def alternatives(annotation: object) -> tuple[Any, ...]:
    """The types that a field takes: the parts of a union, else its one type."""
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(kind for part in get_args(annotation) for kind in alternatives(part))
    return (annotation,)


def from_text(text: str, annotation: object) -> object:
    """The value that `text` means.

    If the field allows several types, the most specific one that fits is used, in this order: a
    choice, none, true or false, an integer, a number, comma-separated values, and text last.

    Args:
        text: as typed.
        annotation: the field's type: Literal[1, 2], int | str | None, tuple[float, ...].
    """
    kinds = alternatives(annotation)
    for kind in kinds:
        if get_origin(kind) is Literal:
            for choice in get_args(kind):
                if text == (str(choice).lower() if isinstance(choice, bool) else str(choice)):
                    return choice
    if NoneType in kinds and text.lower() == "none":
        return None
    if bool in kinds and len(kinds) > 1 and text.lower() in FLAGS:
        return FLAGS[text.lower()]
    number = _number(text, kinds)
    if number is not None:
        return number
    for kind in kinds:
        if get_origin(kind) in SEQUENCES:
            parts = _parts(text, kind)
            if str not in kinds or ("," in text and _is(kind, parts)):
                return parts
    return text


def _number(text: str, kinds: tuple[Any, ...]) -> int | float | None:
    """The text as a number, for types that hold numbers; None where it is not one."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    if int in kinds and text.lstrip("+-").isdigit():
        return int(text)
    if int in kinds and float not in kinds and WHOLE.fullmatch(text):
        return int(number)
    return number if float in kinds and len(kinds) > 1 else None


def _is(kind: Any, value: object) -> bool:
    """Whether a value is valid for a type."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def _parts(text: str, kind: object) -> list[object]:
    """The parts of a tuple or list: `3,4`, `(3, 4)`."""
    words = [part.strip() for part in text.strip("()[] ").split(",")]
    types = [one for one in get_args(kind) if one is not Ellipsis]
    return [from_text(word, types[min(place, len(types) - 1)]) for place, word in enumerate(words)]
