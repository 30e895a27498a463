"""Stores that somebody or something has damaged: random files of a small store, each with one
random fault.

Used by tests/sandbox/store/test_damage.py, and with many more cases by `python -m
benchmarks.damage`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ODD = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        10**30,
        -(10**18),
        1e308,
        "",
        "x",
        "\ud800",
        "\x1b[31mred\x07",
        "a" * 10_000,
        "0001-01-01T00:00:00",
    ),
    *(
        [],
        [[]],
        [1, "x"],
        {},
        {"name": ["a"]},
        {"name": 5},
        {"a": {"b": {}}},
        "../../outside",
        "NaN",
        "\u0000",
    ),
]
"""Values that stand where others should."""
NAMES = [
    "agent",
    "config",
    "seed",
    "status",
    "artifacts",
    "summary",
    "score",
    "files",
    "created",
    "warnings",
    "format",
    "digest",
    "runs",
]


def files_of(store: Path) -> list[Path]:
    """The files that may be damaged, sorted."""
    return sorted(
        path for path in store.rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def damage(store: Path, rng: random.Random) -> str:
    """Damage one file of a store; returns which, and how.

    Args:
        store: is changed.
        rng: draws what happens.
    """
    path = rng.choice(files_of(store))
    faults = [flip, cut, empty, noise, missing, folder, linked, pipe, doubled]
    if path.suffix in (".json", ".jsonl"):
        faults += [value, value, value, key, nested, surrogate, other_json]
    fault = rng.choice(faults)
    fault(path, rng)
    return f"{fault.__name__} {path.relative_to(store).as_posix()}"


def flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 1, 30])):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def cut(path: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def empty(path: Path, rng: random.Random) -> None:
    path.write_bytes(b"")


def noise(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(rng.choice([1, 100, 10_000])))


def missing(path: Path, rng: random.Random) -> None:
    path.unlink()


def folder(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.mkdir()


def linked(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(
        rng.choice(["/dev/null", "/dev/zero", "/etc/hostname", "/nowhere", ".", path.name])
    )


def pipe(path: Path, rng: random.Random) -> None:
    path.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)


def doubled(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes() * 2)


def _documents(path: Path) -> list[Any]:
    return (
        [json.loads(line) for line in path.read_text().splitlines()]
        if path.suffix == ".jsonl"
        else [json.loads(path.read_text())]
    )


def _write(path: Path, documents: list[Any]) -> None:
    lines = [json.dumps(one) for one in documents]
    path.write_text("\n".join(lines) + "\n")


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """(container, key) of everything in a document."""
    for name, inner in (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    ):
        found.append((value, name))
        _places(inner, found)
    return found


def value(path: Path, rng: random.Random) -> None:
    """Another value somewhere."""
    documents = _documents(path)
    places = _places(documents, [])
    for _ in range(rng.choice([1, 1, 3])):
        container, name = rng.choice(places)
        container[name] = rng.choice(ODD)
    _write(path, documents)


def key(path: Path, rng: random.Random) -> None:
    """A name that is missing, or one too many."""
    documents = _documents(path)
    dictionaries = [
        container for container, _ in _places(documents, []) if isinstance(container, dict)
    ]
    if dictionaries:
        chosen = rng.choice(dictionaries)
        if chosen and rng.random() < 0.5:
            chosen.pop(rng.choice(sorted(chosen)))
        else:
            chosen[rng.choice(NAMES)] = rng.choice(ODD)
    _write(path, documents)


def nested(path: Path, rng: random.Random) -> None:
    path.write_text("[" * 100_000 + "]" * 100_000)


def surrogate(path: Path, rng: random.Random) -> None:
    path.write_text(path.read_text().replace('": "', '": "\\ud834', 1))


def other_json(path: Path, rng: random.Random) -> None:
    path.write_text(json.dumps(rng.choice(ODD)) + "\n")


def commands(
    store: Path, runs: list[str], groups: list[str], rng: random.Random
) -> list[list[str]]:
    """Some commands of which each may meet the damage.

    Args:
        store: the damaged store.
        runs: ids of runs in it.
        groups: ids of its sweeps and comparisons.
        rng: draws which.
    """
    run, group = rng.choice(runs), rng.choice(groups)
    all_of_them = [
        *(
            ["list"],
            ["list", "--all"],
            ["list", "--json"],
            ["list", "sweeps"],
            ["list", "comparisons", "--json"],
            ["verify"],
            ["verify", run],
            ["verify", "--recompute", run, "--units", "20"],
            ["export", run, "--output", str(store / "run.zip")],
            ["export", group, "--output", str(store / "group.zip"), "--json"],
        ),
        *(
            ["show", run],
            ["show", run, "--json"],
            ["show", group],
            ["show", group, "--json"],
            ["show", "last"],
            ["resume", run],
        ),
        *(
            ["resume", run, "--repair"],
            ["resume", group],
            ["watch", run, "--final", "--frames", "2"],
            ["delete", "--yes", run],
        ),
    ]
    return rng.sample(all_of_them, 3)


def cases(
    base: Path, scratch: Path, count: int, seed: int
) -> Iterator[tuple[Path, str, random.Random]]:
    """Damaged copies of a store, one after the other, with what was done to each.

    Args:
        base: a whole store.
        scratch: where the copies are made; each is removed before the next.
        count: how many.
        seed: of all that is drawn.
    """
    for number in range(count):
        rng = random.Random(seed * 1_000_003 + number)
        copy = scratch / f"store-{number}"
        shutil.copytree(base, copy)
        yield copy, damage(copy, rng), rng
        shutil.rmtree(copy, ignore_errors=True)


def survive(
    run: Callable[[list[str]], int],
    store: Path,
    done: str,
    rng: random.Random,
    runs: list[str],
    groups: list[str],
) -> None:
    """Run some commands on a damaged store; each must end with 0, 1 or 2, and a traceback is a
    fault of ours.

    Args:
        run: a command's words -> its exit code; an exception passes.
        store: the damaged store.
        done: what was done to it, for the message.
        rng: draws the commands.
        runs: ids of runs.
        groups: ids of sweeps and comparisons.

    Raises:
        AssertionError: naming the damage and the command.
    """
    for words in commands(store, runs, groups, rng):
        try:
            code = run([*words, "--store", str(store)])
        except BaseException as error:
            raise AssertionError(f"{done}: {' '.join(words)}") from error
        assert code in (0, 1, 2), f"{done}: {' '.join(words)} ended with {code}"
