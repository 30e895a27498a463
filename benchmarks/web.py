"""The page in the browser: its start, a store with 10,000 runs, a block on screen, 200 curves.

Needs the extra `web`, Playwright and a chromium (SANDBOX_CHROMIUM, else `chromium` on the path).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import Figure, seconds
from benchmarks.store import _fill
from sandbox import run

RUNS, CURVES, POINTS = 10_000, 200, 10_000
DRAWN = """count => [...document.querySelectorAll('.chart')].some(one => {
    const chart = getElement(Number(one.id.slice(1))).chart;
    return chart && (chart.getOption()?.series?.length ?? 0) >= count;
})"""
"""Whether a chart on the page shows so many lines."""


@contextmanager
def _server(store: Path) -> Iterator[tuple[str, float, int]]:
    """A server: its address, the seconds until it was up, its process."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "web", "--no-browser", "--port=0", f"--store={store}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://\S+(?=/)", process.stdout.readline())
        assert found is not None
        yield found[0], time.perf_counter() - begun, process.pid
    finally:
        process.kill()
        process.wait()


def _learned(store: Path, name: str, seed: int) -> Path:
    """A run of so many episodes, with a new curve; its metrics are one block."""
    model = json.loads(next(store.glob("maze/*/run.json")).read_text())
    model |= {"id": name, "seed": seed, "done_units": POINTS, "limit": POINTS, "format": 1}
    model["config"]["agent"]["alpha"] = 1 / (1 + seed)  # lines of their own, no band
    model.pop("digest", None)
    folder = store / "maze" / name
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(model))
    returns = np.random.default_rng(seed).normal(size=POINTS).cumsum().round(3).tolist()
    block = {"stream": "learn", "episode": list(range(1, POINTS + 1)), "return": returns}
    (folder / "metrics.jsonl").write_text(json.dumps(block) + "\n")
    return folder


def _memory(process: int) -> float:
    """Megabytes that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(quick: bool) -> list[Figure]:
    """Each as a person sees it, in a browser on this machine."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("SANDBOX_CHROMIUM") or shutil.which("chromium")
    rounds = 2 if quick else 5
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        store = Path(folder)
        run("maze", preset="quick", store=store, pictures=False)
        _fill(store, 0, RUNS - CURVES)
        names = [f"20260101-000000-many-{number:04d}" for number in range(CURVES)]
        paths = [_learned(store, name, seed) for seed, name in enumerate(names)]
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with _server(store) as (address, up, process):
            page = browser.new_page()

            def seen(path: str, ready: Callable[[], Any]) -> float:
                return seconds(lambda: (page.goto(address + path), ready()))

            def listed() -> Any:
                return page.locator(".ag-row").first.wait_for()

            first = seen("/", listed)
            again = median(seen("/", listed) for _ in range(rounds))
            many = "/compare?runs=" + ",".join(f"maze/{name}" for name in names)

            def overlaid() -> Any:
                return page.wait_for_function(DRAWN, arg=CURVES)

            cold = seen(many, overlaid)
            warm = median(seen(many, overlaid) for _ in range(rounds))
            page.goto(f"{address}/runs/maze/{names[0]}")
            page.get_by_text(f"episode {POINTS} of").first.wait_for()
            waits = []
            for step in range(1, 2 * rounds + 1):
                block = {"stream": "learn", "episode": [POINTS + step], "return": [0.0]}
                with (paths[0] / "metrics.jsonl").open("a") as file:
                    file.write(json.dumps(block) + "\n")
                text = page.get_by_text(f"episode {POINTS + step} of").first
                waits.append(seconds(text.wait_for))
            held = _memory(process)
        browser.close()
    return [
        Figure("page: server up", up, "s", note="process start included"),
        Figure(f"page: first view of {RUNS:,} runs", first, "s", 1.5),
        Figure(f"page: {RUNS:,} runs again", again, "s", 1.5),
        Figure("page: a new block on screen", median(waits), "s", 1.0),
        Figure(f"page: {CURVES} curves of {POINTS:,} points", cold, "s", 1.5, note="first time"),
        Figure("page: the same again", warm, "s", 1.5),
        Figure("page: memory of the server", held, "MB"),
    ]
