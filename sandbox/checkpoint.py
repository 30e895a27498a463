"""State on disk: arrays and JSON, no pickle, whole or not there.

A checkpoint is a folder with `state.json` (plain values, arrays replaced by references), `arrays.npz` and `sums.json` with the
SHA-256 of both. It is written beside its final name, synced, and renamed into place.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.errors import CheckpointError
from sandbox.lab import State
from sandbox.store.files import sha256, sync_folder, temporary_name

KEPT = 2
"""How many checkpoints stay: the last one, and the one before in case the last is damaged."""

ARRAY, SCALAR, TEXT = "array:", "scalar:", "text:"
"""How references to arrays and to NumPy scalars begin in state.json, and strings that look like one."""


def save(folder: Path, number: int, state: State) -> Path:
    """Write a checkpoint and remove those before the last two.

    Args:
        folder: the run's `checkpoints` folder.
        number: rises from one checkpoint to the next; names the checkpoint.
        state: nested dicts (with string keys) and lists of arrays and plain values.

    Raises:
        CheckpointError: when `state` holds something else.
        OSError: when it cannot be written; nothing is left behind then.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = _without_arrays(state, arrays, "")
    final = folder / f"{number:06d}"
    scratch = temporary_name(final)
    scratch.mkdir(parents=True)
    try:
        _write(scratch / "state.json", lambda file: file.write(json.dumps(tree).encode()))
        _write(scratch / "arrays.npz", lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
        sums = {name: sha256(scratch / name) for name in ("state.json", "arrays.npz")}
        _write(scratch / "sums.json", lambda file: file.write(json.dumps(sums).encode()))
        sync_folder(scratch)
        if final.exists():
            shutil.rmtree(final)
        os.rename(scratch, final)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    sync_folder(folder)
    for old in [other for other in numbers(folder) if other <= number][:-KEPT]:
        shutil.rmtree(folder / f"{old:06d}", ignore_errors=True)
    return final


def forget_after(folder: Path, number: int) -> None:
    """Remove the checkpoints above `number`: those that were passed over when it was taken up."""
    for later in numbers(folder):
        if later > number:
            shutil.rmtree(folder / f"{later:06d}", ignore_errors=True)


def load(path: Path) -> State:
    """Read one checkpoint.

    Raises:
        CheckpointError: when a file is missing or its content is not what was written.
    """
    try:
        sums = json.loads((path / "sums.json").read_bytes())
        for name in ("state.json", "arrays.npz"):
            if sha256(path / name) != sums[name]:
                raise CheckpointError(f"Checkpoint {path.name}: {name} is damaged (its SHA-256 is not the one written down).")
        tree = json.loads((path / "state.json").read_bytes())
        with np.load(path / "arrays.npz", allow_pickle=False) as arrays:
            state: State = _with_arrays(tree, dict(arrays))
        return state
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise CheckpointError(f"Checkpoint {path.name} cannot be read: {type(error).__name__}: {error}") from error


def newest_first(folder: Path, report: Callable[[str], None]) -> Iterator[tuple[int, State]]:
    """The whole checkpoints with their numbers, the last one first.

    Args:
        folder: the run's `checkpoints` folder.
        report: told of each damaged one that is passed over.
    """
    for number in reversed(numbers(folder)):
        try:
            state = load(folder / f"{number:06d}")
        except CheckpointError as error:
            report(f"{error} The one before it is used.")
            continue
        yield number, state


def numbers(folder: Path) -> list[int]:
    """The numbers of the checkpoints in a folder, rising."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(int(entry.name) for entry in os.scandir(folder) if entry.name.isdecimal())
    return []


def remove_scratch(folder: Path) -> None:
    """Remove what killed writers left behind."""
    for path in folder.glob(".*.tmp"):
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)


def _write(path: Path, write: Callable[[Any], object]) -> None:
    with open(path, "xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _without_arrays(value: Any, arrays: dict[str, np.ndarray], path: str) -> Any:
    """The same tree with every array replaced by a reference; strings that look like one are escaped."""
    if isinstance(value, (np.ndarray, np.generic)):
        value, mark = np.asarray(value), ARRAY if isinstance(value, np.ndarray) else SCALAR
        if value.dtype.hasobject:
            raise CheckpointError(f"state{path}: an array of Python objects cannot be kept; use numbers, booleans or strings.")
        key = f"a{len(arrays)}"
        arrays[key] = value
        return mark + key
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise CheckpointError(f"state{path}: the key {key!r} is no string.")
        return {key: _without_arrays(part, arrays, f"{path}[{key!r}]") for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(part, arrays, f"{path}[{number}]") for number, part in enumerate(value)]
    if isinstance(value, str):
        return f"{TEXT}{value}" if value.startswith((ARRAY, SCALAR, TEXT)) else value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise CheckpointError(
        f"state{path} is a {type(value).__name__}; a state holds dicts, lists, arrays, numbers, strings, booleans and None."
    )


def _with_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        return {key: _with_arrays(part, arrays) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_arrays(part, arrays) for part in value]
    if isinstance(value, str) and value.startswith(ARRAY):
        return arrays[value.removeprefix(ARRAY)]
    if isinstance(value, str) and value.startswith(SCALAR):
        return arrays[value.removeprefix(SCALAR)][()]
    if isinstance(value, str) and value.startswith(TEXT):
        return value.removeprefix(TEXT)
    return value
