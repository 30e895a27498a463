"""Validation errors of pydantic as sentences: option, value, what is allowed, default."""

from __future__ import annotations

from typing import get_args

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sandbox.config.model import LabConfig, nested_model, option_name, show_value
from sandbox.config.typed import alternatives
from sandbox.errors import did_you_mean

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
"""Options of `run` itself; a configuration file cannot set them."""


def sentence(config: type[LabConfig], detail: ErrorDetails, prefix: str) -> str:
    """One validation error as a sentence: option, value, what is allowed, default."""
    location = [str(part) for part in detail["loc"]]
    is_element = bool(location) and location[-1].isdigit()
    if is_element:  # of a pair: report the pair
        location = location[:-1]
    option = option_name(prefix + ".".join(location)) if location else ""
    if detail["type"] == "extra_forbidden":
        if not prefix and location[0] in RUN_OPTIONS:
            return (
                f"'{location[0]}' is no setting of the lab; give it on the command line: "
                f"--{option_name(location[0])}."
            )
        known = map(option_name, _owner(config, location)[0].model_fields)
        inside = option[: len(option) - len(location[-1])]
        return f"there is no option '{option}'.{did_you_mean(location[-1], known, inside)}"
    message = detail["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "it should be").split(", unable to parse")[0]
    if not option:
        return message
    if detail["type"] == "missing" and not is_element:
        return f"{option}: it has no default; give it a value"
    _, info = _owner(config, location)
    default = (
        ""
        if info is None or info.is_required() or nested_model(info)
        else f" (default: {show_value(info.default)})"
    )
    parts = get_args(alternatives(info.annotation)[0]) if info else ()
    if is_element and Ellipsis not in parts:
        kind = "whole numbers" if set(parts) == {int} else "values"
        like = ",".join(map(str, range(len(parts))))
        return (
            f"{option}: it should be {len(parts)} {kind} with a comma between, like {like}{default}"
        )
    if detail["type"] == "value_error":
        return f"{option}: {message}"
    return f"{option} = {show_value(detail['input'])}: {message}{default}"


def _owner(model: type[LabConfig], location: list[str]) -> tuple[type[LabConfig], FieldInfo | None]:
    """The model and the field at an error's location."""
    info: FieldInfo | None = None
    for part in location:
        info = model.model_fields.get(part)
        inner = info and nested_model(info)
        if inner is None:
            break
        model = inner
    return model, info
