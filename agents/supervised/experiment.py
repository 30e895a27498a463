"""The experiment that every lab of images shares: epochs of mini-batches, validation, best weights, and one test at the very end.

The test images are looked at once, after the last epoch. An epoch is cut into stretches whose length depends on the configuration alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from agents.supervised.augmentation import deform
from agents.supervised.batches import DeviceImages, Splits
from agents.supervised.config import TrainingConfig
from agents.supervised.optimisation import Average, optimizer, rate
from agents.supervised.tensors import (
    arrays,
    device_of,
    initialised,
    optimizer_state,
    restore_optimizer,
    tensors,
)
from envs.datasets.images import load_images
from sandbox.errors import SandboxError
from sandbox.lab import Block, Context, Experiment, State, Summary
from sandbox.score import Score

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

STRETCH = 8192
"""Images learned between two calls of `advance`, about."""


class Task(Protocol):
    """What is learned: the part of an experiment that differs from lab to lab."""

    score: str
    """The measure that validation looks at: one of those that `measure` returns."""
    higher: bool
    """Whether more of it is better."""

    def model(self) -> nn.Module:
        """A fresh model, its weights drawn from torch's generator."""
        ...

    def loss(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """What a step makes smaller: a scalar, for images as they are after augmentation."""
        ...

    def measure(self, model: nn.Module, images: DeviceImages) -> dict[str, float]:
        """Scores on images, without a gradient."""
        ...

    def findings(self, model: nn.Module, splits: Splits) -> dict[str, Any]:
        """Plain scores of the trained model, once, at the end; the first is the run's result."""
        ...


class EpochExperiment(Experiment):
    """Train a model in epochs.

    Args:
        task: what is learned.
        config: how.
        context: of the run.
    """

    unit = "epoch"

    def __init__(self, task: Task, config: TrainingConfig, context: Context) -> None:
        import torch

        torch.set_num_threads(context.threads)
        self.task, self.config, self.device = task, config, device_of(context.device)
        self.data = load_images(config.dataset, context.data)
        self.splits = Splits(
            self.data,
            config.validation_share,
            context.rng("validation"),
            self.device,
            config.batch_size,
        )
        self.model = initialised(task.model, context.rng("model")).to(self.device)
        self.optimizer = optimizer(config, self.model)
        self.average = Average(self.model, config.averaging) if config.averaging else None
        self._rng = context.rng("batches")
        self.limit = config.epochs
        self.headline = ("loss", f"validation_{task.score}")
        self.batches = len(self.splits.train) // config.batch_size
        self.epoch, self.batch = 0, 0
        self._order = np.empty(0, np.int64)
        self._losses: list[float] = []
        self.best: dict[str, Any] = {"epoch": 0, "score": None, "weights": {}}
        self.found: dict[str, Any] = {}

    @property
    def done_units(self) -> int:
        """Epochs learned."""
        return self.epoch

    @property
    def trained(self) -> bool:
        """Whether learning is over: by the number of epochs, or because validation stopped it."""
        patience = self.config.patience
        stopped = (
            patience is not None
            and self.splits.validation is not None
            and self.epoch - self.best["epoch"] >= patience
        )
        return self.epoch >= self.config.epochs or stopped

    @property
    def sharp_from(self) -> float | None:
        """The epoch with which training on deformed images ends, where it ends before training does."""
        how = self.config.augmentation
        return how.until * self.config.epochs if how.active and how.until < 1 else None

    @property
    def done(self) -> bool:
        """Whether the trained model was tested."""
        return bool(self.found)

    def advance(self) -> Sequence[Block]:
        """Learn a stretch of an epoch; at the epoch's end validate; at the very end test, once."""
        if self.trained:
            return [self._test()]
        if self.batch == 0:
            self._order = self._rng.permutation(len(self.splits.train))
        stretch = max(1, STRETCH // self.config.batch_size)
        self._learn(range(self.batch, min(self.batch + stretch, self.batches)))
        return [self._finish_epoch()] if self.batch == self.batches else []

    def _learn(self, batches: range) -> None:
        import torch

        order = torch.from_numpy(self._order).to(self.device)
        size, total = self.config.batch_size, torch.zeros((), device=self.device)
        self.model.train()
        for number in batches:
            total += self._step(
                order[number * size : (number + 1) * size], self.epoch * self.batches + number
            )
        self.batch = batches.stop
        self._losses.append(float(total))
        finite = np.isfinite(self._losses[-1]) and all(
            bool(torch.isfinite(one).all()) for one in self.model.parameters()
        )
        if not finite:
            raise SandboxError(
                f"The loss is no number any more, in epoch {self.epoch + 1}: learning diverged. Try a smaller --learning-rate "
                f"(it was {self.config.learning_rate:g}), or --clip 1. The last checkpoint holds what was good before."
            )

    def _step(self, which: Tensor, step: int) -> Tensor:
        import torch

        config = self.config
        images, labels = self.splits.train.batch(which)
        if self.sharp_from is None or step < self.sharp_from * self.batches:
            images = deform(images, config.augmentation)
        self.optimizer.param_groups[0]["lr"] = rate(config, step, config.epochs * self.batches)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"
        ):
            loss = self.task.loss(self.model, images, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimizer.step()
        if self.average:
            self.average.update()
        return loss.detach()

    def _finish_epoch(self) -> Block:
        self.epoch, self.batch = self.epoch + 1, 0
        loss, self._losses = sum(self._losses) / self.batches, []
        columns: dict[str, Any] = {
            "epoch": [self.epoch],
            "loss": [loss],
            "learning_rate": [self.optimizer.param_groups[0]["lr"]],
        }
        if self.splits.validation is not None:
            measured = self._measure(self.splits.validation)
            columns |= {f"validation_{name}": [value] for name, value in measured.items()}
            self._keep_best(measured[self.task.score])
        return Block("learn", columns)

    def _measure(self, images: DeviceImages) -> dict[str, float]:
        with self.averaged():
            return self.task.measure(self.model, images)

    def _keep_best(self, score: float) -> None:
        best = self.best["score"]
        if best is None or (score > best if self.task.higher else score < best):
            with self.averaged():
                self.best = {
                    "epoch": self.epoch,
                    "score": score,
                    "weights": arrays(self.model.state_dict()),
                }

    def averaged(self) -> _Swapped:
        """Inside, the model has the averaged weights, where weights are averaged."""
        return _Swapped(self.model, self.average.weights() if self.average else {})

    def _test(self) -> Block:
        """Take the best weights (without validation the last), and test them."""
        weights = (
            tensors(self.best["weights"])
            if self.best["weights"]
            else self.average.weights()
            if self.average
            else {}
        )
        self.model.load_state_dict(
            weights, strict=not self.average and bool(weights)
        ) if weights else None
        self.found = self.task.findings(self.model.eval(), self.splits)
        numbers = {
            name: [value] for name, value in self.found.items() if isinstance(value, (int, float))
        }
        return Block("test", {"epoch": [self.epoch], **numbers})

    def state(self) -> State:
        """Weights, what optimiser and average remember, and where in the epoch it stands."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "order": self._order,
            "losses": list(self._losses),
            "model": arrays(self.model.state_dict()),
            "optimizer": optimizer_state(self.optimizer),
            "rate": self.optimizer.param_groups[0]["lr"],
            "average": {"steps": self.average.steps, "weights": arrays(self.average.weights())}
            if self.average
            else None,
            "best": dict(self.best),
            "found": dict(self.found),
        }

    def restore(self, state: State) -> None:
        """Take up what `state` returned."""
        self.model.load_state_dict(tensors(state["model"]))
        restore_optimizer(self.optimizer, state["optimizer"])
        self.optimizer.param_groups[0]["lr"] = state["rate"]
        if self.average:
            self.average.take_up(tensors(state["average"]["weights"]), state["average"]["steps"])
        self.epoch, self.batch, self._order = state["epoch"], state["batch"], state["order"]
        self._losses, self.best, self.found = (
            list(state["losses"]),
            dict(state["best"]),
            dict(state["found"]),
        )

    def score(self) -> Score:
        """What validation looks at, on the test images."""
        name = f"test_{self.task.score}"
        return Score(name, float(self.found.get(name, np.nan)), higher_is_better=self.task.higher)

    def summary(self) -> Summary:
        """What the test found, and how training went."""
        validation = (
            {f"validation_{self.task.score}": self.best["score"], "best_epoch": self.best["epoch"]}
            if self.best["weights"]
            else {}
        )
        about = {"test_images": self.data.about_test} if self.data.about_test and self.found else {}
        parameters = sum(one.numel() for one in self.model.parameters())
        return {**self.found, **about, **validation, "epochs": self.epoch, "parameters": parameters}


class _Swapped:
    """A model with other weights inside a `with` block, and its own again behind it."""

    def __init__(self, model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
        self.model, self.weights = model, weights

    def __enter__(self) -> None:
        self._own = (
            {name: value.clone() for name, value in self.model.state_dict().items()}
            if self.weights
            else {}
        )
        if self.weights:
            self.model.load_state_dict(self.weights, strict=False)

    def __exit__(self, *_: object) -> None:
        if self._own:
            self.model.load_state_dict(self._own)
