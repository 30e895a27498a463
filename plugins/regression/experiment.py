"""Training of one network: a row of metrics per epoch, the best parameters are kept.

The test points are only scored: neither early stopping nor the best epoch depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.snapshots import Snapshots, View
from envs.datasets.curves import Curve, span
from plugins.regression import functions
from plugins.regression.config import RegressionConfig, hidden_layers
from plugins.regression.data import points_of, refuse_batch
from plugins.regression.network import Network
from plugins.regression.training import Diverged, Recipe, Training, held_out
from sandbox.lab import Block, Context, Experiment, State, Summary
from sandbox.score import Score

BLOCK = 20
"""Epochs of a block."""
PLACES = 200
"""Number of places at which snapshots keep the fitted function."""
LAST_GOOD = "last_good_model.npz"


class TrainExperiment(Experiment):
    """Training of one network.

    Args:
        config: what to train and how.
        context: gives the generators "data", "split", "weights" and "order".

    Attributes:
        best: "epoch", "loss" and "values" (the parameters) of the best epoch so far.
        model: the network of the best epoch where one is chosen, else of the last epoch.
        places: where snapshots keep the fitted function, float64 [PLACES].
        snapshots: what `view` returned while it learned.
    """

    limit: int
    unit = "epoch"
    headline = ("train_loss", "test_loss")
    best: State

    def __init__(self, config: RegressionConfig, context: Context) -> None:
        self.config, self.limit = config, config.epochs
        self._artifacts = context.artifacts
        self.points = points_of(config, context)
        train, test = self.points
        held = np.zeros(len(train.x), dtype=bool)
        if config.validation:
            held = held_out(context.rng("split"), len(train.x), config.validation)
        refuse_batch(config.batch_size, int((~held).sum()), "the training data")
        network = Network((1, *hidden_layers(config.hidden), 1), config.activation).initialise(
            context.rng("weights"), config.initialisation
        )
        self.training = Training(
            network,
            Recipe.of(config),
            train.x[~held, None],
            train.y[~held, None],
            context.rng("order"),
        )
        self._held = (train.x[held, None], train.y[held, None])
        self._test = (test.x[:, None], test.y[:, None])
        self.best = {"epoch": 0, "loss": float("inf"), "values": network.values.copy()}
        self.places = np.linspace(*span(train, test), PLACES)
        self.snapshots = Snapshots(config.epochs)

    @property
    def done_units(self) -> int:
        """Epochs trained."""
        return self.training.epochs_done

    @property
    def stopped_early(self) -> bool:
        """Whether there was no better epoch for `patience` epochs, before all were done."""
        return (
            self.config.patience is not None
            and self.best["epoch"] + self.config.patience <= self.done_units < self.limit
        )

    @property
    def done(self) -> bool:
        """Whether all epochs are trained, or it stopped early."""
        return self.done_units >= self.limit or self.stopped_early

    @property
    def chooses(self) -> bool:
        """Whether the best epoch is kept rather than the last."""
        return bool(self.config.validation) or self.config.patience is not None

    @property
    def model(self) -> Network:
        """The network of the best epoch where one is chosen, else of the last epoch."""
        if not self.chooses:
            return self.training.network
        best = Network(self.training.network.sizes, self.config.activation)
        best.values[:] = self.best["values"]
        return best

    @property
    def epoch_of_weights(self) -> int:
        """The epoch whose parameters `view` shows."""
        return self.best["epoch"] if self.done and self.chooses else self.done_units

    def view(self) -> View:
        """The present function at `places`, and its losses; at the end, those of `model`."""
        network = self.model if self.done else self.training.network
        return {
            "train_loss": self._loss(network, self.training.x, self.training.y),
            "test_loss": self._loss(network, *self._test),
            "curve": network(self.places[:, None])[:, 0],
        }

    def advance(self) -> Sequence[Block]:
        """Train the next epochs, and measure after each.

        Raises:
            Diverged: when the loss is no longer finite; the last finite network is then among the
                artifacts.
        """
        rows: list[tuple[float, ...]] = []
        while len(rows) < BLOCK and not self.done:
            rate = self.training.recipe.rate(self.done_units)
            self.snapshots.reached(self.done_units, self.view)
            try:
                self.training.run(1)
            except Diverged:
                with self._artifacts.open(LAST_GOOD) as file:
                    self.training.network.save(file)
                raise
            losses = self._losses()
            chosen_by = losses[2] if self.config.validation else losses[0]
            if chosen_by < self.best["loss"]:
                values = self.training.network.values.copy()
                self.best = {"epoch": self.done_units, "loss": chosen_by, "values": values}
            rows.append((self.done_units, *losses, rate))
        names = ("epoch", "train_loss", "test_loss", "validation_loss", "learning_rate")
        columns = dict(zip(names, np.array(rows).T, strict=True))
        columns["epoch"] = columns["epoch"].astype(np.int64)
        if not self.config.validation:
            del columns["validation_loss"]
        return [Block("learn", columns)]

    def state(self) -> State:
        """Network, optimiser and the best so far; the points are among the artifacts."""
        kept = {"snapshots": self.snapshots.state()} if self.snapshots.kept else {}
        return {"training": self.training.state(), "best": dict(self.best), **kept}

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self.training.restore(state["training"])
        self.best = dict(state["best"])
        self.snapshots.restore(state.get("snapshots", {}))

    def score(self) -> Score:
        """The mean squared error on the test points."""
        error = evaluate(self.model, self.points.test)
        return Score("test_mse", error, higher_is_better=False, unit="y²")

    def summary(self) -> Summary:
        """Errors of the network: mean squared in units of y², and the loss it was trained on."""
        model = self.model
        train = Curve(self.training.x[:, 0], self.training.y[:, 0])
        held_out = {"validation_loss": self.best["loss"]} if self.config.validation else {}
        return {
            **held_out,
            "test_mse": evaluate(model, self.points.test),
            "train_mse": evaluate(model, train),
            "test_loss": self._loss(model, *self._test),
            "epochs": self.done_units,
            "best_epoch": self.best["epoch"] if self.chooses else None,
            "stopped_early": self.stopped_early,
            "parameters": len(model.values),
        }

    def _losses(self) -> tuple[float, float, float]:
        network = self.training.network
        held = self._loss(network, *self._held) if self.config.validation else float("nan")
        return (
            self._loss(network, self.training.x, self.training.y),
            self._loss(network, *self._test),
            held,
        )

    def _loss(self, network: Network, x: np.ndarray, y: np.ndarray) -> float:
        error = network(x) - y
        return float(functions.loss(self.config.loss, error, self.config.huber_delta).mean())


def evaluate(network: Network, points: Curve) -> float:
    """Mean squared error on points with `x` and `y`, in units of y²."""
    return float(np.mean((network(points.x[:, None])[:, 0] - points.y) ** 2))
