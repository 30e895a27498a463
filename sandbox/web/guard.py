"""The guard in front of the page: refuses foreign Host and Origin headers, over http and websocket.

NiceGUI checks neither. Without the guard, a page from anywhere could reach the server through the
user's own browser: by a name that resolves to 127.0.0.1 (DNS rebinding), or by a websocket, which
browsers open to every host.
"""

from __future__ import annotations

import hmac
import ipaddress
import platform
import re
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "sandbox-token"
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""NiceGUI needs inline scripts and `eval`; nothing may be loaded from, or sent to, another host."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-frame-options": "SAMEORIGIN",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
}


class Guard:
    """An ASGI application that passes on only what comes from its own page.

    Args:
        app: the application behind it.
        host: the address that the server listens on.
        token: what a browser must show once, as `?token=…`, and keeps as a cookie; "" asks for
            none.
    """

    def __init__(self, app: ASGIApp, host: str = LOOPBACK[0], token: str = "") -> None:
        self.app, self._host, self._token = app, host, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, refuse, or exchange a token for a cookie."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        answer = self._answer(HTTPConnection(scope))
        if answer is not None:
            return await answer(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        return await self.app(scope, receive, with_headers)

    def _answer(self, connection: HTTPConnection) -> ASGIApp | None:
        """What is answered instead of the application; None passes the connection on."""
        reason = self._foreign(connection.headers)
        if reason:
            return _refusal(connection, 403, reason)
        if not self._token or self._fits(connection.cookies.get(COOKIE, "")):
            return None
        if connection["type"] == "http" and self._fits(connection.query_params.get("token", "")):
            return self._with_cookie(connection)
        return _refusal(connection, 401, "Open the address with the token that was printed.")

    def _foreign(self, headers: Headers) -> str:
        """Why the headers are not those of our own page; "" if they are."""
        hosts = headers.getlist("host")
        match = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or not self._is_ours(match[1].strip("[]").lower()):
            return "This address is not one of the server's: open the one that it printed."
        if any(_netloc(origin) != hosts[0].lower() for origin in headers.getlist("origin")):
            return "The request comes from another site."
        return ""

    def _is_ours(self, name: str) -> bool:
        if name in (*LOOPBACK, self._host.lower()):
            return True
        if self._host not in ("0.0.0.0", "::"):
            return False
        try:
            ipaddress.ip_address(name)  # no name, so nothing that another site could point at us
        except ValueError:
            return name == platform.node().lower()
        return True

    def _fits(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())

    def _with_cookie(self, connection: HTTPConnection) -> ASGIApp:
        """Exchange the token of the address for a cookie."""
        query = [pair for pair in connection.query_params.multi_items() if pair[0] != "token"]
        path = "/" + connection["path"].lstrip("/\\")
        cookie = f"{COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        headers = {**HEADERS, "set-cookie": cookie, "referrer-policy": "no-referrer"}
        return RedirectResponse(path + (f"?{urlencode(query)}" if query else ""), 303, headers)


def _netloc(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""


def _refusal(connection: HTTPConnection, status: int, reason: str) -> ASGIApp:
    if connection["type"] == "websocket":
        return WebSocketClose(1008, reason)
    return PlainTextResponse(reason, status, HEADERS)
