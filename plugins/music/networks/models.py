"""The networks as one interface, and the report's two: `two_hands` and `one_track`.

A model predicts for every step how likely each key is to sound, from earlier steps alone
(`chord_lstm` also from lower keys of the same step). A model never sees a step before it has
predicted it; a test changes each step and checks that earlier predictions stay the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.datasets.rolls import KEYS, SILENT, STRUCK
from plugins.music.config import ModelConfig, ReportModelConfig
from plugins.music.networks.recall import Hearing

State = tuple[Tensor, Tensor]
"""The state of an LSTM: two tensors [layers, lanes, hidden]."""


class Predicted(NamedTuple):
    """The predictions of a model for the steps of a window.

    Attributes:
        logits: [lanes, steps, hands, 88] of each key's probability to sound.
        counts: [lanes, steps, hands] notes that will sound, or None.
        strikes: [lanes, steps, hands, 88] logits that a key which sounds now and did in the
            step before is struck again.
        state: of the LSTM after the window.
    """

    logits: Tensor
    counts: Tensor | None
    strikes: Tensor
    state: State


class MusicModel(nn.Module):
    """Base of the models.

    Args:
        config: its options.
        inputs: number of the LSTM's inputs at each step.
        hands: 1 or 2.
        keys: of the piano.

    Attributes:
        history: steps before a window that the model reads, >= 1.
        hearing: what it hears beside the sounds, see `plugins.music.networks.recall`.
        prior: [hands, keys]: added to the logits to make them those of probabilities; it undoes the
            weights of the loss.
    """

    history = 1
    hearing = Hearing()
    prior: Tensor

    def __init__(self, config: ModelConfig, inputs: int, hands: int, keys: int = KEYS) -> None:
        super().__init__()
        self.config, self.hands, self.piano = config, hands, keys
        self.lstm = nn.LSTM(inputs, config.hidden, config.layers, batch_first=True)
        self.strike = nn.Linear(config.hidden + hands * keys, hands * keys)
        self.register_buffer("prior", torch.zeros(hands, keys))
        self.noise: torch.Generator | None = None

    @property
    def recalled(self) -> int:
        """Channels that follow those of the hands."""
        return self.hands * self.hearing.channels

    def begin(self, lanes: int) -> State:
        """The LSTM's state before a piece: zeros."""
        zeros = self.strike.weight.new_zeros(self.config.layers, lanes, self.config.hidden)
        return zeros, zeros.clone()

    def remember(self, seen: Tensor, state: State) -> tuple[Tensor, State]:
        """The LSTM's output for the steps, [lanes, steps, hidden], and its state."""
        out, state = self.lstm(self.drop(seen, self.config.input_dropout), state)
        return self.drop(out, self.config.output_dropout), state

    def drop(self, values: Tensor, share: float) -> Tensor:
        """Dropout with the model's own generator."""
        if not self.training or not share:
            return values
        kept = torch.empty_like(values).bernoulli_(1 - share, generator=self.noise)
        return values * kept / (1 - share)

    def strikes(self, remembered: Tensor, sounds: Tensor) -> Tensor:
        """Logits of being struck again: [lanes, steps, hands, 88]; no gradient reaches the LSTM."""
        seen = torch.cat([remembered.detach(), sounds.flatten(2)], dim=-1)
        return self.strike(seen).unflatten(-1, (self.hands, self.piano))

    def predict(self, sounds: Tensor, position: Tensor, state: State) -> Predicted:
        """Predict how likely each key is in each step.

        Args:
            sounds: [lanes, history + steps, hands + recalled, 88], the hands 0 or 1.
            position: [lanes] number of the first step after the history, in its piece.
            state: of the LSTM.
        """
        raise NotImplementedError


class ReportModel(MusicModel):
    """The report's networks (REPORTS, U2): an LSTM, and two heads for each hand.

    Args:
        config: its options.
        hands: 1 or 2.
        dense: units of the layer that both heads of a hand share; with 0 the heads have no layers
            of their own.
        apart: whether the number of notes sends no gradient below its head.
    """

    def __init__(self, config: ReportModelConfig, hands: int, dense: int, apart: bool) -> None:
        super().__init__(config, hands * KEYS, hands)
        self.apart = apart

        def body() -> nn.Module:
            if not dense:
                return nn.Identity()
            return nn.Sequential(nn.Linear(config.hidden, dense), nn.LeakyReLU())

        def head(units: int, outputs: int) -> nn.Module:
            if not dense:
                return nn.Linear(config.hidden, outputs)
            return nn.Sequential(nn.Linear(dense, units), nn.LeakyReLU(), nn.Linear(units, outputs))

        self.bodies = nn.ModuleList(body() for _ in range(hands))
        self.keys = nn.ModuleList(head(config.piano, KEYS) for _ in range(hands))
        self.numbers = nn.ModuleList(head(config.count, 1) for _ in range(hands))

    def predict(self, sounds: Tensor, position: Tensor, state: State) -> Predicted:
        """See `MusicModel.predict`."""
        remembered, state = self.remember(sounds[:, :-1].flatten(2), state)
        logits, counts = self.heads(remembered)
        return Predicted(logits, counts, self.strikes(remembered, sounds[:, 1:]), state)

    def heads(self, remembered: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [lanes, steps, hands, 88] and number of notes [lanes, steps, hands]."""
        bodies = [body(remembered) for body in self.bodies]
        logits = torch.stack(
            [head(body) for head, body in zip(self.keys, bodies, strict=True)], dim=2
        )
        seen = [body.detach() for body in bodies] if self.apart else bodies
        counts = torch.stack(
            [head(body).squeeze(-1) for head, body in zip(self.numbers, seen, strict=True)], dim=2
        )
        return logits, counts


class Target(NamedTuple):
    """A window as inputs and targets: tensors on the model's device.

    Attributes:
        sounds: float [lanes, history + steps, hands + recalled, 88], in [0, 1].
        inside: bool [lanes, steps].
        position: int64 [lanes].
        struck, again: bool [lanes, steps, hands, 88]: struck keys, and keys that sound and sounded
            in the step before.
    """

    sounds: Tensor
    inside: Tensor
    position: Tensor
    struck: Tensor
    again: Tensor

    @property
    def now(self) -> Tensor:
        """The steps themselves, without what came before: [lanes, steps, hands, 88]."""
        return self.sounds[:, -self.inside.shape[1] :, : self.struck.shape[2]]


def target_of(
    roll: np.ndarray,
    inside: np.ndarray,
    position: np.ndarray,
    device: torch.device,
    recalled: int = 0,
) -> Target:
    """A `lanes.LaneWindow` as tensors; the last `recalled` channels are recalled."""
    whole = torch.from_numpy(roll).to(device)
    steps, hands = inside.shape[1], roll.shape[2] - recalled
    states = whole[:, :, :hands]
    sounds = states != SILENT
    again = sounds[:, -steps:] & sounds[:, -steps - 1 : -1]
    return Target(
        torch.cat([sounds.float(), whole[:, :, hands:] / 255], dim=2),
        torch.from_numpy(inside).to(device),
        torch.from_numpy(position).to(device),
        states[:, -steps:] == STRUCK,
        again,
    )


def frame_nll(model: MusicModel, predicted: Predicted, target: Target) -> Tensor:
    """Negative log-likelihood of every hand in every step: nats, [lanes, steps, hands].

    Boulanger-Lewandowski et al., 2012. A loss with weights gives logits of weighted
    odds; `prior` removes the weights.
    """
    logits = predicted.logits.float() + model.prior
    return functional.binary_cross_entropy_with_logits(logits, target.now, reduction="none").sum(-1)


def losses(model: MusicModel, predicted: Predicted, target: Target, kind: str) -> dict[str, Tensor]:
    """The parts of the loss, each a mean over the steps inside pieces; their sum is minimised.

    `report`: 1.2 · BCE with weights + MSE of the number of notes, mean over keys, summed over
    hands. `likelihood`: the NLL of a frame. In both, `strike` trains the head that separates
    repeated from held notes.
    """
    inside, now = target.inside, target.now
    frames = inside.sum().clamp(min=1)
    parts: dict[str, Tensor] = {}
    if kind == "report":
        weights = torch.exp(-model.prior)
        entropy = functional.binary_cross_entropy_with_logits(
            predicted.logits.float(), now, pos_weight=weights, reduction="none"
        )
        parts["keys"] = 1.2 * (entropy.mean(-1).sum(-1) * inside).sum() / frames
    else:
        parts["keys"] = (frame_nll(model, predicted, target).sum(-1) * inside).sum() / frames
    if predicted.counts is not None:
        wrong = (predicted.counts.float() - now.sum(-1)) ** 2
        parts["count"] = (wrong.sum(-1) * inside).sum() / frames
    again = target.again & inside[..., None, None]
    struck = functional.binary_cross_entropy_with_logits(
        predicted.strikes.float(), target.struck.float(), reduction="none"
    )
    parts["strike"] = (struck * again).sum() / again.sum().clamp(min=1)
    return parts
