"""Random numbers for many sub-environments at once: each has its own generator and gets exactly the
numbers that it would draw alone.

A generator is created when its first number is needed, and its numbers are drawn ahead in blocks:
`random(n)` gives what n calls of `random()` give.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium.utils import seeding

BLOCK = 256
"""Count of numbers of a stream drawn at once, as long as all blocks together hold at most MOST."""
MOST = 2**21
"""Largest count of numbers in all blocks: 16 MiB."""


class Streams:
    """Generators as Gymnasium makes them, numbered from 0.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._block = max(16, min(BLOCK, MOST // count))
        self._generators: list[np.random.Generator | None] = [None] * count
        self._seeds: list[int | None] = [
            None
        ] * count  # of a generator not yet created; None: any seed
        self._ahead: np.ndarray | None = (
            None  # float64 [count * block], the streams' blocks in order
        )
        self._ends = (
            np.arange(1, count + 1) * self._block
        )  # int64 [count], where in `_ahead` each block ends
        # int64 [count], index of each stream's next number; at the end of its block: none drawn yet
        self._next = self._ends.copy()
        self._lent = False

    def seed(self, seeds: Sequence[int | None], chosen: np.ndarray | None = None) -> None:
        """Seed streams.

        Args:
            seeds: one for each, None to continue.
            chosen: bool [count], the streams to seed; None means all.
        """
        meant = range(len(seeds)) if chosen is None else np.flatnonzero(chosen).tolist()
        reseeded = [number for number in meant if seeds[number] is not None]
        for number in reseeded:
            self._seeds[number], self._generators[number] = seeds[number], None
        self._next[reseeded] = self._ends[reseeded]
        self._lent = self._lent and len(reseeded) < len(seeds)

    def draw(self, wanted: np.ndarray) -> np.ndarray:
        """The next number of each stream where `wanted` (bool [count]); other entries are
        arbitrary, and their streams do not advance.

        Returns:
            float64 [count], each in [0, 1).
        """
        if self._lent:
            numbers = np.zeros(len(wanted))
            for number in np.flatnonzero(wanted).tolist():
                numbers[number] = self._generator(number).random()
            return numbers
        if self._ahead is None:
            self._ahead = np.empty(self._block * len(self._ends))
        empty = np.flatnonzero(self._next == self._ends)
        for number, end in zip(empty.tolist(), self._ends[empty].tolist(), strict=True):
            self._generator(number).random(out=self._ahead[end - self._block : end])
        self._next[empty] -= self._block
        numbers = self._ahead.take(self._next)
        self._next += wanted
        return numbers

    def lend(self) -> tuple[np.random.Generator, ...]:
        """The generators, each in the state it would have without drawing ahead.

        The caller may draw from them, so nothing is drawn ahead until all are seeded again.
        """
        for number in np.flatnonzero(self._next < self._ends).tolist():
            self._generator(number).bit_generator.advance(  # type: ignore[attr-defined]
                int(self._next[number] - self._ends[number])
            )  # it is PCG64
        self._next[:] = self._ends
        self._lent = True
        return tuple(map(self._generator, range(len(self._generators))))

    def seeds(self) -> tuple[int, ...]:
        """The seed of each generator."""
        for number, seed in enumerate(self._seeds):
            if seed is None:
                self._generator(number)
        return tuple(self._seeds)  # type: ignore[arg-type]  # none is None any more

    def _generator(self, number: int) -> np.random.Generator:
        generator = self._generators[number]
        if generator is None:
            generator, self._seeds[number] = seeding.np_random(self._seeds[number])
            self._generators[number] = generator
        return generator
