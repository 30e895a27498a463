"""The guard passes on only what comes from its own page."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("starlette")

from sandbox.web.guard import COOKIE, Guard

pytestmark = pytest.mark.extras
KINDS = ("http", "websocket")
OWN = "127.0.0.1:8080"


START = {"type": "http.response.start", "status": 200, "headers": []}


def talk(kind, headers, *, bound="127.0.0.1", token="", path="/", query="", start=START):
    """What is sent for a connection, and whether the application behind the guard was reached."""
    sent, reached = [], []

    async def application(scope, receive, send):
        reached.append(scope)
        await send(dict(start))

    async def send(message):
        sent.append(message)

    async def receive():
        return {}

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "headers": pairs, "path": path, "query_string": query.encode()}
    asyncio.run(Guard(application, bound, token)(scope, receive, send))
    return sent, bool(reached)


def refused(kind, sent):
    first = sent[0]
    return first["type"] == "websocket.close" if kind == "websocket" else first["status"] == 403


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", [OWN, "localhost:8080", "LOCALHOST", "[::1]:8080", "127.0.0.1"])
def test_our_own_names_pass(kind, host):
    assert talk(kind, [("host", host)])[1]
    assert talk(kind, [("host", host), ("origin", f"http://{host}")])[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8080",
        "127.0.0.1:8080@evil.example",
        "127.0.0.1:8080,evil.example",
        "192.168.1.7:8080",
        "0.0.0.0:8080",
        "",
    ],
)
def test_another_name_of_the_host_is_refused(kind, host):
    sent, reached = talk(kind, [("host", host)])
    assert not reached and refused(kind, sent)


@pytest.mark.parametrize("kind", KINDS)
def test_no_host_and_two_hosts_are_refused(kind):
    for headers in ([], [("host", OWN), ("host", "evil.example")]):
        sent, reached = talk(kind, headers)
        assert not reached and refused(kind, sent)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://evil.example:8080",
        "null",
        "",
        "http://127.0.0.1:9999",
        "http://localhost:8080",
        "file://127.0.0.1:8080",
        "http://127.0.0.1:8080.evil.example",
        "http://[",
    ],
)
def test_another_origin_is_refused(kind, origin):
    sent, reached = talk(kind, [("host", OWN), ("origin", origin)])
    assert not reached and refused(kind, sent)


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_origins_both_must_be_ours(kind):
    headers = [("host", OWN), ("origin", f"http://{OWN}"), ("origin", "http://evil.example")]
    assert not talk(kind, headers)[1]


@pytest.mark.parametrize("start", [START, {"type": START["type"], "status": 200}])
def test_an_answer_forbids_other_hosts_and_frames(start):
    sent, _ = talk("http", [("host", OWN)], start=start)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("kind", KINDS)
def test_with_a_token_nobody_passes_without_it(kind):
    _, reached = talk(kind, [("host", OWN)], token="secret")
    assert not reached
    for cookie in ("", f"{COOKIE}=wrong", f"{COOKIE}=", "secret", f"other=secret; {COOKIE}"):
        assert not talk(kind, [("host", OWN), ("cookie", cookie)], token="secret")[1]
    assert talk(kind, [("host", OWN), ("cookie", f"a=b; {COOKIE}=secret")], token="secret")[1]


def test_the_token_of_the_address_becomes_a_cookie():
    sent, reached = talk(
        "http", [("host", OWN)], token="secret", path="//evil.example/", query="token=secret&a=1"
    )
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert not reached and sent[0]["status"] == 303
    assert headers["location"] == "/evil.example/?a=1"
    assert headers["set-cookie"] == f"{COOKIE}=secret; Path=/; HttpOnly; SameSite=Strict"
    assert talk("http", [("host", OWN)], token="secret", query="token=other")[0][0]["status"] == 401
    assert not talk("websocket", [("host", OWN)], token="secret", query="token=secret")[1]


def test_the_address_that_is_listened_on_passes():
    assert talk("http", [("host", "10.0.0.5:80")], bound="10.0.0.5", token="")[1]
    assert not talk("http", [("host", "10.0.0.6:80")], bound="10.0.0.5")[1]
    assert talk("http", [("host", "10.0.0.6:80")], bound="0.0.0.0")[1]
    assert not talk("http", [("host", "evil.example")], bound="0.0.0.0")[1]
