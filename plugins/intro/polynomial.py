"""Polynomials fitted to points: least squares, ridge, and gradient descent step by step.

The normal matrix is never inverted: its condition number is the square of the problem's.
"""

from __future__ import annotations

import numpy as np


def powers(x: np.ndarray, order: int) -> np.ndarray:
    """The powers 0 to `order` of each x: float64 [points, order + 1]."""
    return np.vander(x, order + 1, increasing=True)


def least_squares(x: np.ndarray, y: np.ndarray, order: int) -> np.ndarray:
    """Coefficients w with the smallest Σ (p(x) - y)²; ties: smallest norm in scaled powers.

    Args:
        x, y: float64 [points].
        order: of the polynomial, >= 0.

    Returns:
        Coefficients, the constant first: float64 [order + 1].
    """
    return ridge(x, y, order, 0.0)


def ridge(x: np.ndarray, y: np.ndarray, order: int, weight: float) -> np.ndarray:
    """Coefficients w with the smallest Σ (p(x) - y)² + weight Σ w_j², j > 0.

    Solved as one least-squares problem with one more row for each penalised coefficient (Golub
    and Van Loan, Matrix Computations, 4th edition, section 6.1.4); columns have length 1.

    Args:
        x, y: float64 [points].
        order: of the polynomial, >= 0.
        weight: of the penalty, >= 0.
    """
    matrix = powers(x, order)  # [points, order + 1]
    target = y
    if weight:
        rows = np.sqrt(weight) * np.eye(order + 1)[1:]
        matrix, target = np.vstack([matrix, rows]), np.concatenate([y, np.zeros(order)])
    length = np.linalg.norm(matrix, axis=0)  # [order + 1]
    length[length == 0] = 1.0
    scaled, *_ = np.linalg.lstsq(matrix / length, target, rcond=None)
    return scaled / length


def evaluate(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """p(x): float64 [points]."""
    return powers(x, len(coefficients) - 1) @ coefficients


def mean_squared_error(coefficients: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Mean of (p(x) - y)², in units of y²."""
    return float(np.mean((evaluate(coefficients, x) - y) ** 2))


class Descent:
    """Gradient descent with momentum on a polynomial's mean squared error, started at 0.

    Args:
        x, y: float64 [points].
        order: of the polynomial.
        rate: the learning rate; None takes 1 / L, where L is the largest curvature.
        momentum: in [0, 1): v <- momentum v - rate gradient, w <- w + v (Polyak 1964).

    Attributes:
        coefficients: the current ones, float64 [order + 1].
        limit: 2 (1 + momentum) / L, the smallest learning rate that diverges.
    """

    def __init__(
        self, x: np.ndarray, y: np.ndarray, order: int, rate: float | None, momentum: float
    ) -> None:
        self._matrix, self._y = powers(x, order), y
        curvature = 2 * np.linalg.norm(self._matrix, 2) ** 2 / len(x)
        self.limit = float(2 * (1 + momentum) / curvature)
        self.rate, self.momentum = float(1 / curvature) if rate is None else rate, momentum
        self.coefficients, self.velocity = np.zeros(order + 1), np.zeros(order + 1)

    def step(self) -> float:
        """One step; returns the mean squared error after it."""
        with np.errstate(over="ignore", invalid="ignore"):
            error = self._matrix @ self.coefficients - self._y
            gradient = 2 / len(self._y) * self._matrix.T @ error
            self.velocity = self.momentum * self.velocity - self.rate * gradient
            self.coefficients = self.coefficients + self.velocity
            return float(np.mean((self._matrix @ self.coefficients - self._y) ** 2))
