"""How long a person waits: help, a lab's help, a whole run with its pictures; all warm."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from statistics import median

from benchmarks.measure import Figure, seconds


def _waits(words: list[str], rounds: int) -> float:
    def once() -> None:
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    once()
    return median(seconds(once) for _ in range(rounds))


def measure(quick: bool) -> list[Figure]:
    """Medians of whole processes, beside a process that does nothing."""
    rounds = 3 if quick else 9
    with tempfile.TemporaryDirectory() as store:
        sandbox = ["-m", "sandbox"]
        bare = _waits(["-c", "pass"], rounds)
        run = [*sandbox, "run", "maze", "--agent", "sarsa", "--render", "gif", "--store", store]
        note = f"bare Python {bare:.3f} s"
        return [
            Figure("--help", _waits([*sandbox, "--help"], rounds), "s", 0.3, note=note),
            Figure("run maze --help", _waits([*sandbox, "run", "maze", "--help"], rounds), "s", 0.6, note=note),
            Figure("run maze, pictures and GIF included", _waits(run, rounds), "s", 3.0, note="warm: compiled before"),
        ]
