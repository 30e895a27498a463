"""How a run is executed and shown, as the options of `run` and `resume` say."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.errors import UsageError
from sandbox.runs.loop import Settings

if TYPE_CHECKING:
    from sandbox.visual.viewer import Viewer


def settings_given(values: Mapping[str, Any]) -> Settings:
    """The settings of a run.

    Args:
        values: of the options of `run` or `resume`, by the names of their parameters. `render`
            "human" opens a window or fails; "auto" opens one when there is a screen and a
            terminal; "gif" makes none, "none" not even an animation. `stay` None keeps the window
            open on a terminal; `watch` "steps" needs a window. With `as_json` no progress is
            shown, and "auto" opens no window.

    Raises:
        UsageError: "human" without a screen, or "steps" without a window.
    """
    from sandbox.cli.progress import RunProgress

    return Settings(
        values["checkpoint_every"],
        values["max_time"],
        values["pictures"],
        values["render"] != "none",
        [] if values["as_json"] else [RunProgress()],
        _viewer_for(values["render"], values["stay"], values["watch"], values["as_json"]),
    )


def _viewer_for(render: str, stay: bool | None, watch: str, as_json: bool) -> Viewer | None:
    if watch == "steps" and render != "human":
        raise UsageError("`--watch steps` shows learning in a window: add `--render human`.")
    if render in ("gif", "none") or (render == "auto" and as_json):
        return None
    from sandbox.visual.screen import require_screen, screen_available

    if render == "human":
        require_screen()
    elif not (screen_available() and sys.stdout.isatty()):
        return None
    from sandbox.visual.viewer import Viewer

    return Viewer(on_terminal() if stay is None else stay, watch == "steps")


def on_terminal() -> bool:
    """Whether a person sits there, not a script."""
    return sys.stdin.isatty() and sys.stdout.isatty()
