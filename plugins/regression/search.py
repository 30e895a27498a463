"""A grid search: every candidate is trained on each fold, and the best few again on all points.

Every fit has its own generators, made from the run's seed, the candidate and the fold: results
depend neither on the number of threads nor on interruptions. The test points select nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np

from agents.supervised.candidates import CandidateSearch
from envs.datasets.curves import Curve
from plugins.regression.config import RegressionConfig, hidden_layers, numbers
from plugins.regression.data import points_of, refuse_batch
from plugins.regression.experiment import evaluate
from plugins.regression.network import Network
from plugins.regression.training import Diverged, Recipe, Training
from sandbox.errors import SandboxError, UsageError
from sandbox.lab import Block, Context, State, Summary
from sandbox.score import Score
from sandbox.seeding import generator

WORK = 120_000_000
"""Weights times samples in a block, approximately: half a second of work."""


class Candidate(NamedTuple):
    """One combination of the grid's settings."""

    hidden: tuple[int, ...]
    activation: str
    l1: float
    learning_rate: float

    @property
    def size(self) -> str:
        """The hidden layers in the form of the option, such as "75,50"."""
        return ",".join(map(str, self.hidden))

    def __str__(self) -> str:
        return (
            f"{self.size} {self.activation}, L1 {self.l1:g}, learning rate {self.learning_rate:g}"
        )


def grid(config: RegressionConfig) -> list[Candidate]:
    """All candidates, in a fixed order: those of one size are adjacent.

    The number of a candidate is part of the names of its generators, so the order must not change.
    scikit-learn's ParameterGrid has another order, by the names of the settings.
    """
    search = config.search
    sizes = [hidden_layers(part) for part in search.sizes.split()]
    parts = product(
        sizes, search.activations.split(), numbers(search.l1), numbers(search.learning_rates)
    )
    return [Candidate(*part) for part in parts]


def fold_numbers(rng: np.random.Generator, points: int, folds: int, shuffle: bool) -> np.ndarray:
    """The fold of each point, sizes differing by at most 1: int64 [points].

    scikit-learn's KFold is not used: it shuffles with a RandomState, not a Generator.

    Raises:
        UsageError: when there are more folds than points.
    """
    if folds > points:
        raise UsageError(f"--search.folds {folds} is more than the {points} training points.")
    numbers_ = np.sort(np.arange(points) % folds)
    return rng.permutation(numbers_) if shuffle else numbers_


def fit(
    config: RegressionConfig, candidate: Candidate, points: Curve, seed: int, name: str
) -> Network | None:
    """A candidate trained on points; None when it diverges.

    Args:
        config: all other settings.
        candidate: what to train.
        points: to train on.
        seed: of the run.
        name: of this fit's generators, which draw initial weights and orders of points.
    """
    network = Network((1, *candidate.hidden, 1), candidate.activation)
    network.initialise(generator(seed, f"{name} weights"), config.initialisation)
    recipe = Recipe.of(config, l1=candidate.l1, learning_rate=candidate.learning_rate)
    try:
        Training(
            network, recipe, points.x[:, None], points.y[:, None], generator(seed, f"{name} order")
        ).run(config.epochs)
    except Diverged:
        return None
    return network


def held_out_loss(
    config: RegressionConfig,
    candidate: Candidate,
    points: Curve,
    held: np.ndarray,
    seed: int,
    name: str,
) -> float:
    """Mean loss (y - t)² / 2 on the points held out; infinity where learning diverged.

    Args:
        config, candidate, seed, name: see `fit`.
        points: to train on, and to measure on.
        held: bool [points], which are held out.
    """
    train, rest = (Curve(points.x[part], points.y[part]) for part in (~held, held))
    network = fit(config, candidate, train, seed, name)
    return float("inf") if network is None else evaluate(network, rest) / 2


class GridSearchExperiment(CandidateSearch):
    """The search as a run.

    Args:
        config: the grid, and how every candidate is trained.
        context: gives the generators "data" and "folds", the seed of every fit, and the number of
            threads.

    Attributes:
        candidates: the grid.
        losses: mean loss (y - t)² / 2 on the points held out, float64 [candidates, folds]; NaN
            where not yet computed, infinity where learning diverged.
        test_mse, train_mse: of the finalists trained on all training points, float64 [top]; NaN
            where not yet computed.
        models: parameters of the finalists; None where learning diverged.
    """

    limit: int
    unit, higher_is_better = "fit", False
    headline = ("validation_loss", "test_mse")

    def __init__(self, config: RegressionConfig, context: Context) -> None:
        self.config, self.seed, self.threads = config, context.seed, context.threads
        self.points = points_of(config, context)
        self.candidates = grid(config)
        folds = config.search.folds
        self.fold = fold_numbers(
            context.rng("folds"), len(self.points.train.x), folds, config.search.shuffle
        )
        smallest = len(self.fold) - int(np.bincount(self.fold).max())
        refuse_batch(config.batch_size, smallest, "the data of a fold")
        self.losses = np.full((len(self.candidates), folds), np.nan)
        self.top = min(config.search.top, len(self.candidates))
        self.test_mse, self.train_mse = np.full(self.top, np.nan), np.full(self.top, np.nan)
        self.models: list[np.ndarray | None] = []
        self.limit = self.losses.size + self.top

    @property
    def done_units(self) -> int:
        """Fits done, of folds and finalists."""
        return int((~np.isnan(self.losses)).sum()) + len(self.models)

    def means(self) -> np.ndarray:
        """Mean loss of each candidate; empty before all folds of all candidates are done."""
        return np.empty(0) if np.isnan(self.losses).any() else self.losses.mean(axis=1)

    @property
    def finalists(self) -> np.ndarray:
        """Numbers of the best candidates by cross-validation, best first; empty before the end."""
        return self.ranking()[: self.top]

    @property
    def winner(self) -> int:
        """Number of the candidate that cross-validation chose."""
        return int(self.finalists[self.chosen])

    @property
    def model(self) -> Network:
        """The candidate that cross-validation chose, trained on all points.

        Raises:
            SandboxError: when no finalist is trained yet, or every finalist diverged.
        """
        values = self.models[self.chosen] if self.models else None
        if values is None:
            raise SandboxError(
                "No finalist of this search was trained: all diverged, or it stopped before them. "
                "Try smaller --search.learning-rates."
            )
        candidate = self.candidates[self.winner]
        network = Network((1, *candidate.hidden, 1), candidate.activation)
        network.values[:] = values
        return network

    @property
    def chosen(self) -> int:
        """Place of the best finalist whose training on all points did not diverge; 0 if all did."""
        return next((place for place, values in enumerate(self.models) if values is not None), 0)

    def advance(self) -> Sequence[Block]:
        """The next fits: of one candidate or several, or of finalists."""
        return [self._search_block() if np.isnan(self.losses).any() else self._final_block()]

    def state(self) -> State:
        """The losses, errors and models so far."""
        return {
            "losses": self.losses.copy(),
            "test": self.test_mse.copy(),
            "train": self.train_mse.copy(),
            "models": list(self.models),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        names = ("losses", "test", "train")
        self.losses, self.test_mse, self.train_mse = (state[name].copy() for name in names)
        self.models = list(state["models"])

    def score(self) -> Score:
        """The test error of the candidate that cross-validation chose; NaN before one is chosen."""
        chosen = float(self.test_mse[self.chosen])
        return Score("test_mse", chosen, higher_is_better=False, unit="y²")

    def summary(self) -> Summary:
        """The candidate chosen by cross-validation, and the one that is best on the test points."""
        if not self.models:
            return {"fits": self.done_units}
        winner = self.winner
        best = int(np.where(np.isfinite(self.test_mse), self.test_mse, np.inf).argmin())
        return {
            "test_mse": self.score().value,
            "chosen_by_cross_validation": str(self.candidates[winner]),
            "cross_validation_loss": float(self.losses[winner].mean()),
            "test_mse_if_chosen_on_the_test_set": float(self.test_mse[best]),
            "chosen_on_the_test_set": str(self.candidates[self.finalists[best]]),
            "candidates": len(self.candidates),
            "fits": self.done_units,
            "diverged_fits": int(np.isinf(self.losses).sum()),
        }

    def _search_block(self) -> Block:
        todo = np.flatnonzero(np.isnan(self.losses).ravel())
        cells = todo[: self._count(self.candidates[todo[0] // self.config.search.folds])]

        def one(cell: int) -> float:
            number, fold = divmod(int(cell), self.config.search.folds)
            return held_out_loss(
                self.config,
                self.candidates[number],
                self.points.train,
                self.fold == fold,
                self.seed,
                f"fit {number} {fold}",
            )

        losses = np.array(self._together(one, cells))
        numbers_, folds = np.divmod(cells, self.config.search.folds)
        self.losses[numbers_, folds] = losses
        shown = np.where(np.isfinite(losses), losses, np.nan)
        return Block(
            "search",
            {"fit": cells + 1, "candidate": numbers_, "fold": folds, "validation_loss": shown},
        )

    def _final_block(self) -> Block:
        finalists = self.finalists
        places = np.arange(len(self.models), self.top)
        places = places[: self._count(self.candidates[finalists[places[0]]])]

        def one(place: int) -> Network | None:
            number = int(finalists[place])
            return fit(
                self.config,
                self.candidates[number],
                self.points.train,
                self.seed,
                f"finalist {number}",
            )

        for place, network in zip(places, self._together(one, places), strict=True):
            self.models.append(None if network is None else network.values.copy())
            if network is not None:
                self.test_mse[place] = evaluate(network, self.points.test)
                self.train_mse[place] = evaluate(network, self.points.train)
        chosen = finalists[places]
        loss = self.losses[chosen].mean(axis=1)
        return Block(
            "finalists",
            {
                "fit": self.losses.size + places + 1,
                "candidate": chosen,
                "cross_validation_loss": np.where(np.isfinite(loss), loss, np.nan),
                "train_mse": self.train_mse[places],
                "test_mse": self.test_mse[places],
            },
        )

    def _count(self, candidate: Candidate) -> int:
        """Number of fits in a block: all folds of as many candidates as `WORK` allows."""
        sizes = (1, *candidate.hidden, 1)
        weights = sum(inputs * outputs for inputs, outputs in pairwise(sizes)) + 200
        each = weights * len(self.fold) * self.config.epochs
        return self.config.search.folds * max(
            1, round(WORK * 8 / (each * self.config.search.folds))
        )

    def _together(self, work: Callable[[int], Any], items: Sequence[int] | np.ndarray) -> list[Any]:
        """The results of all items, in order, by threads: compiled code releases the GIL."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="fit") as pool:
            return list(pool.map(work, items))
