"""Classification by the k nearest neighbours, all questions at once."""

from __future__ import annotations

import numpy as np

ROOM = 4_000_000
"""So many distances are held at once."""


def classify(points: np.ndarray, classes: np.ndarray, questions: np.ndarray, k: int) -> np.ndarray:
    """The class of most of the k nearest points; of equally frequent classes the smallest.

    Cover and Hart (1967), "Nearest neighbor pattern classification". Distances are Euclidean; of
    points equally far any may count.

    Args:
        points: float64 [points, dimensions].
        classes: of the points, int64 [points] from 0 on.
        questions: float64 [questions, dimensions].
        k: how many neighbours vote, 1 to the number of points.

    Returns:
        int64 [questions].
    """
    size = max(1, ROOM // len(points))
    parts = [
        _classify(points, classes, questions[begin : begin + size], k)
        for begin in range(0, len(questions), size)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _classify(points: np.ndarray, classes: np.ndarray, questions: np.ndarray, k: int) -> np.ndarray:
    distance = ((questions[:, None, :] - points[None, :, :]) ** 2).sum(
        axis=2
    )  # [questions, points]
    nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]  # [questions, k]
    votes = (classes[nearest][:, :, None] == np.arange(classes.max() + 1)).sum(
        axis=1
    )  # [questions, classes]
    winner: np.ndarray = votes.argmax(axis=1)
    return winner


def quadrant(points: np.ndarray) -> np.ndarray:
    """0 to 3 for x >= 0, y >= 0; x >= 0, y < 0; x < 0, y < 0; x < 0, y >= 0: int64 [points]."""
    right, up = points[:, 0] >= 0, points[:, 1] >= 0
    return np.where(right, np.where(up, 0, 1), np.where(up, 3, 2))
