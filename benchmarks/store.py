"""Stores with a thousand to a hundred thousand runs: how long listing, `list` and `compare` take.

The runs are folders with a run.json as large as real ones; the twenty that are compared were really
made. "cold" is after the pages of every run.json were dropped from the page cache.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import orjson

from benchmarks.measure import Figure, seconds

SIZES = (1_000, 10_000, 100_000)
AGENTS, SEEDS = ("sarsa", "q-learning"), 10


def _fill(store: Path, first: int, count: int) -> None:
    """Copies of the real runs' run.json with other seeds, as runs; from number `first` on."""
    models = [
        json.loads(path.read_text())
        for path in sorted(store.glob("maze/*/run.json"))
        if "synthetic" not in path.parent.name
    ]
    for number in range(first, count - len(models)):
        record = dict(models[number % len(models)])
        hour, minute, second = number // 3600 % 24, number // 60 % 60, number % 60
        record["id"] = f"20200101-{hour:02d}{minute:02d}{second:02d}-synthetic-{number:05d}"
        record["seed"] = 1_000_000 + number
        folder = store / "maze" / record["id"]
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(record, indent=2) + "\n")


def _drop_pages(store: Path) -> None:
    """Drop every run.json from the page cache."""
    for path in store.glob("maze/*/run.json"):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _parse(store: Path) -> None:
    """Only read and parse: no reader can be faster."""
    for entry in os.scandir(store / "maze"):
        with open(f"{entry.path}/run.json", "rb") as file:
            orjson.loads(file.read())


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


def _finding(store: Path, rounds: int, note: str) -> Figure:
    """How long it takes to find the runs that a comparison can use again."""
    from sandbox.comparison.planned import planned_runs
    from sandbox.comparison.request import ComparisonRequest, compared_agents
    from sandbox.runs.api import Request
    from sandbox.store.store import Store

    request = Request("maze", "quick", seeds=SEEDS)
    agents, _ = compared_agents(ComparisonRequest(request, AGENTS))
    members = planned_runs(request, agents)
    wanted = {one.fingerprint: one.sources for one in members}
    place, numbers = Store(store), {one.request.seed for one in members}
    assert len(place.matching(wanted, numbers)) == len(members)
    taken = median(seconds(lambda: place.matching(wanted, numbers)) for _ in range(rounds))
    note = f"{len(members)} of {note}"
    return Figure("finding the runs of a comparison", taken, "s", 1.0, note=note)


def measure(quick: bool) -> list[Figure]:
    """Listing in this process, warm and cold; then `list` and `compare` as whole processes."""
    from sandbox.store.store import Store

    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        words = ["compare", "maze", "--agents", *AGENTS, "--seeds", str(SEEDS)]
        words += ["--preset", "quick", "--store", folder]
        subprocess.run(
            [sys.executable, "-m", "sandbox", *words, "--json"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        first = 0
        for count in SIZES[:1] if quick else SIZES:
            _fill(place, first, count)
            first, rounds, note = count, 3 if count > 10_000 else 7, f"{count} runs"
            store = Store(place)
            parsing = median(seconds(lambda: _parse(place)) for _ in range(rounds))
            warm = median(seconds(store.rows) for _ in range(rounds))
            _drop_pages(place)
            cold = seconds(store.rows)
            limit = 1.0 if count <= 10_000 else None
            figures += [
                Figure("run.json only read and parsed", parsing, "s", note=note),
                Figure("all rows", warm, "s", limit, note=note),
                Figure("all rows, cold", cold, "s", note=note),
            ]
            if count <= 10_000:
                figures += [
                    _finding(place, rounds, note),
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
                        note=f"all {len(AGENTS) * SEEDS} runs reused, of {count}",
                    ),
                ]
    return figures
