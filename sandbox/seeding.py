"""One seed, many independent generators, each with a name.

A generator depends on the seed and its name alone, never on which others exist or on their order.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

States = dict[str, Any]
"""The states of generators, by name."""


def seed_sequence(seed: int, name: str) -> np.random.SeedSequence:
    """The seed sequence of the generator `name` in a run with this seed (`seed` >= 0)."""
    return np.random.SeedSequence(entropy=seed, spawn_key=(zlib.crc32(name.encode()), len(name)))


def generator(seed: int, name: str) -> np.random.Generator:
    """A fresh PCG64 generator for this seed and name."""
    return np.random.Generator(np.random.PCG64(seed_sequence(seed, name)))


class Generators:
    """Named generators of one run, each created when it is first used.

    Args:
        seed: the run's seed, >= 0.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._made: dict[str, np.random.Generator] = {}

    def __getitem__(self, name: str) -> np.random.Generator:
        if name not in self._made:
            self._made[name] = generator(self.seed, name)
        return self._made[name]

    def state(self) -> States:
        """The bit generators' states by name: plain values."""
        return {name: rng.bit_generator.state for name, rng in sorted(self._made.items())}

    def restore(self, state: States) -> None:
        """Put every generator back to a state that `state` returned."""
        for name, value in state.items():
            self[name].bit_generator.state = value


class GlobalGenerators:
    """The global generators of libraries, as one run sees them.

    A run that needs them (dropout in torch, replay buffers in Stable-Baselines3) works inside
    `active`: there the globals are the run's own, outside they are as they were.

    Args:
        seed: the run's seed.
        names: which of "python", "numpy" and "torch".
    """

    def __init__(self, seed: int, names: tuple[str, ...]) -> None:
        self.names = names
        self._inside: States | None = None
        self._seeds = {
            name: int(seed_sequence(seed, f"global {name}").generate_state(1)[0]) for name in names
        }

    @contextmanager
    def active(self) -> Iterator[None]:
        """Swap the run's generators in, and out again at the end."""
        outside = self.read()
        if self._inside is None:
            self._seed()
        else:
            self._write(self._inside)
        try:
            yield
        finally:
            self._inside = self.read()
            self._write(outside)

    def state(self) -> States:
        """The states of the generators, as arrays and plain values; empty before the first use."""
        inside = dict(self._inside or {})
        if "python" in inside:
            version, words, gauss = inside["python"]
            inside["python"] = {
                "version": version,
                "words": np.array(words, dtype=np.uint64),
                "gauss": gauss,
            }
        return inside

    def restore(self, state: States) -> None:
        """Restore what `state` returned."""
        inside = dict(state)
        if "python" in inside:
            kept = inside["python"]
            inside["python"] = (kept["version"], tuple(map(int, kept["words"])), kept["gauss"])
        self._inside = inside or None

    def _seed(self) -> None:
        if "python" in self.names:
            random.seed(self._seeds["python"])
        if "numpy" in self.names:
            np.random.seed(self._seeds["numpy"])
        if (
            "torch" in self.names and importlib.util.find_spec("torch") is not None
        ):  # where it is missing, the lab reports it
            import torch

            torch.manual_seed(self._seeds["torch"])

    def read(self) -> States:
        """What the libraries' generators hold now, by name; torch's only where it is loaded."""
        kept: States = {}
        if "python" in self.names:
            kept["python"] = random.getstate()
        if "numpy" in self.names:
            kept["numpy"] = dict(np.random.get_state(legacy=False))
        if "torch" in self.names and "torch" in sys.modules:
            torch = sys.modules["torch"]
            kept["torch"] = {"cpu": torch.get_rng_state().numpy()}
            if torch.cuda.is_available() and torch.cuda.is_initialized():
                kept["torch"]["cuda"] = [state.numpy() for state in torch.cuda.get_rng_state_all()]
        return kept

    def _write(self, kept: States) -> None:
        if "python" in kept:
            random.setstate(kept["python"])
        if "numpy" in kept:
            np.random.set_state(kept["numpy"])
        if "torch" in kept:
            import torch

            torch.set_rng_state(torch.from_numpy(np.array(kept["torch"]["cpu"], dtype=np.uint8)))
            for device, state in enumerate(kept["torch"].get("cuda", [])):
                torch.cuda.set_rng_state(torch.from_numpy(np.array(state, dtype=np.uint8)), device)
