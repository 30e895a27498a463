"""`python -m benchmarks.kills --kills 50`: kill a maze run at random moments, resume it until done, compare every byte.

What must be equal to a run that was never stopped: the table of action values and all other artifacts, the metrics, and the summary
(durations aside).
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TIMES = ("learning_seconds", "steps_per_second")


def essence(folder: Path) -> dict[str, Any]:
    """What a run computed: metrics bytes, summary without durations, the SHA-256 of every artifact."""
    record = json.loads((folder / "run.json").read_text())
    return {
        "status": record["status"],
        "summary": {name: value for name, value in record["summary"].items() if name not in TIMES},
        "artifacts": {one["name"]: one["sha256"] for one in record["artifacts"]},
        "metrics": (folder / "metrics.jsonl").read_bytes(),
    }


def sandbox(*words: str) -> list[str]:
    """A command line of the sandbox."""
    return [sys.executable, "-m", "sandbox", *words]


def killed_and_resumed(store: Path, options: Sequence[str], kills: int, rng: random.Random, longest: float) -> tuple[Path, int]:
    """Run, kill, resume, kill … and at last resume to the end.

    Args:
        store: an empty folder.
        options: of `run maze`.
        kills: how often to kill.
        rng: draws the moments.
        longest: seconds after the start of a process within which it is killed.

    Returns:
        The run's folder, and how many kills hit a process at work.
    """
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    hits = 0
    for _ in range(kills):
        folders = list(store.glob("maze/*/run.json"))
        words = ["resume", str(folders[0].parent)] if folders else ["run", "maze", *options]
        process = subprocess.Popen(sandbox(*words, "--store", str(store), "--checkpoint-every", "0.2"), **quiet)  # type: ignore[call-overload]
        time.sleep(rng.uniform(0.05, longest))
        hits += process.poll() is None
        process.kill()
        process.wait()
        for incomplete in set(store.glob("maze/*")) - {path.parent for path in store.glob("maze/*/run.json")}:
            incomplete.rename(store / f"never-begun-{hits}")  # killed before its first word: no run yet
    folders = list(store.glob("maze/*/run.json"))
    words = ["resume", str(folders[0].parent)] if folders else ["run", "maze", *options]
    subprocess.run(sandbox(*words, "--store", str(store)), check=True, **quiet)  # type: ignore[call-overload]
    return next(store.glob("maze/*/run.json")).parent, hits


def compare(options: Sequence[str], kills: int, seed: int, longest: float) -> tuple[list[str], int]:
    """Names of what differs between an undisturbed run and a killed one (none, if all is well), and how many kills hit."""
    with tempfile.TemporaryDirectory() as undisturbed, tempfile.TemporaryDirectory() as disturbed:
        subprocess.run(
            sandbox("run", "maze", *options, "--store", undisturbed), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        whole = essence(next(Path(undisturbed).glob("maze/*/run.json")).parent)
        folder, hits = killed_and_resumed(Path(disturbed), options, kills, random.Random(seed), longest)
        pieced = essence(folder)
    return [name for name in whole if whole[name] != pieced[name]], hits


def main() -> int:
    """Kill, resume, compare, say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--episodes", type=int, default=1_500_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=2.0, help="seconds within which a process is killed")
    chosen = parser.parse_args()
    options = ["--agent", "sarsa", "--episodes", str(chosen.episodes), "--seed", str(chosen.seed), "--render", "gif"]
    different, hits = compare(options, chosen.kills, chosen.seed, chosen.longest)
    print(
        f"{chosen.kills} kills, {hits} of them while it worked: {'different: ' + ', '.join(different) if different else 'the same bytes'}"
    )
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
