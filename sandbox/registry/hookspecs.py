"""The hooks of the sandbox: when they are called, with which arguments, what they return."""

from __future__ import annotations

from typing import Any

import pluggy

from sandbox.registry.registrar import Registrar

PROJECT = "sandbox"
hookspec = pluggy.HookspecMarker(PROJECT)
_mark = pluggy.HookimplMarker(PROJECT)


def hookimpl(function: Any = None, **options: Any) -> Any:
    """Mark a function as a plugin's hook: `sandbox_register(registry)` in a module registers what
    that module provides.

    Args:
        function: the function, when used as `@hookimpl`.
        **options: options of pluggy's marker, when used as `@hookimpl(tryfirst=True)`.

    Raises:
        TypeError: for an option that pluggy does not know.

    Example:
        >>> from sandbox import hookimpl
        >>> @hookimpl
        ... def sandbox_register(registry):
        ...     registry.lab("walk", "mylab:WalkLab", summary="How far does a random walk come?")
    """
    return _mark(function, **options)


@hookspec
def sandbox_register(registry: Registrar) -> None:
    """Register what this plugin provides. Called once, the first time that something of the plugin
    could be needed.

    Only names and strings belong here: a target is imported when it is used.

    Args:
        registry: has `lab`, `agent`, `env`, `dataset`, `observer` and `command`, each called as
            `registry.lab("maze", "plugins.maze.lab:MazeLab", summary="Find the way through a
            maze")`.

    Returns:
        Nothing; what is returned is ignored.
    """
