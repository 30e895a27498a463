"""The epoch trainer: steps, a validation after each epoch, early stopping, and one test at the end.

The test data are used once, with the weights of the best epoch. An epoch is split into stretches
whose length depends only on the configuration.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agents.snapshots import Snapshots, View
from agents.supervised.optimisation import Average
from agents.supervised.tensors import (
    arrays,
    device_of,
    optimizer_state,
    restore_optimizer,
    tensors,
    use_threads,
)
from sandbox.errors import SandboxError
from sandbox.lab import Block, Context, Experiment, State, Summary

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


class EpochExperiment(Experiment):
    """Base of experiments that train a PyTorch model in epochs.

    A subclass defines the loss (`loss`), the learning rate of a step (`rate`), how a split is
    scored (`evaluate`), and the metrics of an epoch (`end_epoch`).

    Args:
        context: the context of the run.
        model: the initial model, on the run's device.
        optimizer: the optimiser of the model's parameters.
        epochs: largest number of epochs.
        batches: steps per epoch.
        stretch: largest number of steps in one `advance`.
        patience: number of epochs without improvement after which training stops; None never stops
            early.
        clip: largest norm of the gradient, or None.
        averaging: decay per step of the exponential moving average of weights, which is scored
            instead of the weights; 0 for no averaging.
        half: whether matrix products are computed in bfloat16.

    Attributes:
        epoch: epochs finished.
        batch: steps done in the current epoch.
        best: "epoch", "score" and "weights" of the best validation; epoch 0 before the first.
        results: test results by name; empty before the test.
        validating: whether a validation is in progress.
        snapshots: what `view` returned while it learned.
    """

    unit = "epoch"
    limit: int
    monitor: str
    """The validation score that selects the best weights."""
    higher_is_better: bool = False
    """Whether a higher score is better."""
    rare_snapshots: bool = False
    """Whether snapshots are only taken between epochs."""

    def __init__(
        self,
        context: Context,
        model: nn.Module,
        optimizer: Optimizer,
        *,
        epochs: int,
        batches: int,
        stretch: int,
        patience: int | None,
        clip: float | None,
        averaging: float = 0.0,
        half: bool = False,
    ) -> None:
        use_threads(context.threads)
        self.device = device_of(context.device)
        self.model, self.optimizer = model, optimizer
        self.limit, self.batches, self.patience = epochs, batches, patience
        self._stretch, self._clip, self._half = stretch, clip, half
        self.average = Average(model, averaging) if averaging else None
        self.epoch, self.batch, self.validating = 0, 0, False
        self.best: State = {"epoch": 0, "score": None, "weights": {}}
        self.results: Summary = {}
        self.snapshots = Snapshots(epochs, batches, batches if self.rare_snapshots else 1)

    # -- for subclasses

    @abstractmethod
    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0 over all epochs."""

    @abstractmethod
    def loss(self, step: int) -> Tensor:
        """The loss of a step: a scalar."""

    @abstractmethod
    def evaluate(self, split: str) -> Summary | None:
        """Score the model on "valid" or "test", or a part of it; None while some parts are still to
        be scored."""

    @abstractmethod
    def end_epoch(self) -> Sequence[Block]:
        """The blocks of the epoch that was just finished."""

    def view(self) -> View | None:
        """What frames show of the present model; None keeps no snapshots. Nothing may change."""
        return None

    def begin_epoch(self) -> None:
        """Prepare the data of an epoch."""

    def add_losses(self, total: float) -> None:
        """Record the sum of a stretch's losses."""

    def clipped(self) -> Iterable[nn.Parameter]:
        """The parameters whose gradient is clipped together."""
        return self.model.parameters()

    # -- epochs

    @property
    def done_units(self) -> int:
        """Epochs finished."""
        return self.epoch

    @property
    def trained(self) -> bool:
        """Whether training is over: all epochs are done, or it was stopped early."""
        stopped = (
            self.patience is not None
            and self.best["score"] is not None
            and self.epoch - self.best["epoch"] >= self.patience
        )
        return self.epoch >= self.limit or stopped

    @property
    def epoch_of_weights(self) -> float:
        """The epoch of the model's present weights; within an epoch a fraction."""
        if self.done and self.best["weights"]:
            return float(self.best["epoch"])
        return self.epoch + self.batch / self.batches

    @property
    def tested_epoch(self) -> int:
        """The epoch number in the test's row of metrics."""
        return self.epoch

    @property
    def done(self) -> bool:
        """Whether the trained model was tested."""
        return bool(self.results)

    def advance(self) -> Sequence[Block]:
        """Train for a stretch of an epoch, or score the model on a part of a split."""
        if self.validating:
            scores = self.evaluate("valid")
            if scores is None:
                return []
            self.validating = False
            self.keep_best(scores[self.monitor])
            return [self.row("validate", scores)]
        if self.trained:
            self.use_best()
            self.results = self.evaluate("test") or {}
            return [self.row("test", self.results, self.tested_epoch)] if self.results else []
        if self.batch == 0:
            self.begin_epoch()
        self._learn(range(self.batch, min(self.batch + self._stretch, self.batches)))
        if self.batch < self.batches:
            return []
        self.epoch, self.batch = self.epoch + 1, 0
        return self.end_epoch()

    def row(self, stream: str, figures: Mapping[str, Any], epoch: int | None = None) -> Block:
        """One row of a stream: the epoch, by default the present one, and those of the figures that
        are numbers."""
        numbers = {
            name: [value] for name, value in figures.items() if isinstance(value, (int, float))
        }
        return Block(stream, {"epoch": [self.epoch if epoch is None else epoch], **numbers})

    def _learn(self, batches: range) -> None:
        import torch

        total = torch.zeros((), device=self.device)
        self.model.train()
        for number in batches:
            step = self.epoch * self.batches + number
            self.snapshots.reached(step, self.view)
            total += self._step(step)
        self.batch = batches.stop
        self.add_losses(float(total))
        if not all(bool(torch.isfinite(one).all()) for one in (total, *self.model.parameters())):
            raise SandboxError(
                f"The loss is not finite any more in epoch {self.epoch + 1}: learning diverged. "
                f"Try a smaller --learning-rate (it was {self.optimizer.defaults['lr']:g}), "
                "or --clip 1. The last checkpoint is from before that."
            )

    def _step(self, step: int) -> Tensor:
        import torch

        self.optimizer.param_groups[0]["lr"] = self.rate(step)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(step)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip is not None:
            torch.nn.utils.clip_grad_norm_(self.clipped(), self._clip)
        self.optimizer.step()
        if self.average:
            self.average.update()
        return loss.detach()

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which matrix products are computed in the run's precision."""
        import torch

        if self._half:
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def keep_best(self, score: float) -> None:
        """Keep the weights if the score of this epoch's validation is the best so far."""
        best = self.best["score"]
        if best is None or (score > best if self.higher_is_better else score < best):
            with self.averaged():
                weights = arrays(self.model.state_dict())
            self.best = {"epoch": self.epoch, "score": score, "weights": weights}

    def use_best(self) -> None:
        """Load the best weights into the model; without validation, the averaged weights or the
        last ones."""
        if self.best["weights"]:
            self.model.load_state_dict(tensors(self.best["weights"]))
        elif self.average:
            self.model.load_state_dict(self.average.weights(), strict=False)
        self.model.eval()

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """A context in which the model has the averaged weights, if weights are averaged."""
        if not self.average:
            yield
            return
        last = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.weights(), strict=False)
        try:
            yield
        finally:
            self.model.load_state_dict(last)

    # -- saving and resuming

    def state(self) -> State:
        """Weights, optimiser, averages, the best result so far, and the position in the epoch."""
        average = self.average
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "model": arrays(self.model.state_dict()),
            "optimizer": optimizer_state(self.optimizer),
            "rate": self.optimizer.param_groups[0]["lr"],
            "average": average.state() if average else None,
            "best": dict(self.best),
            "found": dict(self.results),
            **self._kept_snapshots(),
        }

    def _kept_snapshots(self) -> State:
        return {"snapshots": self.snapshots.state()} if self.snapshots.kept else {}

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self.model.load_state_dict(tensors(state["model"]))
        restore_optimizer(self.optimizer, state["optimizer"])
        self.optimizer.param_groups[0]["lr"] = state["rate"]
        if self.average:
            self.average.restore(state["average"])
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.best, self.results = dict(state["best"]), dict(state["found"])
        self.snapshots.restore(state.get("snapshots", {}))
