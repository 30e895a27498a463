"""Classification by the k nearest neighbours, all queries at once."""

from __future__ import annotations

import numpy as np

ROOM = 4_000_000
"""Largest number of distances held in memory at once."""


def classify(points: np.ndarray, classes: np.ndarray, questions: np.ndarray, k: int) -> np.ndarray:
    """The most frequent class among the k nearest points; ties go to the smallest class.

    Cover and Hart (1967), "Nearest neighbor pattern classification". Distances are Euclidean;
    among points at equal distance, any may be chosen.

    Args:
        points: float64 [points, dimensions].
        classes: the class of each point, int64 [points], counted from 0.
        questions: the queries, float64 [questions, dimensions].
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
    return votes.argmax(axis=1)


def quadrant(points: np.ndarray) -> np.ndarray:
    """The quadrant of each point: int64 [points].

    0 to 3 for x >= 0, y >= 0; x >= 0, y < 0; x < 0, y < 0; x < 0, y >= 0.
    """
    right, up = points[:, 0] >= 0, points[:, 1] >= 0
    return np.where(right, np.where(up, 0, 1), np.where(up, 3, 2))
