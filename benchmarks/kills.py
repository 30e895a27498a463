"""`python -m benchmarks.kills --kills 1000`: kill whole processes at random moments, go on until done, compare every byte.

Over all labs, Stable-Baselines3, sweeps and comparisons. What must be equal to the same work that was never stopped: metrics, the
summary (durations aside), the SHA-256 of every artifact; of sweeps and comparisons also the ranking and the verdicts.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

TIMES = ("learning_seconds", "steps_per_second")
NAMED_ANEW = (
    "run",
    "runs",
    "folder",
    "command",
    "sweep",
    "comparison",
    "created",
    "ended",
    "page",
    "reused",
)
"""Parts of a sweep's or comparison's document that are others each time."""
WORK: dict[str, Sequence[str]] = {
    "maze": ("run", "maze", "--agent", "sarsa", "--episodes", "1000000", "--render", "gif"),
    "maze, 20 seeds": (
        "run",
        "maze",
        "--agent",
        "q-learning",
        "--seeds",
        "20",
        "--episodes",
        "30000",
        "--render",
        "none",
    ),
    "empty-grid": (
        "run",
        "empty-grid",
        "--agent",
        "q-learning",
        "--episodes",
        "1000000",
        "--render",
        "none",
    ),
    "gym": (
        "run",
        "gym",
        "--env",
        "FrozenLake-v1",
        "--agent",
        "q-learning",
        "--episodes",
        "60000",
        "--render",
        "none",
    ),
    "intro": ("run", "intro", "--render", "none"),
    "regression": ("run", "regression", "--render", "none"),
    "mnist": ("run", "mnist", "--preset", "quick", "--dataset", "digits", "--render", "none"),
    "autoencoder": (
        "run",
        "autoencoder",
        "--preset",
        "quick",
        "--dataset",
        "digits",
        "--render",
        "none",
    ),
    "music": ("run", "music", "--preset", "quick", "--render", "none"),
    "sb3-dqn": ("run", "maze", "--agent", "sb3-dqn", "--episodes", "60", "--render", "none"),
    "sweep": (
        "sweep",
        "maze",
        "--grid",
        "agent.alpha=0.1,0.3,0.5",
        "--seeds",
        "2",
        "--episodes",
        "60000",
    ),
    "compare": (
        "compare",
        "maze",
        "--agents",
        "sarsa",
        "q-learning",
        "--seeds",
        "3",
        "--episodes",
        "60000",
    ),
}
"""What is killed, by name."""
IN_A_ROUND = 30
"""Kills of one piece of work, before it may end."""
EARLY, LATE = 0.6, 3.0
"""A process is killed within this share of the time that the whole work takes, and within so many seconds: what goes on has less to do."""


class Tally(NamedTuple):
    """What came of one piece of work.

    Attributes:
        hits: kills that met a process at work.
        different: names of what differs from the undisturbed work.
    """

    hits: int
    different: list[str]


def steady(document: Any) -> Any:
    """A document without what is another each time: ids, folders and everything that was measured in seconds."""
    if isinstance(document, Mapping):
        return {
            name: steady(part)
            for name, part in document.items()
            if name not in NAMED_ANEW and "second" not in name and name not in TIMES
        }
    return [steady(part) for part in document] if isinstance(document, list) else document


def essence(store: Path) -> dict[str, Any]:
    """What was computed in a store: of every run by configuration and seed, and of every sweep and comparison."""
    made: dict[str, Any] = {}
    for path in store.glob("*/*/run.json"):
        record = json.loads(path.read_bytes())
        key = f"{json.dumps(record['config'], sort_keys=True)} seed {record['seed']}"
        assert key not in made, f"computed twice: {key}"
        made[key] = {
            "status": record["status"],
            "summary": {
                name: value for name, value in record["summary"].items() if name not in TIMES
            },
            "score": record["score"],
            "artifacts": {one["name"]: one["sha256"] for one in record["artifacts"]},
            "metrics": (path.parent / "metrics.jsonl").read_bytes(),
        }
    for path in [
        *store.glob("sweeps/*/ranking.json"),
        *store.glob("comparisons/*/comparison.json"),
    ]:
        made[path.name] = steady(json.loads(path.read_bytes()))
    return made


def words_of(work: Sequence[str], store: Path) -> list[str]:
    """The command that begins the work, or goes on with it where it stands."""
    begun = (
        [*store.glob("sweeps/*/sweep.json")]
        if work[0] == "sweep"
        else [*store.glob("*/*/run.json")]
        if work[0] == "run"
        else []
    )
    render = work[work.index("--render") : work.index("--render") + 2] if "--render" in work else []
    words = ["resume", str(begun[0].parent), *render] if begun else list(work)
    return [
        sys.executable,
        "-m",
        "sandbox",
        *words,
        "--store",
        str(store),
        *(["--checkpoint-every", "0.1"] if work[0] != "compare" else []),
    ]


def carried_out(words: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
    """Start a command; what it says goes nowhere."""
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The parts in which two essences differ."""
    return [part for part in one | other if one.get(part) != other.get(part)]


def damaged(store: Path) -> list[str]:
    """What `verify` says is wrong; of a run that was killed before its first word there is nothing to be whole."""
    words = [sys.executable, "-m", "sandbox", "verify", "--json", "--store", str(store)]
    found = json.loads(subprocess.run(words, capture_output=True, check=False).stdout)
    return [
        f"{one['run']}: {one['problems']}"
        for one in found
        if one["problems"] and (Path(one["folder"]) / "run.json").exists()
    ]


def one_round(
    work: Sequence[str], seed: int, kills: int, whole: dict[str, Any], longest: float
) -> Tally:
    """Kill a piece of work, go on, kill it … and at last let it end.

    Args:
        work: words of the command.
        seed: of the work, and of the moments.
        kills: how many at most; work that ends before them is done.
        whole: the essence of the undisturbed work.
        longest: seconds after the start of a process within which it is killed.
    """
    rng, hits = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs"
        for _ in range(kills):
            process = carried_out(words_of(work, store))
            time.sleep(rng.uniform(0.1, longest))
            ended = process.poll() is not None
            hits += not ended
            process.kill()
            process.wait()
            if ended:
                break
        last = carried_out(words_of(work, store))
        if last.wait() != 0:
            return Tally(hits, [f"{work[0]} ended with {last.returncode}"])
        pieced = essence(store)
        wrong = damaged(store)
    different = [
        f"{part} of {name}"
        for name in whole | pieced
        for part in _differing(whole.get(name, {}), pieced.get(name, {}))
    ]
    return Tally(hits, [*different, *wrong])


def undisturbed(work: Sequence[str]) -> tuple[dict[str, Any], float]:
    """The essence of work that nobody kills, and within how many seconds to kill it."""
    with tempfile.TemporaryDirectory() as folder:
        store, begun = Path(folder) / "runs", time.monotonic()
        words = words_of(work, store)
        assert carried_out(words).wait() == 0, words
        return essence(store), min(LATE, EARLY * (time.monotonic() - begun))


def killed(name: str, kills: int, seed: int) -> tuple[str, Tally, int]:
    """Rounds over one kind of work until it was killed so often: its name, what came of it, and how many rounds it took."""
    hits, rounds, different = 0, 0, list[str]()
    while hits < kills and rounds < 2 * kills:
        work = [*WORK[name], "--seed", str(seed + rounds)]
        whole, longest = undisturbed(work)
        made = one_round(work, seed + rounds, min(IN_A_ROUND, kills - hits), whole, longest)
        hits, rounds = hits + made.hits, rounds + 1
        different += [f"seed {seed + rounds - 1}: {one}" for one in made.different]
    return name, Tally(hits, different), rounds


def main() -> int:
    """Kill, go on, compare, say; exit code 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=1000, help="of processes at work, over all kinds of work"
    )
    parser.add_argument(
        "--only",
        nargs="*",
        metavar="NAME",
        choices=list(WORK),
        default=list(WORK),
        help="kinds of work",
    )
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument(
        "--at-once", type=int, default=2, metavar="N", help="kinds of work under way at a time"
    )
    chosen = parser.parse_args()
    each = -(-chosen.kills // len(chosen.only))
    begun, total, wrong = time.monotonic(), 0, 0
    with ThreadPoolExecutor(chosen.at_once) as pool:
        for name, made, rounds in pool.map(
            lambda name: killed(name, each, chosen.seed), chosen.only
        ):
            total, wrong = total + made.hits, wrong + len(made.different)
            print(
                f"{name:16} {made.hits:5} kills in {rounds:3} rounds, {len(made.different)} different",
                flush=True,
            )
            for one in made.different:
                print(f"    {one[:400]}", flush=True)
    print(
        f"{total} kills of processes at work, {wrong} differences, {time.monotonic() - begun:.0f} s"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
