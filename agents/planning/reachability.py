"""Properties that depend on which transitions are possible, not on their probabilities: whether
episodes can end, and whether values diverge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from envs.mdp import TabularMDP


def can_end(model: TabularMDP, policy: np.ndarray | None = None) -> bool:
    """Whether the episode can terminate from every state.

    Args:
        model: the world.
        policy: int [states], the actions taken; None allows any action.
    """
    possible, terminated, next_state = model.probability > 0, model.terminated, model.next_state
    if policy is not None:
        taken = np.arange(len(policy))[:, None], policy[:, None]
        possible, terminated, next_state = possible[taken], terminated[taken], next_state[taken]
    return bool((ways_to_end(possible, terminated, next_state) >= 0).all())


def ways_to_end(possible: np.ndarray, terminated: np.ndarray, next_state: np.ndarray) -> np.ndarray:
    """The first action of a shortest way to the end of the episode, int64 [states]; -1 where the
    episode cannot end.

    Args:
        possible: which outcomes can happen, bool [states, actions, outcomes].
        terminated: whether the episode terminates with them, likewise.
        next_state: where they lead, int64 [states, actions, outcomes].
    """
    way = np.full(len(possible), -1)
    while True:
        closer = (possible & (terminated | (way >= 0)[next_state])).any(axis=2)
        new = closer.any(axis=1) & (way < 0)
        if not new.any():
            return way
        way[new] = closer[new].argmax(axis=1)


def grows_for_ever(model: TabularMDP, change: np.ndarray, residual: float) -> bool:
    """Whether values provably keep rising (or falling) in a set of states that cannot be left.

    If every state of a set rose by at least δ > 0 in a sweep, and no action in them can leave the
    set or end the episode, then each later sweep adds at least δ again: a sweep is monotone, and
    without a discount adding δ to all values adds δ to all results. The same holds downwards.
    """
    for direction in (1, -1):
        inside = direction * change > 0.5 * residual  # [states]
        while inside.any():
            leaves = (model.probability > 0) & (
                model.terminated | ~inside[model.next_state]
            )  # [states, actions, outcomes]
            closed = inside & ~leaves.any(axis=(1, 2))
            if (closed == inside).all():
                return True
            inside = closed
    return False
