"""`web`: the runs of a store as a page in the browser."""

from __future__ import annotations

import click

from sandbox.cli.options import options_of


@click.command()
@options_of("web")
def web(port: int, host: str, no_browser: bool, store: str | None) -> int:
    """Show the runs of a store in the browser: their curves while they learn, pictures, settings,
    comparisons, and a form that starts new ones. Ctrl-C ends it.
    """
    from sandbox.store import Store
    from sandbox.web.server import serve

    serve(
        Store(store),
        host,
        port,
        browser=not no_browser,
        tell=lambda address: click.echo(f"The page is at {address} (Ctrl-C ends it)"),
    )
    return 0
