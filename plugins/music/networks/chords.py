"""`chord_lstm`: predicts the keys of a step one after the other, from the lowest up.

The probability of a chord is the product over its keys of p(key | keys below it, all earlier
steps): an exact likelihood, as in a NADE (Larochelle and Murray, 2011). All keys share one set of
weights (the idea of Johnson, 2017, "tied parallel"): the inputs of each are its neighbouring keys
in earlier steps and the keys below it in this step. The output of an LSTM over all keys is added,
with `recall` what followed earlier passages of the piece, and with `tonality` its key
(`plugins.music.networks.recall`).
Two hands are one keyboard, in which the right hand's key lies below the left hand's same key.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.datasets.rolls import KEYS
from plugins.music.config import ChordLstmConfig
from plugins.music.networks.models import MusicModel, Predicted, State
from plugins.music.networks.recall import TRUSTS, Hearing

LAGS = (1, 2, 3, 4, 6, 8, 12, 16)
"""How many steps back the inputs of each key lie."""
PERIODS = (2, 3, 4, 6, 8, 12, 16, 32)
"""Periods in steps of sine and cosine inputs, which encode the position in the bar in any metre."""
OWN = 8
"""Size of the LSTM's own output for each key."""


class ChordLstm(MusicModel):
    """The model `chord_lstm`; the module describes it.

    Args:
        config: its options.
        keys: of the piano.
    """

    history = max(LAGS)
    config: ChordLstmConfig

    def __init__(self, config: ChordLstmConfig, keys: int = KEYS) -> None:
        hands, every = config.hands, config.hands * keys
        super().__init__(config, every + 2 * len(PERIODS), hands, keys)
        self.reach = min(hands * config.reach, every - 1)
        channels, span = config.channels, min(hands * config.span, every - 1)
        self.hearing = Hearing(config.recall, config.tonality)
        inputs = len(LAGS) + 1 + self.hearing.channels
        self.past = nn.Conv1d(inputs, channels, 2 * span + 1, padding=span)
        self.below = nn.Conv1d(1 + config.recall, channels, self.reach, bias=False)
        self.whole = nn.Linear(config.hidden, channels)
        self.own = nn.Linear(config.hidden, OWN * every)
        self.blend = nn.Conv1d(OWN, channels, 1, bias=False)
        self.register = nn.Conv1d(
            1, channels * every, 1, bias=False
        )  # [channels, keys]: an embedding of each key
        self.mix = nn.Conv1d(channels, channels, 1)
        self.read = nn.Conv1d(channels, 1, 1)
        self.base = nn.Linear(config.hidden, every)
        if config.recall:
            self.trust = nn.Linear(TRUSTS, channels, bias=False)

    def predict(self, sounds: Tensor, position: Tensor, state: State) -> Predicted:
        """See `MusicModel.predict`."""
        features, base, remembered, state = self.features(sounds, position, state)
        now, steps = self.in_order(sounds[:, self.history :]), features.shape[1]
        votes = now[:, :, 1 : 1 + self.hearing.recall]
        lower = torch.cat([now[:, :, :1], now[:, :, :1] * votes], dim=2)
        below = self.below(
            functional.pad(lower[..., :-1].flatten(0, 1), (self.reach, 0))
        )  # [lanes * steps, channels, keys]
        hidden = torch.relu(features.flatten(0, 1) + below)
        logits = (
            self.read(torch.relu(self.mix(hidden))).unflatten(0, (-1, steps)) + base[:, :, None]
        )
        logits = logits.unflatten(-1, (-1, self.hands)).transpose(-1, -2).flatten(2, 3)
        sounding = sounds[:, self.history :, : self.hands]
        return Predicted(logits, None, self.strikes(remembered, sounding), state)

    def in_order(self, sounds: Tensor) -> Tensor:
        """The keys of all hands from the lowest up: [lanes, steps, 1 + recalled / hands, keys]."""
        apart = sounds.view(*sounds.shape[:2], -1, self.hands, self.piano)
        return apart.transpose(-1, -2).flatten(-2)

    def features(
        self, sounds: Tensor, position: Tensor, state: State
    ) -> tuple[Tensor, Tensor, Tensor, State]:
        """All features that do not depend on the keys of the predicted step.

        Args:
            sounds: [lanes, history + steps, hands + recalled, keys]; the last step is not read, but
                what is recalled in it.
            position: [lanes].
            state: of the LSTM.

        Returns:
            Features of each key of all hands in order [lanes, steps, channels, keys], a logit for
            each [lanes, steps, keys], the LSTM's output [lanes, steps, hidden], and its state.
        """
        if self.training and self.config.hand_dropout:
            kept = sounds.new_empty(len(sounds), 1, self.hands, 1)
            kept.bernoulli_(1 - self.config.hand_dropout, generator=self.noise)
            sounds = torch.cat([sounds[:, :, : self.hands] * kept, sounds[:, :, self.hands :]], 2)
        sounds = self.in_order(sounds)
        keys = sounds[:, :, 0]
        steps = keys.shape[1] - self.history
        before = [
            keys[:, self.history - lag : self.history - lag + steps]
            for lag in range(1, self.history + 1)
        ]
        seen = torch.cat([before[0], clock(position, steps)], dim=-1)
        remembered, state = self.remember(seen, state)
        recalled = sounds[:, self.history :, 1:]
        past = torch.cat(
            [torch.stack([*(before[lag - 1] for lag in LAGS), age(before)], dim=2), recalled], dim=2
        ).flatten(0, 1)  # [lanes * steps, lags + 1 + recalled, keys]
        own = self.own(remembered).unflatten(-1, (OWN, -1)).flatten(0, 1)
        table = self.register.weight.view(self.mix.out_channels, -1)
        whole = self.whole(remembered)
        if self.hearing.recall:
            whole = whole + self.trust(levels(recalled[:, :, 1]))
        features = self.past(past) + self.blend(own) + table + whole.flatten(0, 1)[..., None]
        return features.unflatten(0, (-1, steps)), self.base(remembered), remembered, state


def levels(trusted: Tensor) -> Tensor:
    """The largest of the trusted votes as weights of two neighbouring levels: [..., TRUSTS].

    Args:
        trusted: [..., keys] in [0, 1].
    """
    level = (TRUSTS - 1) * trusted.amax(-1, keepdim=True)
    return (1 - (level - torch.arange(TRUSTS, device=level.device)).abs()).clamp(min=0)


def clock(position: Tensor, steps: int) -> Tensor:
    """Where each step is within each period, as sine and cosine: [lanes, steps, 2 * periods]."""
    number = position[:, None] + torch.arange(steps, device=position.device)
    angle = 2 * torch.pi * number[..., None] / torch.tensor(PERIODS, device=position.device)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def age(before: list[Tensor]) -> Tensor:
    """For how long each key has sounded, as a share of the steps in `before`.

    Args:
        before: the step before, the one before that, …: [lanes, steps, keys] each.
    """
    running = before[0]
    total = running.clone()
    for earlier in before[1:]:
        running = running * earlier
        total += running
    return total / len(before)
