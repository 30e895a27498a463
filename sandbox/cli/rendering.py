"""Where pictures that move go: a window, or a file."""

from __future__ import annotations

import sys
from typing import Any


def viewer_for(render: str, as_json: bool) -> Any:
    """The viewer that `--render` asks for, or None.

    Args:
        render: "human" opens a window or fails; "auto" opens one when there is a screen and a terminal; "gif" and "none" do not.
        as_json: nobody watches then, so "auto" opens none.

    Raises:
        UsageError: "human" without a screen.
    """
    if render in ("gif", "none") or (render == "auto" and as_json):
        return None
    from sandbox.visual.viewer import Viewer
    from sandbox.visual.window import require_screen, screen_available

    if render == "human":
        require_screen()
        return Viewer()
    return Viewer() if screen_available() and sys.stdout.isatty() else None
