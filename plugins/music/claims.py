"""U1 to U4: the findings of Lab 04's report, on small models that learn for seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from plugins.music import trials
from plugins.music.config import MusicConfig
from plugins.music.trials import SHARING, SIZE, STEPS
from sandbox.reproduction.claim import Claim
from sandbox.reproduction.table import read_claims
from sandbox.text import number

WINDOWS = (16, 32, 64)
WINDOW = 32
"""The report's."""
SHIFTS = (-2, 3)
"""The report's transpositions, in semitones."""
CHORDS = "different chords"


def parameters() -> int:
    """Weights and biases of the model `two-hands`.

    Without the head that tells repeated from held notes, which the report does not have.
    """
    MusicConfig().check_available()
    from plugins.music.networks.making import make_model
    from sandbox.config.resolve import resolve

    return sum(
        weight.numel()
        for name, weight in make_model(resolve(MusicConfig, [], "music"), 0).named_parameters()
        if not name.startswith("strike.")
    )


def beats_of_a_window() -> float:
    """Length of a window of the default configuration."""
    return MusicConfig().window / MusicConfig().steps_per_beat


def more_windows(folder: Path | None) -> float:
    """Training windows with all transpositions, against windows without any."""
    return trials.augmented(folder, WINDOW, *SHIFTS)[1]


def shifts_that_stay(folder: Path | None) -> float:
    """Share of pairs of a piece and a transposition that stay on the piano."""
    return trials.augmented(folder, WINDOW, *SHIFTS)[0]


def nll(folder: Path | None, window: int, seed: int) -> float:
    """NLL per frame of a small model with windows of this length."""
    return trials.trial(folder, window, seed).nll


def frequencies_nll(folder: Path | None, seed: int) -> float:
    """NLL per frame of the key frequencies alone."""
    return trials.trial(folder, WINDOW, seed).frequencies_nll


def learned(folder: Path | None, seed: int) -> float:
    """By how much a small model's NLL is below that of the key frequencies."""
    return frequencies_nll(folder, seed) - nll(folder, WINDOW, seed)


def frozen(folder: Path | None, window: int, mode: str, seed: int) -> float:
    """Share of frozen steps."""
    return trials.trial(folder, window, seed).frozen[mode]


def frozen_less(folder: Path | None, mode: str, other: str, seed: int) -> float:
    """Difference of the shares of frozen steps of two modes."""
    return frozen(folder, WINDOW, mode, seed) - frozen(folder, WINDOW, other, seed)


def piece_frozen(folder: Path | None, seed: int) -> float:
    """Share of frozen steps of the piece that was continued."""
    return trials.trial(folder, WINDOW, seed).piece_frozen


def chords(folder: Path | None, mode: str, seed: int) -> float:
    """How many different chords were played."""
    return trials.trial(folder, WINDOW, seed).chords[mode]


def returned(folder: Path | None, seed: int) -> float:
    """Whether what was played came back from its file."""
    return float(trials.trial(folder, WINDOW, seed).returned)


MEASURES = (
    more_windows,
    shifts_that_stay,
    nll,
    frequencies_nll,
    learned,
    frozen,
    frozen_less,
    piece_frozen,
    chords,
    returned,
)
"""Measures that depend on the pieces: their first argument is the folder."""


def claims(data: Path | None) -> tuple[Claim, ...]:
    """The claims, on the pieces in this folder if it has any."""
    folder = trials.folder_in(data)
    where = (
        "Études that the program composes, of a seed for each training: there is no piano-midi-de "
        "in the data folder (--data, SANDBOX_DATA)."
        if folder is None
        else "The pieces in piano-midi-de in the data folder, split by a seed for each training."
    )
    trained = (
        f"A model of one LSTM layer of {SIZE.hidden} units with the report's heads and loss, "
        f"{number(SIZE.frames)} steps learned from. "
        f"{SHARING} runs share a training; each has its own quarter of the test pieces. {where}"
    )
    bound = {measure.__name__: partial(measure, folder) for measure in MEASURES}
    return read_claims("plugins.music", globals() | bound, where=where, trained=trained)


def notes(claim: str, estimates: Mapping[str, float]) -> list[str]:
    """Paragraphs for a claim; `estimates` by part, those left out are missing."""
    return list(
        {"U1": _about_windows, "U3": _about_chords}.get(claim, lambda _: iter(()))(estimates)
    )


def _about_windows(estimates: Mapping[str, float]) -> Iterator[str]:
    medians = [estimates.get(f"NLL with windows of {window} steps") for window in WINDOWS]
    if None not in medians:
        named = ", ".join(f"{value:.2f}" for value in medians)
        yield (
            f"Windows of {', '.join(map(str, WINDOWS))} steps: a median NLL of {named}, each with "
            f"as many updates of {trials.UPDATE} steps. The state "
            "is carried from window to window, so a short one loses only gradients; in exchange an "
            "update sees more pieces side by side."
        )


def _about_chords(estimates: Mapping[str, float]) -> Iterator[str]:
    corrected, sampled = (
        estimates.get(f"{CHORDS}, {mode}") for mode in ("argmax, corrected", "sample")
    )
    if corrected is not None and sampled is not None:
        yield (
            "Not frozen is not yet music: corrected argmax goes to and fro between few chords "
            f"(median {corrected:.0f} different ones in {STEPS} "
            f"steps), and sampling hardly plays any twice ({sampled:.0f}). What these models learn "
            "in seconds shows how they freeze, no more."
        )
