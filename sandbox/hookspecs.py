"""Every hook of the sandbox: when it is called, with what, and what it may return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from sandbox.registry import Registrar

PROJECT = "sandbox"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def sandbox_register(registry: Registrar) -> None:
    """Say what this plugin brings. Called once, the first time that something of the plugin could be needed.

    Only names and strings belong here: what stands behind a name is imported when it is used.

    Args:
        registry: has `lab`, `agent`, `env`, `dataset`, `observer` and `command`, each called as
            `registry.lab("maze", "plugins.maze.lab:MazeLab", summary="Find the way through a maze")`.

    Returns:
        Nothing; what is returned is ignored.
    """
