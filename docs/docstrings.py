"""A Griffe extension, named in mkdocs.yml, that reads our docstrings for the reference.

It translates two conventions to plain Google style: a section "Example:", and one entry for several
arguments.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

SECTION = re.compile(r"^( *)Example:$", re.MULTILINE)
SEVERAL = re.compile(r"^( +)([*\w]+(?:, [*\w]+)+):((?: .*)?(?:\n\1 +\S.*)*)", re.MULTILINE)


class HouseStyle(griffe.Extension):
    """Rewrites docstrings when they are loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for every module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = translated(obj.docstring.value)


def translated(text: str) -> str:
    """A docstring in plain Google style: the entry of several arguments is repeated for each."""

    def each(entry: re.Match[str]) -> str:
        indent, names, words = entry.groups()
        return "\n".join(f"{indent}{name}:{words}" for name in names.split(", "))

    return SECTION.sub(r"\1Examples:", SEVERAL.sub(each, text))
