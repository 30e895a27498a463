"""Commands on a finished run: registered ones (`of_run`), and what a lab offers as `actions`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import click

from sandbox.cli.options import run_argument, store_option
from sandbox.errors import SandboxError, UnknownNameError, UsageError
from sandbox.lab import Action
from sandbox.registry.registry import registry
from sandbox.runs.view import Run
from sandbox.store import Store


def of_run(lab: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Turn a click command into a command on a run of a lab.

    The command takes RUN and `--store`, and its function gets the loaded run first.

    Write it below `click.command` and above the options:

        @click.command("tell")
        @of_run("album")
        @click.option("--loud", is_flag=True, help="In capitals.")
        def tell(run, loud): ...

    Args:
        lab: the name of the lab; runs of others are refused.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def on_run(run: str, store: Store, **values: Any) -> Any:
            loaded = Run(store.find(run))
            if loaded.record.lab != lab:
                raise UsageError(
                    f"Run {loaded.id} is one of lab '{loaded.record.lab}', not of '{lab}'. "
                    f"`python -m sandbox list --lab {lab}` shows those."
                )
            return function(loaded, **values)

        return run_argument(store_option(on_run))

    return decorate


def verb_command(verb: str) -> click.Command | None:
    """The command for a lab's own verb, or None when no lab offers it."""
    offering = [entry.name for entry in registry().entries("lab") if verb in _actions(entry.name)]
    if not offering:
        return None

    @click.command(
        verb,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
    @store_option
    @run_argument
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def command(store: Store, run: str, words: tuple[str, ...]) -> int:
        loaded = Run(store.find(run))
        actions = loaded.lab.actions
        if verb not in actions:
            raise UnknownNameError(
                f"verb of lab '{loaded.record.lab}'",
                verb,
                actions,
                f"Labs that offer it: {', '.join(offering)}.",
            )
        actions[verb].run(loaded, words)
        return 0

    command.help = _actions(offering[0])[verb].summary
    return command


def verbs() -> set[str]:
    """The verbs that labs offer as their actions."""
    return {verb for entry in registry().entries("lab") for verb in _actions(entry.name)}


def _actions(lab: str) -> Mapping[str, Action]:
    """The verbs of a lab; of one that cannot be loaded, none (`plugins` reports it)."""
    try:
        return registry().lab(lab).actions
    except SandboxError:
        return {}
