"""The command line: one file per command, imported when it is used.

Every error that the user can fix is printed as one message on standard error, with exit code 1 (the
run or a check failed), 2 (wrong usage) or 130 (interrupted).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click

from sandbox import __version__
from sandbox.cli.arguments import taken_out
from sandbox.cli.output import only_documents
from sandbox.errors import PluginError, SandboxError, UnknownNameError, did_you_mean, reason_of
from sandbox.registry.registrar import canonical
from sandbox.registry.registry import COMMANDS, registry
from sandbox.text import printable

NEEDS = {
    "-p": "a file: -p mylab.py",
    "--plugin": "a file: --plugin mylab.py",
    "--disable": "the name of a plugin; `python -m sandbox plugins` shows them",
}
"""Options that are allowed anywhere, and what they need."""


class Commands(click.Group):
    """The core's commands, and those that plugins registered. Help imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, the core's first."""
        return [*COMMANDS, *_registered_commands()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; raises UnknownNameError with the nearest one."""
        name = cmd_name.replace("_", "-")
        if name in COMMANDS:
            import pkgutil

            place = "listing:list_" if name == "list" else f"{name}:{name}"
            return pkgutil.resolve_name(f"sandbox.cli.commands.{place}")
        try:
            return registry().load("command", name)
        except UnknownNameError:
            from sandbox.cli.verb import verb_command, verbs

            verb = verb_command(name)
            if verb is not None:
                return verb
            known = [*COMMANDS, *_registered_commands(), *verbs()]
            raise UnknownNameError(
                "command", cmd_name, known, "`python -m sandbox --help` shows all."
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their lines of help, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([*(COMMANDS | _registered_commands()).items()])
        with formatter.section("Examples"):
            formatter.write_dl(
                [
                    (
                        "python -m sandbox run maze --agent sarsa",
                        "learn the maze, watch, keep everything",
                    ),
                    ("python -m sandbox list labs", "what can be run"),
                    ("python -m sandbox show last", "what the last run did"),
                ]
            )


def _registered_commands() -> dict[str, str]:
    return {entry.name: entry.summary for entry in registry().entries("command", outside=False)}


@click.group(
    cls=Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 120,
        "show_default": True,
    },
    no_args_is_help=True,
)
@click.option(
    "-p",
    "--plugin",
    metavar="FILE",
    multiple=True,
    help="Load a plugin from one file; allowed anywhere.",
)
@click.option(
    "--disable",
    metavar="NAME",
    multiple=True,
    help="Do not load an installed plugin; allowed anywhere.",
)
@click.version_option(package_name=None, version=__version__, prog_name="sandbox")
def cli(plugin: Sequence[str], disable: Sequence[str]) -> None:
    """Run labs, watch them learn, and keep all their results."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: the words after `python -m sandbox`; None takes the process's own.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    # in place of streams that the caller closed; files of runs must not get their descriptors
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - open until the process ends
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with only_documents() if "--json" in words else contextlib.nullcontext():
            result = cli.main(
                _choose_plugins(words),
                prog_name="python -m sandbox",
                standalone_mode=False,
                obj=words,
            )
        return result if isinstance(result, int) else 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        _complain(_sentence(error), error.ctx if isinstance(error, click.UsageError) else None)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output went away (`… | head`)
        sys.stdout = _nowhere()  # so that closing at exit raises nothing
        return 0
    except OSError as error:  # standard output is full, or a file of the store cannot be read
        sys.stdout = _nowhere()
        place = f"{error.filename}: " if error.filename else ""
        _complain(f"{place}{reason_of(error)}.", None)
        return 1
    except SandboxError as error:
        _complain(str(error), None)
        return error.exit_code
    except SystemExit as error:
        if type(sys.stdout).__name__.endswith("PacifyFlushWrapper"):
            return 0  # click's exit when the reader of our output is gone
        _complain(f"A plugin ended the program: SystemExit({error.code!r}).", None)
        return 1


def _choose_plugins(words: list[str]) -> list[str]:
    """Apply `-p FILE` and `--disable NAME`, at any place, and return the other words."""
    words, taken = taken_out(words, NEEDS)
    files: list[str] = []
    disabled: list[str] = []
    for name, value in taken:
        if value is None:
            raise click.UsageError(f"{name} needs {NEEDS[name]}")
        (disabled if name == "--disable" else files).append(value)
    if taken:
        registry().disabled.update(map(canonical, disabled))
        listing = words[:1] == ["plugins"]  # this command reports broken plugins
        for file in files:
            try:
                registry().add_file(Path(file))
            except PluginError:
                if not listing:
                    raise
    return words


def _sentence(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        known = [
            name
            for parameter in (error.ctx.command.params if error.ctx else [])
            for name in [*parameter.opts, *parameter.secondary_opts]
        ]
        name = error.option_name
        message = f"There is no option '{name}'.{did_you_mean(name, known)}"
    return message


def _nowhere() -> TextIO:
    """A stream that keeps nothing."""
    return open(os.devnull, "w")


def _complain(message: str, context: click.Context | None) -> None:
    click.echo(click.style("Error: ", fg="red", bold=True) + printable(message), err=True)
    if context is not None and context.command is not None:
        click.echo(f"`{context.command_path} --help` shows what can be given.", err=True)


def console() -> None:
    """The console script `sandbox`."""
    sys.exit(main())
