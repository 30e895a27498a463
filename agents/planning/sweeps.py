"""Compiled sweeps over a large table: bit-identical to the array operations of
`agents.planning.solvers`, and many times faster.

Importing this module loads numba, so it is imported only for tables large enough to benefit.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int64, njit, void

BLOCK = 1024
"""Number of states that are swept or skipped together."""
LONG, TERMS, PAIRS, VALUES = int64[::1], float64[:, :, ::1], float64[:, ::1], float64[::1]


class Sweeper:
    """Repeated backups V'(s) = max_a [r(s, a) + Σ_k w_k(s, a) V(s'_k)]. Sutton & Barto, 2nd ed.,
    equation 4.10.

    States whose successors did not change in the last sweep keep their value. A reward propagates
    one step in each sweep, so most states of a large model are skipped.

    Args:
        reward: float64 [states, actions], expected.
        weight: float64 [outcomes, states, actions], γ times the probability of the outcome without
            termination.
        next_state: int64 [outcomes, states, actions].
    """

    def __init__(self, reward: np.ndarray, weight: np.ndarray, next_state: np.ndarray) -> None:
        self._model = reward, weight, next_state
        begins = np.arange(0, len(reward), BLOCK)
        low, high = (
            (next_state.min(axis=(0, 2)), next_state.max(axis=(0, 2)))
            if len(next_state)
            else (np.arange(len(reward)),) * 2
        )
        self._low = (
            np.minimum.reduceat(low, begins) // BLOCK
        )  # int64 [blocks], the first block that successors are in
        self._high = np.maximum.reduceat(high, begins) // BLOCK  # int64 [blocks], the last
        self._moved = np.ones(
            len(begins), dtype=bool
        )  # [blocks], whether some value changed in the last sweep
        self._last: np.ndarray | None = None

    def __call__(self, value: np.ndarray) -> np.ndarray:
        """V' of V; both float64 [states]. The array returned last may be passed in again only
        unmodified."""
        if value is not self._last:
            self._moved[:] = True
        out, moved = np.empty_like(value), np.zeros_like(self._moved)
        sweep(*self._model, self._low, self._high, self._moved, value, out, moved)
        self._moved, self._last = moved, out
        return out


@njit(
    void(PAIRS, TERMS, int64[:, :, ::1], LONG, LONG, boolean[::1], VALUES, VALUES, boolean[::1]),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def sweep(  # type: ignore[no-untyped-def]
    reward, weight, next_state, low, high, moved_before, value, out, moved
):
    """Fill `out` and `moved`; see Sweeper for the shapes."""
    outcomes, states, actions = next_state.shape
    for block in range(len(moved)):
        begin, end = block * BLOCK, min(states, (block + 1) * BLOCK)
        if not moved_before[low[block] : high[block] + 1].any():
            out[begin:end] = value[begin:end]
            continue
        for state in range(begin, end):
            highest = -np.inf
            for action in range(actions):
                q = reward[state, action]
                for outcome in range(outcomes):
                    q += weight[outcome, state, action] * value[next_state[outcome, state, action]]
                highest = max(highest, q)
            out[state] = highest
            moved[block] |= highest != value[state]
