"""Kills processes at random moments, resumes them until they are done, and compares every byte.

Run it with `python -m benchmarks.kills --kills 1000`. It covers all labs, Stable-Baselines3, sweeps
and comparisons. Equal to uninterrupted work must be: metrics, the summary (durations aside), the
SHA-256 of every artifact; of sweeps and comparisons also the ranking and the verdicts.

The processes are forks of one that has imported the libraries: PyTorch alone takes seconds to
import, and a kill shall hit work.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from sandbox.runs.recompute import DURATIONS

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "sandbox.cli",
        "sandbox.visual.plots",
        "agents.control.experiment",
        "stable_baselines3",
        "torch._dynamo",
    ]
)

VOLATILE = (
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
"""Parts of a sweep's or comparison's document that differ each time."""
WORK: dict[str, str] = {
    "maze": "run maze --agent sarsa --episodes 1000000 --render gif",
    "maze, env steps": (
        "run maze --agent q-learning --env-steps 150000001 --eval-every 3000000 --render none"
    ),
    "maze, 20 seeds": "run maze --agent q-learning --seeds 20 --episodes 30000 --render none",
    "empty-grid": "run empty-grid --agent q-learning --episodes 1000000 --render none",
    "gym": "run gym --env FrozenLake-v1 --agent q-learning --episodes 60000 --render none",
    "gym, env.step": "run gym --preset cartpole --episodes 300 --render none",
    "gym, sb3-dqn": (
        "run gym --env CartPole-v1 --agent sb3-dqn --agent.total-timesteps 6000 "
        "--agent.n-envs 2 --evaluation-episodes 2 --render none"
    ),
    "gym, sb3-ppo": (
        "run gym --env CartPole-v1 --agent sb3-ppo --agent.total-timesteps 4000 "
        "--agent.n-envs 3 --agent.n-steps 50 --agent.batch-size 50 --agent.normalize both "
        "--evaluation-episodes 2 --render none"
    ),
    "intro": "run intro --render none",
    "regression": "run regression --render none",
    "mnist": "run mnist --preset quick --dataset digits --render none",
    "autoencoder": "run autoencoder --preset quick --dataset digits --render none",
    "music": "run music --preset quick --render none",
    "sb3-dqn": "run maze --agent sb3-dqn --episodes 60 --render none",
    "sb3-a2c, count bonus": (
        "run maze --agent sb3-a2c --agent.total-timesteps 20000 --agent.n-envs 4 "
        "--agent.count-bonus 3 --agent.normalize rewards --render none"
    ),
    "sweep": "sweep maze --grid agent.alpha=0.1,0.3,0.5 --seeds 2 --episodes 60000",
    "compare": "compare maze --agents sarsa q-learning --seeds 3 --episodes 60000",
}
"""Commands that are killed, by name."""
IN_A_ROUND = 30
"""Kills of one command, before it may end."""
EARLY, LATE = 0.6, 3.0
"""A process is killed within this share of the duration of the uninterrupted command, and within so
many seconds: a resumed process has less to do."""


class Tally(NamedTuple):
    """The result of killing one command.

    Attributes:
        hits: kills of processes whose run had begun and that were still running.
        different: names of results that differ from those of the uninterrupted command.
    """

    hits: int
    different: list[str]


def steady(document: Any) -> Any:
    """A document without the parts that differ each time: ids, folders and durations."""
    if isinstance(document, Mapping):
        return {
            name: steady(part)
            for name, part in document.items()
            if name not in VOLATILE and "second" not in name and name not in DURATIONS
        }
    return [steady(part) for part in document] if isinstance(document, list) else document


def results_in(store: Path) -> dict[str, Any]:
    """The results in a store: of runs by configuration and seed, of sweeps and comparisons."""
    results: dict[str, Any] = {}
    for path in store.glob("*/*/run.json"):
        record = json.loads(path.read_bytes())
        key = f"{json.dumps(record['config'], sort_keys=True)} seed {record['seed']}"
        assert key not in results, f"computed twice: {key}"
        results[key] = {
            "status": record["status"],
            "summary": {
                name: value for name, value in record["summary"].items() if name not in DURATIONS
            },
            "score": record["score"],
            "artifacts": {one["name"]: one["sha256"] for one in record["artifacts"]},
            "metrics": (path.parent / "metrics.jsonl").read_bytes(),
        }
    for path in [
        *store.glob("sweeps/*/ranking.json"),
        *store.glob("comparisons/*/comparison.json"),
    ]:
        results[path.name] = steady(json.loads(path.read_bytes()))
    return results


def words_of(work: Sequence[str], store: Path) -> list[str]:
    """The command that starts the work, or resumes it."""
    begun = (
        [*store.glob("sweeps/*/sweep.json")]
        if work[0] == "sweep"
        else [*store.glob("*/*/run.json")]
        if work[0] == "run"
        else []
    )
    render = work[work.index("--render") : work.index("--render") + 2] if "--render" in work else []
    words = ["resume", str(begun[0].parent), *render] if begun else list(work)
    often = ["--checkpoint-every", "0.1"] if work[0] != "compare" else []
    return [*words, "--store", str(store), *often]


def started(words: Sequence[str]) -> BaseProcess:
    """Start a command without output, in a process of its own."""
    process = FORKS.Process(target=_execute, args=(list(words), dict(os.environ)))
    process.start()
    return process


def _execute(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """What the process does that was started."""
    from sandbox.cli import main

    os.environ.clear()
    os.environ.update(environment)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    sys.exit(main(words))


def ended(words: Sequence[str]) -> int:
    """Execute a command and return its exit code."""
    process = started(words)
    process.join()
    return int(process.exitcode or 0)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The parts in which two results differ."""
    return [part for part in one | other if one.get(part) != other.get(part)]


def damaged(store: Path) -> list[str]:
    """Problems that `verify` reports; a run killed before it wrote its run.json has no record."""
    words = [sys.executable, "-m", "sandbox", "verify", "--json", "--store", str(store)]
    reports = json.loads(subprocess.run(words, capture_output=True, check=False).stdout)
    return [
        f"{one['run']}: {one['problems']}"
        for one in reports
        if one["problems"] and (Path(one["folder"]) / "run.json").exists()
    ]


def one_round(
    work: Sequence[str], seed: int, kills: int, whole: dict[str, Any], longest: float
) -> Tally:
    """Kill a command, resume it, kill it … and finally let it end.

    Args:
        work: words of the command.
        seed: of the command, and of the moments.
        kills: how many at most; a command that ends earlier is done.
        whole: the results of the uninterrupted command.
        longest: seconds after the start of a process within which it is killed.
    """
    rng, hits = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs"
        for _ in range(kills):
            process = started(words_of(work, store))
            process.join(rng.uniform(0.1, longest))
            if process.exitcode is not None:
                break
            hits += any(store.glob("*/*/run.json"))  # else it had not begun to work
            process.kill()
            process.join()
        code = ended(words_of(work, store))
        if code != 0:
            return Tally(hits, [f"{work[0]} ended with {code}"])
        pieced = results_in(store)
        wrong = damaged(store)
    different = [
        f"{part} of {name}"
        for name in whole | pieced
        for part in _differing(whole.get(name, {}), pieced.get(name, {}))
    ]
    return Tally(hits, [*different, *wrong])


def uninterrupted(work: Sequence[str]) -> tuple[dict[str, Any], float]:
    """The results of an uninterrupted command, and within how many seconds to kill it."""
    with tempfile.TemporaryDirectory() as folder:
        store, begun = Path(folder) / "runs", time.monotonic()
        words = words_of(work, store)
        assert ended(words) == 0, words
        return results_in(store), min(LATE, EARLY * (time.monotonic() - begun))


def killed(name: str, kills: int, seed: int) -> tuple[str, Tally, int]:
    """Rounds over one kind of command until it was killed so often: its name, result and rounds."""
    hits, rounds, different = 0, 0, list[str]()
    while hits < kills and rounds < 2 * kills:
        work = f"{WORK[name]} --seed {seed + rounds}".split()
        whole, longest = uninterrupted(work)
        tally = one_round(work, seed + rounds, min(IN_A_ROUND, kills - hits), whole, longest)
        hits, rounds = hits + tally.hits, rounds + 1
        different += [f"seed {seed + rounds - 1}: {one}" for one in tally.different]
    return name, Tally(hits, different), rounds


def main() -> int:
    """Kill, resume, compare and print; exit code 1 if anything differs."""
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
        for name, tally, rounds in pool.map(
            lambda name: killed(name, each, chosen.seed), chosen.only
        ):
            total, wrong = total + tally.hits, wrong + len(tally.different)
            print(
                f"{name:16} {tally.hits:5} kills in {rounds:3} rounds, "
                f"{len(tally.different)} different",
                flush=True,
            )
            for one in tally.different:
                print(f"    {one[:400]}", flush=True)
    print(
        f"{total} kills of processes at work, {wrong} differences, {time.monotonic() - begun:.0f} s"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
