"""Random search with cross-validation through skorch and scikit-learn, then the winner trained on all training images and tested once.

A unit is one fold of one candidate; a search can be stopped and taken up between any two. Who wins is decided by the folds alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.supervised.batches import DeviceImages
from agents.supervised.config import TrainingConfig
from agents.supervised.experiment import ImageExperiment, Task
from agents.supervised.optimisation import optimizer_class
from agents.supervised.search_config import RandomSearchConfig
from agents.supervised.tensors import device_of, initialised
from envs.datasets.images import load_images
from sandbox.errors import UsageError
from sandbox.lab import Block, Context, Experiment, State, Summary
from sandbox.score import Score

if TYPE_CHECKING:
    from skorch import NeuralNet

STOPPING_SHARE = 10
"""One in ten of a fold's images to learn from decides when to stop."""


class RandomSearchExperiment(Experiment):
    """Judge candidates fold by fold, then train and test the best.

    Args:
        config: settings that all candidates share; its `search` says how many there are.
        context: of the run.
        space: what scikit-learn's ParameterSampler draws from.
        settings: makes the settings of a candidate of what was drawn.
        task: makes what is learned of a candidate's configuration.
    """

    limit: int
    unit = "fold"
    headline = ("score", "loss")

    def __init__(
        self,
        config: Any,
        context: Context,
        space: Mapping[str, Any],
        settings: Callable[[Mapping[str, Any]], dict[str, Any]],
        task: Callable[[Any], Task],
    ) -> None:
        from sklearn.model_selection import KFold, ParameterSampler

        self.config, self.context, self._task = config, context, task
        self.data = load_images(config.dataset, context.data)
        number = int(context.rng("candidates").integers(2**31))
        drawn = ParameterSampler(space, config.search.candidates, random_state=number)
        self.candidates = [config.model_copy(update=settings(one)) for one in drawn]
        folds = KFold(
            config.search.folds,
            shuffle=True,
            random_state=int(context.rng("folds").integers(2**31)),
        )
        self._folds = list(folds.split(self.data.train))
        least = min(len(first) for first, _ in self._folds) * (STOPPING_SHARE - 1) // STOPPING_SHARE
        if config.batch_size > least:
            raise UsageError(
                f"batch-size = {config.batch_size}: a fold has {least} images to learn from. Take a smaller batch, or fewer folds."
            )
        self.limit = config.search.candidates * config.search.folds
        self.scores: list[float] = []
        self.epochs: list[int] = []
        self.seconds = 0.0  # spent on judging; counted only where time is limited, so that other searches depend on nothing but the seed
        self.final: ImageExperiment | None = None

    @property
    def done_units(self) -> int:
        """Folds judged."""
        return len(self.scores)

    @property
    def done(self) -> bool:
        """Whether the winner was tested."""
        return self.final is not None and self.final.done

    def advance(self) -> Sequence[Block]:
        """Judge one candidate on one fold; when all are judged, a stretch of the winner's training."""
        if self.final is not None:
            return self.final.advance()
        if self._searching:
            begun = time.monotonic()
            block = self._judge(*divmod(self.done_units, self.config.search.folds))
            if self.config.search.max_seconds is not None:
                self.seconds += time.monotonic() - begun
            return [block]
        self._begin_final()
        return []

    @property
    def _searching(self) -> bool:
        """Whether there is another fold to judge: a candidate that was begun is finished, and there is always one."""
        most, done = self.config.search.max_seconds, self.done_units
        late = (
            most is not None
            and self.seconds >= most
            and done > 0
            and done % self.config.search.folds == 0
        )
        return done < self.limit and not late

    def _judge(self, candidate: int, fold: int) -> Block:
        first, second = self._folds[fold]
        config = self.candidates[candidate]
        task, device = self._task(config), device_of(self.context.device)
        model = initialised(task.model, self.context.rng("model"))
        net = skorch_net(model, task, config, str(device), self.config.search)
        net.fit(
            self.data.train[first],
            self.data.train_labels[first] if task.higher else self.data.train[first],
        )
        losses = np.array(net.history[:, "valid_loss"])
        best = int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else len(losses)
        held = DeviceImages(self.data.train[second], self.data.train_labels[second], device)
        score = task.measure(model.to(device), held)[task.score]
        self.scores.append(score if np.isfinite(losses).all() else math.nan)
        self.epochs.append(best)
        columns = {
            "fold": self.done_units,
            "candidate": candidate + 1,
            "score": self.scores[-1],
            "epochs": best,
        }
        return Block("search", {name: [value] for name, value in columns.items()})

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean score and mean best epoch of each candidate that is judged: [candidates] each; NaN where learning diverged."""
        whole = self.done_units // self.config.search.folds * self.config.search.folds
        shape = (-1, self.config.search.folds)
        return np.array(self.scores[:whole]).reshape(shape).mean(1), np.array(
            self.epochs[:whole]
        ).reshape(shape).mean(1)

    @property
    def winner(self) -> int:
        """Number of the best candidate, from 0; the first of equals."""
        means, _ = self.table()
        task = self._task(self.config)
        worst = -np.inf if task.higher else np.inf
        judged = np.where(np.isnan(means), worst, means)
        return int(judged.argmax() if task.higher else judged.argmin())

    def _begin_final(self) -> None:
        epochs = max(1, round(float(self.table()[1][self.winner])))
        update = {"validation_share": 0.0, "patience": None, "epochs": epochs}
        config: TrainingConfig = self.candidates[self.winner].model_copy(update=update)
        self.final = ImageExperiment(self._task(config), config, self.context)

    def state(self) -> State:
        """The scores so far, and the winner's training."""
        final = None if self.final is None else self.final.state()
        return {
            "scores": list(self.scores),
            "epochs": list(self.epochs),
            "seconds": self.seconds,
            "final": final,
        }

    def restore(self, state: State) -> None:
        """Take up what `state` returned."""
        self.scores, self.epochs, self.seconds = (
            list(state["scores"]),
            list(state["epochs"]),
            state["seconds"],
        )
        if state["final"] is not None:
            self._begin_final()
            assert self.final is not None
            self.final.restore(state["final"])

    def score(self) -> Score:
        """The winner's test; NaN before there is a winner."""
        if self.final is not None:
            return self.final.score()
        task = self._task(self.config)
        return Score(f"test_{task.score}", math.nan, higher_is_better=task.higher)

    def summary(self) -> Summary:
        """The winner's test, its settings, and its mean score in cross-validation."""
        if self.final is None:
            return {"folds": self.done_units}
        chosen = self.candidates[self.winner]
        names = [
            name
            for name in type(chosen).model_fields
            if getattr(chosen, name) != getattr(self.config, name)
        ]
        settings = {name: getattr(chosen, name) for name in names}
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in settings.items()
        }
        means = self.table()[0]
        return {
            **self.final.summary(),
            f"cv_{self.final.task.score}": float(means[self.winner]),
            "candidates": len(means),
            **plain,
        }


def skorch_net(
    model: Any, task: Task, config: Any, device: str, search: RandomSearchConfig
) -> NeuralNet:
    """A model as a scikit-learn estimator that stops early: fit(uint8 images, labels or images)."""
    from skorch import NeuralNet
    from skorch.callbacks import EarlyStopping
    from skorch.dataset import ValidSplit

    from agents.supervised.skorch_parts import Bytes, byte_batches, criterion

    kind, options = optimizer_class(config)
    return NeuralNet(
        module=Bytes(model),
        criterion=criterion(task.higher),
        optimizer=kind,
        lr=config.learning_rate,
        max_epochs=search.epochs,
        batch_size=config.batch_size,
        iterator_train=byte_batches,
        iterator_train__shuffle=True,
        iterator_valid=byte_batches,
        train_split=ValidSplit(STOPPING_SHARE, stratified=False),
        callbacks=[
            EarlyStopping(
                patience=search.patience, monitor="valid_loss", load_best=True, sink=_silent
            )
        ],
        verbose=0,
        device=device,
        **{f"optimizer__{name}": value for name, value in options.items()},
    )


def _silent(*_: object) -> None:
    """Experiments print nothing."""
