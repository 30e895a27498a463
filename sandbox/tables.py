"""Tables in TOML or JSON files beside the code that reads them.

Those that are read at every start are JSON, which is read faster.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_table(beside: str, name: str) -> dict[str, dict[str, Any]]:
    """A table from a file beside a module.

    Args:
        beside: the module's `__file__`.
        name: the name of the file, NAME.toml or NAME.json.
    """
    text = Path(beside).with_name(name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        table: dict[str, dict[str, Any]] = json.loads(text)
        return table
    import tomllib

    return tomllib.loads(text)
