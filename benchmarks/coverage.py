"""How often intervals over tasks contain the truth, and how often a test calls equal agents
different, by simulation on scores like ours: `python -m benchmarks.coverage [COMPARISONS]`.

The truth is the statistic of the distribution that the scores are drawn from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from sandbox.stats import aggregates, significance
from sandbox.stats.intervals import LEVEL

Draw = Callable[[int, np.random.Generator], np.ndarray]
"""Runs and a generator -> normalised scores [runs, 4 tasks]."""


def two_peaks(runs: int, rng: np.random.Generator) -> np.ndarray:
    """A run learns the task or does not: 1 or 0."""
    return (rng.random((runs, 4)) < [0.9, 0.7, 0.5, 0.2]).astype(np.float64)


def no_spread(runs: int, rng: np.random.Generator) -> np.ndarray:
    """Two tasks that every run solves, one that half of the runs solve, and one with a spread."""
    ones = np.ones((runs, 2))
    peaks = 0.25 + 0.75 * (rng.random((runs, 1)) < 0.5)
    return np.concatenate([ones, peaks, rng.normal(0.7, 0.1, (runs, 1))], axis=1)


def ties(runs: int, rng: np.random.Generator) -> np.ndarray:
    """Five values, with other chances on each task."""
    chances = ([1, 2, 4, 2, 1], [0, 1, 1, 3, 5], [5, 2, 1, 1, 1], [2, 2, 2, 2, 2])
    columns = [rng.choice([0, 0.25, 0.5, 0.75, 1], runs, p=np.array(one) / 10) for one in chances]
    return np.stack(columns, axis=1)


def spread(runs: int, rng: np.random.Generator) -> np.ndarray:
    """Normal scores."""
    return rng.normal([0.3, 0.5, 0.8, 0.6], [0.1, 0.2, 0.1, 0.3], (runs, 4))


KINDS: dict[str, Draw] = {
    "two peaks": two_peaks,
    "no spread": no_spread,
    "ties": ties,
    "spread": spread,
}
STATISTICS = {
    "iqm": aggregates.iqm,
    "mean": aggregates.mean,
    "median": aggregates.median_of_tasks,
    "gap": lambda scores: aggregates.mean(np.maximum(1.0 - scores, 0.0)),
}
POPULATION = 200_000
"""Runs from which the truth is computed."""


def coverage(
    kind: str, seeds: int, comparisons: int, resamples: int = 1000, expanded: bool = True
) -> dict[str, float]:
    """The share of 95 % intervals that contain the truth, by statistic.

    The probability of improvement is that of two equal agents, 1/2.

    Args:
        kind: one of `KINDS`.
        seeds: runs on each task.
        comparisons: how many are simulated.
        resamples: of each interval.
        expanded: whether the level is that of `aggregates.level_for`, not 95 %.
    """
    rng, draw = np.random.default_rng(0), KINDS[kind]
    population = draw(POPULATION, rng)
    truth = {name: float(statistic(population)) for name, statistic in STATISTICS.items()}
    held = dict.fromkeys([*STATISTICS, "improvement"], 0)
    for _ in range(comparisons):
        table, other = draw(seeds, rng), draw(seeds, rng)
        level = aggregates.level_for(table) if expanded else LEVEL
        for name, statistic in STATISTICS.items():
            _, low, high = aggregates.estimate(table, statistic, rng, level, resamples)
            held[name] += low - 1e-3 <= truth[name] <= high + 1e-3  # the truth is sampled too
        level = aggregates.level_for(table, other) if expanded else LEVEL
        _, low, high = aggregates.improvement_estimate(table, other, rng, resamples, level)
        held["improvement"] += low - 1e-9 <= 0.5 <= high + 1e-9
    return {name: count / comparisons for name, count in held.items()}


def wrong_verdicts(kind: str, seeds: int, comparisons: int) -> float:
    """The share of pairs of equal agents for which p over tasks is below 5 %.

    Args:
        kind, seeds, comparisons: as in `coverage`.
    """
    rng, draw = np.random.default_rng(1), KINDS[kind]
    p = [
        significance.rank_sum_by_task(draw(seeds, rng), draw(seeds, rng))
        for _ in range(comparisons)
    ]
    return float(np.mean(np.array(p) < significance.ALPHA))


def main(comparisons: int) -> None:
    """Print a line for each kind of scores and number of seeds: at 95 %, and expanded."""
    columns = [*STATISTICS, "improvement"]
    print("| scores | seeds | " + " | ".join(columns) + " | wrong verdicts |")
    print("|---" * (len(columns) + 3) + "|")
    for kind in KINDS:
        for seeds in (3, 5, 10, 20):
            plain, expanded = (
                coverage(kind, seeds, comparisons, 1000, one) for one in (False, True)
            )
            cells = [f"{100 * plain[one]:.1f} → {100 * expanded[one]:.1f}" for one in columns]
            wrong = 100 * wrong_verdicts(kind, seeds, comparisons)
            print(f"| {kind} | {seeds} | {' | '.join(cells)} | {wrong:.1f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1000)
