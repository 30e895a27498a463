"""Tables in TOML or JSON files beside the code that reads them.

Those that are read at every start are JSON, which is read faster.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Table = dict[str, Any]
"""Values by name, or rows of settings by name."""


def read_table(beside: str, name: str) -> Table:
    """A table from a file beside a module.

    Args:
        beside: the module's `__file__`.
        name: the name of the file, NAME.toml or NAME.json.
    """
    text = Path(beside).with_name(name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        table: Table = json.loads(text)
        return table
    import tomllib

    return tomllib.loads(text)


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
