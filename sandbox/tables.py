"""Tables in TOML files beside the code that reads them. Cheap to import: the registry does."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


def read_table(beside: str, name: str) -> dict[str, dict[str, Any]]:
    """A table from a TOML file beside a module.

    Args:
        beside: the module's `__file__`.
        name: the name of the TOML file.
    """
    return tomllib.loads(Path(beside).with_name(name).read_text(encoding="utf-8"))
