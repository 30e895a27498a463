"""U1 to U4: what Lab 04's report found, on small models that learn for seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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


def more_windows() -> float:
    """Training windows with all transpositions, against windows without any."""
    return trials.augmented(WINDOW, *SHIFTS)[1]


def shifts_that_stay() -> float:
    """Share of pairs of a piece and a transposition that stay on the piano."""
    return trials.augmented(WINDOW, *SHIFTS)[0]


def nll(window: int, seed: int) -> float:
    """NLL per frame of a small model with windows of this length."""
    return trials.trial(window, seed).nll


def frequencies_nll(seed: int) -> float:
    """NLL per frame of the key frequencies alone."""
    return trials.trial(WINDOW, seed).frequencies_nll


def learned(seed: int) -> float:
    """By how much a small model's NLL is below that of the key frequencies."""
    return frequencies_nll(seed) - nll(WINDOW, seed)


def frozen(window: int, mode: str, seed: int) -> float:
    """Share of frozen steps."""
    return trials.trial(window, seed).frozen[mode]


def frozen_less(mode: str, other: str, seed: int) -> float:
    """Difference of the shares of frozen steps of two modes."""
    return frozen(WINDOW, mode, seed) - frozen(WINDOW, other, seed)


def piece_frozen(seed: int) -> float:
    """Share of frozen steps of the piece that was continued."""
    return trials.trial(WINDOW, seed).piece_frozen


def chords(mode: str, seed: int) -> float:
    """How many different chords were played."""
    return trials.trial(WINDOW, seed).chords[mode]


def returned(seed: int) -> float:
    """Whether what was played came back from its file."""
    return float(trials.trial(WINDOW, seed).returned)


def _claims() -> tuple[Claim, ...]:
    where = (
        "The pieces in piano-midi-de in the data folder (SANDBOX_DATA), split by a seed for each "
        "training."
    )
    if trials.folder() is None:
        where = (
            "Études that the program composes, of a seed for each training: SANDBOX_DATA leads to "
            "no piano-midi-de."
        )
    trained = (
        f"A model of one LSTM layer of {SIZE.hidden} units with the report's heads and loss, "
        f"{number(SIZE.frames)} steps learned from. "
        f"{SHARING} runs share a training; each has its own quarter of the test pieces. {where}"
    )
    return read_claims("plugins.music", globals(), where=where, trained=trained)


CLAIMS = _claims()


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
