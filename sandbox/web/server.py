"""The server of the page: finds a busy port before it starts, and ends on Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from urllib.parse import urlencode

from sandbox.errors import UsageError, reason_of
from sandbox.extras import need
from sandbox.store.store import Store
from sandbox.web.service import Service

RECONNECT = 30.0
"""Seconds for which a busy browser may be silent; later its page is loaded again."""
NEAR = 50
"""So many ports after a busy one are tried, to name a free one."""


def serve(
    store: Store, host: str, port: int, *, browser: bool, tell: Callable[[str], None]
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        store: the store that it shows.
        host: the address to listen on; another than this machine's own makes a token.
        port: 0 takes a free one.
        browser: whether to open the page in the browser.
        tell: gets the page's address once it can be opened.

    Raises:
        UsageError: when NiceGUI is missing, or the address cannot be used.
    """
    need("The page", "web", "nicegui")
    from sandbox.web.guard import LOOPBACK, Guard

    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # what environments draw opens no window
    token = "" if host in LOOPBACK else secrets.token_urlsafe(24)
    with listening(host, port) as listener:
        import uvicorn
        from fastapi import FastAPI
        from nicegui import app as pages
        from nicegui import ui

        from sandbox.web import site

        outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        site.register(Service(store))
        ui.run_with(
            outer,
            title="The sandbox",
            dark=None,
            show_welcome_message=False,
            reconnect_timeout=RECONNECT,
            gzip_middleware_factory=None,  # compressing takes longer than sending within a machine
        )
        address = _address(host, listener.getsockname()[1], token)

        def ready() -> None:
            tell(address)
            if browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        pages.on_startup(ready)
        config = uvicorn.Config(
            Guard(outer, host, token),
            ws="wsproto",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on an address.

    Raises:
        UsageError: when the port is in use, naming a free one, or the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"Port {port} is in use. `--port {_free(host, port, family)}` is free."
            ) from None
        raise UsageError(
            f"Cannot listen on {host}, port {port}: {reason_of(error)}. `--host 127.0.0.1 "
            "--port 0` takes a free port of this machine."
        ) from None


def _free(host: str, port: int, family: socket.AddressFamily) -> int:
    for candidate in [*range(port + 1, min(port + NEAR, 65536)), 0]:
        with (
            contextlib.suppress(OSError),
            socket.create_server((host, candidate), family=family) as found,
        ):
            return int(found.getsockname()[1])
    return 0


def _address(host: str, port: int, token: str) -> str:
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?{urlencode({'token': token})}" if token else "")
