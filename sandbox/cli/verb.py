"""`VERB RUN …`: a verb that the core does not know is one that the run's lab offers."""

from __future__ import annotations

from collections.abc import Mapping

import click

from sandbox.errors import PluginError, UnknownNameError
from sandbox.lab import Action
from sandbox.registry import registry


def verb_command(verb: str) -> click.Command | None:
    """The command for a lab's own verb, or None when no lab offers it."""
    offering = [entry.name for entry in registry().entries("lab") if verb in _actions(entry.name)]
    if not offering:
        return None

    @click.command(verb, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
    @click.option("--store", metavar="DIR", default=None, help="Folder of runs.")
    @click.argument("run", default="last")
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def command(store: str | None, run: str, rest: tuple[str, ...]) -> int:
        from sandbox.api import load

        loaded = load(run, store=store)
        actions = getattr(loaded.lab, "actions", {})
        if verb not in actions:
            raise UnknownNameError(f"verb of lab '{loaded.record.lab}'", verb, actions, f"Labs that offer it: {', '.join(offering)}.")
        actions[verb].run(loaded, rest)
        return 0

    command.help = _actions(offering[0])[verb].summary
    return command


def _actions(lab: str) -> Mapping[str, Action]:
    """The verbs of a lab; of one that cannot be loaded, none (`plugins` tells about it)."""
    try:
        return getattr(registry().load("lab", lab), "actions", {})
    except PluginError:
        return {}
