"""`new plugin NAME`: write the beginning of a plugin, asking nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from sandbox.cli.output import next_commands
from sandbox.registry import scaffold


@click.group(no_args_is_help=True)
def new() -> None:
    """Begin something of your own."""


@new.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(scaffold.KINDS),
    default="lab",
    help="What it brings.",
)
@click.option(
    "--one-file", is_flag=True, help="A single file, used with -p, rather than a package."
)
@click.option(
    "--in",
    "parent",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default=False,
    help="Folder it is created in [default: here].",
)
def plugin(name: str, kind: str, one_file: bool, parent: Path) -> int:
    """Write a plugin called NAME that works at once: a package with a test, or one file."""
    paths = scaffold.write(name, kind, parent, one_file)
    for path in paths:
        click.echo(f"  {path}")
    command = shlex.split(scaffold.try_it(name, kind))
    if one_file:
        next_commands((["-p", str(paths[0]), *command], "see it at work"))
        return 0
    folder = paths[0].parent.parent
    click.echo(
        f"\npython -m pip install -e {shlex.quote(str(folder))}  install it beside the sandbox"
    )
    next_commands((command, "see it at work"), (["plugins"], "what is installed"))
    return 0
