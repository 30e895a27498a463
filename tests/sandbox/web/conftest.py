"""A server of the page in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT, command


class Server:
    """A running server: its address without a path, and its process."""

    def __init__(self, process, address):
        self.process, self.address = process, address
        self.host = address.partition("//")[2].partition("/")[0]


@contextmanager
def serving(store, *words):
    """`python -m sandbox web` on a free port, until the block ends."""
    process = subprocess.Popen(
        command("web", "--no-browser", "--port", 0, "--store", store, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        said = process.stdout.readline()
        match = re.search(r"http://\S+", said)
        assert match, said + (process.stdout.read() if process.poll() is not None else "")
        yield Server(process, match[0])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def until(found, seconds=60.0):
    """What `found` returns, as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.05)
    pytest.fail(f"not within {seconds} seconds")
