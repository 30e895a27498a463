"""`web`: the runs of a store as a page in the browser."""

from __future__ import annotations

import click

from sandbox.cli.options import store_option
from sandbox.store import Store


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    help="Address to listen on. Another than this machine's own is reached with a token, which is "
    "printed with the address.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
@store_option
def web(port: int, host: str, no_browser: bool, store: Store) -> int:
    """Show the runs of a store in the browser: their curves while they learn, pictures, settings,
    comparisons, and a form that starts new ones. Ctrl-C ends it.
    """
    from sandbox.web.server import serve

    serve(
        store,
        host,
        port,
        browser=not no_browser,
        tell=lambda address: click.echo(f"The page is at {address} (Ctrl-C ends it)"),
    )
    return 0
