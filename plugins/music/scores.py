"""Scores of predictions on whole pieces: the state is carried from the first step to the last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from plugins.music.lanes import whole_pieces
from plugins.music.networks.models import MusicModel, Predicted, Target, frame_nll, target_of
from plugins.music.networks.recall import with_hearing
from sandbox.lab import State

PART = 8000
"""Steps that are scored at once."""


def heard(model: MusicModel, rolls: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """Pieces as the model hears them: uint8 [steps, hands + recalled, 88] each."""
    return [with_hearing(roll, model.hearing) for roll in rolls] if model.recalled else rolls


class Scoring:
    """Sums over pieces, one part at a time, so that a run can stop between two parts.

    Args:
        rolls: uint8 [steps, hands, 88] of each piece.
        model: of which only `history`, `hands` and `hearing` are read.

    Attributes:
        part: number of the next part.
    """

    def __init__(self, rolls: Sequence[np.ndarray], model: MusicModel) -> None:
        self._parts = whole_pieces(heard(model, rolls), model.history, PART)
        self.hands = model.hands
        self.begin()

    def begin(self) -> None:
        """Reset the sums."""
        self.part = 0
        self.sums = np.zeros(self.hands + 4)  # NLL of each hand, frames, hits, false alarms, misses

    @property
    def done(self) -> bool:
        """Whether every piece was scored."""
        return self.part == len(self._parts)

    def step(self, model: MusicModel) -> None:
        """Score the next part."""
        window = self._parts[self.part]
        device = model.prior.device
        training = model.training
        model.eval()
        with torch.no_grad():
            target = target_of(*window, device, model.recalled)
            predicted = model.predict(
                target.sounds, target.position, model.begin(len(window.position))
            )
            self.sums += self._sums(model, predicted, target)
        model.train(training)
        self.part += 1

    def _sums(self, model: MusicModel, predicted: Predicted, target: Target) -> np.ndarray:
        inside = target.inside
        nll = (frame_nll(model, predicted, target).double() * inside[..., None]).sum(
            (0, 1)
        )  # [hands]
        said = (predicted.logits + model.prior > 0) & inside[..., None, None]
        true = (target.now > 0) & inside[..., None, None]
        counts = [inside.sum(), (said & true).sum(), (said & ~true).sum(), (~said & true).sum()]
        return np.array(nll.tolist() + [int(count) for count in counts])

    def figures(self) -> dict[str, float]:
        """NLL per frame in nats (88 keys of all hands, and of each), frame accuracy and F1.

        Accuracy is hits / (hits + false alarms + misses) (Bay, Ehmann and Downie, 2009): correctly
        predicted silence does not count.
        """
        nll, (frames, hits, alarms, misses) = self.sums[: self.hands], self.sums[self.hands :]
        scores = {"nll": float(nll.sum() / frames)}
        if self.hands == 2:
            scores |= {"nll_right": float(nll[0] / frames), "nll_left": float(nll[1] / frames)}
        wrong = alarms + misses
        scores["accuracy"] = float(hits / (hits + wrong)) if hits + wrong else 1.0
        scores["f1"] = float(2 * hits / (2 * hits + wrong)) if hits + wrong else 1.0
        return scores

    def state(self) -> State:
        """The sums and the number of the next part."""
        return {"part": self.part, "sums": self.sums.copy()}

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self.part, self.sums = int(state["part"]), np.array(state["sums"])


def score(model: MusicModel, rolls: Sequence[np.ndarray]) -> dict[str, float]:
    """The figures of a model on pieces; see `Scoring.figures`."""
    scoring = Scoring(rolls, model)
    while not scoring.done:
        scoring.step(model)
    return scoring.figures()
