"""The cost of sweeps.

Many short configurations in one process against a process for each; two workers against none; what
a sweep adds to a run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, seconds
from sandbox.registry.registry import ROOT
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store
from sandbox.sweeps.api import SweepRequest, begin

SHORT: dict[str, Any] = {"episodes": 100}
CONFIGURATIONS = 1000
PROCESSES = 8
LONG: dict[str, Any] = {"episodes": 29_000, "env": {"episode_length": 2000}}
"""About five seconds of learning on one core, with few rows of metrics."""


def measure(quick: bool) -> list[Figure]:
    """Ratios, each measured in one run of this process."""
    return [*_batch(200 if quick else CONFIGURATIONS), _two_workers(2 if quick else 4)]


def _batch(count: int) -> list[Figure]:
    alphas = [round(0.05 + 0.9 * number / count, 6) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        for _ in range(3):
            _alone(store, 0.5)
        alone = _processor(lambda: [_alone(store, alpha) for alpha in alphas[::10]]) / len(
            alphas[::10]
        )
        wanted = SweepRequest(
            api.Request("maze", "quick", [SHORT], threads=1), grid={"agent.alpha": alphas}
        )
        begun = time.process_time()
        together = (
            seconds(lambda: begin(wanted, Store(Path(folder) / "sweep"), Settings(pictures=False)))
            / count
        )
        swept = (time.process_time() - begun) / count
        process = (
            seconds(lambda: [_process(folder, alpha) for alpha in alphas[:PROCESSES]]) / PROCESSES
        )
    return [
        Figure(
            "compiled batch against one process per run",
            process / together,
            "x",
            10,
            "at least",
            f"{count} runs at {1000 * together:.1f} ms; "
            f"{PROCESSES} processes at {1000 * process:.0f} ms each",
        ),
        Figure(
            "what a sweep adds to a run",
            1000 * (swept - alone),
            "ms",
            50,
            note=f"processor time; alone {1000 * alone:.1f} ms, with page",
        ),
    ]


def _processor(work: Callable[[], object]) -> float:
    """Processor time of this process for some work, in seconds, other processes excluded."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _alone(store: Store, alpha: float) -> None:
    request = api.Request("maze", "quick", [SHORT, {"agent": {"alpha": alpha}}], threads=1)
    api.start(request, store, Settings(pictures=False))


def _process(folder: str, alpha: float) -> None:
    words = [
        "run",
        "maze",
        "--preset",
        "quick",
        "--episodes",
        str(SHORT["episodes"]),
        "--agent.alpha",
        str(alpha),
        "--render",
        "none",
    ]
    command = [
        sys.executable,
        "-m",
        "sandbox",
        *words,
        "--no-pictures",
        "--store",
        folder,
        "--json",
    ]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )


def _two_workers(rounds: int) -> Figure:
    """Long runs one after the other in this process, and on two workers already started."""
    from sandbox.execution.scheduler import run_requests
    from sandbox.execution.workers import Here, Processes

    requests = [
        api.Request("maze", layers=[LONG], seed=seed, threads=1) for seed in range(2 * rounds)
    ]
    warm = [
        api.Request("maze", layers=[{"episodes": 10}], seed=seed, threads=1) for seed in range(8)
    ]
    settings = Settings(pictures=False)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        workers = Processes(2)
        try:
            run_requests(warm, store, settings, executor=workers)
            run_requests(warm, store, settings, executor=Here())
            serial = seconds(lambda: run_requests(requests, store, settings, executor=Here()))
            time.sleep(0.1)
            parallel = seconds(lambda: run_requests(requests, store, settings, executor=workers))
        finally:
            workers.close()
    return Figure(
        "two Dask workers against none",
        serial / parallel,
        "x",
        1.7,
        "at least",
        f"{len(requests)} runs of {serial / len(requests):.1f} s",
    )
