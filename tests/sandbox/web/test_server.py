"""The server in a process of its own: what it refuses, what it serves, how it starts and ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from sandbox import run
from sandbox.store.folder import RunFolder
from tests.conftest import ROOT
from tests.sandbox.web.conftest import serving, until

pytestmark = pytest.mark.extras
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport="
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture(scope="module", autouse=True)
def _needs_nicegui():
    pytest.importorskip("nicegui")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A store with a finished run."""
    place = tmp_path_factory.mktemp("web") / "runs"
    run("maze", preset="quick", store=place)
    return place


@pytest.fixture(scope="module")
def server(root):
    with serving(root) as one:
        yield one


def ask(server, path, **headers):
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection(server.host, timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest("GET", path, skip_host="Host" in names)
    for name, value in names.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = b"" if answer.status == 101 else answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def test_it_answers_its_own_page(server):
    status, headers, body = ask(server, "/")
    assert status == 200 and b"The sandbox" in body
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example:8080", "Origin": "http://evil.example:8080"},
    ],
)
def test_it_refuses_a_foreign_host_and_origin_over_http_and_websocket(server, headers):
    assert ask(server, "/", **headers)[0] == 403
    assert ask(server, SOCKET + "polling", **headers)[0] == 403
    assert ask(server, SOCKET + "websocket", **UPGRADE, **headers)[0] == 403


def test_it_opens_a_websocket_for_its_own_page(server):
    own = {"Origin": f"http://{server.host}"}
    assert ask(server, SOCKET + "websocket", **UPGRADE, **own)[0] == 101
    assert ask(server, SOCKET + "polling", **own)[0] == 200


def test_only_listed_artifacts_are_served(server, root):
    (path,) = (root / "maze").iterdir()
    (path / "artifacts" / "unlisted.png").write_bytes(b"secret")
    base = f"/files/maze/{path.name}"
    status, headers, body = ask(server, f"{base}/value_map.png")
    assert status == 200 and body == (path / "artifacts" / "value_map.png").read_bytes()
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "attachment" in ask(server, f"{base}/q_table.csv")[1]["content-disposition"]
    for name in (
        "unlisted.png",
        "../run.json",
        "..%2Frun.json",
        "%2e%2e/run.json",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "artifacts/value_map.png",
        "",
    ):
        assert ask(server, f"{base}/{name}")[0] == 404, name
    for other in ("..", "sweeps", "%2e%2e", "maze/.."):
        assert ask(server, f"/files/{other}/{path.name}/value_map.png")[0] == 404
    (path / "artifacts" / "unlisted.png").unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_no_link_is_followed(server, root, tmp_path):
    (path,) = (root / "maze").iterdir()
    place = path / "artifacts" / "value_map.png"
    kept = place.read_bytes()
    (tmp_path / "secret").write_bytes(b"secret")
    place.unlink()
    place.symlink_to(tmp_path / "secret")
    try:
        status, _, body = ask(server, f"/files/maze/{path.name}/value_map.png")
        assert status == 404 and b"secret" not in body
    finally:
        place.unlink()
        place.write_bytes(kept)


def test_another_host_needs_its_token(root):
    with serving(root, "--host", "0.0.0.0") as server:
        token = re.search(r"token=(\S+)", server.address)[1]
        port = server.host.rpartition(":")[2]
        server.host = f"127.0.0.1:{port}"
        assert ask(server, "/")[0] == 401
        assert ask(server, SOCKET + "websocket", **UPGRADE)[0] == 403
        status, headers, _ = ask(server, f"/?token={token}")
        assert status == 303
        cookie = headers["set-cookie"].partition(";")[0]
        assert ask(server, "/", Cookie=cookie)[0] == 200
        own = {"Cookie": cookie, "Origin": f"http://{server.host}"}
        assert ask(server, SOCKET + "websocket", **UPGRADE, **own)[0] == 101


def test_a_port_in_use_is_found_before_anything_starts(say, store):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = say("web", "--port", port, "--no-browser")
    assert said.code == 2 and said.out == ""
    free = re.search(rf"Port {port} is in use. `--port (\d+)` is free", said.err)[1]
    socket.create_server(("127.0.0.1", int(free))).close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_ends_it_with_0(root):
    with serving(root) as server:
        ask(server, "/")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.process.stdout.read()


def test_it_leaves_nothing_behind_where_it_was_started(root, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    words = ["web", "--no-browser", "--port", "0", "--store", str(root)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", *words],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "http://" in process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    assert list(tmp_path.iterdir()) == []


HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_hostile_run_breaks_no_page(server, root):
    finished = run("maze", preset="quick", seed=5, store=root, pictures=False)
    document = json.loads((finished.path / "run.json").read_bytes())
    document["lab"] = document["command"] = document["unit"] = HOSTILE
    document["warnings"] = [HOSTILE, "`" + HOSTILE + "`"]
    document["error"] = HOSTILE
    document["config"] = {HOSTILE: {":x": HOSTILE}, "agent": {"name": HOSTILE}}
    document["summary"] = {HOSTILE: 1.0, ":y": 2}
    document["score"] = {"name": HOSTILE, "value": 1.0}
    document.pop("digest")
    document["format"] = 1
    (finished.path / "run.json").write_text(json.dumps(document))
    block = {"stream": HOSTILE, ":formatter": [1, 2], HOSTILE: [1.0, None]}
    with (finished.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(block) + "\n[]\n{}\nnot json\n")
    assert RunFolder(finished.path).read().lab == HOSTILE
    for address in ("/", "/?group=lab", f"/runs/maze/{finished.id}", f"/export/maze/{finished.id}"):
        status, _, body = ask(server, address)
        assert status == 200
        assert HOSTILE.encode() not in body
    damaged = root / "maze" / "20260101-000000-sarsa-abcd"
    damaged.mkdir()
    (damaged / "run.json").write_text("{" + HOSTILE)
    (damaged / "metrics.jsonl").mkdir()
    assert ask(server, f"/runs/maze/{damaged.name}")[0] == 200
    assert until(lambda: damaged.name.encode() in ask(server, "/")[2])


def test_an_address_runs_no_javascript():
    pytest.importorskip("nicegui")
    from sandbox.web.runs_page import _state

    view = json.dumps(
        {"filter": {":filterModel": "alert(1)", "filterModel": {":x": "1", "lab": {}}}}
    )
    assert _state(view) == {"filter": {"filterModel": {"lab": {}}}}
    assert _state("[" * 100_000) == _state("[]") == _state("nonsense") == {}
    assert _state(json.dumps({":sort": "alert(1)", "columnPinning": {}})) == {}


def test_listing_loads_no_nicegui():
    code = (
        "import sys, sandbox.web, sandbox.cli; sandbox.cli.main(['list', 'labs']); "
        "sandbox.cli.main(['web', '--help']); print({'nicegui', 'fastapi', 'uvicorn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip().endswith("set()")
