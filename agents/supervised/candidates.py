"""The base of all searches: candidates scored by cross-validation, their ranking and its plot."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sandbox.lab import Experiment
from sandbox.store.artifacts import Artifacts
from sandbox.visual.parallel import parallel_coordinates

MANY = 30
"""Number of candidates from which the worst tenth is clipped at the edge of the plot."""


class CandidateSearch(Experiment):
    """Base of experiments that choose among candidates by their mean score over the folds.

    Attributes:
        candidates: all of them; their settings are attributes.
        higher_is_better: whether a higher score is better.
    """

    candidates: Sequence[Any]
    higher_is_better: bool

    @abstractmethod
    def means(self) -> np.ndarray:
        """Mean score of each candidate judged so far: float64 [judged]; a value that is not finite
        means divergence."""

    def ranking(self) -> np.ndarray:
        """Numbers of the candidates judged so far, best first; ties keep their order."""
        means = self.means()
        return np.argsort(-means if self.higher_is_better else means, kind="stable")

    @property
    def winner(self) -> int:
        """Number of the best candidate, from 0."""
        return int(self.ranking()[0])

    def plot(self, labels: Mapping[str, str], objective: str) -> Figure:
        """A parallel-coordinates plot: each candidate is a line through its settings, the winner in
        front.

        Args:
            labels: labels of the settings, with units, by name.
            objective: name of the score, with its unit.
        """
        means = self.means()
        columns = {
            label: [_plain(getattr(one, name), ",") for one in self.candidates[: len(means)]]
            for name, label in labels.items()
        }
        chosen = ", ".join(_short(column[self.winner]) for column in columns.values())
        return parallel_coordinates(
            columns,
            means,
            objective,
            f"{len(means)} candidates by cross-validation",
            higher_is_better=self.higher_is_better,
            best=self.winner,
            best_label=f"chosen: {chosen}",
            clip=0.9 if len(means) >= MANY else 1.0,
        )


def write_ranking(
    artifacts: Artifacts,
    name: str,
    ranking: Iterable[int],
    columns: Mapping[str, Sequence[Any] | np.ndarray],
) -> None:
    """Write the candidates in the order of their ranks as a CSV file.

    Args:
        artifacts: where the file goes.
        name: its name.
        ranking: the candidates' numbers, best first.
        columns: a value for each candidate, by heading.
    """
    rows = (
        [rank, *(_plain(values[one], " ") for values in columns.values())]
        for rank, one in enumerate(ranking, 1)
    )
    artifacts.write_csv(name, ["rank", *columns], rows)


def _plain(value: Any, between: str) -> Any:
    """A sequence of numbers as text; any other value unchanged."""
    return between.join(map(str, value)) if isinstance(value, tuple) else value


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
