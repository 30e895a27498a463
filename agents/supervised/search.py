"""Random search with cross-validation; the winner is trained on all images and tested once.

Candidates and folds are drawn by scikit-learn, folds are trained through skorch. A unit is one fold
of one candidate. The folds alone decide the winner.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.supervised.augmentation import AugmentationConfig, deform
from agents.supervised.batches import DeviceImages
from agents.supervised.candidates import CandidateSearch, write_ranking
from agents.supervised.config import RandomSearchConfig, TrainingConfig
from agents.supervised.experiment import ImageExperiment, Task
from agents.supervised.optimisation import optimizer_class
from agents.supervised.tensors import device_of, initialised, use_threads
from envs.datasets.images import load_images
from sandbox.errors import UsageError
from sandbox.lab import Block, Context, State, Summary
from sandbox.score import Score
from sandbox.store.artifacts import Artifacts

if TYPE_CHECKING:
    from skorch import NeuralNet
    from torch import Tensor, nn

STOPPING_SHARE = 10
"""One in ten of a fold's training images is held out for early stopping."""


class RandomSearchExperiment(CandidateSearch):
    """Score candidates fold by fold, then train and test the best.

    Args:
        config: settings that all candidates share.
        search: how many candidates, and how they are judged.
        context: the context of the run.
        space: distributions for scikit-learn's ParameterSampler.
        settings: makes the settings of a candidate from a draw.
        task: makes the learning task from a candidate's configuration.

    Attributes:
        scores, epochs: of every fold judged: its score, NaN where learning diverged, and its
            best epoch.
        seconds: time spent on scoring candidates. Counted only if time is limited, because other
            searches must depend only on the seed.
        monitor: the score's name.
        final: the training of the winner; None before all candidates are judged.
    """

    limit: int
    unit = "fold"
    headline = ("score", "loss")

    def __init__(
        self,
        config: TrainingConfig,
        search: RandomSearchConfig,
        context: Context,
        space: Mapping[str, Any],
        settings: Callable[[Mapping[str, Any]], dict[str, Any]],
        task: Callable[[Any], Task],
    ) -> None:
        from sklearn.model_selection import KFold, ParameterSampler

        use_threads(context.threads)
        self.config, self.search, self.context, self._task = config, search, context, task
        self.monitor, self.higher_is_better = task(config).score, task(config).higher
        self.data = load_images(config.dataset, context.data)
        drawn, split = (int(context.rng(name).integers(2**31)) for name in ("candidates", "folds"))
        draws = ParameterSampler(space, search.candidates, random_state=drawn)
        self.candidates = [config.model_copy(update=settings(draw)) for draw in draws]
        folds = KFold(search.folds, shuffle=True, random_state=split)
        self._folds = list(folds.split(self.data.train))
        least = min(len(learned) for learned, _ in self._folds)
        least = least * (STOPPING_SHARE - 1) // STOPPING_SHARE
        if config.batch_size > least:
            raise UsageError(
                f"batch-size = {config.batch_size}: a fold has {least} images to learn from. "
                "Take a smaller batch."
            )
        self.limit = search.candidates * search.folds
        self.scores: list[float] = []
        self.epochs: list[int] = []
        self.seconds = 0.0
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
        """Judge one candidate on one fold; when all are judged, train the winner for a stretch."""
        if self.final is not None:
            return self.final.advance()
        if not self._searching:
            self.final = self._winners_training()
            return []
        begun = time.monotonic()
        block = self._judge(*divmod(self.done_units, self.search.folds))
        if self.search.max_seconds is not None:
            self.seconds += time.monotonic() - begun
        return [block]

    @property
    def _searching(self) -> bool:
        """Whether another fold is to be scored; no candidate is begun after the time limit."""
        most, done = self.search.max_seconds, self.done_units
        complete = done > 0 and done % self.search.folds == 0
        late = most is not None and self.seconds >= most and complete
        return done < self.limit and not late

    def _judge(self, candidate: int, fold: int) -> Block:
        first, second = self._folds[fold]
        config = self.candidates[candidate]
        task, device = self._task(config), device_of(self.context.device)
        model = initialised(task.model, self.context.rng("model"))
        net = skorch_net(model, task, config, self.search, str(device))
        net.fit(self.data.train[first], self.data.train_labels[first])
        losses = np.array(net.history[:, "valid_loss"])
        best = int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else len(losses)
        held = DeviceImages(self.data.train[second], self.data.train_labels[second], device)
        score = task.measure(model.to(device), held)[task.score]
        self.scores.append(score if np.isfinite(losses).all() else math.nan)
        self.epochs.append(best)
        columns: dict[str, list[float]] = {
            "fold": [self.done_units],
            "candidate": [candidate + 1],
            "score": self.scores[-1:],
            "epochs": [best],
        }
        return Block("search", columns)

    def means(self) -> np.ndarray:
        """Mean score of each candidate judged on all folds; NaN where learning diverged."""
        return self._by_candidate(self.scores)

    def best_epochs(self) -> np.ndarray:
        """Mean best epoch of each candidate judged on all folds."""
        return self._by_candidate(self.epochs)

    def _by_candidate(self, values: Sequence[float]) -> np.ndarray:
        folds = self.search.folds
        whole = len(values) // folds * folds
        return np.array(values[:whole]).reshape(-1, folds).mean(1)

    def _winners_training(self) -> ImageExperiment:
        epochs = max(1, round(float(self.best_epochs()[self.winner])))
        update = {"validation_share": 0.0, "patience": None, "epochs": epochs}
        config = self.candidates[self.winner].model_copy(update=update)
        return ImageExperiment(self._task(config), config, self.context)

    def state(self) -> State:
        """The scores so far, and the winner's training."""
        return {
            "scores": list(self.scores),
            "epochs": list(self.epochs),
            "seconds": self.seconds,
            "final": None if self.final is None else self.final.state(),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self.scores, self.epochs = list(state["scores"]), list(state["epochs"])
        self.seconds = state["seconds"]
        if state["final"] is not None:
            self.final = self._winners_training()
            self.final.restore(state["final"])

    def score(self) -> Score:
        """The winner's test score; NaN before there is a winner."""
        if self.final is not None:
            return self.final.score()
        return Score(f"test_{self.monitor}", math.nan, higher_is_better=self.higher_is_better)

    def summary(self) -> Summary:
        """The winner's test score, its settings, and its mean score in cross-validation."""
        if self.final is None:
            return {"folds": self.done_units}
        common, means = dict(self.config), self.means()
        chosen = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.candidates[self.winner]
            if value != common[name]
        }
        return {
            **self.final.summary(),
            f"cv_{self.monitor}": float(means[self.winner]),
            "candidates": len(means),
            **chosen,
        }

    def write_table(self, artifacts: Artifacts, names: Sequence[str]) -> None:
        """Write all candidates, best first, as a CSV file: scores, best epochs and settings."""
        columns: dict[str, Any] = {
            f"cv_{self.monitor}": self.means(),
            "best_epoch": self.best_epochs(),
        }
        for name in names:
            columns[name] = [dict(one)[name] for one in self.candidates]
        write_ranking(artifacts, "candidates.csv", self.ranking(), columns)


def skorch_net(
    model: nn.Module, task: Task, config: TrainingConfig, search: RandomSearchConfig, device: str
) -> NeuralNet:
    """A model as a scikit-learn estimator that stops early: fit(uint8 images, labels)."""
    import torch
    from skorch import NeuralNet
    from skorch.callbacks import EarlyStopping, GradientNormClipping
    from skorch.dataset import ValidSplit
    from skorch.utils import noop

    from agents.supervised.skorch_parts import byte_batches

    def loss(batch: tuple[Tensor, Tensor], how: AugmentationConfig) -> Tensor:
        images, labels = (part.to(device) for part in batch)
        return task.loss(model, deform(images[:, None].float() / 255, how), labels)

    class Fold(NeuralNet):  # type: ignore[misc]
        """Learns the task's loss, on deformed images."""

        def train_step_single(self, batch: Any, **_: Any) -> dict[str, Any]:
            self._set_training(True)
            step = loss(batch, config.augmentation)
            step.backward()  # type: ignore[no-untyped-call]
            return {"loss": step}

        def validation_step(self, batch: Any, **_: Any) -> dict[str, Any]:
            self._set_training(False)
            with torch.no_grad():
                return {"loss": loss(batch, AugmentationConfig())}

    kind, options = optimizer_class(config)
    prefixed = {f"optimizer__{name}": value for name, value in options.items()}
    return Fold(
        module=model,
        criterion=torch.nn.Module,  # not used: the loss is the task's
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
                patience=search.patience, monitor="valid_loss", load_best=True, sink=noop
            ),
            GradientNormClipping(config.clip),
        ],
        verbose=0,
        device=device,
        **prefixed,
    )
