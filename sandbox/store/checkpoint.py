"""Checkpoints: the state of a run on disk, as arrays and JSON without pickle.

A checkpoint is a folder with `state.json` (plain values, arrays replaced by references),
`arrays.npz` and `sums.json` with the SHA-256 of both. It is written beside its final name, synced,
and renamed into place. Everything that is read is validated: a file may declare more data than it
has, or hold something other than a state.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from sandbox.errors import CheckpointError
from sandbox.lab import State
from sandbox.store.files import Directory, door, temporary_name

Arrays = dict[str, np.ndarray]
KEPT = 2
"""How many checkpoints stay: the last one, and the one before in case the last is damaged."""

LARGEST = 2**34
"""Bytes that the arrays of a checkpoint may take; 16 GiB are far more than any lab here writes."""
DEEPEST = 200
"""Levels of lists and dictionaries in a state."""
STATE, ARRAYS, SUMS = "state.json", "arrays.npz", "sums.json"

ARRAY, SCALAR, TEXT = "array:", "scalar:", "text:"
"""How references to arrays and to NumPy scalars begin in state.json, and strings that look like
one.
"""


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
    arrays: Arrays = {}
    tree = _without_arrays(state, arrays, "")
    run, checkpoints = door(folder)
    run.make(checkpoints)
    final = f"{checkpoints}/{number:06d}"
    scratch = temporary_name(final)
    run.make(scratch)
    try:
        run.write(f"{scratch}/{STATE}", json.dumps(tree).encode())
        with run.writing(f"{scratch}/{ARRAYS}") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        sums = {name: run.digest(f"{scratch}/{name}") for name in (STATE, ARRAYS)}
        run.write(f"{scratch}/{SUMS}", json.dumps(sums).encode())
        run.remove(final)
        run.rename(scratch, final)
    except BaseException:
        run.remove(scratch)
        raise
    run.sync(checkpoints)
    for old in [other for other in numbers(folder) if other <= number][:-KEPT]:
        run.remove(f"{checkpoints}/{old:06d}")
    return folder / f"{number:06d}"


def forget_after(folder: Path, number: int) -> None:
    """Remove the checkpoints above `number`: those that were skipped when it was restored."""
    run, checkpoints = door(folder)
    for later in numbers(folder):
        if later > number:
            run.remove(f"{checkpoints}/{later:06d}")


def load(path: Path) -> State:
    """Read one checkpoint, in the `checkpoints` folder of a run.

    Raises:
        CheckpointError: when a file is missing, or its content is not what was written, or cannot
            be a state.
        PermissionError: when a file may not be read; it may be whole.
    """
    run, inside = Directory(path.parent.parent), f"{path.parent.name}/{path.name}"
    try:
        sums = json.loads(run.read(f"{inside}/{SUMS}", 10_000))
        contents = {name: run.read(f"{inside}/{name}", LARGEST) for name in (STATE, ARRAYS)}
        for name, content in contents.items():
            if hashlib.sha256(content).hexdigest() != sums[name]:
                raise CheckpointError(
                    f"Checkpoint {path.name}: {name} is damaged (its SHA-256 is not the one "
                    "written down)."
                )
        tree = _with_arrays(json.loads(contents[STATE]), _arrays(contents[ARRAYS]))
        if not isinstance(tree, dict):
            raise ValueError("its state is no dictionary")
        return tree
    except (CheckpointError, PermissionError):
        raise
    # the readers of zip files and of array headers may raise any exception, also MemoryError
    except Exception as error:
        raise CheckpointError(
            f"Checkpoint {path.name} cannot be read: {type(error).__name__}: {error}"
        ) from error


def _arrays(content: bytes) -> Arrays:
    """The arrays of an .npz file.

    Raises:
        ValueError: when a part claims to be larger than it is: compressed, or with a header that
            asks for more than there is.
    """
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for part in archive.infolist():
            if (
                part.compress_type != zipfile.ZIP_STORED
                or part.file_size != part.compress_size
                or not part.filename.endswith(".npy")
            ):
                raise ValueError(f"{part.filename} is compressed, or no array")
            data = archive.read(part)
            file = io.BytesIO(data)
            version_1 = npy.read_magic(file) == (1, 0)
            read = npy.read_array_header_1_0 if version_1 else npy.read_array_header_2_0
            shape, _, dtype = read(file)
            if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
                raise ValueError(
                    f"{part.filename} does not hold the array that its header describes"
                )
            file.seek(0)
            name = part.filename.removesuffix(".npy")
            arrays[name] = npy.read_array(file, allow_pickle=False)
    return arrays


def newest_first(folder: Path, report: Callable[[str], None]) -> Iterator[tuple[int, State]]:
    """The undamaged checkpoints with their numbers, newest first.

    Args:
        folder: the run's `checkpoints` folder.
        report: called with a sentence for each damaged one, which is skipped.
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
    run, checkpoints = door(folder)
    return sorted(
        int(name)
        for name in run.names(checkpoints)
        if name.isdecimal() and name.isascii() and len(name) < 19
    )


def _without_arrays(value: object, arrays: Arrays, path: str) -> object:
    """The same tree with every array replaced by a reference; strings that look like one are
    escaped.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value, mark = np.asarray(value), ARRAY if isinstance(value, np.ndarray) else SCALAR
        if value.dtype.hasobject:
            raise CheckpointError(
                f"state{path}: an array of Python objects cannot be kept; use numbers, booleans or "
                "strings."
            )
        key = f"a{len(arrays)}"
        arrays[key] = value
        return mark + key
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise CheckpointError(f"state{path}: the key {key!r} is no string.")
        return {
            key: _without_arrays(part, arrays, f"{path}[{key!r}]") for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [
            _without_arrays(part, arrays, f"{path}[{number}]") for number, part in enumerate(value)
        ]
    if isinstance(value, str):
        return f"{TEXT}{value}" if value.startswith((ARRAY, SCALAR, TEXT)) else value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise CheckpointError(
        f"state{path} is a {type(value).__name__}; a state holds dicts, lists, arrays, numbers, "
        "strings, booleans and None."
    )


def _with_arrays(value: object, arrays: Arrays, level: int = 0) -> object:
    if level > DEEPEST:
        raise ValueError("its state is nested too deep")
    if isinstance(value, dict):
        return {key: _with_arrays(part, arrays, level + 1) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_arrays(part, arrays, level + 1) for part in value]
    if not isinstance(value, str):
        return value
    if value.startswith(ARRAY):
        return arrays[value.removeprefix(ARRAY)]
    if value.startswith(SCALAR):
        return arrays[value.removeprefix(SCALAR)][()]
    return value.removeprefix(TEXT)
