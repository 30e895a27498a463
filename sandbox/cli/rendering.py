"""How a run is executed and shown, as the options of `run` and `resume` say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sandbox.errors import UsageError
from sandbox.runs.loop import Settings

if TYPE_CHECKING:
    from sandbox.visual.viewer import Viewer


def settings_given(
    checkpoint_seconds: float,
    max_time: float | None,
    pictures: bool,
    render: str,
    stay: bool | None,
    watch: str,
    as_json: bool,
) -> Settings:
    """The settings of a run.

    Args:
        checkpoint_seconds, max_time, pictures: as in `Settings`.
        render: "human" opens a window or fails; "auto" opens one when there is a screen and a
            terminal; "gif" makes none, "none" not even an animation.
        stay: whether the window stays open at the end; None: on a terminal.
        watch: "episodes", or "steps" of learning, which need a window.
        as_json: whether only JSON is wanted: no progress is shown, and "auto" opens no window.

    Raises:
        UsageError: "human" without a screen, or "steps" without a window.
    """
    from sandbox.cli.progress import RunProgress

    return Settings(
        checkpoint_seconds,
        max_time,
        pictures,
        render != "none",
        [] if as_json else [RunProgress()],
        _viewer_for(render, stay, watch, as_json),
    )


def _viewer_for(render: str, stay: bool | None, watch: str, as_json: bool) -> Viewer | None:
    if watch == "steps" and render != "human":
        raise UsageError("`--watch steps` shows learning in a window: add `--render human`.")
    if render in ("gif", "none") or (render == "auto" and as_json):
        return None
    from sandbox.visual.window import require_screen, screen_available

    if render == "human":
        require_screen()
    elif not (screen_available() and sys.stdout.isatty()):
        return None
    from sandbox.visual.viewer import Viewer

    return Viewer(on_terminal() if stay is None else stay, watch == "steps")


def on_terminal() -> bool:
    """Whether a person sits there, not a script."""
    return sys.stdin.isatty() and sys.stdout.isatty()
