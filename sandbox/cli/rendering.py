"""Whether a run is shown in a window."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.visual.viewer import Viewer


def viewer_for(render: str, as_json: bool) -> Viewer | None:
    """The viewer that `--render` asks for, or None.

    Args:
        render: "human" opens a window or fails; "auto" opens one when there is a screen and a
            terminal; "gif" and "none" do not.
        as_json: whether only JSON is wanted; "auto" opens no window then.

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
