"""Whether the learning loops are already compiled, so that the first run can explain why it takes
longer. Does not import numba."""

from __future__ import annotations

import os
from pathlib import Path


def compiled_before() -> bool:
    """Whether numba's cache holds any version of the learning loop: in NUMBA_CACHE_DIR, beside the
    source, or in the user's cache folder."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    user = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "numba"
    places = [Path(named)] if named else [Path(__file__).parent / "__pycache__", user]
    return any(
        next(place.rglob("kernels.learn-*.nbi"), None) is not None
        for place in places
        if place.is_dir()
    )
