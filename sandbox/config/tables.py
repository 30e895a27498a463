"""Tables of settings in TOML files beside a lab's code: presets, and defaults of agents."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

Table = dict[str, dict[str, Any]]
"""Rows of settings by name."""


def read_table(beside: str, name: str) -> Table:
    """A table of settings from a TOML file beside a module.

    Args:
        beside: the module's `__file__`.
        name: the name of the TOML file.
    """
    return tomllib.loads(Path(beside).with_name(name).read_text(encoding="utf-8"))


def read_presets(beside: str) -> Table:
    """The presets in `presets.toml` beside a module, by name.

    A preset with `like` has the settings of the named earlier one, and changes some.

    Args:
        beside: the module's `__file__`.
    """
    presets: Table = {}
    for name, row in read_table(beside, "presets.toml").items():
        base = presets[row.pop("like")] if "like" in row else {}
        presets[name] = base | row
    return presets
