"""What is wrong with a function that numba cannot compile: file, line, its text, and why."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PLACES = (
    re.compile(r"\b(at|from) (?P<file>\S.*?) \((?P<line>\d+)\)"),
    re.compile(r'File "(?P<file>.+?)", line (?P<line>\d+)'),
)
"""Patterns of the source locations in numba's messages, innermost call first."""
PREAMBLE = "Failed in nopython mode pipeline"
INTERNAL = re.compile(r"^- | for '\$[^']*'.*$|\.? Raised from .*$")
"""Parts of numba's messages about its internals, which are removed."""


def explained(error: Exception, function: Callable[..., Any]) -> str:
    """What is wrong, as one line.

    Args:
        error: what numba raised.
        function: the function to compile; functions of the same file that it calls are compiled
            with it.
    """
    text = COLOURS.sub("", str(error))
    file, line = function.__code__.co_filename, _line(text, error, function)
    where = f"{file}, line {line}: `{linecache.getline(file, line).strip()}`"
    return f"'{function.__name__}' cannot be compiled: {where}. {_reason(text)}"


def _line(text: str, error: Exception, function: Callable[..., Any]) -> int:
    """The innermost line of the function's file that numba names, else the function's first."""
    code = function.__code__
    own = Path(code.co_filename).resolve()
    for pattern in PLACES:
        for match in pattern.finditer(text):
            if Path(match["file"]).resolve() == own:
                return int(match["line"])
    loc = getattr(error, "loc", None)
    return int(loc.line) if loc is not None else code.co_firstlineno


def _reason(text: str) -> str:
    """The first line that states the error; if that line introduces a signature, the signature
    too."""
    lines = [line.strip() for line in text.splitlines() if not line.startswith(PREAMBLE)]
    lines = [line for line in lines if line]
    reason = lines[0] if lines else ""
    if reason.endswith(":") and len(lines) > 1:
        reason = f"{reason} {lines[1].removeprefix('>>>').strip()}"
    reason = INTERNAL.sub("", reason).strip()
    return reason if reason.endswith(".") else f"{reason}."
