"""Draws the keys of a step from probabilities: for each hand as in the report, or key by key.

Randomness comes in as a generator; with `argmax` none is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np

from envs.datasets.midi import MIDDLE_C
from envs.datasets.rolls import KEYS

Mode = Literal["sample", "argmax", "nucleus", "epsilon"]


@dataclass(frozen=True)
class Draw:
    """How keys are chosen (REPORTS, U3).

    Attributes:
        mode: "sample" draws, "argmax" takes the most likely, "nucleus" draws among the likeliest
            that together have `top_p`, "epsilon" draws, but keys below `epsilon` do not begin
            (Hewitt, Manning and Liang, Truncation sampling, 2022), others begin `onsets` times as
            often, and none sounds for more than `longest` steps.
        temperature: > 0; the logits are divided by it; below 1, likely keys become more likely.
        top_p: of the nucleus, in (0, 1].
        a_right, a_left: >= 0, decay rate of the correction per step that a note has sounded.
        b: >= 0, how much a note that just began is favoured when sampling.
        epsilon: in [0, 1).
        onsets: > 0, a factor on the probability that a key begins to sound.
        longest: >= 1, in steps.
    """

    mode: Mode = "sample"
    temperature: float = 1.0
    top_p: float = 0.9
    a_right: float = 0.25
    a_left: float = 0.1
    b: float = 1.0
    epsilon: float = 0.01
    onsets: float = 1.3
    longest: int = 8

    def factor(self, sounded: np.ndarray, a: np.ndarray | float) -> np.ndarray:
        """What the probability of each key is multiplied by; `a` is its decay rate."""
        if self.mode != "epsilon":
            return correction(sounded, a, self.b, self.mode)
        return np.select([sounded == 0, sounded < self.longest], [self.onsets, 1.0])

    def least(self, sounded: np.ndarray) -> np.ndarray:
        """The probability below which each key stays silent."""
        return np.where(sounded == 0, self.epsilon, 0.0) * (self.mode == "epsilon")


UNCORRECTED = Draw(a_right=0.0, a_left=0.0, b=0.0)
"""By the probabilities alone."""


def correction(sounded: np.ndarray, a: np.ndarray | float, b: float, mode: Mode) -> np.ndarray:
    """The report's factor for notes that have sounded in the last n steps without a break.

    1 + b·e^(-a·n) when sampling, e^(-a·n) for the most likely.

    Args:
        sounded: n of each key; 0 for keys silent in the last step, whose factor is 1.
        a, b: see `Draw`.
        mode: of the draw.
    """
    with np.errstate(over="ignore"):
        fading = np.exp(-a * sounded)
    factor: np.ndarray = np.where(sounded > 0, fading if mode == "argmax" else 1 + b * fading, 1.0)
    return factor


def draw_keys(
    logits: np.ndarray,
    count: float,
    sounded: np.ndarray,
    hand: int,
    how: Draw,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw as many keys of one hand as were predicted.

    Args:
        logits: [88] of each key's probability.
        count: predicted number of notes; rounded.
        sounded: [88] number of successive steps, up to the last, in which each key sounded.
        hand: 0 right, 1 left.
        how: see `Draw`.
        rng: draws.

    Returns:
        bool [88].
    """
    number = int(np.clip(np.rint(count), 0, len(logits)))
    keys = np.zeros(len(logits), dtype=bool)
    if not number:
        return keys
    with np.errstate(
        divide="ignore", over="ignore"
    ):  # in logarithms, so that no temperature makes all of them underflow to 0
        weight = np.log(how.factor(sounded, how.a_right if hand == 0 else how.a_left))
        chance = -np.logaddexp(0.0, -logits.astype(np.float64) / how.temperature)
        weight += chance
        weight[chance < np.log(how.least(sounded))] = -np.inf
    order = np.argsort(-weight, kind="stable")
    if how.mode == "argmax":
        keys[order[:number]] = True
        return keys
    if how.mode == "nucleus":
        share = np.exp(weight[order] - weight[order[0]])
        kept = order[: int(np.searchsorted(np.cumsum(share) / share.sum(), how.top_p)) + 1]
        weight = np.where(np.isin(np.arange(len(weight)), kept), weight, -np.inf)
        number = min(number, len(kept))
    perturbed = weight + rng.gumbel(size=len(weight))  # the largest are draws without replacement
    keys[np.argsort(-perturbed, kind="stable")[:number]] = True
    return keys & np.isfinite(weight) if how.mode == "epsilon" else keys


def slowness(how: Draw, keys: int) -> np.ndarray:
    """The decay rate a of each key of all hands in order: the left hand's below middle C."""
    return np.where(np.arange(keys) // max(1, keys // KEYS) < MIDDLE_C, how.a_left, how.a_right)


def draw_chord(
    features: np.ndarray,
    base: np.ndarray,
    weights: tuple[np.ndarray, ...],
    sounded: np.ndarray,
    how: Draw,
    rng: np.random.Generator,
    votes: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the keys of one step from the lowest up, each given those below it.

    For a single key, silence is nearly always the more likely outcome. Therefore `argmax` takes
    the likeliest keys, as many as the expected number of notes, and `nucleus` draws among the
    likeliest keys that together have the share `top_p` of that number.

    Args:
        features: float32 [channels, keys], base: float32 [keys]; see `ChordLstm.features`.
        weights: of the network above the features, see `generate.chord_weights`.
        sounded: [keys] number of successive steps, up to the last, in which each key sounded.
        how: see `Draw`.
        rng: one number is drawn for each key.
        votes: float32 [keys] of a model that recalls, see `plugins.music.networks.recall`.

    Returns:
        bool [keys].
    """
    factor, least = how.factor(sounded, slowness(how, len(base))), how.least(sounded)
    keys = len(base)
    recalled = np.zeros(keys, dtype=np.float32) if votes is None else votes
    inputs = features, base, recalled, *weights, factor, how.temperature
    uniform = rng.random(keys) if how.mode != "argmax" else np.zeros(keys)
    if how.mode in ("argmax", "nucleus"):
        likely = _chain(*inputs, least, uniform, True)
        order = np.argsort(-likely, kind="stable")
        number = int(np.rint(likely.sum()))
        if how.mode == "nucleus":
            number = int(np.searchsorted(np.cumsum(likely[order]), how.top_p * likely.sum())) + 1
        least[order[number:]] = np.inf
        if how.mode == "argmax":
            return least == 0
    chosen: np.ndarray = _chain(*inputs, least, uniform, False) > 0
    return chosen


@numba.njit(cache=True)  # type: ignore[misc]
def _chain(  # type: ignore[no-untyped-def]
    features,
    base,
    recalled,
    below,
    mix,
    mix_bias,
    read,
    read_bias,
    factor,
    temperature,
    least,
    uniform,
    soft,
):
    """Draw key by key from the lowest: 1 or 0; with `soft`, probabilities instead: float64 [keys].

    A key less likely than `least` is silent.

    With `soft`, each lower key enters by its probability: to first order, the results are the
    marginal probabilities of the keys.
    """
    channels, keys = features.shape
    reach = below.shape[2]
    amounts = np.zeros(keys)
    hidden = features.copy()  # the effect of each lower key is added once it is drawn
    active = np.empty(channels, dtype=np.float32)
    for key in range(keys):
        if least[key] > 1:
            continue
        for channel in range(channels):
            active[channel] = max(hidden[channel, key], np.float32(0))
        logit = base[key] + read_bias
        for channel in range(channels):
            total = mix_bias[channel]
            for other in range(channels):
                total += mix[channel, other] * active[other]
            if total > 0:
                logit += read[channel] * total
        rarity = 1.0 + np.exp(-logit / temperature)
        p = min(factor[key] / rarity, 1.0) if 1.0 / rarity >= least[key] else 0.0
        amounts[key] = p if soft else (1.0 if uniform[key] < p else 0.0)
        if amounts[key] > 0:
            for distance in range(1, min(reach, keys - 1 - key) + 1):
                for channel in range(channels):
                    effect = below[0, channel, reach - distance]
                    if len(below) > 1:
                        effect += recalled[key] * below[1, channel, reach - distance]
                    hidden[channel, key + distance] += np.float32(amounts[key]) * effect
    return amounts
