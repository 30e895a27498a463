"""How long a person waits: help, a lab's help, a whole run with its pictures; all warm."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import Figure, seconds


def _waits(words: list[str], rounds: int, path: str = "") -> float:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(
            filter(None, [path, os.getcwd(), os.environ.get("PYTHONPATH")])
        ),
    }

    def once() -> None:
        subprocess.run(
            [sys.executable, *words],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    once()
    return median(seconds(once) for _ in range(rounds))


def _twenty_plugins(folder: Path) -> None:
    """Twenty installed plugins: one is broken, one sleeps for two seconds when imported."""
    for number in range(20):
        does = {0: "raise RuntimeError", 1: "import time; time.sleep(2)"}.get(number, "")
        (folder / f"plug{number}.py").write_text(f"{does}\n")
        about = folder / f"plug{number}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: plug{number}\nVersion: 1.0\n"
        )
        (about / "entry_points.txt").write_text(f"[sandbox]\nplug{number} = plug{number}\n")


def measure(quick: bool) -> list[Figure]:
    """Medians of whole processes, beside a process that does nothing."""
    rounds = 3 if quick else 9
    with tempfile.TemporaryDirectory() as store, tempfile.TemporaryDirectory() as site:
        _twenty_plugins(Path(site))
        sandbox = ["-m", "sandbox"]
        bare = _waits(["-c", "pass"], rounds)
        run = [*sandbox, "run", "maze", "--agent", "sarsa", "--render", "gif", "--store", store]
        note = f"bare Python {bare:.3f} s"
        alone, crowded = (_waits([*sandbox, "--help"], rounds, path) for path in ("", site))
        return [
            Figure("--help", alone, "s", 0.3, note=note),
            Figure(
                "--help with 20 plugins installed, beside none",
                1000 * (crowded - alone),
                "ms",
                50,
                note="one broken, one sleeps 2 s",
            ),
            Figure(
                "run maze --help",
                _waits([*sandbox, "run", "maze", "--help"], rounds),
                "s",
                0.6,
                note=note,
            ),
            Figure(
                "run maze, pictures and GIF included",
                _waits(run, rounds),
                "s",
                3.0,
                note="warm: compiled before",
            ),
        ]
