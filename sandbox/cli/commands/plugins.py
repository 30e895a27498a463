"""`plugins`: which plugins there are, what they bring, and which are broken."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sandbox.cli.options import json_option
from sandbox.cli.output import next_commands, print_json, table
from sandbox.registry.registrar import Entry, Plugin
from sandbox.registry.registry import registry


def _brought(entries: Sequence[Entry]) -> str:
    """What a plugin brings, kind by kind: `lab maze; env maze`."""
    kinds = list(dict.fromkeys(entry.kind for entry in entries))
    names = {kind: [entry.name for entry in entries if entry.kind == kind] for kind in kinds}
    return "; ".join(
        f"{kind if len(some) == 1 else kind + 's'} {', '.join(some)}"
        for kind, some in names.items()
    )


def _document(plugin: Plugin) -> dict[str, object]:
    """A plugin as plain values."""
    names = ("name", "source", "version", "seconds", "error")
    shown: dict[str, object] = {name: vars(plugin)[name] for name in names}
    named = ("kind", "name", "summary")
    return shown | {
        "brings": [{name: vars(entry)[name] for name in named} for entry in plugin.entries]
    }


@click.command()
@click.option("--trace", is_flag=True, help="Show where broken plugins failed.")
@json_option
def plugins(trace: bool, as_json: bool) -> int:
    """List plugins: where they come from, what they bring, how long their import took, and what is
    wrong with broken ones.
    """
    known = registry()
    known.load_outside()
    listed = list(known.plugins.values())
    if as_json:
        print_json([_document(plugin) for plugin in listed])
        return 0
    rows = [
        [
            plugin.name,
            plugin.source,
            f"{plugin.seconds * 1000:.0f} ms",
            "broken" if plugin.error else _brought(plugin.entries),
        ]
        for plugin in listed
    ]
    table(["plugin", "from", "import", "brings"], rows, right=["import"])
    for plugin in listed:
        if plugin.error:
            click.echo(
                f"{click.style('Broken: ', fg='red')}{plugin.name} ({plugin.source}): "
                f"{plugin.error}"
            )
            if trace and plugin.trace:
                click.echo("".join(f"    {line}\n" for line in plugin.trace.splitlines()), nl=False)
    if any(plugin.error and plugin.trace for plugin in listed) and not trace:
        next_commands((["plugins", "--trace"], "where the broken ones failed"))
    else:
        next_commands((["list", "labs"], "what can be run"))
    return 0
