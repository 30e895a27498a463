"""A store with ten thousand runs: how long `list` and `compare` take, and how long it takes to find the runs that can be used again.

The runs are folders with a run.json as large as real ones; the twenty that are compared were really made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import Figure, seconds

RUNS = 10_000
AGENTS, SEEDS = ("sarsa", "q-learning"), 10


def _fill(store: Path, count: int) -> None:
    """Beside the real runs, copies of their run.json with other seeds, as runs of their own."""
    models = [json.loads(path.read_text()) for path in sorted(store.glob("maze/*/run.json"))]
    for number in range(count - len(models)):
        record = dict(models[number % len(models)])
        record["id"] = (
            f"20200101-{number // 3600 % 24:02d}{number // 60 % 60:02d}{number % 60:02d}-synthetic-{number:05d}"
        )
        record["seed"] = 1_000_000 + number
        folder = store / "maze" / record["id"]
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(record, indent=2) + "\n")


def _process(words: list[str], rounds: int) -> float:
    def once() -> None:
        subprocess.run(
            [sys.executable, "-m", "sandbox", *words],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    once()
    return median(seconds(once) for _ in range(rounds))


def measure(quick: bool) -> list[Figure]:
    """The index made from nothing, then warm: finding runs in this process, `list` and `compare` as whole processes."""
    from sandbox.comparison.planned import planned_runs
    from sandbox.comparison.request import ComparisonRequest, compared_agents
    from sandbox.runs.api import Request
    from sandbox.store.store import Store

    rounds, count = (3, RUNS // 10) if quick else (7, RUNS)
    with tempfile.TemporaryDirectory() as folder:
        words = [
            "compare",
            "maze",
            "--agents",
            *AGENTS,
            "--seeds",
            str(SEEDS),
            "--preset",
            "quick",
            "--store",
            folder,
        ]
        subprocess.run(
            [sys.executable, "-m", "sandbox", *words, "--json"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        _fill(Path(folder), count)
        store = Store(folder)
        os.remove(store.root / "index.sqlite")
        building = seconds(store.rows)
        listing = median(seconds(store.rows) for _ in range(rounds))
        request = Request("maze", "quick", seeds=SEEDS)
        agents, _ = compared_agents(ComparisonRequest(request, AGENTS))
        members = planned_runs(request, agents)
        wanted = {one.fingerprint: one.sources for one in members}
        assert len(store.matching(wanted)) == len(members)
        finding = median(seconds(lambda: store.matching(wanted)) for _ in range(rounds))
        note = f"{count} runs"
        return [
            Figure("index of a store, made from nothing", building, "s", note=note),
            Figure("all rows through the index", listing, "s", 1.0, note=note),
            Figure(
                "finding the runs of a comparison",
                finding,
                "s",
                1.0,
                note=f"{len(members)} of {count} runs",
            ),
            Figure(
                "`list`, a whole process",
                _process(["list", "--store", folder], rounds),
                "s",
                1.0,
                note=note,
            ),
            Figure(
                "`compare`, a whole process, page included",
                _process(words, rounds),
                "s",
                1.0,
                note=f"all {len(members)} runs reused, of {count}",
            ),
        ]
