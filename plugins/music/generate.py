"""Continue a piece: the model reads the seed, then feeds on its own output.

The same model, seed and options give the same piece. The result begins with the unchanged
seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from envs.datasets.rolls import SILENT, STRUCK, held_from_sounding
from plugins.music.networks.chords import ChordLstm
from plugins.music.networks.drawing import UNCORRECTED, Draw, draw_chord, draw_keys
from plugins.music.networks.models import MusicModel, State
from plugins.music.networks.recall import Memory


def default_draw(model: MusicModel) -> Draw:
    """Default options: the report's corrections for its models, none for `chord_lstm`.

    `chord_lstm` needs none, since its inputs say how long each key has sounded.
    """
    return UNCORRECTED if isinstance(model, ChordLstm) else Draw()


def continued(
    model: MusicModel,
    seed: np.ndarray,
    steps: int,
    how: Draw,
    rng: np.random.Generator,
    calibrated: bool = True,
) -> np.ndarray:
    """The seed and its continuation.

    Args:
        model: on any device; it is evaluated without dropout.
        seed: uint8 [seed steps, hands, 88], with as many hands as the model.
        steps: >= 1, how many to add.
        how: how keys are chosen.
        rng: draws.
        calibrated: whether probabilities are corrected for the weights of the report's loss; the
            report did not correct them.

    Returns:
        uint8 [seed steps + steps, hands, 88].
    """
    total = len(seed) + steps
    history, device = model.history, model.prior.device
    hands, piano = seed.shape[1:]
    sounds = np.zeros((history + total, hands + model.recalled, piano), dtype=np.float32)
    played = sounds[history:, :hands]
    played[: len(seed)] = seed != SILENT
    memory = Memory(sounds[history:], model.hearing) if model.recalled else None
    struck = np.zeros((total, hands, piano), dtype=bool)
    struck[: len(seed)] = seed == STRUCK
    sounded = _sounded(played[: len(seed)])
    training = model.training
    model.eval()
    with torch.no_grad():
        play = _Player(model, how, rng, calibrated)
        state = model.begin(1)
        if memory:
            memory.fill(len(seed))
        if len(seed) > 0:
            heard = torch.from_numpy(sounds[None, : history + len(seed)]).to(device)
            state = model.predict(
                heard, torch.zeros(1, dtype=torch.int64, device=device), state
            ).state
        for step in range(len(seed), total):
            if memory:
                memory.fill(step + 1)
            window = torch.from_numpy(sounds[None, step : step + history + 1]).to(device)
            keys, remembered, state = play(
                window, torch.tensor([step], device=device), state, sounded
            )
            played[step] = keys
            now = torch.from_numpy(played[None, None, step]).to(device)
            odds = model.strikes(remembered, now)[0, 0].cpu().numpy()
            again = (
                odds > 0
                if how.mode == "argmax"
                else rng.random(odds.shape) < 1 / (1 + np.exp(-odds.astype(np.float64)))
            )
            struck[step] = keys & again
            sounded = np.where(keys, sounded + 1, 0)
    model.train(training)
    return held_from_sounding(played > 0, struck)


def _sounded(sounds: np.ndarray) -> np.ndarray:
    """For how many steps up to the last each key has sounded: [hands, 88]."""
    unbroken: np.ndarray = np.cumprod(sounds[::-1] > 0, axis=0)  # 1 until the first silence
    return unbroken.sum(axis=0)


class _Player:
    """Chooses the keys of one step after another."""

    def __init__(
        self, model: MusicModel, how: Draw, rng: np.random.Generator, calibrated: bool
    ) -> None:
        self.model, self.how, self.rng = model, how, rng
        self.prior = model.prior.cpu().numpy() if calibrated else np.zeros(tuple(model.prior.shape))
        self.weights = chord_weights(model) if isinstance(model, ChordLstm) else ()

    def __call__(
        self, window: torch.Tensor, position: torch.Tensor, state: State, sounded: np.ndarray
    ) -> tuple[np.ndarray, torch.Tensor, State]:
        """Keys that sound, bool [hands, 88]; the LSTM's output, and its state after the step."""
        if isinstance(self.model, ChordLstm):
            features, base, remembered, state = self.model.features(window, position, state)
            numbers = features[0, 0].float().cpu().numpy(), base[0, 0].float().cpu().numpy()
            held = sounded.T.ravel()
            votes = (
                self.model.in_order(window)[0, -1, 1].cpu().numpy()
                if self.model.hearing.recall
                else None
            )
            keys = draw_chord(*numbers, self.weights, held, self.how, self.rng, votes)
            return keys.reshape(sounded.T.shape).T, remembered, state
        remembered, state = self.model.remember(window[:, :-1].flatten(2), state)
        logits, counts = self.model.heads(remembered)  # type: ignore[operator]
        odds, numbers = logits[0, 0].float().cpu().numpy() + self.prior, counts[0, 0].tolist()
        chosen = [
            draw_keys(odds[hand], numbers[hand], sounded[hand], hand, self.how, self.rng)
            for hand in range(self.model.hands)
        ]
        return np.stack(chosen), remembered, state


def chord_weights(model: ChordLstm) -> tuple[np.ndarray, ...]:
    """The weights that `drawing.draw_chord` takes: contiguous float32 arrays."""
    weights: list[Any] = [
        model.below.weight.transpose(0, 1),
        model.mix.weight[:, :, 0],
        model.mix.bias,
        model.read.weight[0, :, 0],
    ]
    bias: Any = model.read.bias
    arrays = (weight.detach().float().cpu().numpy() for weight in weights)
    return (*map(np.ascontiguousarray, arrays), np.float32(bias.item()))  # type: ignore[arg-type]
