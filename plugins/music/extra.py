"""What the extra `music` brings, and what is said when it is missing."""

from __future__ import annotations

import importlib.util

from sandbox.errors import UsageError

NEEDED = ("torch", "safetensors", "symusic", "pretty_midi")


def need_music() -> None:
    """Make sure that the libraries of the extra are there.

    Raises:
        UsageError: naming the line that installs them.
    """
    missing = next((name for name in NEEDED if importlib.util.find_spec(name) is None), None)
    if missing:
        raise UsageError(f'The lab music needs {missing}, which is not installed: python -m pip install "sandbox-lab[music]"')
