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
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

Scope = MutableMapping[str, Any]
"""What an ASGI server says of a connection."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

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
        headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        reason = self._foreign(headers)
        if reason:
            return await _refuse(scope, send, 403, reason)
        if self._token and not self._is_known(headers):
            return await self._ask(scope, send)

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message.get("headers", [])}
                message["headers"] = [
                    *message.get("headers", []),
                    *(pair for pair in _encoded(HEADERS) if pair[0] not in known),
                ]
            await send(message)

        return await self.app(scope, receive, with_headers)

    def _foreign(self, headers: list[tuple[bytes, str]]) -> str:
        """Why the headers are not those of our own page; "" if they are."""
        hosts = [value for name, value in headers if name == b"host"]
        match = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or not self._is_ours(match[1].strip("[]").lower()):
            return "This address is not one of the server's: open the one that it printed."
        origins = [value for name, value in headers if name == b"origin"]
        if any(_netloc(origin) != hosts[0].lower() for origin in origins):
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

    def _is_known(self, headers: list[tuple[bytes, str]]) -> bool:
        cookies: SimpleCookie = SimpleCookie()
        for name, value in headers:
            if name == b"cookie":
                try:
                    cookies.load(value)
                except CookieError:
                    continue
        return COOKIE in cookies and self._fits(cookies[COOKIE].value)

    def _fits(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())

    async def _ask(self, scope: Scope, send: Send) -> None:
        """Exchange the token of the address for a cookie, or refuse."""
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"))
        if scope["type"] != "http" or not self._fits(dict(query).get("token", "")):
            await _refuse(scope, send, 401, "Open the address with the token that was printed.")
            return
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        path = "/" + scope["path"].lstrip("/\\")
        location = path + (f"?{rest}" if rest else "")
        cookie = f"{COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        more = {"location": location, "set-cookie": cookie, "referrer-policy": "no-referrer"}
        await _respond(send, 303, "", more)


def _netloc(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""


def _encoded(headers: MutableMapping[str, str] | dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


async def _refuse(scope: Scope, send: Send, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
    else:
        await _respond(send, status, reason, {"content-type": "text/plain; charset=utf-8"})


async def _respond(send: Send, status: int, text: str, headers: dict[str, str]) -> None:
    encoded = _encoded({**HEADERS, **headers})
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": text.encode()})
