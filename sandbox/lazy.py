"""What the class of a lab names as text, and imports when it is used: `--help` stays fast."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any


def deferred(target: str) -> Callable[..., Any]:
    """A method that hands its arguments to a function, imported at the call.

    Args:
        target: "module:function".
    """

    def method(_self: Any, *arguments: Any, **options: Any) -> Any:
        return pkgutil.resolve_name(target)(*arguments, **options)

    return method


def read_when_used(target: str) -> Any:
    """An attribute whose value is imported when it is read.

    Args:
        target: "module:name".
    """
    return property(lambda _self: pkgutil.resolve_name(target))
