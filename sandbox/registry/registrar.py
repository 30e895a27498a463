"""The argument of a plugin's `sandbox_register`, and descriptions of plugins and their entries."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any

from sandbox.errors import PluginError
from sandbox.text import printable

KINDS = ("lab", "agent", "env", "dataset", "observer", "command")


@dataclass(frozen=True)
class Entry:
    """One thing that a plugin registers.

    Attributes:
        kind: one of `KINDS`.
        name: as given on the command line, in kebab-case.
        target: "module:attribute".
        summary: one line.
        plugin: the plugin that registers it.
        aliases: other names for it (an environment's Gymnasium id).
        always: for observers: whether it watches every run without being requested.
        agents: for labs: whether it has agents to be compared; None if the plugin does not declare
            it.
    """

    kind: str
    name: str
    target: str
    summary: str
    plugin: str
    aliases: tuple[str, ...] = ()
    always: bool = False
    agents: bool | None = None


@dataclass
class Plugin:
    """A plugin that was discovered.

    Attributes:
        name: the name of the entry point, the built-in, or the file.
        source: "built in", "NAME VERSION" of a distribution, or a file's path.
        version: the version of the distribution it came with, or "".
        seconds: how long its import and registration took.
        error: why it cannot be used, or "".
        trace: the traceback of that error, or "".
        entries: what it registers.
        digest: SHA-256 of the file at its import; "" for a plugin that is no file.
    """

    name: str
    source: str
    version: str = ""
    seconds: float = 0.0
    error: str = ""
    trace: str = ""
    entries: list[Entry] = field(default_factory=list)
    digest: str = ""


NAME = re.compile(r"\w[\w.+-]{0,99}(?<![.])")
"""A name of a plugin's: it becomes part of a path, of an option, and of a line on the screen."""


class Registrar:
    """The argument of `sandbox_register`: registers the labs, agents and so on of a plugin."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def lab(self, name: str, target: str, *, summary: str = "", agents: bool | None = None) -> None:
        """Register a lab.

        Args:
            name: for `run NAME`.
            target: "module:attribute", a `sandbox.Lab` class or a function without arguments that
                returns a lab.
            summary: one line for listings and help.
            agents: whether its configuration picks an agent, so that `compare` lists the lab; None
                loads the lab to find out.
        """
        self._add("lab", name, target, summary, agents=agents)

    def agent(self, name: str, target: str, *, summary: str = "") -> None:
        """Register an agent.

        Args:
            name: for `--agent NAME`.
            target: "module:attribute", the agent's class; its `Config` holds its options.
            summary: one line for listings and help.
        """
        self._add("agent", name, target, summary)

    def env(self, name: str, target: str, *, summary: str = "", id: str = "") -> None:  # noqa: A002
        """Register an environment.

        Args:
            name: for `solve NAME` and `play NAME`.
            target: "module:attribute", the environment's class; its `Config` holds its options.
            summary: one line for listings and help.
            id: its Gymnasium id, another name for it.
        """
        self._add("env", name, target, summary, aliases=(id,) if id else ())

    def dataset(self, name: str, target: str, *, summary: str = "") -> None:
        """Register a dataset.

        Args:
            name: for `--dataset NAME`.
            target: "module:attribute", a function or class that returns the data. If labs pick it
                by `sandbox.Choice`, its `Config` holds its options, as an agent's does.
            summary: one line: what it is and where it comes from.
        """
        self._add("dataset", name, target, summary)

    def observer(self, name: str, target: str, *, summary: str = "", always: bool = False) -> None:
        """Register an observer.

        Args:
            name: for `--track NAME` and `--track NAME=ARGUMENT`.
            target: "module:attribute", the observer's class.
            summary: one line for listings and help.
            always: whether it watches every run without being asked for.
        """
        self._add("observer", name, target, summary, always=always)

    def command(self, name: str, target: str, *, summary: str = "") -> None:
        """Register a command of the command line.

        Args:
            name: for `python -m sandbox NAME`.
            target: "module:attribute", a `click.Command`.
            summary: one line for the list of commands.
        """
        self._add("command", name, target, summary)

    def _add(self, kind: str, name: str, target: str, summary: str, **more: Any) -> None:
        if not NAME.fullmatch(name) or PureWindowsPath(name).is_reserved():
            raise PluginError(
                f"Plugin '{self._plugin.name}' registers a {kind} named '{printable(name)}': a "
                "name begins with a letter or a digit, holds letters, digits, '-', '_', '.' and "
                "'+', at most 100, and is a folder's name on every system."
            )
        if str(target).count(":") != 1:  # a class has none
            raise PluginError(
                f"Plugin '{self._plugin.name}' registers {kind} '{name}' as '{target}'; expected "
                "'package.module:attribute'."
            )
        self._plugin.entries.append(
            Entry(kind, canonical(name), target, summary, self._plugin.name, **more)
        )


def canonical(name: str) -> str:
    """The canonical spelling of a name: `_` becomes `-`, except in a module before a colon."""
    module, colon, own = name.rpartition(":")
    return module + colon + own.replace("_", "-")
