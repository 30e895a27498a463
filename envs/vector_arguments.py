"""Checks the arguments of vector environments: numbers, autoreset modes, seeds, reset masks."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import SupportsIndex

import numpy as np
from gymnasium.error import Error
from gymnasium.vector import AutoresetMode

from sandbox.errors import UsageError, did_you_mean


def positive(name: str, value: SupportsIndex) -> int:
    """Check that a value is an integer of at least 1.

    Args:
        name: the name of the argument.
        value: what was given.

    Raises:
        UsageError: naming the argument.
    """
    try:
        number = index(value)
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise UsageError(f"{name} = {value!r}: expected a whole number, 1 or more.")
    return number


def autoreset_mode_of(value: AutoresetMode | str) -> AutoresetMode:
    """The AutoresetMode with this value.

    Args:
        value: what was given.

    Raises:
        UsageError: naming the most similar mode.
    """
    try:
        return AutoresetMode(value)
    except ValueError:
        known = [mode.value for mode in AutoresetMode]
        hint = did_you_mean(str(value), known) or f" Known: {', '.join(known)}."
        raise UsageError(f"No autoreset_mode {value!r}.{hint}") from None


def seeds_of(seed: int | Sequence[int | None] | None, count: int) -> Sequence[int | None] | None:
    """One seed for each of `count` sub-environments; None where none is given.

    Args:
        seed: one, or one for each.
        count: the count of sub-environments.
    """
    if seed is None:
        return None
    seeds = range(seed, seed + count) if isinstance(seed, int) else seed
    if len(seeds) != count:
        raise ValueError(
            f"{len(seeds)} seeds for {count} sub-environments: give one seed, or a list with one "
            "for each."
        )
    for number, one in enumerate(seeds):
        if one is not None and (not isinstance(one, int) or one < 0):
            raise Error(
                f"Seed {one!r} (sub-environment {number}): expected a Python integer, 0 or more."
            )
    return seeds


def check_mask(mask: object, count: int) -> None:
    """Refuse an invalid reset mask, with the same exceptions as SyncVectorEnv.

    Args:
        mask: what was given.
        count: the count of sub-environments.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        kind = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(f"reset_mask is {kind}: expected a NumPy array of truth values.")
    if mask.shape != (count,):
        raise ValueError(
            f"reset_mask has the shape {mask.shape}: expected ({count},), a truth value for each "
            "sub-environment."
        )
    if not mask.any():
        raise ValueError("reset_mask is False everywhere: there is nothing to reset.")
