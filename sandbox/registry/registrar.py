"""What a plugin's `sandbox_register` gets, and what is known of a plugin and of what it brings."""

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
    """One thing that a plugin brings.

    Attributes:
        kind: one of `KINDS`.
        name: as given on the command line, in kebab-case.
        target: "module:attribute".
        summary: one line.
        plugin: who brings it.
        aliases: other names for it (an environment's Gymnasium id).
        always: for observers: whether it watches every run, asked or not.
        agents: for labs: whether it has agents to be compared; None if the plugin did not say.
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
    """A plugin as it was found.

    Attributes:
        name: of the entry point, the built-in, or the file.
        source: "built in", "NAME VERSION" of a distribution, or a file's path.
        version: of the distribution it came with, or "".
        seconds: how long its import and registration took.
        error: why it cannot be used, or "".
        trace: the traceback of that error, or "".
        entries: what it brings.
    """

    name: str
    source: str
    version: str = ""
    seconds: float = 0.0
    error: str = ""
    trace: str = ""
    entries: list[Entry] = field(default_factory=list)


NAME = re.compile(r"\w[\w.+-]{0,99}(?<![.])")
"""A name of a plugin's: it becomes part of a path, of an option, and of a line on the screen."""


class Registrar:
    """What a plugin's `sandbox_register` gets: collects what that plugin brings."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def lab(self, name: str, target: str, *, summary: str = "", agents: bool | None = None) -> None:
        """A lab: a class, or a function without arguments, that gives a `sandbox.Lab`.

        `agents` says whether its configuration picks an agent, so that `compare` can list it; a lab
        whose plugin does not say is loaded when that is asked.
        """
        self._add("lab", name, target, summary, agents=agents)

    def agent(self, name: str, target: str, *, summary: str = "") -> None:
        """An agent's class; its `Config` holds its options."""
        self._add("agent", name, target, summary)

    def env(self, name: str, target: str, *, summary: str = "", id: str = "") -> None:  # noqa: A002
        """An environment's class; its `Config` holds its options, `id` is its Gymnasium id."""
        self._add("env", name, target, summary, aliases=(id,) if id else ())

    def dataset(self, name: str, target: str, *, summary: str = "") -> None:
        """A dataset: a function or class that gives its data; `summary` says what it is and where
        it comes from.
        """
        self._add("dataset", name, target, summary)

    def observer(self, name: str, target: str, *, summary: str = "", always: bool = False) -> None:
        """An observer's class, called without arguments; `--track NAME` asks for it, `always`
        watches every run.
        """
        self._add("observer", name, target, summary, always=always)

    def command(self, name: str, target: str, *, summary: str = "") -> None:
        """A command of the command line: a `click.Command`."""
        self._add("command", name, target, summary)

    def _add(self, kind: str, name: str, target: str, summary: str, **more: Any) -> None:
        if not NAME.fullmatch(name) or PureWindowsPath(name).is_reserved():
            raise PluginError(
                f"Plugin '{self._plugin.name}' registers a {kind} named '{printable(name)}': a "
                "name begins with a letter or a digit, holds "
                "letters, digits, '-', '_', '.' and '+', at most 100, and is a folder's name on "
                "every system."
            )
        if target.count(":") != 1:
            raise PluginError(
                f"Plugin '{self._plugin.name}' registers {kind} '{name}' as '{target}'; expected "
                "'package.module:attribute'."
            )
        self._plugin.entries.append(
            Entry(kind, canonical(name), target, summary, self._plugin.name, **more)
        )


def canonical(name: str) -> str:
    """The one spelling of a name: `-` and `_` are the same, but for a module before a colon."""
    module, colon, own = name.rpartition(":")
    return module + colon + own.replace("_", "-")
